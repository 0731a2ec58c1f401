//! The reasons for which a command stops. After a refusal, nothing is changed. After any other failure, the journal
//! says which work is left, and a new run of the command finishes this work.

use crate::journal::Work;
use crate::kdc::KdcError;
use crate::ldap_error::DirectoryError;
use crate::node::NodeError;
use crate::proof::NoProof;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The reason for which a command stops.
#[derive(Debug, Error)]
pub enum Failure {
    /// The command refused, and changed nothing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The domain controller did not do what the command asked.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The KDC did not answer, or refused the request.
    #[error(transparent)]
    Kdc(#[from] KdcError),
    /// A file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        error: String,
    },
    /// A node did not load the new key in time.
    #[error("the node {url} does not use the key {kvno} of the keytab: {reason}")]
    Node {
        /// The address of the node.
        url: String,
        /// The key version.
        kvno: u32,
        /// Why the node did not load the key.
        reason: String,
        /// Whether the command has already changed the password.
        is_set: bool,
    },
    /// Somebody else changed the password.
    #[error("the key version is {found} and not {expected}: somebody else changed the account's password")]
    Changed {
        /// The key version that the journal names.
        expected: u32,
        /// The key version that the directory has.
        found: u32,
    },
    /// There is no proof that the keytab fits the directory.
    #[error(transparent)]
    NoProof(#[from] NoProof),
    /// The directory accepted an access control entry, and does not have it afterwards.
    #[error("the entry against deletion is missing in the access control list of {dn}")]
    Unprotected {
        /// The account or its container.
        dn: String,
    },
    /// Domain controllers still give tickets under the old key.
    #[error("these domain controllers still give tickets under the key {kvno}: {}", .at.join(", "))]
    Lagging {
        /// The domain controllers.
        at: Vec<String>,
        /// The version of the old key.
        kvno: u32,
    },
}

/// The reason for which a command refused, before it changed anything.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The domain controller is of another domain.
    #[error("{controller} is a domain controller of {found}, and not of {wanted}")]
    OtherDomain {
        /// The domain controller.
        controller: String,
        /// The domain of the domain controller.
        found: String,
        /// The domain of the command line.
        wanted: String,
    },
    /// The domain controller is not the PDC emulator.
    #[error(
        "{controller} is not the PDC emulator of the domain{}",
        .pdc.as_ref().map_or_else(|| ", and the directory names none".to_owned(), |pdc| format!(". That is {pdc}"))
    )]
    NotPdc {
        /// The domain controller.
        controller: String,
        /// The PDC emulator, if the directory names one.
        pdc: Option<String>,
    },
    /// The administrator is of another domain.
    #[error("the administrator {name} is of another domain than {domain}")]
    ForeignAdministrator {
        /// The administrator.
        name: String,
        /// The domain of the account.
        domain: String,
    },
    /// The account is in another container than the one that `--ou` names.
    #[error("{dn} exists already, and is not in {container}")]
    Elsewhere {
        /// The account.
        dn: String,
        /// The container.
        container: String,
    },
    /// The clocks differ.
    #[error("the clock of {controller} differs by {seconds} seconds from the clock of this machine")]
    Clock {
        /// The domain controller.
        controller: String,
        /// The difference, in seconds.
        seconds: i64,
    },
    /// The account name belongs to an object that is no computer.
    #[error("{dn} has the account name {name}, and is no computer")]
    NoComputer {
        /// The object.
        dn: String,
        /// The account name of the object.
        name: String,
    },
    /// Another object has the distinguished name that the account would get.
    #[error("{dn} exists already")]
    DnTaken {
        /// The object.
        dn: String,
    },
    /// Another object has a service principal name of the account.
    #[error("{} has the service principal name {service} (searched: {scope})", .holders.join(" and "))]
    DuplicateService {
        /// The service principal name.
        service: &'static str,
        /// The objects.
        holders: Vec<String>,
        /// The part of the directory that was searched.
        scope: &'static str,
    },
    /// The administrator lacks a right.
    #[error("the administrator may not {right} {dn}")]
    MissingRight {
        /// The right.
        right: &'static str,
        /// The object.
        dn: String,
    },
    /// There is no account.
    #[error("the domain {domain} has no account {name}")]
    NoAccount {
        /// The domain.
        domain: String,
        /// The account name.
        name: String,
    },
    /// The account exists, and something is wrong with it.
    #[error("{dn} exists already, and {fault}")]
    Unhealthy {
        /// The account.
        dn: String,
        /// What is wrong.
        fault: String,
    },
    /// The account is disabled.
    #[error("{dn} is disabled")]
    Disabled {
        /// The account.
        dn: String,
    },
    /// The account has no AES encryption types.
    #[error("the account {name} has no encryption types of AES (msDS-SupportedEncryptionTypes {found})")]
    NoAes {
        /// The account name.
        name: String,
        /// The encryption types of the account.
        found: String,
    },
    /// Another command has not finished its work.
    #[error("{}: the command {command} is open", .path.display())]
    Open {
        /// The journal.
        path: PathBuf,
        /// The command.
        command: Work,
    },
    /// The journal is about another account or domain controller.
    #[error("{}: the journal is of {found}, and not of {wanted}", .path.display())]
    OtherJournal {
        /// The journal.
        path: PathBuf,
        /// The account or the domain controller that the journal names.
        found: String,
        /// The account or the domain controller that the command line names.
        wanted: String,
    },
    /// Another run of the tool has the lock of the keytab.
    #[error("{}: another run of this tool is at work", .path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// The keytab has keys of other principals.
    #[error("{}: the keytab has entries of {other}", .path.display())]
    KeytabOfOthers {
        /// The keytab.
        path: PathBuf,
        /// The first of these principals.
        other: String,
    },
    /// A node does not answer.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A node does not have the tenant.
    #[error("the node {url} has no tenant with the account {name} of {realm}")]
    NoTenant {
        /// The address of the node.
        url: String,
        /// The account name.
        name: String,
        /// The realm.
        realm: String,
    },
    /// Two domain controllers have different key versions, so one of them has not replicated.
    #[error(
        "the domain controllers differ: {at} gives tickets under the key {found}, and the directory at --dc has the key {kvno}. \
         The one with the lower version has not replicated"
    )]
    Lagging {
        /// The domain controller.
        at: String,
        /// The key version of the tickets of this domain controller.
        found: u32,
        /// The key version that the directory has.
        kvno: u32,
    },
    /// Another domain controller has an account that the first one lacks.
    #[error("{at} knows the account {name}, and the directory at --dc does not: one of the two has not replicated")]
    KnownElsewhere {
        /// The domain controller.
        at: String,
        /// The account name.
        name: String,
    },
    /// The command would delete the account, and needs a confirmation.
    #[error("`disable` deletes {dn}")]
    Unconfirmed {
        /// The account.
        dn: String,
    },
}

impl Failure {
    /// Makes a failure from the error of a file.
    #[must_use]
    pub fn file(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::File { path: path.into(), error: error.to_string() }
    }

    /// Returns what the administrator can do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.remedy(),
            Self::Directory(error) => error.remedy(),
            Self::Kdc(error) | Self::NoProof(NoProof::Kdc(error)) => of_kdc(error),
            Self::File { .. } => "check the file and its folder, then run the same command again",
            Self::Node { is_set: true, .. } => {
                "check the node: it must read the same keytab. Then run `rollover` again."
            }
            Self::Node { is_set: false, .. } => {
                "the password is not changed yet. Check the node: it must read the same keytab. Then run `rollover` again."
            }
            Self::Changed { .. } => {
                "find out who changed the password (event 4724). Then delete the journal, and run `rollover` for a new key."
            }
            Self::Unprotected { .. } => {
                "run the same command again, and look who else changes that access control list"
            }
            Self::NoProof(_) => "run the same command again. If that does not help, `status` names the difference.",
            Self::Lagging { .. } => {
                "users can still sign in, because the keytab has both keys. Let the domain controllers replicate \
                 (repadmin /syncall), then run `rollover` again, which finishes this rollover."
            }
        }
    }

    /// Returns whether the command stopped before it changed anything.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

const fn of_kdc(error: &KdcError) -> &'static str {
    match error {
        KdcError::Unreachable { .. } => "name the KDC with --kdc HOST:88, and let TCP through the firewall",
        KdcError::Refused { code: 37, .. } => "set the clocks, for example by NTP from the domain controller",
        KdcError::ClientWithoutAes { .. } => "give this client a new password, from which AES keys are made",
        KdcError::Refused { code: 24, .. } => {
            "somebody else changed the password. Delete the journal, and run `rollover` for a new key."
        }
        _ => {
            "run the same command again, and look into the event log of the domain controller (Kerberos-Key-Distribution-Center)"
        }
    }
}

impl Refusal {
    /// Returns what the administrator can do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::OtherDomain { .. } => {
                "name with --forest the domain of the account, and with --dc one of its domain controllers"
            }
            Self::NotPdc { .. } => "name the PDC emulator with --dc. If it is out of order for long, say --not-pdc.",
            Self::ForeignAdministrator { .. } => {
                "use an administrator whose user is in the domain of --forest: the KDC of this domain gives tickets to its own \
                 users only"
            }
            Self::Elsewhere { .. } => {
                "name the container of this account with --ou, or move the account into the wanted container"
            }
            Self::Clock { .. } => "set both clocks by NTP. Kerberos allows five minutes.",
            Self::NoComputer { .. } | Self::DnTaken { .. } => {
                "rename or delete that object, or choose another name with --account"
            }
            Self::DuplicateService { .. } => "remove the name from that object: setspn -D NAME HOLDER",
            Self::MissingRight { .. } => {
                "use an administrator of the domain, or give this account the rights that the guide lists"
            }
            Self::NoAccount { .. } => "run `enable` first",
            Self::Unhealthy { .. } => "run `status` for all details, and `rollover` for a new key and a new keytab",
            Self::Disabled { .. } => "enable the account in the directory: Enable-ADAccount",
            Self::NoAes { .. } => "run `rollover --etypes aes`, which sets the types together with a new key",
            Self::Open { .. } => "first run that command again, so that its work is finished",
            Self::OtherJournal { .. } => {
                "run the command with the account and the domain controller of the journal, so that its work is finished"
            }
            Self::Busy { .. } => "wait until that run has ended",
            Self::KeytabOfOthers { .. } => "give the account a keytab of its own with --keytab",
            Self::Node(_) | Self::NoTenant { .. } => {
                "name each node of the sign-in server with --node: the URL of its operators' listener. If no node \
                 uses the keytab, say --no-node."
            }
            Self::Lagging { .. } | Self::KnownElsewhere { .. } => {
                "let the domain controllers replicate first: repadmin /syncall"
            }
            Self::Unconfirmed { .. } => "say --yes to delete the account, or --keep to disable the account instead",
        }
    }
}
