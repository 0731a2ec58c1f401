//! The public keys of a client (RFC 7517), as the configuration has them. The server fetches no keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The keys of a client.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Set")]
pub(crate) struct ClientKeys(Vec<ClientKey>);

#[derive(Clone, Debug)]
struct ClientKey {
    kid: Option<String>,
    algorithms: &'static [Algorithm],
    decoding: DecodingKey,
}

/// A set of keys in the form of the configuration.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    /// The private exponent or scalar. A key with this member is refused, because it is a private key.
    d: Option<IgnoredAny>,
}

impl TryFrom<Set> for ClientKeys {
    type Error = &'static str;

    fn try_from(set: Set) -> Result<Self, Self::Error> {
        if set.keys.is_empty() || set.keys.len() > MAX_KEYS {
            return Err("jwks: give from 1 to 16 keys");
        }
        set.keys.into_iter().map(ClientKey::try_from).collect::<Result<_, _>>().map(Self)
    }
}

impl TryFrom<Jwk> for ClientKey {
    type Error = &'static str;

    fn try_from(jwk: Jwk) -> Result<Self, Self::Error> {
        if jwk.d.is_some() {
            return Err("jwks: a key is private; only the client may have it");
        }
        if jwk.usage.as_ref().is_some_and(|usage| usage != "sig") {
            return Err("jwks: a key is not for signatures");
        }
        let octets = |text: &Option<String>| text.as_deref().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let (algorithms, decoding): (&'static [Algorithm], _) = match (&*jwk.kty, jwk.alg.as_deref()) {
            ("RSA", alg) => {
                let (n, e) = octets(&jwk.n).zip(octets(&jwk.e)).ok_or("jwks: an RSA key lacks `n` or `e`")?;
                if !RSA_SIZES.contains(&n.len()) || n.first() == Some(&0) {
                    return Err("jwks: an RSA key must have 2048 to 4096 bits");
                }
                let algorithms: &'static [Algorithm] = match alg {
                    None => &[Algorithm::RS256, Algorithm::PS256],
                    Some("RS256") => &[Algorithm::RS256],
                    Some("PS256") => &[Algorithm::PS256],
                    Some(_) => return Err(ALGORITHMS),
                };
                (algorithms, Ok(DecodingKey::from_rsa_raw_components(&n, &e)))
            }
            ("EC", None | Some("ES256")) if jwk.crv.as_deref() == Some("P-256") => {
                let is_number = |text: &Option<String>| octets(text).is_some_and(|octets| octets.len() == 32);
                let (Some(x), Some(y), true, true) = (&jwk.x, &jwk.y, is_number(&jwk.x), is_number(&jwk.y)) else {
                    return Err("jwks: a key of P-256 lacks `x` or `y`");
                };
                (&[Algorithm::ES256], DecodingKey::from_ec_components(x, y))
            }
            _ => return Err(ALGORITHMS),
        };
        Ok(Self { kid: jwk.kid, algorithms, decoding: decoding.map_err(|_| "jwks: a key cannot be read")? })
    }
}

impl ClientKeys {
    /// Returns the keys for an algorithm. With `kid`, returns only the keys that have this `kid`.
    pub(super) fn for_algorithm(&self, algorithm: Algorithm, kid: Option<&str>) -> impl Iterator<Item = &DecodingKey> {
        let is_named = move |key: &&ClientKey| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
        let fits = move |key: &&ClientKey| key.algorithms.contains(&algorithm);
        self.0.iter().filter(is_named).filter(fits).map(|key| &key.decoding)
    }
}

const ALGORITHMS: &str = "jwks: a key is for none of RS256, PS256 and ES256";

/// The allowed lengths of the modulus of an RSA key, in octets.
const RSA_SIZES: std::ops::RangeInclusive<usize> = 256..=512;

const MAX_KEYS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(keys: &Value) -> Result<usize, String> {
        let keys: Result<ClientKeys, _> = serde_json::from_value(json!({ "keys": keys }));
        keys.map(|keys| keys.0.len()).map_err(|error| error.to_string())
    }

    fn rsa(octets: usize) -> Value {
        json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(vec![0x81; octets]), "e": "AQAB" })
    }

    fn with(mut key: Value, name: &str, value: &str) -> Value {
        if let Some(members) = key.as_object_mut() {
            members.insert(name.into(), value.into());
        }
        key
    }

    #[test]
    fn public_keys_for_the_three_algorithms_are_read() {
        let number = URL_SAFE_NO_PAD.encode([1; 32]);
        let ec =
            json!({ "kty": "EC", "crv": "P-256", "x": number, "y": number, "use": "sig", "alg": "ES256", "kid": "1" });
        assert_eq!(read(&json!([rsa(256), with(rsa(512), "alg", "PS256"), ec])), Ok(3));
    }

    #[test]
    fn key_is_refused_with_the_reason_if_it_is_private_or_too_small_or_for_another_algorithm() {
        let number = URL_SAFE_NO_PAD.encode([1; 32]);
        let ec = |crv: &str| json!({ "kty": "EC", "crv": crv, "x": number, "y": number });
        for (keys, reason) in [
            (json!([]), "from 1 to 16 keys"),
            (json!(vec![rsa(256); 17]), "from 1 to 16 keys"),
            (json!([with(rsa(256), "d", "AQAB")]), "private"),
            (json!([with(rsa(256), "use", "enc")]), "not for signatures"),
            (json!([rsa(128)]), "2048 to 4096 bits"),
            (json!([rsa(1024)]), "2048 to 4096 bits"),
            (json!([json!({ "kty": "RSA", "n": "AQAB" })]), "lacks `n` or `e`"),
            (json!([with(rsa(256), "alg", "RS512")]), "none of RS256"),
            (json!([ec("P-384")]), "none of RS256"),
            (json!([with(ec("P-256"), "x", "AQAB")]), "lacks `x` or `y`"),
            (json!([json!({ "kty": "oct", "k": "AQAB" })]), "none of RS256"),
        ] {
            assert!(read(&keys).is_err_and(|error| error.contains(reason)), "{reason}: {:?}", read(&keys));
        }
    }
}
