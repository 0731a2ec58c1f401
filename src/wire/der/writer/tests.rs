use super::*;
use crate::wire::der::Reader;

fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::with_capacity(0);
    write(&mut writer);
    writer.finish()
}

/// The values are from X.690 section 8.3, and from the examples of section 8.1.3.
#[test]
fn integer_is_written_in_the_shortest_form() {
    for (value, octets) in [
        (0, &[0x02, 0x01, 0x00][..]),
        (127, &[0x02, 0x01, 0x7F]),
        (128, &[0x02, 0x02, 0x00, 0x80]),
        (256, &[0x02, 0x02, 0x01, 0x00]),
        (-1, &[0x02, 0x01, 0xFF]),
        (-128, &[0x02, 0x01, 0x80]),
        (-129, &[0x02, 0x02, 0xFF, 0x7F]),
        (0xFFFF_FFFF, &[0x02, 0x05, 0x00, 0xFF, 0xFF, 0xFF, 0xFF]),
        (i64::MIN, &[0x02, 0x08, 0x80, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        assert_eq!(written(|w| w.integer(value)), octets, "{value}");
    }
}

#[test]
fn length_is_written_in_the_shortest_form() {
    for (length, header) in [
        (0, &[0x04, 0x00][..]),
        (127, &[0x04, 0x7F]),
        (128, &[0x04, 0x81, 0x80]),
        (255, &[0x04, 0x81, 0xFF]),
        (256, &[0x04, 0x82, 0x01, 0x00]),
        (65_535, &[0x04, 0x82, 0xFF, 0xFF]),
        (65_536, &[0x04, 0x83, 0x01, 0x00, 0x00]),
    ] {
        let contents = alloc::vec![7; length];
        let encoded = written(|w| w.octets(&contents));
        assert!(encoded.starts_with(header), "{length}");
        assert_eq!(
            Reader::new(&encoded).element(tag::OCTET_STRING, crate::wire::der::field!("x")).unwrap().rest(),
            contents
        );
    }
}

#[test]
fn fields_written_last_to_first_are_read_first_to_last() {
    let sequence = written(|w| {
        w.sequence(|w| {
            w.field(1, |w| w.text(b"b"));
            w.field(0, |w| w.integer(5));
        });
    });
    assert_eq!(sequence, [0x30, 10, 0xA0, 3, 2, 1, 5, 0xA1, 3, 0x1B, 1, b'b']);
}
