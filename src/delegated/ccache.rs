//! Credential cache files of format version 4 (MIT krb5, "Credential cache file format"). Heimdal also reads this format.
//!
//! The input is delegated credentials, and the output is the octets of a file. The caller writes the file.
//!
//! ```text
//! 05 04           version
//! 00 00           length of the header, which holds the KDC's clock and may be empty
//! principal       the owner of the cache
//! credential …    to the end of the file
//! ```
//! Numbers are big-endian. Each data field has its length before it, in 32 bits.

use super::{DelegatedCredential, DelegatedCredentials, SecretOctets};
use crate::time::UnixTime;
use crate::wire::krb5::{HostAddresses, PrincipalName};
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Makes the file in two passes. The first pass counts the octets, so that the vector is allocated once. If the vector grew,
/// copies of keys would stay in memory.
pub(super) fn to_octets(credentials: &DelegatedCredentials) -> SecretOctets {
    // A saturated sum is safe, because the allocation then panics.
    let mut length = 0_usize;
    file(credentials, &mut |octets| length = length.saturating_add(octets.len()));
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    file(credentials, &mut |octets| out.extend_from_slice(octets));
    SecretOctets::new(out)
}

/// Writes the file piece by piece.
fn file(credentials: &DelegatedCredentials, out: &mut impl FnMut(&[u8])) {
    out(&[5, 4, 0, 0]);
    if let Some(first) = credentials.credentials().next() {
        principal(first.client(), first.client_realm(), out);
    }
    for one in credentials.credentials() {
        credential(one, out);
    }
}

/// Writes a credential.
///
/// ```text
/// client, server           principals
/// keyblock                 16 bits of type, data
/// authtime, starttime, endtime, renew_till
/// is_skey                  1 octet, for user-to-user
/// ticket_flags             32 bits
/// addresses, authdata      a 32-bit count each
/// ticket, second_ticket    data
/// ```
fn credential(one: DelegatedCredential<'_>, out: &mut impl FnMut(&[u8])) {
    principal(one.client(), one.client_realm(), out);
    principal(one.server(), one.server_realm(), out);
    out(&low_16_bits(one.session_etype().0));
    data(one.info.key.value, out);
    for instant in [one.auth_time(), one.start_time(), one.end_time(), one.renew_till()] {
        out(&time(instant));
    }
    out(&[0]);
    out(&one.flags().bits().to_be_bytes());
    addresses(one.addresses(), out);
    number(0, out);
    data(one.ticket(), out);
    data(&[], out);
}

/// Writes a principal: the name type, the number of components, the realm, the components.
fn principal(name: PrincipalName<'_>, realm: &str, out: &mut impl FnMut(&[u8])) {
    out(&name.name_type().0.to_be_bytes());
    number(name.components().count(), out);
    data(realm.as_bytes(), out);
    name.components().for_each(|component| data(component.as_bytes(), out));
}

fn addresses(addresses: HostAddresses<'_>, out: &mut impl FnMut(&[u8])) {
    number(addresses.iter().count(), out);
    for address in addresses.iter() {
        out(&low_16_bits(address.address_type.0));
        data(address.address, out);
    }
}

fn data(octets: &[u8], out: &mut impl FnMut(&[u8])) {
    number(octets.len(), out);
    out(octets);
}

/// Writes a count or length.
#[expect(
    clippy::expect_used,
    reason = "all counts and lengths describe parts of one message, and its DER lengths are read into 32 bits"
)]
fn number(number: usize, out: &mut impl FnMut(&[u8])) {
    out(&u32::try_from(number).expect("parts of a token are shorter than 2^32 octets").to_be_bytes());
}

/// Returns the low 16 bits of a key type or an address type. No assigned type needs more bits.
const fn low_16_bits(number: i32) -> [u8; 2] {
    let [_, _, high, low] = number.to_be_bytes();
    [high, low]
}

/// Returns a time in the format's 32 bits. Without a time, or for a time before 1970, the result is zero. For a time
/// after 2106, the result is the greatest number of 32 bits.
fn time(instant: Option<UnixTime>) -> [u8; 4] {
    let seconds = instant.map_or(0, UnixTime::seconds);
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX).to_be_bytes()
}
