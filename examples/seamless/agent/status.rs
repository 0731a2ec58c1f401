//! Shows the agent's identity, and whether each node accepts it.

use crate::Failure;
use crate::arguments::Arguments;
use crate::clock;
use crate::session::Session;
use std::sync::Arc;

pub(crate) async fn status(arguments: &Arguments) -> Result<(), Failure> {
    let session = Session::new(arguments.folder.identity()?, arguments.proxy.clone().map(Arc::new))?;
    let (identity, now) = (&session.identity, clock::now());
    let hours = |seconds: u64| seconds.checked_div(3_600).unwrap_or_default();
    println!("agent        {}", identity.agent);
    println!("tenant       {}", identity.tenant);
    let (ends, renews) =
        (hours(now.until(identity.not_after).as_secs()), hours(now.until(identity.renew_at).as_secs()));
    println!("certificate  {}, ends in {ends} h, is renewed in {renews} h", identity.generation);
    let mut refused = 0_usize;
    for node in &identity.nodes {
        match session.bootstrap(node).await {
            Ok(told) => {
                let (node, realm, jobs) = (node.as_str(), told.realm, told.concurrency);
                println!("node         {node}: realm {realm}, {jobs} jobs at once");
            }
            Err(error) => {
                refused = refused.saturating_add(1);
                println!("node         {}: {error}", node.as_str());
            }
        }
    }
    if refused == identity.nodes.len() { Err("no node accepts this agent".into()) } else { Ok(()) }
}
