//! Tests of the options and exit codes that all commands share.

use super::{Folder, run, run_with};

const COMMANDS: [&[&str]; 7] =
    [&[], &["validate"], &["explain"], &["keytab"], &["keytab", "list"], &["keytab", "derive"], &["keytab", "match"]];

#[test]
fn help_prints_the_usage_of_every_command() {
    for command in COMMANDS {
        for help in ["--help", "-h"] {
            let ran = run(&[command, &[help]].concat());
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command:?}");
            let program = ["kerberos-sso"].iter().chain(command.first()).copied().collect::<Vec<_>>().join(" ");
            assert!(ran.out.starts_with(&program) && ran.out.contains("Exit status: 0"), "{command:?}: {}", ran.out);
        }
    }
}

#[test]
fn every_command_prints_the_version_of_the_package() {
    for command in COMMANDS {
        let ran = run(&[command, &["--version"]].concat());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command:?}");
        assert!(ran.out.ends_with(concat!(" ", env!("CARGO_PKG_VERSION"), "\n")), "{command:?}: {}", ran.out);
    }
}

#[test]
fn wrong_arguments_of_every_command_exit_2_and_point_to_the_help() {
    for words in [
        &[][..],
        &["judge"],
        &["--json"],
        &["validate", "--unknown"],
        &["validate", "--json"],
        &["validate", "--summary", "--json"],
        &["validate", "--key", "18:00", "-"],
        &["validate", "--keytab", "/nowhere/http.keytab", "-"],
        &["validate", "/nowhere/token"],
        &["explain"],
        &["explain", "no-token"],
        &["explain", "--summary"],
        &["explain", "--at", "1.", "-"],
        &["explain", "--at", "1.+5", "-"],
        &["explain", "--at", "1.1234567", "-"],
        &["explain", "--at", "-0.5", "-"],
        &["explain", "--at", "9223372036854775808", "-"],
        &["keytab"],
        &["keytab", "lists"],
        &["keytab", "list"],
        &["keytab", "list", "/nowhere/http.keytab"],
        &["keytab", "list", "one", "two"],
        &["keytab", "match", "http.keytab"],
        &["keytab", "match", "--token", "-"],
        &["keytab", "derive", "--account", "svc"],
    ] {
        let ran = run(words);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words:?}: {}", ran.err);
        let lines: Vec<_> = ran.err.lines().collect();
        let [first, .., last] = lines.as_slice() else { panic!("{words:?}: {}", ran.err) };
        assert!(first.starts_with("kerberos-sso"), "{words:?}: {}", ran.err);
        assert!(last.starts_with("Try kerberos-sso") && last.ends_with(" --help."), "{words:?}: {}", ran.err);
    }
}

#[test]
fn option_at_accepts_its_earliest_and_its_latest_time() {
    for (at, said) in [
        ("0.000001", "at 1970-01-01T00:00:00Z"),
        ("-1", "at 1969-12-31T23:59:59Z"),
        ("9223372036854775807", "at 292277026596-12-04T15:30:07Z"),
        ("-9223372036854775808", "at -292277022657-01-27T08:29:52Z"),
    ] {
        let ran = run_with(&["explain", "--at", at, "-"], b"NTLM");
        assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{at}");
        assert!(ran.out.lines().next().unwrap().ends_with(said), "{at}: {}", ran.out);
    }
}

#[test]
fn error_about_a_key_or_password_does_not_repeat_the_key_or_password() {
    const KEY: &str = "00112233445566778899aabbccddeeff";
    let [etype_last, kvno_is_key] = [format!("{KEY}:17"), format!("17:{KEY}:{KEY}")];
    let [too_long, no_hex] = [format!("17:{KEY}00"), format!("17:{KEY}:x").replace("ff:", "fg:")];
    for value in [KEY, &etype_last, &kvno_is_key, &too_long, &no_hex] {
        for option in ["--key", "--krbtgt-key"] {
            let ran = run(&["validate", "--realm", "MIT.TEST", option, value, "-"]);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{option} {value}");
            assert!(!ran.err.contains(&KEY[..30]), "{}", ran.err);
        }
    }
    for words in [&["--password", KEY][..], &["--pasword=00112233445566778899aabbccddeeff"]] {
        let ran = run(&[&["validate"], words, &["-"]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words:?}");
        assert!(!ran.err.contains(KEY), "{}", ran.err);
    }
}

/// Another person may have chosen the name of a file, for example of an attachment.
#[cfg(unix)]
#[test]
fn unprintable_characters_of_file_names_are_escaped() {
    let folder = Folder::new();
    let derive = ["keytab", "derive", "--account", "svc", "--realm", "MIT.TEST", "--out"];
    let keytab = folder.path("k\u{1b}[2J");
    let derived = run_with(&[&derive[..], &[&keytab]].concat(), b"Passw0rd");
    assert_eq!((derived.code, derived.err.as_str()), (0, ""));
    let exists = run_with(&[&derive[..], &[&keytab]].concat(), b"Passw0rd");
    let token = folder.file("t\u{9b}2J", "Negotiate");
    let absent = folder.path("a\u{1b}]0;b\u{7}");
    for (ran, code, shown) in [
        (derived, 0, "k\\u{1b}[2J"),
        (exists, 2, "k\\u{1b}[2J: "),
        (run(&["keytab", "list", &keytab]), 0, "k\\u{1b}[2J"),
        (run(&["keytab", "list", &token]), 2, "t\\u{9b}2J: not a keytab"),
        (run(&["validate", &token]), 1, "t\\u{9b}2J\n"),
        (run(&["validate", &absent]), 2, "a\\u{1b}]0;b\\u{7}: "),
        (run(&["explain", &absent]), 2, "a\\u{1b}]0;b\\u{7}: neither a file nor a token"),
    ] {
        let text = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, code, "{text:?}");
        assert!(text.contains(shown) && !text.contains(|one: char| one.is_control() && one != '\n'), "{text:?}");
    }
}

/// The reader of the output has ended, as with `| head -1`.
#[cfg(unix)]
#[test]
fn closed_output_ends_every_command_with_code_2_and_no_message() {
    use std::os::{fd::OwnedFd, unix::net::UnixStream};
    use std::process::{Command, Stdio};
    let folder = Folder::new();
    let keytab = folder.file("empty.keytab", [5, 2]);
    for words in [
        &["--help"][..],
        &["validate"],
        &["validate", "--summary"],
        &["validate", "Cargo.toml"],
        &["explain", "Negotiate YIIG"],
        &["explain", "--json", "Negotiate YIIG"],
        &["keytab", "list", &keytab],
        &["keytab", "match", &keytab, "--token", "YIIG"],
    ] {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_kerberos-sso"));
        command.args(words).stdin(Stdio::null()).stdout(OwnedFd::from(writer)).stderr(Stdio::piped());
        let done = command.output().unwrap();
        assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(2), ""), "{words:?}");
    }
}
