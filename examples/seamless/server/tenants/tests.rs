//! Tests of the tenants.

use super::*;

impl Tenants {
    /// Returns tenants without keys. Each tenant's name is its realm in lower case, and its KDC cannot be reached.
    pub(crate) async fn of_realms(realms: &[&str], replays: &Replays) -> Self {
        let mut by_name = HashMap::new();
        for realm in realms {
            let (name, policy) = (realm.to_lowercase(), Policy::seamless_sso());
            let replay = replays.cache(&policy).await.unwrap();
            let directory = Some(Arc::new(Directory::of_kdc(realm, "127.0.0.1:1", Duration::from_secs(3))));
            let validator = Validator::new(KeySet::new(), policy, replay);
            let tenant = Tenant::new(&name, realm, Vec::new(), validator, &Records::for_tests());
            by_name.insert(name, Tenant { directory, ..tenant });
        }
        Self { by_name, keytabs: Vec::new() }
    }

    /// Registers a client in addition to the clients of the test realm.
    pub(crate) fn register(&mut self, client: &str) {
        self.register_all(&[client]);
    }

    /// Registers clients in addition to the clients of the test realm.
    pub(crate) fn register_all(&mut self, more: &[&str]) {
        for tenant in self.by_name.values_mut() {
            let mut clients = crate::oidc::test_clients(None);
            clients.extend(more.iter().map(|client| serde_json::from_str(client).unwrap()));
            tenant.clients = Clients::new(clients).unwrap().into();
        }
    }

    /// Adds a tenant with the validator and the clients of the test realm.
    pub(crate) fn add(&mut self, name: &str, realm: &str, records: &Records) {
        let replay = self.test_tenant().unwrap().validator();
        let mut tenant = Tenant::new(name, realm, Vec::new(), replay, records);
        tenant.clients = self.test_tenant().unwrap().clients;
        self.by_name.insert(name.into(), tenant);
    }

    /// Lets the tenants sign the access tokens of an audience with ES256.
    pub(crate) fn choose_es256_for(&mut self, audience: &str) {
        self.by_name.values_mut().for_each(|tenant| tenant.es256_audiences = [audience.to_owned()].into());
    }

    /// Marks a domain of the test realm as federated.
    pub(crate) fn federate(&mut self, domain: &str, federation: &Federation) {
        let federated = Arc::new(BTreeMap::from([(domain.to_owned(), federation.clone())]));
        self.by_name.values_mut().for_each(|tenant| tenant.federated = Arc::clone(&federated));
    }

    /// Lets the tenants accept passwords of native clients. A KDC at `kdc` checks these passwords.
    pub(crate) fn take_username_tokens(&mut self, kdc: &str) {
        for tenant in self.by_name.values_mut() {
            tenant.takes_username_tokens = true;
            tenant.directory = Some(Arc::new(Directory::of_kdc(&tenant.realm, kdc, Duration::from_secs(3))));
        }
    }

    /// Lets the users of the test realm make app passwords.
    pub(crate) fn allow_app_passwords(&mut self, config: &str) {
        let config: Arc<app_password::Config> = Arc::new(serde_json::from_str(config).unwrap());
        self.by_name.values_mut().for_each(|tenant| tenant.app_passwords = Some(Arc::clone(&config)));
    }

    /// Limits the tickets of the test realm to networks and groups.
    pub(crate) fn limit_tickets(&mut self, networks: &[&str], groups: &[Sid]) {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        let rules = Arc::new(TicketRules { networks, groups: groups.to_vec() });
        self.by_name.values_mut().for_each(|tenant| tenant.tickets = Arc::clone(&rules));
    }

    /// Requires a one-time code from an account of the test realm.
    pub(crate) fn require_proof_of(&mut self, account: &str) {
        self.give_secret(account, |sid| ProofConfig { users: vec![sid], ..ProofConfig::default() });
    }

    /// Requires a one-time code for a resource, and gives an account of the test realm a secret.
    pub(crate) fn require_proof_for(&mut self, resource: &str, account: &str) {
        self.give_secret(account, |_| ProofConfig { resources: vec![resource.into()], ..ProofConfig::default() });
    }

    fn give_secret(&mut self, account: &str, config: impl Fn(Sid) -> ProofConfig) {
        for tenant in self.by_name.values_mut() {
            let Some(sid) = tenant.test_realm.as_ref().map(|realm| realm.user_sid(account)) else { continue };
            let secrets = HashMap::from([(sid, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".into())]);
            tenant.proofs = Proofs::new(ProofConfig { secrets, ..config(sid) }).unwrap().into();
        }
    }
}

#[tokio::test]
async fn name_selects_a_tenant_only_if_exactly_one_tenant_matches() {
    let replays = Replays::for_tests();
    let tenants = Tenants::of_realms(&["CORP.A.TEST", "CORP.B.TEST", "C.TEST"], &replays).await;
    let of = |typed| tenants.of_user(&UserName::parse(typed).unwrap()).map(|tenant| tenant.name.to_string());
    assert_eq!(of("alice@corp.a.test").as_deref(), Some("corp.a.test"));
    assert_eq!(of(r"C\alice").as_deref(), Some("c.test"));
    assert_eq!((of(r"CORP\alice"), of("alice"), of("alice@d.test")), (None, None, None));
    let only = Tenants::of_realms(&["A.TEST"], &replays).await;
    assert!(only.of_user(&UserName::Account("alice".into())).is_some());
}
