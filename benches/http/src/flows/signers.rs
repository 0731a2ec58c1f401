//! Makes the two signatures of a flow's tokens without a server, by different libraries.

use crate::Outcome;
use jsonwebtoken::{Algorithm, EncodingKey};
use nix::time::{ClockId, clock_gettime};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use std::thread::{available_parallelism, scope};
use std::time::{Duration, Instant};

/// Returns a signature of a message.
type Sign = Box<dyn Fn(&[u8]) -> Outcome<Vec<u8>> + Sync>;

pub struct Signer {
    pub name: &'static str,
    sign: Sign,
}

/// Returns the signers. The signers of RS256 have the same key of 2048 bits.
pub fn signers() -> Outcome<Vec<Signer>> {
    let rsa = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)?.to_pkcs1_der()?;
    let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).map_err(failed)?;
    Ok(vec![
        Signer { name: "RS256 by jsonwebtoken, rust_crypto", sign: rust_crypto(rsa.as_bytes()) },
        Signer { name: "RS256 by ring", sign: ring_rsa(KeyPair::from_der(rsa.as_bytes()).map_err(failed)?) },
        Signer { name: "ES256 by jsonwebtoken, rust_crypto", sign: rust_crypto_p256(p256.as_ref()) },
        Signer { name: "ES256 by ring", sign: ring_p256(p256.as_ref())? },
    ])
}

fn rust_crypto(key: &[u8]) -> Sign {
    let key = EncodingKey::from_rsa_der(key);
    Box::new(move |message| Ok(jsonwebtoken::crypto::sign(message, &key, Algorithm::RS256)?.into()))
}

fn rust_crypto_p256(key: &[u8]) -> Sign {
    let key = EncodingKey::from_ec_der(key);
    Box::new(move |message| Ok(jsonwebtoken::crypto::sign(message, &key, Algorithm::ES256)?.into()))
}

fn ring_rsa(key: KeyPair) -> Sign {
    let random = SystemRandom::new();
    Box::new(move |message| {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
        Ok(signature)
    })
}

fn ring_p256(key: &[u8]) -> Outcome<Sign> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &random).map_err(failed)?;
    Ok(Box::new(move |message| Ok(key.sign(&random, message).map_err(failed)?.as_ref().to_vec())))
}

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Signer {
    /// Makes pairs of signatures on all cores for `time`. Returns how many pairs it made a second, and the CPU time of
    /// a pair.
    pub fn pairs(&self, time: Duration) -> Outcome<(f64, Duration)> {
        let cpu_time = || clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from);
        let (before, begin) = (cpu_time()?, Instant::now());
        let on_one_core = || -> Outcome<u32> {
            let mut pairs = 0;
            while begin.elapsed() < time {
                (self.sign)(&MESSAGE)?;
                (self.sign)(&MESSAGE)?;
                pairs += 1;
            }
            Ok(pairs)
        };
        let pairs = scope(|threads| -> Outcome<u32> {
            let started: Vec<_> = (0..available_parallelism()?.get()).map(|_| threads.spawn(on_one_core)).collect();
            started.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).sum()
        })?;
        let (took, spent) = (begin.elapsed(), cpu_time()?.saturating_sub(before));
        Ok((f64::from(pairs) / took.as_secs_f64(), spent / pairs))
    }
}

/// A message as long as the header and the claims of a token.
const MESSAGE: [u8; 800] = [b'x'; 800];
