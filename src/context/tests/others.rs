//! Tests with tokens of MIT krb5 and Heimdal: this crate accepts these tokens, and makes the same tokens.

use super::*;

#[test]
fn tokens_of_mit_and_heimdal_are_accepted_in_order() {
    let mut taken = 0;
    for context in recorded::all() {
        let mut receivers = SIDES.map(|side| context.side(side));
        for token in &context.tokens {
            let receiver = &mut receivers[usize::from(token.from == Side::Initiator)];
            take(receiver, token, &token.octets).unwrap_or_else(|error| panic!("{}: {error}", context.id));
            taken += 1;
        }
    }
    assert_eq!(taken, if cfg!(feature = "rc4") { 806 } else { 676 });
}

/// The test takes the confounder from the token of the other library.
#[test]
fn tokens_equal_the_tokens_of_mit_and_heimdal_octet_by_octet() {
    let mut same = 0;
    each(|context, token, receiver| {
        if context.id.ends_with("-dce") {
            return;
        }
        let mut maker = context.established(token.from);
        maker.send_sequence = receiver.receive_sequence;
        let mut maker = SecurityContext::new(maker);
        let expected = unrotated(token);
        let made = match token.kind {
            Kind::Mic => maker.get_mic(&token.message()),
            Kind::Wrap => {
                let mut made = Vec::new();
                maker.wrap(&token.message(), token.protection(), &confounder(context, token, &expected), &mut made);
                made
            }
        };
        assert_eq!(made, expected, "{} {}", context.id, same);
        same += 1;
    });
    assert_eq!(same, if cfg!(feature = "rc4") { 734 } else { 604 });
}

/// Returns the token with an RRC of zero.
fn unrotated(token: &Token) -> Vec<u8> {
    let mut octets = token.octets.clone();
    if octets.starts_with(&[5, 4]) {
        let (header, body) = octets.split_at_mut(16);
        let rotation = usize::from(u16::from_be_bytes([header[6], header[7]])) % body.len();
        body.rotate_left(rotation);
        header[6..8].fill(0);
    }
    octets
}

fn confounder(context: &Context, token: &Token, octets: &[u8]) -> Confounder {
    let mut confounder = [0; 16];
    #[cfg(feature = "rc4")]
    if context.etype == 23 {
        let at = octets.len() - token.message().len() - 9;
        confounder[..8].copy_from_slice(&octets[at..at + 8]);
        if token.protection() == Protection::Confidentiality {
            let streams = context.key().by_ref().gss_streams().unwrap();
            let mut number: [u8; 8] = octets[at - 16..at - 8].try_into().unwrap();
            streams.apply_to_sequence(octets[at - 8..at].try_into().unwrap(), &mut number);
            let [a, b, c, d, ..] = number;
            streams.apply_to_message(u32::from_be_bytes([a, b, c, d]), [&mut confounder[..8]]);
        }
        return confounder;
    }
    if token.protection() == Protection::Confidentiality {
        let usage = match token.from {
            Side::Initiator => KeyUsage::GSS_INITIATOR_SEAL,
            Side::Acceptor => KeyUsage::GSS_ACCEPTOR_SEAL,
        };
        let mut plaintext = vec![0; octets.len()];
        context.key().cipher(usage).decrypt(&octets[16..], &mut plaintext).unwrap();
        confounder.copy_from_slice(&plaintext[..16]);
    }
    confounder
}
