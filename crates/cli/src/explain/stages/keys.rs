//! The stages of the keys that were tried on the ticket, and of the opened ticket's contents.

use super::check::{Check, Stage};
use super::outside::etypes;
use crate::explain::{Mark, Node};
use kerberos_sso::{
    Account, Error, Policy, ServiceKey,
    error::{BoundedText, Integrity},
    stages::OpenedTicket,
    ticket::OpenedBy,
};

pub(super) fn stages(
    candidates: &[(&Account, &ServiceKey)],
    opened: Option<&OpenedTicket<'_>>,
    policy: &Policy,
) -> Vec<Stage> {
    let opened_by = opened.map(OpenedTicket::opened_by);
    let facts = candidates.iter().map(|(account, key)| candidate(account, key, opened_by)).collect();
    let count = match candidates.len() {
        0 => "no key of the ticket's realm and encryption type is valid now".into(),
        1 => "1 key of the ticket's realm and encryption type, best first".into(),
        count => format!("{count} keys of the ticket's realm and encryption type, best first"),
    };
    let checks = vec![
        Check::new("Candidate keys", count, |error| matches!(error, Error::NoKey(_))),
        Check::new("A key opens the ticket", "", |error| {
            matches!(error, Error::KeyVersion(_) | Error::Integrity(Integrity::Ticket { .. }))
        }),
    ];
    vec![Stage::new(KEY, facts, checks), contents(opened, policy)]
}

fn candidate(account: &Account, key: &ServiceKey, opened_by: Option<&OpenedBy>) -> Node {
    let is_it = opened_by
        .is_some_and(|by| (by.account().name(), by.etype(), by.kvno()) == (account.name(), key.etype(), key.kvno()));
    let version = key.kvno().map_or_else(|| "of unknown version".into(), |kvno| format!("version {kvno}"));
    let until = key.not_after().map(|instant| format!(", valid until {instant}")).unwrap_or_default();
    let mark = if is_it { Mark::Passed } else { Mark::Untold };
    let name = format!("{}@{}", BoundedText::new(account.name()), BoundedText::new(account.realm()));
    Node::new(mark, name, format!("{}, {version}{until}", key.etype()))
}

fn contents(opened: Option<&OpenedTicket<'_>>, policy: &Policy) -> Stage {
    let session = opened.map(|opened| opened.session_etype().to_string()).unwrap_or_default();
    let taken = format!("{session}; accepted: {}", etypes(policy.session_etypes()));
    let checks = vec![
        Check::new("Contents", "", |error| matches!(error, Error::Malformed(_))),
        Check::new("Encryption type of the session key", taken.trim_start_matches("; "), |error| {
            matches!(error, Error::UnsupportedEtype { .. } | Error::Rc4Refused { .. })
        }),
    ];
    Stage::new(OPENED, Vec::new(), checks)
}

pub(super) const KEY: &str = "Key";
pub(super) const OPENED: &str = "Ticket's contents";
