//! The action that an administrator can take against the cause of an error.

use super::{Error, Integrity, NoKey, remedies};
use core::fmt;

impl Error {
    /// Returns the action that an administrator can take, in sentences that [`Remedy`] prints. The result is `None` if
    /// a broken client or an attacker sent the request, so that an administrator can do nothing.
    #[must_use]
    pub const fn remedy(&self) -> Option<Remedy<'_>> {
        match remedies::words(self) {
            Some(words) => Some(Remedy { words, service: self.service() }),
            None => None,
        }
    }

    /// Returns the service that the client asked for, if the ticket was read before the error.
    const fn service(&self) -> Service<'_> {
        match self {
            Self::NoKey(NoKey { wanted, .. }) => Service::Named(&wanted.service),
            Self::KeyVersion(key_version) => Service::Named(&key_version.wanted.service),
            Self::Integrity(Integrity::Ticket { service, .. }) | Self::ServiceRefused { service, .. } => {
                Service::Named(service)
            }
            _ => Service::Unknown,
        }
    }
}

/// The action that an administrator can take against the cause of an error. `Display` prints sentences.
///
/// Some sentences hold a command. The command names the service if the error knows it. For a client without a ticket, the
/// error does not know the service. The caller then gives the host that the client asked for
/// ([`for_host`](Self::for_host)).
///
/// ```
/// # use kerberos_sso::replay::NoReplayCache;
/// # use kerberos_sso::{KeySet, Policy, UnixTime, Validator};
/// # let validator = Validator::new(KeySet::default(), Policy::default(), NoReplayCache);
/// let refused = validator.validate_ticket(b"NTLMSSP\0\x01\0\0\0", UnixTime::from_seconds(1_795_000_000)).unwrap_err();
/// let remedy = refused.remedy().unwrap();
/// assert!(remedy.to_string().contains("setspn -Q HTTP/<the host in the URL>"));
/// let remedy = remedy.for_host("web.contoso.test");
/// assert!(remedy.to_string().contains("setspn -Q HTTP/web.contoso.test"));
/// ```
///
/// The default remedy prints an empty text.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Remedy<'a> {
    /// The sentences. [`SERVICE`] marks the places where `Display` writes the service.
    words: &'static str,
    service: Service<'a>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Service<'a> {
    #[default]
    Unknown,
    /// The ticket names this service.
    Named(&'a super::BoundedText),
    /// The client asked for this host.
    OfHost(&'a str),
}

impl<'a> Remedy<'a> {
    #[cfg(feature = "tower")]
    pub(crate) const fn new(words: &'static str) -> Self {
        Self { words, service: Service::Unknown }
    }

    /// Fills in the host that the client asked for, without a port. If the error knows the service, the remedy keeps that
    /// service.
    #[must_use]
    pub const fn for_host(self, host: &'a str) -> Self {
        match self.service {
            Service::Named(_) => self,
            Service::Unknown | Service::OfHost(_) => Self { service: Service::OfHost(host), ..self },
        }
    }
}

impl fmt::Display for Remedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.words.split(SERVICE).enumerate() {
            if index > 0 {
                self.service.fmt(f)?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Remedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl fmt::Display for Service<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(service) if !service.is_cut() && is_harmless(service.as_str()) => f.write_str(service.as_str()),
            Self::OfHost(host) if is_harmless(host) => write!(f, "HTTP/{host}"),
            _ => f.write_str("HTTP/<the host in the URL>"),
        }
    }
}

/// Returns whether a name is safe in a command that an administrator copies to a shell. Anybody can write a name into a
/// ticket or a Host field.
fn is_harmless(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_' | b'/' | b':'))
}

/// The mark that stands for the service in the sentences of a remedy.
pub(super) const SERVICE: &str = "{service}";

#[cfg(test)]
mod tests;
