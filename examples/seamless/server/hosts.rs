//! The hosts for which the server answers. A page of another site can make its own host name resolve to this server
//! (DNS rebinding). A browser then sends the page's requests to this server, with that host name in `Host`. The server
//! refuses such a host name with status 421 (RFC 9110 section 15.5.20).

use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use std::collections::HashSet;
use std::net::IpAddr;

/// The hosts of this server, without ports.
pub(crate) struct AllowedHosts(HashSet<String>);

impl AllowedHosts {
    /// Allows the host of the server's address, the host of `autologon`, the hosts of the configuration, and the host names of
    /// Seamless SSO. Names and addresses of loopback are always allowed.
    pub(crate) fn new(address: &str, more: &[String], autologon: Option<&str>) -> Self {
        let of_origin = |origin: &'_ str| origin.split_once("://").map(|(_, authority)| host_of(authority).to_owned());
        let own: Vec<_> = [Some(address), autologon].into_iter().flatten().filter_map(of_origin).collect();
        let of_seamless_sso = SEAMLESS_SSO_SERVICES.iter().filter_map(|service| service.split('/').nth(1));
        let hosts = own.iter().chain(more).map(String::as_str).chain(of_seamless_sso);
        Self(hosts.map(canonical).collect())
    }

    pub(crate) fn contain(&self, authority: &str) -> bool {
        let host = canonical(host_of(authority));
        is_loopback(&host) || self.0.contains(&host)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // RFC 6761 section 6.3: names below `localhost` are loopback, too.
    host == "localhost" || host.ends_with(".localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Returns the host of an authority, without the port.
pub(crate) fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => authority,
    }
}

/// Returns a host in lower case and without the final dot.
fn canonical(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_this_server_and_of_loopback_are_allowed() {
        let hosts = AllowedHosts::new(
            "https://Login.Contoso.test:8443",
            &["sso.contoso.test".into()],
            Some("https://tickets.contoso.test"),
        );
        for host in [
            "login.contoso.test",
            "LOGIN.contoso.test:8443",
            "login.contoso.test.",
            "sso.contoso.test:80",
            "tickets.contoso.test",
            "autologon.microsoftazuread-sso.com",
            "localhost:8080",
            "a.localhost",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:8080",
        ] {
            assert!(hosts.contain(host), "{host}");
        }
        for host in [
            "evil.example",
            "contoso.test",
            "a.login.contoso.test",
            "192.0.2.1",
            "[2001:db8::1]",
            "",
            "localhost.evil.example",
        ] {
            assert!(!hosts.contain(host), "{host}");
        }
    }
}
