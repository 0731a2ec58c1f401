//! A verdict as JSON, one object a token. Times are Unix seconds; what is absent is null.

use kerberos_sso::{Accepted, BindingState, Error, Framing, PrincipalName};
use serde_json::{Value, json};

pub(crate) fn verdict(verdict: &Result<Accepted, Error>) -> Value {
    match verdict {
        Ok(accepted) => self::accepted(accepted),
        Err(error) => rejected(error),
    }
}

fn accepted(accepted: &Accepted) -> Value {
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
        "pac": pac(accepted),
        "reply": reply(),
    })
}

fn rejected(error: &Error) -> Value {
    json!({
        "accepted": false,
        "code": error.code(),
        "blame": error.blame().to_string(),
        "message": error.to_string(),
        "remedy": error.remedy(),
        "reply": reply(),
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
        "start_time": ticket.start_time().seconds(),
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
        "gss_flags": authenticator.gss_flags().map(kerberos_sso::GssFlags::bits),
    })
}

/// What the PAC says: nothing, as long as none is read.
const fn pac(_: &Accepted) -> Value {
    Value::Null
}

/// What to answer: nothing, as long as no reply is made.
const fn reply() -> Value {
    Value::Null
}

/// As the wire has it: JSON escapes what must be escaped.
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
