//! The command line of the agent.

use crate::Failure;
use crate::alternate::AlternateNames;
use crate::folder::Folder;
use crate::ldap::{self, Access};
use crate::proxy::Proxy;
use crate::sync;
use lexopt::prelude::*;
use seamless_pta::User;
use seamless_pta::enrolment::Token;
use seamless_pta::message::{Host, NodeUrl};
use std::path::PathBuf;

pub(crate) struct Arguments {
    pub(crate) command: Command,
    pub(crate) folder: Folder,
    pub(crate) proxy: Option<Proxy>,
    /// The KDCs. If there are none, the agent asks the host whose name is the realm.
    pub(crate) kdcs: Vec<String>,
    /// The realm whose KDC `check` asks. Without this value, `check` asks the server for the realm.
    pub(crate) realm: Option<String>,
    /// The attribute with alternate names.
    pub(crate) alternate_id: Option<String>,
    pub(crate) ldap: ldap::Values,
}

pub(crate) enum Command {
    Enrol { server: NodeUrl, token: Token, host: Host },
    Run,
    Check { user: User },
    Status,
    Sync(sync::Options),
}

/// The values of the options.
#[derive(Default)]
struct Options {
    server: Option<String>,
    token: Option<String>,
    host: Option<String>,
    user: Option<String>,
    folder: Option<PathBuf>,
    proxy: Option<String>,
    kdcs: Vec<String>,
    realm: Option<String>,
    alternate_id: Option<String>,
    ldap: ldap::Values,
    sync: sync::Values,
    /// The second word of the command line, which is the source of `sync`.
    source: Option<String>,
}

impl Arguments {
    pub(crate) fn read() -> Result<Self, lexopt::Error> {
        Self::parse(lexopt::Parser::from_env())
    }

    fn parse(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let (mut word, mut options) = (None, Options::default());
        while let Some(argument) = parser.next()? {
            match argument {
                Long("server") => options.server = Some(parser.value()?.string()?),
                Long("token") => options.token = Some(parser.value()?.string()?),
                Long("host") => options.host = Some(parser.value()?.string()?),
                Long("user") => options.user = Some(parser.value()?.string()?),
                Long("dir") => options.folder = Some(parser.value()?.into()),
                Long("proxy") => options.proxy = Some(parser.value()?.string()?),
                Long("kdc") => options.kdcs.push(parser.value()?.string()?),
                Long("realm") => options.realm = Some(parser.value()?.string()?),
                Long("alternate-id") => options.alternate_id = Some(parser.value()?.string()?),
                Long("ldap") => options.ldap.host = Some(parser.value()?.string()?),
                Long("ldap-ca") => options.ldap.ca = Some(parser.value()?.into()),
                Long("ldap-name") => options.ldap.name = Some(parser.value()?.string()?),
                Long("ldap-password") => options.ldap.password = Some(parser.value()?.into()),
                Long("database") => options.sync.database = Some(parser.value()?.into()),
                Long("every") => options.sync.every = Some(parser.value()?.parse()?),
                Long("all") => options.sync.all = true,
                Long("complete") => options.sync.complete = true,
                Long("domain-sid") => options.sync.domain_sid = Some(parser.value()?.string()?),
                Long("iterations") => options.sync.iterations = Some(parser.value()?.parse()?),
                Long("alternate") => options.sync.alternate = Some(parser.value()?.string()?),
                Long("lockout-seconds") => options.sync.lockout_seconds = Some(parser.value()?.parse()?),
                Long("source") => options.sync.source = Some(parser.value()?.string()?),
                Value(value) if word.is_none() => word = Some(value.string()?),
                Value(value) if word.as_deref() == Some("sync") && options.source.is_none() => {
                    options.source = Some(value.string()?);
                }
                other => return Err(other.unexpected()),
            }
        }
        let command = options.command(word.as_deref())?;
        let folder = options.folder.or_else(|| std::env::var_os("STATE_DIRECTORY").map(Into::into));
        let proxy = options.proxy.or_else(|| std::env::var("HTTPS_PROXY").ok()).filter(|proxy| !proxy.is_empty());
        let proxy =
            proxy.map(|text| Proxy::parse(&text).ok_or("--proxy: an address like http://NAME:PASSWORD@HOST:PORT"));
        Ok(Self {
            command,
            folder: Folder::new(folder.unwrap_or_else(|| "/var/lib/seamless-agent".into())),
            proxy: proxy.transpose()?,
            kdcs: options.kdcs,
            realm: options.realm,
            alternate_id: options.alternate_id,
            ldap: options.ldap,
        })
    }
}

impl Arguments {
    /// Returns the lookup of alternate names, or `None` without `--alternate-id`.
    pub(crate) fn alternate_names(&self) -> Result<Option<AlternateNames>, Failure> {
        let Some(attribute) = &self.alternate_id else { return Ok(None) };
        let access = Access::read(&self.ldap)?.ok_or("--alternate-id also needs --ldap")?;
        AlternateNames::new(attribute, access).map(Some)
    }
}

impl Options {
    fn command(&mut self, word: Option<&str>) -> Result<Command, &'static str> {
        Ok(match word {
            Some("enrol") => {
                let server = self.server.as_deref().and_then(NodeUrl::parse);
                let token = self.token.as_deref().and_then(Token::parse);
                Command::Enrol {
                    server: server.ok_or("--server: the address of the listener for agents, like https://HOST:8443")?,
                    token: token.ok_or("--token: a token of `seamless agents token`")?,
                    host: self.host.clone().or_else(own_host).and_then(Host::new).ok_or("--host: a name")?,
                }
            }
            Some("run") => Command::Run,
            Some("check") => {
                let user = self.user.as_deref().and_then(User::parse);
                Command::Check { user: user.ok_or("--user: the name of a user")? }
            }
            Some("status") => Command::Status,
            Some("sync") => {
                let values = std::mem::take(&mut self.sync);
                Command::Sync(sync::Options::read(self.source.as_deref(), values, own_host())?)
            }
            _ => return Err("name a command: enrol, run, check, status or sync"),
        })
    }
}

fn own_host() -> Option<String> {
    let name = std::fs::read_to_string("/etc/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok())?;
    Some(name.trim().to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, lexopt::Error> {
        Arguments::parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn command_with_its_options_is_read_and_an_unknown_command_is_refused() {
        let run = parse("run --dir /d --kdc dc1 --kdc dc2:88 --proxy http://a:b@p:3128").unwrap();
        assert!(matches!(run.command, Command::Run) && run.kdcs == ["dc1", "dc2:88"] && run.proxy.is_some());
        let check = parse("check --user alice@contoso.test --realm CONTOSO.TEST --ldap dc1 --ldap-ca ca.pem").unwrap();
        assert!(matches!(check.command, Command::Check { .. }) && check.realm.as_deref() == Some("CONTOSO.TEST"));
        assert!(check.alternate_names().unwrap().is_none());
        for line in
            ["run --alternate-id mail", "run --alternate-id mail --ldap dc1", "run --alternate-id mail) --ldap dc1"]
        {
            assert!(parse(line).unwrap().alternate_names().is_err(), "{line}");
        }
        for line in
            ["", "sync", "run now", "check", "check --user @", "enrol --server http://n1", "run --proxy p", "--x"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
