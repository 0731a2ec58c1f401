//! Measures the cost of per-message tokens: MIC, Wrap and Unwrap, by encryption type and length of the message.
//!
//! `cargo bench -p kerberos-sso-benches --bench message`. Ids are `operation/etype/octets`.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "cases/etypes.rs"]
mod etypes;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use etypes::ETYPES;
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::testing::security_contexts;
use kerberos_sso::{SecurityContext, context::Protection, ticket::GssFlags};
use std::hint::black_box;

const SIZES: [usize; 3] = [64, 4096, 65_536];

fn messages(criterion: &mut Criterion) {
    for what in ["wrap", "wrap-integrity", "unwrap", "unwrap-integrity", "mic", "verify-mic"] {
        let mut group = criterion.benchmark_group(what);
        for (name, etype) in ETYPES {
            for size in SIZES {
                group.throughput(Throughput::Bytes(u64::try_from(size).unwrap()));
                one(&mut group, what, &format!("{name}/{size}"), etype, &vec![7; size]);
            }
        }
    }
}

fn one(group: &mut BenchmarkGroup<'_, WallTime>, what: &str, id: &str, etype: EncType, message: &[u8]) {
    let key = Key::new(etype, &vec![9; etype.key_len().unwrap()]).unwrap();
    // The context detects neither replays nor wrong sequences, so it can open the same token repeatedly.
    let (mut client, mut server) = security_contexts(&key, GssFlags::default());
    match what {
        "wrap" => wrap(group, id, &mut client, Protection::Confidentiality, message),
        "wrap-integrity" => wrap(group, id, &mut client, Protection::Integrity, message),
        "unwrap" => unwrap(group, id, (&mut client, &mut server), Protection::Confidentiality, message),
        "unwrap-integrity" => unwrap(group, id, (&mut client, &mut server), Protection::Integrity, message),
        "mic" => {
            group.bench_function(id, |bencher| bencher.iter(|| client.get_mic(black_box(message))));
        }
        _ => {
            let token = client.get_mic(message);
            group.bench_function(id, |bencher| {
                bencher.iter(|| server.verify_mic(black_box(message), &token).unwrap());
            });
        }
    }
}

fn wrap(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: &str,
    context: &mut SecurityContext,
    protection: Protection,
    message: &[u8],
) {
    let mut out = Vec::new();
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            out.clear();
            context.wrap(black_box(message), protection, &[3; 16], &mut out);
            assert!(out.len() > message.len());
        });
    });
}

fn unwrap(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: &str,
    (sender, receiver): (&mut SecurityContext, &mut SecurityContext),
    protection: Protection,
    message: &[u8],
) {
    let (mut token, mut out) = (Vec::new(), Vec::new());
    sender.wrap(message, protection, &[3; 16], &mut token);
    assert_eq!(receiver.unwrap(&token, protection, &mut out), Ok(()));
    assert_eq!(out, message);
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            out.clear();
            assert_eq!(receiver.unwrap(black_box(&token), protection, &mut out), Ok(()));
        });
    });
}

criterion_group!(benches, messages);
criterion_main!(benches);
