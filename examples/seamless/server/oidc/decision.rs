//! The next step of a sign-in: what a session, a ticket and the parameters of an authorization request lead to.
//!
//! The parameters act on tickets as on passwords:
//! - `prompt=login` takes no ticket before the user has pressed a button.
//! - `max_age` counts from the time at which the user signed in to the KDC. A newer ticket of the same sign-in is not
//!   newer, so the user then enters a password.
//! - A `login_hint` of another user leads to a question. Nobody becomes the user of a ticket that the application did not
//!   mean without an answer.

use super::authorization_request::{AuthorizationRequest, Prompt};
use super::error::ErrorCode;
use kerberos_sso::UnixTime;

/// What an authorization request demands, without what only the client needs to know.
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
    /// Returns the demand of a request. `proof` is the demand of the client's registration and of the resource.
    pub(crate) const fn of(request: &AuthorizationRequest, proof: bool) -> Self {
        Self { prompt: request.prompt, max_age: request.max_age, proof, prefers_proof: request.prefers_proof }
    }
}

/// What is known of the browser's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and all combinations occur")]
pub(crate) struct Present {
    /// Whether the session began on the page of this request.
    pub(crate) began_here: bool,
    /// Whether the session's user is the user whom the request means, or the request means nobody.
    pub(crate) is_meant: bool,
    /// The time at which the user signed in to the KDC.
    pub(crate) authenticated: UnixTime,
    pub(crate) by_ticket: bool,
    /// Whether the user entered a one-time code after the session's sign-in.
    pub(crate) is_proved: bool,
    /// Whether the tenant or the user demands a one-time code.
    pub(crate) must_prove: bool,
    /// Whether the user has a secret for one-time codes.
    pub(crate) may_prove: bool,
}

/// What is known of the page of this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The time at which the application sent the user.
    pub(crate) began: UnixTime,
    /// Whether the user has chosen the session's account on this page.
    pub(crate) has_chosen: bool,
    /// Whether the user may choose another account than the one that the request means. An ID token names the only account.
    pub(crate) may_be_another: bool,
    /// How a ticket may be used at most: only by a button after a try that failed a short time ago, and not at all in a
    /// network without tickets.
    pub(crate) ticket: TicketUse,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The client gets a code for the session's user.
    Answer,
    /// The client gets an error.
    Refuse(ErrorCode),
    /// The user signs in.
    SignIn(TicketUse),
    /// The user chooses the session's account or another one.
    Choose,
    /// The user reads that the session is not of the user whom the application means.
    WrongUser,
    /// The user enters a one-time code.
    Prove,
    /// The user reads that a one-time code is demanded, for which nothing is set up.
    CannotProve,
}

/// How the sign-in page uses a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TicketUse {
    /// The page asks for a ticket in the background.
    InBackground,
    /// The page asks for a ticket after the user has pressed a button.
    ByButton,
    /// The page asks for no ticket, because a ticket would not be enough.
    No,
}

/// Returns the next step of a request. `session` is the session of the browser, if it has one.
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
        // The ticket of this page is as old as the session. A ticket of a new sign-in to Windows may be newer than an old
        // session.
        Next::SignIn(if is_new && session.by_ticket { TicketUse::No } else { first_use(demand, page) })
    } else if !lacks_proof(demand, session) {
        Next::Answer
    } else if session.may_prove {
        Next::Prove
    } else {
        Next::CannotProve
    }
}

/// Returns whether the request takes the session's account: the one that it means, or another one that the user has chosen.
const fn is_taken(session: Present, page: Page) -> bool {
    session.is_meant || (page.has_chosen && page.may_be_another)
}

/// Returns whether the user signed in too long before the request. OpenID Connect Core 1.0 section 3.1.2.1: `max_age=0` asks
/// for a new sign-in, as `prompt=login` does.
fn is_too_old(demand: Demand, page: Page, session: Present) -> bool {
    let is_older = |max_age: u32| page.began.seconds_since(session.authenticated) > i64::from(max_age);
    let is_sign_in_wanted = demand.max_age == Some(0) && !session.began_here;
    is_sign_in_wanted || demand.max_age.is_some_and(is_older)
}

/// Returns whether the session has no one-time code but somebody demands it. The strictest demand counts.
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

    /// A session that began before the page, by a ticket of a user who signed in to the KDC 600 seconds before the request.
    const OLD: Present = Present {
        began_here: false,
        is_meant: true,
        authenticated: UnixTime::from_seconds(9_400),
        by_ticket: true,
        is_proved: false,
        must_prove: false,
        may_prove: false,
    };

    /// A session that began on the page, by such a ticket.
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

    /// One row for each `prompt` and `max_age`. The columns are: no session, a session from before, and a session that
    /// began on the page by ticket and by password.
    #[test]
    fn prompt_and_max_age_decide_for_each_kind_of_session() {
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
    fn session_of_another_user_leads_to_a_question_and_without_a_page_to_an_error() {
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
    fn ticket_is_used_as_the_page_allows_at_most() {
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

    /// One row for each combination of the demands on a one-time code. The columns are a user without a secret, with one,
    /// and a user who entered a code.
    #[test]
    fn strictest_demand_on_a_one_time_code_counts_also_for_a_session_from_before() {
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
