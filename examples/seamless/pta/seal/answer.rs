//! Seals an agent's [`Word`] to the owner of the job: ChaCha20-Poly1305 (RFC 8439) under a key that the HPKE context of
//! the sealed password exports. RFC 9180 section 9.8 describes this method for responses.
//!
//! Only the agent that opened the job and the owner have this key. So a broker between them can neither read nor forge an
//! answer. The broker can drop an answer, and sees its length, which shows whether it is a ticket or a refusal. For this
//! reason, the owner counts an attempt without an answer as a wrong password: see [`NoVerdict`](crate::job::NoVerdict).

use crate::encoding::Fixed;
use crate::message::{Answer, SealedWord, V1, Word};
use crate::terms::Terms;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use std::fmt;
use zeroize::Zeroizing;

/// The key of the answer to one attempt of a job. Its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct AnswerKey(Zeroizing<[u8; 32]>);

impl AnswerKey {
    /// Makes a key from the octets that `export` writes.
    pub(super) fn exported<E>(export: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut octets = Zeroizing::new([0; 32]);
        export(octets.as_mut_slice()).map(|()| Self(octets))
    }

    /// Makes the answer with a word for the owner. `nonce` must be random, because somebody may send a job twice, and the
    /// agent then answers it twice with the same key. Returns `None` for a word that is too long for a message.
    #[must_use]
    pub fn answer(&self, terms: &Terms, word: &Word, nonce: [u8; 12]) -> Option<Answer> {
        let msg = serde_json::to_vec(word).map(Zeroizing::new).ok()?;
        let payload = Payload { msg: &msg, aad: &terms.digest() };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload).ok()?;
        let word = SealedWord::new(sealed)?;
        Some(Answer::Sealed { v: V1, job: terms.job, nonce: Fixed::new(nonce), word })
    }

    /// Opens the [`Word`] of an answer. Returns `None` unless the agent of these terms sealed it with this key.
    #[must_use]
    pub fn open(&self, terms: &Terms, nonce: &Fixed<12>, word: &SealedWord) -> Option<Word> {
        let payload = Payload { msg: word.as_bytes(), aad: &terms.digest() };
        let opened = self.cipher().decrypt(&Nonce::from(*nonce.as_bytes()), payload).map(Zeroizing::new).ok()?;
        serde_json::from_slice(&opened).ok()
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

impl fmt::Debug for AnswerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerKey(..)")
    }
}

/// The exporter context (RFC 9180 section 5.3) with which HPKE exports the [`AnswerKey`].
pub(super) const CONTEXT: &[u8] = b"answer";

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::seal::{SealingKey, SealingPublicKey};
    use crate::terms::tests::{others, terms};
    use crate::verdict::{Refusal, Told};

    fn word() -> Word {
        Word::Refused { code: Refusal::WrongPassword, status: None, told: Told::AfterPassword }
    }

    fn keys(public: &SealingPublicKey, random: u8) -> (crate::seal::Sealed, AnswerKey) {
        public.seal_password(&terms(), b"secret", Zeroizing::new([random; 32])).unwrap()
    }

    fn sealed(answer: Answer) -> (Fixed<12>, SealedWord) {
        match answer {
            Answer::Sealed { nonce, word, .. } => (nonce, word),
            Answer::Unopened { .. } => panic!("a key seals"),
        }
    }

    #[test]
    fn owner_opens_the_word_of_the_agent_that_opened_the_job() {
        let key = SealingKey::from_random(&[5; 32]);
        let (job, of_owner) = keys(&key.public(), 7);
        let (_, of_agent) = key.open_password(&terms(), &job).unwrap();
        let (nonce, sealed) = sealed(of_agent.answer(&terms(), &word(), [1; 12]).unwrap());
        assert_eq!(of_owner.open(&terms(), &nonce, &sealed), Some(word()));
        assert!(!sealed.as_bytes().windows(5).any(|part| part == b"wrong"));
    }

    #[test]
    fn word_sealed_under_other_terms_or_in_another_attempt_or_with_a_changed_bit_does_not_open() {
        let key = SealingKey::from_random(&[5; 32]).public();
        let ((_, own), (_, other)) = (keys(&key, 7), keys(&key, 8));
        let (nonce, sealed) = sealed(own.answer(&terms(), &word(), [1; 12]).unwrap());
        assert_eq!(other.open(&terms(), &nonce, &sealed), None);
        assert_eq!(own.open(&terms(), &Fixed::new([2; 12]), &sealed), None);
        for terms in others() {
            assert_eq!(own.open(&terms, &nonce, &sealed), None, "{terms:?}");
        }
        for bit in 0..sealed.as_bytes().len().checked_mul(8).unwrap() {
            let mut octets = sealed.as_bytes().to_vec();
            octets
                .iter_mut()
                .enumerate()
                .filter(|(at, _)| *at == bit / 8)
                .for_each(|(_, octet)| *octet ^= 1 << (bit % 8));
            assert_eq!(own.open(&terms(), &nonce, &SealedWord::new(octets).unwrap()), None, "{bit}");
        }
    }

    #[test]
    fn largest_ticket_fits_into_an_answer_and_the_answer_into_a_message() {
        let (_, key) = keys(&SealingKey::from_random(&[5; 32]).public(), 7);
        let token = crate::Octets::new(vec![0xFF; 64 * 1024]).unwrap();
        let answer = key.answer(&terms(), &Word::Ticket { token, ms: u32::MAX }, [1; 12]).unwrap();
        assert!(crate::message::write(&answer).unwrap().len() < crate::message::MAX_BODY - 1_024);
    }

    #[test]
    fn debug_output_of_the_key_has_no_octets_of_the_key() {
        let (_, key) = keys(&SealingKey::from_random(&[5; 32]).public(), 7);
        assert_eq!(format!("{key:?}"), "AnswerKey(..)");
    }
}
