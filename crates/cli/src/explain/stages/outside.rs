//! The stages that need no key: the header, the negotiation, and the unencrypted fields of the AP-REQ.

use super::check::{Check, Stage};
use crate::explain::Node;
use kerberos_sso::crypto::EncType;
use kerberos_sso::{
    Error, Policy,
    error::{BoundedText, KeyRole, ServiceClaim},
    negotiate::{TokenInfo, TokenShape},
    stages::KeyQuery,
    ticket::ApOptions,
};

pub(super) fn header(value: &[u8], policy: &Policy) -> Stage {
    let limit = policy.max_token_size();
    let size = format!("{} bytes; at most {limit} when decoded", value.len());
    let checks = vec![
        Check::new("Scheme Negotiate, then a token in base64", "", |error| matches!(error, Error::NotNegotiate(_))),
        Check::new("Size", size, |error| matches!(error, Error::TooLarge { .. })),
    ];
    Stage::new("Authorization header", Vec::new(), checks)
}

/// Returns the stages in which a token is read: its framing and its AP-REQ.
pub(super) fn token(token: &[u8], info: &TokenInfo<'_>, policy: &Policy) -> Vec<Stage> {
    let framing = match info.shape() {
        TokenShape::NegTokenInit | TokenShape::NegTokenResp => spnego(token, info, policy),
        _ => Stage::new("Token", Vec::new(), framing_checks(token, info, policy)),
    };
    vec![framing, ap_req(info, policy)]
}

fn spnego(token: &[u8], info: &TokenInfo<'_>, policy: &Policy) -> Stage {
    let offered = info.mechanisms().map(|mechanism| Node::fact("Offers", mechanism));
    let inner = info.inner().map_or_else(|| "none".into(), |inner| inner.to_string());
    let facts = offered.chain([Node::fact("Token inside", inner)]).collect();
    Stage::new("SPNEGO", facts, framing_checks(token, info, policy))
}

fn framing_checks(token: &[u8], info: &TokenInfo<'_>, policy: &Policy) -> Vec<Check> {
    let size = format!("{} bytes; at most {}", token.len(), policy.max_token_size());
    let shape = info.shape();
    // If the AP-REQ cannot be read, only this check finds malformed tokens and user-to-user requests.
    let fails_with = if info.key_query().is_some() { is_of_framing } else { is_of_framing_or_message };
    vec![
        Check::new("Size", size, |error| matches!(error, Error::TooLarge { .. })),
        Check::new("Kerberos token in a known framing", shape, fails_with),
    ]
}

fn is_of_framing(error: &Error) -> bool {
    let of_mechanism = matches!(
        error,
        Error::Ntlm { .. } | Error::NegoEx { .. } | Error::Iakerb | Error::NoKerberos { .. } | Error::NoToken
    );
    of_mechanism || matches!(error, Error::Malformed(_))
}

fn is_of_framing_or_message(error: &Error) -> bool {
    is_of_framing(error) || matches!(error, Error::UserToUser)
}

fn ap_req(info: &TokenInfo<'_>, policy: &Policy) -> Stage {
    let Some(query) = info.key_query() else { return Stage::new(AP_REQ, Vec::new(), Vec::new()) };
    let own_key = |error: &Error| matches!(error, Error::UserToUser);
    let etype = |error: &Error| {
        let (Error::UnsupportedEtype { role, .. } | Error::Rc4Refused { role }) = error else { return false };
        *role == KeyRole::Ticket
    };
    let service = |error: &Error| matches!(error, Error::ServiceRefused { claim: ServiceClaim::Ticket, .. });
    let taken = format!("{}; accepted: {}", query.etype, etypes(policy.ticket_etypes()));
    let checks = vec![
        Check::new("Ticket is encrypted in the service's key", options(info), own_key),
        Check::new("Ticket's encryption type", taken, etype),
        Check::new("Service", services(&query, policy), service),
    ];
    Stage::new(AP_REQ, ap_req_facts(&query, info), checks)
}

fn ap_req_facts(query: &KeyQuery<'_>, info: &TokenInfo<'_>) -> Vec<Node> {
    let version = query.kvno.map_or_else(|| "not named".into(), |kvno| kvno.to_string());
    let authenticator = info.authenticator_etype().map(|etype| etype.to_string()).unwrap_or_default();
    vec![
        Node::fact("Realm", BoundedText::new(query.realm())),
        Node::fact("Service", query.service),
        Node::fact("Ticket's key", format!("{}, version {version}", query.etype)),
        Node::fact("Authenticator's key", authenticator),
    ]
}

fn options(info: &TokenInfo<'_>) -> &'static str {
    let mutual = info.ap_options().is_some_and(|options| options.contains(ApOptions::MUTUAL_REQUIRED));
    if mutual { "the client wants an AP-REP" } else { "" }
}

fn services(query: &KeyQuery<'_>, policy: &Policy) -> String {
    match policy.services() {
        None => format!("{}; every service is accepted", query.service),
        Some(services) => format!("{}; accepted: {}", query.service, services.collect::<Vec<_>>().join(", ")),
    }
}

pub(super) fn etypes(etypes: impl Iterator<Item = EncType>) -> String {
    etypes.map(|etype| etype.0.to_string()).collect::<Vec<_>>().join(", ")
}

pub(super) const AP_REQ: &str = "AP-REQ (not yet authenticated)";
