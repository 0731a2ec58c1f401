//! The command line.

use crate::address::Address;
use crate::journal::Journal;
use crate::retirement::Retirement;
use kerberos_sso::Sid;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;

/// The text of `--help`.
pub const USAGE: &str = "\
seamless-admin enable|rollover|status|disable --forest NAME --dc HOST[:636] --as USER [options]
seamless-admin prune [--keytab FILE] [--dry-run] [--json]

  enable    creates the account with its service names, and writes its keytab
  rollover  replaces the account's key; no sign-in fails
  status    names everything that is wrong with the account
  disable   deletes the account
  prune     removes the old keys from the keytab, as soon as the last ticket under them has ended; asks no directory

  --forest NAME         the DNS name of the account's domain
  --dc HOST[:636]       the PDC emulator, by LDAP over TLS; more domain controllers for rollover and status
  --not-pdc             let --dc be another domain controller than the PDC emulator
  --as USER             the administrator: user, user@domain or DOMAIN\\user
  --ca FILE             the certificate authority of the domain controller, in PEM; else those of this machine
  --kdc HOST:88         the KDC of each --dc, in the same order; else the host of --dc
  --gc HOST:3269        the global catalogue; else the host of --dc
  --account NAME        the account, AZUREADSSOACC by default
  --ou DN               enable: the container; the account is also protected from deletion
  --keytab FILE         the keytab, sso.keytab by default; the journal is beside it
  --config FILE         enable: write the tenant into this configuration of the sign-in server
  --password-fd N       read the administrator's password from this descriptor
  --etypes aes          rollover: also move the account from RC4 to AES
  --node URL            rollover, status: the operators' listener of each node
  --node-ca FILE        the certificate authority of the nodes, in PEM; else --ca
  --no-node             rollover: no node uses the keytab
  --node-wait SECONDS   rollover: the time for nodes to load the new key, 60 by default
  --replication-wait SECONDS  rollover: the time for domain controllers to replicate, 300 by default
  --rollover-user SID   status: the user who runs rollover by a timer; the rights for it are no fault
  --keep                disable: disable the account, and do not delete it
  --yes                 disable: do it
  --dry-run             say what would be done, and change nothing
  --json                print JSON
";

/// The command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Creates the account.
    Enable,
    /// Replaces the key of the account.
    Rollover,
    /// Names what is wrong with the account.
    Status,
    /// Deletes the account.
    Disable,
    /// Removes the old keys from the keytab.
    Prune,
    /// Prints the usage.
    Help,
}

/// The command line, after its check.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is one option of the command line")]
pub struct Arguments {
    /// The command.
    pub command: Command,
    /// The DNS name of the account's domain.
    pub forest: String,
    /// The domain controllers. The tool makes all changes at the first one.
    pub controllers: Vec<Address>,
    /// Whether the first domain controller need not be the PDC emulator.
    pub not_pdc: bool,
    /// The KDCs of the domain controllers.
    pub kdcs: Vec<Address>,
    /// The global catalogue.
    pub catalogue: Option<Address>,
    /// The name of the administrator, as the command line has it.
    pub user: String,
    /// The file with the certificate authorities of the domain controllers.
    pub ca: Option<PathBuf>,
    /// The account name without `$`.
    pub account: String,
    /// The container of the account.
    pub ou: Option<String>,
    /// The keytab.
    pub keytab: PathBuf,
    /// The configuration of the sign-in server.
    pub config: Option<PathBuf>,
    /// The file descriptor from which the tool reads the administrator's password.
    pub password_fd: Option<u32>,
    /// Whether `rollover` moves the account to AES.
    pub to_aes: bool,
    /// The URLs of the nodes.
    pub nodes: Vec<String>,
    /// The file with the certificate authorities of the nodes.
    pub node_ca: Option<PathBuf>,
    /// Whether the operator says that no node uses the keytab.
    pub no_node: bool,
    /// How many seconds the tool waits for the nodes to load a key.
    pub node_wait: u32,
    /// How many seconds the tool waits for the domain controllers to replicate.
    pub replication_wait: u32,
    /// The user who runs `rollover` by a timer. `status` expects that this user has the rights that `rollover` needs.
    pub rollover_user: Option<Sid>,
    /// Whether `disable` only disables the account, and does not delete it.
    pub keep: bool,
    /// Whether the command line confirms `disable`.
    pub yes: bool,
    /// Whether the command only shows what it would do.
    pub dry_run: bool,
    /// Whether the output is JSON.
    pub json: bool,
}

impl Arguments {
    /// Reads a command line, without the name of the program.
    ///
    /// # Errors
    /// Returns the error of the first argument that is wrong, or names an argument that is missing.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let mut read = Self::empty();
        let mut command = None;
        while let Some(argument) = parser.next()? {
            match argument {
                Value(value) if command.is_none() => command = Some(of_name(&value.string()?)?),
                Long("help") | Short('h') => return Ok(Self { command: Command::Help, ..read }),
                Long(name) => {
                    let name = name.to_owned();
                    read.option(&name, &mut parser)?;
                }
                other => return Err(other.unexpected()),
            }
        }
        read.command =
            command.ok_or("name a command: enable, rollover, status, disable or prune; --help lists all options")?;
        read.checked()
    }

    fn empty() -> Self {
        Self {
            command: Command::Status,
            forest: String::new(),
            controllers: Vec::new(),
            not_pdc: false,
            kdcs: Vec::new(),
            catalogue: None,
            user: String::new(),
            ca: None,
            account: "AZUREADSSOACC".into(),
            ou: None,
            keytab: "sso.keytab".into(),
            config: None,
            password_fd: None,
            to_aes: false,
            nodes: Vec::new(),
            node_ca: None,
            no_node: false,
            node_wait: 60,
            replication_wait: 300,
            rollover_user: None,
            keep: false,
            yes: false,
            dry_run: false,
            json: false,
        }
    }

    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), lexopt::Error> {
        match name {
            "forest" => self.forest = parser.value()?.string()?,
            "dc" => self.controllers.push(controller(&parser.value()?.string()?)?),
            "not-pdc" => self.not_pdc = true,
            "as" => self.user = parser.value()?.string()?,
            "ca" => self.ca = Some(parser.value()?.into()),
            "kdc" => self.kdcs.push(address(&parser.value()?.string()?, 88)?),
            "gc" => self.catalogue = Some(catalogue(&parser.value()?.string()?)?),
            "account" => self.account = account_of(&parser.value()?.string()?)?,
            "ou" => self.ou = Some(parser.value()?.string()?),
            "keytab" => self.keytab = parser.value()?.into(),
            "config" => self.config = Some(parser.value()?.into()),
            "password-fd" => self.password_fd = Some(parser.value()?.parse()?),
            "etypes" => self.to_aes = is_aes(&parser.value()?.string()?)?,
            "node" => self.nodes.push(parser.value()?.string()?),
            "node-ca" => self.node_ca = Some(parser.value()?.into()),
            "no-node" => self.no_node = true,
            "node-wait" => self.node_wait = parser.value()?.parse()?,
            "replication-wait" => self.replication_wait = parser.value()?.parse()?,
            "rollover-user" => self.rollover_user = Some(parser.value()?.parse()?),
            "keep" => self.keep = true,
            "yes" => self.yes = true,
            "dry-run" => self.dry_run = true,
            "json" => self.json = true,
            "password" | "pw" => {
                return Err(
                    "a password in the arguments is readable by every user of this machine: use --password-fd".into()
                );
            }
            _ => return Err(Long(name).unexpected()),
        }
        Ok(())
    }

    fn checked(mut self) -> Result<Self, lexopt::Error> {
        if self.command == Command::Prune {
            return Ok(self);
        }
        for (is_missing, option) in [
            (self.forest.is_empty(), "--forest"),
            (self.controllers.is_empty(), "--dc"),
            (self.user.is_empty(), "--as"),
        ] {
            if is_missing {
                return Err(format!("{option} is missing; --help lists all options").into());
            }
        }
        if let Some(any) = self.controllers.iter().find(|dc| dc.host.eq_ignore_ascii_case(&self.forest)) {
            let text = format!(
                "--dc {}: this name leads to any domain controller, and each step must ask the same one",
                any.host
            );
            return Err(format!("{text}; name one, like dc1.{}", self.forest).into());
        }
        if self.kdcs.len() > self.controllers.len() {
            return Err("there are more --kdc than --dc: the n-th --kdc belongs to the n-th --dc".into());
        }
        let without = self.controllers.iter().skip(self.kdcs.len()).map(|dc| Address::new(&dc.host, 88));
        self.kdcs.extend(without.collect::<Vec<_>>());
        if self.command != Command::Rollover && (self.to_aes || self.no_node) {
            return Err("--etypes and --no-node belong to rollover: encryption types change with a new key only".into());
        }
        if self.command == Command::Rollover && (self.nodes.is_empty() != self.no_node) {
            return Err(
                "name each node of the sign-in server by --node URL, or say --no-node if none uses the keytab".into()
            );
        }
        Ok(self)
    }

    /// Returns the account name with `$`.
    #[must_use]
    pub fn account_name(&self) -> String {
        format!("{}$", self.account)
    }

    /// Returns the KDC of the first domain controller.
    #[must_use]
    pub fn kdc(&self) -> Address {
        self.kdcs.first().cloned().unwrap_or_else(|| Address::new("", 88))
    }

    /// Returns the path of the journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        Journal::beside(&self.keytab)
    }

    /// Returns the path of the note about the keys that retire.
    #[must_use]
    pub fn retirement(&self) -> PathBuf {
        Retirement::beside(&self.keytab)
    }

    /// Returns the name with which the administrator binds. A name without a domain belongs to the domain of the
    /// account.
    #[must_use]
    pub fn bind_name(&self) -> String {
        if self.user.contains(['@', '\\']) { self.user.clone() } else { format!("{}@{}", self.user, self.forest) }
    }
}

fn of_name(name: &str) -> Result<Command, lexopt::Error> {
    match name {
        "enable" => Ok(Command::Enable),
        "rollover" => Ok(Command::Rollover),
        "status" => Ok(Command::Status),
        "disable" => Ok(Command::Disable),
        "prune" => Ok(Command::Prune),
        other => Err(format!("{other:?} is no command: enable, rollover, status, disable or prune").into()),
    }
}

fn address(text: &str, port: u16) -> Result<Address, lexopt::Error> {
    Address::parse(text, port).ok_or_else(|| format!("{text:?} is no HOST or HOST:PORT").into())
}

/// Reads the address of a domain controller. Refuses the scheme and the ports of plain LDAP, which would send the
/// password without encryption.
fn controller(text: &str) -> Result<Address, lexopt::Error> {
    let plain = "LDAP without TLS shows the administrator's password to everyone on the way, and the directory accepts no \
                 account password over it";
    if text.starts_with("ldap://") {
        return Err(format!("{text}: {plain}; use --dc HOST:636").into());
    }
    let address = address(text.strip_prefix("ldaps://").unwrap_or(text).trim_end_matches('/'), 636)?;
    match address.port {
        389 | 3268 => Err(format!("{address}: {plain}; use port 636. StartTLS is not offered").into()),
        3269 => Err(format!("{address}: the global catalogue is read-only; use port 636").into()),
        _ => Ok(address),
    }
}

fn catalogue(text: &str) -> Result<Address, lexopt::Error> {
    let address = address(text, 3269)?;
    if address.port == 3268 {
        Err(format!("{address}: port 3268 is without TLS; use port 3269").into())
    } else {
        Ok(address)
    }
}

/// Reads the account name, with or without `$` (MS-SAMR section 3.1.1.8.4 limits it to 15 characters before the `$`).
fn account_of(text: &str) -> Result<String, lexopt::Error> {
    let name = text.strip_suffix('$').unwrap_or(text);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > 15 || !name.bytes().all(is_name) {
        return Err(format!("{text:?}: an account name is up to 15 letters, digits, - and _").into());
    }
    Ok(name.into())
}

fn is_aes(text: &str) -> Result<bool, lexopt::Error> {
    if text == "aes" { Ok(true) } else { Err(format!("--etypes {text}: only aes is offered").into()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn read(line: &str) -> Result<Arguments, String> {
        Arguments::read(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    pub(crate) const COMMON: &str = "--forest contoso.test --dc dc1.contoso.test --as administrator";

    #[test]
    fn command_line_without_options_has_the_defaults_of_the_guide() {
        let arguments = read(&format!("enable {COMMON}")).unwrap();
        assert_eq!(arguments.controllers, [Address::new("dc1.contoso.test", 636)]);
        assert_eq!(arguments.kdc(), Address::new("dc1.contoso.test", 88));
        assert_eq!(
            (arguments.account_name().as_str(), arguments.keytab.to_str()),
            ("AZUREADSSOACC$", Some("sso.keytab"))
        );
        assert_eq!(arguments.bind_name(), "administrator@contoso.test");
        let down_level = read(r"status --forest contoso.test --dc a --as CONTOSO\admin").unwrap();
        assert_eq!(down_level.bind_name(), r"CONTOSO\admin");
    }

    #[test]
    fn connections_without_tls_are_refused_with_the_reason() {
        for dc in ["ldap://dc1", "dc1:389", "dc1:3268"] {
            let error = read(&format!("enable --forest a --as b --dc {dc}")).unwrap_err();
            assert!(error.contains("without TLS") && error.contains("636"), "{error}");
        }
        assert!(read("enable --forest a --as b --dc dc1:3269").unwrap_err().contains("read-only"));
        assert!(read(&format!("enable {COMMON} --gc dc1:3268")).is_err());
    }

    #[test]
    fn password_in_the_arguments_is_refused() {
        let error = read(&format!("enable {COMMON} --password x")).unwrap_err();
        assert!(error.contains("--password-fd"), "{error}");
    }

    #[test]
    fn rollover_needs_either_the_option_node_or_the_option_no_node() {
        assert!(read(&format!("rollover {COMMON}")).unwrap_err().contains("--no-node"));
        assert!(read(&format!("rollover {COMMON} --no-node --node http://127.0.0.1:9")).is_err());
        assert!(read(&format!("rollover {COMMON} --no-node --etypes aes")).unwrap().to_aes);
        assert!(read(&format!("rollover {COMMON} --no-node --etypes rc4")).is_err());
        assert!(read(&format!("enable {COMMON} --etypes aes")).is_err());
    }

    #[test]
    fn each_kdc_belongs_to_the_controller_at_the_same_position() {
        let arguments = read(&format!("rollover --no-node {COMMON} --dc dc2 --kdc dc1:10088")).unwrap();
        assert_eq!(arguments.kdcs, [Address::new("dc1", 10088), Address::new("dc2", 88)]);
        assert!(read(&format!("status {COMMON} --kdc a --kdc b")).is_err());
    }

    #[test]
    fn dc_option_with_the_name_of_the_domain_is_refused() {
        let error = read("enable --forest contoso.test --as a --dc Contoso.test").unwrap_err();
        assert!(error.contains("dc1.contoso.test"), "{error}");
    }

    #[test]
    fn error_names_a_missing_or_unknown_argument() {
        assert!(read("status --dc a --as b").unwrap_err().contains("--forest"));
        assert!(read("status --forest a --as b").unwrap_err().contains("--dc"));
        assert!(read("status --forest a --dc b").unwrap_err().contains("--as"));
        assert!(read("frobnicate").unwrap_err().contains("no command"));
        assert!(read(&format!("status {COMMON} --account a/b")).is_err());
        assert_eq!(read("--help").unwrap().command, Command::Help);
    }

    #[test]
    fn prune_is_read_with_a_keytab_and_no_other_argument() {
        let arguments = read("prune --keytab /k/sso.keytab").unwrap();
        assert_eq!(
            (arguments.command, arguments.retirement().to_str()),
            (Command::Prune, Some("/k/sso.keytab.retiring"))
        );
        assert!(read("prune --frobnicate").is_err());
    }
}
