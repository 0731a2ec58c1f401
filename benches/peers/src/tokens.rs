//! The tokens, and a keytab with the key that opens their tickets.

use crate::Outcome;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{KeySet, Keytab, Policy, UnixTime, Validator};
use std::path::Path;
use std::time::SystemTime;

pub struct Load {
    pub name: String,
    pub tokens: Vec<Vec<u8>>,
    pub keytab: Vec<u8>,
    /// The components of the service's name.
    pub service: Vec<String>,
}

const SERVICE: [&str; 2] = ["HTTP", "www.contoso.test"];
const REALM: &str = "CONTOSO.TEST";
const TOKENS: usize = 2000;

pub fn minted(name: &str, pac: bool) -> Outcome<Load> {
    let realm = TestRealm::new(REALM).with_account("AZUREADSSOACC$");
    let realm = if pac { realm.of_active_directory() } else { realm };
    let now = UnixTime::from(SystemTime::now());
    let mint = |_| {
        let token = realm.ticket_for("alice").service(&SERVICE.join("/")).at(now);
        let token = if pac { token.pac(|pac| pac.groups(1100..1175)) } else { token };
        token.mint()
    };
    let key = realm.ticket_for("alice").ticket.key.clone();
    let keytab = keytab(key.etype().0, key.expose_bytes())?;
    let service = SERVICE.map(String::from).to_vec();
    Ok(Load { name: name.into(), tokens: (0..TOKENS).map(mint).collect(), keytab, service })
}

pub fn recorded(keytab: &Path, tokens: &Path) -> Outcome<Load> {
    let bytes = std::fs::read(tokens)?;
    let (mut rest, mut all) = (bytes.as_slice(), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (token, after) = after.split_at(u32::from_le_bytes(*length).try_into()?);
        all.push(token.to_vec());
        rest = after;
    }
    let name = tokens.display().to_string();
    let reader = Validator::staged(KeySet::new(), Policy::default());
    let first = all.first().ok_or("no tokens")?;
    let service = reader.read(first)?.service().components().map(String::from).collect();
    Ok(Load { name, tokens: all, keytab: std::fs::read(keytab)?, service })
}

/// Returns a keytab with one entry (version 0x502, as MIT krb5 documents the format).
fn keytab(etype: i32, key: &[u8]) -> Outcome<Vec<u8>> {
    let counted = |bytes: &[u8]| {
        Ok::<_, std::num::TryFromIntError>([&u16::try_from(bytes.len())?.to_be_bytes()[..], bytes].concat())
    };
    let mut entry = 2_u16.to_be_bytes().to_vec();
    for text in [REALM, SERVICE[0], SERVICE[1]] {
        entry.extend(counted(text.as_bytes())?);
    }
    entry.extend([0, 0, 0, 1, 0, 0, 0, 0, 1]);
    entry.extend(u16::try_from(etype)?.to_be_bytes());
    entry.extend(counted(key)?);
    let keytab = [&[5, 2][..], &u32::try_from(entry.len())?.to_be_bytes(), &entry].concat();
    Keytab::parse(&keytab)?;
    Ok(keytab)
}
