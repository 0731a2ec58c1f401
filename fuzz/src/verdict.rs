//! Checks the invariants of every verdict: its printed text is safe, its reply can be read, and its stored forms are
//! read back.

use crate::{ccache, claims, printed, server};
use kerberos_sso::error::PacMalformed;
use kerberos_sso::limits::MAX_PAC_SIZE;
use kerberos_sso::pac::{DeviceInfo, Group, LogonInfo, VerifiedPac, WideText};
use kerberos_sso::testing::{Krb5Message, KrbErrorParts, NegTokenRespParts};
use kerberos_sso::ticket::AuthorizationData;
use kerberos_sso::{Accepted, Identity, Randomness, Refused, SessionIdentity, Sid};

/// The random octets of every answer, which are always the same, so that a crash can be repeated.
pub const RANDOMNESS: Randomness = Randomness::new([0x5A; 64]);

/// Checks the invariants of a verdict.
pub fn check(verdict: &Result<Accepted, Refused>) {
    match verdict {
        Ok(accepted) => check_accepted(accepted),
        Err(refused) => check_refused(refused),
    }
}

/// Checks a refusal, and reads its token for the client.
pub fn check_refused(refused: &Refused) {
    printed::harmless_error(refused);
    printed::harmless(&refused.blame());
    printed::harmless_text(refused.code());
    refused.remedy().iter().for_each(printed::harmless);
    let Some(token) = refused.token() else { return };
    let reply = NegTokenRespParts::decode(token);
    let reject = Some(NegTokenRespParts::REJECT);
    assert!(reply.as_ref().is_none_or(|reply| reply.neg_state == reject), "{reply:?}");
    let message = match &reply {
        Some(reply) => reply.response_token.as_deref(),
        None => Some(token),
    };
    let is_error = |token| KrbErrorParts::decode(&Krb5Message::decode(token).message).is_some();
    assert!(message.is_none_or(is_error), "the answer to {refused} is no KRB-ERROR");
}

/// Reads and checks all values of an accepted request.
pub fn check_accepted(accepted: &Accepted) {
    printed::harmless_debug(accepted);
    printed::harmless(&accepted.service());
    check_identity(accepted);
    let (ticket, authenticator) = (accepted.ticket(), accepted.authenticator());
    assert!(ticket.client_realm() == accepted.identity().realm());
    printed::harmless(&ticket.client());
    printed::harmless_debug(&(ticket, authenticator));
    if let Some(target) = authenticator.client_target() {
        printed::harmless(&target);
    }
    check_authorization_data(ticket.authorization_data());
    if let Some(pac) = accepted.pac() {
        check_pac(&pac, MAX_PAC_SIZE);
    }
    match accepted.delegated_credentials() {
        Ok(None) => assert!(!accepted.delegates()),
        Ok(Some(credentials)) => ccache::check(&credentials),
        Err(error) => printed::harmless_error(&error),
    }
}

/// Checks that the stored forms of an identity are read back as the same identity.
fn check_identity(accepted: &Accepted) {
    let identity = accepted.identity();
    printed::harmless(&identity);
    identity.sid().into_iter().chain(identity.groups().map(|group| group.sid)).for_each(check_sid);
    let (owned, session) = (identity.to_owned(), identity.to_session());
    assert_eq!((owned.sid, session.sid), (identity.sid(), identity.sid()));
    printed::harmless_debug(&owned);
    printed::harmless_debug(&session);
    let stored = serde_json::to_string(&owned).unwrap();
    assert_eq!(serde_json::from_str::<Identity>(&stored).unwrap(), owned);
    let stored = serde_json::to_string(&session).unwrap();
    assert_eq!(serde_json::from_str::<SessionIdentity>(&stored).unwrap(), session);
    assert!(identity.groups().all(|group| session.is_member_of(group.sid) || group.sid.rid().is_none()));
}

fn check_sid(sid: Sid) {
    printed::harmless(&sid);
    assert_eq!(sid.to_string().parse(), Ok(sid));
    assert_eq!(Sid::from_bytes(&sid.to_bytes()), Some(sid));
}

fn check_authorization_data(data: AuthorizationData<'_>) {
    for element in data.iter() {
        printed::harmless_debug(&element);
        if let Some(contained) = element.contained() {
            check_authorization_data(contained);
        }
    }
}

/// Reads and checks all values of a PAC of `length` octets.
pub fn check_pac(pac: &VerifiedPac<'_>, length: usize) {
    printed::harmless_debug(pac);
    pac.buffer_types().for_each(|buffer_type| printed::harmless(&buffer_type));
    printed::harmless(&pac.client_info().name);
    pac.requestor().into_iter().for_each(check_sid);
    printed::harmless_debug(&readable(pac.attributes()));
    if let Some(info) = readable(pac.upn_dns_info()) {
        check_texts([info.upn, info.dns_domain_name].into_iter().chain(info.sam_name));
        info.sid.into_iter().for_each(check_sid);
    }
    if let Some(info) = pac.logon_info() {
        check_logon_info(&info);
    }
    if let Some(info) = readable(pac.delegation_info()) {
        check_texts(info.transited_services().chain([info.proxy_target()]));
    }
    if let Some(info) = readable(pac.device_info()) {
        check_device_info(&info);
    }
    [pac.client_claims(), pac.device_claims()].iter().flatten().for_each(|encoded| claims::check(encoded, length));
}

/// Returns the contents of a buffer if the PAC has the buffer and it can be read. For an error, checks the error's text
/// and returns `None`.
fn readable<T>(decoded: Result<Option<T>, PacMalformed>) -> Option<T> {
    decoded.unwrap_or_else(|error| {
        printed::harmless_error(&error);
        None
    })
}

fn check_logon_info(info: &LogonInfo<'_>) {
    check_texts([
        info.effective_name(),
        info.full_name(),
        info.logon_script(),
        info.profile_path(),
        info.home_directory(),
        info.home_directory_drive(),
        info.logon_server(),
        info.logon_domain_name(),
    ]);
    [info.user_sid(), info.primary_group_sid(), info.logon_domain_sid()].into_iter().for_each(check_sid);
    info.resource_group_domain_sid().into_iter().for_each(check_sid);
    check_groups(info.groups().chain(info.extra_sids()).chain(info.resource_groups()));
    printed::harmless_debug(&(info.user_flags(), info.account_control(), info.logon_time(), info.kick_off_time()));
}

fn check_device_info(info: &DeviceInfo<'_>) {
    [info.device_sid(), info.primary_group_sid()].into_iter().for_each(check_sid);
    check_groups(info.account_groups().chain(info.domain_groups()).chain(info.extra_sids()));
}

fn check_groups(groups: impl Iterator<Item = Group>) {
    groups.for_each(|group| check_sid(group.sid));
}

fn check_texts<'a>(texts: impl IntoIterator<Item = WideText<'a>>) {
    for text in texts {
        printed::harmless(&text);
        assert!(!text.decoded().contains('\0') && text == *text.decoded());
    }
}

/// Asserts that the accepted user is the user of the minted token.
pub fn assert_is_the_user(accepted: &Accepted) {
    let client = crate::stated::Client::of(accepted);
    assert!(client.is(&server::user()), "{client:?} signed in");
}
