//! The GSS-API mechanisms that a Negotiate client may name, by their object identifiers.

/// A GSS-API mechanism. The variant `Other` means all mechanisms that this crate does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mechanism {
    /// Kerberos 5, 1.2.840.113554.1.2.2 (RFC 4121).
    Krb5,
    /// Kerberos 5 with the wrong identifier of Windows 2000, 1.2.840.48018.1.2.2: 48018 is 113554 without its highest
    /// bit (MS-SPNG appendix).
    MsKrb5,
    /// Kerberos 5 user-to-user, 1.2.840.113554.1.2.2.3.
    UserToUser,
    /// IAKERB, 1.3.6.1.5.2.5: Kerberos 5, in which the acceptor relays the messages between the client and the KDC.
    Iakerb,
    /// SPNEGO itself, 1.3.6.1.5.5.2 (RFC 4178).
    Spnego,
    /// NTLM, 1.3.6.1.4.1.311.2.2.10 (MS-NLMP).
    Ntlm,
    /// NegoEx, 1.3.6.1.4.1.311.2.2.30 (MS-NEGOEX).
    NegoEx,
    /// Any other mechanism.
    Other,
}

impl Mechanism {
    /// Returns the mechanism with this object identifier, given as the contents of its DER encoding.
    pub(crate) fn from_oid(oid: &[u8]) -> Self {
        // Nearly every token names only SPNEGO and Kerberos. A search of the table takes ten times as long as these two
        // comparisons.
        match oid {
            SPNEGO => Self::Spnego,
            KRB5 => Self::Krb5,
            _ => NAMED.iter().find(|(_, named)| *named == oid).map_or(Self::Other, |(mechanism, _)| *mechanism),
        }
    }

    /// Returns the mechanism's object identifier, as the contents of its DER encoding.
    #[expect(
        clippy::expect_used,
        reason = "replies name only mechanisms for which `is_kerberos` is true, and the table has these mechanisms"
    )]
    pub(crate) fn oid(self) -> &'static [u8] {
        let (_, oid) = NAMED.iter().find(|(mechanism, _)| *mechanism == self).expect("a mechanism that has a name");
        oid
    }

    /// Returns the mechanism's name. Returns `None` for [`Self::Other`].
    pub(crate) const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Krb5 => "Kerberos",
            Self::MsKrb5 => "Kerberos of Windows 2000",
            Self::UserToUser => "Kerberos user-to-user",
            Self::Iakerb => "IAKERB",
            Self::Spnego => "SPNEGO",
            Self::Ntlm => "NTLM",
            Self::NegoEx => "NegoEx",
            Self::Other => return None,
        })
    }

    /// Returns whether the mechanism's tokens carry an AP-REQ with a ticket under a long-term key of the server.
    pub(crate) const fn is_kerberos(self) -> bool {
        matches!(self, Self::Krb5 | Self::MsKrb5)
    }
}

const NAMED: [(Mechanism, &[u8]); 7] = [
    (Mechanism::Krb5, KRB5),
    (Mechanism::MsKrb5, &[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02]),
    (Mechanism::Spnego, SPNEGO),
    (Mechanism::Ntlm, &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A]),
    (Mechanism::NegoEx, &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1E]),
    (Mechanism::Iakerb, &[0x2B, 0x06, 0x01, 0x05, 0x02, 0x05]),
    (Mechanism::UserToUser, &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x03]),
];

const KRB5: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];
const SPNEGO: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
