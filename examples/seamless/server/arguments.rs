//! The command line of the server.

use crate::log::Format;
use lexopt::prelude::*;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub(crate) struct Arguments {
    pub(crate) listen: SocketAddr,
    /// The configuration file, or `None` for the built-in test realm.
    pub(crate) config: Option<PathBuf>,
    /// The folder of the server's state, in place of the folder in the configuration.
    pub(crate) state: Option<PathBuf>,
    pub(crate) log: Format,
    pub(crate) allow_rc4: bool,
    /// Whether the server serves `/explain` for the tenants of `config`.
    pub(crate) explain: bool,
    /// The address of the sample application, which the server starts beside itself in the test realm.
    pub(crate) with_app: Option<SocketAddr>,
    /// The address of the listener for the agent that the server starts beside itself in the test realm.
    pub(crate) with_agent: Option<SocketAddr>,
}

impl Arguments {
    pub(crate) fn read() -> Result<Self, lexopt::Error> {
        let listen = (Ipv4Addr::LOCALHOST, 8080).into();
        let mut arguments = Self {
            listen,
            config: None,
            state: None,
            log: Format::Text,
            allow_rc4: false,
            explain: false,
            with_app: None,
            with_agent: None,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("listen") => arguments.listen = parser.value()?.parse()?,
                Long("config") => arguments.config = Some(parser.value()?.into()),
                Long("state") => arguments.state = Some(parser.value()?.into()),
                Long("log") => arguments.log = parser.value()?.parse()?,
                Long("allow-rc4") => arguments.allow_rc4 = true,
                Long("explain") => arguments.explain = true,
                Long("with-app") => arguments.with_app = Some(APP),
                Long("with-agent") => arguments.with_agent = Some(AGENTS),
                other => return Err(other.unexpected()),
            }
        }
        if (arguments.with_app.is_some() || arguments.with_agent.is_some()) && arguments.config.is_some() {
            return Err(
                "--with-app and --with-agent are for the built-in test realm, so they cannot be used with --config"
                    .into(),
            );
        }
        Ok(arguments)
    }

    /// Returns the arguments of a server for tests, with a configuration or with the built-in test realm.
    #[cfg(test)]
    pub(crate) fn for_tests(config: Option<PathBuf>) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            config,
            state: None,
            log: Format::Text,
            allow_rc4: false,
            explain: false,
            with_app: None,
            with_agent: None,
        }
    }
}

/// The address of the sample application.
const APP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// The address of the listener for the agent of the test realm.
const AGENTS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
