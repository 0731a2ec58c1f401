//! Tests that each recorded token has the expected verdict of its file: the code of a refusal, or each field of an
//! accepted request.

#![cfg(feature = "rc4")]
#![allow(clippy::print_stdout)]

use crate::recorded;

use kerberos_sso::pac::{Group, VerifiedPac, WideText};
use kerberos_sso::{
    Accepted, Error,
    ticket::{Framing, TicketFlags},
};
use recorded::{
    Case, Expect, ExpectedAuthenticator, ExpectedClient, ExpectedPac, ExpectedService, ExpectedTicket, Outcome,
    Recording,
};

#[test]
fn recorded_tokens_have_the_verdicts_of_their_files() {
    let recordings = recorded::load_all().unwrap();
    let failures: Vec<String> = recordings
        .iter()
        .flat_map(|recording| recording.cases.iter().map(move |case| (recording, case)))
        .filter_map(|(recording, case)| check(recording, case).err().map(|failure| format!("{}: {failure}", case.id)))
        .collect();
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

/// Without this test, recordings that lost all accepted cases or all refused cases would pass unnoticed.
#[test]
fn recordings_have_accepted_and_refused_cases() {
    let recordings = recorded::load_all().unwrap();
    let cases = || recordings.iter().flat_map(|recording| &recording.cases);
    let accepted = cases().filter(|case| matches!(case.outcome(), Outcome::Accept(_))).count();
    let codes: std::collections::BTreeSet<_> = cases().filter_map(code).collect();
    println!("{} tokens, {accepted} to be accepted, {} codes: {codes:?}", cases().count(), codes.len());
    assert!(accepted > 0 && !codes.is_empty());
}

#[test]
fn recording_with_an_unknown_or_missing_or_wrong_field_is_refused() {
    let good = r#"{"schema":"tokens-v1","source":{"made_by":"a","how":"b","recorded_on":"2026-01-01"},"count":1,
        "notes":{"Flag":{"kind":"k","text":"t","links":["https://example.com"]}},
        "keysets":{"k":[]},"krbtgt_keys":{},
        "cases":[{"id":"x","comment":"c","flags":["Flag"],"made_by":"m","form":"token","token":"YII=","keyset":"k",
        "policy":{"max_lifetime":null},"at":1,"result":"reject","code":"malformed"}]}"#;
    assert!(Recording::parse(good).is_ok());
    for (from, to) in [
        ("\"count\":1", "\"count\":2"),
        ("tokens-v1", "tokens-v2"),
        ("\"at\":1", "\"at\":1,\"extra\":1"),
        ("\"max_lifetime\":null", "\"max_lifetime\":null,\"extra\":1"),
        ("\"at\":1,", ""),
        ("\"reject\"", "\"accept\""),
        (",\"code\":\"malformed\"", ""),
        ("\"keyset\":\"k\"", "\"keyset\":\"l\""),
        ("[\"Flag\"]", "[\"Other\"]"),
        ("YII=", "YII"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(Recording::parse(&good.replace(from, to)).is_err(), "{from} → {to}");
    }
}

fn check(recording: &Recording, case: &Case) -> Result<(), String> {
    let validator = recording.validator(case)?;
    let verdict = case.judge(&validator, &case.bytes()?);
    match (case.outcome(), verdict) {
        (Outcome::Accept(expect), Ok(accepted)) => compare(expect, &accepted),
        (Outcome::Accept(_), Err(refused)) => Err(format!("refused: {}", told(refused.error()))),
        (Outcome::Reject(code), Err(refused)) if refused.code() == code => Ok(()),
        (Outcome::Reject(code), Err(refused)) => Err(format!("{code} was expected: {}", told(refused.error()))),
        (Outcome::Reject(code), Ok(accepted)) => Err(format!("{code} was expected: accepted {}", accepted.identity())),
    }
}

fn compare(expect: &Expect, accepted: &Accepted) -> Result<(), String> {
    let found = observed(accepted, expect);
    if found == *expect { Ok(()) } else { Err(format!("\n  expected {expect:?}\n  found    {found:?}")) }
}

/// Returns the facts of an accepted request as the recorded files have them. A fact that the crate does not report
/// comes from `expect`.
fn observed(accepted: &Accepted, expect: &Expect) -> Expect {
    let (ticket, authenticator) = (accepted.ticket(), accepted.authenticator());
    Expect {
        client: ExpectedClient {
            name: joined(ticket.client()),
            realm: ticket.client_realm().into(),
            name_type: ticket.client().name_type().0,
        },
        service: ExpectedService { name: joined(accepted.service()), realm: accepted.service_realm().into() },
        ticket: ExpectedTicket {
            etype: accepted.opened_by().etype().0,
            kvno: accepted.ticket_kvno(),
            session_etype: accepted.session_etype().0,
            auth_time: ticket.auth_time().seconds(),
            start_time: start_time(accepted, expect),
            end_time: ticket.end_time().seconds(),
            flags: ticket.flags().names().map(Into::into).collect(),
        },
        authenticator: ExpectedAuthenticator {
            time: authenticator.time().seconds(),
            usec: authenticator.time().micros(),
            subkey_etype: authenticator.subkey_etype().map(|etype| etype.0),
            sequence_number: authenticator.sequence_number(),
            gss_flags: authenticator.gss_flags().map(kerberos_sso::ticket::GssFlags::bits),
        },
        mutual: accepted.wants_mutual(),
        delegated: accepted.delegates(),
        mechanism: mechanism(accepted.framing()).into(),
        pac: accepted.pac().map(|pac| pac_fields(&pac)),
    }
}

/// Returns the start time as the files record it: `None` for a ticket without a starttime. For such a ticket, the crate
/// reports the authtime, and does not say that the starttime was absent.
fn start_time(accepted: &Accepted, expect: &Expect) -> Option<i64> {
    let ticket = accepted.ticket();
    let stands_in = expect.ticket.start_time.is_none() && ticket.start_time() == ticket.auth_time();
    (!stands_in).then(|| ticket.start_time().seconds())
}

/// Returns the fields of a PAC as the recorded files have them. The decoders that wrote the files omit empty names.
fn pac_fields(pac: &VerifiedPac<'_>) -> ExpectedPac {
    let text = |text: WideText<'_>| Some(text.decoded()).filter(|text| !text.is_empty());
    let sids = |groups: &mut dyn Iterator<Item = Group>| groups.map(|group| group.sid.to_string()).collect();
    let (logon, upn) = (pac.logon_info(), pac.upn_dns_info().unwrap());
    let logon = logon.as_ref();
    ExpectedPac {
        buffers: pac.buffer_types().map(|buffer_type| buffer_type.0).collect(),
        user_sid: logon.map(|logon| logon.user_sid().to_string()),
        account_name: logon.and_then(|logon| text(logon.effective_name())),
        full_name: logon.and_then(|logon| text(logon.full_name())),
        logon_domain: logon.and_then(|logon| text(logon.logon_domain_name())),
        logon_domain_sid: logon.map(|logon| logon.logon_domain_sid().to_string()),
        primary_group_sid: logon.map(|logon| logon.primary_group_sid().to_string()),
        group_sids: logon.map(|logon| sids(&mut logon.groups())).unwrap_or_default(),
        extra_sids: logon.map(|logon| sids(&mut logon.extra_sids())).unwrap_or_default(),
        resource_group_sids: logon.map(|logon| sids(&mut logon.resource_groups())).unwrap_or_default(),
        upn: upn.and_then(|info| text(info.upn)),
        dns_domain: upn.and_then(|info| text(info.dns_domain_name)),
        upn_flags: upn.map(|info| info.flags.bits()),
        requestor_sid: pac.requestor().map(|sid| sid.to_string()),
    }
}

fn code(case: &Case) -> Option<&str> {
    match case.outcome() {
        Outcome::Accept(_) => None,
        Outcome::Reject(code) => Some(code),
    }
}

fn joined(name: kerberos_sso::PrincipalName<'_>) -> String {
    name.components().collect::<Vec<_>>().join("/")
}

fn mechanism(framing: Framing) -> &'static str {
    match framing {
        Framing::Spnego => "spnego",
        Framing::Krb5 => "krb5",
        Framing::ApReq => "ap-req",
        _ => "unknown",
    }
}

fn told(error: &Error) -> String {
    format!("{} ({error})", error.code())
}

/// The KDC of MIT krb5 abbreviates the name of a realm that is below another realm in the list. The KDC does this
/// whether the path leads from the higher realm to the lower realm or from the lower realm to the higher realm.
#[test]
fn recorded_tickets_have_the_transited_realms_that_mit_krb5_writes() {
    let recordings = recorded::load_all().unwrap();
    let recording = recordings.iter().find(|recording| recording.name.contains("mit-transited")).unwrap();
    for (id, listed) in [
        ("mit-way-child-heimdal", ""),
        ("mit-way-grandchild-heimdal-listed", "CHILD.MIT.TEST"),
        ("mit-way-two-mit-listed", "NEAR.TEST,TOP.TEST"),
        ("mit-way-below-mit-listed", "TOP.TEST,SUB."),
        ("mit-way-above-mit-listed", "TOP.TEST,SUB."),
        ("mit-way-three-mit-listed", "NEAR.TEST,TOP.TEST,SUB."),
    ] {
        let case = recording.cases.iter().find(|case| case.id == id).unwrap();
        let accepted = case.judge(&recording.validator(case).unwrap(), &case.bytes().unwrap()).unwrap();
        assert_eq!(accepted.ticket().transited(), listed.as_bytes(), "{id}");
        let is_checked = accepted.ticket().flags().contains(TicketFlags::TRANSITED_POLICY_CHECKED);
        assert_eq!(is_checked, listed.is_empty(), "{id}");
    }
}
