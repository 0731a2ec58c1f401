//! Security descriptors in their self-relative form (MS-DTYP section 2.4.6): the owner and the discretionary access
//! control list (DACL). The attributes `nTSecurityDescriptor` and `msDS-AllowedToActOnBehalfOfOtherIdentity` each have
//! a security descriptor as their value.

use kerberos_sso::Sid;
use thiserror::Error;

/// The owner and the DACL of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityDescriptor {
    control: u16,
    /// The owner, who may always change the DACL.
    pub owner: Option<Sid>,
    /// The entries in the order of the DACL, or `None` if the object has no DACL. Without a DACL, everyone has all
    /// rights.
    pub entries: Option<Vec<AccessEntry>>,
}

/// An entry of an access control list (MS-DTYP section 2.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEntry {
    /// Whether the entry allows or denies its rights.
    pub effect: Effect,
    /// Whether the entry is for children only (INHERIT_ONLY_ACE).
    pub is_for_children_only: bool,
    /// The access mask: one bit for each right, as in [`right`].
    pub mask: u32,
    /// The attribute, the property set or the extended right to which the mask is limited.
    pub object: Option<Guid>,
    /// The SID of the user or group whose rights the entry sets.
    pub sid: Option<Sid>,
    /// The octets of the entry.
    octets: Vec<u8>,
}

/// The effect of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The entry allows its rights.
    Allow,
    /// The entry denies its rights.
    Deny,
    /// The entry has a type that does not concern access, such as an audit entry.
    None,
}

/// A GUID in the order of its octets in the directory (MS-DTYP section 2.3.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// Makes a GUID from the parts of its text form: the first three parts as numbers, and the last two as octets.
    #[must_use]
    pub const fn new(first: u32, second: u16, third: u16, last: [u8; 8]) -> Self {
        let mut octets = [0; 16];
        let (numbers, end) = octets.split_at_mut(8);
        let (long, short) = numbers.split_at_mut(4);
        let (one, other) = short.split_at_mut(2);
        long.copy_from_slice(&first.to_le_bytes());
        one.copy_from_slice(&second.to_le_bytes());
        other.copy_from_slice(&third.to_le_bytes());
        end.copy_from_slice(&last);
        Self(octets)
    }
}

/// The octets are no security descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the security descriptor is broken")]
pub struct InvalidDescriptor;

/// The rights of an access mask (MS-ADTS section 5.1.3.2).
pub mod right {
    /// Gives all rights.
    pub const GENERIC_ALL: u32 = 0x1000_0000;
    /// Writes all attributes.
    pub const GENERIC_WRITE: u32 = 0x4000_0000;
    /// Changes the DACL.
    pub const WRITE_DACL: u32 = 0x0004_0000;
    /// Changes the owner of the object.
    pub const WRITE_OWNER: u32 = 0x0008_0000;
    /// Deletes the object.
    pub const DELETE: u32 = 0x0001_0000;
    /// Uses an extended right.
    pub const CONTROL_ACCESS: u32 = 0x100;
    /// Deletes the object and its children.
    pub const DELETE_TREE: u32 = 0x40;
    /// Deletes any child of the object, even a child whose own DACL denies DELETE.
    pub const DELETE_CHILD: u32 = 0x02;
    /// Writes an attribute.
    pub const WRITE_PROPERTY: u32 = 0x20;
    /// Writes an attribute whose new value the directory checks.
    pub const SELF_WRITE: u32 = 0x08;
}

/// Everyone (S-1-1-0).
#[must_use]
pub fn everyone() -> Option<Sid> {
    Sid::new(1, &[0])
}

impl SecurityDescriptor {
    /// Reads a self-relative security descriptor.
    ///
    /// # Errors
    /// Returns [`InvalidDescriptor`] if `octets` is longer than 256 KiB, or is no security descriptor of revision 1.
    pub fn parse(octets: &[u8]) -> Result<Self, InvalidDescriptor> {
        Self::read(octets).ok_or(InvalidDescriptor)
    }

    fn read(octets: &[u8]) -> Option<Self> {
        if octets.len() > MAX_SIZE || octets.first() != Some(&1) {
            return None;
        }
        let control = u16_at(octets, 2)?;
        let owner = match u32_at(octets, 4)? {
            0 => None,
            offset => Some(sid_in(octets.get(usize::try_from(offset).ok()?..)?)?),
        };
        let entries = match u32_at(octets, 16)? {
            0 => None,
            _ if control & DACL_PRESENT == 0 => None,
            offset => Some(entries_in(octets.get(usize::try_from(offset).ok()?..)?)?),
        };
        Some(Self { control, owner, entries })
    }

    /// Returns a descriptor with this DACL and nothing else, which the tool writes with `LDAP_SERVER_SD_FLAGS_OID`
    /// (DACL). Returns `None` if there is no DACL, or if the DACL is too long for its size fields.
    #[must_use]
    pub fn encode_dacl(&self) -> Option<Vec<u8>> {
        let entries = self.entries.as_ref()?;
        let size = entries.iter().try_fold(8_usize, |size, entry| size.checked_add(entry.octets.len()))?;
        let has_objects = entries.iter().any(|entry| entry.octets.first().is_some_and(|kind| *kind >= 5));
        let mut octets = vec![1, 0];
        octets.extend((self.control | DACL_PRESENT | SELF_RELATIVE).to_le_bytes());
        for offset in [0_u32, 0, 0, 20] {
            octets.extend(offset.to_le_bytes());
        }
        // ACL_REVISION, or ACL_REVISION_DS if an entry names an object type.
        octets.extend([if has_objects { 4 } else { 2 }, 0]);
        octets.extend(u16::try_from(size).ok()?.to_le_bytes());
        octets.extend(u16::try_from(entries.len()).ok()?.to_le_bytes());
        octets.extend([0, 0]);
        octets.extend(entries.iter().flat_map(|entry| &entry.octets));
        Some(octets)
    }

    /// Returns whether the object has the protection from deletion that a check box of Active Directory Users and
    /// Computers sets: an entry that denies everyone the rights to delete the object and its tree.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.denies_everyone(OF_OBJECT)
    }

    /// Adds the protection from deletion before all other entries.
    #[must_use]
    pub fn with_protection(self) -> Self {
        self.with_denial(OF_OBJECT)
    }

    /// Removes the protection from deletion.
    #[must_use]
    pub fn without_protection(mut self) -> Self {
        self.entries.iter_mut().for_each(|entries| entries.retain(|entry| !entry.denies_everyone(OF_OBJECT)));
        self
    }

    /// Returns whether this container denies everyone the right DELETE_CHILD. With DELETE_CHILD on the container, a
    /// user may delete a child without the right DELETE on the child (MS-ADTS section 3.1.1.5.5.4). Therefore, the
    /// check box also adds an entry to the DACL of the container.
    #[must_use]
    pub fn protects_children(&self) -> bool {
        self.denies_everyone(right::DELETE_CHILD)
    }

    /// Adds the protection of the children before all other entries.
    #[must_use]
    pub fn with_protection_of_children(self) -> Self {
        self.with_denial(right::DELETE_CHILD)
    }

    fn denies_everyone(&self, mask: u32) -> bool {
        self.entries.iter().flatten().any(|entry| entry.denies_everyone(mask))
    }

    fn with_denial(mut self, mask: u32) -> Self {
        if let (false, Some(entries), Some(entry)) =
            (self.denies_everyone(mask), self.entries.as_mut(), AccessEntry::denial(mask))
        {
            entries.insert(0, entry);
        }
        self
    }

    /// Returns whether a principal with these SIDs has the rights `mask` on `object` (MS-ADTS section 5.1.3.3). For
    /// each right, the first entry that allows or denies the right decides.
    #[must_use]
    pub fn allows(&self, sids: &[Sid], mask: u32, object: Guid) -> bool {
        let Some(entries) = &self.entries else { return true };
        let concerns = |entry: &&AccessEntry| {
            !entry.is_for_children_only
                && entry.sid.is_some_and(|sid| sids.contains(&sid))
                && entry.object.is_none_or(|limit| limit == object)
                && entry.mask & (mask | right::GENERIC_ALL) != 0
        };
        let mut effects = entries.iter().filter(concerns).map(|entry| entry.effect);
        effects.find(|effect| *effect != Effect::None) == Some(Effect::Allow)
    }
}

impl AccessEntry {
    /// Returns the entry that denies `mask` to everyone, for this object only.
    fn denial(mask: u32) -> Option<Self> {
        let sid = everyone()?.to_bytes();
        let size = u16::try_from(sid.len().checked_add(8)?).ok()?;
        let octets = [&[1, 0][..], &size.to_le_bytes(), &mask.to_le_bytes(), &sid].concat();
        entry_in(&octets)
    }

    fn denies_everyone(&self, mask: u32) -> bool {
        let is_limited = self.is_for_children_only || self.object.is_some();
        self.effect == Effect::Deny && self.sid == everyone() && self.mask & mask == mask && !is_limited
    }
}

/// Reads an access control list (MS-DTYP section 2.4.5).
fn entries_in(list: &[u8]) -> Option<Vec<AccessEntry>> {
    let list = list.get(..usize::from(u16_at(list, 2)?))?;
    let count = u16_at(list, 4)?;
    let (mut rest, mut entries) = (list.get(8..)?, Vec::new());
    for _ in 0..count {
        let (entry, after) = rest.split_at_checked(usize::from(u16_at(rest, 2)?))?;
        entries.push(entry_in(entry)?);
        rest = after;
    }
    Some(entries)
}

fn entry_in(octets: &[u8]) -> Option<AccessEntry> {
    let (kind, flags) = (*octets.first()?, *octets.get(1)?);
    let (effect, has_object) = match kind {
        0x00 | 0x09 => (Effect::Allow, false),
        0x01 | 0x0A => (Effect::Deny, false),
        0x05 | 0x0B => (Effect::Allow, true),
        0x06 | 0x0C => (Effect::Deny, true),
        _ => (Effect::None, false),
    };
    let is_for_children_only = flags & INHERIT_ONLY != 0;
    if effect == Effect::None {
        let octets = octets.to_vec();
        return Some(AccessEntry { effect, is_for_children_only, mask: 0, object: None, sid: None, octets });
    }
    let mask = u32_at(octets, 4)?;
    let (object, sid) = if has_object { object_and_sid(octets.get(8..)?)? } else { (None, octets.get(8..)?) };
    Some(AccessEntry { effect, is_for_children_only, mask, object, sid: Some(sid_in(sid)?), octets: octets.to_vec() })
}

/// Reads the two optional GUIDs of an object entry (MS-DTYP section 2.4.4.3), and returns the octets of the SID.
fn object_and_sid(octets: &[u8]) -> Option<(Option<Guid>, &[u8])> {
    let flags = u32_at(octets, 0)?;
    let mut rest = octets.get(4..)?;
    let mut object = None;
    if flags & 1 != 0 {
        let (guid, after) = rest.split_first_chunk()?;
        (object, rest) = (Some(Guid(*guid)), after);
    }
    if flags & 2 != 0 {
        rest = rest.get(16..)?;
    }
    Some((object, rest))
}

/// Reads the SID at the beginning of the octets.
fn sid_in(octets: &[u8]) -> Option<Sid> {
    let size = usize::from(*octets.get(1)?).checked_mul(4)?.checked_add(8)?;
    Sid::from_bytes(octets.get(..size)?)
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

/// The rights that the check box "Protect object from accidental deletion" denies on the object itself.
const OF_OBJECT: u32 = right::DELETE | right::DELETE_TREE;

const DACL_PRESENT: u16 = 0x0004;
const SELF_RELATIVE: u16 = 0x8000;
const INHERIT_ONLY: u8 = 0x08;

/// The largest descriptor that is read, in octets. The directory's limit is 64 KiB for each access control list.
const MAX_SIZE: usize = 256 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
pub(crate) mod tests {
    use super::*;

    /// Returns the octets of an entry.
    pub(crate) fn entry(kind: u8, flags: u8, mask: u32, object: Option<Guid>, sid: Sid) -> Vec<u8> {
        let mut body = mask.to_le_bytes().to_vec();
        if kind >= 5 {
            body.extend(u32::from(object.is_some()).to_le_bytes());
            body.extend(object.iter().flat_map(|guid| guid.0));
        }
        body.extend(sid.to_bytes());
        let size = u16::try_from(body.len() + 4).unwrap().to_le_bytes();
        [&[kind, flags][..], &size, &body].concat()
    }

    /// Returns a descriptor with an owner and these entries.
    pub(crate) fn descriptor(owner: Sid, entries: &[Vec<u8>]) -> Vec<u8> {
        let owner = owner.to_bytes();
        let mut octets = vec![1, 0, 4, 0x80];
        let dacl = u32::try_from(20 + owner.len()).unwrap();
        for offset in [20_u32, 0, 0, dacl] {
            octets.extend(offset.to_le_bytes());
        }
        octets.extend(owner);
        let size = u16::try_from(8 + entries.concat().len()).unwrap().to_le_bytes();
        octets.extend([4, 0, size[0], size[1], u8::try_from(entries.len()).unwrap(), 0, 0, 0]);
        octets.extend(entries.concat());
        octets
    }

    pub(crate) fn sid(text: &str) -> Sid {
        text.parse().unwrap()
    }

    const RESET: Guid = Guid::new(0x0029_9570, 0x246D, 0x11D0, [0xA7, 0x68, 0, 0xAA, 0, 0x6E, 5, 0x29]);

    fn example() -> Vec<u8> {
        let admins = sid("S-1-5-32-544");
        let entries = [
            entry(0, 0, right::GENERIC_ALL, None, admins),
            entry(5, 0, right::CONTROL_ACCESS, Some(RESET), sid("S-1-5-21-1-2-3-1104")),
            entry(0, 8, right::GENERIC_ALL, None, sid("S-1-5-21-1-2-3-1105")),
            entry(2, 0, 0, None, admins),
        ];
        descriptor(admins, &entries)
    }

    #[test]
    fn owner_and_entries_are_read() {
        let read = SecurityDescriptor::parse(&example()).unwrap();
        assert_eq!(read.owner, Some(sid("S-1-5-32-544")));
        let entries = read.entries.unwrap();
        assert_eq!(entries.len(), 4);
        assert_eq!(entries[1].object, Some(RESET));
        assert_eq!(entries[1].sid, Some(sid("S-1-5-21-1-2-3-1104")));
        assert!(entries[2].is_for_children_only && entries[3].effect == Effect::None);
    }

    #[test]
    fn truncated_descriptor_is_refused_and_a_changed_octet_causes_no_panic() {
        let whole = example();
        for size in 0..whole.len() {
            assert_eq!(SecurityDescriptor::parse(&whole[..size]), Err(InvalidDescriptor), "{size}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut changed = whole.clone();
                changed[at] = value;
                let _ = SecurityDescriptor::parse(&changed);
            }
        }
    }

    #[test]
    fn protection_adds_the_entry_of_the_check_box_and_its_removal_keeps_other_entries() {
        let plain = SecurityDescriptor::parse(&example()).unwrap();
        let protected = plain.clone().with_protection();
        assert!(!plain.is_protected() && protected.is_protected());
        let octets = protected.encode_dacl().unwrap();
        // An ACE of type 1 (denied) with the mask DELETE | DELETE_TREE, for S-1-1-0.
        let deny = [1, 0, 20, 0, 0x40, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(octets[28..48], deny);
        let read = SecurityDescriptor::parse(&octets).unwrap();
        assert_eq!(read.entries, protected.entries);
        assert_eq!(read.clone().with_protection().entries, protected.entries);
        assert_eq!(read.without_protection().entries, plain.entries);
    }

    #[test]
    fn protection_of_children_adds_one_entry_and_does_not_protect_the_container() {
        let plain = SecurityDescriptor::parse(&example()).unwrap();
        let protected = plain.clone().with_protection_of_children();
        assert!(!plain.protects_children() && protected.protects_children() && !protected.is_protected());
        let octets = protected.encode_dacl().unwrap();
        // An ACE of type 1 (denied) with the mask DELETE_CHILD, for S-1-1-0.
        let deny = [1, 0, 20, 0, 2, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(octets[28..48], deny);
        let read = SecurityDescriptor::parse(&octets).unwrap();
        assert_eq!(read.clone().with_protection_of_children().entries, protected.entries);
        assert!(read.clone().without_protection().protects_children());
        assert_eq!(read.entries.unwrap()[1..], plain.entries.unwrap());
    }

    #[test]
    fn entry_for_one_class_or_for_grandchildren_only_does_not_protect_the_children() {
        let of = |entry: Vec<u8>| SecurityDescriptor::parse(&descriptor(sid("S-1-5-18"), &[entry])).unwrap();
        let all = everyone().unwrap();
        assert!(of(entry(1, 0, right::DELETE_CHILD, None, all)).protects_children());
        assert!(!of(entry(6, 0, right::DELETE_CHILD, Some(RESET), all)).protects_children());
        assert!(!of(entry(1, INHERIT_ONLY, right::DELETE_CHILD, None, all)).protects_children());
        assert!(!of(entry(0, 0, right::DELETE_CHILD, None, all)).protects_children());
        assert!(!of(entry(1, 0, right::DELETE_CHILD, None, sid("S-1-5-11"))).protects_children());
    }

    #[test]
    fn right_is_allowed_or_denied_by_the_first_entry_that_is_about_the_right() {
        let user = sid("S-1-5-21-1-2-3-1104");
        let of = |entries: &[Vec<u8>]| SecurityDescriptor::parse(&descriptor(user, entries)).unwrap();
        let allow = entry(5, 0, right::CONTROL_ACCESS, Some(RESET), user);
        let deny = entry(1, 0, right::CONTROL_ACCESS, None, user);
        let asks = |descriptor: &SecurityDescriptor| descriptor.allows(&[user], right::CONTROL_ACCESS, RESET);
        assert!(asks(&of(std::slice::from_ref(&allow))) && asks(&of(&[allow.clone(), deny.clone()])));
        assert!(!asks(&of(&[deny, allow])) && !asks(&of(&[])));
        let other = entry(5, 0, right::CONTROL_ACCESS, Some(Guid([7; 16])), user);
        assert!(!asks(&of(&[other])));
        assert!(asks(&of(&[entry(0, 0, right::GENERIC_ALL, None, user)])));
    }
}
