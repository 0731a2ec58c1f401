//! The authentication of a client by a JWT that it signs (`private_key_jwt`: RFC 7523 section 3, OpenID Connect Core 1.0 section 9).
//!
//! The only audience is the issuer, as the successor of RFC 7523 demands (draft-ietf-oauth-rfc7523bis). A client must
//! not use the address of an endpoint as the audience: an attacker who tells the client a false address could get an
//! assertion that another server accepts.

use super::clients::RegisteredClient;
use crate::store::{Kind, Records, SingleUses, StoreError, Use};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation};
use kerberos_sso::UnixTime;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// The type of assertion that this server accepts (RFC 7523 section 2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The algorithms that this server accepts.
pub(super) const ALGORITHMS: [&str; 3] = ["RS256", "PS256", "ES256"];

/// The reason to refuse an assertion.
type Refused = &'static str;

/// The claims of an assertion whose signature has been verified with a key of the client.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Assertion {
    iss: String,
    sub: String,
    aud: Audiences,
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
    jti: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Several(Vec<String>),
}

/// The members of the header that the server checks.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

/// Returns the client that an assertion names. The caller must verify the assertion.
pub(super) fn named_client(assertion: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        sub: String,
    }
    part::<Named>(assertion, 1).map(|named| named.sub)
}

/// Returns the claims of an assertion that the client made for this issuer, and that is valid now.
pub(super) fn verify(client: &RegisteredClient, text: &str, issuer: &str, now: UnixTime) -> Result<Assertion, Refused> {
    let keys = client.keys().ok_or("the client is not registered with keys")?;
    let header: Header = part(text, 0).ok_or("the client assertion is no JWT")?;
    if header.crit.is_some() {
        return Err("the client assertion has a critical header that this server does not know");
    }
    if !header.typ.is_none_or(|typ| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known))) {
        return Err("the client assertion is a JWT of another type");
    }
    let algorithm = match &*header.alg {
        "RS256" => Algorithm::RS256,
        "PS256" => Algorithm::PS256,
        "ES256" => Algorithm::ES256,
        _ => return Err("the client assertion is signed with none of RS256, PS256 and ES256"),
    };
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    // The checks below use the caller's clock, and compare the whole audience.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let mut keys = keys.for_algorithm(algorithm, header.kid.as_deref());
    let read = |key| jsonwebtoken::decode::<IgnoredAny>(text, key, &validation).ok();
    keys.find_map(read).ok_or("no key of the client signed the client assertion")?;
    let assertion: Assertion =
        part(text, 1).ok_or("the client assertion lacks a claim, or a claim has a wrong type")?;
    assertion.check(&client.id, issuer, now.seconds())?;
    Ok(assertion)
}

impl Assertion {
    fn check(&self, client_id: &str, issuer: &str, now: i64) -> Result<(), Refused> {
        let is_for_issuer = match &self.aud {
            Audiences::One(audience) => audience == issuer,
            Audiences::Several(audiences) => matches!(&**audiences, [audience] if audience == issuer),
        };
        let soon = now.saturating_add(SKEW);
        let begins_later = |time: Option<i64>| time.is_some_and(|time| time > soon);
        if self.iss != client_id || self.sub != client_id {
            Err("the client assertion must have the client as `iss` and as `sub`")
        } else if !is_for_issuer {
            Err("the client assertion must have the issuer as its only audience")
        } else if self.exp <= now {
            Err("the client assertion has expired")
        } else if self.exp > soon.saturating_add(MAX_LIFE) {
            Err("the client assertion is valid for longer than ten minutes")
        } else if begins_later(self.iat) || begins_later(self.nbf) {
            Err("the client assertion is not valid yet")
        } else if self.jti.is_empty() || self.jti.len() > MAX_ID {
            Err("the `jti` of the client assertion must have 1 to 256 octets")
        } else {
            Ok(())
        }
    }

    /// Returns `iat` or the earliest time of issue that [`MAX_LIFE`] allows, whichever is later.
    fn begin(&self) -> i64 {
        let longest = self.exp.saturating_sub(MAX_LIFE);
        self.iat.map_or(longest, |issued| issued.max(longest))
    }
}

/// The identifiers of used assertions, in the store. If one node has accepted an assertion, no node accepts it again.
pub(crate) struct ClientAssertions(SingleUses);

impl ClientAssertions {
    pub(crate) fn new(records: Records) -> Self {
        Self(SingleUses::new(records, Kind::ClientAssertion, KEPT, MAX_OF_TENANT))
    }

    /// Records the use of an assertion. Refuses an assertion that was made at the store's epoch or before, because the
    /// store may have lost the record that a node accepted this assertion.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(super) async fn take(&self, tenant: &str, assertion: &Assertion, now: UnixTime) -> Result<Use, StoreError> {
        let [tenant_name, client_id, id] = [tenant, &assertion.sub, &assertion.jti].map(str::as_bytes);
        let is_newer = |epoch: UnixTime| assertion.begin() > epoch.seconds();
        self.0.take(tenant, &[b"client assertion", tenant_name, client_id, id], is_newer, now).await
    }
}

/// Reads the header or the claims of a JWT, and does not verify the signature.
fn part<T: DeserializeOwned>(text: &str, at: usize) -> Option<T> {
    let part = text.split('.').nth(at)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// The values of `typ` that the server accepts. Older clients send no type, or `JWT`.
const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// The longest lifetime of an assertion, in seconds. Common libraries make assertions that last one to ten minutes.
const MAX_LIFE: i64 = 10 * 60;

/// How far the clocks of the client and of the server may differ, in seconds.
const SKEW: i64 = 60;

const MAX_ID: usize = 256;

/// The time for which the store keeps the record of a use, in seconds. This is the longest lifetime of an assertion,
/// and twice the allowed difference of the clocks.
const KEPT: i64 = MAX_LIFE + 2 * SKEW;

/// The largest number of recorded uses of one tenant. It is enough for about 130 requests a second.
const MAX_OF_TENANT: u32 = 100_000;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
pub(super) mod tests {
    use super::*;
    use crate::store::{Memory, Secret, epoch};
    use jsonwebtoken::EncodingKey;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use rsa::RsaPrivateKey;
    use rsa::pkcs1::EncodeRsaPrivateKey as _;
    use rsa::traits::PublicKeyParts as _;
    use serde_json::{Value, json};
    use std::sync::{Arc, LazyLock};

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);
    const ISSUER: &str = "https://sso.test/contoso.test";

    /// The private keys with which a client of the tests signs assertions, and the public keys as a JWK set.
    pub(in crate::oidc) struct Keys {
        rsa: EncodingKey,
        ec: EncodingKey,
        pub(in crate::oidc) public: Value,
    }

    pub(in crate::oidc) static KEYS: LazyLock<Keys> = LazyLock::new(Keys::new);
    static OTHER: LazyLock<Keys> = LazyLock::new(Keys::new);

    impl Keys {
        fn new() -> Self {
            let rsa = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
            let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
            let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &SystemRandom::new());
            let point = pair.unwrap().public_key().as_ref()[1..].to_vec();
            let (x, y) = point.split_at(32);
            let [x, y] = [x, y].map(|number| URL_SAFE_NO_PAD.encode(number));
            Self {
                public: json!({ "keys": [
                    { "kty": "RSA", "kid": "r", "n": number(rsa.n()), "e": number(rsa.e()) },
                    { "kty": "EC", "kid": "e", "crv": "P-256", "x": x, "y": y },
                ] }),
                rsa: EncodingKey::from_rsa_der(rsa.to_pkcs1_der().unwrap().as_bytes()),
                ec: EncodingKey::from_ec_der(ec.as_ref()),
            }
        }

        /// Returns a signed assertion with this header and these claims.
        pub(in crate::oidc) fn sign(&self, header: &Value, claims: &Value) -> String {
            let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
            let (key, algorithm) = match header["alg"].as_str() {
                Some("ES256") => (&self.ec, Algorithm::ES256),
                Some("PS256") => (&self.rsa, Algorithm::PS256),
                _ => (&self.rsa, Algorithm::RS256),
            };
            let signature = jsonwebtoken::crypto::sign(text.as_bytes(), key, algorithm).unwrap();
            format!("{text}.{signature}")
        }
    }

    fn client() -> RegisteredClient {
        let client = json!({ "id": "app", "grants": [], "jwks": KEYS.public });
        serde_json::from_value(client).unwrap()
    }

    fn claims() -> Value {
        let now = NOW.seconds();
        json!({ "iss": "app", "sub": "app", "aud": ISSUER, "exp": now + 60, "iat": now, "jti": "1" })
    }

    /// Returns the object with one changed member. `null` removes the member.
    fn with(mut object: Value, name: &str, value: Value) -> Value {
        let members = object.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.into(), value)
        };
        object
    }

    /// Returns a store that has no epoch and whose clock stands still.
    fn records() -> Records {
        Records::new(Arc::new(Memory::new(|| NOW)), Secret::new([1; 32]))
    }

    fn judged(text: &str) -> Result<(), Refused> {
        verify(&client(), text, ISSUER, NOW).map(drop)
    }

    #[test]
    fn assertion_of_each_algorithm_is_accepted_with_and_without_the_name_of_its_key() {
        for header in [
            json!({ "alg": "RS256" }),
            json!({ "alg": "PS256", "kid": "r", "typ": "JWT" }),
            json!({ "alg": "ES256", "kid": "e", "typ": "client-authentication+jwt" }),
        ] {
            assert_eq!(judged(&KEYS.sign(&header, &claims())), Ok(()), "{header}");
        }
    }

    #[test]
    fn assertion_with_a_wrong_header_or_key_is_refused() {
        let secret = |header: Value| {
            let text = [header, claims()].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
            let key = EncodingKey::from_secret(b"secret");
            let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::HS256).unwrap();
            format!("{text}.{signature}")
        };
        for (text, reason) in [
            (KEYS.sign(&json!({ "alg": "RS256", "kid": "e" }), &claims()), "no key"),
            (KEYS.sign(&json!({ "alg": "RS256", "kid": "other" }), &claims()), "no key"),
            (OTHER.sign(&json!({ "alg": "RS256" }), &claims()), "no key"),
            (OTHER.sign(&json!({ "alg": "ES256", "kid": "e" }), &claims()), "no key"),
            (KEYS.sign(&json!({ "alg": "RS512" }), &claims()), "none of RS256"),
            (secret(json!({ "alg": "HS256" })), "none of RS256"),
            (KEYS.sign(&json!({ "alg": "none" }), &claims()), "none of RS256"),
            (KEYS.sign(&json!({ "alg": "RS256", "typ": "at+jwt" }), &claims()), "another type"),
            (KEYS.sign(&json!({ "alg": "RS256", "crit": ["x"], "x": 1 }), &claims()), "critical header"),
            ("x".into(), "no JWT"),
            (String::new(), "no JWT"),
        ] {
            assert!(judged(&text).is_err_and(|error| error.contains(reason)), "{reason}: {:?}", judged(&text));
        }
        let good = KEYS.sign(&json!({ "alg": "ES256" }), &claims());
        let cut = good.rsplit_once('.').unwrap().0;
        assert!(judged(&format!("{cut}.")).is_err_and(|error| error.contains("no key")));
        let parts: Vec<_> = good.split('.').collect();
        let other = URL_SAFE_NO_PAD.encode(with(claims(), "jti", "2".into()).to_string());
        assert!(judged(&format!("{}.{other}.{}", parts[0], parts[2])).is_err_and(|error| error.contains("no key")));
    }

    #[test]
    fn assertion_with_a_wrong_claim_is_refused() {
        let now = NOW.seconds();
        for (name, value, reason) in [
            ("iss", json!("other"), "as `iss` and as `sub`"),
            ("iss", Value::Null, "lacks a claim"),
            ("sub", json!("other"), "as `iss` and as `sub`"),
            ("aud", json!(format!("{ISSUER}/oauth2/token")), "only audience"),
            ("aud", json!([ISSUER, "https://other.test"]), "only audience"),
            ("aud", json!([]), "only audience"),
            ("aud", Value::Null, "lacks a claim"),
            ("exp", json!(now), "has expired"),
            ("exp", json!(now + 661), "longer than ten minutes"),
            ("exp", json!(i64::MAX), "longer than ten minutes"),
            ("exp", Value::Null, "lacks a claim"),
            ("iat", json!(now + 61), "is not valid yet"),
            ("nbf", json!(now + 61), "is not valid yet"),
            ("jti", Value::Null, "lacks a claim"),
            ("jti", json!(""), "1 to 256 octets"),
            ("jti", json!("j".repeat(257)), "1 to 256 octets"),
        ] {
            let text = KEYS.sign(&json!({ "alg": "ES256" }), &with(claims(), name, value.clone()));
            assert!(judged(&text).is_err_and(|error| error.contains(reason)), "{name} {value}: {:?}", judged(&text));
        }
        for (name, value) in
            [("aud", json!([ISSUER])), ("exp", json!(now + 660)), ("iat", Value::Null), ("jti", json!("j".repeat(256)))]
        {
            let text = KEYS.sign(&json!({ "alg": "ES256" }), &with(claims(), name, value.clone()));
            assert_eq!(judged(&text), Ok(()), "{name} {value}");
        }
    }

    #[tokio::test]
    async fn assertion_is_accepted_once_by_all_nodes_and_never_if_it_is_from_before_the_epoch() {
        let records = records();
        epoch(&records, UnixTime::from_seconds(10)).await.unwrap();
        let nodes = [(), ()].map(|()| ClientAssertions::new(records.clone()));
        let read = |value: Value| serde_json::from_value::<Assertion>(value).unwrap();
        let first = read(claims());
        assert_eq!(nodes[0].take("a.test", &first, NOW).await, Ok(Use::First));
        for node in &nodes {
            assert_eq!(node.take("a.test", &first, NOW).await, Ok(Use::Again));
        }
        assert_eq!(nodes[1].take("b.test", &first, NOW).await, Ok(Use::First), "another tenant");
        let other = read(with(with(claims(), "sub", "b".into()), "iss", "b".into()));
        assert_eq!(nodes[1].take("a.test", &other, NOW).await, Ok(Use::First), "another client");
        let after = ClientAssertions::new(super::tests::records());
        for (id, issued, expected) in [
            ("2", json!(NOW.seconds()), Use::Again),
            ("3", Value::Null, Use::Again),
            ("4", json!(NOW.seconds() + 1), Use::First),
        ] {
            let assertion = read(with(with(claims(), "jti", id.into()), "iat", issued));
            assert_eq!(after.take("a.test", &assertion, NOW).await, Ok(expected), "{id}");
        }
    }

    #[tokio::test]
    async fn tenant_with_too_many_recorded_assertions_gets_full_and_another_tenant_does_not() {
        let records = records();
        epoch(&records, UnixTime::from_seconds(10)).await.unwrap();
        let used = ClientAssertions(SingleUses::new(records, Kind::ClientAssertion, KEPT, 16));
        let mut full = 0_u32;
        for number in 0..100 {
            let assertion = serde_json::from_value(with(claims(), "jti", json!(number.to_string()))).unwrap();
            full = full.saturating_add((used.take("a.test", &assertion, NOW).await == Ok(Use::Full)).into());
        }
        assert_eq!(full, 84);
        let assertion = serde_json::from_value(claims()).unwrap();
        assert_eq!(used.take("b.test", &assertion, NOW).await, Ok(Use::First));
    }
}
