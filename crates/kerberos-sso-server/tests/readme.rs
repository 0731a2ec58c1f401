//! Checks that the README quotes `examples/first.rs`, and that the README is short.
#![allow(clippy::unwrap_used)]

const README: &str = include_str!("../../../README.md");

#[test]
fn readme_quotes_the_file_first_rs() {
    let (_, first) = include_str!("../examples/first.rs").split_once("\n\n").unwrap();
    assert!(README.contains(&format!("```rust,ignore\n{first}```\n")));
}

#[test]
fn readme_shows_hello_alice_within_40_lines_and_has_at_most_200_lines() {
    assert!(README.lines().take(40).any(|line| line == "Hello alice"));
    assert!(README.lines().count() <= 200);
}
