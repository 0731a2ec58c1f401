#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use proptest::prelude::*;

fn encoding(contents: &[u8]) -> TransitedEncoding<'_> {
    TransitedEncoding { tr_type: DOMAIN_X500_COMPRESS, contents }
}

fn expanded(contents: &[u8], client: &str, server: &str) -> Result<Vec<String>, TransitedFault> {
    let mut realms = Vec::new();
    let mut visit = |realm: &[u8]| realms.push(String::from_utf8_lossy(realm).into_owned());
    encoding(contents).each_realm(client.as_bytes(), server.as_bytes(), &mut visit)?;
    Ok(realms)
}

/// Asserts that each list expands to the expected realms. Each case is the list, the client's realm, the server's
/// realm, and the expected realms.
fn assert_expansions(cases: &[(&str, &str, &str, &[&str])]) {
    for (contents, client, server, realms) in cases {
        let found = expanded(contents.as_bytes(), client, server);
        assert_eq!(
            found.as_deref(),
            Ok(&realms.iter().map(|realm| (*realm).into()).collect::<Vec<String>>()[..]),
            "{contents}"
        );
    }
}

fn assert_unreadable(fault: TransitedFault, cases: &[&str]) {
    for contents in cases {
        assert_eq!(expanded(contents.as_bytes(), "A.EXAMPLE.COM", "B.EXAMPLE.COM"), Err(fault), "{contents:?}");
    }
}

#[test]
fn examples_of_rfc_4120_expand_to_the_realms_that_rfc_4120_states() {
    let (client, server) = ("ATHENA.MIT.EDU", "CS.WASHINGTON.EDU");
    let five = ["EDU", "MIT.EDU", "ATHENA.MIT.EDU", "WASHINGTON.EDU", "CS.WASHINGTON.EDU"];
    assert_expansions(&[
        ("EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS.", client, server, &five),
        ("EDU,MIT.,WASHINGTON.EDU", client, server, &["EDU", "MIT.EDU", "WASHINGTON.EDU"]),
        (
            "/COM,/HP,/APOLLO, /COM/DEC",
            "/COM/HP/APOLLO",
            "/COM/DEC",
            &["/COM", "/COM/HP", "/COM/HP/APOLLO", "/COM/DEC"],
        ),
        ("/COM,/HP", "/COM/HP/APOLLO", "/COM/DEC", &["/COM", "/COM/HP"]),
        (",EDU, /COM,", client, "/COM/HP/APOLLO", &["MIT.EDU", "EDU", "/COM", "/COM/HP"]),
        (",", client, server, &["MIT.EDU", "EDU", "WASHINGTON.EDU"]),
    ]);
}

#[test]
fn empty_transited_list_of_any_type_names_no_realm() {
    for tr_type in [0, 1, -1] {
        let empty = TransitedEncoding { tr_type, contents: b"" };
        let mut realms = 0;
        empty.each_realm(b"A", b"B", &mut |_| realms += 1).unwrap();
        assert_eq!(realms, 0);
    }
}

#[test]
fn null_subfield_expands_to_the_realms_between_its_neighbours() {
    assert_expansions(&[
        // Some paths lead up, some lead down, and some lead up and then down. The client's realm is before the list,
        // and the server's realm is after the list.
        (",", "A.B.C.D", "D", &["B.C.D", "C.D"]),
        (",", "D", "A.B.C.D", &["C.D", "B.C.D"]),
        (",", "X.B.D", "Y.C.D", &["B.D", "D", "C.D"]),
        (",", "B.D", "D", &[]),
        (",", "D", "D", &[]),
        (",D", "A.B.D", "E", &["B.D", "D"]),
        ("D,", "E", "A.B.D", &["D", "B.D"]),
        ("A.B.C,,C", "E", "E", &["A.B.C", "B.C", "C"]),
        ("D,,A.B.D,E", "E", "E", &["D", "B.D", "A.B.D", "E"]),
        // Consecutive null subfields count as one.
        (",,", "A.B.D", "D", &["B.D"]),
        ("D,,,,A.B.D", "E", "E", &["D", "B.D", "A.B.D"]),
        (",", "/A/B/C", "/A", &["/A/B"]),
        (",", "/A/B/C", "/A/X/Y", &["/A/B", "/A", "/A/X"]),
        (",", "/A", "/A/B/C/D", &["/A/B", "/A/B/C"]),
    ]);
}

/// The test includes names that share letters but no component: `NOTEDU` ends with `EDU`, and `/COMET` begins with
/// `/COM`.
#[test]
fn null_subfield_between_realms_without_a_common_ancestor_is_unreadable() {
    for (client, server) in [
        ("A.EDU", "B.COM"),
        ("MIT.NOTEDU", "EDU"),
        ("A.EDU", "a.edu"),
        ("/COMET/A", "/COM"),
        ("/A/B", "A.B"),
        ("EDU", "/EDU"),
        ("", "EDU"),
    ] {
        assert_eq!(expanded(b",", client, server), Err(TransitedFault::NoWay), "{client} {server}");
        assert_eq!(expanded(format!("X,{server},").as_bytes(), "X", client), Err(TransitedFault::NoWay), "{client}");
    }
}

#[test]
fn backslash_quotes_the_next_octet_of_a_realm() {
    assert_expansions(&[
        (r"A\,B,C", "X", "Y", &["A,B", "C"]),
        (r"A\\,C", "X", "Y", &[r"A\", "C"]),
        (r"\A\B", "X", "Y", &["AB"]),
        (r"\ A", "X", "Y", &[" A"]),
        // A quoted `.` or `/` does not make a compressed name.
        (r"EDU,MIT\.", "X", "Y", &["EDU", "MIT."]),
        (r"/COM,\/HP", "X", "Y", &["/COM", "/HP"]),
        (r"EDU,MIT\..", "X", "Y", &["EDU", "MIT..EDU"]),
        (r"\,", "A.B.D", "D", &[","]),
    ]);
    assert_unreadable(TransitedFault::Syntax, &[r"A\", r"\", r"A,\", r"A\\\"]);
}

#[test]
fn transited_name_after_a_space_is_a_complete_realm() {
    assert_expansions(&[
        ("/COM, /COM/DEC", "X", "Y", &["/COM", "/COM/DEC"]),
        ("/COM, EDU,MIT.", "X", "Y", &["/COM", "EDU", "MIT.EDU"]),
        (" /COM,/HP", "X", "Y", &["/COM", "/COM/HP"]),
        ("A B,C ", "X", "Y", &["A B", "C "]),
        (" /A.B", "X", "Y", &["/A.B"]),
    ]);
    assert_unreadable(TransitedFault::Syntax, &[" ", "A, ", "A, ,B", "  A", "A,  /B"]);
}

/// MIT krb5, Heimdal and RFC 4120 expand the compressed names of this test to different realms.
#[test]
fn ambiguous_compressed_realm_is_unreadable() {
    assert_unreadable(
        TransitedFault::Ambiguous,
        &[
            "MIT.",      // put before the null realm, or before the client's realm
            "EDU, MIT.", // a complete name, or a compressed one
            "EDU,,MIT.", // after a null subfield
            ",MIT.",
            ",/HP",
            "/COM,,/HP",
            "/COM,/HP.", // begins with `/` and ends with `.`
            "EDU, /HP.",
        ],
    );
}

#[test]
fn realm_with_a_null_octet_is_unreadable() {
    assert_unreadable(TransitedFault::Syntax, &["\0", "A\0", "A,B\0", "\\\0"]);
}

#[test]
fn transited_list_of_unknown_type_is_unreadable() {
    for tr_type in [0, 2, -1, i32::MAX, i32::MIN] {
        let other = TransitedEncoding { tr_type, contents: b"A" };
        assert_eq!(other.each_realm(b"A", b"B", &mut |_| ()), Err(TransitedFault::Type(tr_type)));
    }
}

#[test]
fn transited_realms_are_read_up_to_the_limits() {
    let list = |count: usize| vec!["A"; count].join(",");
    assert_eq!(expanded(list(MAX_TRANSITED_REALMS).as_bytes(), "X", "Y").map(|realms| realms.len()), Ok(32));
    assert_eq!(expanded(list(MAX_TRANSITED_REALMS + 1).as_bytes(), "X", "Y"), Err(TransitedFault::TooMany));
    // The realms that a null subfield means count towards the limit.
    let deep = vec!["A"; MAX_TRANSITED_REALMS + 2].join(".");
    assert_eq!(expanded(b",", &deep, "A").map(|realms| realms.len()), Ok(32));
    assert_eq!(expanded(b",", &format!("A.{deep}"), "A"), Err(TransitedFault::TooMany));

    let name = |length: usize| "A".repeat(length);
    assert_eq!(expanded(name(MAX_REALM_LENGTH).as_bytes(), "X", "Y"), Ok(vec![name(255)]));
    assert_eq!(expanded(name(MAX_REALM_LENGTH + 1).as_bytes(), "X", "Y"), Err(TransitedFault::NameTooLong));
    for (first, second) in
        [(format!("/{}", name(127)), format!("/{}", name(126))), (name(128), format!("{}.", name(126)))]
    {
        let fits = expanded(format!("{first},{second}").as_bytes(), "X", "Y").unwrap();
        assert_eq!(fits[1].len(), MAX_REALM_LENGTH);
        assert_eq!(expanded(format!("{first}A,{second}").as_bytes(), "X", "Y"), Err(TransitedFault::NameTooLong));
    }

    let padded = |size: usize| format!("{}A", ",".repeat(size - 1));
    assert_eq!(expanded(padded(MAX_TRANSITED_SIZE).as_bytes(), "A", "Y"), Ok(vec!["A".into()]));
    assert_eq!(expanded(padded(MAX_TRANSITED_SIZE + 1).as_bytes(), "A", "Y"), Err(TransitedFault::TooLong));
}

/// Generates transited lists with many separators, backslashes, blanks, NULs and invalid octets.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&b"AB.,,/\\ \0\xFF"[..]), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// No list expands to more realms than the limit, or to a name longer than the limit.
    #[test]
    fn no_transited_list_expands_beyond_the_limits(contents in contents(), client in "[AB./]{0,40}", server in "[AB./]{0,40}") {
        let mut realms = 0;
        let _ = encoding(&contents).each_realm(client.as_bytes(), server.as_bytes(), &mut |realm| {
            realms += 1;
            assert!(realm.len() <= MAX_REALM_LENGTH);
        });
        prop_assert!(realms <= MAX_TRANSITED_REALMS);
    }

    /// The KDC may list complete names with every octet quoted. Such names are read unchanged, even if they contain
    /// special octets.
    #[test]
    fn quoted_complete_realms_are_read_unchanged(names in prop::collection::vec("[AB.,/ \\\\]{1,8}", 1..20)) {
        let quoted = |name: &String| name.chars().flat_map(|letter| ['\\', letter]).collect::<String>();
        let list = names.iter().map(quoted).collect::<Vec<_>>().join(",");
        prop_assert_eq!(expanded(list.as_bytes(), "X", "Y"), Ok(names));
    }
}
