//! Who the user is. It comes out of an accepted request, and of nothing else.
//!
//! Whoever holds a key of the service's account, its KDC above all, vouches for everything here, and can write whatever
//! the account's entry in the key set lets it vouch for. What the client alone says is not here.

use crate::accept::Accepted;
use crate::keys::Account;
use crate::pac::{AccountControl, Group, LogonInfo, UpnDnsInfo, UpnFlags, VerifiedPac, WideText};
use crate::sid::Sid;
use crate::wire::krb5::PrincipalName;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A user's identity, borrowed from an accepted request.
///
/// With a PAC it is the SID that counts: names are changed, and given to other people in time. Without one, all there is
/// is the name, and [`sid`](Self::sid) says so.
#[derive(Clone, Copy)]
pub struct IdentityRef<'a> {
    accepted: &'a Accepted,
}

impl Accepted {
    /// Returns who the user is.
    #[must_use]
    pub const fn identity(&self) -> IdentityRef<'_> {
        IdentityRef { accepted: self }
    }
}

impl<'a> IdentityRef<'a> {
    /// The user's SID, by which to know the user: the PAC's LOGON_INFO, on which all that the PAC says about a SID agrees.
    /// Its domain is one that the account may vouch for, if the account names any; accounts of several forests must name
    /// them, or a SID is one only within its account. `None` without a PAC, and for the PAC of a KDC that is not Active
    /// Directory. FreeIPA gives all its hosts and services the SID of a group: there, it tells users apart only.
    #[must_use]
    pub fn sid(&self) -> Option<Sid> {
        self.logon().as_ref().map(LogonInfo::user_sid)
    }

    /// The client's name, as the ticket has it: what the user typed, made canonical or not. With a [`sid`](Self::sid), a
    /// name to show; without one, all there is.
    #[must_use]
    pub fn name(&self) -> PrincipalName<'a> {
        self.accepted.ticket().client()
    }

    /// The client's realm, one that the account's keys may vouch for.
    #[must_use]
    pub fn realm(&self) -> &'a str {
        self.accepted.ticket().client_realm()
    }

    /// The account's name in its domain (sAMAccountName), by the PAC. Administrators change it, and a computer's or a
    /// user's may be made to look like another's but for a `$`: never rebuild an identity from it.
    #[must_use]
    pub fn account_name(&self) -> Option<WideText<'a>> {
        self.logon().as_ref().map(LogonInfo::effective_name)
    }

    /// The user's display name, by the PAC; `None` if it is empty.
    #[must_use]
    pub fn full_name(&self) -> Option<WideText<'a>> {
        self.logon().as_ref().map(LogonInfo::full_name).filter(|name| !name.is_empty())
    }

    /// The NetBIOS name of the user's domain, by the PAC. Two forests may have domains of one name.
    #[must_use]
    pub fn logon_domain(&self) -> Option<WideText<'a>> {
        self.logon().as_ref().map(LogonInfo::logon_domain_name)
    }

    /// The SID of the user's domain, by the PAC.
    #[must_use]
    pub fn logon_domain_sid(&self) -> Option<Sid> {
        self.logon().as_ref().map(LogonInfo::logon_domain_sid)
    }

    /// The DNS name of the user's domain, by the PAC's UPN_DNS_INFO.
    #[must_use]
    pub fn dns_domain(&self) -> Option<WideText<'a>> {
        self.upn_dns().map(|info| info.dns_domain_name)
    }

    /// The user principal name, by the PAC's UPN_DNS_INFO: a claim within the account's forest. Its suffix is whatever an
    /// administrator of that forest wrote, another company's domain included; [`UpnFlags::CONSTRUCTED`] says that the
    /// account has none and this one was made up of its name and domain.
    #[must_use]
    pub fn upn(&self) -> Option<WideText<'a>> {
        self.upn_dns().map(|info| info.upn)
    }

    /// What the UPN is.
    #[must_use]
    pub fn upn_flags(&self) -> Option<UpnFlags> {
        self.upn_dns().map(|info| info.flags)
    }

    /// The user's primary group, by the PAC.
    #[must_use]
    pub fn primary_group_sid(&self) -> Option<Sid> {
        self.logon().as_ref().map(LogonInfo::primary_group_sid)
    }

    /// What kind of account it is, by the PAC; `None` without a SID.
    #[must_use]
    pub fn kind(&self) -> Option<AccountKind> {
        self.logon().as_ref().map(AccountKind::of)
    }

    /// Who says that the user signed in, by the PAC's extra SIDs.
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

    /// The groups that count: of the user's domain, of others that the account may vouch for, and those local to the
    /// service's domain; without memberships that are switched off or for denying only ([`Group::grants`]).
    pub fn groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.domain_groups().chain(self.extra_groups()).chain(self.resource_groups()).filter(Group::grants)
    }

    /// Whether `group` is among [`groups`](Self::groups).
    #[must_use]
    pub fn is_member_of(&self, group: Sid) -> bool {
        self.groups().any(|membership| membership.sid == group)
    }

    /// The groups of the user's domain, by the PAC; the primary group is among them as a rule.
    pub fn domain_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.logon().as_ref().map(LogonInfo::groups).into_iter().flatten()
    }

    /// By the PAC: universal groups of other domains, former SIDs of the user or its groups (SID history), and well-known
    /// SIDs that say how the user signed in. Without those of [`foreign_groups`](Self::foreign_groups).
    pub fn extra_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let account = self.account();
        self.extra_sids().filter(move |extra| !account.is_foreign(&extra.sid))
    }

    /// The groups that are local to the service's domain, by the PAC. Without those of
    /// [`foreign_groups`](Self::foreign_groups).
    pub fn resource_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let account = self.account();
        self.all_resource_groups().filter(move |group| !account.is_foreign(&group.sid))
    }

    /// Memberships that the PAC claims in groups of domains that the account may not vouch for, where it names any. They
    /// count for nothing here.
    pub fn foreign_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let account = self.account();
        self.extra_sids().chain(self.all_resource_groups()).filter(move |group| account.is_foreign(&group.sid))
    }

    /// A copy that outlives the request.
    #[must_use]
    pub fn to_owned(&self) -> Identity {
        let text = |text: Option<WideText<'_>>| text.map(WideText::decoded);
        Identity {
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

    fn account(self) -> &'a Account {
        self.accepted.opened_by().account()
    }

    fn logon(self) -> Option<LogonInfo<'a>> {
        self.accepted.pac().as_ref().and_then(VerifiedPac::logon_info)
    }

    /// Without a LOGON_INFO nothing ties a UPN to a SID.
    fn upn_dns(self) -> Option<UpnDnsInfo<'a>> {
        self.accepted.pac().filter(|pac| pac.logon_info().is_some())?.upn_dns_info()
    }

    fn extra_sids(self) -> impl Iterator<Item = Group> + use<'a> {
        self.logon().as_ref().map(LogonInfo::extra_sids).into_iter().flatten()
    }

    fn all_resource_groups(self) -> impl Iterator<Item = Group> + use<'a> {
        self.logon().as_ref().map(LogonInfo::resource_groups).into_iter().flatten()
    }
}

/// `name@REALM (SID)`, with whatever does not print as itself escaped.
impl fmt::Display for IdentityRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name(), crate::bounded_text::Escaped(self.realm()))?;
        self.sid().map_or(Ok(()), |sid| write!(f, " ({sid})"))
    }
}

/// As [`Display`](fmt::Display): the rest is the accepted request's.
impl fmt::Debug for IdentityRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityRef({self})")
    }
}

/// A user's identity, to be kept in a session. The fields are those of [`IdentityRef`], which says who vouches for each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Identity {
    /// [`IdentityRef::sid`].
    pub sid: Option<Sid>,
    /// [`IdentityRef::name`] as [`PrincipalName::quoted`] gives it: what it is, not what is safe to print.
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
    /// The groups that count: [`IdentityRef::groups`].
    pub fn groups(&self) -> impl Iterator<Item = Group> {
        self.domain_groups.iter().chain(&self.extra_groups).chain(&self.resource_groups).copied().filter(Group::grants)
    }

    /// Whether `group` is among [`groups`](Self::groups).
    #[must_use]
    pub fn is_member_of(&self, group: Sid) -> bool {
        self.groups().any(|membership| membership.sid == group)
    }
}

/// What kind of account a user has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AccountKind {
    /// A person's, or one that a person made for a service like a person's: a PAC does not tell these apart.
    User,
    /// A computer's, or a managed service account, which a PAC does not tell apart.
    Computer,
    /// A domain controller's.
    DomainController,
    /// That of a trust with another domain.
    Trust,
    /// One of the system's own, which nobody signs in with: Guest (RID 501), krbtgt (502), DefaultAccount (503) or
    /// WDAGUtilityAccount (504). Administrator (500) is a user.
    System,
}

impl AccountKind {
    /// By the account control bits; by the `$` that ends a computer's name and, as rules go, no person's; by the RID.
    pub(crate) fn of(logon: &LogonInfo<'_>) -> Self {
        let control = logon.account_control();
        if control.contains(AccountControl::SERVER_TRUST) {
            Self::DomainController
        } else if control.contains(AccountControl::INTERDOMAIN_TRUST) {
            Self::Trust
        } else if control.contains(AccountControl::WORKSTATION_TRUST) || logon.effective_name().ends_with('$') {
            Self::Computer
        } else if matches!(logon.user_id(), 501..=504) {
            Self::System
        } else {
            Self::User
        }
    }
}

/// Who says that a user signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AssertedBy {
    /// The KDC, to which the user proved it (S-1-18-1).
    Authentication,
    /// A service, on whose word the KDC made the ticket (S4U2Self; S-1-18-2).
    Service,
    /// Nobody says: a KDC from before Windows Server 2012, or no PAC.
    Unknown,
}
