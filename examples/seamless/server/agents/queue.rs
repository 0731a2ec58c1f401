//! The queue of the jobs: within the process for one node, or through the broker of the configuration for several
//! nodes.

use crate::config::BrokerConfig;
use seamless_pta::queue::{InProcess, Queue};

pub(super) async fn of_config(broker: Option<&BrokerConfig>) -> Result<Box<dyn Queue>, String> {
    match broker {
        Some(broker) => between_nodes(broker).await.map_err(|error| format!("agents: broker: {error}")),
        None => Ok(Box::new(InProcess::default())),
    }
}

#[cfg(feature = "nats")]
async fn between_nodes(broker: &BrokerConfig) -> Result<Box<dyn Queue>, String> {
    use seamless_pta_nats::{Access, Nats, NodeName, Tls};
    let tls = match (broker.ca.clone(), broker.certificate.clone(), broker.key.clone()) {
        (Some(ca), Some(certificate), Some(key)) => Some(Tls { ca, certificate, key }),
        _ => None,
    };
    let node = NodeName::parse(&broker.node).ok_or("node: a name of small letters, digits and hyphens")?;
    let access = Access { url: broker.url.clone(), tls };
    let queue = Nats::connect(node, &access).await.map_err(|error| error.to_string())?;
    Ok(Box::new(queue))
}

#[cfg(not(feature = "nats"))]
#[expect(clippy::unused_async, reason = "the variant of this function for the feature `nats` awaits the connection")]
async fn between_nodes(_: &BrokerConfig) -> Result<Box<dyn Queue>, String> {
    Err("this program was built without the feature `nats`; build it with `--features nats`".into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn broker() -> BrokerConfig {
        let url = "nats://127.0.0.1:1".to_owned();
        BrokerConfig { url, node: "n1".into(), ca: None, certificate: None, key: None }
    }

    #[cfg(not(feature = "nats"))]
    #[tokio::test]
    async fn configuration_with_a_broker_is_refused_without_the_feature_and_the_error_names_the_feature() {
        let error = of_config(Some(&broker())).await.err().unwrap();
        assert!(error.contains("`--features nats`"), "{error}");
    }

    /// Nothing listens on the port of the broker. The node's own agents get jobs until the broker can be reached.
    #[cfg(feature = "nats")]
    #[tokio::test]
    async fn node_starts_without_a_reachable_broker_and_does_not_start_without_the_files_of_the_broker() {
        assert!(of_config(Some(&broker())).await.is_ok());
        let missing = || Some("/nonexistent/n1.pem".into());
        let broker = BrokerConfig { ca: missing(), certificate: missing(), key: missing(), ..broker() };
        let error = of_config(Some(&broker)).await.err().unwrap();
        assert!(error.starts_with("agents: broker: /nonexistent/n1.pem: "), "{error}");
    }
}
