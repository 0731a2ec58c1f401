//! Lets an agent beside the directory ask its KDC (pass-through authentication).
//!
//! An agent's "yes" is a ticket for this server's account. The validator judges that ticket like a browser's, and the ticket
//! must be bound to the one attempt for which the agent got the password. So an agent cannot make a "yes" for a user
//! whose password it was not given.

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

/// Checks a password with an agent of the tenant, until the deadline. Returns the agent, too.
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

/// Judges the ticket of an agent. It must be bound to the job, and of the user who typed the name. If agents look names up, the
/// ticket alone says who the user is, because it does not have the attribute: the log has both names. A rogue agent can then
/// sign somebody in as another user whose password it has.
fn judge(tenant: &Tenant, user: &UserName, ticket: &Ticket, alternate_id: Option<&str>) -> Result<Accepted, Refusal> {
    let (agent, validator) = (ticket.agent, tenant.validator());
    let policy = validator.policy().clone().with_binding_level(BindingLevel::Require);
    // The nonce in the bindings is used once, so a replayed ticket is bound to another job.
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
