//! Tests of the configuration file.

use super::*;

fn tenant(name: &str, rest: &str) -> String {
    format!(r#"{{"name": "{name}", "realm": "R", "account": "A$", "keytab": "k"{rest}}}"#)
}

fn error(tenants: &[String]) -> String {
    Config::parse(&format!(r#"{{"tenants": [{}]}}"#, tenants.join(","))).err().unwrap()
}

#[test]
fn example_in_the_documentation_of_the_configuration_is_valid() {
    let (_, text) = include_str!("../config.rs").split_once("//! ```json\n").unwrap();
    let (text, _) = text.split_once("//! ```\n").unwrap();
    let config = Config::parse(&text.replace("//! ", "")).unwrap();
    let clients = crate::oidc::Clients::new(config.tenants.into_iter().next().unwrap().clients).unwrap();
    assert!(["app", "pages", "api"].iter().all(|id| clients.get(id).is_some()));
}

#[test]
fn tenant_with_only_the_required_fields_is_read_with_defaults() {
    let config = Config::parse(&format!(r#"{{"tenants": [{}]}}"#, tenant("contoso.test", ""))).unwrap();
    assert_eq!((config.session_minutes, config.tenants.len()), (60, 1));
}

#[test]
fn address_must_be_a_scheme_and_a_host_without_a_path() {
    let is_read = |address: &str| {
        Config::parse(&format!(r#"{{"address": "{address}", "tenants": [{}]}}"#, tenant("a", ""))).is_ok()
    };
    assert!(is_read("https://login.contoso.test") && is_read("http://127.0.0.1:8080"));
    for address in ["", "login.contoso.test", "https://", "https://a.test/", "https://a@b.test", "ftp://a.test"] {
        assert!(!is_read(address), "{address}");
    }
}

#[test]
fn proxies_may_be_addresses_or_networks() {
    let proxies = |text: &str| {
        Config::parse(&format!(r#"{{"proxies": {text}, "tenants": [{}]}}"#, tenant("a", "")))
            .map(|config| config.proxies())
    };
    let named = proxies(r#"["10.0.0.1", "fd00::/8", "::ffff:10.0.0.2"]"#).unwrap();
    let is_named = ["10.0.0.1", "fd12::1", "10.0.0.2", "10.0.0.3"].map(|ip| named.contain(ip.parse().unwrap()));
    assert_eq!(is_named, [true, true, true, false]);
    for wrong in [r#"["proxy.test"]"#, r#"["10.0.0.0/33"]"#, r#"[""]"#] {
        assert!(proxies(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn limits_have_defaults_and_are_at_least_one() {
    let limits = |text: &str| {
        Config::parse(&format!(r#"{{"limits": {text}, "tenants": [{}]}}"#, tenant("a", ""))).map(|config| config.limits)
    };
    assert_eq!(limits("{}").unwrap(), Limits::default());
    assert_eq!(limits(r#"{"connections": 9}"#).unwrap(), Limits { connections: 9, ..Limits::default() });
    assert!(limits(r#"{"requests_per_second": 0}"#).is_err() && limits(r#"{"password_seconds": 11}"#).is_err());
    assert!(limits(r#"{"request": 1}"#).is_err());
}

#[test]
fn state_is_in_a_directory_or_in_valkey_with_a_secret() {
    let engine = |state: &str| {
        let text = format!(r#"{{"state": {state}, "tenants": [{}]}}"#, tenant("a", ""));
        Config::parse(&text).map(|config| config.state.engine().unwrap())
    };
    assert_eq!(engine("{}"), Ok(None));
    assert_eq!(engine(r#"{"directory": "/s"}"#), Ok(Some(Engine::Disk { folder: "/s".into() })));
    let addresses = || vec!["redis://h".into()];
    for (valkey, nodes) in [
        (r#""redis://h""#, Nodes::Single("redis://h".into())),
        (
            r#"{"service": "s", "sentinels": ["redis://h"]}"#,
            Nodes::Sentinels { service: "s".into(), sentinels: addresses() },
        ),
        (r#"{"cluster": ["redis://h"]}"#, Nodes::Cluster { cluster: addresses() }),
    ] {
        let state = format!(r#"{{"valkey": {valkey}, "ca": "c", "secret": "k", "without_store": "refuse"}}"#);
        let (ca, secret) = (Some("c".into()), "k".into());
        assert_eq!(engine(&state), Ok(Some(Engine::Valkey { nodes, ca, secret })));
    }
    for (state, part) in [
        (r#"{"valkey": "redis://h"}"#, "head -c 32"),
        (r#"{"valkey": "redis://h", "directory": "/s"}"#, "either"),
        (r#"{"secret": "k"}"#, "belongs to"),
        (r#"{"directory": "/s", "ca": "c"}"#, "`ca` belongs to"),
        (r#"{"directory": "/s", "secret": "k"}"#, "belongs to"),
        (r#"{"without_store": "tickets"}"#, "line 1"),
        (r#"{"valkey": {"cluster": ["redis://h"], "service": "s"}, "secret": "k"}"#, "line 1"),
    ] {
        let error = engine(state).unwrap_err();
        assert!(error.contains(part), "{state}: {error}");
    }
}

#[test]
fn wrong_configuration_is_refused_with_an_error_that_names_the_wrong_part() {
    let sid = r#", "domain_sids": ["S-1-5-21-1-2-3"]"#;
    let domain = r#", "domain_sids": ["S-1-5-21-1-2-3"], "domains": ["c.test"]"#;
    let child = format!(r#"{sid}, "forest_domains": {{"C": "S-1-5-21-4-5-6"}}"#);
    let guid = format!(r#"{sid}, "guid": "01234567-89ab-4def-8123-456789abcdef""#);
    let federated = |domain: &str| {
        format!(
            r#", "federated": {{"{domain}": {{"metadata_url": "https://f", "active_auth_url": "https://f", "brand": ""}}}}"#
        )
    };
    for (tenants, part) in [
        (vec![], "no tenant"),
        (vec![tenant("a/b", "")], "letters, digits"),
        (vec![tenant("a", r#", "keytabs": 1"#)], "unknown field"),
        (vec![tenant("a", r#", "domain_sids": ["S-1"]"#)], "line 1"),
        (vec![tenant("a", sid), tenant("b", "")], "domain_sids"),
        (vec![tenant("a", sid), tenant("A", sid)], "two tenants"),
        (vec![tenant("a", sid), tenant("b", sid)], "two tenants have the realm"),
        (vec![tenant("a", r#", "forest_domains": {"C": "S-1-5-21-4-5-6"}"#)], "in `domain_sids`"),
        (vec![tenant("a", &format!(r#"{sid}, "forest_domains": {{"r": "S-1-5-21-4-5-6"}}"#))], "own realm"),
        (vec![tenant("a", &format!(r#"{sid}, "forest_domains": {{"": "S-1-5-21-4-5-6"}}"#))], "not be empty"),
        (vec![tenant("a", &format!(r#"{sid}, "forest_domains": {{"C": "child"}}"#))], "line 1"),
        (vec![tenant("a", &child), tenant("b", &child).replace(r#""R""#, r#""S""#)], "two tenants have the realm C"),
        (vec![tenant("a", &child), tenant("b", sid).replace(r#""R""#, r#""c""#)], "two tenants have the realm c"),
        (vec![tenant("a", domain), tenant("b", domain).replace(r#""R""#, r#""S""#)], "is listed twice"),
        (vec![tenant("a", &guid), tenant("b", &guid).replace(r#""R""#, r#""S""#)], "two tenants have the identifier"),
        (vec![tenant("a", r#", "guid": "1-2-3""#)], "01234567-89ab"),
        (vec![tenant("a", r#", "username_mixed": true"#)], "username_mixed"),
        (vec![tenant("a", &federated("a"))], "sign in at this server"),
        (
            vec![tenant("a", &format!("{sid}{}", federated("s"))), tenant("b", sid).replace(r#""R""#, r#""S""#)],
            "sign in at",
        ),
        (vec![tenant("a", &federated("x/y"))], "letters, digits"),
        (vec![tenant("a", &federated("x.test").replace("https", "http"))], "https://"),
        (vec![tenant("a", &format!(r#", "domains": ["X.test"]{}"#, federated("x.test")))], "is listed twice"),
    ] {
        let error = error(&tenants);
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn method_pass_through_needs_agents_and_refuses_a_kdc_and_method_kdc_needs_a_kdc() {
    let parse = |agents: &str, rest: &str| {
        Config::parse(&format!(r#"{{{agents} "tenants": [{}]}}"#, tenant("a", rest))).map(|config| config.tenants)
    };
    let agents = r#""agents": {"listen": "127.0.0.1:0", "nodes": ["https://n1:8443"]},"#;
    let (pass_through, kdc) = (r#", "password": {"method": "pass-through"}"#, r#", "kdc": "k""#);
    let read = parse(agents, pass_through).unwrap();
    assert_eq!(
        read.first().unwrap().password,
        Some(PasswordConfig::PassThrough { fallback: None, alternate_id: None })
    );
    assert!(parse("", &format!(r#"{kdc}, "password": {{"method": "kdc"}}"#)).is_ok());
    for (agents, rest, expected) in [
        ("", pass_through.to_owned(), "needs `agents`"),
        (agents, format!("{pass_through}{kdc}"), "remove the field `kdc`"),
        (agents, r#", "password": {"method": "pass-through", "alternate_id": "mail)"}"#.to_owned(), "like mail"),
        (agents, r#", "password": {"method": "pass-through", "alternate_id": ""}"#.to_owned(), "like mail"),
        (agents, r#", "password": {"method": "kdc"}"#.to_owned(), "needs a `kdc`"),
        (agents, r#", "password": {"method": "kdc", "also": 1}"#.to_owned(), ""),
    ] {
        let error = parse(agents, &rest).err().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn verifiers_need_a_key_and_agents_and_the_sids_of_the_domains() {
    let parse = |agents: bool, rest: &str| {
        let agents = if agents { r#""agents": {"listen": "127.0.0.1:0", "nodes": ["https://n1:8443"]},"# } else { "" };
        Config::parse(&format!(r#"{{{agents} "tenants": [{}]}}"#, tenant("a", rest)))
    };
    let sids = r#", "domain_sids": ["S-1-5-21-1-2-3"]"#;
    let hash = |more: &str| format!(r#"{sids}, "password": {{"method": "hash", "key": "hash.key"{more}}}"#);
    let read = parse(true, &hash("")).unwrap();
    let hashes = read.tenants.first().unwrap().hashes().unwrap();
    assert_eq!((hashes.max_age_hours, hashes.built_in_accounts, hashes.min_iterations), (24, false, 1000));
    assert_eq!(hashes.max_accounts, 200_000);
    assert!(parse(true, &hash(r#", "max_accounts": 1000000"#)).is_ok());
    let fallback = format!(r#"{sids}, "password": {{"method": "pass-through", "fallback": {{"key": "hash.key"}}}}"#);
    assert!(parse(true, &fallback).unwrap().tenants.first().unwrap().hashes().is_some());
    for (agents, rest, expected) in [
        (false, hash(""), "needs `agents`"),
        (true, hash("").replace(sids, ""), "need `domain_sids`"),
        (true, format!(r#"{}, "kdc": "k""#, hash("")), "remove the field `kdc`"),
        (true, hash(r#", "max_age_hours": 0"#), "max_age_hours"),
        (true, hash(r#", "min_iterations": 999"#), "min_iterations"),
        (true, hash(r#", "min_iterations": 1000001"#), "min_iterations"),
        (true, hash(r#", "max_accounts": 0"#), "max_accounts"),
        (true, hash(r#", "max_accounts": 1000001"#), "max_accounts"),
        (true, hash(r#", "also": 1"#), ""),
        (true, hash("").replace(r#", "key": "hash.key""#, ""), "key"),
    ] {
        let error = parse(agents, &rest).err().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn node_addresses_for_agents_must_be_https_and_have_no_path() {
    let read = |nodes: &str| {
        let agents = format!(r#""agents": {{"listen": "127.0.0.1:0", "nodes": {nodes}}},"#);
        Config::parse(&format!(r#"{{{agents} "tenants": [{}]}}"#, tenant("a", ""))).is_ok()
    };
    assert!(read(r#"["https://n1:8443", "https://[::1]:8443"]"#));
    for (count, is_read) in [(64, true), (65, false)] {
        let nodes: Vec<_> = (0..count).map(|number| format!("\"https://n{number}:8443\"")).collect();
        assert_eq!(read(&format!("[{}]", nodes.join(","))), is_read, "{count}");
    }
    for nodes in ["[]", r#"["http://n1"]"#, r#"["https://n1/a"]"#, r#"["n1"]"#] {
        assert!(!read(nodes), "{nodes}");
    }
}

#[test]
fn broker_needs_a_store_for_several_nodes_and_either_all_or_no_files_of_mutual_tls() {
    let read = |state: &str, broker: &str| {
        let agents = format!(r#""agents": {{"listen": "127.0.0.1:0", "nodes": ["https://n1"], "broker": {broker}}},"#);
        Config::parse(&format!(r#"{{{state} {agents} "tenants": [{}]}}"#, tenant("a", ""))).map(drop)
    };
    let valkey = r#""state": {"valkey": "redis://127.0.0.1", "secret": "s"},"#;
    let broker = |rest: &str| format!(r#"{{"url": "nats://b:4222", "node": "n1"{rest}}}"#);
    let files = r#", "ca": "a", "certificate": "c", "key": "k""#;
    assert_eq!(read(valkey, &broker("")), Ok(()));
    assert_eq!(read(valkey, &broker(files)), Ok(()));
    for (state, broker, expected) in [
        ("", broker(""), "name `valkey`"),
        (valkey, broker(r#", "ca": "a""#), "`ca`, `certificate` and `key`, or none"),
        (valkey, broker(r#", "more": 1"#), "unknown field"),
        (valkey, r#"{"url": "nats://b", "node": "n.1"}"#.into(), "node: the name"),
        (valkey, r#"{"url": "http://b", "node": "n1"}"#.into(), "url: write an address"),
    ] {
        let error = read(state, &broker).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn paths_of_the_broker_are_relative_to_the_folder_of_the_configuration_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seamless.json");
    let broker = r#"{"url": "nats://b", "node": "n1", "ca": "a", "certificate": "/c", "key": "k"}"#;
    let agents = format!(r#""agents": {{"listen": "127.0.0.1:0", "nodes": ["https://n1"], "broker": {broker}}},"#);
    let state = r#""state": {"valkey": "redis://127.0.0.1", "secret": "s"},"#;
    std::fs::write(&path, format!(r#"{{{state} {agents} "tenants": [{}]}}"#, tenant("a", ""))).unwrap();
    let broker = Config::load(&path).unwrap().agents.unwrap().broker.unwrap();
    let paths = [broker.ca, broker.certificate, broker.key].map(Option::unwrap);
    assert_eq!(paths, [folder.path().join("a"), "/c".into(), folder.path().join("k")]);
}
