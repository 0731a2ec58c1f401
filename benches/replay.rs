//! Measures how the cost of remembering an authenticator depends on the number of live entries:
//! `cargo bench -p kerberos-sso-benches --bench replay`.
//!
//! The cache has room for 10 million entries that live ten minutes. `replay/insert/1M` inserts while one million entries are
//! alive. For each new entry, an old entry expires. With `-share`, the cache also counts the entries of each client.
//! Before the benches, one pass prints the memory of the cache, the cost of two concurrent threads, and the longest
//! single insert. For comparison, the pass also prints the longest iteration of a loop that only reads the clock.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    missing_docs
)]

use cpu_time::ThreadTime;
use criterion::{Criterion, criterion_group, criterion_main};
use kerberos_sso::replay::{Admission, MemoryReplayCache, ReplayCache, ReplayClient, ReplayEntry, ReplayTag};
use kerberos_sso::{Sid, UnixTime};
use std::hint::black_box;
use std::time::Duration;

/// The lifetime of an entry in seconds.
const LIFE: u64 = 600;

/// The clock skew in seconds, half of [`LIFE`]: an entry of a client whose clock is one skew ahead lives two skews.
const SKEW: i64 = 300;

const CLIENTS: u64 = 100_000;

/// A sequence of sign-ins. At any time, the cache has the live entries of `alive` sign-ins.
struct SignIns {
    number: u64,
    alive: u64,
    /// The SID of the domain in its binary form.
    domain: Vec<u8>,
}

impl SignIns {
    /// Returns a new sequence. `lane` makes the sign-ins of one thread different from those of another thread.
    fn new(alive: u64, lane: u64) -> Self {
        Self { number: lane << 40, alive, domain: "S-1-5-21-1-2-3".parse::<Sid>().unwrap().to_bytes() }
    }

    fn next(&mut self, cache: &MemoryReplayCache) -> Admission {
        self.number = self.number.wrapping_add(1);
        let count = u128::from(self.number & ((1 << 40) - 1));
        let second = count * u128::from(LIFE) / u128::from(self.alive.max(LIFE));
        let now = UnixTime::from_seconds(1_795_248_000 + i64::try_from(second).unwrap());
        let life = if self.alive == 0 { 0 } else { i64::try_from(LIFE - 1).unwrap() };
        let client = ReplayClient::Sid { domain: &self.domain, rid: u32::try_from(self.number % CLIENTS).unwrap() };
        // The cache keeps an entry for one skew after the client's time.
        let (client_time, valid_until) = (now.saturating_add_seconds(life - SKEW), now.saturating_add_seconds(life));
        let entry = ReplayEntry::new(tag(self.number), client_time, valid_until, client);
        cache.check_and_insert(black_box(&entry), now)
    }

    fn insert(&mut self, cache: &MemoryReplayCache, count: u64) {
        for _ in 0..count {
            assert_eq!(self.next(cache), Admission::New);
        }
    }
}

/// Returns a pseudo-random tag. Each half of the tag is an output of the finaliser of SplitMix64.
fn tag(number: u64) -> ReplayTag {
    let half = |salt: u64| {
        let mixed = (number ^ salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u128::from(mixed ^ (mixed >> 31))
    };
    ReplayTag::from_bytes((half(0) << 64 | half(0x5555_5555_5555_5555)).to_be_bytes())
}

/// Returns whether this is a smoke run (`-- --test`), which uses small numbers.
fn smoke_run() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

fn room() -> u64 {
    if smoke_run() { 10_000 } else { 10_000_000 }
}

fn cache(share: bool) -> MemoryReplayCache {
    let skew = Duration::from_secs(SKEW.unsigned_abs());
    let cache = MemoryReplayCache::new(usize::try_from(room()).unwrap(), skew, UnixTime::from_seconds(0));
    if share { cache } else { cache.without_client_share() }
}

fn insert(criterion: &mut Criterion) {
    plain_pass();
    let mut group = criterion.benchmark_group("replay/insert");
    for (name, alive) in [("0", 0), ("1M", room() / 10), ("10M", room())] {
        for (suffix, share) in [("", false), ("-share", true)] {
            let mut filled = None;
            group.bench_function(format!("{name}{suffix}"), |bencher| {
                let (cache, sign_ins) = filled.get_or_insert_with(|| {
                    let (cache, mut sign_ins) = (cache(share), SignIns::new(alive, 0));
                    sign_ins.insert(&cache, room());
                    (cache, sign_ins)
                });
                bencher.iter(|| assert_eq!(sign_ins.next(cache), Admission::New));
            });
        }
    }
}

fn plain_pass() {
    for share in [false, true] {
        let mut made = None;
        let bytes = allocation_counter::measure(|| made = Some(cache(share))).bytes_current;
        println!("share {share}: {bytes} bytes for {} entries", room());
        drop(made);
    }
    two_threads();
    worst();
}

/// Measures how much longer two threads take if they insert at the same time and not one after the other. The live
/// entries of each thread fill two fifths of the cache. The time of one thread is up to a quarter of a lifetime ahead
/// of the time of the other. So entries that have expired for the thread that is ahead are still alive for the other
/// thread.
fn two_threads() {
    for share in [false, true] {
        let (cache, mut one, mut two) =
            (cache(share), SignIns::new(room() / 5 * 2, 1), SignIns::new(room() / 5 * 2, 2));
        for _ in 0..10 {
            one.insert(&cache, room() / 10);
            two.insert(&cache, room() / 10);
        }
        let part = room() / 10;
        let (mut best_alone, mut best_together) = (Duration::MAX, Duration::MAX);
        for _ in 0..9 {
            best_alone = best_alone.min(cpu_time(|| one.insert(&cache, part)) + cpu_time(|| two.insert(&cache, part)));
            let together = std::thread::scope(|scope| {
                let other = scope.spawn(|| cpu_time(|| one.insert(&cache, part)));
                cpu_time(|| two.insert(&cache, part)) + other.join().unwrap()
            });
            best_together = best_together.min(together);
        }
        println!("share {share}: {part} inserts by each of two threads take {best_alone:?} of CPU one after the other");
        println!("share {share}: {part} inserts by each of two threads take {best_together:?} of CPU at once");
    }
}

fn worst() {
    let (cache, mut sign_ins) = (cache(true), SignIns::new(room(), 0));
    sign_ins.insert(&cache, room());
    let inserts = report((0..room()).map(|_| cpu_time(|| assert_eq!(sign_ins.next(&cache), Admission::New))));
    let nothing = report((0..room()).map(|_| cpu_time(|| ())));
    println!(
        "longest of {} inserts, while an entry expires at each: {inserts}; of empty measurements: {nothing}",
        room()
    );
}

/// Returns the CPU time of the thread. The CPU time excludes other load on the machine, and the wait for a lock.
fn cpu_time(work: impl FnOnce()) -> Duration {
    let start = ThreadTime::now();
    work();
    start.elapsed()
}

fn report(times: impl Iterator<Item = Duration>) -> String {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    let above = times.iter().rev().take_while(|time| time.as_micros() >= 50).count();
    let last = times.len() - 1;
    let (late, median) = (times[last - last / 10_000], times[last / 2]);
    format!("{:?} (99.99 %: {late:?}, median {median:?}, {above} above 50 µs)", times[last])
}

criterion_group!(benches, insert);
criterion_main!(benches);
