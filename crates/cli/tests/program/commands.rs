//! Tests of the options and exit codes that all commands share.

use super::run;

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
fn version_prints_the_packages_version_for_every_command() {
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
