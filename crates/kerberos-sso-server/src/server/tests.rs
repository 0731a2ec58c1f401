#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{Keytab, Refused, ServiceKey};
use std::fs;
use tempfile::TempDir;

const NOW: UnixTime = TestRealm::NOW;
const AES256: EncType = EncType::AES256_CTS_HMAC_SHA1_96;

/// A folder with a keytab.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn keytab(&self) -> PathBuf {
        self.0.path().join("http.keytab")
    }

    /// Replaces the keytab in one step.
    fn put(&self, octets: &[u8]) {
        self.put_with_mode(octets, 0o600);
    }

    fn put_with_mode(&self, octets: &[u8], mode: u32) {
        let new = self.0.path().join("new");
        fs::write(&new, octets).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::rename(new, self.keytab()).unwrap();
    }
}

/// Returns the entry of a principal with the realm's AES256 key of version `kvno`.
fn entry(principal: &str, realm: &TestRealm, kvno: u8) -> Account {
    let key = realm.clone().with_kvno(kvno.into()).key(AES256);
    Account::new(principal, realm.name()).with_key(ServiceKey::new(key, Some(kvno.into())))
}

fn keytab(entries: impl IntoIterator<Item = Account>) -> Vec<u8> {
    Keytab::encode(&entries.into_iter().collect::<Vec<_>>(), NOW).unwrap().to_vec()
}

fn contoso() -> TestRealm {
    TestRealm::new("CONTOSO.TEST").with_account("WEB$").of_active_directory()
}

fn builder() -> Builder {
    Server::in_active_directory("HTTP/www.contoso.test", contoso().domain_sid()).with_service("WEB$")
}

fn start(folder: &Folder) -> Result<Server<NoReplayCache>, StartError> {
    builder().start_with(folder.keytab(), NoReplayCache)
}

/// Returns a ticket that is encrypted under the account's key of version `kvno`.
fn ticket(kvno: u8) -> TestToken {
    contoso().with_kvno(kvno.into()).ticket_for("alice")
}

fn code(server: &Server<NoReplayCache>, token: &TestToken, now: UnixTime) -> Option<&'static str> {
    server.validator().validate_ticket(&token.mint(), now).err().as_ref().map(Refused::code)
}

/// Starts a server with this keytab, and returns the text of its error.
fn error_of(octets: &[u8]) -> String {
    let folder = Folder::new();
    folder.put(octets);
    start(&folder).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn start_fails_when_the_keytab_is_missing() {
    let error = start(&Folder::new()).map(|_| ()).unwrap_err();
    assert!(matches!(error, StartError::Keytab(KeytabFileError::Read(_))), "{error}");
    // `main` prints errors by `Debug`.
    assert!(format!("{error:?}").starts_with(&format!("{error}: ")), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the keytab cannot be read; check that the file exists and that this process's user may read it"
    );
}

#[test]
fn start_fails_when_the_keytab_has_no_whole_entry_or_is_not_a_keytab() {
    assert_eq!(error_of(&[5, 2]), "the keytab has no entry; export the keys of the service's account again");
    assert_eq!(
        error_of(&[5, 2, 0, 0, 0, 9, 1]),
        "the keytab has no whole entry; export the keys of the service's account again: a record at octet 2: the record is \
         cut short"
    );
    for octets in [&b""[..], b"no keytab"] {
        assert_eq!(
            error_of(octets),
            "the file is not a keytab; export it again with ktpass, samba-tool, ktutil or kadmin"
        );
    }
}

#[test]
fn whole_entries_are_used_when_another_record_of_the_keytab_is_cut_short() {
    let realm = contoso();
    let folder = Folder::new();
    folder.put(&[&keytab([entry("WEB$", &realm, 1)])[..], &[0, 0, 0, 99, 0]].concat());
    assert_eq!(code(&start(&folder).unwrap(), &ticket(1), NOW), None);
}

#[test]
fn start_fails_and_lists_the_principals_of_the_keytab_when_the_given_principal_is_missing() {
    let realm = contoso();
    let others = ["host/www.contoso.test", "alice"].map(|principal| entry(principal, &realm, 1));
    assert_eq!(
        error_of(&keytab(others)),
        "the keytab has no entry for HTTP/www.contoso.test, WEB$; its entries are for alice@CONTOSO.TEST, \
         host/www.contoso.test@CONTOSO.TEST"
    );
    for (count, end) in [(10, ", user19@CONTOSO.TEST"), (11, ", user19@CONTOSO.TEST and 1 more")] {
        let names: Vec<_> = (10..10 + count).map(|number| format!("user{number}")).collect();
        let error = error_of(&keytab(names.iter().map(|name| entry(name, &realm, 1))));
        assert!(error.ends_with(end), "{error}");
    }
}

#[test]
fn keytab_file_is_refused_as_too_large_when_it_has_more_than_16_mebibytes() {
    let error = |length| {
        let folder = Folder::new();
        folder.put(&vec![0; length]);
        start(&folder).map(|_| ()).unwrap_err()
    };
    let most = 16 * 1024 * 1024;
    assert!(matches!(error(most), StartError::Keytab(KeytabFileError::NotAKeytab(_))));
    assert!(matches!(error(most + 1), StartError::Keytab(KeytabFileError::TooLarge)));
}

#[test]
fn start_fails_when_the_principal_is_in_several_realms() {
    let (one, other) = (contoso(), TestRealm::new("FABRIKAM.TEST").with_account("WEB$"));
    let octets = keytab([entry("WEB$", &one, 1), entry("WEB$", &other, 1)]);
    assert_eq!(
        error_of(&octets),
        "the keytab has entries of HTTP/www.contoso.test, WEB$ in several realms: CONTOSO.TEST, FABRIKAM.TEST; name one \
         realm (Builder::with_realm)"
    );
    let folder = Folder::new();
    folder.put(&octets);
    let server = builder().with_realm("CONTOSO.TEST").start_with(folder.keytab(), NoReplayCache).unwrap();
    assert_eq!(code(&server, &ticket(1), NOW), None);
}

#[test]
fn start_fails_when_no_key_has_an_allowed_encryption_type() {
    let realm = contoso();
    let rc4 = Account::new("WEB$", realm.name()).with_key(ServiceKey::new(realm.key(EncType::RC4_HMAC), Some(1)));
    assert_eq!(
        error_of(&keytab([rc4])),
        "no key of HTTP/www.contoso.test, WEB$ in the keytab has an allowed encryption type; it has rc4-hmac (23), and AES \
         keys are needed"
    );
}

#[cfg(unix)]
#[test]
fn start_fails_when_every_user_of_the_machine_can_read_or_write_the_keytab() {
    let realm = contoso();
    let octets = keytab([entry("WEB$", &realm, 1)]);
    for (mode, starts) in [(0o600, true), (0o640, true), (0o660, true), (0o644, false), (0o602, false), (0o601, false)]
    {
        let folder = Folder::new();
        folder.put_with_mode(&octets, mode);
        let started = start(&folder);
        assert_eq!(started.is_ok(), starts, "{mode:o}");
        if let Err(error) = started {
            assert!(error.to_string().contains(&format!("(mode {mode:o})")), "{error}");
        }
        assert!(builder().allow_open_to_others().start_with(folder.keytab(), NoReplayCache).is_ok(), "{mode:o}");
    }
}

/// The user alice knows her own key. If the server used this key, alice could forge a ticket of any user.
#[test]
fn ticket_under_the_key_of_another_principal_is_refused_when_the_keytab_has_that_key() {
    let realm = contoso();
    let alice = TestRealm::new("CONTOSO.TEST").with_account("alice");
    let folder = Folder::new();
    folder.put(&keytab([entry("WEB$", &realm, 1), entry("alice", &alice, 1), entry("krbtgt/CONTOSO.TEST", &alice, 1)]));
    let server = start(&folder).unwrap();
    assert_eq!(code(&server, &ticket(1), NOW), None);
    for service in ["alice", "HTTP/www.contoso.test", "krbtgt/CONTOSO.TEST"] {
        let forged = ticket(1).service(service).encrypted_in(alice.key(AES256));
        let forged = forged.pac(|pac| pac.server_signature.key = Some(alice.key(AES256)));
        assert_eq!(code(&server, &forged, NOW), Some("integrity"), "{service}");
    }
}

#[test]
fn ticket_without_a_pac_is_refused_in_active_directory_and_accepted_in_another_realm() {
    let realm = contoso();
    let folder = Folder::new();
    folder.put(&keytab([entry("http/WWW.contoso.test", &realm, 1)]));
    let server = start(&folder).unwrap();
    assert_eq!(code(&server, &ticket(1).without_pac(), NOW), Some("pac-missing"));
    let elsewhere = TestRealm::new("FABRIKAM.TEST").user_sid("alice");
    assert_eq!(code(&server, &ticket(1).pac(|pac| pac.user(elsewhere)), NOW), Some("untrusted-domain"));
    // In a realm that is not Active Directory, tickets need no PAC.
    let folder = Folder::new();
    folder.put(&keytab([entry("HTTP/www.contoso.test", &realm, 1)]));
    let other = Server::in_realm("HTTP/www.contoso.test").start_with(folder.keytab(), NoReplayCache).unwrap();
    assert_eq!(code(&other, &ticket(1).without_pac(), NOW), None);
    assert!(Server::in_realm("http/WWW.contoso.test").start_with(folder.keytab(), NoReplayCache).is_ok());
    assert!(Server::in_realm("HTTP/www.contoso.test@OTHER").start_with(folder.keytab(), NoReplayCache).is_err());
}

/// The authentication path of a user of a grandchild domain contains the child domain. The KDC of Windows never sets the
/// TRANSITED-POLICY-CHECKED flag, so the server itself must know the child domain.
#[test]
fn users_of_another_domain_of_the_forest_sign_in_when_the_bounds_name_all_domains_on_the_path() {
    let (child, grandchild) = (TestRealm::new("CHILD.CONTOSO.TEST"), TestRealm::new("GRAND.CHILD.CONTOSO.TEST"));
    let folder = Folder::new();
    folder.put(&keytab([entry("WEB$", &contoso(), 1)]));
    let start = |domains: Vec<TestRealm>| {
        let bounds = move |account: Account| {
            domains.iter().fold(account, |account, realm| account.with_forest_domain(realm.name(), realm.domain_sid()))
        };
        let builder = Server::in_active_directory("WEB$", contoso().domain_sid()).with_bounds(bounds);
        builder.start_with(folder.keytab(), NoReplayCache).unwrap()
    };
    let mut token = ticket(1).client_realm(grandchild.name()).pac(|pac| pac.user(grandchild.user_sid("alice")));
    token.ticket.transited = (1, child.name().into());
    assert_eq!(code(&start(vec![child.clone(), grandchild.clone()]), &token, NOW), None);
    assert_eq!(code(&start(vec![grandchild]), &token, NOW), Some("transited"));
    assert_eq!(code(&start(vec![child]), &token, NOW), Some("untrusted-realm"));
}

#[test]
fn old_keys_are_used_until_the_last_ticket_ends_when_the_keytab_is_replaced() {
    let realm = contoso();
    let folder = Folder::new();
    folder.put(&keytab([entry("WEB$", &realm, 1)]));
    let server = start(&folder).unwrap();
    assert_eq!(server.shared.look(NOW).unwrap(), Reload::Unchanged);
    assert_eq!([code(&server, &ticket(1), NOW), code(&server, &ticket(2), NOW)], [None, Some("key-version")]);

    folder.put(&keytab([entry("WEB$", &realm, 2)]));
    assert_eq!(server.shared.look(NOW).unwrap(), Reload::Replaced);
    assert_eq!(server.shared.look(NOW).unwrap(), Reload::Unchanged);
    assert_eq!([code(&server, &ticket(1), NOW), code(&server, &ticket(2), NOW)], [None, None]);

    // The longest ticket lifetime of the policy is 24 hours, and the clock skew is five minutes.
    let last = NOW.saturating_add_seconds(24 * 60 * 60 + 5 * 60);
    let over = last.saturating_add_seconds(1);
    assert_eq!(code(&server, &ticket(1).at(last), last), None);
    assert_eq!(code(&server, &ticket(1).at(over), over), Some("key-version"));
    assert_eq!(code(&server, &ticket(2).at(over), over), None);
}

#[test]
fn server_keeps_its_keys_when_the_new_keytab_cannot_be_used() {
    let realm = contoso();
    let folder = Folder::new();
    folder.put(&keytab([entry("WEB$", &realm, 1)]));
    let server = start(&folder).unwrap();
    let whole = keytab([entry("WEB$", &realm, 2)]);
    let cut_short = whole.get(..whole.len() - 1).unwrap();
    let others = keytab([entry("alice", &realm, 2)]);
    for broken in [&b""[..], &[5, 2], cut_short, &others] {
        folder.put(broken);
        server.reload().unwrap_err();
        assert_eq!(code(&server, &ticket(1), NOW), None);
        // The server does not read the same broken file again, and keeps its keys.
        assert_eq!(server.reload().unwrap(), Reload::Unchanged);
    }
    // The server reads the file again after its mode has changed.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        folder.put_with_mode(&whole, 0o644);
        server.reload().unwrap_err();
        fs::set_permissions(folder.keytab(), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(server.reload().unwrap(), Reload::Replaced);
        assert_eq!([code(&server, &ticket(1), NOW), code(&server, &ticket(2), NOW)], [None, None]);
    }
    fs::remove_file(folder.keytab()).unwrap();
    server.reload().unwrap_err();
    assert_eq!(code(&server, &ticket(1), NOW), None);
    folder.put(&whole);
    assert_eq!(server.reload().unwrap(), Reload::Replaced);
    assert_eq!(code(&server, &ticket(2), NOW), None);
}

#[test]
fn keys_of_an_account_stand_on_one_line_of_the_log() {
    let realm = contoso();
    let keys = [1, 2].map(|kvno| kerberos_sso::ServiceKey::new(realm.key(AES256), Some(kvno)));
    let account = keys.into_iter().fold(Account::new("WEB$", "CONTOSO.TEST"), Account::with_key);
    assert_eq!(
        on_one_line(&account),
        "1 WEB$@CONTOSO.TEST (aes256-cts-hmac-sha1-96 (18)), 2 WEB$@CONTOSO.TEST (aes256-cts-hmac-sha1-96 (18))"
    );
}
