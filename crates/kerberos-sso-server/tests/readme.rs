//! What the README shows is what the examples are.
#![allow(clippy::unwrap_used)]

const README: &str = include_str!("../../../README.md");

#[test]
fn readme_begins_with_the_example_first() {
    let (_, first) = include_str!("../examples/first.rs").split_once("\n\n").unwrap();
    assert!(README.contains(&format!("```rust,ignore\n{first}```\n")));
}

#[test]
fn readme_greets_the_user_within_its_first_forty_lines() {
    assert!(README.lines().take(40).any(|line| line == "Hello alice"));
    assert!(README.lines().count() <= 200);
}
