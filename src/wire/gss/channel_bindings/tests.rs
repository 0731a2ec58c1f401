use super::*;
use crate::crypto::records::for_each;

#[test]
fn bindings_of_every_type_begin_with_the_name_of_the_type() {
    let same = |one: ChannelBindings, application_data: &[&[u8]]| {
        assert!(one.matches(&ChannelBindings::new(&application_data.concat()).md5));
    };
    same(ChannelBindings::tls_exporter(&[7; 32]), &[b"tls-exporter:", &[7; 32]]);
    same(ChannelBindings::tls_unique(&[7; 12]).unwrap(), &[b"tls-unique:", &[7; 12]]);
    for_each(include_str!("../../../../testvectors/bindings/server_end_point.txt"), 19, |record| {
        let bindings = ChannelBindings::tls_server_end_point(&record.octets("Certificate")).unwrap();
        same(bindings, &[b"tls-server-end-point:", &record.octets("Hash")]);
        let _ = record.octets("Signed");
    });
}

/// The Finished message has 32 or 48 octets in TLS 1.3, and 36 octets in SSL 3.0. A TLS library returns no octets
/// before the handshake ends.
#[test]
fn tls_unique_with_a_length_other_than_twelve_octets_is_refused() {
    for length in (0..=48).filter(|length| *length != 12) {
        assert!(ChannelBindings::tls_unique(&[7; 48][..length]).is_none(), "{length}");
    }
}
