//! The files of the servers: the keytab, the certificate, and the page of Apache.

use crate::Outcome;
use crate::tokens::{SERVICE, Tokens};
use kerberos_sso::Keytab;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;
use tempfile::TempDir;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

pub struct Site {
    folder: TempDir,
    /// Makes the client's side of TLS, which trusts only the certificate of the site.
    pub tls: TlsConnector,
    /// The user and the group of Apache's processes. Apache does not run as root.
    pub user: (String, String),
}

impl Site {
    pub fn new(tokens: &Tokens) -> Outcome<Self> {
        let folder = tempfile::Builder::new().prefix("http-bench-").tempdir()?;
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("pages"))?;
        fs::create_dir(path("replay"))?;
        fs::write(path("pages/hello"), "Hello user0000000\n")?;
        fs::write(path("keytab"), Keytab::encode([&tokens.account()], SystemTime::now().into())?)?;
        // The file switches DNS off, because the servers need no KDC.
        fs::write(
            path("krb5.conf"),
            "[libdefaults]\n  default_realm = CONTOSO.TEST\n  rdns = false\n  dns_lookup_kdc = false\n",
        )?;
        let name = SERVICE.trim_start_matches("HTTP/").to_owned();
        let certified = rcgen::generate_simple_self_signed([name])?;
        fs::write(path("certificate.pem"), certified.cert.pem())?;
        fs::write(path("key.pem"), certified.signing_key.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(certified.cert.der().clone())?;
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let site = Self { tls: TlsConnector::from(Arc::new(client)), user: give_to_apache(&folder)?, folder };
        Ok(site)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Lets Apache's processes read the keytab and write their replay cache, and returns their user and group. Only root can
/// run Apache's processes as another user.
fn give_to_apache(folder: &TempDir) -> Outcome<(String, String)> {
    let path = |name: &str| folder.path().join(name);
    fs::set_permissions(path("keytab"), Permissions::from_mode(0o640))?;
    if id(&["-u"])? != "0" {
        return Ok((id(&["-un"])?, id(&["-gn"])?));
    }
    let (Ok(user), Ok(group)) = (id(&["-u", "www-data"]), id(&["-g", "www-data"])) else {
        return Ok(("root".into(), "root".into()));
    };
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    chown(path("keytab"), None, Some(group.parse()?))?;
    chown(path("replay"), Some(user.parse()?), Some(group.parse()?))?;
    Ok(("www-data".into(), "www-data".into()))
}

fn id(arguments: &[&str]) -> Outcome<String> {
    let output = Command::new("id").args(arguments).output()?;
    if !output.status.success() {
        return Err("no such user".into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
