//! Mints many tokens of a test realm for the test of a server. The server accepts each token once.
//!
//! Run: `cargo run -p kerberos-sso-valkey --example mint -- --keytab FILE --tokens FILE --count N [--prefix NAME] [--offset
//! SECONDS]`
//!
//! The keytab has the service's key, which decrypts the tickets. The file of tokens has the length of each token in four
//! octets, little-endian, followed by the token. Each token belongs to a different user, whose clock is `--offset` seconds
//! ahead.

use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Keytab, UnixTime};
use std::error::Error;
use std::io::Write as _;
use std::time::SystemTime;

const SERVICE: &str = "HTTP/www.example.test";

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
    let realm = TestRealm::new("EXAMPLE.TEST").with_account(SERVICE).with_kvno(1);
    std::fs::write(keytab_file.ok_or("--keytab is missing")?, Keytab::encode([&realm.account()], TestRealm::NOW)?)?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(tokens_file.ok_or("--tokens is missing")?)?);
    for number in 0..count {
        let now: UnixTime = SystemTime::now().into();
        let token = realm.ticket_for(&format!("{prefix}{number}")).service(SERVICE).at(now);
        let token = token.sent_at(now.saturating_add_seconds(offset)).mint();
        file.write_all(&u32::try_from(token.len())?.to_le_bytes())?;
        file.write_all(&token)?;
    }
    Ok(file.flush()?)
}
