//! The signatures of a tenant's tokens (RFC 7515, RFC 7519): RS256, which every client and every API supports, and
//! ES256 for the clients and APIs that choose it.
//!
//! A tenant has a ring of keys for each algorithm, and publishes the keys of both rings (RFC 7517). So the key for
//! ES256 is in the key set long before a client or an API chooses ES256. The key that a token names fixes the
//! algorithm, and the server refuses a token whose header has another algorithm (RFC 8725 section 3.1).

use crate::es256_key::Es256Key;
use crate::key_ring::{KeyRing, Keys};
use crate::signing_key::SigningKey;
use crate::store::{Records, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use kerberos_sso::UnixTime;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The algorithms with which the server signs (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum SigningAlgorithm {
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
}

impl SigningAlgorithm {
    pub(crate) const ALL: [Self; 2] = [Self::Rs256, Self::Es256];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// The kinds of JWT that the server signs. The `typ` of the header has the kind, so nobody can use an ID token as an
/// access token (RFC 8725 section 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    Id,
    /// The kind `at+jwt` of RFC 9068 section 2.1.
    Access,
    /// The kind `logout+jwt` of OpenID Connect Back-Channel Logout 1.0 section 2.4.
    Logout,
}

impl TokenType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Access => "at+jwt",
            Self::Logout => "logout+jwt",
        }
    }
}

/// The audience that a JWT must have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Audience<'a> {
    Is(&'a str),
    /// Any audience. The caller must check the audience in the claims.
    InClaims,
}

/// The key rings of a tenant, one for each algorithm.
pub(crate) struct Signing {
    rs256: KeyRing<SigningKey>,
    es256: KeyRing<Es256Key>,
}

/// The keys of a tenant at one time.
#[derive(Clone)]
pub(crate) struct SigningKeys {
    /// The keys for RS256, which also sign assertions.
    pub(crate) rs256: Keys<SigningKey>,
    es256: Keys<Es256Key>,
}

impl Signing {
    pub(crate) fn of_tenant(records: &Records, tenant: &str) -> Self {
        Self { rs256: KeyRing::of_tenant(records.clone(), tenant), es256: KeyRing::of_tenant(records.clone(), tenant) }
    }

    /// Returns the keys of both rings.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked and this node has no keys yet.
    pub(crate) async fn keys(&self, now: UnixTime) -> Result<SigningKeys, StoreError> {
        let (rs256, es256) = tokio::try_join!(self.rs256.keys(now), self.es256.keys(now))?;
        Ok(SigningKeys { rs256, es256 })
    }

    /// Returns the time of the first use of the current key of each ring.
    pub(crate) fn current_since(&self, now: UnixTime) -> impl Iterator<Item = (SigningAlgorithm, UnixTime)> {
        let since = [
            (SigningAlgorithm::Rs256, self.rs256.current_since(now)),
            (SigningAlgorithm::Es256, self.es256.current_since(now)),
        ];
        since.into_iter().filter_map(|(algorithm, since)| Some((algorithm, since?)))
    }

    /// Returns whether this node has keys.
    pub(crate) fn is_known(&self) -> bool {
        self.rs256.is_known() && self.es256.is_known()
    }
}

impl SigningKeys {
    /// Returns a signed JWT with these claims, in the compact serialization (RFC 7515 section 7.1).
    pub(crate) fn token(
        &self,
        algorithm: SigningAlgorithm,
        kind: TokenType,
        claims: &impl Serialize,
        now: UnixTime,
    ) -> Option<String> {
        match algorithm {
            SigningAlgorithm::Rs256 => {
                let key = self.rs256.current(now)?;
                signed(Algorithm::RS256, &key.kid, kind, claims, |text| key.sign(text))
            }
            SigningAlgorithm::Es256 => {
                let key = self.es256.current(now)?;
                signed(Algorithm::ES256, &key.kid, kind, claims, |text| key.sign(text))
            }
        }
    }

    /// Returns the claims of a JWT that this server signed for this issuer and audience. If `also_ended` is true, also
    /// accepts a token that has expired.
    pub(crate) fn verified<T: DeserializeOwned>(
        &self,
        token: &str,
        kind: TokenType,
        (issuer, audience): (&str, Audience<'_>),
        now: UnixTime,
        also_ended: bool,
    ) -> Option<T> {
        let header =
            jsonwebtoken::decode_header(token).ok().filter(|header| header.typ.as_deref() == Some(kind.as_str()))?;
        let (key, algorithm) = self.named(header.kid.as_deref()?, now)?;
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[issuer]);
        match audience {
            Audience::Is(audience) => validation.set_audience(&[audience]),
            Audience::InClaims => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The check below uses the caller's clock, because the library would use its own clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Value>(token, key, &validation).ok()?.claims;
        let end = claims.get("exp")?.as_i64()?;
        serde_json::from_value(claims).ok().filter(|_| also_ended || now.seconds() < end)
    }

    /// Returns the key with this key identifier, and the only algorithm of that key.
    fn named(&self, kid: &str, now: UnixTime) -> Option<(&DecodingKey, Algorithm)> {
        let rs256 = self.rs256.all(now).find(|key| key.kid == kid).map(|key| (&key.decoding, Algorithm::RS256));
        rs256.or_else(|| self.es256.all(now).find(|key| key.kid == kid).map(|key| (&key.decoding, Algorithm::ES256)))
    }

    /// Returns the public keys that verify tokens now, and the keys that will sign next. Some clients use the first key
    /// of the set, so the keys for RS256 are the first ones.
    pub(crate) fn public(&self, now: UnixTime) -> impl Iterator<Item = &Value> {
        let rs256 = self.rs256.all(now).map(|key| &key.public);
        rs256.chain(self.es256.all(now).map(|key| &key.public))
    }
}

fn signed(
    algorithm: Algorithm,
    key_id: &str,
    kind: TokenType,
    claims: &impl Serialize,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<String> {
    let typ = Some(kind.as_str().into());
    let header = Header { kid: Some(key_id.into()), typ, ..Header::new(algorithm) };
    let [header, claims] = [serde_json::to_vec(&header).ok()?, serde_json::to_vec(claims).ok()?];
    let text = [URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)].join(".");
    let signature = sign(text.as_bytes())?;
    Some([text, URL_SAFE_NO_PAD.encode(signature)].join("."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::key_ring::RingKey as _;
    use crate::store::{Entry, FOR_EVER, Key, Kind, Memory, Secret};
    use serde_json::json;
    use std::sync::{Arc, LazyLock};

    const NOW: UnixTime = UnixTime::from_seconds(1_000);
    const DAY: i64 = 24 * 60 * 60;

    static KEYS: LazyLock<SigningKeys> = LazyLock::new(|| SigningKeys {
        rs256: Keys::one(SigningKey::generate()),
        es256: Keys::one(Es256Key::generate()),
    });

    fn verified(token: &str, kind: TokenType, issuer: &str, audience: &str, seconds: i64, also_ended: bool) -> bool {
        let (expected, now) = ((issuer, Audience::Is(audience)), UnixTime::from_seconds(seconds));
        KEYS.verified::<Value>(token, kind, expected, now, also_ended).is_some()
    }

    #[test]
    fn token_is_accepted_only_for_its_own_kind_and_issuer_and_audience_and_only_before_it_ends() {
        let claims = json!({ "iss": "i", "aud": "a", "exp": 1_000 });
        for algorithm in SigningAlgorithm::ALL {
            let token = KEYS.token(algorithm, TokenType::Access, &claims, NOW).unwrap();
            for (kind, issuer, audience, seconds, also_ended, expected) in [
                (TokenType::Access, "i", "a", 999, false, true),
                (TokenType::Access, "i", "a", 1_000, false, false),
                (TokenType::Access, "i", "a", 1_000, true, true),
                (TokenType::Id, "i", "a", 999, false, false),
                (TokenType::Access, "other", "a", 999, false, false),
                (TokenType::Access, "i", "other", 999, false, false),
            ] {
                let found = verified(&token, kind, issuer, audience, seconds, also_ended);
                assert_eq!(found, expected, "{algorithm:?} {kind:?} {issuer} {audience} {seconds} {also_ended}");
            }
            for at in 0..token.len() {
                let mut changed = token.clone().into_bytes();
                if let Some(octet) = changed.get_mut(at) {
                    *octet = if *octet == b'A' { b'B' } else { b'A' };
                }
                let changed = String::from_utf8(changed).unwrap();
                // The last character of a signature has bits that base64 does not use. The decoder refuses a character
                // in which these bits are not 0.
                assert!(!verified(&changed, TokenType::Access, "i", "a", 999, false), "{algorithm:?} character {at}");
            }
        }
    }

    #[test]
    fn token_that_names_the_key_of_the_other_algorithm_is_refused() {
        let claims = json!({ "iss": "i", "aud": "a", "exp": 1_000 });
        let names = [&KEYS.rs256.current(NOW).unwrap().kid, &KEYS.es256.current(NOW).unwrap().kid];
        for (algorithm, own, other) in [(Algorithm::RS256, 0, 1), (Algorithm::ES256, 1, 0)] {
            let sign = |text: &[u8]| match algorithm {
                Algorithm::RS256 => KEYS.rs256.current(NOW).unwrap().sign(text),
                _ => KEYS.es256.current(NOW).unwrap().sign(text),
            };
            let token = |name: usize, written| {
                signed(written, names.get(name).unwrap(), TokenType::Access, &claims, sign).unwrap()
            };
            assert!(verified(&token(own, algorithm), TokenType::Access, "i", "a", 0, false));
            assert!(!verified(&token(other, algorithm), TokenType::Access, "i", "a", 0, false), "{algorithm:?}");
            for written in [Algorithm::HS256, Algorithm::PS256, Algorithm::ES384] {
                assert!(!verified(&token(own, written), TokenType::Access, "i", "a", 0, false), "{written:?}");
            }
        }
    }

    #[tokio::test]
    async fn key_set_of_every_node_has_the_next_key_of_each_algorithm_a_day_before_its_use() {
        let records = Records::new(Arc::new(Memory::new(|| NOW)), Secret::new([1; 32]));
        let nodes = [(), ()].map(|()| Signing::of_tenant(&records, "contoso.test"));
        let mut sets = Vec::new();
        for (days, expected) in [(0, ["RS256", "ES256"].to_vec()), (29, ["RS256", "RS256", "ES256", "ES256"].to_vec())]
        {
            let now = NOW.saturating_add_seconds(days * DAY);
            for node in &nodes {
                let keys = node.keys(now).await.unwrap();
                let set: Vec<_> = keys.public(now).cloned().collect();
                let algorithms: Vec<_> = set.iter().filter_map(|key| key.get("alg")?.as_str()).collect();
                assert_eq!(algorithms, expected, "{days}");
                sets.push(set);
            }
        }
        assert!(sets.chunks(2).all(|pair| pair.first() == pair.last()), "the nodes have the same keys");
        let (before, after) = (nodes.first().unwrap(), NOW.saturating_add_seconds(30 * DAY + 60));
        let token = |keys: &SigningKeys, now| {
            let claims = json!({ "iss": "i", "aud": "a", "exp": 9_000_000 });
            keys.token(SigningAlgorithm::Es256, TokenType::Access, &claims, now).unwrap()
        };
        let old = token(&before.keys(NOW.saturating_add_seconds(29 * DAY)).await.unwrap(), NOW);
        let keys = before.keys(after).await.unwrap();
        let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid;
        assert_ne!(kid(&old), kid(&token(&keys, after)), "the next key signs");
        let expected = ("i", Audience::Is("a"));
        assert!(keys.verified::<Value>(&old, TokenType::Access, expected, after, false).is_some(), "the overlap");
    }

    /// The store of a server version without ES256 has only the ring for RS256.
    #[tokio::test]
    async fn ring_of_an_older_server_keeps_its_keys_and_a_ring_for_es256_is_made() {
        let records = Records::new(Arc::new(Memory::new(|| NOW)), Secret::new([1; 32]));
        let older = KeyRing::<SigningKey>::of_tenant(records.clone(), "contoso.test");
        let kid = older.keys(NOW).await.unwrap().current(NOW).unwrap().kid.clone();
        let keys = Signing::of_tenant(&records, "contoso.test").keys(NOW).await.unwrap();
        assert_eq!(keys.rs256.current(NOW).unwrap().kid, kid);
        assert_eq!(keys.public(NOW).count(), 2);
    }

    /// A server version without ES256 stored the ring as a list of times and texts.
    #[tokio::test]
    async fn stored_ring_in_its_first_form_is_read() {
        let records = Records::new(Arc::new(Memory::new(|| NOW)), Secret::new([1; 32]));
        let text = SigningKey::make();
        let key = Key::new(Kind::Keys, &records.secret().name(&[b"signing", b"contoso.test"]));
        let none: Entry<Value> = records.entry(&key).await.unwrap();
        assert!(records.replace(&key, &none, &json!([{ "from": 900, "key": text.as_str() }]), FOR_EVER).await.unwrap());
        let keys = Signing::of_tenant(&records, "contoso.test").keys(NOW).await.unwrap();
        let read = SigningKey::read(&text).unwrap().kid;
        assert_eq!(keys.rs256.all(NOW).map(|key| &key.kid).collect::<Vec<_>>(), [&read]);
    }
}
