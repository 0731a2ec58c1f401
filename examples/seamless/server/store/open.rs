//! Opens the store that the configuration names.

use super::disk::Disk;
use super::nodes::{Authority, Nodes};
use super::valkey::Valkey;
use super::{Measured, Records, Secret, Store};
use crate::clock;
use crate::metrics::Metrics;
use serde::Deserialize;
use std::env;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The engine of the store, and the file with the secret.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Engine {
    /// A file in this folder. The folder also has the secret.
    Disk { folder: PathBuf },
    /// Valkey or Redis, the file with its certificate authority, and the file with the secret, which all nodes have.
    Valkey { nodes: Nodes, ca: Option<PathBuf>, secret: PathBuf },
}

/// The server's behaviour while the store of all nodes cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WithoutStore {
    /// The server signs users in by password only, and keeps their sessions in the memory of this node.
    #[default]
    Passwords,
    /// The server begins no sessions. If the store cannot be reached when the server starts, the server ends with an
    /// error.
    Refuse,
}

/// Opens the store. This function does not connect to Valkey; the first request to the store connects.
pub(crate) fn open(engine: &Engine, metrics: &Arc<Metrics>) -> Result<Records, String> {
    let (store, secret): (Arc<dyn Store>, _) = match engine {
        Engine::Disk { folder } => {
            // The server opens the file first, because the lock of the file keeps another process out of this folder.
            let disk = Disk::open(&folder.join("state.redb"), clock::now)?;
            (Arc::new(disk), Secret::read_or_make(&folder.join("secret"))?)
        }
        Engine::Valkey { nodes, ca, secret } => {
            (Arc::new(Valkey::new(nodes, &Authority::read(ca.as_deref())?)?), Secret::read(secret)?)
        }
    };
    Ok(Records::new(Arc::new(Measured::new(store, Arc::clone(metrics))), secret))
}

/// Writes where the server keeps its state. The address of Valkey is left out, because it may contain a password.
impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk { folder } => write!(f, "the server's state is in {}", folder.display()),
            Self::Valkey { .. } => f.write_str("the server's state is in Valkey"),
        }
    }
}

impl Engine {
    /// Returns the engine of a server whose configuration names no engine: a file in the user's folder for state.
    pub(crate) fn of_user() -> Result<Self, String> {
        let folder = default_folder(|name| env::var_os(name).map(PathBuf::from));
        let folder =
            folder.ok_or("there is no folder for the server's state; name one with --state or `state.directory`")?;
        Ok(Self::Disk { folder })
    }
}

/// Returns the folder for state. This is the folder that systemd made for this service, or else `seamless` in the user's
/// folder for state (XDG Base Directory Specification).
fn default_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let of_user = || {
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
        Some(state.join("seamless"))
    };
    absolute("STATE_DIRECTORY").or_else(of_user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_directory_comes_before_xdg_state_home_and_xdg_state_home_before_home() {
        let all = [("STATE_DIRECTORY", "/var/lib/sso"), ("XDG_STATE_HOME", "/state"), ("HOME", "/home/sso")];
        let folder = |known: &[(&str, &str)]| {
            default_folder(|name| known.iter().find(|(known, _)| *known == name).map(|(_, path)| path.into()))
        };
        assert_eq!(folder(&all), Some("/var/lib/sso".into()));
        assert_eq!(folder(&all[1..]), Some("/state/seamless".into()));
        assert_eq!(folder(&all[2..]), Some("/home/sso/.local/state/seamless".into()));
        assert_eq!(folder(&[("XDG_STATE_HOME", "relative")]), None);
    }
}
