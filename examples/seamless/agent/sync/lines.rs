//! Reads lines in the form of impacket's secretsdump from standard input. A line does not have the number of a change.
//! Therefore, each run sends all lines, and uses the time of the run as the number of each change.
//!
//! If a run was killed, the next run with the same lines sends the rest of them. The cursor contains a verifier of the
//! lines, by which the next run recognises them. This verifier is derived like the verifier of a password. Therefore,
//! an attacker who has the cursor cannot guess passwords faster than an attacker who has the records.

use super::many::{self, Cursor, Work};
use super::node::Node;
use super::options::Options;
use crate::clock;
use kerberos_sso::Sid;
use seamless_phs::source::Change;
use seamless_phs::{NtHash, ObjectId, Verifier, secretsdump};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, Read as _};
use zeroize::Zeroizing;

/// Reads the lines, and returns when the server has all changes. With `complete`, the server removes the accounts of
/// the domain that are not in the lines.
pub(crate) async fn send(
    node: &Node,
    options: &Options,
    domain: Sid,
    complete: bool,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let Input { changes, hash, left_out, has_end } = Input::read(std::io::stdin().lock(), domain)?;
    if complete && !has_end {
        return Err("--complete: the lines do not end as those of a secretsdump that ran to its end".into());
    }
    let total = changes.len();
    let before = node.cursor(options.id).await?.and_then(|cursor| Place::of(&cursor, &hash, total, complete));
    let place = match before {
        Some(place) => {
            tracing::info!(sent = place.sent, total, "an earlier run has sent some of these lines; this run goes on");
            place
        }
        None => Place {
            input: options.parameters()?.derive(&hash).to_text().as_str().into(),
            usn: clock::now().seconds(),
            sent: 0,
        },
    };
    let Place { input, usn, sent } = place;
    let items = changes.into_iter().skip(sent).map(|change| (usn, change)).collect();
    let cursor = Cursor::Place { of: format!("{input} {usn}"), before: sent };
    let too_long =
        many::send(node, options, Work { items, cursor }, move |change| Ok(Some(Change { usn, ..change }))).await?;
    if !complete {
        return Ok(());
    }
    if left_out > 0 || too_long > 0 {
        return Err("--complete: no account is removed, because some lines were left out".into());
    }
    many::complete(node, options, (domain, usn), Some(ENDED)).await
}

/// The lines of a run.
struct Input {
    /// The changes, one for each account. The sender gives them the number of the run.
    changes: Vec<Change>,
    /// A hash of all lines, by which a later run recognises the same lines.
    hash: NtHash,
    /// The number of lines that cannot be read.
    left_out: usize,
    /// Whether the input ends with the last line that secretsdump prints.
    has_end: bool,
}

impl Input {
    fn read(mut input: impl BufRead, domain: Sid) -> io::Result<Self> {
        let (mut changes, mut left_out, mut has_end): (Vec<Change>, _, _) = (Vec::new(), 0_usize, false);
        let mut places: HashMap<ObjectId, usize> = HashMap::new();
        let mut digest = Sha256::new_with_prefix(domain.to_bytes());
        let mut line = Zeroizing::new(Vec::with_capacity(1024));
        while input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? > 0 {
            digest.update(&*line);
            let text = std::str::from_utf8(&line).map_err(|_| "it is not UTF-8".to_owned());
            let read = text.and_then(|text| {
                has_end = secretsdump::is_end(text) || (has_end && text.trim().is_empty());
                secretsdump::read(text, domain, 0).map_err(|error| error.to_string())
            });
            match read {
                Ok(Some(change)) => {
                    if let Some(earlier) = places.get(&change.object).and_then(|place| changes.get_mut(*place)) {
                        tracing::warn!("two lines are of one account; the later one counts");
                        *earlier = change;
                    } else {
                        places.insert(change.object, changes.len());
                        changes.push(change);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    left_out = left_out.saturating_add(1);
                    tracing::warn!("a line is left out: {error}");
                }
            }
            line.clear();
        }
        let digest = Zeroizing::new(<[u8; 32]>::from(digest.finalize()));
        let hash = NtHash::new(digest.first_chunk().copied().unwrap_or_default());
        Ok(Self { changes, hash, left_out, has_end })
    }
}

/// The cursor of a run: the lines that the run sends, the number that all their changes have, and how many of the
/// changes the server has.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// The verifier of the lines, as text.
    input: String,
    usn: u64,
    sent: usize,
}

impl Place {
    /// Reads a cursor. Returns `None` if the cursor belongs to a run with other lines, or to a run that has ended. A
    /// run with `complete` ends after the server has removed the other accounts.
    fn of(cursor: &str, hash: &NtHash, total: usize, complete: bool) -> Option<Self> {
        let mut parts = cursor.split(' ');
        let (Some(input), Some(usn), Some(sent), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let verifier: Verifier = input.parse().ok()?;
        let place = Self { input: input.into(), usn: usn.parse().ok()?, sent: sent.parse().ok()? };
        let is_same = verifier.is(&verifier.parameters().derive(hash));
        Some(place).filter(|place| is_same && (place.sent < total || (complete && place.sent == total)))
    }
}

/// The cursor after a run with `--complete`. A later run does not resume from this cursor, and sends all lines.
const ENDED: &str = "ended";

/// The largest number of octets of a line.
const MAX_LINE: u64 = 64 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use seamless_phs::verifier::Parameters;

    const LM: &str = "aad3b435b51404eeaad3b435b51404ee";
    const END: &str = "[*] Cleaning up... \n";

    fn domain() -> Sid {
        "S-1-5-21-1-2-3".parse().unwrap()
    }

    fn line(rid: u32) -> String {
        format!("CONTOSO.TEST\\user{rid}:{rid}:{LM}:92937945b518814341de3f726500d4ff::: (status=Enabled)\n")
    }

    fn read(text: impl AsRef<[u8]>) -> Input {
        Input::read(text.as_ref(), domain()).unwrap()
    }

    /// Returns the cursor of a run that has sent the first `sent` lines.
    fn cursor(input: &Input, sent: usize) -> String {
        format!("{} 77 {sent}", *Parameters::new([1; 10], 1000).unwrap().derive(&input.hash).to_text())
    }

    #[test]
    fn lines_are_read_and_only_an_unreadable_line_is_left_out() {
        let good = [line(1105), line(1106)].concat();
        assert_eq!((read(&good).changes.len(), read(&good).left_out), (2, 0));
        let long = vec![b'x'; 70_000];
        for bad in [&b"alice:1107:x\n"[..], b"a\xff:1107:x:y:::\n", &long] {
            let input = read([line(1105).as_bytes(), bad, b"\n", line(1106).as_bytes()].concat());
            assert_eq!(input.changes.len(), 2, "{bad:?}");
            assert_eq!(input.left_out > 0, bad.contains(&b':'), "{bad:?}");
        }
    }

    #[test]
    fn last_of_several_lines_for_an_account_is_used() {
        let input = read([line(1105), line(1106), line(1105).replace("Enabled", "Disabled")].concat());
        let disabled: Vec<_> = input.changes.iter().map(|change| change.account.as_ref().unwrap().disabled).collect();
        assert_eq!(disabled, [true, false]);
    }

    #[test]
    fn input_has_its_end_only_if_it_is_the_whole_output_of_secretsdump() {
        for (text, expected) in [
            (line(1105) + END, true),
            (line(1105) + END + "\n", true),
            (line(1105), false),
            (END.to_owned() + &line(1105), false),
            (String::new(), false),
        ] {
            assert_eq!(read(&text).has_end, expected, "{text}");
        }
    }

    #[test]
    fn cursor_of_a_killed_run_is_used_only_for_the_same_lines() {
        let lines = [line(1105), line(1106), line(1107)].concat();
        let input = read(&lines);
        let place = |sent: usize, hash: &NtHash, complete| {
            Place::of(&cursor(&input, sent), hash, 3, complete).map(|place| (place.usn, place.sent))
        };
        assert_eq!(place(2, &input.hash, false), Some((77, 2)));
        assert_eq!(place(2, &read(lines.replace("1107", "1108")).hash, false), None);
        assert_eq!((place(3, &input.hash, false), place(3, &input.hash, true)), (None, Some((77, 3))));
        assert_eq!(place(4, &input.hash, true), None);
        for other in ["", "4711", "a b c", &cursor(&input, 1).replace(" 77", ""), &(cursor(&input, 1) + " 1")] {
            assert_eq!(Place::of(other, &input.hash, 3, false), None, "{other}");
        }
    }
}
