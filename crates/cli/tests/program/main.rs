//! Tests of the program `kerberos-sso` by its arguments, its files, its output and its exit code.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]

mod commands;
mod explain;
mod keytab;
#[path = "../../../../tests/recorded/mod.rs"]
mod recorded;
mod validate;

use recorded::{Case, Form, Recording};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The output and the exit code of the program.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs the program with the arguments `words` and an empty standard input.
fn run(words: &[&str]) -> Ran {
    run_with(words, b"")
}

fn run_with(words: &[&str], input: &[u8]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerberos-sso"));
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // If the program fails before it reads its input, this write fails, and the test ignores the failure.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        code: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// A temporary folder for the files of a test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().into()
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), contents).unwrap();
        self.path(name)
    }
}

/// Runs `check` with the recorded token of this id.
fn with_recorded(id: &str, check: impl FnOnce(&Recording, &Case)) {
    let recordings = recorded::load_all().unwrap();
    let mut cases = recordings.iter().flat_map(|recording| recording.cases.iter().map(move |case| (recording, case)));
    let (recording, case) = cases.find(|(_, case)| case.id == id).unwrap();
    check(recording, case);
}

/// Returns the arguments `--key`, `--realm` and `--at` for a case.
fn key_words(recording: &Recording, case: &Case) -> Vec<String> {
    let realm = recording.accounts(case).unwrap()[0].realm().to_owned();
    let keys = recording.raw_keys(case).unwrap();
    let keys = keys.iter().flat_map(|key| ["--key".into(), format!("{}:{}", key.etype().0, hex(key.expose_bytes()))]);
    keys.chain(["--realm".into(), realm, "--at".into(), case.now().seconds().to_string()]).collect()
}

/// Returns the argument `--header` if the token of the case is a header.
fn form_words(case: &Case) -> &'static [&'static str] {
    match case.form {
        Form::Token => &[],
        Form::Header => &["--header"],
    }
}

fn hex(octets: &[u8]) -> String {
    octets
        .iter()
        .flat_map(|octet| [octet >> 4, octet & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}
