//! The checks that come before any key is used: the size, the framing and the form of the messages.

use crate::common;
mod counts;
mod fields;
mod header;
mod lengths;
mod negotiation;
mod nesting;
mod numbers;
mod other_mechanisms;
mod size;
mod truncation;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::tlv::{Tlv, offsets};
use common::{NOW, Server, assert_malformed, malformed};
use kerberos_sso::crypto::EncType;
use kerberos_sso::limits::{
    MAX_AUTH_DATA_ELEMENTS, MAX_MECHANISMS, MAX_NAME_COMPONENTS, MAX_REALM_LENGTH, MAX_TOKEN_SIZE,
};
use kerberos_sso::testing::{MechToken, NegHints, TestToken, TokenFraming, if_relevant, mech};
use kerberos_sso::{
    Error, Policy,
    error::{EtypeCause, HeaderProblem, KerberosOffer, KeyRole, NtlmMessage, Problem},
    ticket::TicketFlags,
};

/// Returns a token with every optional field, so that a test can damage each field.
fn complete(server: &Server) -> TestToken {
    let mut token = server.good().framed(TokenFraming::ApReq).flags(TicketFlags::TRANSITED_POLICY_CHECKED);
    token.ticket.caddr = Some(vec![(2, vec![192, 0, 2, 1])]);
    token.ticket.transited.1 = b"A.TEST".to_vec();
    token.ticket.authorization_data = vec![if_relevant(&[(-1, vec![1])])];
    token.authenticator.authorization_data = vec![if_relevant(&[(-1, vec![1])])];
    token.authenticator.kvno = Some(1);
    token
}

/// A message: its name, its octets, and a function that mints a token with other octets in place of the message.
type Message = (&'static str, Vec<u8>, Box<dyn Fn(Vec<u8>) -> Vec<u8>>);

/// Returns the AP-REQ, the EncTicketPart and the Authenticator with every field.
fn messages(server: &Server) -> [Message; 3] {
    let token = complete(server);
    assert!(server.check(&token.mint()).is_ok());
    let (ticket, authenticator) = (token.clone(), token.clone());
    [
        ("AP-REQ", token.ap_req(), Box::new(|bytes| bytes)),
        ("EncTicketPart", token.ticket.plaintext(), Box::new(move |bytes| with_ticket(&ticket, bytes))),
        ("Authenticator", token.authenticator.plaintext(), Box::new(move |b| with_authenticator(&authenticator, b))),
    ]
}

fn with_ticket(token: &TestToken, plaintext: Vec<u8>) -> Vec<u8> {
    let mut token = token.clone();
    token.ticket.raw = Some(plaintext);
    token.mint()
}

fn with_authenticator(token: &TestToken, plaintext: Vec<u8>) -> Vec<u8> {
    let mut token = token.clone();
    token.authenticator.raw = Some(plaintext);
    token.mint()
}

/// Returns `depth` SEQUENCEs that are nested in one another, with lengths in the definite form.
fn nested_sequences(depth: usize) -> Vec<u8> {
    let mut reversed = Vec::new();
    for _ in 0..depth {
        let [.., high, low] = reversed.len().to_be_bytes();
        reversed.extend(match (high, low) {
            (0, 0..0x80) => vec![low],
            (0, _) => vec![low, 0x81],
            _ => vec![low, high, 0x82],
        });
        reversed.push(0x30);
    }
    assert!(reversed.len() < 0x1_0000);
    reversed.reverse();
    reversed
}
