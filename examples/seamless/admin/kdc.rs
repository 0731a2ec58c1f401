//! The KDC of a domain controller. The commands get a ticket, as a browser does, because the attributes of the
//! directory do not say which key the KDC uses.

use crate::address::Address;
use kerberos_sso::{Salt, UnixTime};
use krb5::client::{NT_PRINCIPAL, NT_SRV_HST};
use krb5::{ClientError, InitiatorContext, KdcClient, Principal};
use rasn_kerberos::{
    AsRep, AsReq, EtypeInfo2, KdcOptions, KdcReq, KdcReqBody, KrbError, MethodData, PaData, PrincipalName,
};
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;
use thiserror::Error;

/// The requests to KDCs that the commands use.
pub trait Kdc {
    /// Sends an AS-REQ for the account without pre-authentication. The KDC answers with the salt of the account's keys
    /// (ETYPE-INFO2, RFC 4120 section 5.2.7.5) and with its time. The KDC does not count this request as a wrong
    /// password.
    ///
    /// # Errors
    /// Returns the [`KdcError`] of this KDC.
    fn announce(&mut self, at: &Address, account: &str) -> Result<Announcement, KdcError>;

    /// Signs a client in, and gets a ticket for a service.
    ///
    /// # Errors
    /// Returns the [`KdcError`] of this KDC.
    fn ticket(&mut self, at: &Address, client: Client<'_>, service: &str) -> Result<ServiceTicket, KdcError>;
}

/// The client that asks for a ticket.
#[derive(Clone, Copy)]
pub enum Client<'a> {
    /// The administrator of the command line.
    Administrator,
    /// The account, with this password.
    Account {
        /// The account name with `$`.
        name: &'a str,
        /// The password.
        password: &'a str,
    },
}

/// The answer of a KDC to an AS-REQ without pre-authentication.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// Whether the KDC knows the account.
    pub is_known: bool,
    /// The salt of the AES keys, or `None` if the KDC names none. An account with RC4 keys only has no salt.
    pub salt: Option<Salt>,
    /// The KDC's clock, or `None` if the account needs no pre-authentication.
    pub time: Option<UnixTime>,
}

/// A ticket for a service.
#[derive(Clone, Debug)]
pub struct ServiceTicket {
    /// The version of the key that encrypts the ticket.
    pub kvno: Option<u32>,
    /// The encryption type of the key that encrypts the ticket.
    pub etype: i32,
    /// The GSS token that a client would send to the server. It contains the ticket.
    pub token: Vec<u8>,
}

/// The reason for which a KDC gives no ticket.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KdcError {
    /// The tool cannot connect to the KDC.
    #[error("the KDC {at} cannot be reached: {error}")]
    Unreachable {
        /// The host and the port.
        at: String,
        /// The error of the operating system.
        error: String,
    },
    /// The KDC refused.
    #[error("the KDC {at} refuses: {cause} (error {code})")]
    Refused {
        /// The host and the port.
        at: String,
        /// The error code (RFC 4120 section 7.5.9).
        code: i32,
        /// What the code means.
        cause: &'static str,
    },
    /// The client has no AES key, and this tool supports no other encryption type.
    #[error("the KDC {at} refuses: {client} has no AES key, because its password is too old")]
    ClientWithoutAes {
        /// The host and the port.
        at: String,
        /// The account.
        client: String,
    },
    /// The KDC's answer cannot be used.
    #[error("the answer of the KDC {at} cannot be used: {error}")]
    Answer {
        /// The host and the port.
        at: String,
        /// The error of the Kerberos library.
        error: String,
    },
}

impl KdcError {
    fn refused(at: &Address, code: i32) -> Self {
        let cause = match code {
            6 => "it knows no such account",
            7 => "it knows no account with this service name",
            14 => "the account has no key of a type that this tool supports, which is AES",
            18 => "the account is disabled, locked or expired",
            23 => "the password has expired",
            24 => "the password is wrong",
            37 => "its clock differs by more than five minutes",
            _ => krb5::client::kdc_error_name(code),
        };
        Self::Refused { at: at.to_string(), code, cause }
    }

    /// Returns whether the KDC refused because the password is wrong.
    #[must_use]
    pub const fn is_wrong_password(&self) -> bool {
        matches!(self, Self::Refused { code: 24, .. })
    }

    /// Returns whether the KDC refused because the account has no AES key yet.
    #[must_use]
    pub const fn is_without_aes(&self) -> bool {
        matches!(self, Self::Refused { code: 14, .. })
    }
}

impl std::fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Administrator => "Administrator",
            Self::Account { .. } => "Account(..)",
        })
    }
}

/// The KDCs of a realm over TCP.
pub struct RealKdc<'a> {
    realm: String,
    administrator: Administrator<'a>,
}

/// The administrator of the command line.
#[derive(Clone, Copy)]
pub struct Administrator<'a> {
    /// `user`, `user@domain` or `DOMAIN\user`.
    pub name: &'a str,
    /// The password.
    pub password: &'a str,
}

impl std::fmt::Debug for Administrator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administrator").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RealKdc<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RealKdc").field("realm", &self.realm).finish_non_exhaustive()
    }
}

impl<'a> RealKdc<'a> {
    /// Makes the client of a realm.
    #[must_use]
    pub const fn new(realm: String, administrator: Administrator<'a>) -> Self {
        Self { realm, administrator }
    }

    fn principal<'c>(&self, client: Client<'c>) -> (Principal, &'c str)
    where
        'a: 'c,
    {
        match client {
            Client::Account { name, password } => (Principal::new(NT_PRINCIPAL, [name], &self.realm), password),
            Client::Administrator => {
                let Administrator { name, password } = self.administrator;
                let name = name.split_once('\\').map_or(name, |(_, name)| name);
                let name_type = if name.contains('@') { NT_ENTERPRISE } else { NT_PRINCIPAL };
                (Principal::new(name_type, [name], &self.realm), password)
            }
        }
    }
}

impl Kdc for RealKdc<'_> {
    fn announce(&mut self, at: &Address, account: &str) -> Result<Announcement, KdcError> {
        let broken = |error: &str| KdcError::Answer { at: at.to_string(), error: error.into() };
        let request = as_req(account, &self.realm).ok_or_else(|| broken("the name cannot be sent"))?;
        let answer = exchange(at, &request)
            .map_err(|error| KdcError::Unreachable { at: at.to_string(), error: error.to_string() })?;
        if let Ok(AsRep(reply)) = rasn::der::decode::<AsRep>(&answer) {
            return Ok(Announcement { is_known: true, salt: salt_in(&reply.padata.unwrap_or_default()), time: None });
        }
        let error: KrbError = rasn::der::decode(&answer).map_err(|_| broken("it is neither a ticket nor an error"))?;
        if !matches!(error.error_code, PREAUTHENTICATION_REQUIRED | UNKNOWN_CLIENT) {
            return Err(KdcError::refused(at, error.error_code));
        }
        let methods = error.e_data.and_then(|data| rasn::der::decode::<MethodData>(&data).ok()).unwrap_or_default();
        Ok(Announcement {
            is_known: error.error_code == PREAUTHENTICATION_REQUIRED,
            salt: salt_in(&methods),
            time: Some(UnixTime::from_seconds(error.stime.0.timestamp())),
        })
    }

    fn ticket(&mut self, at: &Address, client: Client<'_>, service: &str) -> Result<ServiceTicket, KdcError> {
        let kdc = KdcClient::new(&self.realm, [at.to_string()])
            .with_udp(false)
            .with_timeout(ONE_EXCHANGE)
            .with_lifetime(TICKET_LIFETIME);
        let (principal, password) = self.principal(client);
        let service = Principal::new(NT_SRV_HST, service.split('/'), &self.realm);
        let tgt = kdc.login_with_password(&principal, password).map_err(|error| match error {
            ClientError::Kdc { code: 14, .. } => {
                KdcError::ClientWithoutAes { at: at.to_string(), client: principal.name() }
            }
            error => of_client(at, error),
        })?;
        let credentials = kdc.service_ticket(&tgt, &service).map_err(|error| of_client(at, error))?;
        let broken = |error: String| KdcError::Answer { at: at.to_string(), error };
        let ticket: rasn_kerberos::Ticket =
            rasn::der::decode(&credentials.ticket).map_err(|error| broken(error.to_string()))?;
        let made = InitiatorContext::new(&credentials, krb5::initiator::GSS_C_MUTUAL_FLAG);
        let (_, token) = made.map_err(|error| broken(error.to_string()))?;
        Ok(ServiceTicket { kvno: ticket.enc_part.kvno, etype: ticket.enc_part.etype, token })
    }
}

fn of_client(at: &Address, error: ClientError) -> KdcError {
    match error {
        ClientError::Kdc { code, .. } => KdcError::refused(at, code),
        ClientError::Unreachable { last, .. } => KdcError::Unreachable { at: at.to_string(), error: last.to_string() },
        // If an account needs no pre-authentication, the KDC answers every client, and the key of a wrong password
        // cannot decrypt the answer.
        ClientError::Crypto(_) => KdcError::refused(at, 24),
        other => KdcError::Answer { at: at.to_string(), error: other.to_string().escape_debug().to_string() },
    }
}

/// Returns an AS-REQ without pre-authentication (RFC 4120 section 5.4.1).
fn as_req(account: &str, realm: &str) -> Option<Vec<u8>> {
    let text = |text: &str| rasn_kerberos::KerberosString::try_from(text.as_bytes().to_vec()).ok();
    let mut nonce = [0; 4];
    getrandom::fill(&mut nonce).ok()?;
    let body = KdcReqBody {
        kdc_options: KdcOptions(rasn::types::BitString::from_slice(&[0; 4])),
        cname: Some(PrincipalName { r#type: NT_PRINCIPAL, string: vec![text(account)?] }),
        realm: text(realm)?,
        sname: Some(PrincipalName { r#type: krb5::client::NT_SRV_INST, string: vec![text("krbtgt")?, text(realm)?] }),
        from: None,
        // Windows clients send 2037-09-13T02:48:05Z to ask for the longest lifetime.
        till: rasn_kerberos::KerberosTime("2037-09-13T02:48:05Z".parse().ok()?),
        rtime: None,
        nonce: u32::from_be_bytes(nonce) >> 1,
        etype: vec![18, 17, 23],
        addresses: None,
        enc_authorization_data: None,
        additional_tickets: None,
    };
    rasn::der::encode(&AsReq(KdcReq { pvno: 5.into(), msg_type: 10.into(), padata: None, req_body: body })).ok()
}

/// Returns the salt of the first AES key in ETYPE-INFO2.
fn salt_in(padata: &[PaData]) -> Option<Salt> {
    let info = padata.iter().find(|data| data.r#type == ETYPE_INFO2)?;
    let entries: EtypeInfo2 = rasn::der::decode(&info.value).ok()?;
    let entry = entries.into_iter().find(|entry| matches!(entry.etype, 17 | 18))?;
    String::from_utf8(entry.salt?.to_vec()).ok().map(Salt::custom)
}

/// Sends a request and reads the answer. The four octets before each message are its length (RFC 4120 section 7.2.2).
fn exchange(at: &Address, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let addresses = (at.host.as_str(), at.port).to_socket_addrs()?;
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, ONE_EXCHANGE) {
            Ok(mut kdc) => {
                kdc.set_read_timeout(Some(ONE_EXCHANGE))?;
                kdc.set_write_timeout(Some(ONE_EXCHANGE))?;
                kdc.write_all(&u32::try_from(request.len()).unwrap_or(u32::MAX).to_be_bytes())?;
                kdc.write_all(request)?;
                let mut size = [0; 4];
                kdc.read_exact(&mut size)?;
                let size = u32::from_be_bytes(size).min(MAX_SIZE);
                let mut answer = vec![0; usize::try_from(size).unwrap_or(0)];
                kdc.read_exact(&mut answer)?;
                return Ok(answer);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The name type of an enterprise name (RFC 6806 section 5).
const NT_ENTERPRISE: i32 = 10;
/// KDC_ERR_PREAUTH_REQUIRED.
const PREAUTHENTICATION_REQUIRED: i32 = 25;
/// KDC_ERR_C_PRINCIPAL_UNKNOWN.
const UNKNOWN_CLIENT: i32 = 6;
/// PA-ETYPE-INFO2.
const ETYPE_INFO2: i32 = 19;
const ONE_EXCHANGE: Duration = Duration::from_secs(5);
/// The lifetime of the TGT. With a TGT of two minutes, Samba issues no service ticket.
const TICKET_LIFETIME: Duration = Duration::from_mins(10);
/// The largest answer that the tool reads, in octets.
const MAX_SIZE: u32 = 256 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// ETYPE-INFO2 has an entry for RC4 without a salt, and an entry for AES256 with the salt of a computer.
    #[test]
    fn salt_is_read_from_the_aes_entry_after_an_rc4_entry_without_salt() {
        let salt = "CONTOSO.TESThostazureadssoacc.contoso.test";
        let entry = |etype, salt: Option<&str>| rasn_kerberos::EtypeInfo2Entry {
            etype,
            salt: salt.map(|salt| rasn_kerberos::KerberosString::try_from(salt.as_bytes().to_vec()).unwrap()),
            s2kparams: None,
        };
        let info = rasn::der::encode(&vec![entry(23, None), entry(18, Some(salt))]).unwrap();
        let padata = [PaData { r#type: 2, value: vec![].into() }, PaData { r#type: 19, value: info.into() }];
        assert_eq!(salt_in(&padata), Some(Salt::computer("AZUREADSSOACC$", "CONTOSO.TEST")));
        let rc4 = rasn::der::encode(&vec![entry(23, None)]).unwrap();
        assert_eq!(salt_in(&[PaData { r#type: 19, value: rc4.into() }]), None);
    }

    #[test]
    fn request_names_the_account_and_lists_aes_before_rc4() {
        let request: AsReq = rasn::der::decode(&as_req("AZUREADSSOACC$", "CONTOSO.TEST").unwrap()).unwrap();
        assert_eq!(request.0.req_body.etype, [18, 17, 23]);
        assert_eq!(**request.0.req_body.cname.unwrap().string.first().unwrap(), *b"AZUREADSSOACC$");
    }
}
