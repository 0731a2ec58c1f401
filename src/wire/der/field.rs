//! The names of the fields that the reader reads. A [`Fault`](super::Fault) holds the index of a name, and so stays
//! small.

/// A field of the specifications. The value is the index of the field's name in [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Field(u8);

impl Field {
    /// Returns the field with this name. Only [`field!`](crate::wire::der::field!) calls this function, at compile
    /// time. A name that is not in the table therefore does not compile.
    #[expect(clippy::panic, reason = "the panic ends the compilation, not the program")]
    pub(crate) const fn named(name: &str) -> Self {
        let (mut number, mut rest) = (0_u8, NAMES);
        while let [first, others @ ..] = rest {
            if same(first.as_bytes(), name.as_bytes()) {
                return Self(number);
            }
            number = match number.checked_add(1) {
                Some(next) => next,
                None => panic!("no field among the first 256 has this name"),
            };
            rest = others;
        }
        panic!("no field has this name");
    }

    #[expect(clippy::expect_used, reason = "only `named` makes fields, and it returns only indexes of the table")]
    pub(super) fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).expect("a field of the table")
    }
}

const fn same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([first, one_rest @ ..], [second, other_rest @ ..]) = (one, other) {
        if *first != *second {
            return false;
        }
        (one, other) = (one_rest, other_rest);
    }
    one.is_empty() && other.is_empty()
}

/// Makes the [`Field`] with a name of the specifications.
macro_rules! field {
    ($name:literal) => {
        const { $crate::wire::der::Field::named($name) }
    };
}
pub(crate) use field;

/// The names of all fields. There are at most 256 names, so that one octet can hold an index.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "AP-REP",
    "AP-REP.enc-part",
    "AP-REP.msg-type",
    "AP-REP.pvno",
    "AP-REQ",
    "AP-REQ.ap-options",
    "AP-REQ.authenticator",
    "AP-REQ.msg-type",
    "AP-REQ.pvno",
    "AP-REQ.ticket",
    "Authenticator",
    "Authenticator.authenticator-vno",
    "Authenticator.authorization-data",
    "Authenticator.cksum",
    "Authenticator.cname",
    "Authenticator.crealm",
    "Authenticator.ctime",
    "Authenticator.cusec",
    "Authenticator.seq-number",
    "Authenticator.subkey",
    "AuthorizationData",
    "AuthorizationData.ad-data",
    "AuthorizationData.ad-type",
    "Certificate",
    "Certificate.signatureAlgorithm",
    "Certificate.signatureValue",
    "Certificate.tbsCertificate",
    "Checksum.checksum",
    "Checksum.cksumtype",
    "EncAPRepPart",
    "EncAPRepPart.ctime",
    "EncAPRepPart.cusec",
    "EncAPRepPart.seq-number",
    "EncAPRepPart.subkey",
    "EncKrbCredPart",
    "EncKrbCredPart.nonce",
    "EncKrbCredPart.r-address",
    "EncKrbCredPart.s-address",
    "EncKrbCredPart.ticket-info",
    "EncKrbCredPart.timestamp",
    "EncKrbCredPart.usec",
    "EncTicketPart",
    "EncTicketPart.authorization-data",
    "EncTicketPart.authtime",
    "EncTicketPart.caddr",
    "EncTicketPart.cname",
    "EncTicketPart.crealm",
    "EncTicketPart.endtime",
    "EncTicketPart.flags",
    "EncTicketPart.key",
    "EncTicketPart.renew-till",
    "EncTicketPart.starttime",
    "EncTicketPart.transited",
    "EncryptedData.cipher",
    "EncryptedData.etype",
    "EncryptedData.kvno",
    "EncryptionKey.keytype",
    "EncryptionKey.keyvalue",
    "EtypeList",
    "HostAddress",
    "HostAddress.addr-type",
    "HostAddress.address",
    "InitialContextToken",
    "InitialContextToken.thisMech",
    "KRB-CRED",
    "KRB-CRED.enc-part",
    "KRB-CRED.msg-type",
    "KRB-CRED.pvno",
    "KRB-CRED.tickets",
    "KrbCredInfo",
    "KrbCredInfo.authtime",
    "KrbCredInfo.caddr",
    "KrbCredInfo.endtime",
    "KrbCredInfo.flags",
    "KrbCredInfo.key",
    "KrbCredInfo.pname",
    "KrbCredInfo.prealm",
    "KrbCredInfo.renew-till",
    "KrbCredInfo.sname",
    "KrbCredInfo.srealm",
    "KrbCredInfo.starttime",
    "MIC",
    "MechTypeList",
    "NegTokenInit",
    "NegTokenInit.mechListMIC",
    "NegTokenInit.mechToken",
    "NegTokenInit.mechTypes",
    "NegTokenInit.reqFlags",
    "NegTokenInit2.mechListMIC",
    "NegTokenInit2.negHints",
    "NegTokenInit[3]",
    "NegTokenResp",
    "NegTokenResp.mechListMIC",
    "NegTokenResp.negState",
    "NegTokenResp.responseToken",
    "NegTokenResp.supportedMech",
    "NegotiationToken",
    "PrincipalName.name-string",
    "PrincipalName.name-type",
    "RSASSA-PSS-params",
    "RSASSA-PSS-params.hashAlgorithm",
    "RSASSA-PSS-params.maskGenAlgorithm",
    "Ticket",
    "Ticket.enc-part",
    "Ticket.realm",
    "Ticket.sname",
    "Ticket.tkt-vno",
    "Token.SGN_ALG",
    "Token.SGN_CKSUM",
    "Token.SND_SEQ",
    "Token.TOK_ID",
    "TransitedEncoding.contents",
    "TransitedEncoding.tr-type",
    "Wrap.Confounder",
    "Wrap.Padding",
    "innerContextToken.TOK_ID",
    "token",
    #[cfg(test)] "x",
    #[cfg(test)] "S",
    #[cfg(test)] "S.version",
];
