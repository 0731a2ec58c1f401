//! Mints many tokens of a test realm for the test of a server. The server accepts each token once.
//!
//! Run: `cargo run -p kerberos-sso-valkey --example mint -- --keytab FILE --tokens FILE --count N [--prefix NAME] [--offset
//! SECONDS]`
//!
//! The keytab has the service's key, which decrypts the tickets. The file of tokens has the length of each token in four
//! octets, little-endian, followed by the token. Each token belongs to a different user, whose clock is `--offset` seconds
//! ahead.

use kerberos_sso::crypto::EncType;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Key, UnixTime};
use std::error::Error;
use std::io::Write as _;
use std::time::SystemTime;

const ETYPE: EncType = EncType::AES256_CTS_HMAC_SHA1_96;
const SERVICE: [&str; 2] = ["HTTP", "www.example.test"];

/// Returns a keytab of one entry (MIT's format, version 0x502).
fn keytab(realm: &str, key: &Key) -> Result<Vec<u8>, Box<dyn Error>> {
    let counted = |octets: &[u8]| -> Result<Vec<u8>, Box<dyn Error>> {
        Ok([&u16::try_from(octets.len())?.to_be_bytes()[..], octets].concat())
    };
    let mut record = u16::try_from(SERVICE.len())?.to_be_bytes().to_vec();
    record.extend(counted(realm.as_bytes())?);
    for component in SERVICE {
        record.extend(counted(component.as_bytes())?);
    }
    // The name type, the timestamp, which readers ignore, and the key version number.
    record.extend([0, 0, 0, 1, 0, 0, 0, 0, 1]);
    record.extend(u16::try_from(ETYPE.0)?.to_be_bytes());
    record.extend(counted(key.expose_bytes())?);
    Ok([&[5, 2][..], &i32::try_from(record.len())?.to_be_bytes(), &record].concat())
}

fn main() -> Result<(), Box<dyn Error>> {
    use lexopt::prelude::*;
    let (mut keytab_file, mut tokens_file, mut count, mut prefix, mut offset) =
        (None, None, 0_u32, "user".into(), 0_i64);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("keytab") => keytab_file = Some(parser.value()?),
            Long("tokens") => tokens_file = Some(parser.value()?),
            Long("count") => count = parser.value()?.parse()?,
            Long("prefix") => prefix = parser.value()?.string()?,
            Long("offset") => offset = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let service = SERVICE.join("/");
    let realm = TestRealm::new("EXAMPLE.TEST").with_account(&service).with_kvno(1);
    std::fs::write(keytab_file.ok_or("--keytab is missing")?, keytab(realm.name(), &realm.key(ETYPE))?)?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(tokens_file.ok_or("--tokens is missing")?)?);
    for number in 0..count {
        let now: UnixTime = SystemTime::now().into();
        let token = realm.ticket_for(&format!("{prefix}{number}")).service(&service).at(now);
        let token = token.sent_at(now.saturating_add_seconds(offset)).mint();
        file.write_all(&u32::try_from(token.len())?.to_le_bytes())?;
        file.write_all(&token)?;
    }
    Ok(file.flush()?)
}
