//! The passwords: the administrator types the administrator's password, and the tool makes the account's password at
//! random.

use crate::terminal;
use std::fs::{File, OpenOptions};
use std::io::{Error, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Asks for the administrator's password on the terminal, without echo.
///
/// # Errors
/// Returns the error of the terminal, or says that the password is empty.
pub fn ask(user: &str) -> Result<Zeroizing<String>, Error> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    checked(terminal::ask(&terminal, &format!("Password of {user}: "))?)
}

/// Reads the administrator's password from an open descriptor, up to the end of its first line.
///
/// # Errors
/// Returns the error of the descriptor, or says that the password is empty.
pub fn from_descriptor(descriptor: u32) -> Result<Zeroizing<String>, Error> {
    first_line(File::open(Path::new("/dev/fd").join(descriptor.to_string()))?)
}

fn first_line(from: impl Read) -> Result<Zeroizing<String>, Error> {
    // If the vector grew, it would free memory with the password.
    let mut octets = Zeroizing::new(Vec::with_capacity(MAX_SIZE));
    from.take(u64::try_from(MAX_SIZE).unwrap_or(0)).read_to_end(&mut octets)?;
    let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| Error::other("the password is not UTF-8"))?;
    checked(Zeroizing::new(text.to_owned()))
}

/// Refuses an empty password: a simple bind without a password succeeds as an anonymous bind (RFC 4513 section 5.1.2).
fn checked(password: Zeroizing<String>) -> Result<Zeroizing<String>, Error> {
    if password.is_empty() { Err(Error::other("the password is empty")) } else { Ok(password) }
}

/// Makes the account's password: 120 characters from a set of 62, which is 714 bits.
///
/// # Errors
/// Returns the error of the operating system's random generator.
pub fn random() -> Result<Zeroizing<String>, Error> {
    let mut password = Zeroizing::new(String::with_capacity(LENGTH));
    let mut octets = Zeroizing::new([0_u8; 256]);
    while !is_whole(&password) {
        password.clear();
        while password.len() < LENGTH {
            getrandom::fill(&mut *octets).map_err(|error| Error::other(error.to_string()))?;
            // The code uses only octets below 248, which is four times 62. So all characters are equally likely.
            let usable = octets.iter().filter(|octet| **octet < 248);
            let characters =
                usable.filter_map(|octet| CHARACTERS.get(usize::from(octet % 62)).copied().map(char::from));
            let missing = LENGTH.saturating_sub(password.len());
            password.extend(characters.take(missing));
        }
    }
    Ok(password)
}

/// Returns whether the password has characters of three kinds, as a password policy may demand.
fn is_whole(password: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| password.as_bytes().iter().any(kind);
    has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)
}

const CHARACTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The length of a computer's password in Active Directory.
const LENGTH: usize = 120;

/// The largest input that is read, in octets. A password of Active Directory has 256 characters at most.
const MAX_SIZE: usize = 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn password_is_the_first_line() {
        for text in ["Pa ss\n", "Pa ss\r\n", "Pa ss", "Pa ss\nmore"] {
            assert_eq!(*first_line(text.as_bytes()).unwrap(), "Pa ss");
        }
        assert!(first_line(&b"\n"[..]).is_err() && first_line(&b"\xFF\n"[..]).is_err());
    }

    #[test]
    fn random_passwords_have_120_characters_of_three_kinds_and_differ() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert!(one.len() == 120 && is_whole(&one) && one != other);
    }
}
