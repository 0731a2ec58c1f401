//! Compares the values that this crate reads in a PAC with the values that other programs read.

use kerberos_sso::UnixTime;
use kerberos_sso::pac::{FileTime, Group, VerifiedPac, WideText};
use serde_json::{Value, json};

/// Asserts that the PAC has the expected fields. `expected` has the JSON format of the manifest of PACs from Windows.
pub(crate) fn assert_windows(pac: &VerifiedPac<'_>, expected: &Value, id: &str) {
    let logon = pac.logon_info().unwrap();
    let rids = |groups: &mut dyn Iterator<Item = Group>| {
        groups.map(|group| json!([group.sid.rid(), group.attributes.bits()])).collect::<Value>()
    };
    let read = json!({
        "types": pac.buffer_types().map(|buffer_type| buffer_type.0).collect::<Value>(),
        "logon": {
            "logon": time(logon.logon_time()),
            "logoff": time(logon.logoff_time()),
            "kickoff": time(logon.kick_off_time()),
            "pwset": time(logon.password_last_set()),
            "pwcan": time(logon.password_can_change()),
            "pwmust": time(logon.password_must_change()),
            "logon_count": logon.logon_count(),
            "badpw": logon.bad_password_count(),
            "uid": logon.user_sid().rid(),
            "pgid": logon.primary_group_sid().rid(),
            "userflags": logon.user_flags().bits(),
            "uac": logon.account_control().bits(),
            "effective_name": text(logon.effective_name()),
            "full_name": text(logon.full_name()),
            "groups": rids(&mut logon.groups()),
            "server": text(logon.logon_server()),
            "domain": text(logon.logon_domain_name()),
            "domain_sid": logon.logon_domain_sid().to_string(),
            "extra": logon.extra_sids().map(|group| json!([group.sid.to_string(), group.attributes.bits()])).collect::<Value>(),
            "res_domain": logon.resource_group_domain_sid().map(|sid| sid.to_string()),
            "res_groups": rids(&mut logon.resource_groups()),
            "user_sid": logon.user_sid().to_string(),
        },
        "client_info": [instant(pac.client_info().client_id.instant().unwrap()), text(pac.client_info().name)],
        "upn": pac.upn_dns_info().unwrap().map(|info| json!({
            "upn": text(info.upn), "dns": text(info.dns_domain_name), "flags": info.flags.bits(),
        })),
    });
    let expected = expected.as_object().unwrap();
    for (field, value) in expected.iter().filter(|(field, _)| !field.starts_with("sig")) {
        assert_eq!(&read[field], value, "{id}: {field}");
    }
}

fn time(time: FileTime) -> Value {
    time.instant().map_or(Value::Null, |time| instant(time).into())
}

fn instant(time: UnixTime) -> String {
    match time.micros() {
        0 => time.to_string(),
        micros => time.to_string().replace('Z', &format!(".{micros:06}Z")),
    }
}

fn text(text: WideText<'_>) -> String {
    text.decoded()
}
