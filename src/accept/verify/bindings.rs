//! The authenticator's checksum: what the client wants of the context, and which channel it binds to.

use crate::accept::request::Message;
use crate::crypto::{ChecksumType, Key, KeyUsage};
use crate::error::{BindingDemand, ChecksumCause, Error, Misuse};
use crate::policy::{BindingLevel, Policy};
use crate::wire::gss::{ChannelBindings, GssChecksum, GssFlags, is_absent};
use crate::wire::krb5::Checksum;
use core::net::IpAddr;

/// What is known about the connection that a request came over. Nothing, by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connection<'c> {
    pub(crate) bindings: &'c [ChannelBindings],
    pub(crate) client_address: Option<IpAddr>,
}

impl<'c> Connection<'c> {
    /// The bindings of this connection's channel, besides the policy's; the client may send any of them.
    #[must_use]
    pub const fn channel_bindings(self, bindings: &'c [ChannelBindings]) -> Self {
        Self { bindings, ..self }
    }

    /// The client's address, for tickets that are bound to one.
    #[must_use]
    pub const fn client_address(self, address: IpAddr) -> Self {
        Self { client_address: Some(address), ..self }
    }
}

/// Whether a request is bound to the channel that it came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindingState {
    /// The client binds to nothing.
    Absent,
    /// The client binds to a channel, and nothing was there to compare it with, or the policy ignores it.
    Unchecked,
    /// The client binds to this channel.
    Matched,
}

/// What the checksum says, once it is as it must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedChecksum<'a> {
    pub(crate) flags: Option<GssFlags>,
    pub(crate) bindings: &'a [u8; 16],
    /// The KRB-CRED of a client that hands over credentials.
    pub(crate) delegated: Option<&'a [u8]>,
}

/// RFC 4121 section 4.1.1 has every GSS token carry a checksum of type 0x8003. Real clients send none (MS-KILE section
/// 3.4.5 takes such tokens), or a keyed one over nothing, as Samba's once did, which must verify. A keyed one in a bare
/// AP-REQ is over data of the application's, which is not here: what protects the authenticator is its encryption.
pub(crate) fn check_checksum<'a>(
    checksum: Option<Checksum<'a>>,
    message: Message,
    session_key: &Key,
) -> Result<CheckedChecksum<'a>, ChecksumCause> {
    let none = CheckedChecksum { flags: None, bindings: &[0; 16], delegated: None };
    let Some(checksum) = checksum else {
        return Ok(none);
    };
    if checksum.checksum_type == ChecksumType::GSSAPI {
        let gss = GssChecksum::read(checksum.value)?;
        return Ok(CheckedChecksum { flags: Some(gss.flags), bindings: gss.bindings, delegated: gss.delegated });
    }
    if session_key.etype().checksum_type() != Some(checksum.checksum_type) {
        return Err(ChecksumCause::Type(checksum.checksum_type));
    }
    if message == Message::Bare {
        return Ok(none);
    }
    let verified = session_key.checksummer(KeyUsage::AP_REQ_AUTHENTICATOR_CHECKSUM).start().verify(checksum.value);
    verified.map(|()| none).map_err(|_| ChecksumCause::Wrong)
}

/// Compares what the client binds to with what this server's channel is. `advertised` is the client's word in
/// KERB_AP_OPTIONS that it binds.
pub(crate) fn check_bindings(
    sent: &[u8; 16],
    advertised: bool,
    policy: &Policy,
    connection: &Connection<'_>,
) -> Result<BindingState, Error> {
    let absent = is_absent(sent);
    let unchecked = if absent { BindingState::Absent } else { BindingState::Unchecked };
    if policy.binding_level == BindingLevel::Ignore {
        return Ok(unchecked);
    }
    if policy.bindings.is_empty() && connection.bindings.is_empty() {
        // Without bindings of its own a server cannot tell a relayed request. That is a choice at the default level only.
        return match policy.binding_level {
            BindingLevel::Require | BindingLevel::IfAdvertised => Err(Error::Misuse(Misuse::NoBindings)),
            _ => Ok(unchecked),
        };
    }
    if !absent {
        // Every one is compared, whichever fits, so that the time does not tell which.
        let ours = policy.bindings.iter().chain(connection.bindings);
        let matched = ours.fold(false, |matched, bindings| bindings.matches(sent) | matched);
        return if matched { Ok(BindingState::Matched) } else { Err(Error::ChannelBinding) };
    }
    match policy.binding_level {
        BindingLevel::Require => Err(Error::ChannelBindingMissing(BindingDemand::Required)),
        BindingLevel::IfAdvertised if advertised => Err(Error::ChannelBindingMissing(BindingDemand::Advertised)),
        _ => Ok(BindingState::Absent),
    }
}
