use super::*;

/// Makes an example of MS-XCA section 3.2. `table` has the offset and the value of each octet of the table that is not
/// zero. `stream` is the octets after the table, which contain the codes.
fn example(table: &[(usize, u8)], stream: &[u8]) -> Vec<u8> {
    let mut bytes = alloc::vec![0; TABLE];
    for (at, lengths) in table {
        bytes[*at] = *lengths;
    }
    bytes.extend_from_slice(stream);
    bytes
}

fn alphabet() -> Vec<u8> {
    let fives = (0x31..0x3B).map(|at| (at, 0x55));
    let table: Vec<_> =
        [(0x30, 0x50), (0x3B, 0x45), (0x3C, 0x44), (0x3D, 0x04), (0x80, 0x04)].into_iter().chain(fives).collect();
    example(
        &table,
        &[0xd8, 0x52, 0x3e, 0xd7, 0x94, 0x11, 0x5b, 0xe9, 0x19, 0x5f, 0xf9, 0xd6, 0x7c, 0xdf, 0x8d, 4, 0, 0, 0, 0],
    )
}

fn three_hundred() -> Vec<u8> {
    example(&[(0x30, 0x30), (0x31, 0x23), (0x80, 0x02), (0x8F, 0x20)], &[0xa8, 0xdc, 0, 0, 0xff, 0x26, 0x01])
}

#[test]
fn lz77_huffman_examples_of_ms_xca_decompress() {
    assert_eq!(xpress_huffman(&alphabet(), 26).unwrap(), b"abcdefghijklmnopqrstuvwxyz");
    assert_eq!(xpress_huffman(&three_hundred(), 300).unwrap(), b"abc".repeat(100));
}

#[test]
fn lz77_huffman_output_never_exceeds_the_given_size_and_a_cut_input_or_wrong_table_is_refused() {
    for size in [3, 4, 299] {
        assert_ne!(xpress_huffman(&three_hundred(), size).map(|bytes| bytes.len()), Some(300), "{size}");
    }
    assert_eq!(xpress_huffman(&three_hundred(), 299), None);
    for length in 0..TABLE + 7 {
        assert_eq!(xpress_huffman(&three_hundred()[..length], 300), None, "{length}");
    }
    let (mut incomplete, mut too_many) = (alphabet(), alphabet());
    incomplete[0x80] = 0;
    too_many[0] = 1;
    assert_eq!(xpress_huffman(&incomplete, 26), None);
    assert_eq!(xpress_huffman(&too_many, 26), None);
}
