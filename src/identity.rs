//! The user's identity. It comes out of an accepted request, and of nothing else.
//!
//! The holders of a key of the service's account, its KDC above all, vouch for everything here. They can write whatever the
//! account's entry in the key set lets them vouch for. Nothing here rests on the word of the client alone.

use crate::accept::Accepted;
use crate::pac::{AccountKind, Group, LogonInfo, UpnDnsInfo, UpnFlags, VerifiedPac, WideText};
use crate::sid::Sid;
use crate::wire::krb5::PrincipalName;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A user's identity, borrowed from an accepted request.
///
/// With a PAC the SID counts: administrators change names, and give them to other people in time. Without a PAC there is
/// only the name, and [`sid`](Self::sid) returns `None`.
#[derive(Clone, Copy)]
#[must_use]
pub struct IdentityRef<'a> {
    accepted: &'a Accepted,
}

impl Accepted {
    /// Returns who the user is.
    pub const fn identity(&self) -> IdentityRef<'_> {
        IdentityRef { accepted: self }
    }
}

impl<'a> IdentityRef<'a> {
    /// Returns the user's SID, by which a server knows the user. It is the one of LOGON_INFO; every other SID that the PAC
    /// gives the user equals it. If the account names domains, the SID is of one of them. Accounts of several forests must
    /// name them, or a SID identifies a user only within its account. It is `None` without a PAC, and for the PAC of a KDC
    /// that is not Active Directory. FreeIPA gives all its hosts and services the SID of a group, so there the SID tells
    /// only users apart.
    #[must_use]
    pub fn sid(&self) -> Option<Sid> {
        self.logon().as_ref().map(LogonInfo::user_sid)
    }

    /// Returns the client's name in the ticket: what the user typed, made canonical or not. With a [`sid`](Self::sid) it is a
    /// name to show; without one, nothing else identifies the user.
    #[must_use]
    pub fn name(&self) -> PrincipalName<'a> {
        self.accepted.ticket().client()
    }

    /// Returns the label of the tenant whose key opened the ticket: [`Accepted::tenant`]. Users of two tenants are never the same,
    /// whatever their SIDs: each tenant's KDC writes its own.
    #[must_use]
    pub fn tenant(&self) -> Option<&'a str> {
        self.accepted.tenant()
    }

    /// Returns the client's realm, one that the account's keys may vouch for.
    #[must_use]
    pub fn realm(&self) -> &'a str {
        self.accepted.ticket().client_realm()
    }

    /// Returns the account's name in its domain (sAMAccountName), by the PAC. Administrators change it, and the name of a
    /// computer or a user can look like another one but for a `$`: never rebuild an identity from it.
    #[must_use]
    pub fn account_name(&self) -> Option<WideText<'a>> {
        self.logon().as_ref().map(LogonInfo::effective_name)
    }

    /// Returns the user's display name, by the PAC; `None` if it is empty.
    #[must_use]
    pub fn full_name(&self) -> Option<WideText<'a>> {
        self.logon().as_ref().map(LogonInfo::full_name).filter(|name| !name.is_empty())
    }

    /// Returns the NetBIOS name of the user's domain, by the PAC. Two forests may have domains of one name.
    #[must_use]
    pub fn logon_domain(&self) -> Option<WideText<'a>> {
        self.logon().as_ref().map(LogonInfo::logon_domain_name)
    }

    /// Returns the SID of the user's domain, by the PAC.
    #[must_use]
    pub fn logon_domain_sid(&self) -> Option<Sid> {
        self.logon().as_ref().map(LogonInfo::logon_domain_sid)
    }

    /// Returns the DNS name of the user's domain, by the PAC's UPN_DNS_INFO.
    #[must_use]
    pub fn dns_domain(&self) -> Option<WideText<'a>> {
        self.upn_dns().map(|info| info.dns_domain_name)
    }

    /// Returns the user principal name, by the PAC's UPN_DNS_INFO: a claim within the account's forest. An administrator of
    /// that forest chooses its suffix, and may choose another company's domain. [`UpnFlags::CONSTRUCTED`] says that the
    /// account has no UPN, and that the KDC joined its name and domain into this one. `None` also if the KDC wrote texts there that
    /// cannot be read: [`VerifiedPac::upn_dns_info`] says why.
    #[must_use]
    pub fn upn(&self) -> Option<WideText<'a>> {
        self.upn_dns().map(|info| info.upn)
    }

    /// Returns the flags of the UPN, by the PAC's UPN_DNS_INFO.
    #[must_use]
    pub fn upn_flags(&self) -> Option<UpnFlags> {
        self.upn_dns().map(|info| info.flags)
    }

    /// Returns the user's primary group, by the PAC.
    #[must_use]
    pub fn primary_group_sid(&self) -> Option<Sid> {
        self.logon().as_ref().map(LogonInfo::primary_group_sid)
    }

    /// Returns the kind of the account, by the PAC; `None` without a SID.
    #[must_use]
    pub fn kind(&self) -> Option<AccountKind> {
        self.logon().as_ref().map(AccountKind::of)
    }

    /// Returns which side asserts that the user signed in, by the PAC's extra SIDs.
    #[must_use]
    pub fn asserted_by(&self) -> AssertedBy {
        let asserts = |sid| self.extra_sids().any(|extra| extra.sid == sid);
        if asserts(Sid::SERVICE_ASSERTED) {
            AssertedBy::Service
        } else if asserts(Sid::AUTHENTICATION_ASSERTED) {
            AssertedBy::Authentication
        } else {
            AssertedBy::Unknown
        }
    }

    /// Returns the groups that count: those of the user's domain, of other domains that the account may vouch for, and those
    /// local to the service's domain. Memberships that are disabled or for denying only are left out ([`Group::grants`]).
    pub fn groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.domain_groups().chain(self.extra_groups()).chain(self.resource_groups()).filter(Group::grants)
    }

    /// Returns whether `group` is among [`groups`](Self::groups).
    #[must_use]
    pub fn is_member_of(&self, group: Sid) -> bool {
        self.groups().any(|membership| membership.sid == group)
    }

    /// Returns the groups of the user's domain, by the PAC; the primary group is among them as a rule.
    pub fn domain_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.logon().as_ref().map(LogonInfo::groups).into_iter().flatten()
    }

    /// Returns the extra SIDs of the PAC: universal groups of other domains, former SIDs of the user or its groups (SID
    /// history), and well-known SIDs that say how the user signed in. Those of [`foreign_groups`](Self::foreign_groups) are
    /// left out.
    pub fn extra_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let identity = *self;
        self.extra_sids().filter(move |extra| !identity.is_foreign(&extra.sid))
    }

    /// Returns the groups that are local to the service's domain, by the PAC. Those of
    /// [`foreign_groups`](Self::foreign_groups) are left out.
    pub fn resource_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let identity = *self;
        self.all_resource_groups().filter(move |group| !identity.is_foreign(&group.sid))
    }

    /// Returns the memberships that grant this user nothing: those in groups of domains that the account may not vouch for,
    /// where it names any. For a user of a trusted forest these are all but the groups of the user's own domain
    /// ([`Account::with_trusted_domain`](crate::Account::with_trusted_domain)). Nothing else here counts them.
    pub fn foreign_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let identity = *self;
        self.extra_sids().chain(self.all_resource_groups()).filter(move |group| identity.is_foreign(&group.sid))
    }

    /// Copies the identity, so that it outlives the request.
    pub fn to_owned(&self) -> Identity {
        let text = |text: Option<WideText<'_>>| text.map(WideText::decoded);
        Identity {
            tenant: self.tenant().map(Into::into),
            sid: self.sid(),
            name: self.name().quoted().collect(),
            realm: self.realm().into(),
            account_name: text(self.account_name()),
            full_name: text(self.full_name()),
            logon_domain: text(self.logon_domain()),
            dns_domain: text(self.dns_domain()),
            upn: text(self.upn()),
            upn_flags: self.upn_flags(),
            primary_group_sid: self.primary_group_sid(),
            kind: self.kind(),
            asserted_by: self.asserted_by(),
            domain_groups: self.domain_groups().collect(),
            extra_groups: self.extra_groups().collect(),
            resource_groups: self.resource_groups().collect(),
            foreign_groups: self.foreign_groups().collect(),
        }
    }

    /// Returns whether a group of this SID grants the user nothing.
    fn is_foreign(self, sid: &Sid) -> bool {
        let accepted = self.accepted;
        accepted.opened_by().bounds().is_foreign(accepted.ticket().client_realm_bytes(), sid)
    }

    fn logon(self) -> Option<LogonInfo<'a>> {
        self.accepted.pac().as_ref().and_then(VerifiedPac::logon_info)
    }

    /// Without a LOGON_INFO nothing ties a UPN to a SID. A UPN_DNS_INFO whose texts cannot be read says nothing.
    fn upn_dns(self) -> Option<UpnDnsInfo<'a>> {
        self.accepted.pac().filter(|pac| pac.logon_info().is_some())?.upn_dns_info().ok()?
    }

    fn extra_sids(self) -> impl Iterator<Item = Group> + use<'a> {
        self.logon().as_ref().map(LogonInfo::extra_sids).into_iter().flatten()
    }

    fn all_resource_groups(self) -> impl Iterator<Item = Group> + use<'a> {
        self.logon().as_ref().map(LogonInfo::resource_groups).into_iter().flatten()
    }
}

/// Prints `name@REALM (SID)`, and escapes what does not print as itself. The tenant is not printed: users of two tenants may
/// print alike.
impl fmt::Display for IdentityRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name(), crate::bounded_text::Escaped(self.realm()))?;
        match self.sid() {
            Some(sid) => write!(f, " ({sid})"),
            None => Ok(()),
        }
    }
}

/// Prints what [`Display`](fmt::Display) prints: the rest belongs to the accepted request.
impl fmt::Debug for IdentityRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityRef({self})")
    }
}

/// A user's identity, to be kept in a session. The fields are those of [`IdentityRef`], which says where each comes from.
/// [`SessionIdentity`](crate::SessionIdentity) is a small form of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[must_use]
pub struct Identity {
    /// [`IdentityRef::tenant`].
    #[cfg_attr(feature = "serde", serde(default))]
    pub tenant: Option<String>,
    /// [`IdentityRef::sid`].
    pub sid: Option<Sid>,
    /// [`IdentityRef::name`] as [`PrincipalName::quoted`] gives it, which is not fit to print.
    pub name: String,
    /// [`IdentityRef::realm`].
    pub realm: String,
    /// [`IdentityRef::account_name`].
    pub account_name: Option<String>,
    /// [`IdentityRef::full_name`].
    pub full_name: Option<String>,
    /// [`IdentityRef::logon_domain`].
    pub logon_domain: Option<String>,
    /// [`IdentityRef::dns_domain`].
    pub dns_domain: Option<String>,
    /// [`IdentityRef::upn`].
    pub upn: Option<String>,
    /// [`IdentityRef::upn_flags`].
    pub upn_flags: Option<UpnFlags>,
    /// [`IdentityRef::primary_group_sid`].
    pub primary_group_sid: Option<Sid>,
    /// [`IdentityRef::kind`].
    pub kind: Option<AccountKind>,
    /// [`IdentityRef::asserted_by`].
    pub asserted_by: AssertedBy,
    /// [`IdentityRef::domain_groups`].
    pub domain_groups: Vec<Group>,
    /// [`IdentityRef::extra_groups`].
    pub extra_groups: Vec<Group>,
    /// [`IdentityRef::resource_groups`].
    pub resource_groups: Vec<Group>,
    /// [`IdentityRef::foreign_groups`].
    pub foreign_groups: Vec<Group>,
}

impl Identity {
    /// Returns the groups that count: [`IdentityRef::groups`].
    pub fn groups(&self) -> impl Iterator<Item = Group> {
        self.domain_groups.iter().chain(&self.extra_groups).chain(&self.resource_groups).copied().filter(Group::grants)
    }

    /// Returns whether `group` is among [`groups`](Self::groups).
    #[must_use]
    pub fn is_member_of(&self, group: Sid) -> bool {
        self.groups().any(|membership| membership.sid == group)
    }
}

/// The side that asserts that a user signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AssertedBy {
    /// The user authenticated to the KDC (S-1-18-1).
    Authentication,
    /// A service named the user to the KDC (S4U2Self; S-1-18-2).
    Service,
    /// No side does: the KDC is from before Windows Server 2012, or there is no PAC.
    Unknown,
}
