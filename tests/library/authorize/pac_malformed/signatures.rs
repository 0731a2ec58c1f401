//! Tests of the lengths, types and keys of the PAC's signatures.

use super::*;

#[test]
fn signature_buffer_of_a_wrong_length_is_refused() {
    for (buffer_type, what) in
        [(BufferType::SERVER_CHECKSUM, "SERVER_CHECKSUM"), (BufferType::KDC_CHECKSUM, "KDC_CHECKSUM")]
    {
        for length in (0..16).chain([17, 19, 20, 24, 200]) {
            let mut buffers = good();
            buffers.get_mut(buffer_type).unwrap().resize(length, 0);
            let expected =
                if length < 16 { PacProblem::Truncated } else { PacProblem::Size { expected: 12, found: length - 4 } };
            // The signer needs a buffer that has the four octets of the signature's type.
            let pac = if length < 4 { buffers.encode() } else { buffers.signed(&server_key()) };
            assert_eq!(seen(&pac), (what, expected), "{length}");
        }
        let mut rodc = good();
        rodc.get_mut(buffer_type).unwrap().extend([0x12, 0x34]);
        assert!(verify(&rodc.signed(&server_key())).is_ok(), "with the identifier of a read-only domain controller");
    }
    for buffer_type in [BufferType::TICKET_CHECKSUM, BufferType::FULL_CHECKSUM] {
        let of_length =
            |length: usize| good().with(buffer_type, [&16_u32.to_le_bytes()[..], &vec![0; length]].concat());
        assert!(verify(&of_length(12).signed(&server_key())).is_ok());
        assert_eq!(problem(&of_length(11)).1, PacProblem::Truncated);
        assert_eq!(problem(&of_length(16)).1, PacProblem::Size { expected: 12, found: 16 });
    }
}

#[test]
fn server_signature_is_refused_when_it_is_unkeyed_or_made_with_no_key_of_the_account() {
    let refusal = |buffers: PacBuffers| match verify(&buffers.signed(&server_key())).unwrap_err() {
        Error::PacSignature(PacSignature { buffer_type, cause, .. }) => {
            println!("pac-signature  {buffer_type} {cause}");
            (buffer_type, cause)
        }
        other => panic!("{} ({other})", other.code()),
    };
    for buffer_type in [BufferType::SERVER_CHECKSUM, BufferType::KDC_CHECKSUM] {
        assert_eq!(refusal(good().without(buffer_type)), (buffer_type, SignatureCause::Missing));
        // These types are unkeyed: CRC-32, RSA-MD4, RSA-MD5 and SHA-1.
        for (number, length) in [(1, 4), (2, 16), (7, 16), (14, 20)] {
            assert_eq!(
                refusal(signed_as(buffer_type, number, length)),
                (buffer_type, SignatureCause::Type(number.into()))
            );
        }
    }
    // The server refuses an unknown type in the server signature. In the KDC's signatures the server accepts an unknown
    // type if the signature has a plausible length.
    for (number, length) in [(0, 0), (18, 16), (i32::MAX, 12)] {
        let server = (BufferType::SERVER_CHECKSUM, SignatureCause::Type(number.into()));
        assert_eq!(refusal(signed_as(BufferType::SERVER_CHECKSUM, number, length)), server);
        for buffer_type in [BufferType::KDC_CHECKSUM, BufferType::TICKET_CHECKSUM, BufferType::FULL_CHECKSUM] {
            assert!(verify(&signed_as(buffer_type, number, length).signed(&server_key())).is_ok(), "{number}");
        }
    }
    let long = signed_as(BufferType::KDC_CHECKSUM, 18, 200);
    assert_eq!(seen(&long.signed(&server_key())).0, "KDC_CHECKSUM");
    // These types are keyed, but no key of the server makes such a signature.
    for (number, length) in [(15, 12), (-138, 16), (19, 16), (20, 24)] {
        let mut buffers = good();
        *buffers.get_mut(BufferType::SERVER_CHECKSUM).unwrap() =
            [&i32::to_le_bytes(number)[..], &vec![0; length]].concat();
        assert_eq!(refusal(buffers), (BufferType::SERVER_CHECKSUM, SignatureCause::Type(number.into())));
    }
    let pac = good().signed(&server_key());
    let wrong = Err((BufferType::SERVER_CHECKSUM, SignatureCause::Wrong));
    let signature = |verified: Result<VerifiedPac<'_>, Error>| match verified {
        Ok(_) => Ok(()),
        Err(Error::PacSignature(PacSignature { buffer_type, cause, .. })) => Err((buffer_type, cause)),
        Err(other) => panic!("{} ({other})", other.code()),
    };
    let value = pac_support::buffer(&pac, BufferType::SERVER_CHECKSUM).unwrap();
    for bit in 0..12 * 8 {
        let mut changed = pac.clone();
        changed[value.start + 4 + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(signature(verify(&changed)), wrong);
    }
    let mut zeros = good();
    zeros.get_mut(BufferType::SERVER_CHECKSUM).unwrap()[4..].fill(0);
    assert_eq!(signature(verify(&zeros.encode())), wrong, "zeros are no signature");
    let other_key = kerberos_sso::crypto::Key::new(server_key().etype(), &[0x43; 32]).unwrap();
    let read = Pac::read(&pac).unwrap();
    assert_eq!(signature(read.verify([&checksummer(&other_key)], None).map_err(Error::from)), wrong);
    assert!(
        read.verify([&checksummer(&other_key), &checksummer(&server_key())], None).is_ok(),
        "an older key is tried too"
    );
}

/// Returns a PAC in which the signature buffer of type `buffer_type` names the signature type `number`, followed by
/// `length` zero octets.
fn signed_as(buffer_type: BufferType, number: i32, length: usize) -> PacBuffers {
    let value = [&i32::to_le_bytes(number)[..], &vec![0; length]].concat();
    good().without(buffer_type).with(buffer_type, value)
}
