//! Tests of the reader at the limits of the accepted encodings.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::values::is_plain;
use super::*;
use crate::wire::der::{Fault, Field, Malformed, Problem, Writer, context, field};

fn problem<T: core::fmt::Debug>(result: Result<T, Fault>) -> Problem {
    result.unwrap_err().within(&[]).problem
}

#[test]
fn length_that_is_indefinite_or_not_minimal_is_refused() {
    for refused in [
        &[0x04, 0x80, 0x00, 0x00][..],            // indefinite
        &[0x04, 0x81, 0x01, 0xAA],                // long form for a short length
        &[0x04, 0x82, 0x00, 0x80],                // leading zero
        &[0x04, 0x85, 0x00, 0x00, 0x00, 0x00, 1], // five octets
        &[0x04, 0x88, 0, 0, 0, 1, 0, 0, 0, 0],    // 2^32 in eight octets
        &[0x04, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0], // 2^64
        &[0x04, 0xFF],                            // reserved
    ] {
        assert_eq!(
            problem(Reader::new(refused).element(tag::OCTET_STRING, field!("x"))),
            Problem::Length,
            "{refused:02X?}"
        );
    }
    for truncated in [&[0x04][..], &[0x04, 0x01], &[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x00], &[0x04, 0x82, 0x01]] {
        assert_eq!(
            problem(Reader::new(truncated).element(tag::OCTET_STRING, field!("x"))),
            Problem::Truncated,
            "{truncated:02X?}"
        );
    }
}

#[test]
fn element_of_any_length_is_read_under_its_own_tag_only() {
    for (length, octets) in [
        (0x7F, &[0x7F][..]),
        (0x80, &[0x81, 0x80]),
        (0xFF, &[0x81, 0xFF]),
        (0x100, &[0x82, 1, 0]),
        (0xFFFF, &[0x82, 0xFF, 0xFF]),
        (0x1_0000, &[0x83, 1, 0, 0]),
        (0xFF_FFFF, &[0x83, 0xFF, 0xFF, 0xFF]),
        (0x100_0000, &[0x84, 1, 0, 0, 0]),
    ] {
        let message = [&[tag::OCTET_STRING], octets, &alloc::vec![0xAA; length]].concat();
        let contents = Reader::new(&message).element(tag::OCTET_STRING, field!("x")).unwrap();
        assert_eq!(contents.rest().len(), length);
        for other in [tag::SEQUENCE, tag::OCTET_STRING ^ 0x80] {
            assert!(Reader::new(&message).element(other, field!("x")).is_err(), "{other:02X} for {length} octets");
        }
    }
}

/// The lengths in this test have one octet more than the shortest encoding.
#[test]
fn length_that_fits_in_a_shorter_form_is_refused_in_a_longer_form() {
    for (length, octets) in [
        (0x7F, &[0x81, 0x7F][..]),
        (0xFF, &[0x82, 0, 0xFF]),
        (0xFFFF, &[0x83, 0, 0xFF, 0xFF]),
        (0xFF_FFFF, &[0x84, 0, 0xFF, 0xFF, 0xFF]),
    ] {
        let message = [&[tag::OCTET_STRING], octets, &alloc::vec![0xAA; length]].concat();
        let refused = Reader::new(&message).element(tag::OCTET_STRING, field!("x"));
        assert_eq!(problem(refused), Problem::Length, "{length}");
    }
}

#[test]
fn integer_of_at_most_eight_octets_is_read_and_a_longer_integer_is_refused() {
    for (bytes, value) in [
        (&[0x02, 0x01, 0x00][..], 0),
        (&[0x02, 0x02, 0x00, 0x80], 128),
        (&[0x02, 0x01, 0x80], -128),
        (&[0x02, 0x05, 0x01, 0x00, 0x00, 0x00, 0x12], 0x1_0000_0012),
        (&[0x02, 0x08, 0x80, 0, 0, 0, 0, 0, 0, 0], i64::MIN),
        (&[0x02, 0x02, 0x00, 0x7F], 127),
        (&[0x02, 0x02, 0xFF, 0x80], -128),
        (&[0x02, 0x04, 0x00, 0x00, 0x00, 0x00], 0),
        (&[0x02, 0x08, 0, 0, 0, 0, 0, 0, 0, 5], 5),
        (&[0x02, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFB], -5),
    ] {
        assert_eq!(Reader::new(bytes).integer(field!("x")).unwrap(), value);
    }
    for refused in
        [&[0x02, 0x00][..], &[0x02, 0x09, 0x01, 0, 0, 0, 0, 0, 0, 0, 0], &[0x02, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 5]]
    {
        assert_eq!(problem(Reader::new(refused).integer(field!("x"))), Problem::Number, "{refused:02X?}");
    }
    assert_eq!(problem(Reader::new(&[0x02, 0x05, 1, 0, 0, 0, 0x12]).int32(field!("x"))), Problem::Number);
}

#[test]
fn negative_number_is_read_as_the_unsigned_number_of_the_same_32_bits() {
    for (bytes, value) in [
        (&[0x02, 0x05, 0x00, 0xFF, 0xFF, 0xFF, 0xFF][..], u32::MAX),
        (&[0x02, 0x01, 0xFF], u32::MAX),
        (&[0x02, 0x04, 0x80, 0x00, 0x00, 0x00], 0x8000_0000),
    ] {
        assert_eq!(Reader::new(bytes).uint32_or_negative(field!("x")).unwrap(), value);
    }
    for refused in [&[0x02, 0x05, 0x01, 0, 0, 0, 0][..], &[0x02, 0x05, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]] {
        assert_eq!(problem(Reader::new(refused).uint32_or_negative(field!("x"))), Problem::Number);
    }
}

#[test]
fn one_million_microseconds_are_refused() {
    assert_eq!(Reader::new(&[0x02, 0x03, 0x0F, 0x42, 0x3F]).microseconds(field!("x")).unwrap(), 999_999);
    for refused in [&[0x02, 0x03, 0x0F, 0x42, 0x40][..], &[0x02, 0x01, 0xFF]] {
        assert_eq!(problem(Reader::new(refused).microseconds(field!("x"))), Problem::Number);
    }
}

#[test]
fn flags_of_fewer_or_more_than_32_bits_are_accepted() {
    for (bytes, value) in [
        (&[0x03, 0x05, 0x00, 0x40, 0xA1, 0x00, 0x00][..], 0x40A1_0000),
        (&[0x03, 0x01, 0x00], 0),
        (&[0x03, 0x02, 0x05, 0x3F], 0x2000_0000), // unused bits are not flags (RFC 4120 section 5.2.8)
        (&[0x03, 0x06, 0x07, 1, 2, 3, 4, 0x80], 0x0102_0304),
        (&[0x03, 0x09, 0x00, 1, 2, 3, 4, 5, 6, 7, 8], 0x0102_0304),
        (&[0x03, 0x0A, 0x00, 1, 2, 3, 4, 5, 6, 7, 8, 9], 0x0102_0304),
    ] {
        assert_eq!(Reader::new(bytes).flags(field!("x")).unwrap(), value, "{bytes:02X?}");
    }
    for refused in [&[0x03, 0x00][..], &[0x03, 0x01, 0x01], &[0x03, 0x01, 0x08], &[0x03, 0x02, 0x08, 0xFF]] {
        assert_eq!(problem(Reader::new(refused).flags(field!("x"))), Problem::BitString, "{refused:02X?}");
    }
}

#[test]
fn text_that_is_not_utf8_or_holds_a_nul_is_refused() {
    assert_eq!(Reader::new(&[0x1B, 0x05, 0xC5, 0x82, 0xE6, 0x9D, 0x8E]).text(field!("x")).unwrap(), "ł李");
    for refused in [&[0x1B, 0x01, 0xE9][..], &[0x1B, 0x02, 0x41, 0x00], &[0x1B, 0x03, 0xED, 0xA0, 0x80]] {
        assert_eq!(problem(Reader::new(refused).text(field!("x"))), Problem::Text);
    }
}

#[test]
fn fault_has_the_name_and_the_offset_of_the_field() {
    let bytes = [0x30, 0x05, 0xA0, 0x03, 0x02, 0x01, 0x06];
    let error = Reader::new(&bytes)
        .only(tag::SEQUENCE, field!("S"))
        .and_then(|mut fields| fields.field(0, field!("S.version"), |r, what| r.constant(5, what)))
        .unwrap_err()
        .within(&bytes);
    assert_eq!(error, Malformed { what: "S.version", at: 4, problem: Problem::Value { expected: 5, found: 6 } });
}

/// The result of reading an element, and the octets that the reader has not read. The result holds the contents and
/// their offset.
type Step<'a> = (Result<(&'a [u8], usize), Malformed>, &'a [u8]);

fn step<'a>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<Reader<'a>, Fault>) -> Step<'a> {
    let mut reader = Reader::new(bytes);
    let place = |contents: Reader<'_>| contents.error(field!("x"), Kind::Empty).within(bytes).at;
    let contents = read(&mut reader).map(|contents| (contents.rest, place(contents)));
    let contents = contents.map_err(|fault| fault.within(bytes));
    (contents, reader.rest)
}

/// Reads an element octet by octet (X.690 sections 8.1.3 and 10.1), as a second implementation of [`Reader::element`].
fn by_the_book<'a>(reader: &mut Reader<'a>, tag: u8, what: Field) -> Result<Reader<'a>, Fault> {
    match reader.peek() {
        Some(found) if found == tag => {}
        Some(_) => return Err(reader.error_with(what, Kind::UnexpectedTag, tag.into())),
        None => return Err(reader.error(what, Kind::Truncated)),
    }
    let mut after = *reader;
    after.take(1, what)?;
    let start = after;
    let first = after.take(1, what)?[0];
    let length = match first {
        ..=0x7F => usize::from(first),
        0x81..=0x84 => {
            let octets = after.take(usize::from(first & 0x7F), what)?;
            let length = octets.iter().fold(0_u32, |length, octet| (length << 8) | u32::from(*octet));
            if length < 0x80 || octets[0] == 0 {
                return Err(start.error(what, Kind::Length));
            }
            usize::try_from(length).unwrap()
        }
        _ => return Err(start.error(what, Kind::Length)),
    };
    let contents = after.take(length, what)?;
    *reader = after;
    Ok(Reader { rest: contents })
}

/// Lengths around the limits at which the encoded length takes one more octet.
const LENGTHS: [usize; 10] = [0, 1, 0x7E, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x1_0000, 0x1_0001];

#[test]
fn fast_and_slow_reader_agree_on_elements_of_every_length() {
    for length in LENGTHS {
        let mut writer = Writer::with_capacity(0);
        writer.octets(&alloc::vec![0xAB; length]);
        let encoded = writer.finish();
        let header = encoded.len().checked_sub(length).unwrap();
        let longer = [&encoded[..], &[0x30, 0x00]].concat();
        let cut = &encoded[..encoded.len().saturating_sub(1)];
        for bytes in [&encoded[..], &longer, cut, &encoded[..header], &encoded[..1]] {
            let slow = step(bytes, |reader| by_the_book(reader, tag::OCTET_STRING, field!("x")));
            assert_eq!(step(bytes, |reader| reader.element(tag::OCTET_STRING, field!("x"))), slow, "{length}");
        }
        let whole = (Ok((&encoded[header..], header)), &longer[encoded.len()..]);
        let taken = step(&longer, |reader| reader.element(tag::OCTET_STRING, field!("x")));
        assert_eq!(taken, whole, "{length}");
        if length > 0 {
            assert_eq!(
                problem(Reader::new(cut).element(tag::OCTET_STRING, field!("x"))),
                Problem::Truncated,
                "{length}"
            );
        }
    }
}

/// Tests all values of the first two length octets. The tag before these octets is the expected tag or another tag.
#[test]
fn fast_and_slow_reader_agree_on_all_values_of_two_length_octets() {
    let mut bytes = alloc::vec![0x5A; 0x208];
    for tag in [tag::OCTET_STRING, tag::SEQUENCE] {
        for (first, second) in (0..=u8::MAX).flat_map(|first| (0..=u8::MAX).map(move |second| (first, second))) {
            bytes.splice(..3, [tag, first, second]);
            let slow = step(&bytes, |reader| by_the_book(reader, tag::OCTET_STRING, field!("x")));
            let fast = step(&bytes, |reader| reader.element(tag::OCTET_STRING, field!("x")));
            assert_eq!(fast, slow, "{:02X?}", &bytes[..3]);
        }
    }
}

/// Calls `check` with variants of a field: cut to every length, with one more octet, and with every octet changed to
/// every value.
fn for_each_change(field: &[u8], mut check: impl FnMut(&[u8])) {
    for length in 0..=field.len() {
        check(&field[..length]);
    }
    check(&[field, &[0]].concat());
    let mut changed = field.to_vec();
    for (at, octet) in field.iter().enumerate() {
        for value in 0..=u8::MAX {
            changed[at] = value;
            check(&changed);
        }
        changed[at] = *octet;
    }
}

/// Asserts that a fast and a slow expression return the same result for every variant of some octets.
macro_rules! assert_same {
    ($bytes:expr, $reader:ident, $fast:expr, $slow:expr) => {
        for_each_change($bytes, |bytes| {
            let [mut $reader, mut other] = [Reader::new(bytes); 2];
            let fast = ($fast, $reader.rest);
            let slow = {
                let $reader = &mut other;
                ($slow, other.rest)
            };
            assert_eq!(fast, slow, "{bytes:02X?}");
            let mut $reader = Reader::new(bytes);
            assert_eq!(($fast.ok(), $reader.rest), (slow.0.ok(), slow.1), "{bytes:02X?}");
        })
    };
}

#[test]
fn fast_path_reads_every_field_as_the_slow_path_does() {
    for number in [&[0xA3, 3, 2, 1, 5][..], &[0xA3, 4, 2, 2, 0, 0x80], &[0xA3, 6, 2, 4, 0x7F, 0, 0, 0]] {
        assert_same!(number, r, r.int32_field(3, field!("x")), r.field(3, field!("x"), Reader::int32));
        assert_same!(
            number,
            r,
            r.constant_field(3, 5, field!("x")),
            r.field(3, field!("x"), |r, what| r.constant(5, what))
        );
        assert_same!(
            number,
            r,
            r.optional_uint32_field(3, field!("x")),
            r.optional_field(3, field!("x"), Reader::uint32_or_negative)
        );
    }
    let time = b"\xA5\x11\x18\x0F20261121235959Z";
    assert_same!(time, r, r.time_field(5, field!("x")), r.field(5, field!("x"), Reader::time));
    assert_same!(time, r, r.optional_time_field(5, field!("x")), r.optional_field(5, field!("x"), Reader::time));
    assert_same!(
        &[0xA0, 7, 3, 5, 0, 1, 2, 3, 4],
        r,
        r.flags_field(0, field!("x")),
        r.field(0, field!("x"), Reader::flags)
    );
    assert_same!(
        &[0xA0, 7, 3, 5, 4, 1, 2, 3, 0xFF],
        r,
        r.flags_field(0, field!("x")),
        r.field(0, field!("x"), Reader::flags)
    );
}

/// The lengths of the contents and of the wrapper are near the greatest length that two octets can encode.
#[test]
fn long_wrapped_element_is_read_when_whole_and_refused_when_cut() {
    for length in [65_530, 65_531, 65_532, 65_535, 65_536] {
        let mut writer = Writer::with_capacity(0);
        writer.field(3, |w| w.octets(&alloc::vec![7; length]));
        let wrapped = writer.finish();
        let read = |bytes: &[u8]| {
            Reader::new(bytes).wrapped(context(3), tag::OCTET_STRING, field!("x")).map(|contents| contents.rest().len())
        };
        assert_eq!(read(&wrapped), Ok(length));
        assert_eq!(problem(read(&wrapped[..wrapped.len().saturating_sub(1)])), Problem::Truncated, "{length}");
    }
}

/// The encoded lengths have one, two or three octets. In some cases, the encoded length of the wrapper has one octet
/// more than the encoded length of the contents.
#[test]
fn wrapped_element_is_read_like_two_nested_elements() {
    for length in [0, 1, 125, 126, 127, 128, 252, 253, 255, 256, 300] {
        let mut writer = Writer::with_capacity(0);
        writer.field(3, |w| w.octets(&alloc::vec![7; length]));
        let wrapped = writer.finish();
        let one_in_the_other = |r: &mut Reader<'_>| {
            r.field(3, field!("x"), |r, what| Ok(r.element(tag::OCTET_STRING, what)?.rest().len()))
        };
        let headers = wrapped.len().saturating_sub(length).saturating_add(2).min(wrapped.len());
        for at in 0..headers {
            for octet in 0..=u8::MAX {
                let mut changed = wrapped.clone();
                changed[at] = octet;
                for bytes in
                    [&changed[..], &[&changed[..], &[0; 2]].concat(), &changed[..changed.len().saturating_sub(1)]]
                {
                    let [mut one, mut other] = [Reader::new(bytes); 2];
                    let read =
                        one.wrapped(context(3), tag::OCTET_STRING, field!("x")).map(|contents| contents.rest().len());
                    let expected = one_in_the_other(&mut other);
                    assert_eq!(read, expected, "{length} {at} {octet:02X}");
                    assert!(expected.is_err() || one.rest == other.rest);
                }
            }
        }
    }
}

/// The test computes the expected flags bit by bit, as RFC 4120 section 5.2.8 defines them.
#[test]
fn flags_of_a_bit_string_are_its_first_32_bits_and_unused_bits_count_as_zero() {
    for (length, unused) in (1..=8_usize).flat_map(|length| (0..=7_usize).map(move |unused| (length, unused))) {
        let header = [usize::from(tag::BIT_STRING), length.saturating_add(1), unused];
        let header = header.map(|octet| u8::try_from(octet).unwrap());
        let octets = [&header[..], &[0xFF; 8][..length]].concat();
        let used = length.saturating_mul(8).saturating_sub(unused);
        let expected = (0..32).fold(0_u32, |flags, bit| (flags << 1) | u32::from(bit < used));
        assert_eq!(Reader::new(&octets).flags(field!("x")), Ok(expected), "{length} octets, {unused} bits unused");
    }
}

/// `is_plain` checks eight octets at a time. So the test puts every octet value at every position of texts of up to 17
/// octets.
#[test]
fn text_is_plain_only_if_every_octet_is_ascii_and_not_nul() {
    for length in 0..=17 {
        let mut text = alloc::vec![b'a'; length];
        assert!(is_plain(&text));
        for at in 0..length {
            for octet in 0..=u8::MAX {
                text[at] = octet;
                assert_eq!(is_plain(&text), (1..=0x7F).contains(&octet), "octet {octet:02X} at {at} of {length}");
                let encoded = [&[tag::GENERAL_STRING, u8::try_from(length).unwrap()][..], &text].concat();
                let text = Reader::new(&encoded).text(field!("x")).map(str::as_bytes);
                assert_eq!(Reader::new(&encoded).text_bytes(field!("x")), text);
            }
            text[at] = b'a';
        }
    }
}

#[test]
fn number_beyond_the_range_of_its_field_is_refused() {
    fn assert_ends<'a, T: PartialEq + core::fmt::Debug>(
        read: impl Fn(&mut Reader<'a>, Field) -> Result<T, Fault>,
        taken: [(&'a [u8], T); 2],
        refused: [&'a [u8]; 2],
    ) {
        for (bytes, value) in taken {
            assert_eq!(read(&mut Reader::new(bytes), field!("x")), Ok(value));
        }
        for bytes in refused {
            assert_eq!(
                read(&mut Reader::new(bytes), field!("x")),
                Err(Reader::new(bytes).error(field!("x"), Kind::Number))
            );
        }
    }
    assert_ends(
        Reader::int32,
        [(&[2, 4, 0x7F, 0xFF, 0xFF, 0xFF], i32::MAX), (&[2, 4, 0x80, 0, 0, 0], i32::MIN)],
        [&[2, 5, 0, 0x80, 0, 0, 0], &[2, 5, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]],
    );
    assert_ends(
        Reader::uint32_or_negative,
        [(&[2, 5, 0, 0xFF, 0xFF, 0xFF, 0xFF], u32::MAX), (&[2, 4, 0x80, 0, 0, 0], 0x8000_0000)],
        [&[2, 5, 1, 0, 0, 0, 0], &[2, 5, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]],
    );
    assert_ends(
        Reader::microseconds,
        [(&[2, 1, 0], 0), (&[2, 3, 0x0F, 0x42, 0x3F], 999_999)],
        [&[2, 1, 0xFF], &[2, 3, 0x0F, 0x42, 0x40]],
    );
}

#[test]
fn more_elements_than_the_limit_are_refused() {
    let nulls = [5, 0, 5, 0, 5, 0];
    let count = |limit| {
        let count = Reader::new(&nulls).elements(limit, field!("x"), |null| null.element(5, field!("x")));
        count.map_err(|fault| fault.within(&nulls))
    };
    assert_eq!(count(3), Ok(3));
    assert_eq!(count(2), Err(Malformed { what: "x", at: 4, problem: Problem::TooMany(2) }));
    assert_eq!(count(0), Err(Malformed { what: "x", at: 0, problem: Problem::TooMany(0) }));
    assert_eq!(Reader::new(&[]).elements(0, field!("x"), |null| null.element(5, field!("x"))), Ok(0));
}

#[test]
fn field_with_a_second_value_is_refused() {
    let twice = [0xA0, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02];
    assert_eq!(problem(Reader::new(&twice).field(0, field!("x"), Reader::integer)), Problem::TrailingBytes(3));
}
