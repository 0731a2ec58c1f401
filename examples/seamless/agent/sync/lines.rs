//! Lines in the form of impacket's secretsdump, on standard input. The changes have no numbers, so each run sends all of them, and
//! numbers them by its time.

use super::many::{self, Work};
use super::node::Node;
use super::options::Options;
use crate::clock;
use kerberos_sso::Sid;
use seamless_phs::secretsdump;
use std::error::Error;
use std::io::BufRead as _;
use zeroize::Zeroizing;

/// Reads the lines, and returns when the server has all of them.
pub(crate) async fn send(node: &Node, options: &Options, domain: Sid) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (usn, mut work) = (clock::now().seconds(), Vec::new());
    let mut input = std::io::stdin().lock();
    let mut line = Zeroizing::new(String::with_capacity(1024));
    while input.read_line(&mut line)? > 0 {
        match secretsdump::read(&line, domain, usn) {
            Ok(Some(change)) => work.push((usn, change)),
            Ok(None) => {}
            Err(error) => tracing::warn!("a line is left out: {error}"),
        }
        line.clear();
    }
    drop(input);
    many::send(node, options, Work { items: work, has_cursor: false }, |change| Ok(Some(change))).await?;
    Ok(())
}
