//! The options of `sync`.

use kerberos_sso::Sid;
use seamless_phs::ObjectId;
use seamless_phs::ldif::Directory;
use seamless_phs::verifier::{DEFAULT_ITERATIONS, Parameters};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::time::Duration;

/// The settings of a run: what the source sends, and how.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) source: Source,
    pub(crate) iterations: u32,
    /// The attribute with the alternate name of each user.
    pub(crate) alternate: Option<String>,
    /// How long the directory locks an account, or `None` if an administrator must unlock it.
    pub(crate) lockout_seconds: Option<i64>,
    /// The identifier of the directory server that numbers the changes.
    pub(crate) id: ObjectId,
}

/// Where the hashes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// One object on standard input.
    Object,
    /// Lines on standard input, of the domain with this SID.
    Lines {
        domain: Sid,
        /// Whether the server removes the accounts that are not in the lines.
        complete: bool,
    },
    /// The database of a Samba domain controller.
    Samba {
        database: PathBuf,
        /// The pause between two runs. Without it, there is one run.
        every: Option<Duration>,
        run: Run,
    },
}

/// What a run on a database sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// The accounts that changed since the last run.
    Changes,
    /// All accounts. With `complete`, the server removes all other accounts of the domain.
    All { complete: bool },
}

/// The values of the command line.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(crate) database: Option<PathBuf>,
    pub(crate) every: Option<u64>,
    pub(crate) all: bool,
    pub(crate) complete: bool,
    pub(crate) domain_sid: Option<String>,
    pub(crate) iterations: Option<u32>,
    pub(crate) alternate: Option<String>,
    pub(crate) lockout_seconds: Option<i64>,
    pub(crate) source: Option<String>,
}

impl Options {
    /// Reads the options of the kind `object`, `lines` or `samba`. `host` is the name of this machine.
    /// Without `--source`, `host` is also the name of the source.
    pub(crate) fn read(kind: Option<&str>, values: Values, host: Option<String>) -> Result<Self, &'static str> {
        let source = match kind {
            Some("object") if values.complete => return Err("--complete: one object is not complete"),
            Some("object") => Source::Object,
            Some("samba") if values.complete && !values.all => return Err("--complete: needs --all"),
            Some("lines") => {
                let domain = values.domain_sid.as_deref().and_then(|sid| sid.parse().ok()).filter(Sid::is_domain);
                let domain = domain.ok_or("--domain-sid: the SID of the domain, like S-1-5-21-1-2-3")?;
                Source::Lines { domain, complete: values.complete }
            }
            Some("samba") => Source::Samba {
                database: values.database.unwrap_or_else(|| "/var/lib/samba/private/sam.ldb".into()),
                every: values.every.map(|seconds| Duration::from_secs(seconds.max(1))),
                run: if values.all { Run::All { complete: values.complete } } else { Run::Changes },
            },
            _ => return Err("sync: name a source: samba, object or lines"),
        };
        let iterations = values.iterations.unwrap_or(DEFAULT_ITERATIONS);
        Parameters::new([0; 10], iterations).map_err(|_| "--iterations: from 1000 to 1000000")?;
        let name = values.source.or(host).ok_or("--source: a name of the directory server")?;
        Ok(Self {
            source,
            iterations,
            alternate: values.alternate,
            lockout_seconds: values.lockout_seconds,
            id: id_of(&name),
        })
    }

    /// Returns the parameters of a new verifier, with a random salt.
    pub(crate) fn parameters(&self) -> Result<Parameters, getrandom::Error> {
        let mut salt = [0; 10];
        getrandom::fill(&mut salt)?;
        // `read` has checked the number of iterations.
        Parameters::new(salt, self.iterations).map_err(|_| getrandom::Error::UNSUPPORTED)
    }

    pub(crate) fn directory(&self) -> Directory<'_> {
        Directory { lockout_seconds: self.lockout_seconds, alternate: self.alternate.as_deref() }
    }
}

/// Returns the identifier of the source with this name.
#[expect(clippy::expect_used, reason = "a digest of SHA-256 has 32 octets")]
fn id_of(name: &str) -> ObjectId {
    let digest = Sha256::digest(name.trim().to_lowercase());
    ObjectId(*digest.first_chunk().expect("32 octets have 16 first octets"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(kind: &str, values: Values) -> Result<Options, &'static str> {
        Options::read(Some(kind), values, Some("dc1".into()))
    }

    #[test]
    fn each_kind_of_source_is_read_with_its_options() {
        let samba = read("samba", Values { every: Some(0), ..Values::default() }).unwrap();
        let database = PathBuf::from("/var/lib/samba/private/sam.ldb");
        assert_eq!(samba.source, Source::Samba { database, every: Some(Duration::from_secs(1)), run: Run::Changes });
        let all = Values { all: true, complete: true, ..Values::default() };
        assert!(matches!(read("samba", all).unwrap().source, Source::Samba { run: Run::All { complete: true }, .. }));
        assert_eq!((samba.iterations, samba.id), (100_000, id_of("DC1 ")));
        for complete in [false, true] {
            let domain = "S-1-5-21-1-2-3".parse().unwrap();
            let lines = Values { domain_sid: Some("S-1-5-21-1-2-3".into()), complete, ..Values::default() };
            assert_eq!(read("lines", lines).unwrap().source, Source::Lines { domain, complete });
        }
        assert_eq!(read("object", Values::default()).unwrap().source, Source::Object);
    }

    #[test]
    fn missing_or_wrong_option_is_refused() {
        let sid = |text: &str| Values { domain_sid: Some(text.into()), ..Values::default() };
        for (kind, values) in [
            ("other", Values::default()),
            ("lines", Values::default()),
            ("lines", sid("S-1-5-21-1-2-3-500")),
            ("lines", sid("x")),
            ("object", Values { iterations: Some(999), ..Values::default() }),
            ("object", Values { iterations: Some(1_000_001), ..Values::default() }),
            ("object", Values { complete: true, ..Values::default() }),
            ("samba", Values { complete: true, ..Values::default() }),
        ] {
            assert!(read(kind, values).is_err(), "{kind}");
        }
        assert!(Options::read(Some("object"), Values::default(), None).is_err());
        assert!(Options::read(None, Values::default(), Some("dc1".into())).is_err());
    }

    #[test]
    fn each_verifier_has_a_different_salt() {
        let options = read("object", Values::default()).unwrap();
        assert_ne!(options.parameters().unwrap(), options.parameters().unwrap());
    }
}
