//! The channel bindings in the authenticator's checksum (RFC 4121 section 4.1.1.2, MS-KILE section 3.4.5).

use crate::accept::arrival::Arrival;
use crate::error::{BindingDemand, Error, Misuse};
use crate::policy::{BindingAddressPolicy, BindingLevel, Policy};
use crate::wire::gss::is_absent;

/// Whether a request is bound to the channel on which the request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindingState {
    /// The client sent no channel bindings.
    Absent,
    /// The client sent channel bindings, which were not checked: the server has no bindings, or the policy ignores bindings.
    Unchecked,
    /// The client sent the channel bindings of this channel.
    Matched,
}

/// Compares the client's bindings with the server's bindings. `advertised` is true if the client announces bindings in
/// KERB_AP_OPTIONS.
pub(super) fn check_bindings(
    sent: &[u8; 16],
    advertised: bool,
    policy: &Policy,
    arrival: &Arrival<'_>,
) -> Result<BindingState, Error> {
    let absent = is_absent(sent);
    let unchecked = if absent { BindingState::Absent } else { BindingState::Unchecked };
    if policy.binding_level == BindingLevel::Ignore {
        return Ok(unchecked);
    }
    if policy.bindings.is_empty() && arrival.bindings.is_empty() {
        // A server without bindings cannot recognise a relayed request, so the levels that demand bindings refuse every
        // request.
        return match policy.binding_level {
            BindingLevel::Require | BindingLevel::IfAdvertised => Err(Error::Misuse(Misuse::NoBindings)),
            _ => Ok(unchecked),
        };
    }
    if !absent {
        // All bindings are compared, also after a match, so that the time does not show which bindings matched.
        let ours = policy.bindings.iter().chain(arrival.bindings);
        let null_addresses = policy.binding_addresses == BindingAddressPolicy::AllowNull;
        let matched = ours.fold(false, |matched, bindings| {
            matched | bindings.matches(sent) | (bindings.match_with_null_addresses(sent) & null_addresses)
        });
        return if matched { Ok(BindingState::Matched) } else { Err(Error::ChannelBinding) };
    }
    match policy.binding_level {
        BindingLevel::Require => Err(Error::ChannelBindingMissing(BindingDemand::Required)),
        BindingLevel::IfAdvertised if advertised => Err(Error::ChannelBindingMissing(BindingDemand::Advertised)),
        _ => Ok(BindingState::Absent),
    }
}
