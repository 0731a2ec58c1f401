//! Issues certificates to agents that enrol, and to agents that renew.

use super::authority::serial;
use super::registry::NotAdded;
use super::{Agents, TEST_TENANT, tenant_name, time};
use crate::clock;
use crate::store::StoreError;
use seamless_pta::agent::{Denied, Issued, Newcomer, Renewal};
use seamless_pta::certificate::{AgentCertificate, IssueError, Request, RequestError, Role};
use seamless_pta::enrolment::{Token, TokenError, Wish};
use seamless_pta::message::{Certificate, Chain, Csr, Enrol, Enrolled, Renew, V1};
use seamless_pta::seal::SealError;
use seamless_pta::time::CERTIFICATE_LIFE;
use seamless_pta::user::Tenant;
use seamless_pta::{Agent, AgentId, Fixed, Time};
use thiserror::Error;
use zeroize::Zeroizing;

/// The reason why an agent gets no certificate. The log has the reason. An agent that enrols learns only that it is refused.
#[derive(Debug, Error)]
pub(super) enum NoCertificate {
    /// The server does not know the token, because it was used or has expired.
    #[error("the enrolment token is not known: it was used, or it has expired")]
    UnknownToken,
    #[error("{0}")]
    Token(#[from] TokenError),
    #[error("{0}")]
    Request(#[from] RequestError),
    #[error("{0}")]
    SealingKey(#[from] SealError),
    #[error("{0}")]
    Denied(#[from] Denied),
    #[error("the agent is not known")]
    UnknownAgent,
    #[error("the tenant has too many agents; an agent is forgotten ten days after its certificate has expired")]
    TooMany,
    #[error("{0}")]
    Issue(#[from] IssueError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Agents {
    /// Makes a token with which an agent may enrol.
    pub(super) async fn make_token(
        &self,
        tenant: &str,
        role: Role,
        host: Option<String>,
        issuer: String,
    ) -> Result<Zeroizing<String>, String> {
        let tenant = tenant_name(tenant).filter(|tenant| self.realms.contains_key(tenant));
        let tenant = tenant.ok_or("the tenant is unknown, or its `password` names neither agents nor hashes")?;
        if role == Role::Phs && self.tables.get(tenant.as_str()).is_none() {
            return Err("this tenant takes no password hashes: its `password` does not name hashes".into());
        }
        let (wish, random) = (Wish { tenant, role, host, issuer }, Zeroizing::new(clock::random()));
        let made = Token::make(wish, &random, self.authority.pin(), time(clock::now()));
        let (token, grant) = made.ok_or("the token cannot be made")?;
        self.registry.put_grant(token.id(), &grant).await.map_err(|error| error.to_string())?;
        Ok(token.secret_text())
    }

    /// Makes a token for the agent of the built-in test realm.
    pub(crate) async fn token_of_test_agent(&self) -> Result<Token, String> {
        let token = self.make_token(TEST_TENANT, Role::Pta, None, "--with-agent".into()).await?;
        Token::parse(&token).ok_or_else(|| "the token cannot be read".into())
    }

    /// Gives a certificate to a new agent. A request with a wrong secret does not use the token up.
    pub(super) async fn enrol(&self, enrol: &Enrol) -> Result<Enrolled, NoCertificate> {
        let (now, id) = (time(clock::now()), enrol.token.id());
        let request = Request::read(&enrol.csr, enrol.seal_key)?;
        let known = self.registry.grant(id).await?.ok_or(NoCertificate::UnknownToken)?;
        if !known.is_of(&enrol.token) {
            return Err(TokenError::Secret.into());
        }
        let grant = self.registry.take_grant(id).await?.ok_or(NoCertificate::UnknownToken)?;
        let enrolment = grant.redeem(&enrol.token, enrol.host.as_str(), now)?;
        let agent = AgentId::from_random(clock::random());
        let (issued, certificate) = self.issue(&request, (&enrolment.tenant, enrolment.role, agent), now)?;
        let newcomer = Newcomer {
            id: agent,
            tenant: enrolment.tenant,
            role: enrolment.role,
            host: enrol.host.clone(),
            version: enrol.version.clone(),
        };
        let agent = Agent::enrol(newcomer, &issued, &enrol.csr, now);
        self.registry.add(&agent, now).await?;
        let (tenant, by, host) = (agent.tenant(), enrolment.issuer, agent.host());
        tracing::info!(%tenant, agent = %agent.id(), %host, by, "an agent has enrolled");
        self.enrolled(&agent, &issued, certificate)
    }

    /// Gives a new certificate to an agent. If the request names an old generation, the agent becomes locked.
    pub(super) async fn renew(&self, shown: &AgentCertificate, renew: &Renew) -> Result<Enrolled, NoCertificate> {
        let now = time(clock::now());
        let request = Request::read(&renew.csr, renew.seal_key)?;
        let (issued, certificate) = self.issue(&request, (&shown.tenant, shown.role, shown.agent), now)?;
        let decide = |agent: Agent| decided(agent, shown, renew, (&issued, &renew.csr), now);
        let decided = self.registry.change(shown.agent, now, decide).await?;
        match decided.ok_or(NoCertificate::UnknownAgent)? {
            Ok(agent) => {
                tracing::info!(agent = %agent.id(), generation = agent.generation(), "an agent has a new certificate");
                self.enrolled(&agent, &issued, certificate)
            }
            Err(denied) => {
                if denied == Denied::Locked {
                    self.gateway.end(shown.agent);
                    let (agent, generation) = (shown.agent, renew.generation);
                    tracing::error!(%agent, generation, serial = %shown.serial, "ALARM: {denied}");
                }
                Err(denied.into())
            }
        }
    }

    fn issue(
        &self,
        request: &Request,
        whom: (&Tenant, Role, AgentId),
        now: Time,
    ) -> Result<(Issued, Certificate), NoCertificate> {
        let (serial, challenge) = (serial(), Fixed::new(clock::random()));
        let certificate = self.authority.issue(request, whom, serial, now)?;
        let not_after = now.after(CERTIFICATE_LIFE);
        Ok((Issued { serial, key: request.sealing_key(), not_after, challenge }, certificate))
    }

    fn enrolled(&self, agent: &Agent, issued: &Issued, certificate: Certificate) -> Result<Enrolled, NoCertificate> {
        let chain = Chain::new(vec![self.authority.certificate().clone()]);
        Ok(Enrolled {
            v: V1,
            agent: agent.id(),
            tenant: agent.tenant().clone(),
            certificate,
            chain: chain.ok_or_else(|| IssueError::Authority("there is none".into()))?,
            not_after: issued.not_after,
            renew_at: renew_at(time(clock::now())),
            generation: agent.generation(),
            nodes: self.nodes(),
            challenge: issued.key.seal_challenge(&issued.challenge, Zeroizing::new(clock::random()))?,
        })
    }
}

/// Decides on a renewal. Returns the agent that the caller must store, if any, and the result of the renewal.
fn decided(
    agent: Agent,
    shown: &AgentCertificate,
    renew: &Renew,
    (issued, csr): (&Issued, &Csr),
    now: Time,
) -> (Option<Agent>, Result<Agent, Denied>) {
    let changed = match agent.may_renew(&shown.serial, renew.generation, csr, now) {
        Ok(Renewal::Issue) => agent.renewed(issued, csr, now),
        Ok(Renewal::Repeat) => agent.repeated(issued, csr),
        Err(Denied::Locked) => return (Some(agent.locked()), Err(Denied::Locked)),
        Err(denied) => return (None, Err(denied)),
    };
    (Some(changed.clone()), Ok(changed))
}

/// Returns the time of the next renewal: half of the certificate's life, and up to a tenth of that life earlier or later. So
/// the agents do not all renew at the same time.
fn renew_at(now: Time) -> Time {
    let [octet] = clock::random();
    let permille = 400_u32.saturating_add(u32::from(octet).saturating_mul(200) / 255);
    now.after(CERTIFICATE_LIFE.saturating_mul(permille).checked_div(1_000).unwrap_or(CERTIFICATE_LIFE))
}

impl From<NotAdded> for NoCertificate {
    fn from(error: NotAdded) -> Self {
        match error {
            NotAdded::TooMany => Self::TooMany,
            NotAdded::Store(error) => Self::Store(error),
        }
    }
}
