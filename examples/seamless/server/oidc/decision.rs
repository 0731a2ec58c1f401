//! The next step of a sign-in. It depends on the session, on the ticket and on the parameters of the authorization
//! request.
//!
//! The parameters apply to tickets as they apply to passwords:
//! - With `prompt=login`, the server accepts no ticket before the user has pressed a button.
//! - `max_age` limits the time since the user signed in to the KDC. A newer ticket does not change this time, so a user
//!   whose sign-in is too old enters a password.
//! - If `login_hint` names another user than the ticket, a page asks the user which account to use. Before the user
//!   answers, the application gets no code for a user whom it did not name.

use super::authorization_request::{AuthorizationRequest, Prompt};
use super::error::ErrorCode;
use kerberos_sso::UnixTime;

/// The demands of an authorization request that decide about the next step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) prompt: Prompt,
    pub(crate) max_age: Option<u32>,
    /// Whether the client or the resource demands a one-time code.
    pub(crate) proof: bool,
    /// Whether the client prefers a one-time code, for users who have the secret for it.
    pub(crate) prefers_proof: bool,
}

impl Demand {
    /// Returns the demand of a request. `proof` says whether the client's registration or the resource demands a
    /// one-time code.
    pub(crate) const fn of(request: &AuthorizationRequest, proof: bool) -> Self {
        Self { prompt: request.prompt, max_age: request.max_age, proof, prefers_proof: request.prefers_proof }
    }
}

/// The facts about the browser's session that decide about the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, and all combinations occur")]
pub(crate) struct Present {
    /// Whether the session began on the page of this request.
    pub(crate) began_here: bool,
    /// Whether the session's user is the user whom the request names. True if the request names nobody.
    pub(crate) is_meant: bool,
    /// The time at which the user signed in to the KDC.
    pub(crate) authenticated: UnixTime,
    pub(crate) by_ticket: bool,
    /// Whether the session began with a one-time code, or the user has entered one since.
    pub(crate) is_proved: bool,
    /// Whether the configuration demands a one-time code of every user or of this user.
    pub(crate) must_prove: bool,
    /// Whether the user has a secret for one-time codes.
    pub(crate) may_prove: bool,
}

/// The facts about the page of this request that decide about the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The time at which the application sent the user to this server.
    pub(crate) began: UnixTime,
    /// Whether the user has chosen the session's account on this page.
    pub(crate) has_chosen: bool,
    /// Whether the user may choose another account than the one that the request names. With `id_token_hint`, the user
    /// may not.
    pub(crate) may_be_another: bool,
    /// The widest use of a ticket that the page allows: [`TicketUse::ByButton`] if a ticket failed a short time ago,
    /// and [`TicketUse::No`] in a network without tickets.
    pub(crate) ticket: TicketUse,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The server sends the client a code for the session's user.
    Answer,
    /// The server sends the client an error.
    Refuse(ErrorCode),
    /// The user signs in.
    SignIn(TicketUse),
    /// The user chooses the session's account or another one.
    Choose,
    /// The page says that the session belongs to a user whom the application did not name.
    WrongUser,
    /// The user enters a one-time code.
    Prove,
    /// The page says that a one-time code is demanded, but that the user has no secret for codes.
    CannotProve,
}

/// How the sign-in page uses a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TicketUse {
    /// The page asks for a ticket in the background.
    InBackground,
    /// The page asks for a ticket after the user has pressed a button.
    ByButton,
    /// The page asks for no ticket: a ticket would not be enough, or tickets are not allowed.
    No,
}

/// Returns the next step of a request. `session` is the session of the browser, if the browser has one.
pub(crate) fn decide(demand: Demand, page: Page, session: Option<Present>) -> Next {
    match (demand.prompt, session) {
        (Prompt::None, session) => without_a_page(demand, page, session),
        (_, None) => Next::SignIn(first_use(demand, page)),
        (_, Some(session)) => with_session(demand, page, session),
    }
}

fn first_use(demand: Demand, page: Page) -> TicketUse {
    match page.ticket {
        TicketUse::InBackground if demand.prompt == Prompt::Login => TicketUse::ByButton,
        most => most,
    }
}

/// Decides on a request with `prompt=none`.
fn without_a_page(demand: Demand, page: Page, session: Option<Present>) -> Next {
    match session {
        None => Next::Refuse(ErrorCode::LoginRequired),
        Some(session) if !session.is_meant || is_too_old(demand, page, session) => {
            Next::Refuse(ErrorCode::LoginRequired)
        }
        Some(session) if lacks_proof(demand, session) => Next::Refuse(ErrorCode::InteractionRequired),
        Some(_) => Next::Answer,
    }
}

fn with_session(demand: Demand, page: Page, session: Present) -> Next {
    let is_new = session.began_here;
    if demand.prompt == Prompt::Login && !is_new {
        Next::SignIn(TicketUse::ByButton)
    } else if demand.prompt == Prompt::SelectAccount && !is_new && !page.has_chosen {
        Next::Choose
    } else if !is_taken(session, page) {
        Next::WrongUser
    } else if is_too_old(demand, page, session) {
        // If the user signed in on this page by a ticket, the next ticket would have the same sign-in time as this
        // ticket. If the session is older than the page, the user may have signed in to Windows again, and the ticket
        // may be newer.
        Next::SignIn(if is_new && session.by_ticket { TicketUse::No } else { first_use(demand, page) })
    } else if !lacks_proof(demand, session) {
        Next::Answer
    } else if session.may_prove {
        Next::Prove
    } else {
        Next::CannotProve
    }
}

/// Returns whether the request can use the session's account. The request must name this account, or the user must have
/// chosen it.
const fn is_taken(session: Present, page: Page) -> bool {
    session.is_meant || (page.has_chosen && page.may_be_another)
}

/// Returns whether the user signed in too long before the request. `max_age=0` asks for a new sign-in, as
/// `prompt=login` does (OpenID Connect Core 1.0 section 3.1.2.1).
fn is_too_old(demand: Demand, page: Page, session: Present) -> bool {
    let is_older = |max_age: u32| page.began.seconds_since(session.authenticated) > i64::from(max_age);
    let is_sign_in_wanted = demand.max_age == Some(0) && !session.began_here;
    is_sign_in_wanted || demand.max_age.is_some_and(is_older)
}

/// Returns whether a one-time code is demanded and the user has entered none. Each of these is a demand: the client or
/// the resource needs a code, the user needs a code, or the client prefers a code and the user has a secret.
fn lacks_proof(demand: Demand, session: Present) -> bool {
    let is_demanded = demand.proof || session.must_prove || (demand.prefers_proof && session.may_prove);
    is_demanded && !session.is_proved
}

#[cfg(test)]
mod tests {
    use super::*;
    use Next::*;
    use TicketUse::*;

    const BEGAN: UnixTime = UnixTime::from_seconds(10_000);

    /// A session that the user began with a ticket, before the server showed the page of this request. The user signed
    /// in to the KDC 600 seconds before the request.
    const OLD: Present = Present {
        began_here: false,
        is_meant: true,
        authenticated: UnixTime::from_seconds(9_400),
        by_ticket: true,
        is_proved: false,
        must_prove: false,
        may_prove: false,
    };

    /// A session that began on the page, by a ticket of the same age as in [`OLD`].
    const TICKET: Present = Present { began_here: true, ..OLD };

    /// A session that began on the page, by a password.
    const PASSWORD: Present =
        Present { began_here: true, by_ticket: false, authenticated: UnixTime::from_seconds(10_005), ..OLD };

    const fn demand(prompt: Prompt, max_age: Option<u32>) -> Demand {
        Demand { prompt, max_age, proof: false, prefers_proof: false }
    }

    fn next(demand: Demand, session: Option<Present>) -> Next {
        decide(demand, Page { began: BEGAN, has_chosen: false, may_be_another: true, ticket: InBackground }, session)
    }

    const LOGIN_REQUIRED: Next = Refuse(ErrorCode::LoginRequired);

    /// The table has one row for each pair of `prompt` and `max_age`. Its four columns are: no session, [`OLD`],
    /// [`TICKET`], [`PASSWORD`].
    #[test]
    fn next_step_depends_on_prompt_and_max_age_and_the_kind_of_session() {
        for (prompt, max_age, expected) in [
            (Prompt::Default, None, [SignIn(InBackground), Answer, Answer, Answer]),
            (Prompt::Default, Some(600), [SignIn(InBackground), Answer, Answer, Answer]),
            (Prompt::Default, Some(599), [SignIn(InBackground), SignIn(InBackground), SignIn(No), Answer]),
            (Prompt::Default, Some(0), [SignIn(InBackground), SignIn(InBackground), SignIn(No), Answer]),
            (Prompt::Login, None, [SignIn(ByButton), SignIn(ByButton), Answer, Answer]),
            (Prompt::Login, Some(600), [SignIn(ByButton), SignIn(ByButton), Answer, Answer]),
            (Prompt::Login, Some(599), [SignIn(ByButton), SignIn(ByButton), SignIn(No), Answer]),
            (Prompt::Login, Some(0), [SignIn(ByButton), SignIn(ByButton), SignIn(No), Answer]),
            (Prompt::SelectAccount, None, [SignIn(InBackground), Choose, Answer, Answer]),
            (Prompt::SelectAccount, Some(599), [SignIn(InBackground), Choose, SignIn(No), Answer]),
            (Prompt::None, None, [LOGIN_REQUIRED, Answer, Answer, Answer]),
            (Prompt::None, Some(600), [LOGIN_REQUIRED, Answer, Answer, Answer]),
            (Prompt::None, Some(599), [LOGIN_REQUIRED, LOGIN_REQUIRED, LOGIN_REQUIRED, Answer]),
            (Prompt::None, Some(0), [LOGIN_REQUIRED, LOGIN_REQUIRED, LOGIN_REQUIRED, Answer]),
        ] {
            let demand = demand(prompt, max_age);
            let found = [None, Some(OLD), Some(TICKET), Some(PASSWORD)].map(|session| next(demand, session));
            assert_eq!(found, expected, "{prompt:?} {max_age:?}");
        }
    }

    #[test]
    fn session_of_another_user_leads_to_a_question_but_to_an_error_if_prompt_is_none() {
        let other = |session: Present| Some(Present { is_meant: false, ..session });
        for (prompt, expected) in [
            (Prompt::Default, [WrongUser, WrongUser]),
            (Prompt::Login, [SignIn(ByButton), WrongUser]),
            (Prompt::SelectAccount, [Choose, WrongUser]),
            (Prompt::None, [LOGIN_REQUIRED, LOGIN_REQUIRED]),
        ] {
            let found = [OLD, TICKET].map(|session| next(demand(prompt, None), other(session)));
            assert_eq!(found, expected, "{prompt:?}");
        }
        let page = Page { began: BEGAN, has_chosen: true, may_be_another: true, ticket: InBackground };
        for prompt in [Prompt::Default, Prompt::SelectAccount] {
            assert_eq!(decide(demand(prompt, None), page, other(OLD)), Answer, "{prompt:?}");
        }
        assert_eq!(decide(demand(Prompt::Login, None), page, other(OLD)), SignIn(ByButton));
        let page = Page { may_be_another: false, ..page };
        for prompt in [Prompt::Default, Prompt::SelectAccount] {
            assert_eq!(decide(demand(prompt, None), page, other(OLD)), WrongUser, "{prompt:?}");
            assert_eq!(decide(demand(prompt, None), page, Some(OLD)), Answer, "{prompt:?}");
        }
    }

    #[test]
    fn sign_in_uses_a_ticket_only_as_far_as_the_page_allows() {
        for (prompt, most, expected) in [
            (Prompt::Default, ByButton, ByButton),
            (Prompt::Default, No, No),
            (Prompt::Login, ByButton, ByButton),
            (Prompt::Login, No, No),
        ] {
            let page = Page { began: BEGAN, has_chosen: false, may_be_another: true, ticket: most };
            assert_eq!(decide(demand(prompt, None), page, None), SignIn(expected), "{prompt:?} {most:?}");
        }
    }

    /// The table has one row for each combination of demands for a one-time code. The columns are: a user without a
    /// secret, a user with a secret, and a user who entered a code.
    #[test]
    fn one_time_code_is_also_demanded_of_a_session_that_began_before_the_page() {
        for (of_client, preferred, of_user, expected) in [
            (false, false, false, [Answer, Answer, Answer]),
            (false, true, false, [Answer, Prove, Answer]),
            (true, false, false, [CannotProve, Prove, Answer]),
            (true, true, false, [CannotProve, Prove, Answer]),
            (false, false, true, [CannotProve, Prove, Answer]),
            (false, true, true, [CannotProve, Prove, Answer]),
            (true, true, true, [CannotProve, Prove, Answer]),
        ] {
            for prompt in [Prompt::Default, Prompt::None] {
                let demand = Demand { proof: of_client, prefers_proof: preferred, ..demand(prompt, None) };
                let of = |may_prove, is_proved| Present { must_prove: of_user, may_prove, is_proved, ..OLD };
                let found = [of(false, false), of(true, false), of(true, true)].map(|one| next(demand, Some(one)));
                let without_a_page = |step| match step {
                    Prove | CannotProve => Refuse(ErrorCode::InteractionRequired),
                    other => other,
                };
                let expected = if prompt == Prompt::None { expected.map(without_a_page) } else { expected };
                assert_eq!(found, expected, "{of_client} {preferred} {of_user} {prompt:?}");
            }
        }
    }
}
