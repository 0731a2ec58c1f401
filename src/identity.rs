//! The user's identity. Only an accepted request contains an identity.
//!
//! A holder of a key of the service's account wrote the ticket and the PAC, and so every value here except the tenant.
//! Normally this holder is the KDC. Another holder of the key can write every value that the account's entry in the key set
//! allows. No value rests on the client's statement alone.

use crate::accept::Accepted;
use crate::pac::{AccountKind, Group, LogonInfo, UpnDnsInfo, UpnFlags, VerifiedPac, WideText};
use crate::sid::Sid;
use crate::wire::krb5::PrincipalName;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A user's identity, borrowed from an accepted request.
///
/// If the ticket has a PAC, the SID identifies the user: administrators change names, and later give old names to other
/// people. If the ticket has no PAC, only the name identifies the user, and [`sid`](Self::sid) returns `None`.
#[derive(Clone, Copy)]
#[must_use]
pub struct IdentityRef<'a> {
    accepted: &'a Accepted,
}

impl Accepted {
    /// Returns the user's identity.
    pub const fn identity(&self) -> IdentityRef<'_> {
        IdentityRef { accepted: self }
    }
}

impl<'a> IdentityRef<'a> {
    /// Returns the SID by which a server recognises the user.
    ///
    /// The SID comes from LOGON_INFO, and every other SID of the user in the PAC equals this SID. If the account in the
    /// key set names domains, the SID is of one of these domains. If the key set has accounts of several forests, each
    /// account must name its domains. Otherwise a SID identifies a user only together with the account whose key opened
    /// the ticket.
    ///
    /// The result is `None` without a PAC, and for the PAC of a KDC that is not Active Directory. FreeIPA gives all its
    /// hosts and services the SID of a group, so a FreeIPA SID distinguishes only users.
    #[must_use]
    pub fn sid(&self) -> Option<Sid> {
        self.logon().as_ref().map(LogonInfo::user_sid)
    }

    /// Returns the client's name in the ticket. The name is as the user typed it, or as the KDC canonicalized it. With a
    /// [`sid`](Self::sid), use the name for display only. Without a SID, only the name and its realm identify the user.
    #[must_use]
    pub fn name(&self) -> PrincipalName<'a> {
        self.accepted.ticket().client()
    }

    /// Returns the label of the tenant whose key opened the ticket ([`Accepted::tenant`]). Users of two tenants are
    /// different users even if their SIDs are equal, because each tenant's KDC chooses its own SIDs.
    #[must_use]
    pub fn tenant(&self) -> Option<&'a str> {
        self.accepted.tenant()
    }

    /// Returns the client's realm. The account's keys may vouch for users of this realm.
    #[must_use]
    pub fn realm(&self) -> &'a str {
        self.accepted.ticket().client_realm()
    }

    /// Returns the account's name in its domain (sAMAccountName), from the PAC. Never build an identity from this name:
    /// administrators change it, and the names of a computer and a user can differ by a `$` only.
    #[must_use]
    pub fn account_name(&self) -> Option<WideText<'a>> {
        self.logon().as_ref().map(LogonInfo::effective_name)
    }

    /// Returns the user's display name, from the PAC, or `None` if the name is empty.
    #[must_use]
    pub fn full_name(&self) -> Option<WideText<'a>> {
        self.logon().as_ref().map(LogonInfo::full_name).filter(|name| !name.is_empty())
    }

    /// Returns the NetBIOS name of the user's domain, from the PAC. Domains of two forests may have the same name.
    #[must_use]
    pub fn logon_domain(&self) -> Option<WideText<'a>> {
        self.logon().as_ref().map(LogonInfo::logon_domain_name)
    }

    /// Returns the SID of the user's domain, from the PAC.
    #[must_use]
    pub fn logon_domain_sid(&self) -> Option<Sid> {
        self.logon().as_ref().map(LogonInfo::logon_domain_sid)
    }

    /// Returns the DNS name of the user's domain, from the PAC's UPN_DNS_INFO.
    #[must_use]
    pub fn dns_domain(&self) -> Option<WideText<'a>> {
        self.upn_dns().map(|info| info.dns_domain_name)
    }

    /// Returns the user principal name, from the PAC's UPN_DNS_INFO.
    ///
    /// Trust a UPN only within the account's forest. An administrator of that forest chooses the suffix of the UPN, and may
    /// choose another company's domain. If [`UpnFlags::CONSTRUCTED`] is set, the account has no UPN, and the KDC made this
    /// UPN from the account's name and domain.
    ///
    /// The result is also `None` if the texts that the KDC wrote cannot be read: [`VerifiedPac::upn_dns_info`] returns
    /// the reason.
    #[must_use]
    pub fn upn(&self) -> Option<WideText<'a>> {
        self.upn_dns().map(|info| info.upn)
    }

    /// Returns the flags of the UPN, from the PAC's UPN_DNS_INFO.
    #[must_use]
    pub fn upn_flags(&self) -> Option<UpnFlags> {
        self.upn_dns().map(|info| info.flags)
    }

    /// Returns the user's primary group, from the PAC.
    #[must_use]
    pub fn primary_group_sid(&self) -> Option<Sid> {
        self.logon().as_ref().map(LogonInfo::primary_group_sid)
    }

    /// Returns the kind of the account, from the PAC, or `None` without a SID.
    #[must_use]
    pub fn kind(&self) -> Option<AccountKind> {
        self.logon().as_ref().map(AccountKind::of)
    }

    /// Returns the party that asserts that the user signed in, from the PAC's extra SIDs.
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

    /// Returns the groups that grant rights. These groups are of the user's domain, of other domains that the account may
    /// vouch for, or local to the service's domain. Memberships that are disabled or only deny access are left out
    /// ([`Group::grants`]).
    pub fn groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.domain_groups().chain(self.extra_groups()).chain(self.resource_groups()).filter(Group::grants)
    }

    /// Returns whether `group` is among [`groups`](Self::groups).
    #[must_use]
    pub fn is_member_of(&self, group: Sid) -> bool {
        self.groups().any(|membership| membership.sid == group)
    }

    /// Returns the groups of the user's domain, from the PAC. Usually the primary group is one of these groups.
    pub fn domain_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.logon().as_ref().map(LogonInfo::groups).into_iter().flatten()
    }

    /// Returns the extra SIDs of the PAC, without the [`foreign_groups`](Self::foreign_groups). Extra SIDs are universal
    /// groups of other domains, and former SIDs of the user or of the user's groups (SID history). Well-known SIDs that say
    /// how the user signed in are also extra SIDs.
    pub fn extra_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let identity = *self;
        self.extra_sids().filter(move |extra| !identity.is_foreign(&extra.sid))
    }

    /// Returns the groups that are local to the service's domain, from the PAC, without the
    /// [`foreign_groups`](Self::foreign_groups).
    pub fn resource_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let identity = *self;
        self.all_resource_groups().filter(move |group| !identity.is_foreign(&group.sid))
    }

    /// Returns the memberships that grant this user no rights. If the account names domains, these memberships are in
    /// groups outside of the named domains of its own forest. For a user of a trusted forest, only the groups of the
    /// user's own domain grant rights ([`Account::with_trusted_domain`](crate::Account::with_trusted_domain)). The
    /// account's domain-local groups grant such a user rights only with
    /// [`Account::with_sid_filtered_domain`](crate::Account::with_sid_filtered_domain). The other methods leave these
    /// memberships out.
    pub fn foreign_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let identity = *self;
        self.extra_sids().chain(self.all_resource_groups()).filter(move |group| identity.is_foreign(&group.sid))
    }

    /// Copies the identity, so that the copy outlives the request.
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

    /// Returns whether a group with this SID grants the user no rights.
    fn is_foreign(self, sid: &Sid) -> bool {
        let accepted = self.accepted;
        accepted.opened_by().bounds().is_foreign(accepted.ticket().client_realm_bytes(), sid)
    }

    fn logon(self) -> Option<LogonInfo<'a>> {
        self.accepted.pac().as_ref().and_then(VerifiedPac::logon_info)
    }

    /// Returns the UPN_DNS_INFO if there is a LOGON_INFO, because without LOGON_INFO no field ties a UPN to a SID. A
    /// UPN_DNS_INFO whose texts cannot be read counts as absent.
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

/// Prints `name@REALM (SID)`, and escapes control characters and invisible characters. The tenant is not printed, so the
/// texts of users of two tenants may be equal.
impl fmt::Display for IdentityRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name(), crate::bounded_text::Escaped(self.realm()))?;
        match self.sid() {
            Some(sid) => write!(f, " ({sid})"),
            None => Ok(()),
        }
    }
}

/// Prints the same text as [`Display`](fmt::Display).
impl fmt::Debug for IdentityRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityRef({self})")
    }
}

/// A user's identity that a session can keep. The fields are those of [`IdentityRef`], whose methods document their
/// sources. [`SessionIdentity`](crate::SessionIdentity) is a smaller form.
///
/// ```
/// use kerberos_sso::{Accepted, Identity, Sid};
///
/// /// Lets in the editors of a wiki, and returns who they are.
/// fn editor(accepted: &Accepted, editors: Sid) -> Option<Identity> {
///     let user = accepted.identity().to_owned();
///     user.is_member_of(editors).then_some(user)
/// }
/// # #[cfg(feature = "testing")] {
/// # use kerberos_sso::{Policy, Validator, replay::NoReplayCache, testing::TestRealm};
/// # let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
/// # let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
/// # let accepted = validator.validate_ticket(&realm.ticket_for("alice").mint(), TestRealm::NOW).unwrap();
/// # let [everybody, admins] = [513, 512].map(|rid| realm.domain_sid().join(rid).unwrap());
/// # assert_eq!(editor(&accepted, everybody).unwrap().name, "alice");
/// # assert_eq!(editor(&accepted, admins), None);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[must_use]
pub struct Identity {
    /// The label of the tenant ([`IdentityRef::tenant`]).
    #[cfg_attr(feature = "serde", serde(default))]
    pub tenant: Option<String>,
    /// The user's SID ([`IdentityRef::sid`]).
    pub sid: Option<Sid>,
    /// The client's name ([`IdentityRef::name`]), quoted by [`PrincipalName::quoted`]. Escape this text before you print
    /// it.
    pub name: String,
    /// The client's realm ([`IdentityRef::realm`]).
    pub realm: String,
    /// The account's name in its domain ([`IdentityRef::account_name`]).
    pub account_name: Option<String>,
    /// The user's display name ([`IdentityRef::full_name`]).
    pub full_name: Option<String>,
    /// The NetBIOS name of the user's domain ([`IdentityRef::logon_domain`]).
    pub logon_domain: Option<String>,
    /// The DNS name of the user's domain ([`IdentityRef::dns_domain`]).
    pub dns_domain: Option<String>,
    /// The user principal name ([`IdentityRef::upn`]).
    pub upn: Option<String>,
    /// The flags of the UPN ([`IdentityRef::upn_flags`]).
    pub upn_flags: Option<UpnFlags>,
    /// The user's primary group ([`IdentityRef::primary_group_sid`]).
    pub primary_group_sid: Option<Sid>,
    /// The kind of the account ([`IdentityRef::kind`]).
    pub kind: Option<AccountKind>,
    /// The party that asserts that the user signed in ([`IdentityRef::asserted_by`]).
    pub asserted_by: AssertedBy,
    /// The groups of the user's domain ([`IdentityRef::domain_groups`]).
    pub domain_groups: Vec<Group>,
    /// The extra SIDs of the PAC ([`IdentityRef::extra_groups`]).
    pub extra_groups: Vec<Group>,
    /// The groups that are local to the service's domain ([`IdentityRef::resource_groups`]).
    pub resource_groups: Vec<Group>,
    /// The memberships that grant no rights ([`IdentityRef::foreign_groups`]).
    pub foreign_groups: Vec<Group>,
}

impl Identity {
    /// Returns the groups that grant rights ([`IdentityRef::groups`]).
    pub fn groups(&self) -> impl Iterator<Item = Group> {
        self.domain_groups.iter().chain(&self.extra_groups).chain(&self.resource_groups).copied().filter(Group::grants)
    }

    /// Returns whether `group` is among [`groups`](Self::groups).
    #[must_use]
    pub fn is_member_of(&self, group: Sid) -> bool {
        self.groups().any(|membership| membership.sid == group)
    }
}

/// The party that asserts that a user signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AssertedBy {
    /// The user authenticated to the KDC (S-1-18-1).
    Authentication,
    /// A service named the user to the KDC (S4U2Self; S-1-18-2).
    Service,
    /// No party asserts the sign-in: the KDC is older than Windows Server 2012, or there is no PAC.
    Unknown,
}
