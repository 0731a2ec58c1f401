//! Tests that repeat recorded negotiations of real clients with `examples/acceptor` (`testvectors/conversations`). Each
//! reply must equal the recorded reply, which the client verified. The context must verify the client's recorded MIC,
//! and must compute the server's recorded MIC.
#![cfg(feature = "rc4")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{
    Answer, ChannelBindings, KeySet, Policy, Randomness, UnixTime, Validator,
    negotiate::{Negotiation, Step},
    policy::BindingLevel,
};
use serde::{Deserialize, Deserializer, de};
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transcripts {
    made_by: String,
    count: usize,
    conversations: Vec<Conversation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conversation {
    id: String,
    /// The time of the negotiation in seconds since 1970.
    at: i64,
    #[serde(deserialize_with = "base64")]
    keytab: Vec<u8>,
    /// The application data of the channel bindings in hexadecimal, if the server required channel bindings.
    bindings: Option<String>,
    #[serde(deserialize_with = "hex")]
    entropy: Vec<u8>,
    /// Each token that the client sent, with the server's reply to this token.
    #[serde(rename = "turns")]
    round_trips: Vec<RoundTrip>,
    #[serde(deserialize_with = "hex")]
    message: Vec<u8>,
    /// The MIC that the client computed for `message`.
    #[serde(deserialize_with = "hex")]
    mic: Vec<u8>,
    /// The MIC that the server computed for `message`.
    #[serde(deserialize_with = "hex")]
    reply_mic: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoundTrip {
    #[serde(deserialize_with = "base64")]
    token: Vec<u8>,
    #[serde(deserialize_with = "base64")]
    reply: Vec<u8>,
}

#[test]
fn replies_in_repeated_negotiations_equal_the_recorded_replies() {
    for conversation in load() {
        let mut context = answer(&conversation).into_context();
        context.verify_mic(&conversation.message, &conversation.mic).unwrap();
        assert_eq!(context.get_mic(&conversation.message), conversation.reply_mic, "{}", conversation.id);
    }
}

/// Repeats the negotiation, and returns the answer that ends it.
fn answer(conversation: &Conversation) -> Answer {
    let (validator, now) = (validator(conversation), UnixTime::from_seconds(conversation.at));
    let (last, earlier) = conversation.round_trips.split_last().unwrap();
    let mut kept = None;
    for round_trip in earlier {
        match step(&validator, conversation, round_trip, kept.as_deref(), now) {
            Step::Continue(next) => {
                assert_eq!(next.token(), round_trip.reply, "{}", conversation.id);
                kept = Some(next.into_negotiation().to_bytes());
            }
            Step::Accepted(..) => panic!("{} ends early", conversation.id),
        }
    }
    match step(&validator, conversation, last, kept.as_deref(), now) {
        Step::Accepted(_, answer) => {
            assert_eq!(answer.token().unwrap_or_default(), last.reply, "{}", conversation.id);
            answer
        }
        Step::Continue(_) => panic!("{} does not end", conversation.id),
    }
}

fn validator(conversation: &Conversation) -> Validator<NoReplayCache> {
    let mut policy = Policy::default().allow_rc4();
    if let Some(bindings) = &conversation.bindings {
        let bindings = ChannelBindings::new(&from_hex(bindings).unwrap());
        policy = policy.with_channel_bindings([bindings]).with_binding_level(BindingLevel::Require);
    }
    Validator::new(KeySet::from_whole_keytab(&conversation.keytab).unwrap(), policy, NoReplayCache)
}

fn step(
    validator: &Validator<NoReplayCache>,
    conversation: &Conversation,
    round_trip: &RoundTrip,
    kept: Option<&[u8]>,
    now: UnixTime,
) -> Step {
    let negotiation = kept.map(|bytes| Negotiation::from_bytes(bytes).unwrap());
    let randomness = Randomness::new(conversation.entropy.as_slice().try_into().unwrap());
    let step = validator.converse(&round_trip.token, negotiation.as_ref(), &randomness, now);
    step.unwrap_or_else(|refused| panic!("{}: {refused}", conversation.id))
}

/// Reads the conversations of all files. Each file states the number of its conversations.
fn load() -> Vec<Conversation> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testvectors/conversations");
    let mut all = Vec::new();
    for client in ["heimdal", "mit", "pyspnego"] {
        let text = std::fs::read_to_string(folder.join(client).with_extension("json")).unwrap();
        let file: Transcripts = serde_json::from_str(&text).unwrap();
        assert_eq!(file.count, file.conversations.len(), "{}", file.made_by);
        all.extend(file.conversations);
    }
    all
}

fn base64<'de, D: Deserializer<'de>>(text: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(text)?).map_err(de::Error::custom)
}

fn hex<'de, D: Deserializer<'de>>(text: D) -> Result<Vec<u8>, D::Error> {
    from_hex(&String::deserialize(text)?).map_err(de::Error::custom)
}

fn from_hex(digits: &str) -> Result<Vec<u8>, std::num::ParseIntError> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap_or_default(), 16)).collect()
}
