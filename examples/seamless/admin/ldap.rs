//! The directory by LDAP over TLS, with a simple bind. A simple bind over TLS needs neither signing nor channel
//! binding.
//!
//! This tool overwrites its own copies of passwords. The LDAP library does not overwrite the messages that it sent.

use crate::address::Address;
use crate::directory::{Container, Directory, Domain, Holders, NewAccount, Object, parent, unicode_pwd};
use crate::ldap_entry::{Entry, entries};
use crate::ldap_error::DirectoryError;
use crate::ldap_name::{computers, dns_name, extended, of_another_domain};
use crate::security_descriptor::SecurityDescriptor;
use kerberos_sso::Sid;
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::RawControl;
use ldap3::exop::{Exop, WhoAmI};
use ldap3::{LdapConn, LdapConnSettings, LdapError, LdapResult, Mod, Scope, ldap_escape};
use rustls::ClientConfig;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// A connection to a domain controller.
pub struct Ldap<'a> {
    access: Access<'a>,
    at: Address,
    connection: LdapConn,
    catalogue: Catalogue,
    /// The distinguished name of the domain.
    dn: String,
    root: Entry,
    has_changed: bool,
}

/// What the tool needs to connect and bind to a directory.
#[derive(Clone)]
pub struct Access<'a> {
    /// The settings of TLS.
    pub tls: Arc<ClientConfig>,
    /// The name of the administrator.
    pub name: String,
    /// The administrator's password.
    pub password: &'a str,
}

impl std::fmt::Debug for Access<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Ldap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ldap").field("at", &self.at).finish_non_exhaustive()
    }
}

/// What the configuration partition of the directory says about the forest.
struct Forest {
    others: Vec<(String, Option<Sid>)>,
    suffixes: Vec<String>,
    /// The NetBIOS name of the account's domain.
    netbios: String,
}

/// The global catalogue. The tool connects to the global catalogue when a command first searches the whole forest.
enum Catalogue {
    Unasked(Address),
    Open(LdapConn),
    Silent,
}

impl<'a> Ldap<'a> {
    /// Connects and binds.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the connection or of the bind.
    pub fn connect(at: &Address, catalogue: Address, access: Access<'a>) -> Result<Self, DirectoryError> {
        let mut connection = access.connect(at)?;
        let attributes =
            ["defaultNamingContext", "configurationNamingContext", "currentTime", "dnsHostName", "tokenGroups"];
        let found = search(&mut connection, at, &Query::of("", "(objectClass=*)", &attributes))?;
        let root = found.into_iter().next().ok_or(DirectoryError::Answer("the root DSE"))?;
        let dn = root.text("defaultNamingContext").ok_or(DirectoryError::Answer("defaultNamingContext"))?;
        Ok(Self {
            access,
            at: at.clone(),
            connection,
            catalogue: Catalogue::Unasked(catalogue),
            dn,
            root,
            has_changed: false,
        })
    }

    /// Returns whether this run asked the directory for a change.
    #[must_use]
    pub const fn has_changed(&self) -> bool {
        self.has_changed
    }

    fn search(&mut self, query: &Query<'_>) -> Result<Vec<Entry>, DirectoryError> {
        search(&mut self.connection, &self.at, query)
    }

    /// Reads one object, which must exist.
    fn one(&mut self, query: &Query<'_>) -> Result<Entry, DirectoryError> {
        self.search(query)?.into_iter().next().ok_or(DirectoryError::Answer("the object"))
    }

    /// Searches the domain, and the forest if the global catalogue answers.
    fn find(&mut self, filter: &str) -> Result<Holders, DirectoryError> {
        let dn = self.dn.clone();
        let mut found = self.search(&Query::of(&dn, filter, &["1.1"]).below())?;
        if let Catalogue::Unasked(at) = &self.catalogue {
            self.catalogue = self.access.connect(at).map_or(Catalogue::Silent, Catalogue::Open);
        }
        let is_forest_wide = match &mut self.catalogue {
            Catalogue::Open(connection) => {
                found.extend(search(connection, &self.at, &Query::of("", filter, &["1.1"]).below())?);
                true
            }
            _ => false,
        };
        let mut dns: Vec<_> = found.into_iter().map(|entry| entry.dn).collect();
        dns.sort_by_key(|dn| dn.to_lowercase());
        dns.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
        Ok(Holders { dns, is_forest_wide })
    }

    fn modify(
        &mut self,
        dn: &str,
        changes: &[(&str, Vec<u8>)],
        control: Option<RawControl>,
    ) -> Result<(), DirectoryError> {
        let change =
            |(name, value): &(&str, Vec<u8>)| Mod::Replace(name.as_bytes().to_vec(), HashSet::from([value.clone()]));
        self.has_changed = true;
        self.connection.with_timeout(TIMEOUT);
        if let Some(control) = control {
            self.connection.with_controls(vec![control]);
        }
        let answer = self.connection.modify(dn, changes.iter().map(change).collect());
        self.result(answer)
    }

    /// Searches the domain in pages (RFC 2696), because the directory ends a search after 1000 objects.
    fn paged(&mut self, filter: &str, attribute: &str) -> Result<Vec<Entry>, DirectoryError> {
        let failed = |error| failed(&self.at, error);
        let adapters: Vec<Box<dyn Adapter<_, _>>> =
            vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(500))];
        self.connection.with_timeout(TIMEOUT);
        let opened = self.connection.streaming_search_with(adapters, &self.dn, Scope::Subtree, filter, vec![attribute]);
        let mut stream = opened.map_err(failed)?;
        let mut found = Vec::new();
        while let Some(entry) = stream.next().map_err(failed)? {
            found.push(entry);
        }
        checked(&self.at, Ok(stream.result()))?;
        Ok(entries(found))
    }

    fn result(&self, result: Result<LdapResult, LdapError>) -> Result<(), DirectoryError> {
        checked(&self.at, result).map(drop)
    }

    /// Returns the DNS names of the domain controllers. The configuration partition lists the domain controllers below
    /// its sites.
    fn controllers(&mut self, configuration: &str) -> Result<Vec<String>, DirectoryError> {
        let base = format!("CN=Sites,{configuration}");
        let attributes = ["msDS-hasMasterNCs", "hasMasterNCs"];
        let found = self.search(&Query::of(&base, "(objectClass=nTDSDSA)", &attributes).below())?;
        let is_ours = |entry: &&Entry| {
            let all = entry.texts("msDS-hasMasterNCs").into_iter().chain(entry.texts("hasMasterNCs"));
            all.into_iter().any(|context| context.eq_ignore_ascii_case(&self.dn))
        };
        let servers: Vec<String> =
            found.iter().filter(is_ours).filter_map(|entry| Some(entry.dn.split_once(',')?.1.to_owned())).collect();
        let mut names = Vec::new();
        for server in servers {
            names.extend(self.host_name(&server)?);
        }
        Ok(names)
    }

    /// Returns the DNS name of a domain controller. `server` is the DN of the domain controller's object in the sites
    /// of the configuration partition.
    fn host_name(&mut self, server: &str) -> Result<Option<String>, DirectoryError> {
        Ok(self.one(&Query::of(server, "(objectClass=*)", &["dNSHostName"]))?.text("dNSHostName"))
    }

    /// Returns the DNS name of the PDC emulator. `head` is the object of the domain. The attribute `fSMORoleOwner` of
    /// `head` names an object directly below the object of the domain controller (MS-ADTS section 3.1.1.1.11).
    fn pdc(&mut self, head: &Entry) -> Result<Option<String>, DirectoryError> {
        let owner = head.text("fSMORoleOwner").unwrap_or_default();
        let Some(server) = parent(&owner) else { return Ok(None) };
        match self.host_name(server) {
            // The role still belongs to a domain controller that was removed.
            Err(error) if error.is_no_such_object() => Ok(None),
            found => found,
        }
    }

    /// Asks the directory who the connection's user is (RFC 4532). Samba 4.17 does not support this operation. But
    /// Samba 4.17 accepts no user of another domain, so the tool does not need the answer there.
    fn who_am_i(&mut self) -> Result<String, DirectoryError> {
        let answer = self.connection.with_timeout(TIMEOUT).extended(WhoAmI).map_err(|error| failed(&self.at, error))?;
        let Exop { val, .. } = answer.0;
        Ok(String::from_utf8(val.unwrap_or_default()).unwrap_or_default())
    }

    /// Returns the other domains of the forest, and the suffixes of user principal names.
    fn forest(&mut self, configuration: &str) -> Result<Forest, DirectoryError> {
        let base = format!("CN=Partitions,{configuration}");
        // Only the cross-reference of a domain has FLAG_CR_NTDS_DOMAIN (MS-ADTS section 6.1.1.2.1.1.2).
        let filter = "(&(objectClass=crossRef)(systemFlags:1.2.840.113556.1.4.803:=2))";
        let query = Query::of(&base, filter, &["nCName", "dnsRoot", "nETBIOSName"]).below().with(extended_dn());
        let (mut others, mut netbios) = (Vec::new(), String::new());
        for entry in self.search(&query)? {
            let (Some(context), Some(name)) = (entry.text("nCName"), entry.text("dnsRoot")) else { continue };
            let (dn, sid) = extended(&context);
            if dn.eq_ignore_ascii_case(&self.dn) {
                netbios = entry.text("nETBIOSName").unwrap_or_default();
            } else {
                others.push((name, sid));
            }
        }
        let entry = self.one(&Query::of(&base, "(objectClass=*)", &["uPNSuffixes"]))?;
        Ok(Forest { others, suffixes: entry.texts("uPNSuffixes"), netbios })
    }
}

impl Access<'_> {
    fn connect(&self, at: &Address) -> Result<LdapConn, DirectoryError> {
        let settings = LdapConnSettings::new().set_conn_timeout(TIMEOUT).set_config(Arc::clone(&self.tls));
        let opened = LdapConn::with_settings(settings, &format!("ldaps://{at}"));
        let mut connection = opened.map_err(|error| failed(at, error))?;
        let bound = connection.with_timeout(TIMEOUT).simple_bind(&self.name, self.password);
        checked(at, bound)?;
        Ok(connection)
    }
}

impl Directory for Ldap<'_> {
    fn domain(&mut self) -> Result<Domain, DirectoryError> {
        let missing = DirectoryError::Answer;
        let configuration =
            self.root.text("configurationNamingContext").ok_or(missing("configurationNamingContext"))?;
        let dn = self.dn.clone();
        let head = self.one(&Query::of(&dn, "(objectClass=*)", &["objectSid", "wellKnownObjects", "fSMORoleOwner"]))?;
        let computers = head.texts("wellKnownObjects").iter().find_map(|object| computers(object));
        let Forest { others, suffixes, netbios } = self.forest(&configuration)?;
        let sid = head.sid("objectSid").ok_or(missing("objectSid of the domain"))?;
        Ok(Domain {
            name: dns_name(&dn),
            sid,
            time: self.root.generalized_time("currentTime").ok_or(missing("currentTime"))?,
            controller: self.root.text("dnsHostName").ok_or(missing("dnsHostName"))?,
            controllers: self.controllers(&configuration)?,
            pdc: self.pdc(&head)?,
            foreign_administrator: of_another_domain(&self.who_am_i()?, &netbios, sid),
            computers: computers.unwrap_or_else(|| format!("CN=Computers,{dn}")),
            others,
            suffixes,
            own_sids: self.root.sids("tokenGroups"),
            dn,
        })
    }

    fn named(&mut self, name: &str) -> Result<Vec<Object>, DirectoryError> {
        let (dn, name) = (self.dn.clone(), ldap_escape(name));
        let filter = format!("(|(sAMAccountName={name})(sAMAccountName={name}$))");
        let found = self.search(&Query::of(&dn, &filter, &["1.1"]).below())?;
        // The directory computes tokenGroups only in a search for one object (MS-ADTS section 3.1.1.4.5.19).
        let read = |entry: &Entry| {
            let query =
                Query::of(&entry.dn, "(objectClass=*)", &OF_ACCOUNT).with(descriptor_parts(OWNER | GROUP | DACL));
            self.one(&query).map(|entry| object(&entry))
        };
        found.iter().map(read).collect()
    }

    fn holders(&mut self, service: &str) -> Result<Holders, DirectoryError> {
        self.find(&format!("(servicePrincipalName={})", ldap_escape(service)))
    }

    fn delegating(&mut self, service: &str) -> Result<Holders, DirectoryError> {
        // A port or a realm may follow the name, so the filter ends with `*`.
        self.find(&format!("(msDS-AllowedToDelegateTo={}*)", ldap_escape(service)))
    }

    fn acting(&mut self) -> Result<Vec<(String, Vec<u8>)>, DirectoryError> {
        let attribute = "msDS-AllowedToActOnBehalfOfOtherIdentity";
        let found = self.paged(&format!("({attribute}=*)"), attribute)?;
        let value = |entry: Entry| entry.octets(attribute).map(<[u8]>::to_vec).map(|octets| (entry.dn, octets));
        Ok(found.into_iter().filter_map(value).collect())
    }

    fn name_of(&mut self, sid: Sid) -> Result<Option<String>, DirectoryError> {
        let (dn, filter) = (self.dn.clone(), format!("(objectSid={sid})"));
        Ok(self.search(&Query::of(&dn, &filter, &["1.1"]).below())?.into_iter().next().map(|entry| entry.dn))
    }

    fn container(&mut self, dn: &str) -> Result<Container, DirectoryError> {
        let attributes = ["allowedChildClassesEffective", "sDRightsEffective", "nTSecurityDescriptor"];
        let entry = self.one(&Query::of(dn, "(objectClass=*)", &attributes).with(descriptor_parts(DACL)))?;
        let classes = entry.texts("allowedChildClassesEffective");
        Ok(Container {
            dn: entry.dn.clone(),
            may_create_computers: classes.iter().any(|class| class.eq_ignore_ascii_case("computer")),
            // MS-ADTS section 3.1.1.4.5.4
            may_write_dacl: entry.number("sDRightsEffective").is_some_and(|rights| rights & u32::from(DACL) != 0),
            descriptor: entry.octets("nTSecurityDescriptor").unwrap_or_default().to_vec(),
        })
    }

    fn create(&mut self, account: &NewAccount<'_>) -> Result<(), DirectoryError> {
        let one = |value: &str| HashSet::from([value.as_bytes().to_vec()]);
        let services = account.services.iter().map(|service| service.as_bytes().to_vec()).collect();
        let attributes = [
            ("objectClass", one("computer")),
            ("sAMAccountName", one(account.name)),
            // WORKSTATION_TRUST_ACCOUNT.
            ("userAccountControl", one("4096")),
            ("servicePrincipalName", services),
            ("msDS-SupportedEncryptionTypes", one(&account.etypes.to_string())),
            ("unicodePwd", HashSet::from([unicode_pwd(account.password.0).to_vec()])),
        ];
        let attributes = attributes.into_iter().map(|(name, values)| (name.as_bytes().to_vec(), values)).collect();
        self.has_changed = true;
        let added = self.connection.with_timeout(TIMEOUT).add(account.dn, attributes);
        self.result(added)
    }

    fn set_password(&mut self, dn: &str, password: Option<&str>, etypes: Option<u32>) -> Result<(), DirectoryError> {
        let password = password.map(|password| ("unicodePwd", unicode_pwd(password).to_vec()));
        let etypes = etypes.map(|etypes| ("msDS-SupportedEncryptionTypes", etypes.to_string().into_bytes()));
        let changes: Vec<_> = password.into_iter().chain(etypes).collect();
        self.modify(dn, &changes, None)
    }

    fn write_dacl(&mut self, dn: &str, descriptor: &SecurityDescriptor) -> Result<(), DirectoryError> {
        let octets = descriptor.encode_dacl().ok_or(DirectoryError::Answer("a DACL"))?;
        self.modify(dn, &[("nTSecurityDescriptor", octets)], Some(descriptor_parts(DACL)))
    }

    fn disable(&mut self, dn: &str, control: u32) -> Result<(), DirectoryError> {
        let control = control | crate::well_known::account_control::DISABLED;
        self.modify(dn, &[("userAccountControl", control.to_string().into_bytes())], None)
    }

    fn delete(&mut self, dn: &str) -> Result<(), DirectoryError> {
        self.has_changed = true;
        let deleted = self.connection.with_timeout(TIMEOUT).delete(dn);
        self.result(deleted)
    }
}

/// Makes an object from its entry.
fn object(entry: &Entry) -> Object {
    let classes = entry.texts("objectClass");
    let has_class = |name: &str| classes.iter().any(|class| class.eq_ignore_ascii_case(name));
    Object {
        dn: entry.dn.clone(),
        name: entry.text("sAMAccountName").unwrap_or_default(),
        sid: entry.sid("objectSid"),
        is_computer: has_class("computer") && !has_class("msDS-GroupManagedServiceAccount"),
        control: entry.number("userAccountControl").unwrap_or(0),
        kvno: entry.number("msDS-KeyVersionNumber"),
        etypes: entry.number("msDS-SupportedEncryptionTypes"),
        services: entry.texts("servicePrincipalName"),
        password_set: entry.file_time("pwdLastSet"),
        may_delegate_to: entry.texts("msDS-AllowedToDelegateTo"),
        may_act_for: entry.octets("msDS-AllowedToActOnBehalfOfOtherIdentity").map(<[u8]>::to_vec),
        groups: entry.sids("tokenGroups"),
        descriptor: entry.octets("nTSecurityDescriptor").unwrap_or_default().to_vec(),
        writable: entry.texts("allowedAttributesEffective").iter().map(|name| name.to_lowercase()).collect(),
    }
}

/// A search.
struct Query<'q> {
    base: &'q str,
    scope: Scope,
    filter: &'q str,
    attributes: &'q [&'q str],
    control: Option<RawControl>,
}

impl<'q> Query<'q> {
    /// Makes a search of the object `base` only.
    const fn of(base: &'q str, filter: &'q str, attributes: &'q [&'q str]) -> Self {
        Self { base, scope: Scope::Base, filter, attributes, control: None }
    }

    /// Makes a search of `base` and of everything below it.
    fn below(self) -> Self {
        Self { scope: Scope::Subtree, ..self }
    }

    fn with(self, control: RawControl) -> Self {
        Self { control: Some(control), ..self }
    }
}

fn search(connection: &mut LdapConn, at: &Address, query: &Query<'_>) -> Result<Vec<Entry>, DirectoryError> {
    connection.with_timeout(TIMEOUT);
    if let Some(control) = &query.control {
        connection.with_controls(vec![control.clone()]);
    }
    let found = connection
        .search(query.base, query.scope, query.filter, query.attributes)
        .map_err(|error| failed(at, error))?;
    checked(at, Ok(found.1))?;
    Ok(entries(found.0))
}

fn checked(at: &Address, result: Result<LdapResult, LdapError>) -> Result<LdapResult, DirectoryError> {
    let result = result.map_err(|error| failed(at, error))?;
    if result.rc == 0 { Ok(result) } else { Err(DirectoryError::of_result(result.rc, &result.text)) }
}

fn failed(at: &Address, error: LdapError) -> DirectoryError {
    let at = at.to_string();
    match error {
        LdapError::LdapResult { result } => DirectoryError::of_result(result.rc, &result.text),
        LdapError::Rustls { source } => DirectoryError::Certificate { at, error: source.to_string() },
        LdapError::DNSName { source } => DirectoryError::Certificate { at, error: source.to_string() },
        LdapError::Io { source } => {
            let tls = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match tls {
                Some(rustls::Error::InvalidCertificate(_)) => {
                    DirectoryError::Certificate { at, error: source.to_string() }
                }
                _ => DirectoryError::Unreachable { at, error: source.to_string() },
            }
        }
        other => DirectoryError::Unreachable { at, error: other.to_string() },
    }
}

/// Returns the control that limits a request to these parts of security descriptors (LDAP_SERVER_SD_FLAGS_OID, MS-ADTS
/// section 3.1.1.3.4.1.11).
fn descriptor_parts(parts: u8) -> RawControl {
    RawControl { ctype: "1.2.840.113556.1.4.801".into(), crit: true, val: Some(vec![0x30, 3, 2, 1, parts]) }
}

/// Returns the control that asks for distinguished names with the SID in text (LDAP_SERVER_EXTENDED_DN_OID, MS-ADTS
/// section 3.1.1.3.4.1.5).
fn extended_dn() -> RawControl {
    RawControl { ctype: "1.2.840.113556.1.4.529".into(), crit: false, val: Some(vec![0x30, 3, 2, 1, 1]) }
}

const OWNER: u8 = 1;
const GROUP: u8 = 2;
const DACL: u8 = 4;

const TIMEOUT: Duration = Duration::from_secs(10);

const OF_ACCOUNT: [&str; 13] = [
    "objectClass",
    "objectSid",
    "sAMAccountName",
    "userAccountControl",
    "msDS-KeyVersionNumber",
    "msDS-SupportedEncryptionTypes",
    "servicePrincipalName",
    "pwdLastSet",
    "msDS-AllowedToDelegateTo",
    "msDS-AllowedToActOnBehalfOfOtherIdentity",
    "tokenGroups",
    "nTSecurityDescriptor",
    "allowedAttributesEffective",
];
