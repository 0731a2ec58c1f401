//! Measures the cost of a decision: all stages together, each stage alone, PACs, refusals, the header, the answer.
//!
//! `cargo bench -p kerberos-sso-benches`. Ids are `group/etype/variant`. The benches check every result.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "cases/etypes.rs"]
mod etypes;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main};
use etypes::ETYPES;
use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{
    ComputerAccount, KeySet, Password, Policy, Randomness, Sid, UnixTime, Validator, policy::ForeignSidPolicy,
};
use std::hint::black_box;

const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

struct Input {
    token: Vec<u8>,
    validator: Validator<NoReplayCache>,
}

/// Returns a SPNEGO token of `alice`, and a validator that accepts it. The ticket has `extra` octets of authorization
/// data of an unknown type, like a ticket with a PAC of this size.
fn input(etype: EncType, extra: usize) -> Input {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
    let mut token = realm.ticket_for("alice").etype(etype).session_etype(etype).at(NOW);
    if extra > 0 {
        token.ticket.authorization_data = vec![kerberos_sso::testing::if_relevant(&[(512, vec![7; extra])])];
    }
    let validator = Validator::new(realm.key_set(), Policy::default().allow_rc4(), NoReplayCache);
    Input { token: token.mint(), validator }
}

fn whole_way(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("validate");
    for (name, etype) in ETYPES {
        for (how, extra) in [("bare", 0), ("authdata-1200", 1200)] {
            let Input { token, validator } = input(etype, extra);
            group.bench_function(format!("{name}/{how}"), |bencher| {
                bencher.iter(|| validator.validate_ticket(black_box(&token), NOW).unwrap());
            });
        }
    }
}

fn stages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stage");
    let Input { token, validator } = input(EncType::AES256_CTS_HMAC_SHA1_96, 0);
    let read = || validator.read(&token).unwrap();
    let open = || validator.open(read(), NOW).unwrap();
    let verify = || validator.verify(open(), NOW).unwrap();
    group.bench_function("read/aes256-sha1", |bencher| {
        bencher.iter(|| validator.read(black_box(&token)).unwrap());
    });
    batched(&mut group, "open/aes256-sha1", read, |request| validator.open(request, NOW).unwrap());
    batched(&mut group, "verify/aes256-sha1", open, |opened| validator.verify(opened, NOW).unwrap());
    batched(&mut group, "authorize/aes256-sha1", verify, |verified| validator.authorize(verified).unwrap());
}

fn batched<I, O>(group: &mut BenchmarkGroup<'_, WallTime>, id: &str, setup: impl Fn() -> I, routine: impl Fn(I) -> O) {
    group.bench_function(id, |bencher| bencher.iter_batched(&setup, &routine, BatchSize::SmallInput));
}

/// The names of the cases, and the number of the user's groups in the domain. The smallest PAC has 1.2 kB, the size for
/// most users.
const GROUPS: [(&str, usize); 3] = [("pac-1200", 5), ("groups-100", 100), ("groups-1000", 1000)];

fn pac(criterion: &mut Criterion) {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").of_active_directory();
    let policy = Policy::seamless_sso().with_any_service().with_foreign_sids(ForeignSidPolicy::Separate);
    let validator = Validator::new(realm.key_set(), policy, NoReplayCache);
    for (how, groups) in GROUPS {
        let token = realm.ticket_for("alice").at(NOW).pac(|pac| {
            pac.logon_info.full_name = "Alice Anderson".into();
            pac.logon_info.profile_path = r"\\files.contoso.test\profiles\alice".into();
            pac.logon_info.home_directory = r"\\files.contoso.test\home\alice".into();
            pac.resource_groups(realm.domain_sid(), [572, 2001]);
            pac.extra_sid(realm.domain_sid().join(2002).unwrap());
            pac.extra_sid(Sid::new(5, &[21, 1, 2, 3, 1104]).unwrap());
            pac.groups((1100..).take(groups));
        });
        let size = token.ticket.pac_bytes().unwrap().len();
        assert!(groups > 5 || (1150..1250).contains(&size), "{size}");
        pac_by_stage(criterion, how, &token.mint(), &validator, groups);
    }
}

fn pac_by_stage(
    criterion: &mut Criterion,
    how: &str,
    token: &[u8],
    validator: &Validator<NoReplayCache>,
    groups: usize,
) {
    let accepted = validator.validate_ticket(token, NOW).unwrap();
    assert_eq!(accepted.identity().domain_groups().count(), groups);
    let verified = || {
        let opened = validator.open(validator.read(token).unwrap(), NOW).unwrap();
        validator.verify(opened, NOW).unwrap()
    };
    let mut group = criterion.benchmark_group("validate");
    group.bench_function(format!("aes256-sha1/{how}"), |bencher| {
        bencher.iter(|| validator.validate_ticket(black_box(token), NOW).unwrap());
    });
    group.finish();
    let mut group = criterion.benchmark_group("stage");
    batched(&mut group, &format!("authorize/aes256-sha1/{how}"), verified, |verified| {
        validator.authorize(verified).unwrap()
    });
    // To find one group, the search decodes all groups of the user.
    group.bench_function(format!("groups/{how}"), |bencher| {
        bencher.iter(|| {
            let found = black_box(&accepted).identity().groups().filter(|group| group.sid.rid() == Some(1100)).count();
            assert_eq!(found, 1);
        });
    });
    group.bench_function(format!("to-owned/{how}"), |bencher| {
        bencher.iter(|| black_box(&accepted).identity().to_owned());
    });
}

fn refusals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("refuse");
    let Input { token, validator } = input(EncType::AES256_CTS_HMAC_SHA1_96, 1200);
    let rc4 = input(EncType::RC4_HMAC, 0).token;
    let elsewhere = TestRealm::new("FABRIKAM.TEST").with_account("AZUREADSSOACC$");
    let unknown = elsewhere.ticket_for("alice").at(NOW).mint();
    let strict = Validator::new(elsewhere.key_set(), Policy::default(), NoReplayCache);
    let computer = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
    let keys = KeySet::from(computer.with_password(&Password::from_text("another"), Some(1)));
    let other_key = Validator::new(keys, Policy::default(), NoReplayCache);
    let mut rubbish = token.clone();
    rubbish.reverse();
    for (id, bytes, validator, code) in [
        ("rubbish", &rubbish, &validator, "malformed"),
        ("ntlm", &b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xE2".to_vec(), &validator, "ntlm"),
        ("too-large", &vec![0x60; 100_000], &validator, "too-large"),
        ("rc4", &rc4, &strict, "rc4-refused"),
        ("unknown-realm", &unknown, &validator, "no-key"),
        ("wrong-key", &token, &other_key, "integrity"),
    ] {
        group.bench_function(id, |bencher| {
            bencher.iter(|| assert_eq!(validator.validate_ticket(black_box(bytes), NOW).unwrap_err().code(), code));
        });
    }
}

fn header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("header");
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
    let header = realm.ticket_for("alice").at(NOW).header();
    let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
    group.bench_function("decode", |bencher| bencher.iter(|| validator.decode_header(black_box(&header)).unwrap()));
    group.bench_function("validate", |bencher| {
        bencher.iter(|| validator.validate_header(black_box(&header), NOW).unwrap());
    });
}

/// Measures the answer to a client that demands mutual authentication: an AP-REP with a subkey, in SPNEGO.
fn reply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reply");
    for (name, etype) in ETYPES {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        let token = realm.ticket_for("alice").etype(etype).session_etype(etype).mutual().at(NOW).mint();
        let validator = Validator::new(realm.key_set(), Policy::default().allow_rc4(), NoReplayCache);
        let accepted = validator.validate_ticket(&token, NOW).unwrap();
        let randomness = Randomness::new([0x5A; 64]);
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert!(black_box(&accepted).answer(&randomness).token().unwrap().len() > 100));
        });
    }
}

criterion_group!(benches, whole_way, stages, pac, refusals, header, reply);
criterion_main!(benches);
