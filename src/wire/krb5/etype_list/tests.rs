use super::*;
use crate::wire::der::{Problem, Writer};

/// A list of the types 20 and 19.
const LIST: [u8; 8] = [0x30, 6, 2, 1, 20, 2, 1, 19];

#[test]
fn etype_list_with_a_changed_octet_is_refused_or_read_with_the_change() {
    for at in 0..LIST.len() {
        assert!(EtypeList::read(&LIST[..at]).is_err(), "{at}");
        for value in 0..=u8::MAX {
            let mut list = LIST;
            list[at] = value;
            // If octet 3, the length of the first number, becomes 4, the list has one number of four octets.
            let expected = match (at, value) {
                (4, _) => Some([i8::from_be_bytes([value]).into(), 19]),
                (7, _) => Some([20, i8::from_be_bytes([value]).into()]),
                (3, 4) => Some([0x1402_0113; 2]),
                _ => (value == LIST[at]).then_some([20, 19]),
            };
            let read = EtypeList::read(&list).ok();
            assert_eq!(read.is_some(), expected.is_some(), "{list:02X?}");
            for (read, listed) in read.iter().zip(expected).flat_map(|(read, all)| all.map(|etype| (read, etype))) {
                assert!(read.contains(EncType(listed)), "{list:02X?}");
            }
            if let (Some(read), Some(listed)) = (read, expected) {
                let others = (-300..300).filter(|other| !listed.contains(other));
                assert!(others.into_iter().all(|other| !read.contains(EncType(other))), "{list:02X?}");
            }
        }
    }
}

#[test]
fn etype_list_longer_than_the_limit_is_refused() {
    for (count, expected) in [
        (0, Ok(())),
        (MAX_NEGOTIATED_ETYPES, Ok(())),
        (MAX_NEGOTIATED_ETYPES.saturating_add(1), Err(Problem::TooMany(MAX_NEGOTIATED_ETYPES))),
    ] {
        let mut writer = Writer::with_capacity(0);
        writer.sequence(|w| (0..count).for_each(|_| w.integer(18)));
        let read = EtypeList::read(&writer.finish()).map(|_| ()).map_err(|error| error.problem);
        assert_eq!(read, expected, "{count}");
    }
}
