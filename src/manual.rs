//! The manual: one page for each topic, whole from beginning to end.
//!
//! In the order in which a newcomer reads:
//!
//! | page | what you learn |
//! |---|---|
//! | [`keytab`] | get the keys of your service's account: Active Directory, MIT krb5, FreeIPA |
//! | [`browsers`] | let browsers send tickets to your host |
//! | [`first_server`] | write a first server with axum, actix-web, hyper or tonic |
//! | [`codes`] | find out why a request was refused, and who can remove the cause |
//! | [`groups`] | let in the members of a group, and know which groups a ticket names |
//! | [`sessions`] | sign in once, and keep a session |
//! | [`testing`] | test your own server, without a KDC |
//!
//! Before the server serves many:
//!
//! | page | what you learn |
//! |---|---|
//! | [`rollover`] | change the key while the server runs |
//! | [`proxy`] | run behind a proxy: header sizes, TLS, names |
//! | [`rc4_to_aes`] | move from RC4 to AES, and count who still brings RC4 |
//! | [`protocols`] | sign users in to mail, LDAP and database servers |
//! | [`speed`] | what a decision costs, and what several nodes share |
//!
//! For a review:
//!
//! | page | what you learn |
//! |---|---|
//! | [`defaults`] | what holds if you set nothing, and how to change it |
//! | [`checks`] | what is checked, in which order, and where its test is |
//! | [`threats`] | who may write what, and what the library cannot do |
//! | [`architecture`] | how the library is built |
#![cfg_attr(
    not(all(feature = "axum", feature = "rc4", feature = "testing", feature = "tower")),
    allow(rustdoc::broken_intra_doc_links, reason = "the pages name what stands behind features")
)]

#[doc = include_str!("manual/architecture.md")]
pub mod architecture {}

#[doc = include_str!("manual/browsers.md")]
pub mod browsers {}

#[doc = include_str!("manual/checks.md")]
pub mod checks {}

#[doc = include_str!("manual/codes.md")]
pub mod codes {}

#[doc = include_str!("manual/defaults.md")]
pub mod defaults {}

#[doc = include_str!("manual/first_server.md")]
pub mod first_server {}

#[doc = include_str!("manual/groups.md")]
pub mod groups {}

#[doc = include_str!("manual/keytab.md")]
pub mod keytab {}

#[doc = include_str!("manual/protocols.md")]
pub mod protocols {}

#[doc = include_str!("manual/proxy.md")]
pub mod proxy {}

#[doc = include_str!("manual/rc4_to_aes.md")]
pub mod rc4_to_aes {}

#[doc = include_str!("manual/rollover.md")]
pub mod rollover {}

#[doc = include_str!("manual/sessions.md")]
pub mod sessions {}

#[doc = include_str!("manual/speed.md")]
pub mod speed {}

#[doc = include_str!("manual/testing.md")]
pub mod testing {}

#[doc = include_str!("manual/threats.md")]
pub mod threats {}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    const CODES: &str = include_str!("manual/codes.md");

    /// The part of the page for each `Blame`.
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

    /// Returns the codes of all errors, each with the part of the page for its blame. The match over `Error` is exhaustive.
    fn codes_of_errors() -> BTreeSet<(&'static str, &'static str)> {
        let arms = include_str!("error/code.rs")
            .lines()
            .filter_map(|line| line.trim().split_once("=> (\"")?.1.split_once('"'));
        arms.map(|(code, rest)| {
            let blame = rest.trim_start_matches(", Blame::").trim_end_matches("),");
            let part = PARTS.into_iter().find(|(name, _)| *name == blame).map_or("no part", |(_, part)| part);
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
        // A ticket that does not open is a matter of keys, and an authenticator that does not is one of proof: one heading.
        let mut codes = codes_of_errors();
        assert!(codes.remove(&("The proof", "integrity")));
        assert_eq!(headings, codes);
    }

    #[test]
    fn each_code_says_what_it_means_its_causes_its_remedy_and_who_acts() {
        let sections = CODES.split("\n## ").skip(1);
        for section in sections {
            let section = section.split("\n# ").next().unwrap_or_default();
            let order = ["\n- **Causes", "\n- **Remedy:**", "\n- **Who acts:**"].map(|part| section.find(part));
            assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{section}");
        }
    }

    /// The tests are in the repository, and in the package.
    #[cfg(feature = "std")]
    #[test]
    fn files_that_the_page_of_checks_names_are_there() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library");
        let page = include_str!("manual/checks.md");
        let files: BTreeSet<_> = page.split('`').filter(|text| text.contains(".rs")).collect();
        assert!(files.len() > 30, "{files:?}");
        for file in files {
            assert!(folder.join(file.trim_start_matches("tests/library/")).is_file(), "{file}");
        }
    }
}
