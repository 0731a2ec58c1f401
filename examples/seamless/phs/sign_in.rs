//! Checks a password with the verifier of an account.
//!
//! Like a domain controller, this module reports a locked, disabled or expired account only after the right password. An
//! unknown name costs the same derivation as a known name.

use crate::nt_hash::NtHash;
use crate::record::Account;
use crate::verifier::{Parameters, Verifier};
use kerberos_sso::UnixTime;

/// The result of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right, and the account may sign in.
    SignedIn,
    /// There is no such name, or the password is wrong.
    Wrong,
    /// The account is disabled (NTSTATUS 0xC0000072).
    Disabled,
    /// The account is locked (NTSTATUS 0xC0000234).
    Locked,
    /// The account has expired (NTSTATUS 0xC0000193).
    AccountExpired,
    /// The password has expired (NTSTATUS 0xC0000071).
    PasswordExpired,
    /// The user must change the password first (NTSTATUS 0xC0000224).
    MustChange,
}

/// A password that was derived with the parameters of an account.
#[derive(Debug)]
pub struct Derived<'a> {
    account: Option<&'a Account>,
    derived: Verifier,
}

/// Derives a password with the parameters of its account, or with those of `unknown` if there is no account. The derivation
/// takes tens of milliseconds of CPU time.
#[must_use]
pub fn derive<'a>(account: Option<&'a Account>, unknown: Parameters, password: &str) -> Derived<'a> {
    let parameters = account.map_or(unknown, |account| account.verifier.parameters());
    Derived { account, derived: parameters.derive(&NtHash::of_password(password)) }
}

impl Derived<'_> {
    /// Returns the result of the sign-in.
    #[must_use]
    pub fn verdict(&self, now: UnixTime) -> Verdict {
        match self.account {
            Some(account) if account.verifier.is(&self.derived) => account.state(now),
            _ => Verdict::Wrong,
        }
    }

    /// Returns the derived octets. The same wrong password with the same parameters gives the same octets.
    #[must_use]
    pub fn octets(&self) -> &[u8; 32] {
        self.derived.octets()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::record::tests::account;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    fn unknown() -> Parameters {
        Parameters::new([1; 10], 1000).unwrap()
    }

    #[test]
    fn right_password_signs_in_and_a_wrong_password_or_an_unknown_name_is_refused() {
        let known = account("Pa$$w0rd");
        let verdict = |account, password| derive(account, unknown(), password).verdict(NOW);
        assert_eq!(verdict(Some(&known), "Pa$$w0rd"), Verdict::SignedIn);
        assert_eq!(verdict(Some(&known), "Pa$$w0rd "), Verdict::Wrong);
        assert_eq!(verdict(None, "Pa$$w0rd"), Verdict::Wrong);
    }

    #[test]
    fn state_of_an_account_is_told_after_the_right_password_only() {
        let mut known = account("Pa$$w0rd");
        known.disabled = true;
        assert_eq!(derive(Some(&known), unknown(), "Pa$$w0rd").verdict(NOW), Verdict::Disabled);
        assert_eq!(derive(Some(&known), unknown(), "other").verdict(NOW), Verdict::Wrong);
    }

    #[test]
    fn same_wrong_password_gives_the_same_octets_even_for_an_unknown_name() {
        let known = account("Pa$$w0rd");
        for account in [Some(&known), None] {
            let octets = |password| *derive(account, unknown(), password).octets();
            assert_eq!(octets("old"), octets("old"));
            assert_ne!(octets("old"), octets("older"));
        }
    }
}
