//! The findings about the account's own attributes.

use super::finding::Finding;
use crate::directory::Object;
use crate::well_known::{self, account_control};
use kerberos_sso::UnixTime;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;

/// Returns the findings about the account's own attributes.
#[must_use]
pub fn findings(account: &Object, now: UnixTime) -> Vec<Finding> {
    let missing = SEAMLESS_SSO_SERVICES.iter().filter(|service| !account.has_service(service)).map(|service| {
        let text = format!("the account lacks the service principal name {service}");
        Finding::fault("spn-missing", text, format!("setspn -S {service} {}", account.name))
    });
    let groups = account.groups.iter().filter_map(|group| {
        let text =
            format!("the account is in the privileged group {} ({group})", well_known::privileged_group(*group)?);
        Some(Finding::warning("privileged-group", text, "remove the account from the group: it needs none"))
    });
    let mut findings = control(account);
    findings.extend(etypes(account));
    findings.extend(missing);
    findings.extend(groups);
    findings.extend(age(account, now));
    findings
}

/// Returns the findings about `userAccountControl`, and about the delegation from this account.
fn control(account: &Object) -> Vec<Finding> {
    let flag = |flag: u32, finding: Finding| (account.control & flag != 0).then_some(finding);
    let constrained = (!account.may_delegate_to.is_empty()).then(|| {
        let text = format!("the account may delegate users to {}", account.may_delegate_to.join(", "));
        Finding::warning(
            "constrained-delegation",
            text,
            "clear msDS-AllowedToDelegateTo: the account needs no delegation",
        )
    });
    let findings = [
        flag(
            account_control::DISABLED,
            Finding::fault("disabled", "the account is disabled, so no client gets a ticket", "Enable-ADAccount"),
        ),
        flag(
            account_control::TRUSTED_FOR_DELEGATION,
            Finding::fault(
                "unconstrained-delegation",
                "the account is trusted for delegation to every service (TRUSTED_FOR_DELEGATION)",
                "Set-ADAccountControl -TrustedForDelegation $false",
            ),
        ),
        flag(
            account_control::TRUSTED_TO_AUTHENTICATE,
            Finding::fault(
                "protocol-transition",
                "the account may delegate users who did not sign in by Kerberos (TRUSTED_TO_AUTH_FOR_DELEGATION)",
                "Set-ADAccountControl -TrustedToAuthForDelegation $false",
            ),
        ),
        flag(
            account_control::NO_PREAUTHENTICATION,
            Finding::warning(
                "no-preauthentication",
                "the account needs no pre-authentication, so everyone gets data that is encrypted under its key",
                "Set-ADAccountControl -DoesNotRequirePreAuth $false",
            ),
        ),
        constrained,
    ];
    findings.into_iter().flatten().collect()
}

fn etypes(account: &Object) -> Vec<Finding> {
    const MOVE: &str = "run `rollover --etypes aes`, which sets the types together with a new key";
    let etypes = account.etypes.unwrap_or(0);
    if etypes == 0 {
        let text = "msDS-SupportedEncryptionTypes is not set, so the domain controllers decide about RC4";
        return vec![Finding::warning("etypes-unset", text, MOVE)];
    }
    let is_des = etypes & well_known::DES != 0 || account.control & account_control::DES_ONLY != 0;
    let findings = [
        (etypes & well_known::AES == 0)
            .then(|| Finding::fault("no-aes", "the account has no encryption type of AES", MOVE)),
        (etypes & well_known::RC4 != 0).then(|| {
            Finding::warning("rc4-allowed", "the account allows RC4, whose tickets can be attacked offline", MOVE)
        }),
        is_des.then(|| Finding::warning("des-allowed", "the account allows DES", MOVE)),
    ];
    findings.into_iter().flatten().collect()
}

fn age(account: &Object, now: UnixTime) -> Option<Finding> {
    let days = now.seconds_since(account.password_set?).div_euclid(24 * 3600);
    let text = format!("the key is {days} days old");
    (days > MAX_DAYS).then(|| Finding::warning("key-is-old", text, "run `rollover` by a timer every 30 days"))
}

/// The age at which Microsoft's documentation demands a new key, in days.
const MAX_DAYS: i64 = 30;
