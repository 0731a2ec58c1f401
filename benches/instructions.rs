//! Runs decisions of each kind for `benches/instructions`, which counts the processor's instructions in [`counted`].
//!
//! With the name of a kind, the program decides [`TIMES`] requests of that kind. Without an argument, the program
//! prints the names of all kinds. With `--bench` or `--test`, the program decides one request of each kind.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod cases;

use cases::{Case, cases};
use kerberos_sso::{Accepted, Refused};
use std::hint::black_box;

/// The number of requests; `benches/instructions` divides its counts by this number.
const TIMES: usize = 100;

fn main() {
    let argument = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let smoke = std::env::args().any(|argument| argument == "--bench" || argument == "--test");
    for case in cases() {
        match &argument {
            Some(name) if *name == case.name => (0..TIMES).for_each(|_| decide(&case)),
            Some(_) => {}
            None if smoke => decide(&case),
            None => println!("{}", case.name),
        }
    }
}

fn decide(case: &Case) {
    let decided = counted(black_box(case));
    case.check(&decided);
    dropped(decided);
}

#[inline(never)]
fn counted(case: &Case) -> Result<Accepted, Refused> {
    case.decide()
}

/// Drops the verdict. These instructions are counted, too, because dropping overwrites the keys of an accepted request.
#[inline(never)]
fn dropped(decided: Result<Accepted, Refused>) {
    drop(decided);
}
