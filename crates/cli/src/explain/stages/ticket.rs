//! The stages of the opened ticket and of the authenticator (RFC 4120 section 3.2.3 and RFC 4121 section 4.1.1).

use super::check::{Check, Stage};
use crate::explain::Node;
use kerberos_sso::{
    Account, Error, Policy, UnixTime,
    error::{BoundedText, DelegationKind, Integrity, Part},
    stages::{OpenedTicket, VerifiedRequest},
    ticket::{AuthenticatorFacts, AuthorizationData, BindingState, GssFlags, TicketFacts, TicketFlags},
};

pub(super) fn ticket(opened: &OpenedTicket<'_>, policy: &Policy, now: UnixTime) -> Stage {
    let ticket = opened.ticket();
    let mut checks = time_checks(ticket, policy, now);
    checks.extend(name_checks(ticket, opened.opened_by().account()));
    checks.extend(restriction_checks(ticket));
    Stage::new(TICKET, facts(ticket), checks)
}

fn facts(ticket: TicketFacts<'_>) -> Vec<Node> {
    let renewable = ticket.renew_till().map_or_else(|| "no".into(), |instant| format!("until {instant}"));
    vec![
        Node::fact("Client", format!("{}@{}", ticket.client(), BoundedText::new(ticket.client_realm()))),
        Node::fact("Initial authentication", ticket.auth_time()),
        Node::fact("Renewable", renewable),
        Node::fact("Flags", ticket.flags().names().collect::<Vec<_>>().join(", ")),
    ]
}

fn time_checks(ticket: TicketFacts<'_>, policy: &Policy, now: UnixTime) -> Vec<Check> {
    let (start, end, skew) = (ticket.start_time(), ticket.end_time(), policy.clock_skew().as_secs());
    let most = policy
        .max_ticket_lifetime()
        .map_or_else(|| "every lifetime is accepted".into(), |most| format!("at most {} s + {skew} s", most.as_secs()));
    vec![
        Check::new("Validated, if the ticket is postdated", "", |error| matches!(error, Error::TicketInvalid)),
        Check::new("The ticket is already valid", format!("{start}; now {now}, ± {skew} s"), |error| {
            matches!(error, Error::TicketNotYetValid { .. })
        }),
        Check::new("The ticket has not expired", format!("{end}; now {now}, ± {skew} s"), |error| {
            matches!(error, Error::TicketExpired { .. })
        }),
        Check::new("Lifetime", format!("{} s; {most}", end.seconds_since(start)), |error| {
            matches!(error, Error::TicketLifetime { .. })
        }),
    ]
}

fn name_checks(ticket: TicketFacts<'_>, account: &Account) -> Vec<Check> {
    let realms: Vec<_> = [account.realm()].into_iter().chain(account.client_realms()).map(excerpt).collect();
    let vouched = format!("{}; the account allows {}", excerpt(ticket.client_realm()), realms.join(", "));
    vec![
        Check::new("Client's name is a user's name", ticket.client(), |error| {
            matches!(error, Error::NameRefused { .. })
        }),
        Check::new("Client's realm", vouched, |error| matches!(error, Error::UntrustedRealm { .. })),
        Check::new("Authentication path", path(ticket), |error| matches!(error, Error::Transited(_))),
    ]
}

fn path(ticket: TicketFacts<'_>) -> &'static str {
    match (ticket.transited().is_empty(), ticket.flags().contains(TicketFlags::TRANSITED_POLICY_CHECKED)) {
        (true, _) => "no other realms",
        (false, true) => "other realms, which the KDC has checked",
        (false, false) => "other realms, which the KDC has not checked",
    }
}

fn restriction_checks(ticket: TicketFacts<'_>) -> Vec<Check> {
    let bound = if ticket.addresses().is_empty() { "the ticket names none" } else { "the ticket names some" };
    let fails_with =
        if is_readable(ticket.authorization_data(), DEPTH) { is_of_ticket } else { is_of_ticket_or_malformed };
    vec![
        Check::new("Addresses", bound, |error| matches!(error, Error::AddressMismatch(_))),
        Check::new("Delegation", "", |error| {
            matches!(error, Error::Delegation(DelegationKind::Forwarded | DelegationKind::Proxy))
        }),
        Check::new("Authorization data is understood", "", fails_with),
    ]
}

fn is_of_ticket(error: &Error) -> bool {
    matches!(error, Error::AuthorizationData { part: Part::Ticket, .. })
}

fn is_of_ticket_or_malformed(error: &Error) -> bool {
    is_of_ticket(error) || matches!(error, Error::Malformed(_))
}

/// Returns whether every AD-IF-RELEVANT container in `data` can be read.
fn is_readable(data: AuthorizationData<'_>, depth: usize) -> bool {
    data.iter().filter(|element| element.ad_type == kerberos_sso::ticket::AdType::IF_RELEVANT).all(|element| {
        let rest = depth.checked_sub(1);
        rest.zip(element.contained()).is_some_and(|(rest, contained)| is_readable(contained, rest))
    })
}

pub(super) fn authenticator(verified: Option<&VerifiedRequest>, policy: &Policy, now: UnixTime) -> Stage {
    let client = verified.map(VerifiedRequest::authenticator);
    let mut checks = client_checks(client, policy, now);
    checks.extend(channel_checks(verified));
    Stage::new(AUTHENTICATOR, client.map(client_facts).unwrap_or_default(), checks)
}

fn client_facts(client: AuthenticatorFacts<'_>) -> Vec<Node> {
    let subkey = client.subkey_etype().map_or_else(|| "none".into(), |etype| etype.to_string());
    let flags = client.gss_flags().map_or_else(|| "not sent".into(), flags);
    let asked_for =
        client.client_target().map_or_else(|| "not sent".into(), |target| excerpt(&target.text().decoded()));
    vec![Node::fact("Service asked for", asked_for), Node::fact("Subkey", subkey), Node::fact("Context flags", flags)]
}

fn client_checks(client: Option<AuthenticatorFacts<'_>>, policy: &Policy, now: UnixTime) -> Vec<Check> {
    let time = client.map(|client| format!("{}; now {now}, ± {} s", client.time(), policy.clock_skew().as_secs()));
    vec![
        Check::new("The session key decrypts the authenticator", "", |error| {
            matches!(error, Error::Integrity(Integrity::Authenticator))
        }),
        Check::new("Contents", "", |error| matches!(error, Error::Malformed(_))),
        Check::new("Client is the client of the ticket", "", |error| matches!(error, Error::ClientMismatch(_))),
        Check::new("Client's clock", time.unwrap_or_default(), |error| matches!(error, Error::ClockSkew { .. })),
        Check::new("Encryption type of the subkey", "", |error| {
            matches!(error, Error::UnsupportedEtype { .. } | Error::Rc4Refused { .. })
        }),
    ]
}

fn channel_checks(verified: Option<&VerifiedRequest>) -> Vec<Check> {
    vec![
        Check::new("Checksum", "", |error| matches!(error, Error::Checksum(_))),
        Check::new("Authorization data is understood", "", |error| matches!(error, Error::AuthorizationData { .. })),
        Check::new("Service asked for is a service of this server", "", |error| {
            matches!(error, Error::ServiceRefused { .. })
        }),
        bindings_check(verified.map(VerifiedRequest::channel_bindings)),
        Check::new("MIC over the MechTypeList", "", |error| matches!(error, Error::Negotiation(_))),
    ]
}

fn bindings_check(state: Option<BindingState>) -> Check {
    let check = |value| {
        Check::new("Channel bindings", value, |error| {
            matches!(error, Error::ChannelBinding | Error::ChannelBindingMissing(_) | Error::Misuse(_))
        })
    };
    match state {
        None => check(""),
        Some(BindingState::Matched) => check("match this connection"),
        Some(BindingState::Absent) => check("the client sent none").skipped(),
        Some(_) => check("not compared: this server has none").skipped(),
    }
}

fn flags(flags: GssFlags) -> String {
    let set: Vec<_> = FLAGS.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect();
    if set.is_empty() { "none".into() } else { set.join(", ") }
}

fn excerpt(text: &str) -> String {
    BoundedText::new(text).to_string()
}

pub(super) const TICKET: &str = "Ticket";
pub(super) const AUTHENTICATOR: &str = "Authenticator";

const FLAGS: [(GssFlags, &str); 9] = [
    (GssFlags::DELEGATE, "delegate"),
    (GssFlags::MUTUAL, "mutual"),
    (GssFlags::REPLAY, "replay"),
    (GssFlags::SEQUENCE, "sequence"),
    (GssFlags::CONFIDENTIALITY, "confidentiality"),
    (GssFlags::INTEGRITY, "integrity"),
    (GssFlags::DCE_STYLE, "DCE style"),
    (GssFlags::IDENTIFY, "identify"),
    (GssFlags::EXTENDED_ERROR, "extended error"),
];

const DEPTH: usize = kerberos_sso::limits::MAX_AUTH_DATA_DEPTH;
