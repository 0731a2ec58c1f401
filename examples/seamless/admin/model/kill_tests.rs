//! These tests kill `enable` and `rollover` before and after each call to the model, and run them again.

use super::{DN, Kill, World, arguments};
use crate::enable::{Enabled, enable};
use crate::failure::Failure;
use crate::journal::Journal;
use crate::rollover::{RolledOver, rollover};
use crate::security_descriptor::SecurityDescriptor;
use kerberos_sso::Salt;
use std::path::Path;

/// Tests each call that `command` makes, each time with a new model: kills the command before or after this call, and
/// runs it again until it ends. Returns the number of calls of a run that was not killed.
pub(super) fn killed_everywhere<T>(
    made: impl Fn() -> World,
    command: impl Fn(&World) -> Result<Result<T, Failure>, super::Killed>,
    check: impl Fn(&World, T, Kill),
) -> usize {
    let whole = made();
    command(&whole).ok().unwrap().unwrap();
    let calls = whole.0.borrow().calls;
    for call in 0..calls {
        for after in [false, true] {
            let (world, kill) = (made(), Kill { call, after });
            world.kill_at(Some(kill));
            assert!(command(&world).is_err(), "{kill:?}");
            // The second run is killed at the call of the same number. The third run is not killed.
            world.kill_at(Some(kill));
            let second = command(&world);
            world.kill_at(None);
            let end = second.unwrap_or_else(|_| command(&world).ok().unwrap()).unwrap();
            assert_eq!(world.0.borrow().lost, [""; 0], "{kill:?}");
            assert!(!world.has_journal(), "{kill:?}");
            check(&world, end, kill);
        }
    }
    calls
}

#[test]
fn enable_killed_at_any_call_succeeds_at_the_next_run() {
    let line = arguments(&format!("{} --config seamless.json", super::IN_UNIT));
    let before = World::empty().0.borrow().container.descriptor.clone();
    let before = SecurityDescriptor::parse(&before).unwrap().entries.unwrap();
    let run = |world: &World| world.run(|tools| enable(tools, &line));
    let calls = killed_everywhere(World::empty, run, |world, _, kill| {
        assert_eq!(world.keytab(), [2], "{kill:?}");
        let model = world.0.borrow();
        let account = model.account.as_ref().unwrap();
        assert_eq!(account.dn, DN);
        assert!(SecurityDescriptor::parse(&account.descriptor).unwrap().is_protected(), "{kill:?}");
        let container = SecurityDescriptor::parse(&model.container.descriptor).unwrap();
        assert!(container.protects_children(), "{kill:?}");
        assert_eq!(container.entries.unwrap()[1..], before, "{kill:?}");
        let creations = model.changes.iter().filter(|change| change.starts_with("create")).count();
        assert_eq!((model.states.len(), creations), (1, 1), "{kill:?}");
        let config = model.files.get(Path::new("seamless.json")).unwrap();
        assert!(String::from_utf8_lossy(config).contains("S-1-5-21-4-5-6"), "{kill:?}");
    });
    assert!(calls > 15, "{calls}");
}

/// A run may be killed after it has sent a request to the directory. The directory may carry out this request at any
/// moment of the next run.
#[test]
fn killed_enable_whose_creation_takes_effect_late_succeeds_at_the_next_run() {
    let line = arguments("enable --config seamless.json");
    let run = |world: &World| world.run(|tools| enable(tools, &line));
    let killed = |call| {
        let world = World::empty();
        world.kill_at(Some(Kill { call, after: false }));
        assert!(run(&world).is_err());
        world.kill_at(None);
        world
    };
    for calls in 0..40 {
        let world = (0..40).map(killed).find(World::has_journal).unwrap();
        let journal = Journal::read(&mut world.clone(), Path::new("sso.keytab.journal")).unwrap().unwrap();
        world.0.borrow_mut().late_creation = Some((calls, journal.password.to_string()));
        assert!(run(&world).ok().unwrap().is_ok(), "{calls}");
        let model = world.0.borrow();
        let creations = model.changes.iter().filter(|change| change.starts_with("create")).count();
        assert_eq!((creations, model.states.len()), (1, 1), "{calls}");
        drop(model);
        assert!(!world.has_journal() && world.keytab() == [2], "{calls}");
    }
}

#[test]
fn enable_of_a_healthy_account_changes_nothing() {
    let world = World::empty();
    let run = || world.run(|tools| enable(tools, &arguments("enable"))).ok().unwrap().unwrap();
    let Enabled::New(Some(block)) = run() else { panic!("not enabled") };
    assert!(
        block.contains(r#""domains": ["contoso.example"]"#) && block.contains(r#""CHILD.CONTOSO.TEST""#),
        "{block}"
    );
    let changes = world.0.borrow().changes.len();
    assert!(matches!(run(), Enabled::Already));
    assert_eq!(world.0.borrow().changes.len(), changes);
}

fn rolled_over(made: impl Fn() -> World, line: &str, kvno: u32) {
    let line = arguments(line);
    let run = |world: &World| world.run(|tools| rollover(tools, &line));
    let calls = killed_everywhere(made, run, |world, end, kill| {
        let model = world.0.borrow();
        // If the first run was killed after its last call, it had finished the rollover. Then the next run begins a
        // second rollover.
        let sets = model.changes.iter().filter(|change| *change == "set_password").count();
        let account = model.account.as_ref().unwrap();
        assert_eq!(end, RolledOver::To(account.kvno.unwrap()), "{kill:?}");
        assert_eq!(account.etypes, Some(24), "{kill:?}");
        if sets <= 2 && account.kvno == Some(kvno) {
            assert_eq!(
                super::AccountKeys::parse(&model.files[Path::new("sso.keytab")], super::NAME, super::REALM)
                    .unwrap()
                    .versions(),
                [4, kvno],
                "{kill:?}"
            );
        }
    });
    assert!(calls > 25, "{calls}");
}

#[test]
fn rollover_killed_at_any_call_succeeds_at_the_next_run_and_loses_no_ticket() {
    rolled_over(|| World::enabled(Some(24)), "rollover --node http://127.0.0.1:9100", 5);
}

#[test]
fn rollover_loses_no_ticket_if_the_key_version_grows_by_more_than_one() {
    let made = || {
        let world = World::enabled(Some(24));
        world.0.borrow_mut().jump = 3;
        world
    };
    rolled_over(made, "rollover --node http://127.0.0.1:9100", 7);
}

#[test]
fn rollover_from_rc4_to_aes_killed_at_any_call_loses_no_ticket() {
    for etypes in [None, Some(4), Some(0)] {
        rolled_over(|| World::enabled(etypes), "rollover --etypes aes --node http://127.0.0.1:9100", 5);
    }
}

#[test]
fn rollover_that_changes_password_and_types_separately_loses_no_ticket() {
    let made = || {
        let world = World::enabled(Some(4));
        world.0.borrow_mut().refuses_both = true;
        world
    };
    rolled_over(made, "rollover --etypes aes --node http://127.0.0.1:9100", 5);
}

/// A renamed account has its old salt until the password changes. The tool cannot know the next salt before the change.
#[test]
fn keytab_is_corrected_at_once_if_the_new_password_has_a_new_salt() {
    let world = World::enabled(Some(24));
    let line = arguments("rollover --node http://127.0.0.1:9100");
    world.0.borrow_mut().salt = Salt::custom("CONTOSO.TESThostoldname.contoso.test");
    world.0.borrow_mut().has_node = false;
    assert_eq!(world.run(|tools| rollover(tools, &line)).ok().unwrap().unwrap(), RolledOver::To(5));
    assert_eq!(world.keytab(), [4, 5]);
}

/// The keytab has had the new key for five days, and the directory has had it for a minute.
#[test]
fn key_that_was_current_a_minute_ago_stays_although_its_successor_came_into_the_keytab_days_ago() {
    let world = World::enabled(Some(24));
    let line = arguments("rollover --node http://127.0.0.1:9100");
    world.0.borrow_mut().node_reads = false;
    assert!(world.run(|tools| rollover(tools, &line)).ok().unwrap().is_err());
    let later = world.0.borrow().now.saturating_add_seconds(5 * 24 * 3600);
    (world.0.borrow_mut().now, world.0.borrow_mut().node_reads) = (later, true);
    let file = world.0.borrow().files[Path::new("sso.keytab")].clone();
    let run = || world.run(|tools| rollover(tools, &line)).ok().unwrap().unwrap();
    assert_eq!((run(), world.keytab()), (RolledOver::To(5), vec![4, 5]));
    assert_eq!(world.0.borrow().files[Path::new("sso.keytab")], file);
    assert_eq!((run(), world.keytab()), (RolledOver::To(6), vec![4, 5, 6]));
    assert_eq!(world.0.borrow().lost, [""; 0]);
}

/// Each of the two rollovers makes a key of the version 5. When the second rollover begins, the node still has the key
/// of the first one.
#[test]
fn rollover_after_an_abandoned_rollover_waits_until_the_node_has_the_new_key() {
    let line = arguments("rollover --node http://127.0.0.1:9100");
    let run = |world: &World| world.run(|tools| rollover(tools, &line));
    for call in 0.. {
        let world = World::enabled(Some(24));
        world.kill_at(Some(Kill { call, after: false }));
        assert!(run(&world).is_err());
        world.kill_at(None);
        if world.0.borrow().node_keys.iter().all(|(kvno, _)| *kvno == 4) {
            continue;
        }
        world.0.borrow_mut().files.remove(Path::new("sso.keytab.journal"));
        assert_eq!(run(&world).ok().unwrap().unwrap(), RolledOver::To(5));
        assert_eq!(world.0.borrow().lost, [""; 0]);
        break;
    }
}

#[test]
fn keys_whose_tickets_have_ended_leave_the_keytab_at_the_next_rollover() {
    let world = World::enabled(Some(24));
    let line = arguments("rollover --node http://127.0.0.1:9100");
    let run = || world.run(|tools| rollover(tools, &line)).ok().unwrap().unwrap();
    assert_eq!((run(), world.keytab()), (RolledOver::To(5), vec![4, 5]));
    assert_eq!((run(), world.keytab()), (RolledOver::To(6), vec![4, 5, 6]));
    let later = world.0.borrow().now.saturating_add_seconds(30 * 24 * 3600);
    world.0.borrow_mut().now = later;
    assert_eq!((run(), world.keytab()), (RolledOver::To(7), vec![6, 7]));
    assert_eq!(world.0.borrow().lost, [""; 0]);
}
