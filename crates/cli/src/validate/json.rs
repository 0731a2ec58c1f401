//! Returns a verdict as a JSON object. Times are Unix seconds, and absent values are null.

use super::verdict::Verdict;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::pac::{Group, SignatureState, VerifiedPac, WideText};
use kerberos_sso::{
    Accepted, Error, PrincipalName, UnixTime,
    ticket::{BindingState, Framing},
};
use serde_json::{Value, json};

pub(crate) fn verdict(verdict: &Verdict) -> Value {
    let reply = verdict.reply.as_ref().map(|reply| STANDARD.encode(&reply.token));
    match &verdict.outcome {
        Ok(accepted) => self::accepted(accepted, reply.as_deref()),
        Err(error) => rejected(error, reply.as_deref()),
    }
}

fn accepted(accepted: &Accepted, reply: Option<&str>) -> Value {
    json!({
        "accepted": true,
        "client": client(accepted),
        "service": { "name": joined(accepted.service()), "realm": accepted.service_realm() },
        "key": { "kvno": accepted.opened_by().kvno(), "etype": accepted.opened_by().etype().0 },
        "ticket": ticket(accepted),
        "authenticator": authenticator(accepted),
        "channel_bindings": bindings(accepted.channel_bindings()),
        "mutual": accepted.wants_mutual(),
        "delegated": accepted.delegates(),
        "mechanism": mechanism(accepted.framing()),
        "pac": accepted.pac().as_ref().map(pac),
        "reply": reply,
    })
}

fn rejected(error: &Error, reply: Option<&str>) -> Value {
    json!({
        "accepted": false,
        "code": error.code(),
        "blame": error.blame().to_string(),
        "message": error.to_string(),
        "remedy": error.remedy().map(|remedy| remedy.to_string()),
        "reply": reply,
    })
}

fn client(accepted: &Accepted) -> Value {
    let ticket = accepted.ticket();
    json!({
        "name": joined(ticket.client()),
        "realm": ticket.client_realm(),
        "name_type": ticket.client().name_type().0,
    })
}

fn ticket(accepted: &Accepted) -> Value {
    let ticket = accepted.ticket();
    json!({
        "etype": accepted.opened_by().etype().0,
        "kvno": accepted.ticket_kvno(),
        "session_etype": accepted.session_etype().0,
        "auth_time": ticket.auth_time().seconds(),
        "start_time": ticket.starttime().map(UnixTime::seconds),
        "end_time": ticket.end_time().seconds(),
        "flags": ticket.flags().names().collect::<Vec<_>>(),
    })
}

fn authenticator(accepted: &Accepted) -> Value {
    let authenticator = accepted.authenticator();
    json!({
        "time": authenticator.time().seconds(),
        "usec": authenticator.time().micros(),
        "subkey_etype": authenticator.subkey_etype().map(|etype| etype.0),
        "sequence_number": authenticator.sequence_number(),
        "gss_flags": authenticator.gss_flags().map(kerberos_sso::ticket::GssFlags::bits),
    })
}

fn pac(pac: &VerifiedPac<'_>) -> Value {
    // Texts that cannot be read are null in the object.
    let (logon, upn) = (pac.logon_info(), pac.upn_dns_info().ok().flatten());
    let (logon, upn) = (logon.as_ref(), upn.as_ref());
    json!({
        "buffers": pac.buffer_types().map(|buffer| buffer.0).collect::<Vec<_>>(),
        "user_sid": logon.map(|logon| logon.user_sid().to_string()),
        "account_name": logon.and_then(|logon| text(logon.effective_name())),
        "full_name": logon.and_then(|logon| text(logon.full_name())),
        "logon_domain": logon.and_then(|logon| text(logon.logon_domain_name())),
        "logon_domain_sid": logon.map(|logon| logon.logon_domain_sid().to_string()),
        "primary_group_sid": logon.map(|logon| logon.primary_group_sid().to_string()),
        "group_sids": logon.map(|logon| sids(logon.groups())).unwrap_or_default(),
        "extra_sids": logon.map(|logon| sids(logon.extra_sids())).unwrap_or_default(),
        "resource_group_sids": logon.map(|logon| sids(logon.resource_groups())).unwrap_or_default(),
        "upn": upn.and_then(|info| text(info.upn)),
        "dns_domain": upn.and_then(|info| text(info.dns_domain_name)),
        "upn_flags": upn.map(|info| info.flags.bits()),
        "requestor_sid": pac.requestor().map(|sid| sid.to_string()),
        "server_signature": "valid",
        "kdc_signature": if pac.kdc_signatures().kdc == SignatureState::Valid { "valid" } else { "unchecked" },
    })
}

fn text(text: WideText<'_>) -> Option<String> {
    Some(text.decoded()).filter(|text| !text.is_empty())
}

fn sids(groups: impl Iterator<Item = Group>) -> Vec<String> {
    groups.map(|group| group.sid.to_string()).collect()
}

/// Returns the components of a name as they are in the ticket. The JSON writer escapes special characters.
fn joined(name: PrincipalName<'_>) -> String {
    name.components().collect::<Vec<_>>().join("/")
}

const fn bindings(state: BindingState) -> &'static str {
    match state {
        BindingState::Absent => "absent",
        BindingState::Matched => "matched",
        _ => "unchecked",
    }
}

const fn mechanism(framing: Framing) -> &'static str {
    match framing {
        Framing::Spnego => "spnego",
        Framing::Krb5 => "krb5",
        _ => "ap-req",
    }
}
