//! When a token arrived, and over which connection: what the caller knows and the token does not say.

use crate::time::UnixTime;
use crate::wire::gss::ChannelBindings;
use core::net::IpAddr;

/// Says when a token arrived and over which connection.
///
/// A [`UnixTime`] or, with the feature `std`, a `SystemTime` converts into it, for a server that knows nothing of the
/// connection:
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
    /// Makes an arrival at `now`, over a connection of which nothing is known.
    pub const fn at(now: UnixTime) -> Self {
        Self { now, bindings: &[], client_address: None }
    }

    /// Gives the bindings of this connection's channel, in addition to those of the policy. The client may send any of them.
    pub const fn with_channel_bindings(self, bindings: &'c [ChannelBindings]) -> Self {
        Self { bindings, ..self }
    }

    /// Gives the client's address, which a ticket that is bound to addresses must name.
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
