//! Reads the facts about a node from the node's answer to `INFO`.

/// Values that change when a node may lose its memory. While all of them stay the same, the node has lost no
/// authenticator that it stored as master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// The identifier of the process, which changes at a restart.
    pub(crate) run_id: String,
    /// The identifier of the history of writes, which changes at a promotion.
    replication_id: String,
    /// The number of commands so far that emptied or swapped a database.
    flushes: u64,
}

/// The facts about a node that decide whether it is fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) life: Life,
    pub(crate) is_master: bool,
    pub(crate) uptime_seconds: i64,
    /// Whether the process was a replica before it became a master. `INFO` does not tell the time of its promotion.
    pub(crate) was_promoted: bool,
    pub(crate) eviction: String,
    /// Whether the master accepts writes only while it has replicas (`min-replicas-to-write`).
    pub(crate) demands_replicas: bool,
}

impl Node {
    /// Reads the answer to `INFO all`. The error is the name of the first field that is missing or is not a number.
    pub(crate) fn parse(info: &str) -> Result<Self, &'static str> {
        let field = |name: &'static str| {
            let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(str::trim_end).ok_or(name)
        };
        let number = |name| field(name)?.parse().map_err(|_| name);
        let life = Life {
            run_id: field("run_id")?.into(),
            replication_id: field("master_replid")?.into(),
            flushes: ["cmdstat_flushall", "cmdstat_flushdb", "cmdstat_swapdb"]
                .iter()
                .fold(0, |sum: u64, command| sum.saturating_add(calls(info, command))),
        };
        Ok(Self {
            life,
            is_master: field("role")? == "master",
            uptime_seconds: number("uptime_in_seconds")?,
            was_promoted: field("master_replid2")?.bytes().any(|digit| digit != b'0'),
            eviction: field("maxmemory_policy")?.into(),
            demands_replicas: field("min_slaves_good_slaves").is_ok(),
        })
    }

    /// Returns whether the node lost authenticators at a time that `INFO` does not tell.
    pub(crate) fn forgot_at_unknown_time(&self) -> bool {
        self.was_promoted || self.life.flushes > 0
    }
}

impl Life {
    /// Returns whether both values describe the same process with the same history of writes.
    pub(crate) fn has_the_history_of(&self, other: &Self) -> bool {
        self.run_id == other.run_id && self.replication_id == other.replication_id
    }

    /// Returns the first eight characters of the process's identifier, for the log.
    pub(crate) fn process(&self) -> &str {
        self.run_id.get(..8).unwrap_or(&self.run_id)
    }
}

/// Returns the number of calls of a command. `INFO` has no line for a command that never ran.
fn calls(info: &str, command: &str) -> u64 {
    let line = info.lines().find_map(|line| line.strip_prefix(command)?.strip_prefix(":calls="));
    line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The answer of Redis 7.0.15 to `INFO all`, without the lines that this crate does not read.
    pub(crate) const MASTER: &str = "# Server\r\nredis_version:7.0.15\r\nrun_id:5d3f0a1c8b\r\nuptime_in_seconds:100\r\n\
        # Memory\r\nmaxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\
        master_replid:aa11\r\nmaster_replid2:0000000000000000000000000000000000000000\r\n# Commandstats\r\n\
        cmdstat_set:calls=7,usec=12\r\n";

    #[test]
    fn master_that_was_neither_emptied_nor_promoted_forgot_nothing_at_an_unknown_time() {
        let node = Node::parse(MASTER).unwrap();
        let life = Life { run_id: "5d3f0a1c8b".into(), replication_id: "aa11".into(), flushes: 0 };
        let eviction = "noeviction".into();
        let expected =
            Node { life, is_master: true, uptime_seconds: 100, was_promoted: false, eviction, demands_replicas: false };
        assert_eq!(node, expected);
        assert!(!node.forgot_at_unknown_time());
    }

    #[test]
    fn calls_of_flushall_flushdb_and_swapdb_are_counted_as_flushes() {
        let stats =
            "cmdstat_flushall:calls=2,usec=5\r\ncmdstat_flushdb:calls=1,usec=5\r\ncmdstat_swapdb:calls=4,usec=5\r\n";
        let node = Node::parse(&format!("{MASTER}{stats}")).unwrap();
        assert_eq!(node.life.flushes, 7);
        assert!(node.forgot_at_unknown_time());
    }

    #[test]
    fn node_with_a_second_replication_id_was_promoted() {
        let node = Node::parse(&MASTER.replace("master_replid2:0", "master_replid2:9")).unwrap();
        assert!(node.was_promoted && node.forgot_at_unknown_time());
    }

    #[test]
    fn parse_fails_with_the_name_of_a_field_that_is_missing_or_not_a_number() {
        assert_eq!(Node::parse(&MASTER.replace("run_id", "runner")), Err("run_id"));
        assert_eq!(Node::parse(&MASTER.replace("seconds:100", "seconds:long")), Err("uptime_in_seconds"));
        assert_eq!(Node::parse(""), Err("run_id"));
    }

    #[test]
    fn node_with_the_role_slave_is_not_a_master() {
        assert!(!Node::parse(&MASTER.replace("role:master", "role:slave")).unwrap().is_master);
    }
}
