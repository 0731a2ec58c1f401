//! The acceptor of MIT krb5, by its C library. The program `mit.c` runs as a process: one line on its standard input asks for
//! a round, and one line on its standard output answers.

use crate::tokens::Load;
use crate::{Outcome, Peer};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Mit {
    name: String,
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Mit {
    pub fn start(load: &Load) -> Outcome<Self> {
        let home = std::env::temp_dir().join(format!("peers-mit-{}", std::process::id()));
        std::fs::create_dir_all(&home)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("mit.c");
        let program = home.join("mit");
        let mut built = Command::new("cc");
        built.arg("-O2").arg("-o").arg(&program).arg(source).args(["-lgssapi_krb5", "-lkrb5"]);
        if !built.stderr(Stdio::null()).status()?.success() {
            return Err("no C compiler, or no libkrb5-dev".into());
        }
        std::fs::write(home.join("krb5.conf"), "[libdefaults]\n  default_realm = CONTOSO.TEST\n  rdns = false\n")?;
        std::fs::write(home.join("keytab"), &load.keytab)?;
        let records = load.tokens.iter().map(|token| [&(token.len() as u32).to_le_bytes()[..], token].concat());
        std::fs::write(home.join("tokens"), records.collect::<Vec<_>>().concat())?;
        let mut child = Command::new(program)
            .args([home.join("keytab"), home.join("tokens")])
            .env("KRB5_CONFIG", home.join("krb5.conf"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asks = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let name = format!("MIT krb5 {} (keytab in memory, AP-REP)", version());
        Ok(Self { name, child, asks, answers })
    }
}

fn version() -> String {
    let output = Command::new("krb5-config").arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.split_whitespace().last().unwrap_or("of an unknown version").to_owned()
}

impl Peer for Mit {
    fn name(&self) -> &str {
        &self.name
    }

    fn round(&mut self) -> Outcome<f64> {
        writeln!(self.asks)?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        line.trim().parse().map_err(|_| format!("the program mit answers {line:?}").into())
    }
}

impl Drop for Mit {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
