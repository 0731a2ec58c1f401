//! The response with the settings of an agent.

use super::V1;
use super::enrol::ProgramVersion;
use crate::encoding::Text;
use crate::time::Time;
use serde::{Deserialize, Deserializer, Serialize};

/// The response to `GET /agents/v1/bootstrap`. An agent sends this request every 5½ to 11 minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// The version of the message.
    pub v: V1,
    /// The nodes to which the agent may connect.
    #[serde(deserialize_with = "NodeUrl::list")]
    pub nodes: Vec<NodeUrl>,
    /// The number of requests for a job ([`Take`](super::Take)) that the agent holds open at each node.
    pub concurrency: u16,
    /// The time for which a node holds such a request open, in milliseconds.
    pub wait_ms: u32,
    /// Whether the agent must renew its certificate now.
    pub renew: bool,
    /// The clock of the node, in milliseconds since 1970.
    pub clock: Time,
    /// The oldest version of the agent's program that may take jobs.
    pub min_version: ProgramVersion,
    /// The realm of the tenant.
    pub realm: Text<255>,
}

/// The address of a node: `https://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NodeUrl(Text<300>);

impl NodeUrl {
    /// Reads an address. The address must have a host, may have a port, and must not have a path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let host = text.strip_prefix("https://")?;
        let in_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        (!host.is_empty() && host.bytes().all(in_host)).then(|| Text::new(text)).flatten().map(Self)
    }

    /// Returns the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the host and the port, as `HOST:PORT` or `HOST`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.as_str().strip_prefix("https://").unwrap_or_default()
    }

    pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        let nodes = Vec::deserialize(deserializer)?;
        let is_some = (1..=MAX_NODES).contains(&nodes.len());
        is_some.then_some(nodes).ok_or_else(|| serde::de::Error::custom("from 1 to 64 nodes"))
    }
}

impl<'de> Deserialize<'de> for NodeUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::encoding::from_text(deserializer, "an address like https://HOST:PORT", Self::parse)
    }
}

const MAX_NODES: usize = 64;
