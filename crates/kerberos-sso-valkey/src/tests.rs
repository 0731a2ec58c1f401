//! Tests of the cache with stores that run as tasks of the test, and with a clock that always shows the same time.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

mod cluster;
mod sentinel;
mod single;
mod store;

use crate::{Builder, ValkeyReplayCache};
use kerberos_sso::UnixTime;
use kerberos_sso::replay::{Admission, AsyncReplayCache as _, ReplayClient, ReplayEntry, ReplayTag};
use std::time::Duration;

/// This server's time in all tests.
const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);
const SKEW: Duration = Duration::from_secs(300);

fn clock() -> UnixTime {
    NOW
}

/// Returns the builder with the tests' clock and with long time-outs.
fn patient(builder: Builder) -> Builder {
    builder.for_tests(clock)
}

/// Asks the cache to admit the authenticator `number`, which the client made `age` seconds ago.
async fn admit(cache: &ValkeyReplayCache, number: u8, age: i64) -> Admission {
    admit_at(cache, [number; 16], age, NOW).await
}

/// Asks the cache to admit the authenticator with this tag, in a request that arrived at `now`.
async fn admit_at(cache: &ValkeyReplayCache, tag: [u8; 16], age: i64, now: UnixTime) -> Admission {
    let made = NOW.saturating_add_seconds(-age);
    let client = ReplayClient::Name { realm: b"EXAMPLE.COM", name: b"alice" };
    let until = made.saturating_add_seconds(300);
    cache.admit(&ReplayEntry::new(ReplayTag::from_bytes(tag), made, until, client), now).await
}
