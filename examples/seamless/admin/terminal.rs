//! The terminal on which the administrator types the password. The code turns the echo off before it shows the prompt.
//! So the terminal never shows a password that is pasted at the prompt.

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Write as _};
use zeroize::Zeroizing;

/// Asks for a line that the terminal does not show.
///
/// # Errors
/// Returns the error of the terminal, or says that the line is too long, is not UTF-8, or has a control key such as Ctrl-C.
pub(crate) fn ask(mut terminal: &File, prompt: &str) -> Result<Zeroizing<String>, Error> {
    let _silent = Silent::new(terminal)?;
    terminal.write_all(prompt.as_bytes())?;
    let mut octets = Zeroizing::new([0; MAX_SIZE]);
    // In its canonical mode, the terminal returns one line for each read (termios(3)).
    let size = terminal.read(&mut *octets)?;
    terminal.write_all(b"\n")?;
    let line = octets.get(..size).unwrap_or_default();
    if size == MAX_SIZE && !line.ends_with(b"\n") {
        return Err(Error::other("the password is too long"));
    }
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if line.iter().any(u8::is_ascii_control) {
        return Err(Error::new(ErrorKind::Interrupted, "a control key ended the question"));
    }
    let text = std::str::from_utf8(line).map_err(|_| Error::other("the password is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A terminal that does not show what the user types. The drop of this value restores the terminal's settings.
struct Silent<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silent<'a> {
    fn new(terminal: &'a File) -> Result<Self, Error> {
        let before = tcgetattr(terminal)?;
        let mut settings = before.clone();
        // A signal would end the tool before the echo is on again. Therefore, Ctrl-C sends no signal here, and ends the
        // line.
        settings.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
        settings.local_modes.insert(LocalModes::ICANON);
        settings.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        // The flush discards the keys that the user typed before the echo was off.
        tcsetattr(terminal, OptionalActions::Flush, &settings)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // The rest of a line that is too long must not reach the shell, so this call discards it. The code ignores an
        // error of this call, because `drop` cannot return it.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

const CTRL_C: u8 = 3;

/// The longest line that is read, in octets. A password of Active Directory has 256 characters at most.
const MAX_SIZE: usize = 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, OFlags};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    /// Returns the two ends of a terminal: the keyboard and screen of the user, and the terminal of the program.
    fn terminal() -> (File, File) {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&user).unwrap();
        unlockpt(&user).unwrap();
        let name = ptsname(&user, Vec::new()).unwrap();
        let program = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        (user.into(), program.into())
    }

    fn read_up_to(user: &mut File, shown: &mut Vec<u8>, end: &[u8]) {
        let mut octets = [0; 64];
        while !shown.ends_with(end) {
            let size = user.read(&mut octets).unwrap();
            shown.extend(octets.get(..size).unwrap());
        }
    }

    fn modes(program: &File) -> LocalModes {
        tcgetattr(program).unwrap().local_modes
    }

    /// Types `keys` when the terminal shows the prompt. Returns the result of the question, and everything that the
    /// terminal showed.
    fn asked(keys: &[u8]) -> (Result<Zeroizing<String>, Error>, String) {
        let (mut user, program) = terminal();
        let (before, mut shown) = (modes(&program), Vec::new());
        assert!(before.contains(LocalModes::ECHO | LocalModes::ISIG));
        let (at_prompt, answer) = std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&program, "Password: "));
            read_up_to(&mut user, &mut shown, b"Password: ");
            let at_prompt = modes(&program);
            user.write_all(keys).unwrap();
            (at_prompt, asking.join().unwrap())
        });
        assert!(!at_prompt.contains(LocalModes::ECHO));
        assert_eq!(modes(&program), before);
        (&program).write_all(b"after").unwrap();
        read_up_to(&mut user, &mut shown, b"after");
        (answer, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn password_that_is_typed_at_the_prompt_is_read_and_not_shown() {
        let (answer, shown) = asked("Pä ss\n".as_bytes());
        assert_eq!(*answer.unwrap(), "Pä ss");
        assert_eq!(shown, "Password: \r\nafter");
        // Ctrl-U erases the line, and DEL erases the last character.
        assert_eq!(*asked(b"wrong\x15Pasx\x7Fs\n").0.unwrap(), "Pass");
        assert_eq!(*asked(b"\n").0.unwrap(), "");
    }

    #[test]
    fn control_key_and_too_long_line_are_errors_and_the_echo_is_on_afterwards() {
        let (answer, shown) = asked(b"Pass\x03");
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Interrupted);
        assert_eq!(shown, "Password: \r\nafter");
        assert_eq!(asked(b"Pa\x1A\n").0.unwrap_err().kind(), ErrorKind::Interrupted);
        let long = [&[b'a'; 2000][..], b"\n"].concat();
        let (answer, shown) = asked(&long);
        assert!(
            answer.unwrap_err().to_string().contains("too long") && !shown.contains('a'.to_string().repeat(2).as_str())
        );
        assert!(asked(b"\xFF\n").0.unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn file_in_place_of_a_terminal_is_an_error() {
        assert!(ask(&tempfile::tempfile().unwrap(), "Password: ").is_err());
    }
}
