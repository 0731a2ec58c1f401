//! The directory that the agent asks about passwords.

use seamless_kdc::{Kdc, KdcError};
use seamless_pta::User;
use std::pin::Pin;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A directory that gives a ticket to a user who knows the password.
pub trait Directory: Send + Sync {
    /// Returns the AP-REQ of a user in GSS framing. `application_data` is the application data of its channel
    /// bindings.
    fn token<'a>(
        &'a self,
        user: &'a User,
        password: Zeroizing<String>,
        application_data: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, KdcError>> + Send + 'a>>;
}

/// The directory of a real agent: the KDC in the agent's network.
pub(crate) struct Beside(pub(crate) Arc<Kdc>);

impl Directory for Beside {
    fn token<'a>(
        &'a self,
        user: &'a User,
        password: Zeroizing<String>,
        application_data: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, KdcError>> + Send + 'a>> {
        Box::pin(self.0.token(user, password, application_data))
    }
}
