//! Fourth stage: a verified request to an authorized one. The ticket's PAC is verified and compared with the ticket, and the
//! account and the policy allow such a user.

mod pac;

use super::buffer::{Buffer, Span};
use super::open::Opened;
use super::verify::{Verified, VerifiedRequest};
use crate::error::{Error, MissingPac, PacMalformed, PacProblem};
use crate::keys::Directory;
use crate::pac::{KdcKeys, Pac, PacLayout, VerifiedPac};
use crate::policy::{KrbErrorPolicy, PacPolicy, Policy};
use crate::wire::krb5::{AdType, AuthorizationElement};

/// A request whose client may sign in, unless it is a replay.
#[derive(Debug)]
pub struct AuthorizedRequest {
    pub(crate) buffer: Buffer,
    pub(crate) opened: Opened,
    pub(crate) verified: Verified,
    pub(crate) pac: Option<PacFields>,
    pub(crate) krb_errors: KrbErrorPolicy,
}

/// Where the PAC lies in the ticket, and where its parts lie in it.
#[derive(Debug)]
pub(crate) struct PacFields {
    pub(crate) place: Span,
    pub(crate) layout: PacLayout,
}

impl VerifiedRequest {
    pub(crate) fn authorize(&self, policy: &Policy) -> Result<Option<PacFields>, Error> {
        authorize(&self.buffer, &self.opened, &self.verified, policy)
    }
}

impl AuthorizedRequest {
    pub(crate) fn new(request: VerifiedRequest, pac: Option<PacFields>, krb_errors: KrbErrorPolicy) -> Self {
        let VerifiedRequest { buffer, opened, verified } = request;
        Self { buffer, opened, verified, pac, krb_errors }
    }

    /// Returns the PAC, verified and compared with the ticket, to explain the decision. The request may still be a replay:
    /// nobody is signed in before [`admit`](Self::admit).
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| pac.of(&self.buffer))
    }
}

/// Verifies the PAC, and compares it with the ticket.
pub(crate) fn authorize(
    buffer: &Buffer,
    opened: &Opened,
    verified: &Verified,
    policy: &Policy,
) -> Result<Option<PacFields>, Error> {
    let pac_policy = pac_policy(opened, policy);
    match verified.found_pac {
        _ if pac_policy == PacPolicy::Ignore => Ok(None),
        FoundPac::Absent if pac_policy == PacPolicy::Require => Err(Error::PacMissing(MissingPac::Pac)),
        FoundPac::Absent => Ok(None),
        FoundPac::One(place) => read_pac(buffer, opened, place, pac_policy, policy).map(Some),
        FoundPac::Several => Err(PacMalformed { what: "AD-WIN2K-PAC", at: 0, problem: PacProblem::Duplicate }.into()),
    }
}

impl PacFields {
    pub(crate) fn of<'a>(&'a self, buffer: &'a Buffer) -> VerifiedPac<'a> {
        VerifiedPac::from_parts(buffer.slice(self.place), &self.layout)
    }
}

/// Returns the policy's choice, or else the one that suits the account's directory.
fn pac_policy(opened: &Opened, policy: &Policy) -> PacPolicy {
    let of_directory = match opened.key.account.directory() {
        Directory::ActiveDirectory => PacPolicy::Require,
        Directory::Any => PacPolicy::VerifyIfPresent,
    };
    policy.pac.unwrap_or(of_directory)
}

fn read_pac(
    buffer: &Buffer,
    opened: &Opened,
    place: Span,
    pac_policy: PacPolicy,
    policy: &Policy,
) -> Result<PacFields, Error> {
    let ticket = opened.ticket(buffer);
    let opened_by = &opened.key;
    let krbtgt_keys = opened_by.account.krbtgt_keys();
    let kdc_keys = (!krbtgt_keys.is_empty()).then(|| KdcKeys { keys: krbtgt_keys, ticket: ticket.plaintext() });
    let found = Pac::read(buffer.slice(place))?;
    let pac = found.verify_under(opened_by.account.pac_keys(opened_by.kvno), kdc_keys)?;
    pac::check(&pac, ticket, &opened_by.account, pac_policy, policy)?;
    Ok(PacFields { place, layout: pac.into_layout() })
}

/// The PAC among what the KDC wrote, of which there must be one at most. What the client wrote is never searched.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FoundPac {
    Absent,
    One(Span),
    Several,
}

impl FoundPac {
    /// What is found, with this element of the authorization data.
    pub(crate) fn with(self, element: AuthorizationElement<'_>, buffer: &Buffer) -> Self {
        match self {
            _ if element.ad_type != AdType::WIN2K_PAC => self,
            Self::Absent => Self::One(buffer.span_of(element.data)),
            _ => Self::Several,
        }
    }
}
