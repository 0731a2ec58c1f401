//! Tests of the functions that await the answer of a replay store before they admit a request. The tests poll each
//! future step by step, and drop the future at each step. A dropped future admits no client, and no authenticator is
//! admitted twice.

use crate::common;
mod layer;
mod store;

use common::NOW;
use common::dialogue::{Host, dce_style, random};
use kerberos_sso::http::SignInStep;
use kerberos_sso::negotiate::{Negotiation, RoundTrips, Step};
use kerberos_sso::replay::{MemoryReplayCache, NoReplayCache};
use kerberos_sso::testing::{TestClient, TokenFraming};
use kerberos_sso::{Accepted, Error, Policy, Refused, Validator, error::ReplayCause};
use std::pin::Pin;
use std::task::Poll;
use store::{Server, Store, finish, poll, stores};

const SEEN: Error = Error::Replay(ReplayCause::Seen);

type Awaited<'a> = Pin<Box<dyn Future<Output = Result<String, Error>> + Send + 'a>>;

/// A function that awaits an admission. The future of the function can be sent to another thread.
type Way = for<'a> fn(&'a Validator<Store>, &'a [u8]) -> Awaited<'a>;

const WAYS: [(&str, Way); 6] = [
    ("validate_ticket_async", |validator, token| {
        Box::pin(async move { user(validator.validate_ticket_async(token, NOW).await) })
    }),
    ("validate_header_async", |validator, token| {
        Box::pin(async move { user(validator.validate_header_async(header(token), NOW).await) })
    }),
    ("admit_async", |validator, token| {
        Box::pin(async move {
            let verified = validator.verify(validator.open(validator.read(token).unwrap(), NOW).unwrap(), NOW).unwrap();
            user(validator.admit_async(validator.authorize(verified).unwrap(), NOW).await)
        })
    }),
    ("converse_async", |validator, token| {
        Box::pin(async move {
            match validator.converse_async(token, None, &random(1), NOW).await {
                Ok(Step::Accepted(accepted, _)) => user(Ok(accepted)),
                Ok(Step::Continue(next)) => panic!("{next:?}"),
                Err(refused) => user(Err(refused)),
            }
        })
    }),
    ("sign_in_async with one round trip", |validator, token| {
        Box::pin(
            async move { signed_in(validator.sign_in_async([header(token)], RoundTrips::One, &random(1), NOW).await) },
        )
    }),
    ("sign_in_async with many round trips", |validator, token| {
        Box::pin(async move {
            signed_in(validator.sign_in_async([header(token)], RoundTrips::Many(None), &random(1), NOW).await)
        })
    }),
];

fn header(token: &[u8]) -> String {
    use base64::Engine as _;
    format!("Negotiate {}", base64::engine::general_purpose::STANDARD.encode(token))
}

fn user(verdict: Result<Accepted, Refused>) -> Result<String, Error> {
    verdict.map(|accepted| accepted.identity().to_string()).map_err(Refused::into_error)
}

fn signed_in(step: SignInStep) -> Result<String, Error> {
    match step {
        SignInStep::SignedIn(signed_in) => Ok(signed_in.identity().to_string()),
        SignInStep::FallBack(refused) => Err(refused.into_error()),
        other => panic!("{other:?}"),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the tests compare the value with verdicts")]
fn alice() -> Result<String, Error> {
    Ok("alice@CONTOSO.TEST".into())
}

#[test]
fn request_is_admitted_when_the_store_answers_and_a_repeated_request_is_a_replay() {
    for (name, way) in WAYS {
        for store in stores() {
            let (pending, server) = (store.pending, Server::new(store));
            let token = server.good().mint();
            let mut awaited = way(&server.validator, &token);
            for step in 0..pending {
                assert_eq!(poll(&mut awaited), Poll::Pending, "{name}, poll {step} of {pending}");
            }
            assert_eq!(poll(&mut awaited), Poll::Ready(alice()), "{name}");
            assert_eq!(finish(way(&server.validator, &token)), Err(SEEN), "{name}");
        }
    }
}

#[test]
fn request_whose_future_was_dropped_is_a_replay_only_if_the_store_had_recorded_it() {
    for (name, way) in WAYS {
        for pending in 0..4 {
            for (takes_at, polls) in
                (0..=pending).flat_map(|takes_at| (0..=pending).map(move |polls| (takes_at, polls)))
            {
                let server = Server::new(Store::new(pending, takes_at));
                let token = server.good().mint();
                let mut awaited = way(&server.validator, &token);
                for _ in 0..polls {
                    assert_eq!(poll(&mut awaited), Poll::Pending, "{name}");
                }
                drop(awaited);
                let expected = if polls > takes_at { Err(SEEN) } else { alice() };
                let again = finish(way(&server.validator, &token));
                assert_eq!(again, expected, "{name}, taken at {takes_at}, dropped after {polls} of {pending}");
            }
        }
    }
}

/// The test divides eight polls between the two calls, in every possible order.
#[test]
fn exactly_one_of_two_calls_with_one_authenticator_is_admitted() {
    for (name, way) in WAYS {
        for store in stores() {
            let server = Server::new(store);
            for order in 0..1_u32 << 8 {
                let token = server.good().mint();
                let mut calls = [way(&server.validator, &token), way(&server.validator, &token)].map(Some);
                let mut verdicts = Vec::new();
                // Each bit of `order` chooses the call for one of eight polls. After the eight polls, the test polls
                // the two calls in turn until both are ready.
                let turns =
                    (0..8).map(|bit| usize::from(order >> bit & 1 == 1)).chain([0, 1].into_iter().cycle().take(16));
                for turn in turns {
                    let ready = calls[turn].as_mut().map(poll);
                    if let Some(Poll::Ready(verdict)) = ready {
                        verdicts.push(verdict);
                        calls[turn] = None;
                    }
                }
                verdicts.sort_by_key(Result::is_err);
                assert_eq!(verdicts, [alice(), Err(SEEN)], "{name}, order {order:08b}");
            }
        }
    }
}

/// The store records the first call, which is then dropped. The second call is a replay, so no client is admitted.
#[test]
fn second_call_is_a_replay_when_the_first_call_was_recorded_and_then_dropped() {
    for (name, way) in WAYS {
        for first in [0, 1] {
            let server = Server::new(Store::new(2, 0));
            let token = server.good().mint();
            let mut calls = [way(&server.validator, &token), way(&server.validator, &token)].map(Some);
            for turn in [first, 1 - first] {
                assert!(calls[turn].as_mut().map(poll).unwrap().is_pending());
            }
            drop(calls[first].take());
            assert_eq!(finish(calls[1 - first].take().unwrap()), Err(SEEN), "{name}");
        }
    }
}

#[test]
fn future_that_is_never_polled_records_no_authenticator() {
    for (name, way) in WAYS {
        let server = Server::new(Store::new(0, 0));
        let token = server.good().mint();
        drop(way(&server.validator, &token));
        assert_eq!(finish(way(&server.validator, &token)), alice(), "{name}");
    }
}

/// The validator does not ask the store about a request that an earlier stage refuses, so the store does not record the
/// request.
#[test]
fn request_that_an_earlier_stage_refuses_is_refused_at_the_first_poll() {
    for (name, way) in WAYS.into_iter().filter(|(name, _)| *name != "admit_async") {
        let server = Server::new(Store::new(3, 0));
        let (token, server) = (server.good().mint(), server.with_keys(kerberos_sso::KeySet::new()));
        let Poll::Ready(Err(error)) = poll(&mut way(&server.validator, &token)) else { panic!("{name}") };
        assert_eq!(error.code(), "no-key", "{name}");
        let server = Server { validator: server.validator.with_keys(server.realm.key_set()), ..server };
        assert_eq!(finish(way(&server.validator, &token)), alice(), "{name}");
    }
}

/// The store must admit the last token of a negotiation only once.
#[test]
fn end_of_a_negotiation_whose_future_was_dropped_is_a_replay_only_if_the_store_had_recorded_it() {
    for polls in 0..=2 {
        let server = Server::new(Store::new(2, 1));
        let validator = &server.validator;
        let token = dce_style(server.good().framed(TokenFraming::ApReq));
        let first = token.mint();
        let step = finish(Box::pin(validator.converse_async(&first, None, &random(1), NOW)));
        let Ok(Step::Continue(next)) = step else { panic!("{step:?}") };
        let client = TestClient::of(&token);
        let ap_rep = client.ap_rep(next.token()).unwrap().unwrap();
        let last = client.confirmation(&ap_rep).mint(&token.authenticator.key, &[3; 16]);
        let kept: Negotiation = next.into_negotiation();
        let end = || Box::pin(async { validator.converse_async(&last, Some(&kept), &random(2), NOW).await });
        let mut dropped = end();
        assert!((0..polls).all(|_| poll(&mut dropped).is_pending()));
        drop(dropped);
        match finish(end()) {
            Ok(Step::Accepted(accepted, _)) => {
                assert!(polls < 2);
                assert_eq!(user(Ok(accepted)), alice());
            }
            Err(refused) => assert_eq!((refused.into_error(), polls), (SEEN, 2)),
            other => panic!("{other:?}"),
        }
        assert_eq!(finish(end()).unwrap_err().into_error(), SEEN);
    }
}

/// Every `ReplayCache` is also an `AsyncReplayCache`. The functions that await an admission can therefore use the cache
/// in memory.
#[test]
fn cache_in_memory_answers_at_the_first_poll() {
    let host = Host::new();
    let token = host.good().mint();
    let mut awaited = Box::pin(host.nodes[0].validate_ticket_async(&token, NOW));
    let Poll::Ready(verdict) = poll(&mut awaited) else { panic!("the answer is pending") };
    assert_eq!(user(verdict), alice());
    assert_eq!(user(host.nodes[1].validate_ticket(&token, NOW)), Err(SEEN));
    let any = Validator::new(host.realm.key_set(), Policy::default(), NoReplayCache);
    assert_eq!(user(finish(Box::pin(any.validate_ticket_async(&token, NOW)))), alice());
}

/// The runtime of a server may send the futures of a validator to other threads.
#[test]
fn future_of_sign_in_async_can_be_sent_to_another_thread() {
    fn sent<F: Future + Send>(future: F) -> F {
        future
    }
    let cache = MemoryReplayCache::new(10, Policy::default().clock_skew(), NOW).taking_earlier_authenticators();
    let server = Server::new(Store::new(0, 0));
    let validator = Validator::new(server.realm.key_set(), Policy::default(), cache);
    let (token, randomness) = (server.good().mint(), random(1));
    let values = [header(&token)];
    let in_thread = sent(validator.sign_in_async(&values, RoundTrips::One, &randomness, NOW));
    let step = std::thread::scope(|scope| scope.spawn(|| finish(Box::pin(in_thread))).join().unwrap());
    assert_eq!(signed_in(step), alice());
}
