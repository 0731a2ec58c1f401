//! Tests of `validate`: the table of the recorded tokens, and tokens of the command line.

use super::recorded::{self, Outcome};
use super::{Folder, form_words, key_words, run, run_with, with_recorded};
use serde_json::Value;

#[test]
fn table_shows_every_recorded_token_with_the_expected_verdict_and_ends_with_the_summary() {
    let ran = run(&["validate"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let recordings = recorded::load_all().unwrap();
    let cases: Vec<_> = recordings.iter().flat_map(|recording| &recording.cases).collect();
    let is_listed = |id: &str| ran.out.contains(&format!("  ✓ {id} "));
    assert!(cases.iter().all(|case| is_listed(&case.id)));
    let accepted = cases.iter().filter(|case| matches!(case.outcome(), Outcome::Accept(_))).count();
    let (all, refused) = (cases.len(), cases.len() - accepted);
    let counts = format!("\n{all} tokens: {accepted} accepted and {refused} refused as expected.\n");
    assert!(ran.out.contains(&counts), "{counts}");
    let summary = run(&["validate", "--summary"]);
    assert_eq!((summary.code, summary.err.as_str()), (0, ""));
    assert!(summary.out.starts_with("By source: ") && ran.out.ends_with(&format!("\n\n{}", summary.out)));
}

#[test]
fn summary_counts_every_token_by_kdc_and_client() {
    let summary = run(&["validate", "--summary"]).out;
    for source in [
        "  Samba AD  Chromium      14         5        9  clock-skew 2, not-negotiate 2, ",
        "  Samba AD  pyspnego       4         0        4  ntlm 4\n",
        "  MIT krb5  Heimdal        7         4        3  transited 3\n",
    ] {
        assert!(summary.contains(source), "{summary}");
    }
    let (sources, _) = summary.split_once("The texts of each refusal").unwrap();
    let counts = sources.lines().filter_map(|line| {
        let mut numbers = line.get(21..)?.split_whitespace().map_while(|word| word.parse::<usize>().ok());
        Some([numbers.next()?, numbers.next()?, numbers.next()?])
    });
    let sums = counts.fold([0; 3], |sums, counts| std::array::from_fn(|at| sums[at] + counts[at]));
    let recordings = recorded::load_all().unwrap();
    let cases: Vec<_> = recordings.iter().flat_map(|recording| &recording.cases).collect();
    let accepted = cases.iter().filter(|case| matches!(case.outcome(), Outcome::Accept(_))).count();
    assert_eq!(sums, [cases.len(), accepted, cases.len() - accepted], "{sources}");
}

#[test]
fn summary_explains_each_code_and_begins_with_the_most_frequent_code() {
    let summary = run(&["validate", "--summary"]).out;
    let (_, refusals) = summary.split_once("The texts of each refusal").unwrap();
    let heads = refusals.lines().filter_map(|line| {
        let (code, rest) = line.split_once(": ")?;
        let (count, _) = rest.split_once(" token")?;
        Some((code.to_owned(), count.parse::<usize>().ok()?))
    });
    let heads: Vec<_> = heads.collect();
    let recordings = recorded::load_all().unwrap();
    let mut expected = std::collections::BTreeMap::<String, usize>::new();
    for case in recordings.iter().flat_map(|recording| &recording.cases) {
        if let Outcome::Reject(code) = case.outcome() {
            *expected.entry(code.into()).or_default() += 1;
        }
    }
    assert!(heads.is_sorted_by(|one, next| one.1 >= next.1), "{heads:?}");
    assert_eq!(heads.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(), expected);
    assert_eq!(refusals.matches("\n  because   ").count(), expected.len());
    assert!(refusals.lines().all(|line| line.chars().count() <= 120));
}

#[test]
fn token_of_a_file_or_standard_input_is_read_as_octets_or_base64_or_header() {
    with_recorded("samba-mit-krb5", |recording, case| {
        use base64::Engine as _;
        let octets = case.bytes().unwrap();
        let base64 = base64::engine::general_purpose::STANDARD.encode(&octets);
        let folder = Folder::new();
        let keys = key_words(recording, case);
        let words: Vec<&str> = ["validate"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        for contents in [octets.clone(), base64.clone().into_bytes(), format!("Negotiate {base64}\n").into_bytes()] {
            let file = folder.file("token", &contents);
            let of_file = run(&[&words[..], &[&file]].concat());
            let of_input = run_with(&[&words[..], &["-"]].concat(), &contents);
            for ran in [of_file, of_input] {
                assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
                assert!(ran.out.contains("\n  accepted  alice@CONTOSO.TEST"), "{}", ran.out);
            }
        }
    });
}

#[test]
fn replayed_token_exits_1_with_the_code_replay_and_its_reason() {
    with_recorded("samba-mit-krb5", |recording, case| {
        let keys = key_words(recording, case);
        let words: Vec<&str> = ["validate"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        let folder = Folder::new();
        let file = folder.file("token", case.bytes().unwrap());
        let text = run(&[&words[..], &[&file, &file]].concat());
        assert_eq!((text.code, text.err.as_str()), (1, ""));
        assert!(text.out.contains("\n  accepted  alice@CONTOSO.TEST"), "{}", text.out);
        assert!(
            text.out.contains("\n  refused   replay (look at: ") && text.out.contains("\n  because   "),
            "{}",
            text.out
        );
        let json = run(&[&words[..], &["--json", &file, &file]].concat());
        assert_eq!((json.code, json.err.as_str()), (1, ""));
        let verdicts: Vec<Value> = json.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [first, second] = verdicts.as_slice() else { panic!("{}", json.out) };
        assert_eq!((&first["accepted"], &first["client"]["name"]), (&true.into(), &"alice".into()));
        assert_eq!((&second["accepted"], &second["code"]), (&false.into(), &"replay".into()));
        let twice = run(&[&words[..], &["--no-replay", &file, &file]].concat());
        assert_eq!(twice.code, 0);
    });
}

#[test]
fn validate_and_explain_print_neither_keys_nor_passwords() {
    with_recorded("curl-clock", |recording, case| {
        let keys = key_words(recording, case);
        let mut words: Vec<&str> = keys.iter().map(String::as_str).collect();
        words.extend(["--password", "Correct-Horse-7", "--account", "WEB$"]);
        words.extend(form_words(case));
        for command in ["validate", "explain"] {
            let ran = run_with(&[&[command], &words[..], &["-"]].concat(), &case.bytes().unwrap());
            assert_eq!((ran.code, ran.err.as_str()), (1, ""));
            let secrets = recording.raw_keys(case).unwrap().iter().map(|key| super::hex(key.expose_bytes())).collect();
            let secrets: Vec<String> = [vec!["Correct-Horse-7".into()], secrets].concat();
            assert!(secrets.iter().all(|secret| !ran.out.contains(secret)), "{}", ran.out);
        }
    });
}
