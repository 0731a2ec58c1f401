//! The part of an identity that a session needs, in a small form. An identity with many groups is too large for a
//! cookie, and needs much memory in a session store.

#[cfg(feature = "serde")]
mod stored;

use crate::identity::{Identity, IdentityRef};
use crate::pac::{AccountKind, Group, WideText};
use crate::sid::Sid;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// A user's identity in a session, with the groups that grant rights. Each field is the value of a method of
/// [`IdentityRef`]. The documentation of the method names the source of the value.
///
/// A `SessionIdentity` has no group attributes, no foreign groups and no domain names, unlike [`Identity`]. A
/// `SessionIdentity` keeps each group as the group's RID within a domain. So a group needs about six octets instead of
/// more than 70.
///
/// | groups | [`Identity`] as JSON | `SessionIdentity` as JSON |
/// |---|---|---|
/// | 2 | 549 octets | 276 octets |
/// | 60 | 4,725 octets | 566 octets |
/// | 1,000 | 73,164 octets | 6,025 octets |
///
/// The table is for a user whose SID has 48 characters. The groups belong to the user's domain and have RIDs of up to
/// five digits. The user also has one SID that shows how the user signed in.
///
/// # Trust
/// The value has no protection against changes. The value is as trustworthy as its storage: a client that can change the
/// value can become any user, in any group. Keep the value on the server, or in a sealed cookie. A sealed cookie is
/// encrypted and authenticated under a key that only the server has.
///
/// The value holds the KDC's statements from the time when the KDC issued the ticket. If an administrator changes the
/// user's groups, only a later ticket shows the change. So let the session end when the ticket ends, or earlier
/// ([`TicketFacts::end_time`](crate::ticket::TicketFacts::end_time)).
///
/// # Format
/// With the feature `serde`, SIDs are text, and groups are a map from a domain's SID to numbers:
/// `{"S-1-5-21-397973807-962049227-2576849202":[513,1104],"S-1-18":[1]}`.
///
/// Later versions of this crate may add fields. A reader of an older version ignores new fields. For this reason, no
/// new field will ever remove a right. `sid`, `name`, `realm` and `groups` must be present, and the other fields may be
/// absent. A reader refuses:
/// - a text that is not a SID, and a number that is not a RID,
/// - more than [`MAX_SESSION_GROUPS`](crate::limits::MAX_SESSION_GROUPS) groups, and a text of more than
///   [`MAX_SESSION_TEXT`](crate::limits::MAX_SESSION_TEXT) octets,
/// - an [`AccountKind`] that this version does not know. The user must then sign in again.
///
/// ```
/// use kerberos_sso::{Accepted, SessionIdentity, Sid};
///
/// fn begin_session(accepted: &Accepted) -> SessionIdentity {
///     accepted.identity().to_session()
/// }
///
/// fn may_edit(session: &SessionIdentity, editors: Sid) -> bool {
///     session.is_member_of(editors)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[must_use]
pub struct SessionIdentity {
    /// The label of the tenant to which the session belongs ([`IdentityRef::tenant`]).
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "stored::optional_text"))]
    pub tenant: Option<String>,
    /// The SID by which a server recognises the user ([`IdentityRef::sid`]).
    #[cfg_attr(feature = "serde", serde(deserialize_with = "stored::present"))]
    pub sid: Option<Sid>,
    /// The client's name ([`IdentityRef::name`]), quoted by [`PrincipalName::quoted`](crate::PrincipalName::quoted).
    /// Escape this text before you print it.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "stored::text"))]
    pub name: String,
    /// The client's realm ([`IdentityRef::realm`]).
    #[cfg_attr(feature = "serde", serde(deserialize_with = "stored::text"))]
    pub realm: String,
    /// The account's name in its domain ([`IdentityRef::account_name`]).
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "stored::optional_text"))]
    pub account_name: Option<String>,
    /// The user's display name ([`IdentityRef::full_name`]).
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "stored::optional_text"))]
    pub full_name: Option<String>,
    /// The user principal name ([`IdentityRef::upn`]).
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "stored::optional_text"))]
    pub upn: Option<String>,
    /// The kind of the account ([`IdentityRef::kind`]).
    #[cfg_attr(feature = "serde", serde(default))]
    pub kind: Option<AccountKind>,
    groups: SessionGroups,
}

impl SessionIdentity {
    /// Returns the SIDs of the groups that grant rights ([`IdentityRef::groups`]), each SID once and in order. A SID
    /// without sub-authorities names an authority, not a group, so it is left out.
    pub fn groups(&self) -> impl Iterator<Item = Sid> {
        self.groups.iter()
    }

    /// Returns whether `group` is among [`groups`](Self::groups).
    #[must_use]
    pub fn is_member_of(&self, group: Sid) -> bool {
        self.groups.contains(group)
    }
}

impl IdentityRef<'_> {
    /// Copies the part of the identity that a session needs. The copy can outlive the request.
    pub fn to_session(&self) -> SessionIdentity {
        let text = |text: Option<WideText<'_>>| text.map(WideText::decoded);
        SessionIdentity {
            tenant: self.tenant().map(Into::into),
            sid: self.sid(),
            name: self.name().quoted().collect(),
            realm: self.realm().into(),
            account_name: text(self.account_name()),
            full_name: text(self.full_name()),
            upn: text(self.upn()),
            kind: self.kind(),
            groups: self.groups().collect(),
        }
    }
}

impl From<IdentityRef<'_>> for SessionIdentity {
    fn from(identity: IdentityRef<'_>) -> Self {
        identity.to_session()
    }
}

impl From<&Identity> for SessionIdentity {
    fn from(identity: &Identity) -> Self {
        Self {
            tenant: identity.tenant.clone(),
            sid: identity.sid,
            name: identity.name.clone(),
            realm: identity.realm.clone(),
            account_name: identity.account_name.clone(),
            full_name: identity.full_name.clone(),
            upn: identity.upn.clone(),
            kind: identity.kind,
            groups: identity.groups().collect(),
        }
    }
}

/// The groups of each domain. A group is stored as its RID; the RIDs are sorted, and each RID occurs once. Every domain
/// has at least one RID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
struct SessionGroups(BTreeMap<Sid, Vec<u32>>);

impl SessionGroups {
    fn iter(&self) -> impl Iterator<Item = Sid> {
        self.0.iter().flat_map(|(domain, rids)| rids.iter().filter_map(|rid| domain.join(*rid)))
    }

    fn contains(&self, group: Sid) -> bool {
        let rids = group.domain().and_then(|domain| self.0.get(&domain));
        rids.zip(group.rid()).is_some_and(|(rids, rid)| rids.binary_search(&rid).is_ok())
    }
}

impl FromIterator<Group> for SessionGroups {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Self {
        let mut domains = BTreeMap::<Sid, Vec<u32>>::new();
        for (domain, rid) in groups.into_iter().filter_map(|group| group.sid.domain().zip(group.sid.rid())) {
            domains.entry(domain).or_default().push(rid);
        }
        domains.values_mut().for_each(sort);
        Self(domains)
    }
}

/// Sorts RIDs, and removes duplicates.
fn sort(rids: &mut Vec<u32>) {
    rids.sort_unstable();
    rids.dedup();
}
