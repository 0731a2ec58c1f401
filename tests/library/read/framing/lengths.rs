//! Lengths in a form that DER does not allow.

use super::*;

#[test]
fn length_that_is_indefinite_or_not_minimal_or_over_four_octets_is_malformed() {
    let server = Server::new();
    for (message, der, send) in messages(&server) {
        for path in Tlv::parse(&der).paths() {
            for bad in bad_lengths() {
                let mut tree = Tlv::parse(&der);
                tree.at(&path).raw_length = Some(bad.clone());
                let error = server.check(&send(tree.encode())).unwrap_err();
                assert_malformed(&error, &format!("{message} {path:?} {bad:02X?}"));
            }
        }
    }
}

fn bad_lengths() -> Vec<Vec<u8>> {
    vec![
        vec![0x80],                            // indefinite
        vec![0x85, 0, 0, 0, 0, 1],             // five octets
        vec![0x84, 0xFF, 0xFF, 0xFF, 0xFF],    // 2^32 - 1
        vec![0x88, 0, 0, 0, 1, 0, 0, 0, 0],    // 2^32
        vec![0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0], // 2^64
        vec![0x88, 255, 255, 255, 255, 255, 255, 255, 255],
        vec![0xFF],             // reserved
        vec![0x84, 0, 0, 0, 1], // not minimal
    ]
}

#[test]
fn ap_req_with_a_bad_length_is_malformed_at_the_offset_of_the_length() {
    let server = Server::new();
    let with_length = |bad: &[u8]| {
        let bad = bad.to_vec();
        server.refusal_of_ap_req(move |ap_req| ap_req.raw_length = Some(bad))
    };
    for bad in [&[0x80][..], &[0x85, 0, 0, 0, 2, 0], &[0x88, 0, 0, 0, 1, 0, 0, 0, 0], &[0xFF], &[0x81, 0x10]] {
        assert_eq!(with_length(bad), malformed("AP-REQ", 1, Problem::Length), "{bad:02X?}");
    }
    assert_eq!(with_length(&[0x84, 0xFF, 0xFF, 0xFF, 0xFF]), malformed("AP-REQ", 6, Problem::Truncated));
}
