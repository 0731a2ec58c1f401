//! The buffer of a request, and spans of the buffer.
//!
//! A request owns one buffer. The buffer holds the plaintext of the ticket, the plaintext of the authenticator, and a copy of
//! the service's name from the ticket's unencrypted fields. Every fact is stored as a span of the buffer. So an accepted
//! request does not borrow the token, and needs one allocation. Both plaintexts hold keys, and the request holds no other
//! copy of these keys. So the buffer is zeroized when it is dropped.

use crate::crypto::{DecryptError, EncType, KeyRef, KeyUsage};
use crate::span::Span;
use crate::wire::krb5::Ticket;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use zeroize::zeroize_bytes;

/// The plaintexts of a request.
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// Allocates a buffer for the service's name and the plaintexts of the ticket and the authenticator.
    pub(crate) fn for_request(ticket: &Ticket<'_>, authenticator: &[u8]) -> Self {
        // No addition saturates, because the four fields are parts of one token, which is longer than all of them.
        let names = ticket.realm.len().saturating_add(ticket.sname.encoded_components().len());
        let capacity = ticket.enc_part.cipher.len().saturating_add(authenticator.len()).saturating_add(names);
        Self(Vec::with_capacity(capacity))
    }

    /// Appends as many octets as `ciphertext` has, and lets `decrypt` fill them. `decrypt` returns the range of the plaintext
    /// in these octets. If `decrypt` fails, the buffer drops these octets.
    pub(crate) fn decrypt<E>(
        &mut self,
        ciphertext: &[u8],
        decrypt: impl FnOnce(&[u8], &mut [u8]) -> Result<Range<usize>, E>,
    ) -> Result<Span, E> {
        self.fill(ciphertext.len(), |_, output| decrypt(ciphertext, output))
    }

    /// Decrypts like [`decrypt`](Self::decrypt), under a key of this buffer.
    pub(crate) fn decrypt_under(
        &mut self,
        key: KeyField,
        usage: KeyUsage,
        ciphertext: &[u8],
    ) -> Result<Span, DecryptError> {
        self.fill(ciphertext.len(), |before, output| key.in_octets(before).decrypt(usage, ciphertext, output))
    }

    /// Appends `count` octets, and lets `fill` write them. `fill` also gets the octets that were in the buffer before.
    fn fill<E>(
        &mut self,
        count: usize,
        fill: impl FnOnce(&[u8], &mut [u8]) -> Result<Range<usize>, E>,
    ) -> Result<Span, E> {
        self.reserve(count);
        let start = self.0.len();
        self.0.resize(start.saturating_add(count), 0);
        let (before, output) = self.0.split_at_mut(start);
        match fill(before, output) {
            Ok(plaintext) => Ok(Span::new(start.saturating_add(plaintext.start), plaintext.len())),
            Err(error) => {
                self.0.truncate(start);
                Err(error)
            }
        }
    }

    /// Appends a copy of `octets`.
    pub(crate) fn append(&mut self, octets: &[u8]) -> Span {
        self.reserve(octets.len());
        let start = self.0.len();
        self.0.extend_from_slice(octets);
        Span::new(start, octets.len())
    }

    /// Makes room for more octets. A vector that grows by itself leaves its old octets in freed memory; this function zeroizes
    /// the old octets. The buffer grows if the authenticator is decrypted a second time, for a KRB-ERROR.
    fn reserve(&mut self, additional: usize) {
        let length = self.0.len().saturating_add(additional);
        if length > self.0.capacity() {
            let mut longer = Vec::with_capacity(length);
            longer.extend_from_slice(&self.0);
            zeroize_bytes(&mut self.0);
            self.0 = longer;
        }
    }

    /// Returns the octets of a span of this buffer.
    #[expect(
        clippy::expect_used,
        reason = "this buffer made the span, and a truncation never removes octets of a span that was returned"
    )]
    pub(crate) fn slice(&self, span: Span) -> &[u8] {
        self.0.get(span.start()..span.end()).expect("a span of this buffer")
    }

    /// Returns a key whose octets are in this buffer.
    pub(crate) fn key(&self, key: KeyField) -> KeyRef<'_> {
        key.in_octets(&self.0)
    }

    /// Returns the type and span of a key that was read from this buffer. Returns `None` if the key's length is wrong
    /// for its type.
    pub(crate) fn locate_key(&self, etype: EncType, octets: &[u8]) -> Option<KeyField> {
        KeyRef::new(etype, octets).ok().map(|_| KeyField { etype, octets: self.span_of(octets) })
    }

    /// Returns the span of `part` in this buffer. `part` must be empty or come from this buffer.
    #[expect(clippy::expect_used, reason = "the readers return slices of their input, and their input was this buffer")]
    pub(crate) fn span_of(&self, part: &[u8]) -> Span {
        if part.is_empty() {
            return Span::default();
        }
        let start = part.as_ptr().addr().checked_sub(self.0.as_ptr().addr()).expect("a part of this buffer");
        Span::new(start, part.len())
    }

    /// Returns a realm of this buffer as text. `span` must be the span of a realm: the reader refuses a realm that is
    /// not text.
    #[expect(clippy::expect_used, reason = "the span is that of a realm, and the reader accepts only text as a realm")]
    pub(crate) fn text(&self, span: Span) -> &str {
        core::str::from_utf8(self.slice(span)).expect("a realm that was read as text")
    }
}

/// The type and the span of a key in the buffer. The key came from a message, and its length is right for its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyField {
    etype: EncType,
    octets: Span,
}

impl KeyField {
    pub(crate) const fn etype(self) -> EncType {
        self.etype
    }

    #[expect(clippy::expect_used, reason = "the buffer that holds the key made this field, and overwrites no octet")]
    fn in_octets(self, octets: &[u8]) -> KeyRef<'_> {
        KeyRef::new(self.etype, self.octets.of(octets)).expect("a key of this buffer")
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        zeroize_bytes(&mut self.0);
    }
}

/// Shows only the length: the buffer holds keys.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests;
