//! Lets an agent beside the directory ask its KDC (pass-through authentication).
//!
//! An agent's "yes" is a ticket for this server's account. The validator judges that ticket like a browser's, and the ticket
//! must be bound to the one attempt for which the agent got the password. So an agent cannot make a "yes" for a user
//! whose password it was not given.

use super::{Refusal, accept};
use crate::agents::Agents;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use kerberos_sso::Accepted;
use kerberos_sso::policy::BindingLevel;
use seamless_pta::AgentId;
use seamless_pta::job::Ticket;
use seamless_pta::queue::Verdict;
use tokio::time::Instant;

/// Checks a password with an agent of the tenant, until the deadline. Returns the agent, too.
pub(super) async fn check(
    agents: &Agents,
    tenant: &Tenant,
    user: &UserName,
    password: &str,
    deadline: Instant,
) -> Result<(Accepted, AgentId), Refusal> {
    let whole = deadline.saturating_duration_since(Instant::now());
    let verdict = agents.ask(&tenant.name, &user.to_string(), password, whole).await.map_err(Refusal::NoVerdict)?;
    let ticket = match verdict {
        Verdict::Ticket(ticket) => ticket,
        Verdict::Refused { agent, refusal, status, told } => {
            tracing::info!(tenant = %tenant.name, %agent, status, "the directory of an agent refused a password");
            return Err(Refusal::of_directory(refusal, status, told));
        }
    };
    let accepted = judge(tenant, user, &ticket)?;
    tracing::info!(tenant = %tenant.name, agent = %ticket.agent, "an agent validated a password");
    Ok((accepted, ticket.agent))
}

/// Judges the ticket of an agent. It must be bound to the job, and of the user who typed the name.
fn judge(tenant: &Tenant, user: &UserName, ticket: &Ticket) -> Result<Accepted, Refusal> {
    let (agent, validator) = (ticket.agent, tenant.validator());
    let policy = validator.policy().clone().with_binding_level(BindingLevel::Require);
    // The nonce in the bindings is used once, so a replayed ticket is bound to another job.
    let accepted = accept(&validator.with_policy(policy), ticket.token.as_bytes(), ticket.bindings)
        .map_err(|refused| Refusal::NotOfJob { agent, refused: Box::new(refused) })?;
    if tenant.is_name_of(user, &accepted.identity().to_session()) {
        Ok(accepted)
    } else {
        Err(Refusal::OtherUser(agent))
    }
}

#[cfg(test)]
mod tests;
