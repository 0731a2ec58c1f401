//! Reads the directory by LDAP over TLS, with a simple bind as an account that may read users. The agent always checks
//! the directory's certificate.
//!
//! Each search opens its own connection, because searches are rare and a domain controller ends idle connections.

use crate::Failure;
use ldap3::{LdapConnAsync, LdapConnSettings, Scope, SearchEntry, SearchOptions};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How the agent connects and binds to the directory.
pub(crate) struct Access {
    /// `HOST:PORT`.
    address: String,
    name: String,
    password: Zeroizing<String>,
    tls: Arc<ClientConfig>,
}

/// The values of the options on the command line.
#[derive(Clone, Default)]
pub(crate) struct Values {
    pub(crate) host: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) name: Option<String>,
    /// The file with the password.
    pub(crate) password: Option<PathBuf>,
}

/// The reason why the directory gave no answer.
#[derive(Debug, Error)]
pub(crate) enum LdapError {
    #[error("LDAP: {0}")]
    Failed(#[from] ldap3::LdapError),
    #[error("LDAP: the directory did not answer in time")]
    TimedOut,
    #[error("LDAP: the directory names no domain")]
    NoDomain,
}

impl Access {
    /// Reads the files of the options. Returns `None` if no directory is named.
    pub(crate) fn read(values: &Values) -> Result<Option<Self>, Failure> {
        let Some(host) = &values.host else { return Ok(None) };
        let (Some(ca), Some(name), Some(password)) = (&values.ca, &values.name, &values.password) else {
            return Err("--ldap also needs --ldap-ca, --ldap-name and --ldap-password".into());
        };
        let in_file = |error: std::io::Error| format!("{}: {error}", password.display());
        let text = std::fs::read_to_string(password).map(Zeroizing::new).map_err(in_file)?;
        let address = if host.contains(':') { host.clone() } else { format!("{host}:636") };
        let password = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
        if name.is_empty() || password.is_empty() {
            // A bind with an empty name or password is not authenticated (RFC 4513 sections 5.1.1 and 5.1.2).
            return Err("--ldap-name, --ldap-password: a name and a password that are not empty".into());
        }
        Ok(Some(Self { address, name: name.clone(), password, tls: tls(ca)? }))
    }

    /// Returns these attributes of the objects of the domain that the filter finds. Returns at most `most` objects.
    pub(crate) async fn find(
        &self,
        filter: &str,
        attributes: &[&'static str],
        most: i32,
    ) -> Result<Vec<SearchEntry>, LdapError> {
        timeout(WHOLE, self.ask(Some(filter), attributes, most)).await.unwrap_or(Err(LdapError::TimedOut))
    }

    /// Returns these attributes of the object of the domain itself.
    pub(crate) async fn domain(&self, attributes: &[&'static str]) -> Result<Option<SearchEntry>, LdapError> {
        let found = timeout(WHOLE, self.ask(None, attributes, 1)).await.unwrap_or(Err(LdapError::TimedOut));
        found.map(|found| found.into_iter().next())
    }

    async fn ask(
        &self,
        filter: Option<&str>,
        attributes: &[&'static str],
        most: i32,
    ) -> Result<Vec<SearchEntry>, LdapError> {
        let settings = LdapConnSettings::new().set_config(Arc::clone(&self.tls)).set_conn_timeout(WHOLE);
        let (connection, mut ldap) =
            LdapConnAsync::with_settings(settings, &format!("ldaps://{}", self.address)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!("the connection to the directory has ended: {error}");
            }
        });
        ldap.simple_bind(&self.name, &self.password).await?.success()?;
        let root = ldap.search("", Scope::Base, "(objectClass=*)", vec!["defaultNamingContext"]).await?;
        let (root, _) = root.success()?;
        let root = root.into_iter().next().map(SearchEntry::construct).ok_or(LdapError::NoDomain)?;
        let domain = first(&root, "defaultNamingContext").ok_or(LdapError::NoDomain)?;
        let (scope, filter) = match filter {
            Some(filter) => (Scope::Subtree, filter),
            None => (Scope::Base, "(objectClass=*)"),
        };
        ldap.with_search_options(SearchOptions::new().sizelimit(most));
        let found = ldap.search(domain, scope, filter, attributes.to_vec()).await?;
        let is_cut = found.1.rc == SIZE_LIMIT_EXCEEDED;
        let entries = if is_cut { found.0 } else { found.success()?.0 };
        let _ = ldap.unbind().await;
        // The result also has referrals to other domains of the forest, which are not objects.
        let objects = entries.into_iter().filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        Ok(objects.map(SearchEntry::construct).collect())
    }
}

/// Returns the first value of an attribute. The directory may write the name of the attribute in other letter
/// cases.
pub(crate) fn first<'e>(entry: &'e SearchEntry, attribute: &str) -> Option<&'e str> {
    let (_, values) = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute))?;
    values.first().map(String::as_str)
}

/// Returns the settings of TLS that trust the authorities in a file.
fn tls(ca: &Path) -> Result<Arc<ClientConfig>, Failure> {
    let in_file = |error: String| format!("{}: {error}", ca.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(|error| in_file(error.to_string()))? {
        let certificate = certificate.map_err(|error| in_file(error.to_string()))?;
        roots.add(certificate).map_err(|error| in_file(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(in_file("no certificate".into()).into());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// The longest time of one search. The search is part of a job, which expires within ten seconds.
const WHOLE: Duration = Duration::from_millis(1_500);

/// The result code of a search that found more objects than the client asked for (RFC 4511 appendix A.2).
const SIZE_LIMIT_EXCEEDED: u32 = 4;
