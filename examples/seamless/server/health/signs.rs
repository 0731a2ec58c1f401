//! Counts the signs ([`Sign`]) of each tenant. Some signs show that somebody else may have the account's key. The other
//! signs are sign-ins of administrators, and sign-ins with RC4 keys.

use super::{DAY, Warning};
use crate::principal;
use kerberos_sso::error::{Error, Integrity, NoKeyCause};
use kerberos_sso::{Accepted, SessionIdentity, Sid, UnixTime, WellKnownGroup, crypto::EncType};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// An event that the server counts, because an administrator should know about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// A refused ticket names a version of the key that the server does not have or no longer has.
    UnknownKvno,
    /// The key whose version a ticket names does not decrypt the ticket.
    WrongKey,
    /// A ticket that the account's key decrypts names a version of the key that the server does not have.
    ForgedKvno,
    /// A refused ticket is of a realm or a domain that the account does not trust.
    ForeignRealm,
    /// An administrator of the directory signed in.
    Administrator,
    /// A client with an RC4 key signed in.
    Rc4,
}

impl Sign {
    pub(crate) const ALL: [Self; 6] =
        [Self::UnknownKvno, Self::WrongKey, Self::ForgedKvno, Self::ForeignRealm, Self::Administrator, Self::Rc4];

    /// Returns the label of the sign in the metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::UnknownKvno => "unknown-kvno",
            Self::WrongKey => "wrong-key",
            Self::ForgedKvno => "forged-kvno",
            Self::ForeignRealm => "foreign-realm",
            Self::Administrator => "administrator-sign-in",
            Self::Rc4 => "rc4-sign-in",
        }
    }
}

/// The signs of one tenant since the server started.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    unknown_kvno: Counted,
    wrong_key: Counted,
    forged_kvno: Counted,
    foreign_realm: Counted,
    administrator: Counted,
    rc4: Counted,
}

/// The tickets and sign-ins that showed one sign: their number, the time of the last of them, and the time of the last
/// line about the sign in the log.
#[derive(Debug, Default)]
struct Counted {
    count: AtomicU64,
    last: AtomicI64,
    logged: AtomicI64,
}

impl Signs {
    /// Counts the signs in an accepted ticket. `administrators` are the SIDs of the tenant's administrators, in
    /// addition to the administrators that every domain has.
    pub(crate) fn accepted(&self, tenant: &str, accepted: &Accepted, administrators: &[Sid], now: UnixTime) {
        let keys = [accepted.opened_by().etype(), accepted.session_etype()];
        if keys.contains(&EncType::RC4_HMAC) {
            self.rc4.add(now);
        }
        if has_unknown_version(accepted) {
            let (named, key) = (accepted.ticket_kvno(), accepted.opened_by().kvno());
            self.forged_kvno.add(now);
            let user = principal::with_sid(&accepted.identity().to_session());
            tracing::error!(
                tenant,
                %user,
                warning = Sign::ForgedKvno.label(),
                "the ticket opened under version {key:?} of the account's key, but names version {named:?}: no KDC writes \
                 such a ticket, so the key may be stolen"
            );
        }
        self.administrator(tenant, &accepted.identity().to_session(), administrators, now);
    }

    /// Counts a sign-in if the user is an administrator.
    pub(crate) fn administrator(&self, tenant: &str, user: &SessionIdentity, administrators: &[Sid], now: UnixTime) {
        if is_administrator(user, administrators) {
            self.administrator.add(now);
            let (user, sign) = (principal::with_sid(user), Sign::Administrator.label());
            tracing::warn!(tenant, %user, sign, "an administrator of the directory signed in");
        }
    }

    /// Counts the sign in a refused ticket. Any client can send such tickets, so the log has at most one line a minute for
    /// each sign.
    pub(crate) fn refused(&self, tenant: &str, error: &Error, now: UnixTime) {
        let Some(sign) = sign_of(error) else { return };
        let counted = self.of(sign);
        if counted.add(now) {
            tracing::error!(tenant, warning = sign.label(), count = counted.count(), "{error}");
        }
    }

    /// Counts a refused ticket that a key of the account opens, although no key has the version that the ticket names.
    pub(crate) fn forged(&self, tenant: &str, error: &Error, now: UnixTime) {
        if self.forged_kvno.add(now) {
            let (warning, count) = (Sign::ForgedKvno.label(), self.forged_kvno.count());
            tracing::error!(
                tenant,
                warning,
                count,
                "a ticket opens under the account's key, which may be stolen: {error}"
            );
        }
    }

    pub(crate) fn count(&self, sign: Sign) -> u64 {
        self.of(sign).count()
    }

    /// Returns a warning for each sign of a stolen key within the last day.
    pub(crate) fn warnings(&self, now: UnixTime) -> impl Iterator<Item = Warning> + use<> {
        let warnings = [
            self.unknown_kvno.since(now).map(|(count, last)| Warning::UnknownKvno { count, last }),
            self.wrong_key.since(now).map(|(count, last)| Warning::WrongKey { count, last }),
            self.forged_kvno.since(now).map(|(count, last)| Warning::ForgedKvno { count, last }),
            self.foreign_realm.since(now).map(|(count, last)| Warning::ForeignRealm { count, last }),
        ];
        warnings.into_iter().flatten()
    }

    const fn of(&self, sign: Sign) -> &Counted {
        match sign {
            Sign::UnknownKvno => &self.unknown_kvno,
            Sign::WrongKey => &self.wrong_key,
            Sign::ForgedKvno => &self.forged_kvno,
            Sign::ForeignRealm => &self.foreign_realm,
            Sign::Administrator => &self.administrator,
            Sign::Rc4 => &self.rc4,
        }
    }
}

impl Counted {
    /// Counts an event. Returns whether the log should have a line for the event.
    fn add(&self, now: UnixTime) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.last.store(now.seconds(), Ordering::Relaxed);
        let is_due = |logged: i64| (now.seconds().saturating_sub(logged) >= LOG_EVERY).then_some(now.seconds());
        self.logged.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due).is_ok()
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Returns the number of events and the time of the last event, if the last event was within a day.
    fn since(&self, now: UnixTime) -> Option<(u64, UnixTime)> {
        let last = UnixTime::from_seconds(self.last.load(Ordering::Relaxed));
        (self.count() > 0 && now.seconds_since(last) < DAY).then(|| (self.count(), last))
    }
}

/// Returns whether an accepted ticket names a version that no key of the account has.
fn has_unknown_version(accepted: &Accepted) -> bool {
    let Some(named) = accepted.ticket_kvno() else { return false };
    // An old keytab keeps only the last 8 bits of a version, and a key without a version may have any version.
    let may_be = |held: Option<u32>| held.is_none_or(|held| held == named || (held < 256 && held == named & 0xFF));
    !accepted.opened_by().account().keys().iter().any(|key| may_be(key.kvno()))
}

/// Returns whether a user is an administrator of the domain or of the forest. A user in `others`, or in a group in `others`,
/// is an administrator, too.
fn is_administrator(user: &SessionIdentity, others: &[Sid]) -> bool {
    let is_built_in = user.sid.is_some_and(|sid| sid.rid() == Some(BUILT_IN_ADMINISTRATOR) && sid.is_of_domain());
    let is_other = |other: &Sid| user.sid == Some(*other) || user.is_member_of(*other);
    let rids = ADMINISTRATORS.map(WellKnownGroup::rid);
    let is_group = |group: Sid| group.is_of_domain() && group.rid().is_some_and(|rid| rids.contains(&rid));
    is_built_in || others.iter().any(is_other) || user.groups().any(is_group)
}

/// Returns the sign under which a ticket that was refused with this error is counted.
const fn sign_of(error: &Error) -> Option<Sign> {
    match error {
        Error::KeyVersion(_) => Some(Sign::UnknownKvno),
        Error::Integrity(Integrity::Ticket { .. }) => Some(Sign::WrongKey),
        Error::NoKey(no_key) => match no_key.cause {
            NoKeyCause::Retired { .. } | NoKeyCause::StrictVersion { .. } => Some(Sign::UnknownKvno),
            NoKeyCause::Realm { .. } => Some(Sign::ForeignRealm),
            _ => None,
        },
        Error::UntrustedRealm { .. } | Error::UntrustedDomain { .. } => Some(Sign::ForeignRealm),
        _ => None,
    }
}

/// The groups whose members administer the domain or the forest (MS-DTYP section 2.4.2.4).
const ADMINISTRATORS: [WellKnownGroup; 4] = [
    WellKnownGroup::DomainAdmins,
    WellKnownGroup::EnterpriseAdmins,
    WellKnownGroup::SchemaAdmins,
    WellKnownGroup::GroupPolicyCreatorOwners,
];

/// The RID of the account `Administrator`, which every domain has (MS-DTYP section 2.4.2.4).
const BUILT_IN_ADMINISTRATOR: u32 = 500;

/// The time between two lines in the log for the same sign, in seconds.
const LOG_EVERY: i64 = 60;
