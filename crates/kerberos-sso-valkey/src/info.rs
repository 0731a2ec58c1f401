//! What a node says of itself in `INFO`.

/// One life of the engine's memory: as long as all of this is the same, the node has lost nothing that it took as master.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Life {
    /// The process. It is another after a restart.
    run_id: String,
    /// The history of writes. It is another after a promotion.
    replication_id: String,
    /// How often the process was told to empty its databases.
    flushes: u64,
}

/// A node as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) life: Life,
    pub(crate) is_master: bool,
    pub(crate) uptime_seconds: i64,
    /// The process was a replica before. Nothing says since when it is the master.
    pub(crate) was_promoted: bool,
    pub(crate) eviction: String,
    /// The master takes writes only while it has replicas: `min-replicas-to-write` is set.
    pub(crate) demands_replicas: bool,
}

impl Node {
    /// Reads the answer to `INFO all`. Returns the name of the first field that is missing or that is no number.
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

    /// Tells whether something was forgotten at an instant that the node does not name.
    pub(crate) fn forgot_at_unknown_time(&self) -> bool {
        self.was_promoted || self.life.flushes > 0
    }
}

impl Life {
    /// Returns the start of the name of the process, for a log.
    pub(crate) fn process(&self) -> &str {
        self.run_id.get(..8).unwrap_or(&self.run_id)
    }
}

/// Returns how often a command was called. A command that never ran has no line.
fn calls(info: &str, command: &str) -> u64 {
    let line = info.lines().find_map(|line| line.strip_prefix(command)?.strip_prefix(":calls="));
    line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What Redis 7.0.15 says, without the lines that nobody reads here.
    pub(crate) const MASTER: &str = "# Server\r\nredis_version:7.0.15\r\nrun_id:5d3f0a1c8b\r\nuptime_in_seconds:100\r\n\
        # Memory\r\nmaxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\
        master_replid:aa11\r\nmaster_replid2:0000000000000000000000000000000000000000\r\n# Commandstats\r\n\
        cmdstat_set:calls=7,usec=12\r\n";

    #[test]
    fn node_that_never_flushed_and_was_no_replica_has_one_known_life() {
        let node = Node::parse(MASTER).unwrap();
        let life = Life { run_id: "5d3f0a1c8b".into(), replication_id: "aa11".into(), flushes: 0 };
        let eviction = "noeviction".into();
        let expected =
            Node { life, is_master: true, uptime_seconds: 100, was_promoted: false, eviction, demands_replicas: false };
        assert_eq!(node, expected);
        assert!(!node.forgot_at_unknown_time());
    }

    #[test]
    fn all_commands_that_empty_a_database_are_counted() {
        let stats =
            "cmdstat_flushall:calls=2,usec=5\r\ncmdstat_flushdb:calls=1,usec=5\r\ncmdstat_swapdb:calls=4,usec=5\r\n";
        let node = Node::parse(&format!("{MASTER}{stats}")).unwrap();
        assert_eq!(node.life.flushes, 7);
        assert!(node.forgot_at_unknown_time());
    }

    #[test]
    fn second_replication_id_means_that_the_node_was_promoted() {
        let node = Node::parse(&MASTER.replace("master_replid2:0", "master_replid2:9")).unwrap();
        assert!(node.was_promoted && node.forgot_at_unknown_time());
    }

    #[test]
    fn field_that_is_missing_or_no_number_is_named() {
        assert_eq!(Node::parse(&MASTER.replace("run_id", "runner")), Err("run_id"));
        assert_eq!(Node::parse(&MASTER.replace("seconds:100", "seconds:long")), Err("uptime_in_seconds"));
        assert_eq!(Node::parse(""), Err("run_id"));
    }

    #[test]
    fn replica_is_no_master() {
        assert!(!Node::parse(&MASTER.replace("role:master", "role:slave")).unwrap().is_master);
    }
}
