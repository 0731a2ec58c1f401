//! Compares the time of a request with the time of its unavoidable cryptography, in alternating rounds. The CPU time of the
//! process is measured, so that other load on the machine affects both times equally.
//!
//! `cargo bench -p kerberos-sso-benches --bench ratio`. For each case, the bench prints the nanoseconds of the best and of
//! the median round for both times, and the median of the rounds' ratios. A request is measured from the token's octets to
//! the user's SID (if the ticket has a PAC), with the replay cache in memory.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::arithmetic_side_effects, missing_docs)]
#![allow(clippy::indexing_slicing, clippy::as_conversions, clippy::cast_precision_loss, reason = "a bench may round")]

mod floor;

use cpu_time::ProcessTime;
use floor::{Floor, Sizes};
use kerberos_sso::replay::MemoryReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{KeySet, Policy, Sid, UnixTime, Validator, policy::ForeignSidPolicy};
use std::hint::black_box;
use std::sync::Arc;

const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

/// The number of different tokens in a round: more than the processor's first caches hold.
const TOKENS: usize = 2000;

struct Case {
    name: &'static str,
    keys: Arc<KeySet>,
    policy: Policy,
    tokens: Vec<Vec<u8>>,
    sizes: Sizes,
}

fn main() {
    // `-- --test` runs every case once. Another argument selects the cases whose names contain it.
    let (options, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let rounds = if options.iter().any(|option| option == "--test") { 1 } else { 61 };
    println!("{:24} {:>6} {:>12} {:>12} {:>7}", "", "bytes", "ours, ns", "floor, ns", "ratio");
    let asked = |case: &Case| words.iter().all(|word| case.name.contains(word.as_str()));
    for case in [bare(), pac()].iter().filter(|case| asked(case)) {
        show(case, rounds);
    }
}

fn show(case: &Case, rounds: usize) {
    let mut floor = Floor::new();
    let (mut ours, mut floors): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(round(case));
        floors.push(floor_round(case, &mut floor));
    }
    let mut ratios: Vec<f64> = ours.iter().zip(&floors).map(|(ours, floor)| ours / floor).collect();
    let bytes = case.tokens[0].len();
    let [(best, median), (floor_best, floor_median), (_, ratio)] =
        [&mut ours, &mut floors, &mut ratios].map(|figures| best_and_median(figures));
    println!(
        "{:24} {bytes:>6} {best:>5.0} {median:>6.0} {floor_best:>5.0} {floor_median:>6.0} {ratio:>7.2}",
        case.name
    );
}

/// Returns how many nanoseconds the decision of one token takes.
#[inline(never)]
fn round(case: &Case) -> f64 {
    let cache = MemoryReplayCache::new(TOKENS, case.policy.clock_skew(), NOW);
    let cache = cache.taking_earlier_authenticators().without_client_share();
    let validator = Validator::new(Arc::clone(&case.keys), case.policy.clone(), cache);
    let start = ProcessTime::now();
    for token in &case.tokens {
        let accepted = validator.validate_ticket(black_box(token), NOW).unwrap();
        assert_eq!(black_box(accepted.identity().sid()).is_some(), case.sizes.pac > 0);
    }
    start.elapsed().as_nanos() as f64 / TOKENS as f64
}

fn floor_round(case: &Case, floor: &mut Floor) -> f64 {
    let start = ProcessTime::now();
    for token in &case.tokens {
        black_box(floor.request(black_box(token), case.sizes));
    }
    start.elapsed().as_nanos() as f64 / TOKENS as f64
}

fn best_and_median(figures: &mut [f64]) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    (figures[0], figures[figures.len() / 2])
}

fn bare() -> Case {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
    case("aes256-sha1/bare", &realm, Policy::default(), |token| token)
}

/// Returns the case with a PAC of 1.2 kB, the size for most users.
fn pac() -> Case {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").of_active_directory();
    let policy = Policy::seamless_sso().with_any_service().with_foreign_sids(ForeignSidPolicy::Separate);
    let domain = realm.domain_sid();
    case("aes256-sha1/pac-1200", &realm, policy, |token| {
        token.pac(|pac| {
            pac.logon_info.full_name = "Alice Anderson".into();
            pac.logon_info.profile_path = r"\\files.contoso.test\profiles\alice".into();
            pac.logon_info.home_directory = r"\\files.contoso.test\home\alice".into();
            pac.resource_groups(domain, [572, 2001]);
            pac.extra_sid(domain.join(2002).unwrap());
            pac.extra_sid(Sid::new(5, &[21, 1, 2, 3, 1104]).unwrap());
            pac.groups(1100..1105);
        })
    })
}

fn case(name: &'static str, realm: &TestRealm, policy: Policy, change: impl Fn(TestToken) -> TestToken) -> Case {
    let tokens: Vec<_> = (0..TOKENS).map(|_| change(realm.ticket_for("alice").at(NOW))).collect();
    let first = &tokens[0];
    let sizes = Sizes {
        ticket: first.ticket.cipher().len(),
        authenticator: first.authenticator.cipher().len(),
        pac: first.ticket.pac_bytes().map_or(0, |pac| pac.len()),
    };
    let tokens = tokens.iter().map(TestToken::mint).collect();
    Case { name, keys: Arc::new(realm.key_set()), policy, tokens, sizes }
}
