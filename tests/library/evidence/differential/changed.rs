//! Tests of recorded requests in which a few octets are changed.

use super::*;

/// The test changes the unencrypted fields and the plaintexts of recorded requests. If this crate and `rasn-kerberos`
/// both accept a changed request, they must read the same values.
#[test]
fn changed_requests_that_both_readers_accept_have_the_same_values_in_both() {
    let mut samples = Vec::new();
    for_each_accepted(|recording, case, token| {
        let keys = recording.raw_keys(case).unwrap();
        samples.extend(Changeable::of(token, case, keys));
    });
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3);
    let strategy = (any::<prop::sample::Index>(), 0..3_usize, changes);
    let mut both = 0;
    let config = Config { cases: 20_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, deterministic());
    for _ in 0..20_000 {
        let (sample, part, changes) = strategy.new_tree(&mut runner).unwrap().current();
        let sample = sample.get(&samples);
        let token = sample.changed(part, &changes);
        let verdict = sample.lenient.validate_ticket(&token, sample.now);
        if let (Ok(accepted), Ok(opinion)) = (verdict, Opinion::on(&token[sample.anatomy.ap_req.clone()], &sample.keys))
        {
            opinion.compare(&accepted);
            both += 1;
        }
    }
    println!("{both} of 20000 changed requests are accepted by both readers");
    assert!(both > 2_000);
}

/// A recorded request whose parts can be changed and encrypted again.
struct Changeable {
    token: Vec<u8>,
    keys: Vec<Key>,
    now: UnixTime,
    lenient: Validator<NoReplayCache>,
    anatomy: Anatomy,
    /// The key, key usage, span and plaintext of the ticket's ciphertext and of the authenticator's ciphertext.
    parts: [(Key, KeyUsage, std::ops::Range<usize>, Vec<u8>); 2],
}

impl Changeable {
    /// Returns the request of a token, or `None` if `rasn-kerberos` cannot read the request.
    fn of(token: &[u8], case: &Case, keys: Vec<Key>) -> Option<Self> {
        let anatomy = Anatomy::of(token);
        let opinion = Opinion::on(&token[anatomy.ap_req.clone()], &keys).ok()?;
        let part = |key: &Key, usage, place: &std::ops::Range<usize>| {
            let plaintext = open(key, usage, &token[place.clone()])?;
            Some((key.clone(), usage, place.clone(), plaintext))
        };
        let session_key = Key::new(EncType(opinion.ticket.key.r#type), &opinion.ticket.key.value).unwrap();
        let parts = [
            keys.iter().find_map(|key| part(key, KeyUsage::TICKET, &anatomy.ticket_cipher)).unwrap(),
            part(&session_key, KeyUsage::AP_REQ_AUTHENTICATOR, &anatomy.authenticator_cipher).unwrap(),
        ];
        let realm = std::str::from_utf8(opinion.request.ticket.realm.as_bytes()).unwrap();
        let client_realm = std::str::from_utf8(opinion.ticket.crealm.as_bytes()).unwrap();
        let account = Account::new("service", realm).with_client_realm(client_realm);
        let account = keys.iter().fold(account, |account, key| account.with_key(ServiceKey::new(key.clone(), None)));
        let policy = Policy::default()
            .with_ticket_etypes(&EncType::SUPPORTED)
            .with_session_etypes(&EncType::SUPPORTED)
            .with_max_ticket_lifetime(None)
            .with_clock_skew(Duration::from_secs(1 << 40));
        let lenient = Validator::new(KeySet::from(account), policy, NoReplayCache);
        Some(Self { token: token.to_vec(), keys, now: case.now(), lenient, anatomy, parts })
    }

    fn changed(&self, part: usize, changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
        let mut token = self.token.clone();
        let Some((key, usage, place, plaintext)) = self.parts.get(part) else {
            let fields: Vec<usize> = self.anatomy.unencrypted.iter().flat_map(|(_, range)| range.clone()).collect();
            for (index, value) in changes {
                token[*index.get(&fields)] = *value;
            }
            return token;
        };
        let mut plaintext = plaintext.clone();
        let length = plaintext.len();
        for (index, value) in changes {
            plaintext[index.index(length)] = *value;
        }
        let mut cipher = Vec::new();
        key.cipher(*usage).encrypt(&[3; 16], &plaintext, &mut cipher);
        token[place.clone()].copy_from_slice(&cipher);
        token
    }
}
