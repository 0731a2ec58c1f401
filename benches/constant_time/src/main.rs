//! Compares the times of an operation with two kinds of secrets, by the method of "dude, is my code constant time?"
//! (Reparaz, Balasch, Verbauwhede, 2017). If the statistic |t| of Welch's t-test is more than 5, an attacker can distinguish
//! the two kinds by time.
//!
//! The first test is a control: it measures a comparison that stops at the first difference. If the |t| of this test is
//! 5 or less, the machine is too busy, and the other results have no meaning.

use dudect_bencher::{BenchRng, Class, CtRunner, ctbench_main};
use kerberos_sso::Keytab;
use kerberos_sso::crypto::{EncType, Key, KeyUsage};
use rand::RngExt;

const SAMPLES: usize = 200_000;

/// Measures `operation` with inputs of two kinds in random order.
fn compare<T, R>(
    runner: &mut CtRunner,
    rng: &mut BenchRng,
    mut make: impl FnMut(&mut BenchRng, Class) -> T,
    operation: impl Fn(&T) -> R,
) {
    let inputs: Vec<(Class, T)> = (0..SAMPLES)
        .map(|_| {
            let class = if rng.random() { Class::Left } else { Class::Right };
            (class, make(rng, class))
        })
        .collect();
    for (class, input) in &inputs {
        runner.run_one(*class, || operation(input));
    }
}

/// Returns the index of the octet that is changed: the first, or the last.
const fn changed(class: Class, length: usize) -> usize {
    match class {
        Class::Left => 0,
        Class::Right => length - 1,
    }
}

fn key(etype: EncType, octets: &[u8]) -> Key {
    Key::new(etype, octets).expect("the key has the length of its type")
}

/// Returns a fixed secret for one class, and a random secret for the other class.
fn secret<const N: usize>(rng: &mut BenchRng, class: Class) -> [u8; N] {
    let mut random = [0; N];
    rng.fill(&mut random);
    match class {
        Class::Left => [0x5A; N],
        Class::Right => random,
    }
}

fn control_that_stops_at_the_first_difference(runner: &mut CtRunner, rng: &mut BenchRng) {
    let make = |rng: &mut BenchRng, class| {
        let mut one = [0_u8; 512];
        rng.fill(&mut one);
        let mut other = one;
        other[changed(class, 512)] ^= 1;
        (one, other)
    };
    compare(runner, rng, make, |(one, other)| one.iter().zip(other).all(|(one, other)| one == other));
}

fn comparison_of_keys(runner: &mut CtRunner, rng: &mut BenchRng) {
    let make = |rng: &mut BenchRng, class| {
        let mut octets = [0; 32];
        rng.fill(&mut octets);
        let one = key(EncType::AES256_CTS_HMAC_SHA1_96, &octets);
        octets[changed(class, 32)] ^= 1;
        (one, key(EncType::AES256_CTS_HMAC_SHA1_96, &octets))
    };
    compare(runner, rng, make, |(one, other)| one == other);
}

/// Verifies a MAC whose first octet, or whose last octet, is wrong.
fn comparison_of_macs(runner: &mut CtRunner, rng: &mut BenchRng) {
    let checksummer = key(EncType::AES256_CTS_HMAC_SHA1_96, &[7; 32]).checksummer(KeyUsage::PAC_SIGNATURE);
    let make = |rng: &mut BenchRng, class| {
        let mut message = [0; 64];
        rng.fill(&mut message);
        let mut running = checksummer.start();
        running.update(&message);
        let mut mac = running.finish().as_ref().to_vec();
        let at = changed(class, mac.len());
        mac[at] ^= 1;
        (message, mac)
    };
    compare(runner, rng, make, |(message, mac)| checksummer.verify(message, mac).is_ok());
}

/// Decrypts a ciphertext whose MAC is wrong in its first octet, or in its last octet.
fn wrong_ciphertext(runner: &mut CtRunner, rng: &mut BenchRng, etype: EncType, length: usize) {
    let cipher = key(etype, &vec![7; length]).cipher(KeyUsage::TICKET);
    let make = |rng: &mut BenchRng, class| {
        let (mut octets, mut plaintext) = ([0; 16], [0; 96]);
        rng.fill(&mut octets);
        rng.fill(&mut plaintext);
        let mut sealed = Vec::new();
        cipher.encrypt(&octets, &plaintext, &mut sealed);
        let mac = cipher.mac_of(&sealed).expect("it has a MAC");
        let start = mac.as_ptr() as usize - sealed.as_ptr() as usize;
        let at = start + changed(class, mac.len());
        sealed[at] ^= 1;
        sealed
    };
    compare(runner, rng, make, |sealed| cipher.decrypt(sealed, &mut [0; 512][..sealed.len()]).is_ok());
}

fn wrong_ciphertext_of_type_18(runner: &mut CtRunner, rng: &mut BenchRng) {
    wrong_ciphertext(runner, rng, EncType::AES256_CTS_HMAC_SHA1_96, 32);
}

fn wrong_ciphertext_of_type_20(runner: &mut CtRunner, rng: &mut BenchRng) {
    wrong_ciphertext(runner, rng, EncType::AES256_CTS_HMAC_SHA384_192, 32);
}

fn wrong_ciphertext_of_type_23(runner: &mut CtRunner, rng: &mut BenchRng) {
    wrong_ciphertext(runner, rng, EncType::RC4_HMAC, 16);
}

/// Reads a keytab of `HTTP/www@A.TEST` with one key of type 18.
fn reading_of_a_keytab(runner: &mut CtRunner, rng: &mut BenchRng) {
    let make = |rng: &mut BenchRng, class| {
        let secret: [u8; 32] = secret(rng, class);
        let principal =
            b"\x00\x02\x00\x06A.TEST\x00\x04HTTP\x00\x03www\x00\x00\x00\x01\x6B\x00\x00\x00\x02\x00\x12\x00\x20";
        let record = [&principal[..], &secret, &[0, 0, 0, 2]].concat();
        [&[5, 2, 0, 0, 0, u8::try_from(record.len()).expect("it is short")][..], &record].concat()
    };
    compare(runner, rng, make, |file| Keytab::parse(file).map(|keytab| keytab.accounts().len()));
}

fn nt_hash_of_a_password(runner: &mut CtRunner, rng: &mut BenchRng) {
    let make = |rng: &mut BenchRng, class| {
        let letters: [u8; 20] = secret(rng, class);
        letters.iter().map(|letter| char::from(b'!' + letter % 90)).collect::<String>()
    };
    compare(runner, rng, make, |password| Key::nt_hash(password));
}

fn key_of_an_nt_hash_in_hexadecimal(runner: &mut CtRunner, rng: &mut BenchRng) {
    let make = |rng: &mut BenchRng, class| {
        let hash: [u8; 16] = secret(rng, class);
        hash.iter().map(|octet| format!("{octet:02x}")).collect::<String>()
    };
    compare(runner, rng, make, |digits| Key::from_hex(EncType::RC4_HMAC, digits).is_ok());
}

/// Derives keys from the key of an account, decrypts a ticket, and compares its MAC, as the library does for each request.
fn ticket_under_a_key(runner: &mut CtRunner, rng: &mut BenchRng, etype: EncType, length: usize) {
    let make = |rng: &mut BenchRng, class| {
        let secret: [u8; 32] = secret(rng, class);
        let mut sealed = [0; 160];
        rng.fill(&mut sealed);
        (key(etype, &secret[..length]), sealed)
    };
    compare(runner, rng, make, |(key, sealed)| key.cipher(KeyUsage::TICKET).decrypt(sealed, &mut [0; 160]).is_ok());
}

fn ticket_under_a_key_of_type_18(runner: &mut CtRunner, rng: &mut BenchRng) {
    ticket_under_a_key(runner, rng, EncType::AES256_CTS_HMAC_SHA1_96, 32);
}

fn ticket_under_a_key_of_type_23(runner: &mut CtRunner, rng: &mut BenchRng) {
    ticket_under_a_key(runner, rng, EncType::RC4_HMAC, 16);
}

ctbench_main!(
    control_that_stops_at_the_first_difference,
    comparison_of_keys,
    comparison_of_macs,
    wrong_ciphertext_of_type_18,
    wrong_ciphertext_of_type_20,
    wrong_ciphertext_of_type_23,
    reading_of_a_keytab,
    nt_hash_of_a_password,
    key_of_an_nt_hash_in_hexadecimal,
    ticket_under_a_key_of_type_18,
    ticket_under_a_key_of_type_23
);
