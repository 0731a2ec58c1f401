//! UPN_DNS_INFO as a KDC writes it.

use super::ndr::utf16;
use crate::sid::Sid;
use alloc::string::String;
use alloc::vec::Vec;

/// The fields of UPN_DNS_INFO (MS-PAC section 2.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpnDnsInfoParts {
    /// `Upn` is the user principal name.
    pub upn: String,
    /// `DnsDomainName` is the DNS name of the user's domain.
    pub dns_domain_name: String,
    /// `Flags` says whether the form is the [extended](Self::extended) form ([`UpnFlags`](crate::pac::UpnFlags)).
    pub flags: u32,
    /// The fields `SamName` and `Sid` of the extended form.
    pub extended: Option<(String, Sid)>,
}

impl UpnDnsInfoParts {
    /// Encodes the buffer UPN_DNS_INFO: lengths and offsets, then the texts and the SID.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (mut header, mut contents) = (Vec::new(), Vec::new());
        let size: usize = if self.extended.is_some() { 24 } else { 16 };
        let mut part = |header: &mut Vec<u8>, bytes: &[u8]| {
            header.extend(half(bytes.len()));
            header.extend(half(size.saturating_add(contents.len())));
            contents.extend_from_slice(bytes);
            contents.resize(contents.len().next_multiple_of(8), 0);
        };
        part(&mut header, &utf16(&self.upn));
        part(&mut header, &utf16(&self.dns_domain_name));
        header.extend(self.flags.to_le_bytes());
        if let Some((sam_name, sid)) = &self.extended {
            part(&mut header, &utf16(sam_name));
            part(&mut header, &sid.to_bytes());
        }
        header.resize(size, 0);
        header.extend(contents);
        header
    }
}

fn half(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
}
