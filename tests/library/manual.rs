//! Tests that the manual agrees with the code: the codes of errors, the files of tests, and the texts of the log.

use std::collections::BTreeSet;
use std::path::Path;

const CODES: &str = include_str!("../../src/manual/codes.md");
const SEVERAL_NODES: &str = include_str!("../../src/manual/several_nodes.md");
const CHECKS: &str = include_str!("../../src/manual/checks.md");

/// For each `Blame`, the heading of its errors on the manual's page of error codes.
const PARTS: [(&str, &str); 8] = [
    ("Message", "The message and the client"),
    ("Client", "The message and the client"),
    ("Keys", "The keys"),
    ("Time", "The time"),
    ("Policy", "The policy"),
    ("Proof", "The proof"),
    ("ReplayCache", "The replay cache and the program"),
    ("Caller", "The replay cache and the program"),
];

/// Returns the codes of all errors, each with the heading for its blame. The source file has a match over all errors,
/// so the arms of this match have all codes.
fn codes_of_errors() -> BTreeSet<(&'static str, &'static str)> {
    let source = include_str!("../../src/error/code.rs");
    let arms = source.lines().filter_map(|line| line.trim().split_once("=> (\"")?.1.split_once('"'));
    arms.map(|(code, rest)| {
        let blame = rest.trim_start_matches(", Blame::").trim_end_matches("),");
        let (_, part) = PARTS.into_iter().find(|(name, _)| *name == blame).unwrap();
        (part, code)
    })
    .collect()
}

#[test]
fn each_code_has_a_heading_in_the_part_of_its_blame_and_no_heading_lacks_a_code() {
    let mut part = "";
    let mut headings = Vec::new();
    for line in CODES.lines() {
        if let Some(code) = line.strip_prefix("## ") {
            headings.push((part, code));
        } else if let Some(title) = line.strip_prefix("# ") {
            part = title;
        }
    }
    let count = headings.len();
    let headings: BTreeSet<_> = headings.into_iter().collect();
    assert_eq!(headings.len(), count, "a code has two headings");
    // The code `integrity` has the blame `Keys` for a ticket and `Proof` for an authenticator, but the page has only
    // one heading for the code.
    let mut codes = codes_of_errors();
    assert!(codes.remove(&("The proof", "integrity")));
    assert_eq!(headings, codes);
}

#[test]
fn each_code_on_the_page_of_codes_has_causes_and_a_remedy_and_who_acts() {
    for section in CODES.split("\n## ").skip(1) {
        let section = section.split("\n# ").next().unwrap();
        let order = ["\n- **Causes", "\n- **Remedy:**", "\n- **Who acts:**"].map(|part| section.find(part));
        assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{section}");
    }
}

#[test]
fn each_file_that_the_page_of_checks_names_exists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library");
    let files: BTreeSet<_> = CHECKS.split('`').filter(|text| text.contains(".rs")).collect();
    assert!(files.len() > 30, "{files:?}");
    for file in files {
        assert!(folder.join(file.trim_start_matches("tests/library/")).is_file(), "{file}");
    }
}

#[test]
fn each_log_text_on_the_manual_page_several_nodes_occurs_in_the_source_of_the_shared_replay_cache() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/kerberos-sso-valkey/src");
    let files = ["cache.rs", "link.rs", "nodes/sentinel.rs"];
    let code: String = files.into_iter().map(|file| std::fs::read_to_string(folder.join(file)).unwrap()).collect();
    let part = SEVERAL_NODES.split("\n# ").find(|part| part.starts_with("What is logged")).unwrap();
    let rows = part.lines().filter_map(|line| line.strip_prefix("| ")?.split_once('`')?.1.split_once('`'));
    let texts: Vec<_> = rows.map(|(text, _)| text).collect();
    assert_eq!(texts.len(), 5, "{texts:?}");
    assert!(texts.iter().all(|text| code.contains(text)), "{texts:?}");
}
