//! UPN_DNS_INFO (MS-PAC section 2.10): the user's principal name, and the DNS name of the user's domain.

use super::fault::{Fault, Kind};
use super::field::Field;
use super::reader::{Reader, check_text};
use crate::flags::flags;
use crate::sid::Sid;
use crate::span::Span;
use crate::wide_text::WideText;

/// The buffer UPN_DNS_INFO.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct UpnDnsInfo<'a> {
    /// The user principal name. An administrator chooses its suffix, which need not be the domain's.
    pub upn: WideText<'a>,
    /// The DNS name of the user's domain, in upper case.
    pub dns_domain_name: WideText<'a>,
    /// Whether the UPN is the account's own, and whether the structure has the extended form.
    pub flags: UpnFlags,
    /// The account's name, in the extended form.
    pub sam_name: Option<WideText<'a>>,
    /// The user's SID, in the extended form. In [`Accepted::pac`](crate::Accepted::pac) it equals
    /// the one of LOGON_INFO, if there is one.
    pub sid: Option<Sid>,
}

flags! {
    /// The flags of a UPN_DNS_INFO; unknown bits are kept.
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct UpnFlags(u32) {
        /// The account has no UPN of its own: the KDC joined account name and domain into one.
        const CONSTRUCTED = 0x1;
        /// The structure has the extended form: account name and SID follow.
        const EXTENDED = 0x2;
    }
}

/// Where the fields of a UPN_DNS_INFO are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpnDnsInfoLayout {
    upn: Span,
    dns_domain_name: Span,
    flags: UpnFlags,
    extended: Option<Extended>,
}

#[derive(Clone, Copy, Debug)]
struct Extended {
    sam_name: Span,
    sid: Span,
}

impl UpnDnsInfoLayout {
    pub(super) fn read(pac: &[u8], buffer: Span) -> Result<Self, Fault> {
        let mut reader = Reader::new(pac, buffer);
        let upn = Part::read(&mut reader, Field::UpnText)?;
        let dns_domain_name = Part::read(&mut reader, Field::UpnDnsDomainName)?;
        let flags = UpnFlags::from_bits(reader.u32(Field::UpnFlags)?);
        let extended = if flags.contains(UpnFlags::EXTENDED) {
            Some((Part::read(&mut reader, Field::UpnSamName)?, Part::read(&mut reader, Field::UpnSid)?))
        } else {
            None
        };
        // The parts lie behind the fields.
        let around = Around { pac, buffer, contents: reader.at() };
        let extended = match extended {
            Some((sam_name, sid)) => Some(Extended { sam_name: around.text(sam_name)?, sid: around.sid(sid)? }),
            None => None,
        };
        Ok(Self { upn: around.text(upn)?, dns_domain_name: around.text(dns_domain_name)?, flags, extended })
    }

    pub(super) fn view(self, pac: &[u8]) -> UpnDnsInfo<'_> {
        let text = |span: Span| WideText::of_checked(span.of(pac));
        UpnDnsInfo {
            upn: text(self.upn),
            dns_domain_name: text(self.dns_domain_name),
            flags: self.flags,
            sam_name: self.extended.map(|extended| text(extended.sam_name)),
            sid: self.sid_packet(pac).and_then(Sid::from_bytes),
        }
    }

    /// Returns the packet form of the SID.
    pub(super) fn sid_packet(self, pac: &[u8]) -> Option<&[u8]> {
        self.extended.map(|extended| extended.sid.of(pac))
    }
}

/// A length, and an offset from the beginning of the structure, in octets.
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

/// The structure around the parts.
#[derive(Clone, Copy)]
struct Around<'a> {
    pac: &'a [u8],
    buffer: Span,
    /// Where its fields end.
    contents: usize,
}

impl Around<'_> {
    /// Returns the span of a part, which lies behind the fields and ends in the buffer. An empty part may lie anywhere.
    fn locate(self, part: Part) -> Result<Span, Fault> {
        // Neither of the two numbers has more than 17 bits, so the sum cannot saturate.
        let span = Span::new(self.buffer.start().saturating_add(part.offset.into()), part.length.into());
        if part.length == 0 || (span.start() >= self.contents && span.end() <= self.buffer.end()) {
            return Ok(span);
        }
        Err(Fault::new(part.field, self.buffer.start(), Kind::Offset))
    }

    fn text(self, part: Part) -> Result<Span, Fault> {
        let span = self.locate(part)?;
        check_text(span.of(self.pac), span.start(), part.field)?;
        Ok(span)
    }

    fn sid(self, part: Part) -> Result<Span, Fault> {
        let span = self.locate(part)?;
        if Sid::is_packet(span.of(self.pac)) { Ok(span) } else { Err(Fault::new(part.field, span.start(), Kind::Sid)) }
    }
}
