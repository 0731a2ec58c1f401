//! The secret of the server: 32 random octets in a file. All nodes of a store have the same secret.
//!
//! The server seals every value in the store with a key that is derived from the secret. So an attacker who can read the store
//! cannot read the values. An attacker who can write to the store cannot make a session or a key.

use crate::clock;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The secret. Clones share one copy in memory.
#[derive(Clone)]
pub(crate) struct Secret(Arc<Keys>);

struct Keys {
    octets: Zeroizing<[u8; 32]>,
    /// The key with which [`Secret::name`] makes names. The key is derived from `octets` alone.
    names: Zeroizing<[u8; 32]>,
}

impl Secret {
    pub(crate) fn new(octets: [u8; 32]) -> Self {
        let octets = Zeroizing::new(octets);
        Self(Arc::new(Keys { names: expand(&octets, b"", &[b"names"]), octets }))
    }

    /// Reads the secret from a file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        Self::read_file(path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads the secret from a file, and makes the file if there is none.
    pub(crate) fn read_or_make(path: &Path) -> Result<Self, String> {
        match make(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(format!("{}: {error}", path.display())),
            _ => Self::read(path),
        }
    }

    fn read_file(path: &Path) -> Result<Self, String> {
        let octets = Zeroizing::new(fs::read(path).map_err(|error| error.to_string())?);
        is_private(path)?;
        let octets: [u8; 32] = octets.as_slice().try_into().map_err(|_| {
            format!("the secret must have 32 octets, but has {}; make it with head -c 32 /dev/urandom", octets.len())
        })?;
        Ok(Self::new(octets))
    }

    /// Derives 32 octets from the secret and `input` (HKDF, RFC 5869). The secret is the salt. The result differs for
    /// each `purpose`.
    pub(crate) fn derive(&self, input: &[u8], purpose: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        expand(&self.0.octets, input, purpose)
    }

    /// Returns a name for `parts` (HMAC-SHA256). Without the secret, nobody can guess the parts of a name and check the guess.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 section 3)")]
    pub(crate) fn name(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.names.as_slice()).expect("HMAC takes 32 octets as a key");
        for part in parts {
            mac.update(&length(part));
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8,160 octets (RFC 5869 section 2.3)")]
fn expand(secret: &[u8; 32], input: &[u8], purpose: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut output = Zeroizing::new([0; 32]);
    let info: Vec<u8> = purpose.iter().flat_map(|part| length(part).into_iter().chain(part.iter().copied())).collect();
    let expanded = Hkdf::<Sha256>::new(Some(secret.as_slice()), input).expand(&info, output.as_mut_slice());
    expanded.expect("HKDF-SHA256 gives 32 octets");
    output
}

/// Returns the length of a part, which is written before the part. Otherwise `ab`, `c` and `a`, `bc` would be the same
/// octets.
fn length(part: &[u8]) -> [u8; 8] {
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes()
}

/// Writes a new secret to a new file. The file gets its name only when it is complete, because another process may read the
/// file.
fn make(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let part = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(Zeroizing::new(clock::random::<32>()).as_slice())?;
    file.sync_all()?;
    let linked = fs::hard_link(&part, path);
    fs::remove_file(&part)?;
    linked
}

/// Refuses a file that every user can use.
#[cfg(unix)]
fn is_private(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode() % 0o1000;
    let of_others = mode % 0o10;
    if of_others == 0 { Ok(()) } else { Err(format!("every user can use the secret (mode {mode:o}); run chmod 600")) }
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> Result<(), String> {
    Ok(())
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
