//! Readers of the fields of Kerberos structures. Every field has an explicit tag, which has the number of the field.

use super::Reader;
use crate::limits::MAX_REALM_LENGTH;
use crate::time::UnixTime;
use crate::wire::der::{Fault, Field, Kind, context, tag};

impl<'a> Reader<'a> {
    /// Reads the field `[number]`, a SEQUENCE or SEQUENCE OF. The function `read` reads the contents.
    #[inline(always)]
    pub(crate) fn structure<T>(
        &mut self,
        number: u8,
        what: Field,
        read: impl FnOnce(Self, Field) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        read(self.sequence_field(number, what)?, what)
    }

    /// Reads the field `[number]`, a SEQUENCE or SEQUENCE OF. Returns a reader of its contents.
    #[inline(always)]
    pub(crate) fn sequence_field(&mut self, number: u8, what: Field) -> Result<Self, Fault> {
        self.wrapped(context(number), tag::SEQUENCE, what)
    }

    /// Reads the field as [`Self::structure`] does, if the field is present.
    #[inline(always)]
    pub(crate) fn optional_structure<T>(
        &mut self,
        number: u8,
        what: Field,
        read: impl FnOnce(Self, Field) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        if self.peek() == Some(context(number)) { self.structure(number, what, read).map(Some) } else { Ok(None) }
    }

    /// Reads the field `[number]`, an OCTET STRING.
    #[inline(always)]
    pub(crate) fn octets_field(&mut self, number: u8, what: Field) -> Result<&'a [u8], Fault> {
        Ok(self.wrapped(context(number), tag::OCTET_STRING, what)?.rest)
    }

    /// Reads the field `[number]`, an OCTET STRING, if the field is present. Returns a reader of its octets.
    #[inline(always)]
    pub(crate) fn optional_octets(&mut self, number: u8, what: Field) -> Result<Option<Self>, Fault> {
        let tag = context(number);
        if self.peek() == Some(tag) { self.wrapped(tag, tag::OCTET_STRING, what).map(Some) } else { Ok(None) }
    }

    /// Reads the field `[number]`, a Realm. Returns the octets of the realm. The realm is a KerberosString that is at
    /// most as long as the longest domain name.
    #[inline(always)]
    pub(crate) fn realm_field(&mut self, number: u8, what: Field) -> Result<&'a [u8], Fault> {
        let realm = self.wrapped(context(number), tag::GENERAL_STRING, what)?;
        realm.check_text(what)?;
        if realm.rest.len() <= MAX_REALM_LENGTH {
            Ok(realm.rest)
        } else {
            Err(realm.error_with(what, Kind::TooLong, MAX_REALM_LENGTH))
        }
    }

    /// Reads the field as [`Self::realm_field`] does. Returns the realm as text.
    pub(crate) fn realm_text_field(&mut self, number: u8, what: Field) -> Result<&'a str, Fault> {
        let start = *self;
        core::str::from_utf8(self.realm_field(number, what)?).map_err(|_| start.error(what, Kind::Text))
    }

    /// Reads the field `[number]`, an Int32. A token has twenty such fields, and nearly all their values have one
    /// octet. Comparing the whole header of such a field at once takes a tenth of the instructions of reading tag by
    /// tag.
    #[inline(always)]
    pub(crate) fn int32_field(&mut self, number: u8, what: Field) -> Result<i32, Fault> {
        match self.small_field(number) {
            Some((value, rest)) => {
                self.rest = rest;
                Ok(value.into())
            }
            None => self.apart(|reader| reader.any_int32_field(number, what)),
        }
    }

    /// Reads the field `[number]` as [`Self::uint32_or_negative`] does, if the field is present.
    #[inline(always)]
    pub(crate) fn optional_uint32_field(&mut self, number: u8, what: Field) -> Result<Option<u32>, Fault> {
        match self.small_field(number) {
            Some((value, rest)) => {
                self.rest = rest;
                Ok(Some(u32::from_be_bytes(i32::from(value).to_be_bytes())))
            }
            None => self.optional_field(number, what, Self::uint32_or_negative),
        }
    }

    /// Reads the field `[number]`, an INTEGER that has only one valid value.
    #[inline(always)]
    pub(crate) fn constant_field(&mut self, number: u8, expected: u8, what: Field) -> Result<(), Fault> {
        match self.small_field(number) {
            Some((value, rest)) if u8::try_from(value) == Ok(expected) => {
                self.rest = rest;
                Ok(())
            }
            _ => self.apart(|reader| reader.any_constant_field(number, expected, what)),
        }
    }

    /// Reads the field `[number]`, KerberosFlags.
    #[inline(always)]
    pub(crate) fn flags_field(&mut self, number: u8, what: Field) -> Result<u32, Fault> {
        // All known peers write 32 bits without unused bits.
        if let Some(([header @ .., unused, a, b, c, d], rest)) = self.rest.split_first_chunk::<9>() {
            if *header == [context(number), 7, tag::BIT_STRING, 5] && *unused == 0 {
                self.rest = rest;
                return Ok(u32::from_be_bytes([*a, *b, *c, *d]));
            }
        }
        self.field(number, what, Self::flags)
    }

    /// Reads the field `[number]`, a KerberosTime.
    #[inline(always)]
    pub(crate) fn time_field(&mut self, number: u8, what: Field) -> Result<UnixTime, Fault> {
        match self.usual_time_field(number) {
            Some((seconds, rest)) => {
                self.rest = rest;
                Ok(UnixTime::from_seconds(seconds))
            }
            None => self.apart(|reader| reader.any_time_field(number, what)),
        }
    }

    /// Reads the field as [`Self::time_field`] does, if the field is present.
    #[inline(always)]
    pub(crate) fn optional_time_field(&mut self, number: u8, what: Field) -> Result<Option<UnixTime>, Fault> {
        if self.peek() == Some(context(number)) { self.time_field(number, what).map(Some) } else { Ok(None) }
    }

    /// Skips fields whose numbers are `first` or greater. A later version of the message may add such fields after its
    /// extension marker. Refuses any other octets.
    pub(crate) fn end_after_extensions(&mut self, first: u8, what: Field) -> Result<(), Fault> {
        while let Some(tag) = self.peek().filter(|tag| (context(first)..=LAST_CONTEXT).contains(tag)) {
            self.element(tag, what)?;
        }
        self.end(what)
    }

    /// Reads the explicitly tagged field `[number]`. The function `read` reads the contents.
    #[inline(always)]
    pub(crate) fn field<T>(
        &mut self,
        number: u8,
        what: Field,
        read: impl FnOnce(&mut Self, Field) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut contents = self.element(context(number), what)?;
        let value = read(&mut contents, what)?;
        contents.end(what)?;
        Ok(value)
    }

    /// Reads the field as [`Self::field`] does, if the field is present.
    #[inline(always)]
    pub(crate) fn optional_field<T>(
        &mut self,
        number: u8,
        what: Field,
        read: impl FnOnce(&mut Self, Field) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        if self.peek() == Some(context(number)) { self.field(number, what, read).map(Some) } else { Ok(None) }
    }

    /// Returns the time in the field `[number]`, in seconds since 1970, and the octets after the field. The field must
    /// have 19 octets, the only valid length.
    #[inline(always)]
    fn usual_time_field(&self, number: u8) -> Option<(i64, &'a [u8])> {
        let (header, after) = self.rest.split_first_chunk()?;
        let (text, rest) = after.split_first_chunk()?;
        if *header != [context(number), 17, tag::GENERALIZED_TIME, 15] {
            return None;
        }
        Some((UnixTime::kerberos_seconds(text)?, rest))
    }

    #[inline(never)]
    fn any_int32_field(&mut self, number: u8, what: Field) -> Result<i32, Fault> {
        self.field(number, what, Self::int32)
    }

    #[cold]
    fn any_constant_field(&mut self, number: u8, expected: u8, what: Field) -> Result<(), Fault> {
        self.field(number, what, |contents, what| contents.constant(expected, what))
    }

    #[cold]
    fn any_time_field(&mut self, number: u8, what: Field) -> Result<UnixTime, Fault> {
        self.field(number, what, Self::time)
    }

    /// Returns the value of the field `[number]` and the octets after the field, if the field is an INTEGER of one
    /// octet.
    #[inline(always)]
    fn small_field(&self, number: u8) -> Option<(i8, &'a [u8])> {
        let ([header @ .., octet], rest) = self.rest.split_first_chunk::<5>()?;
        // `==` compares the four octets in one step. A pattern would compare the octets one by one.
        (*header == [context(number), 3, tag::INTEGER, 1]).then(|| (i8::from_be_bytes([*octet]), rest))
    }
}

/// The last context-specific tag that fits into one octet.
const LAST_CONTEXT: u8 = context(30);
