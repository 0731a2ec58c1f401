//! A server of two nodes that negotiates with clients. The first node reads the first token of a negotiation, and the second
//! node reads all later tokens. The nodes have the same keys and the same replay cache. The first node hands a negotiation to
//! the second node as octets.

use super::NOW;
use kerberos_sso::replay::MemoryReplayCache;
use kerberos_sso::testing::{NegTokenRespParts, TestRealm, TestToken, TokenFraming, mech};
use kerberos_sso::{
    Accepted, Answer, Error, Policy, Randomness, Refused, SecurityContext, UnixTime, Validator,
    context::Protection,
    negotiate::{Negotiation, Step},
    ticket::GssFlags,
};
use std::sync::Arc;

pub struct Host {
    pub realm: TestRealm,
    pub nodes: [Validator<Arc<MemoryReplayCache>>; 2],
    pub now: UnixTime,
}

/// The results of a step after which the negotiation continues: the token for the client, and the state that the server
/// keeps.
pub struct Kept {
    pub token: Vec<u8>,
    pub state: Vec<u8>,
}

impl Host {
    pub fn new() -> Self {
        Self::with_policy(Policy::default())
    }

    pub fn with_policy(policy: Policy) -> Self {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        let cache = MemoryReplayCache::new(10_000, policy.clock_skew(), NOW);
        // The tests send authenticators whose time is the second of the cache's start. Some tests send many authenticators
        // for one client.
        let cache = cache.taking_earlier_authenticators().without_client_share();
        let cache = Arc::new(cache);
        let node = |policy| Validator::new(realm.key_set(), policy, Arc::clone(&cache));
        Self { nodes: [node(policy.clone()), node(policy)], realm, now: NOW }
    }

    /// Returns a token that the server accepts, of a client that asks for mutual authentication.
    pub fn good(&self) -> TestToken {
        self.realm.ticket_for("alice").at(self.now)
    }

    pub fn step(&self, token: &[u8], state: Option<&[u8]>) -> Result<Step, Refused> {
        let negotiation = state.map(|bytes| Negotiation::from_bytes(bytes).expect("the octets of a kept state"));
        let [first, second] = &self.nodes;
        let (node, randomness) = if state.is_none() { (first, random(1)) } else { (second, random(2)) };
        node.converse(token, negotiation.as_ref(), &randomness, self.now)
    }

    pub fn continues(&self, token: &[u8], state: Option<&[u8]>) -> Kept {
        match self.step(token, state) {
            Ok(Step::Continue(next)) => {
                Kept { token: next.token().to_vec(), state: next.into_negotiation().to_bytes() }
            }
            other => panic!("the negotiation does not continue: {other:?}"),
        }
    }

    pub fn ends(&self, token: &[u8], state: Option<&[u8]>) -> (Accepted, Answer) {
        match self.step(token, state) {
            Ok(Step::Accepted(accepted, answer)) => (accepted, answer),
            other => panic!("the negotiation does not end: {other:?}"),
        }
    }

    pub fn assert_ends(&self, token: &[u8], state: Option<&[u8]>) {
        let _end = self.ends(token, state);
    }

    pub fn refuses(&self, token: &[u8], state: Option<&[u8]>) -> Error {
        self.refused(token, state).into_error()
    }

    pub fn refused(&self, token: &[u8], state: Option<&[u8]>) -> Refused {
        self.step(token, state).expect_err("the token is refused")
    }
}

impl Kept {
    pub fn reply(&self) -> NegTokenRespParts {
        NegTokenRespParts::decode(&self.token).expect("a NegTokenResp")
    }
}

/// Returns randomness for tests. Every octet differs from its neighbours, and from the same octet of another `number`.
pub fn random(number: u8) -> Randomness {
    Randomness::new(random_octets(number))
}

pub fn random_octets(number: u8) -> [u8; 64] {
    std::array::from_fn(|place| u8::try_from(place).unwrap().wrapping_mul(37).wrapping_add(number.wrapping_mul(101)))
}

/// Returns the server's first sequence number for the randomness `random(number)`.
pub fn our_sequence_number(number: u8) -> i64 {
    let [.., a, b, c, d] = random_octets(number);
    i64::from(u32::from_be_bytes([a, b, c, d]) >> 2)
}

/// Returns the token of a client that prefers NTLM, but sends a Kerberos token.
pub fn prefers_ntlm(token: TestToken) -> TestToken {
    token.spnego(|spnego| spnego.mech_types.insert(0, mech::NTLM.into()))
}

pub fn without(flags: GssFlags, mut token: TestToken) -> TestToken {
    token.authenticator.gss.flags &= !flags.bits();
    token
}

pub fn dce_style(mut token: TestToken) -> TestToken {
    token.authenticator.gss.flags |= GssFlags::DCE_STYLE.bits();
    token
}

/// Returns the Kerberos token without SPNEGO.
pub fn krb5_token(token: &TestToken) -> Vec<u8> {
    token.clone().framed(TokenFraming::Krb5(mech::KRB5.into())).mint()
}

/// Returns a client's final token that has only a MIC.
pub fn final_token(mic: Vec<u8>) -> NegTokenRespParts {
    NegTokenRespParts {
        neg_state: Some(NegTokenRespParts::ACCEPT_COMPLETED),
        mech_list_mic: Some(mic),
        ..NegTokenRespParts::default()
    }
}

/// Asserts that each side accepts the next messages of the other side, in every kind of per-message token.
#[track_caller]
pub fn assert_shared(client: &mut SecurityContext, server: &mut SecurityContext) {
    assert_eq!((client.etype(), client.flags()), (server.etype(), server.flags()));
    for round in 0..2 {
        for message in [&b"alice"[..], b""] {
            assert_one_way(client, server, message, round);
            assert_one_way(server, client, message, round);
        }
    }
}

#[track_caller]
fn assert_one_way(sender: &mut SecurityContext, receiver: &mut SecurityContext, message: &[u8], round: u8) {
    let mic = sender.get_mic(message);
    assert_eq!(receiver.verify_mic(message, &mic), Ok(()));
    for protection in [Protection::Integrity, Protection::Confidentiality] {
        let (mut token, mut opened) = (Vec::new(), Vec::new());
        sender.wrap(message, protection, &[round; 16], &mut token);
        assert_eq!(receiver.unwrap(&token, protection, &mut opened), Ok(()));
        assert_eq!(opened, message);
    }
}
