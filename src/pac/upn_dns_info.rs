//! UPN_DNS_INFO (MS-PAC section 2.10): the user's principal name, and the DNS name of the user's domain.
//!
//! The SID in this buffer decides about the sign-in, so it is read when the PAC is verified ([`find_sid`]). The texts only
//! describe the user, so they are read when the caller asks for them.

use super::fault::{Fault, Kind};
use super::field::Field;
use super::reader::{Reader, check_text};
use crate::flags::flags;
use crate::sid::Sid;
use crate::span::Span;
use crate::wide_text::WideText;

/// The buffer UPN_DNS_INFO: names of the user.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct UpnDnsInfo<'a> {
    /// The user principal name. An administrator chooses the suffix of the name, so the suffix can differ from the domain's
    /// name.
    pub upn: WideText<'a>,
    /// The DNS name of the user's domain, in upper case.
    pub dns_domain_name: WideText<'a>,
    /// The flags. The flags say whether the KDC constructed the UPN, and whether the structure has the extended form.
    pub flags: UpnFlags,
    /// The account's name. Only the extended form has this name.
    pub sam_name: Option<WideText<'a>>,
    /// The user's SID. Only the extended form has this SID. In [`Accepted::pac`](crate::Accepted::pac) this SID equals
    /// the user's SID in LOGON_INFO, if the PAC has a LOGON_INFO.
    pub sid: Option<Sid>,
}

flags! {
    /// The flags of a UPN_DNS_INFO. Unknown bits are kept.
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct UpnFlags(u32) {
        /// The account has no UPN in the directory: the KDC constructed the UPN from the account's name and the domain.
        const CONSTRUCTED = 0x1;
        /// The structure has the extended form, with the account's name and SID.
        const EXTENDED = 0x2;
    }
}

/// Returns the span of the SID in a UPN_DNS_INFO of the extended form. Returns `None` for the short form.
pub(super) fn find_sid(pac: &[u8], buffer: Span) -> Result<Option<Span>, Fault> {
    let parts = Parts::read(pac, buffer)?;
    parts.extended.map(|extended| parts.around.sid(extended.sid)).transpose()
}

impl<'a> UpnDnsInfo<'a> {
    pub(super) fn read(pac: &'a [u8], buffer: Span) -> Result<Self, Fault> {
        let Parts { upn, dns_domain_name, flags, extended, around } = Parts::read(pac, buffer)?;
        let (sam_name, sid) = match extended {
            Some(extended) => (Some(around.text(extended.sam_name)?), Some(around.sid(extended.sid)?)),
            None => (None, None),
        };
        Ok(Self {
            upn: around.text(upn)?,
            dns_domain_name: around.text(dns_domain_name)?,
            flags,
            sam_name,
            sid: sid.and_then(|sid| Sid::from_bytes(sid.of(pac))),
        })
    }
}

/// The fields of a UPN_DNS_INFO before the texts and the SID are read.
struct Parts<'a> {
    upn: Part,
    dns_domain_name: Part,
    flags: UpnFlags,
    extended: Option<Extended>,
    around: Around<'a>,
}

/// The fields that the extended form adds.
#[derive(Clone, Copy)]
struct Extended {
    sam_name: Part,
    sid: Part,
}

impl<'a> Parts<'a> {
    fn read(pac: &'a [u8], buffer: Span) -> Result<Self, Fault> {
        let mut reader = Reader::new(pac, buffer);
        let upn = Part::read(&mut reader, Field::UpnText)?;
        let dns_domain_name = Part::read(&mut reader, Field::UpnDnsDomainName)?;
        let flags = UpnFlags::from_bits(reader.u32(Field::UpnFlags)?);
        let extended = if flags.contains(UpnFlags::EXTENDED) {
            let sam_name = Part::read(&mut reader, Field::UpnSamName)?;
            Some(Extended { sam_name, sid: Part::read(&mut reader, Field::UpnSid)? })
        } else {
            None
        };
        // The texts and the SID must lie after the fields.
        let around = Around { pac, buffer, contents: reader.at() };
        Ok(Self { upn, dns_domain_name, flags, extended, around })
    }
}

/// The length of a text or SID, and its offset from the beginning of the structure, both in octets.
#[derive(Clone, Copy)]
struct Part {
    field: Field,
    length: u16,
    offset: u16,
}

impl Part {
    fn read(reader: &mut Reader<'_>, field: Field) -> Result<Self, Fault> {
        Ok(Self { field, length: reader.u16(field)?, offset: reader.u16(field)? })
    }
}

/// The buffer that contains the parts.
#[derive(Clone, Copy)]
struct Around<'a> {
    pac: &'a [u8],
    buffer: Span,
    /// The offset at which the fields end.
    contents: usize,
}

impl<'a> Around<'a> {
    /// Returns the span of a part. A part that is not empty must lie after the fields and within the buffer.
    fn locate(self, part: Part) -> Result<Span, Fault> {
        // The two offsets have at most 17 bits, so their sum cannot saturate.
        let span = Span::new(self.buffer.start().saturating_add(part.offset.into()), part.length.into());
        if part.length == 0 || (span.start() >= self.contents && span.end() <= self.buffer.end()) {
            return Ok(span);
        }
        Err(Fault::new(part.field, self.buffer.start(), Kind::Offset))
    }

    fn text(self, part: Part) -> Result<WideText<'a>, Fault> {
        let span = self.locate(part)?;
        check_text(span.of(self.pac), span.start(), part.field)?;
        Ok(WideText::of_checked(span.of(self.pac)))
    }

    fn sid(self, part: Part) -> Result<Span, Fault> {
        let span = self.locate(part)?;
        if Sid::is_packet(span.of(self.pac)) { Ok(span) } else { Err(Fault::new(part.field, span.start(), Kind::Sid)) }
    }
}
