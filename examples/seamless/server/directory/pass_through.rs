//! Lets an agent beside the directory ask the directory's KDC (pass-through authentication).
//!
//! For a right password, an agent returns a ticket for this server's account. The server validates that ticket like a browser's
//! ticket, and the ticket must be bound to the one attempt for which the agent got the password. So an agent cannot sign in a
//! user whose password it did not get.

use super::{Refusal, accept};
use crate::agents::Agents;
use crate::principal;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use kerberos_sso::Accepted;
use kerberos_sso::policy::BindingLevel;
use seamless_pta::AgentId;
use seamless_pta::job::Ticket;
use seamless_pta::queue::Verdict;
use tokio::time::Instant;

/// Checks a password with an agent of the tenant, until the deadline. Returns the accepted ticket and the agent.
pub(super) async fn check(
    (agents, alternate_id): (&Agents, Option<&str>),
    tenant: &Tenant,
    user: &UserName,
    password: &str,
    deadline: Instant,
) -> Result<(Accepted, AgentId), Refusal> {
    let whole = deadline.saturating_duration_since(Instant::now());
    let verdict = agents.ask(&tenant.name, &user.to_string(), password, whole).await.map_err(Refusal::of_agents)?;
    let ticket = match verdict {
        Verdict::Ticket(ticket) => ticket,
        Verdict::Refused { agent, refusal, status, told } => {
            tracing::info!(tenant = %tenant.name, %agent, status, "the directory of an agent refused a password");
            return Err(Refusal::of_directory(refusal, status, told));
        }
    };
    let accepted = judge(tenant, user, &ticket, alternate_id)?;
    tracing::info!(tenant = %tenant.name, agent = %ticket.agent, "an agent validated a password");
    Ok((accepted, ticket.agent))
}

/// Validates the ticket of an agent. The ticket must be bound to the job, and be of the user whose name was typed. If
/// agents look typed names up in an attribute, the server cannot compare the ticket with the typed name, because the
/// ticket does not have the attribute. The ticket alone then says who the user is, and the log has both names. In this
/// case, a rogue agent can sign somebody in as another user whose password the agent has.
fn judge(tenant: &Tenant, user: &UserName, ticket: &Ticket, alternate_id: Option<&str>) -> Result<Accepted, Refusal> {
    let (agent, validator) = (ticket.agent, tenant.validator());
    let policy = validator.policy().clone().with_binding_level(BindingLevel::Require);
    // Each job has its own nonce in the bindings. So a replayed ticket has the bindings of another job.
    let accepted = accept(&validator.with_policy(policy), ticket.token.as_bytes(), ticket.bindings)
        .map_err(|refused| Refusal::NotOfJob { agent, refused: Box::new(refused) })?;
    let identity = accepted.identity().to_session();
    if tenant.is_name_of(user, &identity) {
        return Ok(accepted);
    }
    let attribute = alternate_id.filter(|_| matches!(user, UserName::Principal { .. }));
    let attribute = attribute.ok_or(Refusal::OtherUser(agent))?;
    let (typed, user) = (user.to_string(), principal::with_sid(&identity));
    tracing::info!(tenant = %tenant.name, %agent, attribute, ?typed, %user, "the name is an alternate name of this user");
    Ok(accepted)
}

#[cfg(test)]
mod tests;
