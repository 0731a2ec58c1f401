//! Tests that `prune` removes an old key when the last ticket under the key has ended, and not before.

use super::kill_tests::killed_everywhere;
use super::{Kill, Model, World, arguments};
use crate::failure::{Failure, Refusal};
use crate::prune::prune;
use crate::rollover::rollover;
use crate::status::status;

const ROLLOVER: &str = "rollover --node http://127.0.0.1:9100";
/// The seconds from a rollover to the end of the last ticket under the old key: those of ten hours and five minutes.
const END_OF_TICKETS: i64 = 36_300;
const TWO_DAYS: i64 = 172_800;

/// Makes a forest in which a rollover has just replaced the key 4 by the key 5.
fn rolled_over(is_silent: bool) -> World {
    rolled_over_by(ROLLOVER, |model| model.is_silent = is_silent)
}

fn rolled_over_by(line: &str, change: impl FnOnce(&mut Model)) -> World {
    let world = World::enabled(Some(24));
    change(&mut world.0.borrow_mut());
    world.run(|tools| rollover(tools, &arguments(line))).ok().unwrap().unwrap();
    assert_eq!(world.keytab(), [4, 5]);
    world
}

fn wait(world: &World, seconds: i64) {
    let later = world.0.borrow().now.saturating_add_seconds(seconds);
    world.0.borrow_mut().now = later;
}

fn pruned(world: &World) -> Result<(), Failure> {
    run(world, "prune").ok().unwrap()
}

fn run(world: &World, line: &str) -> Result<Result<(), Failure>, super::Killed> {
    world.run(|tools| prune(tools.files, tools.clock, tools.steps, &arguments(line)))
}

/// Returns the codes of the warnings of `status`.
fn codes(world: &World) -> Vec<String> {
    let found = world.run(|tools| status(tools, &arguments("status"))).ok().unwrap().unwrap().findings;
    found.into_iter().map(|finding| finding.code).filter(|code| code != "default-writer").collect()
}

#[test]
fn old_key_leaves_the_keytab_when_its_last_ticket_has_ended_and_not_before() {
    for (is_silent, after) in [(false, END_OF_TICKETS), (true, TWO_DAYS)] {
        let world = rolled_over(is_silent);
        wait(&world, after);
        pruned(&world).unwrap();
        assert_eq!(world.keytab(), [4, 5]);
        wait(&world, 1);
        let changes = world.0.borrow().changes.len();
        run(&world, "prune --dry-run").ok().unwrap().unwrap();
        assert_eq!((world.keytab(), world.0.borrow().changes.len()), (vec![4, 5], changes));
        pruned(&world).unwrap();
        assert_eq!(world.keytab(), [5]);
        pruned(&world).unwrap();
        assert!(world.0.borrow().lines.iter().any(|line| line.starts_with("no key retires")));
        assert_eq!(world.0.borrow().lost, [""; 0]);
    }
}

#[test]
fn old_key_stays_for_two_days_if_the_command_line_lacks_a_domain_controller() {
    // The command line names the first domain controller twice, and the second one not at all.
    let world = rolled_over_by(&format!("{ROLLOVER} --dc dc1.contoso.test"), |_| ());
    wait(&world, TWO_DAYS);
    pruned(&world).unwrap();
    assert_eq!(world.keytab(), [4, 5]);
    wait(&world, 1);
    pruned(&world).unwrap();
    assert_eq!(world.keytab(), [5]);
}

#[test]
fn prune_killed_at_any_call_succeeds_at_the_next_run() {
    let made = || {
        let world = rolled_over(false);
        wait(&world, END_OF_TICKETS + 1);
        world.kill_at(None);
        world
    };
    let check = |world: &World, (), kill| assert_eq!(world.keytab(), [5], "{kill:?}");
    let calls = killed_everywhere(made, |world| run(world, "prune"), check);
    assert!(calls >= 5, "{calls}");
}

#[test]
fn prune_does_not_change_the_keytab_while_a_rollover_is_open() {
    let world = rolled_over(false);
    wait(&world, END_OF_TICKETS + 1);
    let open = (0..100).find(|call| {
        world.kill_at(Some(Kill { call: *call, after: true }));
        let is_killed = world.run(|tools| rollover(tools, &arguments(ROLLOVER)).map(drop)).is_err();
        world.kill_at(None);
        is_killed && world.has_journal()
    });
    let before = world.keytab();
    assert!(open.is_some() && matches!(pruned(&world), Err(Failure::Refused(Refusal::Open { .. }))));
    assert_eq!(world.keytab(), before);
}

#[test]
fn prune_does_not_write_a_keytab_that_lacks_the_current_key_or_has_keys_of_other_accounts() {
    let world = rolled_over(false);
    wait(&world, END_OF_TICKETS + 1);
    let note = r#"{"version":1,"account":"AZUREADSSOACC$","realm":"CONTOSO.TEST","kvno":6,"until":0}"#;
    let of_another = note.replace("AZUREADSSOACC$", "OTHER$");
    for (note, text) in [(note.to_owned(), "no key of the version 6"), (of_another, "has entries of")] {
        world.0.borrow_mut().files.insert("sso.keytab.retiring".into(), note.into());
        let failure = pruned(&world).unwrap_err().to_string();
        assert!(failure.contains(text), "{failure}");
        assert_eq!(world.keytab(), [4, 5]);
    }
}

#[test]
fn status_names_an_old_key_that_is_kept_although_its_tickets_have_ended() {
    let world = rolled_over(false);
    wait(&world, END_OF_TICKETS);
    assert_eq!(codes(&world), [""; 0]);
    wait(&world, 1);
    assert_eq!(codes(&world), ["old-key-kept"]);
    // Without the note, `status` names the old key two days after the change of the password.
    world.0.borrow_mut().files.remove(std::path::Path::new("sso.keytab.retiring"));
    assert_eq!(codes(&world), [""; 0]);
    wait(&world, TWO_DAYS);
    assert_eq!(codes(&world), ["old-key-kept"]);
}
