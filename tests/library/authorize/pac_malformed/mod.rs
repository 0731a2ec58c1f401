//! Tests of PACs with one fault each. The tests sign each PAC after the fault was made, so that no other check refuses
//! the PAC.
#![allow(clippy::print_stdout)]

mod logon_info;
use crate::pac_support;
mod plain;
mod signatures;
mod table;

use kerberos_sso::pac::{BufferType, Pac, VerifiedPac};
use kerberos_sso::testing::{LogonInfoParts, NdrBytes, PacBuffers};
use kerberos_sso::{
    Error,
    error::{PacMalformed, PacProblem, PacSignature, SignatureCause},
};
use pac_support::alice::{alice, pac_of, upn_dns_info};
use pac_support::{checksummer, client_info, file_time, server_key, sid, sign, utf16, verify};

const AUTH_TIME: i64 = 1_795_248_000;

fn good() -> PacBuffers {
    pac_of("alice", AUTH_TIME, &alice())
}

/// Returns the field and the problem for which the signed PAC is refused.
#[track_caller]
fn problem(buffers: &PacBuffers) -> (&'static str, PacProblem) {
    seen(&buffers.signed(&server_key()))
}

#[track_caller]
fn seen(pac: &[u8]) -> (&'static str, PacProblem) {
    match verify(pac).expect_err("the PAC is refused") {
        Error::PacMalformed(PacMalformed { what, at, problem, .. }) => {
            assert!(at <= pac.len(), "{what} at {at}");
            println!("pac-malformed  {what}: {problem}");
            (what, problem)
        }
        other => panic!("{} ({other})", other.code()),
    }
}

#[test]
fn unchanged_pac_is_accepted_with_all_its_fields() {
    let pac = good().signed(&server_key());
    let verified = verify(&pac).unwrap();
    let logon = verified.logon_info().unwrap();
    assert_eq!(logon.user_sid(), sid("S-1-5-21-1-2-3-1103"));
    assert!(logon.effective_name() == *"alice" && logon.full_name() == *"Alice Anderson");
    assert_eq!(logon.groups().map(|group| group.sid.rid().unwrap()).collect::<Vec<_>>(), [513, 1104, 1105]);
    let extra: Vec<_> = logon.extra_sids().map(|group| group.sid.to_string()).collect();
    assert_eq!(extra, ["S-1-18-1", "S-1-5-21-4-5-6-1200"]);
    let resource: Vec<_> = logon.resource_groups().map(|group| group.sid.to_string()).collect();
    assert_eq!(resource, ["S-1-5-21-1-2-3-572", "S-1-5-21-1-2-3-1300"]);
    assert_eq!((logon.logon_count(), logon.bad_password_count()), (9, 2));
    assert_eq!(verified.requestor(), Some(logon.user_sid()));
    assert_eq!(verified.upn_dns_info().unwrap().unwrap().sid, Some(logon.user_sid()));
    assert_eq!(verified.attributes().unwrap().unwrap().bits(), 1);
}
