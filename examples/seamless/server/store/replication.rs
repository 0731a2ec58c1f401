//! What a master of Valkey or Redis says of its replicas (`INFO replication`).

/// The master's place in its stream of writes, and the places that its replicas have confirmed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replication {
    /// The name of the stream. Each master has a stream of its own, with its own name.
    stream: String,
    /// The end of the stream, in octets since its beginning.
    end: u64,
    /// The number of octets of the stream that each replica has confirmed. A replica that is not online does not count,
    /// because it still loads the data from before the stream.
    replicas: Vec<u64>,
}

impl Replication {
    /// Reads the answer to `INFO replication`, or returns `None` if the node is not a master.
    pub(super) fn read(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if field("role")? != "master" {
            return None;
        }
        let replica = |line: &str| {
            let (name, fields) = line.split_once(':')?;
            let is_online = name.starts_with("slave") && fields.split(',').any(|field| field == "state=online");
            let offset = fields.split(',').find_map(|field| field.strip_prefix("offset="))?;
            offset.parse().ok().filter(|_| is_online)
        };
        Some(Self {
            stream: field("master_replid")?.into(),
            end: field("master_repl_offset")?.parse().ok()?,
            replicas: text.lines().filter_map(replica).collect(),
        })
    }

    pub(super) const fn has_replicas(&self) -> bool {
        !self.replicas.is_empty()
    }

    /// Returns whether a replica has all writes that the same master had done when the master gave the answer
    /// `earlier`.
    pub(super) fn confirms(&self, earlier: &Self) -> bool {
        self.stream == earlier.stream && self.replicas.iter().any(|has| *has >= earlier.end)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The answer of Redis 7.0.15 with one replica that is online and one replica that still loads.
    const MASTER: &str = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
        slave0:ip=127.0.0.1,port=7002,state=online,offset=126,lag=1\r\n\
        slave1:ip=127.0.0.1,port=7003,state=wait_bgsave,offset=500,lag=0\r\nmaster_failover_state:no-failover\r\n\
        master_replid:8fe5c3b1\r\nmaster_replid2:0000000000\r\nmaster_repl_offset:140\r\nsecond_repl_offset:-1\r\n";

    #[test]
    fn answer_of_a_master_is_read_and_only_its_online_replicas_count() {
        let read = Replication::read(MASTER).unwrap();
        assert_eq!(read, Replication { stream: "8fe5c3b1".into(), end: 140, replicas: vec![126] });
        assert!(read.has_replicas());
    }

    #[test]
    fn answer_of_a_replica_and_answer_without_an_offset_are_refused() {
        for text in
            [MASTER.replace("role:master", "role:slave"), MASTER.replace("master_repl_offset", "x"), String::new()]
        {
            assert_eq!(Replication::read(&text), None);
        }
    }

    #[test]
    fn write_is_confirmed_only_when_a_replica_of_the_same_stream_has_its_last_octet() {
        let before = Replication::read(MASTER).unwrap();
        for (offset, stream, confirmed) in
            [(139, "8fe5c3b1", false), (140, "8fe5c3b1", true), (141, "8fe5c3b1", true), (141, "other", false)]
        {
            let later = MASTER.replace("offset=126", &format!("offset={offset}")).replace("8fe5c3b1", stream);
            assert_eq!(Replication::read(&later).unwrap().confirms(&before), confirmed, "{offset} {stream}");
        }
        let without = MASTER.replace("slave0", "other");
        assert!(!Replication::read(&without).unwrap().confirms(&before), "the replica is gone");
    }
}
