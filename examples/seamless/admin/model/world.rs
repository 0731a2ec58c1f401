//! Implements each trait of the tool for the model.

use super::{DN, Model, NAME, REALM, World};
use crate::address::Address;
use crate::clock::Clock;
use crate::directory::{Container, Directory, Domain, Holders, NewAccount, Object, parent};
use crate::files::Files;
use crate::kdc::{Announcement, Client, Kdc, KdcError, ServiceTicket};
use crate::ldap_error::DirectoryError;
use crate::node::{Health, LoadedKey, NodeError, Nodes, TenantHealth};
use crate::security_descriptor::SecurityDescriptor;
use crate::security_descriptor::tests::sid;
use crate::steps::Steps;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{EncType, UnixTime};
use std::io::Error;
use std::path::Path;
use zeroize::Zeroizing;

impl Directory for World {
    fn domain(&mut self) -> Result<Domain, DirectoryError> {
        self.call("domain", |model| {
            Ok(Domain {
                dn: "DC=contoso,DC=test".into(),
                name: "contoso.test".into(),
                sid: sid("S-1-5-21-1-2-3"),
                time: model.now.saturating_add_seconds(model.clock_difference),
                controller: "dc1.contoso.test".into(),
                controllers: vec!["dc1.contoso.test".into(), "dc2.contoso.test".into()],
                pdc: model.pdc.clone(),
                foreign_administrator: model.foreign_administrator.clone(),
                computers: "CN=Computers,DC=contoso,DC=test".into(),
                others: vec![("child.contoso.test".into(), Some(sid("S-1-5-21-4-5-6")))],
                suffixes: vec!["contoso.example".into()],
                own_sids: model.own_sids.clone(),
            })
        })
    }

    fn named(&mut self, _: &str) -> Result<Vec<Object>, DirectoryError> {
        self.call("named", |model| Ok(model.account.iter().cloned().collect()))
    }

    fn holders(&mut self, service: &str) -> Result<Holders, DirectoryError> {
        self.call("holders", |model| {
            let own =
                model.account.iter().filter(|account| account.has_service(service)).map(|account| account.dn.clone());
            Ok(Holders { dns: own.chain(model.holders.iter().cloned()).collect(), is_forest_wide: true })
        })
    }

    fn delegating(&mut self, _: &str) -> Result<Holders, DirectoryError> {
        self.call("delegating", |model| Ok(Holders { dns: model.delegating.clone(), is_forest_wide: true }))
    }

    fn acting(&mut self) -> Result<Vec<(String, Vec<u8>)>, DirectoryError> {
        self.call("acting", |model| Ok(model.acting.clone()))
    }

    fn name_of(&mut self, sid: kerberos_sso::Sid) -> Result<Option<String>, DirectoryError> {
        self.call("name_of", |_| Ok(Some(format!("CN={sid}"))))
    }

    fn container(&mut self, dn: &str) -> Result<Container, DirectoryError> {
        assert_eq!(Some(dn), parent(DN));
        self.call("container", |model| Ok(model.container.clone()))
    }

    fn create(&mut self, account: &NewAccount<'_>) -> Result<(), DirectoryError> {
        self.call("create", |model| {
            assert_eq!(account.name, NAME);
            if let Some(code) = model.refuses_creation.or(model.account.is_some().then_some(68)) {
                return Err(DirectoryError::of_result(code, ""));
            }
            model.create(account.dn, account.password.0, account.etypes);
            Ok(())
        })
    }

    fn set_password(&mut self, _: &str, password: Option<&str>, etypes: Option<u32>) -> Result<(), DirectoryError> {
        self.call("set_password", |model| {
            if model.refuses_both && password.is_some() && etypes.is_some() {
                return Err(DirectoryError::of_result(53, ""));
            }
            model.replace(password, etypes);
            model.changes.push("set_password".into());
            Ok(())
        })
    }

    fn write_dacl(&mut self, dn: &str, descriptor: &SecurityDescriptor) -> Result<(), DirectoryError> {
        self.call("write_dacl", |model| {
            let octets = descriptor.encode_dacl().unwrap();
            if dn == DN {
                model.account.as_mut().unwrap().descriptor = octets;
            } else if !model.loses_container {
                model.container.descriptor = octets;
            }
            model.changes.push(format!("write_dacl {dn}"));
            Ok(())
        })
    }

    fn disable(&mut self, _: &str, control: u32) -> Result<(), DirectoryError> {
        self.call("disable", |model| {
            model.account.as_mut().unwrap().control = control | 2;
            Ok(())
        })
    }

    fn delete(&mut self, _: &str) -> Result<(), DirectoryError> {
        self.call("delete", |model| {
            model.account = None;
            model.has_node = false;
            Ok(())
        })
    }
}

fn place(at: &Address) -> usize {
    usize::from(at.host != "dc1.contoso.test")
}

fn refused(code: i32) -> KdcError {
    KdcError::Refused { at: String::new(), code, cause: "" }
}

impl Kdc for World {
    fn announce(&mut self, at: &Address, _: &str) -> Result<Announcement, KdcError> {
        self.call("announce", |model| {
            let Some(state) = model.state(place(at)) else {
                return Ok(Announcement { is_known: false, salt: None, time: Some(model.kdc_time()) });
            };
            let salt = state.etypes.is_some_and(|etypes| etypes & 0x18 != 0).then(|| model.salt.clone());
            Ok(Announcement { is_known: true, salt, time: Some(model.kdc_time()) })
        })
    }

    fn ticket(&mut self, at: &Address, client: Client<'_>, service: &str) -> Result<ServiceTicket, KdcError> {
        self.call("ticket", |model| {
            if model.kdc_time() != model.now {
                return Err(refused(37));
            }
            if model.is_silent && place(at) == 1 {
                return Err(KdcError::Unreachable { at: at.to_string(), error: String::new() });
            }
            let state = model.state(place(at)).ok_or(refused(7))?;
            match client {
                Client::Account { password, .. } if password != state.password => return Err(refused(24)),
                _ => {}
            }
            let key = state.ticket_key(&model.salt);
            if key.etype() == EncType::RC4_HMAC {
                return Err(refused(14));
            }
            let realm = TestRealm::new(REALM).of_active_directory().with_domain_sid(sid("S-1-5-21-1-2-3"));
            let token = realm.with_account(NAME).ticket_for("someone").service(service).encrypted_in(key.clone());
            let token = token.kvno(i64::from(state.kvno)).at(model.now).mint();
            Ok(ServiceTicket { kvno: Some(state.kvno), etype: key.etype().0, token })
        })
    }
}

impl Nodes for World {
    fn health(&mut self, _: &str) -> Result<Health, NodeError> {
        self.call("health", |model| {
            let keys = model.node_keys.iter().map(|(kvno, _)| LoadedKey { kvno: Some(*kvno), etype: String::new() });
            let keys = keys.collect();
            let counted = model.health.clone().unwrap_or_default();
            let newest_key = Some(model.newest_key());
            let tenant = TenantHealth { realm: REALM.into(), account: NAME.into(), keys, newest_key, ..counted };
            Ok(Health { tenants: vec![tenant], warnings: model.warnings.clone() })
        })
    }
}

impl Files for World {
    fn read(&mut self, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.call("read", |model| Ok(model.files.get(path).cloned().map(Zeroizing::new)))
    }

    fn write(&mut self, path: &Path, octets: &[u8]) -> Result<(), Error> {
        self.call("write", |model: &mut Model| {
            model.files.insert(path.into(), octets.to_vec());
            model.changes.push(format!("write {}", path.display()));
            model.check_secrets();
            Ok(())
        })
    }

    fn remove(&mut self, path: &Path) -> Result<(), Error> {
        self.call("remove", |model| {
            model.files.remove(path);
            model.check_secrets();
            Ok(())
        })
    }
}

impl Clock for World {
    fn now(&mut self) -> UnixTime {
        self.0.borrow().now
    }

    fn wait(&mut self) {
        self.call("wait", |model| {
            model.now = model.now.saturating_add_seconds(1);
            model.read_keytab();
        });
    }
}

impl Steps for World {
    fn done(&mut self, what: &str, result: &str) {
        self.0.borrow_mut().lines.push(format!("{what}: {result}"));
    }

    fn would(&mut self, what: &str) {
        self.0.borrow_mut().lines.push(format!("would {what}"));
    }
}

#[test]
fn tool_computes_the_dn_that_the_account_of_the_model_has() {
    assert_eq!(crate::ldap_name::child("AZUREADSSOACC", "CN=Computers,DC=contoso,DC=test"), DN);
}
