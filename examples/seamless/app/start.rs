//! A sample application: its users sign in at an OpenID Connect issuer, and its API accepts that issuer's access
//! tokens.
//!
//! ```text
//! seamless-app --issuer URL [--client-id ID] [--client-secret-file FILE|-]
//!     [--listen ADDR:PORT] [--address URL] [--ca FILE]
//! ```
//!
//! The secret is the first line of FILE, or of the standard input if FILE is `-`. Without a secret, the application is
//! a public client. `--address` is the origin at which browsers reach the application, if it differs from the address
//! of `--listen`. With `--ca`, the application trusts only the authorities of FILE, in PEM. SIGINT and SIGTERM stop the
//! application.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

use lexopt::prelude::*;
use seamless_app::{Config, serve};
use std::error::Error;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seamless-app: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read(lexopt::Parser::from_args(env::args_os().skip(1)))?;
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let listener = TcpListener::bind(arguments.listen).await?;
    let own = format!("http://{}", listener.local_addr()?);
    let address = arguments.address.as_deref().unwrap_or(&own);
    let mut config = Config::new(&arguments.issuer, address, &arguments.client_id)?;
    if let Some(file) = &arguments.client_secret_file {
        config = config.with_secret(&read_secret(file)?);
    }
    if let Some(file) = &arguments.ca {
        config = config.trusting_only(fs::read(file)?);
    }
    println!("listening on {address}");
    serve(config, listener, stop()?).await?;
    Ok(())
}

struct Arguments {
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    listen: SocketAddr,
    address: Option<String>,
    ca: Option<PathBuf>,
}

impl Arguments {
    fn read(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut issuer = None;
        let mut arguments = Self {
            issuer: String::new(),
            client_id: "app".into(),
            client_secret_file: None,
            listen: (Ipv4Addr::LOCALHOST, 8081).into(),
            address: None,
            ca: None,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("issuer") => issuer = Some(parser.value()?.string()?),
                Long("client-id") => arguments.client_id = parser.value()?.string()?,
                Long("client-secret-file") => arguments.client_secret_file = Some(parser.value()?.into()),
                Long("listen") => arguments.listen = parser.value()?.parse()?,
                Long("address") => arguments.address = Some(parser.value()?.string()?),
                Long("ca") => arguments.ca = Some(parser.value()?.into()),
                other => return Err(other.unexpected()),
            }
        }
        let issuer = issuer.ok_or("the issuer is missing: give `--issuer URL`")?;
        Ok(Self { issuer, ..arguments })
    }
}

/// Reads the first line of the file, or of the standard input if the file is `-`.
fn read_secret(file: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    if file == Path::new("-") {
        io::stdin().take(MAX_SECRET_SIZE).read_to_string(&mut text)?;
    } else {
        fs::File::open(file)?.take(MAX_SECRET_SIZE).read_to_string(&mut text)?;
    }
    let line = text.lines().next().filter(|line| !line.is_empty());
    line.map(|line| Zeroizing::new(line.to_owned())).ok_or_else(|| io::Error::other("the client's secret is empty"))
}

/// Begins to listen for SIGTERM, and returns a future that ends at this signal or at Ctrl-C.
fn stop() -> io::Result<impl Future<Output = ()> + Send> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        let terminated = async {
            #[cfg(unix)]
            terminate.recv().await;
            #[cfg(not(unix))]
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = terminated => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    })
}

const MAX_SECRET_SIZE: u64 = 4096;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, lexopt::Error> {
        Arguments::read(lexopt::Parser::from_args(line.split(' ')))
    }

    #[test]
    fn command_line_with_only_the_issuer_is_read() {
        let arguments = read("--issuer http://127.0.0.1:8080/contoso.test").unwrap();
        assert_eq!((&*arguments.issuer, &*arguments.client_id), ("http://127.0.0.1:8080/contoso.test", "app"));
        assert_eq!(arguments.listen, "127.0.0.1:8081".parse().unwrap());
        assert!(arguments.client_secret_file.is_none() && arguments.address.is_none() && arguments.ca.is_none());
        let error = |line| read(line).err().unwrap().to_string();
        assert_eq!(error("--client-id app"), "the issuer is missing: give `--issuer URL`");
        assert_eq!(error("--issuer a --secret b"), "invalid option '--secret'");
    }

    #[test]
    fn secret_is_the_first_line_and_an_empty_secret_is_refused() {
        let file = env::temp_dir().join(format!("seamless-app-secret-{}", std::process::id()));
        fs::write(&file, "of the client\nand a comment\n").unwrap();
        assert_eq!(read_secret(&file).unwrap().as_str(), "of the client");
        fs::write(&file, "\n").unwrap();
        assert_eq!(read_secret(&file).unwrap_err().to_string(), "the client's secret is empty");
        fs::remove_file(&file).unwrap();
    }
}
