//! Tests that `status` names each fault that a test makes in the model, and nothing else.

use super::{Model, World, arguments, security};
use crate::node::TenantHealth;
use crate::security_descriptor::tests::{descriptor, entry, sid};
use crate::status::finding::Severity;
use crate::status::{Report, status};

fn report(world: &World) -> Report {
    let line = arguments("status --node http://127.0.0.1:9100");
    let before = world.0.borrow().changes.len();
    let report = world.run(|tools| status(tools, &line)).ok().unwrap().unwrap();
    assert_eq!(world.0.borrow().changes.len(), before);
    report
}

fn healthy() -> World {
    let world = World::enabled(Some(24));
    {
        let mut model = world.0.borrow_mut();
        let recently = model.now.saturating_add_seconds(-3600);
        model.account.as_mut().unwrap().password_set = Some(recently);
    }
    world
}

/// Returns the codes of the warnings and faults that `status` finds after `plant` has changed the model.
fn codes(plant: impl FnOnce(&mut Model)) -> Vec<String> {
    let world = healthy();
    plant(&mut world.0.borrow_mut());
    world.0.borrow_mut().has_node = false;
    let found = report(&world).findings;
    found.into_iter().filter(|finding| finding.severity > Severity::Information).map(|finding| finding.code).collect()
}

fn account(plant: impl FnOnce(&mut crate::directory::Object)) -> Vec<String> {
    codes(|model| plant(model.account.as_mut().unwrap()))
}

#[test]
fn account_without_faults_has_no_finding() {
    let report = report(&healthy());
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["default-writer"]);
    assert!(report.is_fine());
    assert_eq!((report.facts.kvno, report.facts.keytab.as_slice()), (Some(4), &[4][..]));
    let value: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(value["controllers"][1]["kvno"], 4);
    assert!(report.to_string().ends_with("nothing is wrong"));
}

#[test]
fn status_names_each_fault_of_the_account() {
    assert_eq!(account(|account| account.control |= 0x2), ["disabled"]);
    assert_eq!(account(|account| account.control |= 0x8_0000), ["unconstrained-delegation"]);
    assert_eq!(account(|account| account.control |= 0x100_0000), ["protocol-transition"]);
    assert_eq!(account(|account| account.control |= 0x40_0000), ["no-preauthentication"]);
    assert_eq!(account(|account| account.control |= 0x20_0000), ["des-allowed"]);
    assert_eq!(account(|account| account.may_delegate_to.push("HTTP/web".into())), ["constrained-delegation"]);
    assert_eq!(account(|account| account.etypes = None), ["etypes-unset"]);
    assert_eq!(account(|account| account.etypes = Some(4)), ["no-aes", "rc4-allowed"]);
    assert_eq!(account(|account| account.etypes = Some(28)), ["rc4-allowed"]);
    assert_eq!(account(|account| account.etypes = Some(27)), ["des-allowed"]);
    assert_eq!(account(|account| drop(account.services.pop())), ["spn-missing"]);
    assert_eq!(account(|account| account.groups.push(sid("S-1-5-32-551"))), ["privileged-group"]);
    let old = kerberos_sso::testing::TestRealm::NOW.saturating_add_seconds(-31 * 24 * 3600);
    assert_eq!(account(|account| account.password_set = Some(old)), ["key-is-old"]);
    assert_eq!(account(|account| account.is_computer = false), ["no-computer"]);
    assert_eq!(codes(|model| model.account = None), ["account-missing"]);
}

#[test]
fn status_names_everyone_who_can_take_over_the_account() {
    let user = sid("S-1-5-21-1-2-3-1104");
    let full = entry(0, 0, 0x1000_0000, None, user);
    assert_eq!(account(|account| account.descriptor = security(std::slice::from_ref(&full))), ["foreign-writer"]);
    assert_eq!(account(|account| account.descriptor = descriptor(user, &[])), ["foreign-owner"]);
    assert_eq!(
        account(|account| account.may_act_for = Some(descriptor(user, std::slice::from_ref(&full)))),
        ["resource-delegation"]
    );
    let own = descriptor(user, &[entry(0, 0, 0xF_01FF, None, sid("S-1-5-21-1-2-3-1103"))]);
    assert_eq!(codes(|model| model.acting.push(("CN=WEB1".into(), own))), ["resource-delegation-of"]);
    assert_eq!(codes(|model| model.acting.push(("CN=WEB1".into(), descriptor(user, &[full])))), [""; 0]);
    assert_eq!(codes(|model| model.delegating.push("CN=WEB1".into())), ["delegation-to", "delegation-to"]);
    assert_eq!(codes(|model| model.holders.push("CN=WEB1".into())), ["spn-duplicate", "spn-duplicate"]);
}

#[test]
fn status_reports_faults_of_the_keytab_and_clocks_that_differ_and_an_open_journal() {
    assert_eq!(codes(|model| model.replace(Some("Newer"), None)), ["keytab-version", "node-key", "replication-lag"]);
    assert_eq!(codes(|model| drop(model.files.insert("sso.keytab".into(), vec![5, 3]))), ["keytab-broken"]);
    assert_eq!(codes(|model| model.states.last_mut().unwrap().password = "Another".into()), ["keytab-key"]);
    assert_eq!(codes(|model| model.kdc_difference = 3600).first().unwrap(), "clock");
    assert_eq!(codes(|model| model.clock_difference = -400), ["clock"]);
    let journal = r#"{"version":1,"command":"rollover","account":"A$","realm":"R","controller":"d","kvno":4,"etypes":null,"begun":0,"password":"x"}"#;
    assert_eq!(codes(|model| drop(model.files.insert("sso.keytab.journal".into(), journal.into()))), ["journal-open"]);
}

#[test]
fn status_names_counters_of_a_node_and_warns_only_of_rc4_clients() {
    let none = TenantHealth::default;
    let counted = |health: TenantHealth| {
        let world = healthy();
        world.0.borrow_mut().health = Some(health);
        let found = report(&world).findings.into_iter().find(|finding| finding.code != "default-writer").unwrap();
        (found.code, found.severity)
    };
    assert_eq!(counted(TenantHealth { rc4_sign_ins: 2, ..none() }), ("rc4-clients".into(), Severity::Warning));
    for (code, health) in [
        ("unknown-kvno", TenantHealth { unknown_kvno: 1, ..none() }),
        ("forged-kvno", TenantHealth { forged_kvno: 1, ..none() }),
        ("foreign-realm", TenantHealth { foreign_realm: 1, ..none() }),
        ("administrator-sign-in", TenantHealth { administrator_sign_ins: 1, ..none() }),
    ] {
        assert_eq!(counted(health), (code.into(), Severity::Information));
    }
}

#[test]
fn warnings_of_a_node_are_findings_under_their_own_codes() {
    let warn = |tenant: &str, code: &str| {
        let warning = crate::node::Warning {
            tenant: tenant.into(),
            code: code.into(),
            text: String::new(),
            remedy: String::new(),
        };
        codes(|model| {
            model.health = Some(TenantHealth { tenant: "contoso.test".into(), ..TenantHealth::default() });
            model.warnings.push(warning);
        })
    };
    assert_eq!(warn("contoso.test", "no-aes-key"), ["no-aes-key"]);
    assert_eq!(warn("contoso.test", "forged-kvno"), ["forged-kvno"]);
    assert_eq!(warn("fabrikam.test", "no-aes-key"), [""; 0]);
}
