//! The authority of the agents' certificates. All nodes share one authority, which is in the store and sealed with the
//! server's secret.

use crate::clock;
use crate::store::{FOR_EVER, Key, Kind, Records};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seamless_pta::certificate::{Authority, Serial};
use seamless_pta::{Time, certificate::IssueError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The authority as the store has it: a certificate in DER and a key in PKCS #8, in base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    certificate: String,
    key: Zeroizing<String>,
}

/// Reads the authority, and makes it if there is none.
pub(super) async fn of_store(records: &Records, now: Time) -> Result<Authority, String> {
    let key = Key::new(Kind::Keys, ENTRY);
    for _ in 0..MAX_TRIES {
        let old = records.entry::<Stored>(&key).await.map_err(|error| error.to_string())?;
        if old.is_foreign() {
            return Err(
                "the authority of the agents was sealed with another secret; give all nodes the same secret".into()
            );
        }
        if let Some(stored) = &old.value {
            return stored.read();
        }
        let made = Authority::make(serial(), now).map_err(|error| error.to_string())?;
        if records.replace(&key, &old, &Stored::of(&made), FOR_EVER).await.map_err(|error| error.to_string())? {
            tracing::info!(pin = %made.pin(), "the server made the authority of its agents");
            return Ok(made);
        }
    }
    Err("other nodes make the authority of the agents at the same time; start again".into())
}

impl Stored {
    fn of(authority: &Authority) -> Self {
        let certificate = STANDARD.encode(authority.certificate().as_bytes());
        Self { certificate, key: Zeroizing::new(STANDARD.encode(authority.secret_key().as_slice())) }
    }

    fn read(&self) -> Result<Authority, String> {
        let decode = |text: &str| STANDARD.decode(text).map(Zeroizing::new).map_err(|error| error.to_string());
        let read = |certificate: &[u8], key: &[u8]| -> Result<_, IssueError> { Authority::read(certificate, key) };
        read(&decode(&self.certificate)?, &decode(&self.key)?).map_err(|error| error.to_string())
    }
}

/// Returns a serial number. The first bit of the number is zero, because the number is positive. The second bit is one,
/// so that DER leaves out no leading octet.
pub(super) fn serial() -> Serial {
    let mut octets: [u8; 16] = clock::random();
    if let Some(first) = octets.first_mut() {
        *first = *first & 0x3F | 0x40;
    }
    Serial::new(octets)
}

const ENTRY: &[u8] = b"authority of agents";
const MAX_TRIES: usize = 8;
