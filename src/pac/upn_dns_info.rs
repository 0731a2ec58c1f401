//! UPN_DNS_INFO (MS-PAC section 2.10): the user's principal name, and the DNS name of the user's domain.

use super::reader::{Place, Reader};
use super::wide_text::WideText;
use crate::error::{PacMalformed, PacProblem};
use crate::sid::Sid;
use crate::wire::der::Tell;

/// The buffer UPN_DNS_INFO.
#[derive(Clone, Copy, Debug)]
pub struct UpnDnsInfo<'a> {
    /// The user principal name. Its suffix is an administrator's choice and need not be the domain's.
    pub upn: WideText<'a>,
    /// The DNS name of the user's domain, in upper case.
    pub dns_domain_name: WideText<'a>,
    /// What the UPN is, and whether there is more.
    pub flags: UpnFlags,
    /// The account's name, in the extended form.
    pub sam_name: Option<WideText<'a>>,
    /// The user's SID, in the extended form. In [`Accepted::pac`](crate::Accepted::pac) it is LOGON_INFO's, if there is one.
    pub sid: Option<Sid>,
}

/// The flags of a UPN_DNS_INFO; bits that are not known are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UpnFlags(pub u32);

impl UpnFlags {
    /// The account has no UPN of its own: account name and domain were joined into one.
    pub const CONSTRUCTED: Self = Self(0x1);
    /// The extended form: account name and SID follow.
    pub const EXTENDED: Self = Self(0x2);

    /// Whether all bits of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct UpnDnsInfoLayout {
    upn: Place,
    dns_domain_name: Place,
    flags: UpnFlags,
    extended: Option<Extended>,
}

#[derive(Clone, Copy, Debug)]
struct Extended {
    sam_name: Place,
    sid: Place,
}

impl UpnDnsInfoLayout {
    pub(super) fn read<D: Tell<PacMalformed>>(pac: &[u8], buffer: Place) -> Result<Self, D::Told> {
        let mut reader = Reader::<D>::new(pac, buffer);
        let upn = Part::read(&mut reader, "UPN_DNS_INFO.Upn")?;
        let dns_domain_name = Part::read(&mut reader, "UPN_DNS_INFO.DnsDomainName")?;
        let flags = UpnFlags(reader.u32("UPN_DNS_INFO.Flags")?);
        let extended = if flags.contains(UpnFlags::EXTENDED) {
            let sam_name = Part::read(&mut reader, "UPN_DNS_INFO.SamName")?;
            Some((sam_name, Part::read(&mut reader, "UPN_DNS_INFO.Sid")?))
        } else {
            None
        };
        let contents = Place::new(reader.at(), reader.left());
        let extended = match extended {
            Some((sam_name, sid)) => {
                let sam_name = sam_name.text::<D>(pac, buffer, contents)?;
                Some(Extended { sam_name, sid: sid.sid::<D>(pac, buffer, contents)? })
            }
            None => None,
        };
        Ok(Self {
            upn: upn.text::<D>(pac, buffer, contents)?,
            dns_domain_name: dns_domain_name.text::<D>(pac, buffer, contents)?,
            flags,
            extended,
        })
    }

    pub(super) fn view(self, pac: &[u8]) -> UpnDnsInfo<'_> {
        let text = |place: Place| WideText::of_checked(place.of(pac));
        UpnDnsInfo {
            upn: text(self.upn),
            dns_domain_name: text(self.dns_domain_name),
            flags: self.flags,
            sam_name: self.extended.map(|extended| text(extended.sam_name)),
            sid: self.sid_packet(pac).and_then(Sid::from_bytes),
        }
    }

    /// The packet form of the SID.
    pub(super) fn sid_packet(self, pac: &[u8]) -> Option<&[u8]> {
        self.extended.map(|extended| extended.sid.of(pac))
    }
}

/// A length and an offset from the structure's beginning, in bytes.
#[derive(Clone, Copy)]
struct Part {
    what: &'static str,
    length: usize,
    offset: usize,
}

impl Part {
    fn read<D: Tell<PacMalformed>>(reader: &mut Reader<'_, D>, what: &'static str) -> Result<Self, D::Told> {
        Ok(Self { what, length: usize::from(reader.u16(what)?), offset: usize::from(reader.u16(what)?) })
    }

    /// The part lies behind the header and ends in the buffer.
    fn locate<D: Tell<PacMalformed>>(self, buffer: Place, contents: Place) -> Result<Place, D::Told> {
        let place = Place::new(buffer.at().saturating_add(self.offset), self.length);
        if self.length == 0 || (place.at() >= contents.at() && place.end() <= contents.end()) {
            return Ok(place);
        }
        Err(D::tell(|| PacMalformed { what: self.what, at: buffer.at(), problem: PacProblem::Offset }))
    }

    fn text<D: Tell<PacMalformed>>(self, pac: &[u8], buffer: Place, contents: Place) -> Result<Place, D::Told> {
        let place = self.locate::<D>(buffer, contents)?;
        match WideText::new(place.of(pac)) {
            Some(_) => Ok(place),
            None => Err(D::tell(|| PacMalformed { what: self.what, at: place.at(), problem: PacProblem::Text })),
        }
    }

    fn sid<D: Tell<PacMalformed>>(self, pac: &[u8], buffer: Place, contents: Place) -> Result<Place, D::Told> {
        let place = self.locate::<D>(buffer, contents)?;
        let malformed = || PacMalformed { what: self.what, at: place.at(), problem: PacProblem::Sid };
        if Sid::is_packet(place.of(pac)) { Ok(place) } else { Err(D::tell(malformed)) }
    }
}
