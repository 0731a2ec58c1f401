//! A reader of credential cache files of version 4, which the library writes from delegated credentials.

use crate::input::Input;
use crate::printed;
use kerberos_sso::delegated::{DelegatedCredential, DelegatedCredentials};
use kerberos_sso::{PrincipalName, UnixTime};

/// Checks the printed text of the credentials, and that the file has the same values as the credentials.
pub fn check(credentials: &DelegatedCredentials) {
    printed::harmless_debug(credentials);
    let file = credentials.to_ccache();
    let mut file = File(Input::new(file.as_bytes()));
    assert_eq!(file.0.take(4), [5, 4, 0, 0]);
    let first = credentials.credentials().next().expect("there is at least one");
    file.assert_principal(first.client(), first.client_realm());
    for one in credentials.credentials() {
        printed::harmless_debug(&one);
        if let Err(error) = one.session_key() {
            printed::harmless_error(&error);
        }
        file.assert_credential(one);
    }
    assert!(file.0.is_empty());
}

struct File<'a>(Input<'a>);

impl<'a> File<'a> {
    fn number(&mut self) -> u32 {
        u32::from_be_bytes(self.0.array())
    }

    fn data(&mut self) -> &'a [u8] {
        let length = self.number();
        let octets = self.0.take(usize::try_from(length).unwrap());
        assert_eq!(u32::try_from(octets.len()), Ok(length));
        octets
    }

    fn assert_principal(&mut self, name: PrincipalName<'_>, realm: &str) {
        printed::harmless(&name);
        assert_eq!(self.number().to_be_bytes(), name.name_type().0.to_be_bytes());
        let count = usize::try_from(self.number()).unwrap();
        assert_eq!(self.data(), realm.as_bytes());
        assert_eq!(count, name.components().count());
        name.components().for_each(|component| assert_eq!(self.data(), component.as_bytes()));
    }

    fn assert_credential(&mut self, one: DelegatedCredential<'_>) {
        self.assert_principal(one.client(), one.client_realm());
        self.assert_principal(one.server(), one.server_realm());
        let [.., high, low] = one.session_etype().0.to_be_bytes();
        assert_eq!(self.0.take(2), [high, low]);
        let key = self.data();
        assert!(one.session_key().is_ok_and(|own| own.expose_bytes() == key) || one.session_key().is_err());
        for time in [one.auth_time(), one.start_time(), one.end_time(), one.renew_till()] {
            let seconds = time.map_or(0, UnixTime::seconds).clamp(0, u32::MAX.into());
            assert_eq!(i64::from(self.number()), seconds);
        }
        assert_eq!(self.0.octet(), 0);
        assert_eq!(self.number(), one.flags().bits());
        let count = usize::try_from(self.number()).unwrap();
        assert_eq!(count, one.addresses().iter().count());
        for address in one.addresses().iter() {
            let [.., high, low] = address.address_type.0.to_be_bytes();
            assert_eq!((self.0.take(2), self.data()), (&[high, low][..], address.address));
        }
        assert_eq!(self.number(), 0);
        assert_eq!((self.data(), self.data()), (one.ticket(), &[][..]));
    }
}
