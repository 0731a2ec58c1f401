//! The refusal of a PAC: the check that the PAC failed, and the error that explains the failure.

use crate::accept::facts::TicketFacts;
use crate::error::{
    AccountCause, BoundedText, DelegationKind, DomainClaim, Error, MissingPac, PacMismatch, PacSignature,
    SignatureCause,
};
use crate::keys::Account;
use crate::pac::{BufferType, LogonInfo, VerifiedPac};
use crate::sid::Sid;

/// The check that a PAC failed. [`explain`](Self::explain) reads the details from the PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacRefusal {
    ClientName,
    AuthTime,
    Delegation(DelegationKind),
    NoLogonInfo,
    Requestor,
    UpnSid,
    UserDomain,
    /// The extra SID with this index is of a foreign domain.
    ExtraSid(usize),
    ResourceGroupDomain,
    /// The resource group with this index is of a foreign domain.
    ResourceGroup(usize),
    /// The KDC's signature of this type is missing.
    NoKdcSignature(BufferType),
    Account(AccountCause),
}

const _: () = assert!(size_of::<PacRefusal>() <= 16, "a refusal is returned in registers");

/// The facts that explain a refusal.
pub(crate) struct Grounds<'a> {
    pub(crate) pac: &'a VerifiedPac<'a>,
    pub(crate) ticket: TicketFacts<'a>,
    pub(crate) account: &'a Account,
}

impl PacRefusal {
    /// Returns the error that explains this refusal. The error contains SIDs and names of the PAC, which the failed
    /// check has read. If one of them were missing, the function would return the error of a PAC without LOGON_INFO.
    #[cold]
    #[inline(never)]
    pub(crate) fn explain(self, grounds: &Grounds<'_>) -> Error {
        self.error(grounds).unwrap_or(Error::PacMissing(MissingPac::LogonInfo))
    }

    fn error(self, Grounds { pac, ticket, account }: &Grounds<'_>) -> Option<Error> {
        let (client, logon) = (pac.client_info(), pac.logon_info());
        let user = || logon.as_ref().map(LogonInfo::user_sid);
        let untrusted = |claim, sid| Error::UntrustedDomain { claim, sid, account: BoundedText::new(account.name()) };
        Some(match self {
            Self::ClientName => Error::PacMismatch(PacMismatch::ClientName {
                pac: BoundedText::spelled(client.name.chars()),
                ticket: ticket.client().bounded(),
            }),
            Self::AuthTime => Error::PacMismatch(PacMismatch::AuthTime {
                pac: client.client_id.instant(),
                ticket: ticket.auth_time(),
            }),
            Self::Delegation(kind) => Error::Delegation(kind),
            Self::NoLogonInfo => Error::PacMissing(MissingPac::LogonInfo),
            Self::Requestor => {
                Error::PacMismatch(PacMismatch::Requestor { requestor: pac.requestor()?, user: user()? })
            }
            Self::UpnSid => {
                let upn = Sid::from_bytes(pac.upn_sid_packet()?)?;
                Error::PacMismatch(PacMismatch::UpnSid { upn, user: user()? })
            }
            Self::UserDomain => untrusted(DomainClaim::User, user()?),
            Self::ExtraSid(index) => untrusted(DomainClaim::ExtraSid, logon?.extra_sids().nth(index)?.sid),
            Self::ResourceGroupDomain => untrusted(DomainClaim::ResourceGroup, logon?.resource_group_domain_sid()?),
            Self::ResourceGroup(index) => {
                untrusted(DomainClaim::ResourceGroup, logon?.resource_groups().nth(index)?.sid)
            }
            Self::NoKdcSignature(buffer_type) => {
                Error::PacSignature(PacSignature { buffer_type, cause: SignatureCause::Missing })
            }
            Self::Account(cause) => {
                let name = BoundedText::spelled(logon?.effective_name().chars());
                Error::AccountRefused { name, sid: user()?, cause }
            }
        })
    }
}
