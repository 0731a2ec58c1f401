//! A model of a forest with two domain controllers, of a node of the sign-in server and of the files. The model may
//! stop a command before or after each call, as `kill -9` does. At each call, the model checks that the node can
//! decrypt every ticket that a domain controller issues.

mod kill_tests;
mod prune_tests;
mod refusal_tests;
mod status_tests;
mod world;

use crate::arguments::Arguments;
use crate::directory::{Container, Object};
use crate::keytab_file::AccountKeys;
use crate::node::{TenantHealth, Warning};
use crate::security_descriptor::tests::{descriptor, entry, sid};
use crate::security_descriptor::{Guid, right};
use crate::tools::Tools;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{EncType, Key, Password, Salt, UnixTime};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

pub(crate) const NAME: &str = "AZUREADSSOACC$";
pub(crate) const REALM: &str = "CONTOSO.TEST";
const DN: &str = "CN=AZUREADSSOACC,CN=Computers,DC=contoso,DC=test";
/// The command line of an `enable` that also protects the account.
const IN_UNIT: &str = "enable --ou CN=Computers,DC=contoso,DC=test";
const LAG: i64 = 20;

/// What the model of the forest, the node and the files has at the moment.
pub(crate) struct Model {
    /// The number of calls that the command has made.
    pub(crate) calls: usize,
    /// The call at which the command is killed.
    pub(crate) kill: Option<Kill>,
    pub(crate) now: UnixTime,
    /// The difference between the directory's clock and this machine's clock.
    pub(crate) clock_difference: i64,
    /// The difference between the KDCs' clocks and this machine's clock.
    pub(crate) kdc_difference: i64,
    pub(crate) account: Option<Object>,
    /// The passwords and encryption types of the account, each with the time of its change.
    pub(crate) states: Vec<State>,
    /// Whether the second domain controller never replicates.
    pub(crate) is_split: bool,
    /// Whether the second domain controller does not answer.
    pub(crate) is_silent: bool,
    /// The number that each change of the password adds to the key version.
    pub(crate) jump: u32,
    pub(crate) salt: Salt,
    /// Whether the directory refuses to change the password and the encryption types in one operation.
    pub(crate) refuses_both: bool,
    /// The container of the account.
    pub(crate) container: Container,
    /// Whether a write of the container's DACL has no effect.
    pub(crate) loses_container: bool,
    /// The creation of the account by a killed run: the number of calls after which the creation takes effect, and the
    /// password. If the account exists by then, the creation has no effect.
    pub(crate) late_creation: Option<(usize, String)>,
    /// The LDAP result with which the directory refuses a creation.
    pub(crate) refuses_creation: Option<u32>,
    pub(crate) own_sids: Vec<kerberos_sso::Sid>,
    pub(crate) pdc: Option<String>,
    pub(crate) foreign_administrator: Option<String>,
    pub(crate) holders: Vec<String>,
    pub(crate) delegating: Vec<String>,
    pub(crate) acting: Vec<(String, Vec<u8>)>,
    pub(crate) health: Option<TenantHealth>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) files: HashMap<PathBuf, Vec<u8>>,
    /// Whether the node runs.
    pub(crate) has_node: bool,
    /// Whether the node reads the keytab once a second. The node also keeps the keys that it had before.
    pub(crate) node_reads: bool,
    node_file: Vec<u8>,
    node_keys: Vec<(u32, Key)>,
    pub(crate) lines: Vec<String>,
    /// The calls that changed something in the directory or in a file.
    pub(crate) changes: Vec<String>,
    /// The moments at which a sign-in would have failed, or a password was readable.
    pub(crate) lost: Vec<String>,
}

/// A call at which a command is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) call: usize,
    /// Whether the command is killed after the call, so that the call has its effect.
    pub(crate) after: bool,
}

/// The command was killed.
pub(crate) struct Killed;

/// The secrets of the account at one time.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) since: UnixTime,
    pub(crate) kvno: u32,
    pub(crate) password: String,
    pub(crate) etypes: Option<u32>,
}

/// A handle of the model. It implements each trait of the tool.
#[derive(Clone)]
pub(crate) struct World(pub(crate) Rc<RefCell<Model>>);

thread_local! {
    /// The keys that a test has already derived. The derivation of a key takes some milliseconds.
    static DERIVED: RefCell<HashMap<Derivation, Key>> = RefCell::default();
}

/// What a key is derived from: a password, an encryption type and a salt.
type Derivation = (String, i32, Vec<u8>);

fn derived(password: &str, etype: EncType, salt: &Salt) -> Key {
    let place = (password.to_owned(), etype.0, salt.as_bytes().to_vec());
    DERIVED.with_borrow_mut(|derived| {
        derived.entry(place).or_insert_with(|| Password::from_text(password).key(etype, salt).unwrap()).clone()
    })
}

impl State {
    /// Returns the key under which a domain controller that has this state issues tickets.
    fn ticket_key(&self, salt: &Salt) -> Key {
        let etype = match self.etypes {
            Some(etypes) if etypes & 0x10 != 0 => EncType::AES256_CTS_HMAC_SHA1_96,
            _ => EncType::RC4_HMAC,
        };
        derived(&self.password, etype, salt)
    }
}

impl World {
    /// Makes a forest without the account.
    pub(crate) fn empty() -> Self {
        Self(Rc::new(RefCell::new(Model {
            calls: 0,
            kill: None,
            now: TestRealm::NOW,
            clock_difference: 1,
            kdc_difference: 0,
            account: None,
            states: Vec::new(),
            is_split: false,
            is_silent: false,
            jump: 1,
            salt: Salt::computer(NAME, REALM),
            refuses_both: false,
            container: Container {
                dn: "CN=Computers,DC=contoso,DC=test".into(),
                may_create_computers: true,
                may_write_dacl: true,
                descriptor: descriptor(sid("S-1-5-18"), &[entry(0, 0, right::GENERIC_ALL, None, sid("S-1-5-18"))]),
            },
            loses_container: false,
            late_creation: None,
            refuses_creation: None,
            own_sids: vec![sid("S-1-5-21-1-2-3-512")],
            pdc: Some("DC1.contoso.test".into()),
            foreign_administrator: None,
            holders: Vec::new(),
            delegating: Vec::new(),
            acting: Vec::new(),
            health: None,
            warnings: Vec::new(),
            files: HashMap::new(),
            has_node: false,
            node_reads: true,
            node_file: Vec::new(),
            node_keys: Vec::new(),
            lines: Vec::new(),
            changes: Vec::new(),
            lost: Vec::new(),
        })))
    }

    /// Makes a forest whose account has the key version 4, with a node and its keytab.
    pub(crate) fn enabled(etypes: Option<u32>) -> Self {
        let world = Self::empty();
        {
            let mut model = world.0.borrow_mut();
            let long_ago = model.now.saturating_add_seconds(-40 * 24 * 3600);
            let (password, kvno) = ("Old.2026".to_owned(), 4);
            model.states.push(State { since: long_ago, kvno, password: password.clone(), etypes });
            let account = account(&model, etypes);
            model.account = Some(account);
            let keys = AccountKeys::none(NAME, REALM).with_password(kvno, &password, &model.salt, true, long_ago);
            model.files.insert("sso.keytab".into(), keys.encode().unwrap().to_vec());
            model.has_node = true;
            model.read_keytab();
        }
        world
    }

    /// Runs a command to its end, or returns [`Killed`] if the test stops the command at a call.
    pub(crate) fn run<T>(&self, command: impl FnOnce(&mut Tools<'_>) -> T) -> Result<T, Killed> {
        let mut handles: [Self; 6] = std::array::from_fn(|_| self.clone());
        let [directory, kdc, nodes, files, clock, steps] = &mut handles;
        let mut tools = Tools { directory, kdc, nodes, files, clock, steps };
        let run = std::panic::AssertUnwindSafe(|| command(&mut tools));
        std::panic::catch_unwind(run).map_err(|reason| match reason.downcast::<Killed>() {
            Ok(killed) => *killed,
            Err(other) => std::panic::resume_unwind(other),
        })
    }

    /// Does one call of the tool, if the command is not killed before the call.
    fn call<T>(&self, what: &str, effect: impl FnOnce(&mut Model) -> T) -> T {
        let mut model = self.0.borrow_mut();
        let here = model.calls;
        model.calls += 1;
        let killed = |after| Some(Kill { call: here, after });
        if model.kill == killed(false) {
            std::panic::resume_unwind(Box::new(Killed));
        }
        model.create_late();
        let result = effect(&mut model);
        model.check(what);
        if model.kill == killed(true) {
            std::panic::resume_unwind(Box::new(Killed));
        }
        result
    }

    pub(crate) fn kill_at(&self, kill: Option<Kill>) {
        let mut model = self.0.borrow_mut();
        (model.calls, model.kill) = (0, kill);
    }

    /// Returns the versions of the keytab.
    pub(crate) fn keytab(&self) -> Vec<u32> {
        let model = self.0.borrow();
        let octets = model.files.get(&PathBuf::from("sso.keytab"));
        octets.map(|octets| AccountKeys::parse(octets, NAME, REALM).unwrap().versions()).unwrap_or_default()
    }

    pub(crate) fn has_journal(&self) -> bool {
        self.0.borrow().files.contains_key(&PathBuf::from("sso.keytab.journal"))
    }
}

impl Model {
    /// Creates the account, whose keys have the version 2.
    pub(crate) fn create(&mut self, dn: &str, password: &str, etypes: u32) {
        self.states.push(State { since: self.now, kvno: 2, password: password.into(), etypes: Some(etypes) });
        let object = Object { dn: dn.into(), ..account(self, Some(etypes)) };
        self.account = Some(object);
        self.changes.push(format!("create {dn}"));
    }

    fn create_late(&mut self) {
        let due = self.late_creation.take();
        self.late_creation = match due {
            Some((0, password)) if self.account.is_none() => {
                self.create(DN, &password, 24);
                None
            }
            Some((calls, password)) => calls.checked_sub(1).map(|calls| (calls, password)),
            None => None,
        };
    }

    pub(crate) fn kdc_time(&self) -> UnixTime {
        self.now.saturating_add_seconds(self.kdc_difference)
    }

    /// Returns the account's state at a domain controller. The second domain controller has a change [`LAG`] seconds
    /// after the first.
    fn state(&self, controller: usize) -> Option<&State> {
        let has = |state: &&State| {
            controller == 0 || !self.is_split && self.now.seconds_since(state.since) >= LAG || state.kvno == 4
        };
        self.states.iter().rfind(has)
    }

    fn replace(&mut self, password: Option<&str>, etypes: Option<u32>) {
        let (now, jump) = (self.now, self.jump);
        let mut state = self.states.last().cloned().unwrap();
        if let Some(password) = password {
            (state.password, state.kvno) = (password.into(), state.kvno + jump);
        }
        (state.since, state.etypes) = (now, etypes.or(state.etypes));
        let account = self.account.as_mut().unwrap();
        (account.kvno, account.etypes) = (Some(state.kvno), state.etypes);
        if password.is_some() {
            account.password_set = Some(now);
        }
        self.states.push(state);
    }

    /// Lets the node read the keytab, as the sign-in server does once a second. The model keeps the keys that the node
    /// read earlier, even if the new file lacks them.
    fn read_keytab(&mut self) {
        let Some(file) = self.files.get(&PathBuf::from("sso.keytab")).cloned() else { return };
        if !self.node_reads || file == self.node_file {
            return;
        }
        for entry in kerberos_sso::Keytab::parse(&file).unwrap().into_entries() {
            self.node_keys.push((entry.kvno, entry.key.unwrap()));
        }
        self.node_file = file;
    }

    /// Returns the time of the newest entry of the node's keytab.
    fn newest_key(&self) -> i64 {
        let entries = kerberos_sso::Keytab::parse(&self.node_file).map(kerberos_sso::Keytab::into_entries);
        entries.into_iter().flatten().map(|entry| entry.timestamp.seconds()).max().unwrap_or(0)
    }

    /// Adds a line to `lost` if a password of the account is in the output, or in a file that is not the journal.
    fn check_secrets(&mut self) {
        let has = |text: &str, secret: &str| text.contains(secret);
        for state in &self.states {
            let files = self.files.iter().filter(|(path, _)| !path.ends_with("sso.keytab.journal"));
            let mut texts = files.map(|(_, octets)| String::from_utf8_lossy(octets));
            let is_shown = self.lines.iter().any(|line| has(line, &state.password));
            if is_shown || texts.any(|text| has(&text, &state.password)) {
                self.lost.push(format!("the password {} is readable", state.kvno));
            }
        }
    }

    /// Adds a line to `lost` if the node, or a node that starts now, cannot decrypt a ticket of a domain controller.
    fn check(&mut self, what: &str) {
        if !self.has_node {
            return;
        }
        let octets = self.files.get(&PathBuf::from("sso.keytab")).cloned().unwrap_or_default();
        let in_file: Vec<_> = kerberos_sso::Keytab::parse(&octets).unwrap().into_entries();
        for controller in [0, 1] {
            let Some(state) = self.state(controller) else { continue };
            let (kvno, key) = (state.kvno, state.ticket_key(&self.salt));
            let is_loaded = self.node_keys.iter().any(|(_, own)| *own == key);
            let is_in_file = in_file.iter().any(|entry| entry.key.as_ref() == Some(&key));
            if !is_loaded || !is_in_file {
                self.lost.push(format!(
                    "{what}: key {kvno} of dc{controller}, loaded {is_loaded}, in the file {is_in_file}"
                ));
            }
        }
    }
}

/// Returns the account as the directory shows it.
fn account(model: &Model, etypes: Option<u32>) -> Object {
    Object {
        dn: DN.into(),
        name: NAME.into(),
        sid: Some(sid("S-1-5-21-1-2-3-1103")),
        is_computer: true,
        control: 0x1000,
        kvno: model.states.last().map(|state| state.kvno),
        etypes,
        services: kerberos_sso::policy::SEAMLESS_SSO_SERVICES.map(String::from).to_vec(),
        password_set: model.states.last().map(|state| state.since),
        descriptor: security(&[]),
        writable: vec!["msds-supportedencryptiontypes".into()],
        ..Object::default()
    }
}

/// Returns the security descriptor of an account without faults, with the entries `more` in addition.
pub(crate) fn security(more: &[Vec<u8>]) -> Vec<u8> {
    let admins = sid("S-1-5-21-1-2-3-512");
    let healthy = [
        entry(0, 0, 0x000F_01FF, None, admins),
        entry(0, 0, right::GENERIC_ALL, None, sid("S-1-5-18")),
        entry(0, 0, 0x000F_01FF, None, sid("S-1-5-32-548")),
        entry(5, 0, right::WRITE_PROPERTY, Some(Guid([9; 16])), sid("S-1-5-21-1-2-3-517")),
        entry(0, 0, 0x0002_0094, None, sid("S-1-5-11")),
    ];
    descriptor(admins, &[&healthy[..], more].concat())
}

/// Reads a command line, as the program would.
pub(crate) fn arguments(line: &str) -> Arguments {
    crate::arguments::tests::read(&format!("{line} {}", crate::arguments::tests::COMMON)).unwrap()
}
