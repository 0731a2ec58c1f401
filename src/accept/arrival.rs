//! The time and the connection of a token's arrival. The caller gives them, because the token contains neither.

use crate::time::UnixTime;
use crate::wire::gss::ChannelBindings;
use core::net::IpAddr;

/// The time at which a token arrived, and the connection on which it arrived.
///
/// A [`UnixTime`] converts into an arrival, for a server that does not know the connection. With the feature `std`, a
/// `SystemTime` also converts into an arrival.
///
/// ```
/// use kerberos_sso::{Arrival, ChannelBindings, UnixTime};
///
/// let now = UnixTime::from_seconds(1_795_000_000);
/// let plain = Arrival::from(now);
///
/// let certificate_hash = [ChannelBindings::new(b"tls-server-end-point:...")];
/// let bound = Arrival::at(now).with_channel_bindings(&certificate_hash);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Arrival<'c> {
    pub(crate) now: UnixTime,
    pub(crate) bindings: &'c [ChannelBindings],
    pub(crate) client_address: Option<IpAddr>,
}

impl<'c> Arrival<'c> {
    /// Makes an arrival at `now`, on an unknown connection.
    pub const fn at(now: UnixTime) -> Self {
        Self { now, bindings: &[], client_address: None }
    }

    /// Adds the bindings of this connection's channel to the bindings of the policy. The client's bindings must match one
    /// of these bindings.
    pub const fn with_channel_bindings(self, bindings: &'c [ChannelBindings]) -> Self {
        Self { bindings, ..self }
    }

    /// Adds the client's address. If a ticket is bound to addresses, the ticket must name this address.
    pub const fn with_client_address(self, address: IpAddr) -> Self {
        Self { client_address: Some(address), ..self }
    }

    /// Returns the time of arrival.
    #[must_use]
    pub const fn time(&self) -> UnixTime {
        self.now
    }
}

/// Returns the time of arrival.
impl From<Arrival<'_>> for UnixTime {
    fn from(arrival: Arrival<'_>) -> Self {
        arrival.now
    }
}

impl From<UnixTime> for Arrival<'_> {
    fn from(now: UnixTime) -> Self {
        Self::at(now)
    }
}

#[cfg(feature = "std")]
impl From<std::time::SystemTime> for Arrival<'_> {
    fn from(now: std::time::SystemTime) -> Self {
        Self::at(now.into())
    }
}
