//! Refusals: each names the check that a ticket or an authenticator failed. [`Refusal::explain`] makes the error.

use super::facts::{OpenedBy, TicketFacts};
use super::verify::realms_refused_on_the_way;
use crate::error::{AddressCause, BoundedText, DelegationKind, Error, NameCause, NamePart, TransitedCause};
use crate::policy::Policy;
use crate::time::UnixTime;

/// The check that a request did not pass. A refusal has only 16 octets, since [`explain`](Self::explain) gets the other facts
/// of the error from its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    TicketInvalid,
    TicketNotYetValid,
    TicketExpired,
    TicketLifetime,
    Name(NameCause),
    UntrustedRealm,
    Transited,
    Address(AddressCause),
    Delegation(DelegationKind),
    ClientMismatch(NamePart),
    /// The client's clock differs too much from the server's clock. The number is the client's time, in seconds.
    ClockSkew(i64),
}

/// The facts that explain a refusal.
pub(crate) struct Grounds<'a> {
    pub(crate) ticket: TicketFacts<'a>,
    pub(crate) opened_by: &'a OpenedBy,
    pub(crate) policy: &'a Policy,
    pub(crate) now: UnixTime,
}

impl Refusal {
    /// Returns the error that explains this refusal.
    #[cold]
    pub(crate) fn explain(self, Grounds { ticket, opened_by, policy, now }: Grounds<'_>) -> Error {
        let (start, end) = (ticket.start_time(), ticket.end_time());
        match self {
            Self::TicketInvalid => Error::TicketInvalid,
            Self::TicketNotYetValid => Error::TicketNotYetValid { start, now },
            Self::TicketExpired => Error::TicketExpired { end, now },
            Self::TicketLifetime => Error::TicketLifetime {
                seconds: end.seconds_since(start),
                limit_seconds: policy.ticket_lifetime_limit(),
            },
            Self::Name(cause) => Error::NameRefused { name: ticket.client().bounded(), cause },
            Self::UntrustedRealm => Error::UntrustedRealm {
                realm: BoundedText::new(ticket.client_realm()),
                account: BoundedText::new(opened_by.account.name()),
            },
            Self::Transited => Error::Transited(match realms_refused_on_the_way(ticket, opened_by, policy) {
                Ok(refused) => TransitedCause::Realms(refused),
                Err(fault) => TransitedCause::Unreadable(fault),
            }),
            Self::Address(cause) => Error::AddressMismatch(cause),
            Self::Delegation(kind) => Error::Delegation(kind),
            Self::ClientMismatch(part) => Error::ClientMismatch(part),
            Self::ClockSkew(client) => Error::ClockSkew {
                client: UnixTime::from_seconds(client),
                server: now,
                allowed_seconds: policy.clock_skew,
            },
        }
    }
}
