//! Compares the permissions in `deploy/nats-server.conf` with the subjects that a node uses.

use crate::subject::tests::matches;
use crate::{NodeName, subject};
use seamless_pta::user::Tenant;

const CONFIGURATION: &str = include_str!("../../deploy/nats-server.conf");

/// Returns the quoted values in the lines that begin with `word`, from the section of a node.
fn values(node: &str, word: &str) -> Vec<String> {
    let own = CONFIGURATION.split("user: ").find(|part| part.starts_with(&format!("\"{node}."))).unwrap();
    let lines = own.lines().filter(|line| line.trim_start().starts_with(word));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Returns whether a node may subscribe, with a queue group or without one.
fn may_subscribe(node: &str, subject: &str, group: Option<&str>) -> bool {
    values(node, "subscribe:").iter().any(|allowed| match allowed.split_once(' ') {
        Some((pattern, allowed)) => matches(pattern, subject) && group == Some(allowed),
        None => matches(allowed, subject),
    })
}

fn may_publish(node: &str, subject: &str) -> bool {
    values(node, "publish:").iter().any(|allowed| matches(allowed, subject))
}

#[test]
fn permissions_allow_a_node_everything_that_the_queue_does() {
    for (own, other) in [("n1", "n2"), ("n2", "n1")] {
        let (name, other) = (NodeName::parse(own).unwrap(), NodeName::parse(other).unwrap());
        for tenant in ["contoso.test", "a*b > c"] {
            let offers = subject::offers(&Tenant::new(tenant).unwrap());
            assert!(may_publish(own, &offers) && may_subscribe(own, &offers, Some(subject::GROUP)));
        }
        assert!(may_publish(own, &subject::jobs(&other)));
        assert!(may_subscribe(own, &subject::jobs(&name), None));
        assert!(may_subscribe(own, &format!("{}.x.y", subject::inbox(&name)), None));
    }
}

#[test]
fn node_may_not_read_messages_to_other_nodes_and_may_not_use_the_system_subjects() {
    for (own, other) in [("n1", "n2"), ("n2", "n1")] {
        let other = NodeName::parse(other).unwrap();
        let offers = subject::offers(&Tenant::new("contoso.test").unwrap());
        assert!(!may_subscribe(own, &subject::jobs(&other), None));
        assert!(!may_subscribe(own, &format!("{}.x.y", subject::inbox(&other)), None));
        assert!(!may_subscribe(own, &offers, None), "a second receiver beside the group");
        assert!(!may_subscribe(own, "$SYS.ACCOUNT", None) && !may_subscribe(own, "_INBOX.x", None));
        assert!(!may_publish(own, &format!("{}.x.y", subject::inbox(&other))));
        assert!(!may_publish(own, "$SYS.REQ") && !may_publish(own, "$JS.API.INFO"));
    }
}

#[test]
fn broker_refuses_messages_that_are_too_long_for_a_node_and_refuses_connections_without_a_certificate() {
    for line in [format!("max_payload: {}", seamless_pta::message::MAX_BODY), "verify_and_map: true".into()] {
        assert!(CONFIGURATION.lines().any(|present| present.trim() == line), "{line}");
    }
    for word in ["jetstream", "no_auth_user", "password"] {
        let is_there = CONFIGURATION.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(word));
        assert!(!is_there, "{word}");
    }
}
