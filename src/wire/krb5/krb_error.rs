//! KRB-ERROR (RFC 4120 section 5.9.1): a refusal with an error code for the client.

use super::PrincipalName;
use crate::time::UnixTime;
use crate::wire::der::{Writer, application};

/// A message that refuses a request.
///
/// ```asn1
/// KRB-ERROR ::= [APPLICATION 30] SEQUENCE {
///     pvno       [0] INTEGER (5),
///     msg-type   [1] INTEGER (30),
///     ctime      [2] KerberosTime OPTIONAL,
///     cusec      [3] Microseconds OPTIONAL,
///     stime      [4] KerberosTime,
///     susec      [5] Microseconds,
///     error-code [6] Int32,
///     crealm     [7] Realm OPTIONAL,
///     cname      [8] PrincipalName OPTIONAL,
///     realm      [9] Realm,
///     sname      [10] PrincipalName,
///     e-text     [11] KerberosString OPTIONAL,
///     e-data     [12] OCTET STRING OPTIONAL
/// }
/// ```
/// A KRB-ERROR is not protected. This server never writes `e-text`. An administrator finds the reason in the server's
/// log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KrbError<'a> {
    /// The time in the client's authenticator. The server repeats this time.
    pub(crate) client_time: UnixTime,
    /// The time of this server.
    pub(crate) server_time: UnixTime,
    pub(crate) code: u8,
    /// The realm of the service. The octets are valid text, because `Reader::realm_field` has checked them.
    pub(crate) realm: &'a [u8],
    pub(crate) service: PrincipalName<'a>,
}

impl KrbError<'_> {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.element(application(30), |w| {
            w.sequence(|w| {
                w.field(10, |w| self.service.write(w));
                w.field(9, |w| w.text(self.realm));
                w.field(6, |w| w.integer(self.code.into()));
                w.field(5, |w| w.integer(self.server_time.micros().into()));
                w.field(4, |w| w.time(self.server_time));
                w.field(3, |w| w.integer(self.client_time.micros().into()));
                w.field(2, |w| w.time(self.client_time));
                w.field(1, |w| w.integer(30));
                w.field(0, |w| w.integer(5));
            });
        });
    }
}
