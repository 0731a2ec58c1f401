//! Unit tests of the module.

use super::*;
use alloc::string::ToString;

#[test]
fn offered_mechanism_is_displayed_with_its_name_and_number() {
    for (oid, text) in [
        (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02][..], "Kerberos (1.2.840.113554.1.2.2)"),
        (&[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A], "NTLM (1.3.6.1.4.1.311.2.2.10)"),
        (&[0x88, 0x37, 0x03], "2.999.3"),
    ] {
        assert_eq!(OfferedMechanism(oid).to_string(), text);
    }
}
