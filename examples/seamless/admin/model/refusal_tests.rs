//! Tests what a command refuses before it changes anything, and what stops a command later.

use super::{DN, IN_UNIT, Kill, Model, World, arguments};
use crate::disable::disable;
use crate::enable::{Enabled, enable};
use crate::failure::{Failure, Refusal};
use crate::rollover::{RolledOver, rollover};
use crate::security_descriptor::SecurityDescriptor;
use crate::security_descriptor::tests::sid;

const ROLLOVER: &str = "rollover --node http://127.0.0.1:9100";

/// Returns the refusal of a command. Fails if the command changed anything.
fn refused(world: &World, line: &str) -> Refusal {
    let before = world.0.borrow().changes.len();
    let line = arguments(line);
    let failure = world
        .run(|tools| match line.command {
            crate::arguments::Command::Enable => enable(tools, &line).map(drop),
            crate::arguments::Command::Rollover => rollover(tools, &line).map(drop),
            _ => disable(tools, &line),
        })
        .ok()
        .unwrap();
    assert_eq!(world.0.borrow().changes.len(), before);
    match failure {
        Err(Failure::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn empty(change: impl FnOnce(&mut Model)) -> World {
    let world = World::empty();
    change(&mut world.0.borrow_mut());
    world
}

fn enabled(change: impl FnOnce(&mut Model)) -> World {
    let world = World::enabled(Some(24));
    change(&mut world.0.borrow_mut());
    world
}

#[test]
fn enable_whose_preconditions_fail_is_refused_before_any_change() {
    let holder = "CN=WEB1,DC=contoso,DC=test";
    let world = empty(|model| model.holders.push(holder.into()));
    let refusal = refused(&world, "enable");
    assert!(refusal.to_string().contains(holder), "{refusal}");
    let world = empty(|model| model.container.may_create_computers = false);
    assert!(matches!(refused(&world, "enable"), Refusal::MissingRight { .. }));
    for seconds in [301, -301] {
        let world = empty(|model| model.clock_difference = seconds);
        assert!(matches!(refused(&world, "enable"), Refusal::Clock { seconds: 301, .. }));
    }
    let world = enabled(|model| model.account.as_mut().unwrap().is_computer = false);
    assert!(matches!(refused(&world, "enable"), Refusal::NoComputer { .. }));
    let world = enabled(|model| (model.account, model.has_node) = (None, false));
    assert!(matches!(refused(&world, "enable"), Refusal::KnownElsewhere { .. }));
    let world = enabled(|model| model.account.as_mut().unwrap().services.clear());
    assert!(matches!(refused(&world, "enable"), Refusal::Unhealthy { .. }));
    let world = enabled(|model| {
        model.files.clear();
        model.has_node = false;
    });
    assert!(matches!(refused(&world, "enable"), Refusal::Unhealthy { .. }));
}

#[test]
fn container_that_cannot_be_protected_is_refused_before_any_change() {
    // A security descriptor without a DACL: the control flags are DACL_PRESENT and SELF_RELATIVE, and all offsets are
    // zero.
    let without_dacl = [&[1, 0, 4, 0x80][..], &[0; 16]].concat();
    for (descriptor, may_write_dacl, verb) in
        [(None, false, "add"), (Some(Vec::new()), true, "read"), (Some(without_dacl), true, "add")]
    {
        let world = empty(|model| {
            model.container.may_write_dacl = may_write_dacl;
            model.container.descriptor = descriptor.unwrap_or_else(|| model.container.descriptor.clone());
        });
        let refusal = refused(&world, IN_UNIT);
        assert!(matches!(refusal, Refusal::MissingRight { right, .. } if right.starts_with(verb)), "{refusal}");
        assert!(world.run(|tools| enable(tools, &arguments("enable"))).ok().unwrap().is_ok());
    }
}

#[test]
fn enable_does_not_write_the_dacl_of_a_container_that_is_protected() {
    let world = World::empty();
    world.run(|tools| enable(tools, &arguments(IN_UNIT))).ok().unwrap().unwrap();
    world.run(|tools| disable(tools, &arguments("disable --yes"))).ok().unwrap().unwrap();
    {
        let mut model = world.0.borrow_mut();
        assert!(SecurityDescriptor::parse(&model.container.descriptor).unwrap().protects_children());
        assert!(model.lines.iter().any(|line| line.contains("entry of its container stays")), "{:?}", model.lines);
        (model.changes, model.states) = (Vec::new(), Vec::new());
        model.container.may_write_dacl = false;
    }
    world.run(|tools| enable(tools, &arguments(IN_UNIT))).ok().unwrap().unwrap();
    let changes = world.0.borrow().changes.clone();
    let written: Vec<_> = changes.iter().filter(|change| change.starts_with("write_dacl")).collect();
    assert_eq!(written, [&format!("write_dacl {DN}")]);
}

#[test]
fn command_stops_and_leaves_the_journal_if_the_directory_loses_the_protection() {
    let world = empty(|model| model.loses_container = true);
    let failure = world.run(|tools| enable(tools, &arguments(IN_UNIT))).ok().unwrap().unwrap_err();
    assert!(matches!(&failure, Failure::Unprotected { dn } if dn.starts_with("CN=Computers")), "{failure}");
    assert!(world.has_journal());
    world.0.borrow_mut().loses_container = false;
    assert!(world.run(|tools| enable(tools, &arguments(IN_UNIT))).ok().unwrap().is_ok());
    assert!(!world.has_journal());
}

#[test]
fn rollover_whose_preconditions_fail_is_refused_before_any_change() {
    let world = enabled(|model| model.own_sids = vec![sid("S-1-5-21-1-2-3-1104")]);
    assert!(matches!(refused(&world, ROLLOVER), Refusal::MissingRight { .. }));
    let world = enabled(|model| model.account.as_mut().unwrap().control |= 2);
    assert!(matches!(refused(&world, ROLLOVER), Refusal::Disabled { .. }));
    let world = enabled(|model| model.holders.push("CN=WEB1".into()));
    assert!(matches!(refused(&world, ROLLOVER), Refusal::DuplicateService { .. }));
    assert!(matches!(refused(&World::empty(), ROLLOVER), Refusal::NoAccount { .. }));
    assert!(matches!(refused(&World::enabled(Some(4)), ROLLOVER), Refusal::NoAes { .. }));
    let world = World::enabled(Some(4));
    world.0.borrow_mut().account.as_mut().unwrap().writable.clear();
    assert!(matches!(refused(&world, &format!("{ROLLOVER} --etypes aes")), Refusal::MissingRight { .. }));
}

#[test]
fn domain_controller_that_is_not_the_pdc_emulator_is_refused_without_the_option_not_pdc() {
    let pdcs = [(Some("dc2.contoso.test"), "dc2.contoso.test"), (None, "names none")];
    for line in ["enable", ROLLOVER, "disable --yes"] {
        for (pdc, text) in pdcs {
            let change = |model: &mut Model| model.pdc = pdc.map(String::from);
            let world = if line == "enable" { empty(change) } else { enabled(change) };
            let refusal = refused(&world, line);
            assert!(matches!(refusal, Refusal::NotPdc { .. }) && refusal.to_string().contains(text), "{refusal}");
            let line = arguments(&format!("{line} --not-pdc"));
            let done = world.run(|tools| match line.command {
                crate::arguments::Command::Enable => enable(tools, &line).map(drop),
                crate::arguments::Command::Rollover => rollover(tools, &line).map(drop),
                _ => disable(tools, &line),
            });
            assert!(done.ok().unwrap().is_ok(), "{line:?}");
        }
    }
}

/// The second run of the rollover works at the first domain controller again. The second domain controller may lack the
/// changes of the first run.
#[test]
fn open_rollover_is_finished_at_its_domain_controller_after_the_pdc_role_moved() {
    let world = killed_after("write sso.keytab");
    world.0.borrow_mut().pdc = Some("dc2.contoso.test".into());
    let done = world.run(|tools| rollover(tools, &arguments(ROLLOVER))).ok().unwrap();
    assert_eq!(done.unwrap(), RolledOver::To(5));
}

#[test]
fn refusal_names_an_administrator_of_another_domain() {
    for line in ["enable", ROLLOVER, "disable --yes"] {
        let world = enabled(|model| model.foreign_administrator = Some("FABRIKAM\\administrator".into()));
        let refusal = refused(&world, line);
        assert!(matches!(refusal, Refusal::ForeignAdministrator { .. }), "{refusal}");
        assert!(refusal.to_string().contains("FABRIKAM\\administrator") && refusal.remedy().contains("--forest"));
    }
}

/// Makes the account without `--ou`. The account is not protected from deletion.
fn unprotected(change: impl FnOnce(&mut Model)) -> World {
    let world = World::empty();
    world.run(|tools| enable(tools, &arguments("enable"))).ok().unwrap().unwrap();
    change(&mut world.0.borrow_mut());
    world
}

#[test]
fn enable_with_ou_protects_an_account_that_exists() {
    let is_protected = |world: &World| {
        let model = world.0.borrow();
        let read = |octets: &[u8]| SecurityDescriptor::parse(octets).unwrap();
        let account = read(&model.account.as_ref().unwrap().descriptor).is_protected();
        (account, read(&model.container.descriptor).protects_children())
    };
    let run = |world: &World, line: &str| world.run(|tools| enable(tools, &arguments(line))).ok().unwrap().unwrap();
    let world = unprotected(|_| ());
    let keytab = world.keytab();
    assert!(matches!(run(&world, &format!("{IN_UNIT} --dry-run")), Enabled::Dry));
    assert_eq!(is_protected(&world), (false, false));
    assert!(matches!(run(&world, IN_UNIT), Enabled::Already));
    assert_eq!((is_protected(&world), world.keytab()), ((true, true), keytab));
    let changes = world.0.borrow().changes.len();
    assert!(matches!(run(&world, IN_UNIT), Enabled::Already));
    assert_eq!(world.0.borrow().changes.len(), changes);
}

#[test]
fn account_that_exists_elsewhere_or_cannot_be_protected_is_refused_before_any_change() {
    let moved = format!("CN=AZUREADSSOACC,OU=Services,{}", DN.split_once("Computers,").unwrap().1);
    let world = unprotected(|model| model.account.as_mut().unwrap().dn = moved);
    assert!(
        matches!(refused(&world, IN_UNIT), Refusal::Elsewhere { container, .. } if container.starts_with("CN=Comp"))
    );
    let world = unprotected(|model| model.container.may_write_dacl = false);
    assert!(matches!(refused(&world, IN_UNIT), Refusal::MissingRight { .. }));
}

#[test]
fn rollover_is_refused_while_a_domain_controller_lags_or_is_ahead() {
    let world = enabled(|model| {
        model.replace(Some("Newer"), None);
        model.has_node = false;
    });
    assert!(matches!(refused(&world, ROLLOVER), Refusal::Lagging { found: 4, kvno: 5, .. }));
    let world = enabled(|model| model.account.as_mut().unwrap().kvno = Some(3));
    assert!(matches!(refused(&world, ROLLOVER), Refusal::Lagging { found: 4, kvno: 3, .. }));
}

#[test]
fn kdc_whose_clock_is_wrong_is_refused_before_any_change() {
    for world in [empty(|model| model.kdc_difference = 3600), enabled(|model| model.kdc_difference = 3600)] {
        let line = if world.0.borrow().account.is_some() { ROLLOVER } else { "enable" };
        assert!(matches!(refused(&world, line), Refusal::Clock { seconds: 3600, .. }));
    }
}

#[test]
fn creation_that_the_directory_refuses_leaves_no_journal() {
    for code in [50, 68] {
        let world = empty(|model| model.refuses_creation = Some(code));
        let failure = world.run(|tools| enable(tools, &arguments("enable"))).ok().unwrap().unwrap_err();
        assert_eq!(matches!(failure, Failure::Refused(Refusal::DnTaken { .. })), code == 68, "{failure}");
        assert!(world.0.borrow().files.is_empty());
    }
}

/// Kills a rollover after the change `change`, and returns the world.
fn killed_after(change: &str) -> World {
    for call in 0.. {
        let world = World::enabled(Some(24));
        world.kill_at(Some(Kill { call, after: true }));
        assert!(world.run(|tools| rollover(tools, &arguments(ROLLOVER)).map(drop)).is_err());
        world.kill_at(None);
        if world.0.borrow().changes.last().is_some_and(|last| last.starts_with(change)) {
            return world;
        }
    }
    unreachable!()
}

#[test]
fn command_other_than_rollover_is_refused_while_a_rollover_is_open() {
    let world = killed_after("write sso.keytab");
    assert!(matches!(refused(&world, "enable"), Refusal::Open { .. }));
    let other = arguments("rollover --no-node --account OTHER");
    let failure = world.run(|tools| rollover(tools, &other)).ok().unwrap().unwrap_err();
    assert!(matches!(failure, Failure::Refused(Refusal::OtherJournal { .. })), "{failure}");
}

#[test]
fn password_that_somebody_else_set_stops_an_open_rollover() {
    let world = killed_after("write sso.keytab");
    world.0.borrow_mut().has_node = false;
    world.0.borrow_mut().replace(Some("Somebody's"), None);
    let failure = world.run(|tools| rollover(tools, &arguments(ROLLOVER))).ok().unwrap().unwrap_err();
    assert!(failure.remedy().contains("Delete the journal"), "{failure}: {}", failure.remedy());
    assert_eq!(world.0.borrow().states.last().unwrap().password, "Somebody's");
}

#[test]
fn node_that_does_not_load_the_key_stops_the_rollover_before_the_password_changes() {
    let world = enabled(|model| model.node_reads = false);
    let failure = world.run(|tools| rollover(tools, &arguments(ROLLOVER))).ok().unwrap().unwrap_err();
    assert!(matches!(failure, Failure::Node { kvno: 5, .. }), "{failure}");
    assert_eq!(world.0.borrow().states.len(), 1);
    assert!(world.has_journal());
    world.0.borrow_mut().node_reads = true;
    assert_eq!(world.run(|tools| rollover(tools, &arguments(ROLLOVER))).ok().unwrap().unwrap(), RolledOver::To(5));
    assert_eq!(world.0.borrow().lost, [""; 0]);
}

#[test]
fn error_names_a_domain_controller_that_never_replicates_and_both_keys_stay_in_the_keytab() {
    let world = enabled(|model| model.is_split = true);
    let failure = world.run(|tools| rollover(tools, &arguments(ROLLOVER))).ok().unwrap().unwrap_err();
    let Failure::Lagging { at, kvno: 4 } = failure else { panic!("{failure}") };
    assert_eq!(at, ["dc2.contoso.test:88"]);
    assert_eq!(world.keytab(), [4, 5]);
    world.0.borrow_mut().is_split = false;
    assert_eq!(world.run(|tools| rollover(tools, &arguments(ROLLOVER))).ok().unwrap().unwrap(), RolledOver::To(5));
    assert!(!world.has_journal());
}

#[test]
fn dry_run_changes_nothing_and_says_what_it_would_do() {
    let world = World::empty();
    let end = world.run(|tools| enable(tools, &arguments("enable --dry-run"))).ok().unwrap().unwrap();
    assert!(matches!(end, Enabled::Dry));
    let world_of_rollover = World::enabled(Some(24));
    let line = arguments(&format!("{ROLLOVER} --dry-run"));
    assert_eq!(world_of_rollover.run(|tools| rollover(tools, &line)).ok().unwrap().unwrap(), RolledOver::Dry);
    for world in [world, world_of_rollover] {
        let model = world.0.borrow();
        assert!(model.changes.is_empty());
        assert!(model.lines.iter().any(|line| line.starts_with("would write the journal")), "{:?}", model.lines);
    }
}

/// Reads the lines of the plan if `of_plan` is true, and otherwise the lines of the real run. For each line that
/// contains one of `words`, returns the position of this word in `words`.
fn order(world: &World, words: &[&str], of_plan: bool) -> Vec<usize> {
    let model = world.0.borrow();
    let lines = model.lines.iter().filter(|line| line.starts_with("would ") == of_plan);
    lines.filter_map(|line| words.iter().position(|word| line.contains(word))).collect()
}

#[test]
fn dry_run_lists_the_steps_in_the_order_of_the_real_run() {
    let enabling =
        ["the journal is written", "account is created", "ticket for each", "keytab is written", "protected"];
    let plan =
        ["write the journal", "create CN", "ticket for each", "write the keytab", "protect the", "write the tenant"];
    let line = format!("{IN_UNIT} --config seamless.json");
    let real = World::empty();
    real.run(|tools| enable(tools, &arguments(&line))).ok().unwrap().unwrap();
    let dry = World::empty();
    dry.run(|tools| enable(tools, &arguments(&format!("{line} --dry-run")))).ok().unwrap().unwrap();
    let end = ["the tenant is in", "the journal is removed"];
    assert_eq!(order(&real, &[&enabling[..], &end].concat(), false), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(order(&dry, &[&plan[..], &["remove the journal"]].concat(), true), [0, 1, 2, 3, 4, 5, 6]);

    let rolling =
        ["the journal is written", "keytab is written", "node uses", "new password", "ticket for each", "is noted"];
    let plan =
        ["write the journal", "write the keytab", "wait until", "set the account's", "ticket for each", "note in"];
    let real = World::enabled(Some(24));
    real.run(|tools| rollover(tools, &arguments(ROLLOVER))).ok().unwrap().unwrap();
    let dry = World::enabled(Some(24));
    dry.run(|tools| rollover(tools, &arguments(&format!("{ROLLOVER} --dry-run")))).ok().unwrap().unwrap();
    assert_eq!(order(&real, &[&rolling[..], &["the journal is removed"]].concat(), false), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(order(&dry, &[&plan[..], &["remove the journal"]].concat(), true), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn disable_needs_a_confirmation_and_removes_account_and_keytab() {
    let world = World::enabled(Some(24));
    assert!(matches!(refused(&world, "disable"), Refusal::Unconfirmed { .. }));
    world.0.borrow_mut().has_node = false;
    world.run(|tools| disable(tools, &arguments("disable --yes"))).ok().unwrap().unwrap();
    let model = world.0.borrow();
    assert!(model.account.is_none() && model.files.is_empty());
}
