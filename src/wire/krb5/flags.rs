//! TicketFlags (RFC 4120 section 5.3, RFC 6112, RFC 6806) and APOptions (section 5.5.1). Bit 0 of the RFC is the top bit.

/// The flags of a ticket, as the KDC set them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketFlags(u32);

impl TicketFlags {
    /// May be forwarded to another host.
    pub const FORWARDABLE: Self = Self::bit(1);
    /// Was forwarded, or came of a forwarded ticket.
    pub const FORWARDED: Self = Self::bit(2);
    /// May be turned into one for another address.
    pub const PROXIABLE: Self = Self::bit(3);
    /// Is a proxy ticket.
    pub const PROXY: Self = Self::bit(4);
    /// May be postdated.
    pub const MAY_POSTDATE: Self = Self::bit(5);
    /// Was postdated.
    pub const POSTDATED: Self = Self::bit(6);
    /// Must be validated by the KDC before use.
    pub const INVALID: Self = Self::bit(7);
    /// May be renewed.
    pub const RENEWABLE: Self = Self::bit(8);
    /// Came from the AS exchange.
    pub const INITIAL: Self = Self::bit(9);
    /// The client proved itself before the first ticket was issued.
    pub const PRE_AUTHENT: Self = Self::bit(10);
    /// The client used hardware to prove itself.
    pub const HW_AUTHENT: Self = Self::bit(11);
    /// The KDC checked the transited realms.
    pub const TRANSITED_POLICY_CHECKED: Self = Self::bit(12);
    /// The KDC trusts this service with delegated credentials.
    pub const OK_AS_DELEGATE: Self = Self::bit(13);
    /// The request was protected against tampering (RFC 6806 section 11).
    pub const ENC_PA_REP: Self = Self::bit(15);
    /// The client is anonymous (RFC 8062).
    pub const ANONYMOUS: Self = Self::bit(16);

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// All 32 bits, bit 0 of the RFC in the most significant one.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every flag of `flags` is set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// The names of the set flags in the RFCs' spelling, in order of their bits; bits without a name are left out.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
    }

    const fn bit(number: u32) -> Self {
        Self(1 << (31_u32.saturating_sub(number)))
    }
}

/// The options of an AP-REQ. Nothing protects them: anybody on the way can set or clear them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApOptions(u32);

impl ApOptions {
    /// The ticket is encrypted in the session key of the server's own TGT (user-to-user).
    pub const USE_SESSION_KEY: Self = Self(1 << 30);
    /// The client wants an AP-REP.
    pub const MUTUAL_REQUIRED: Self = Self(1 << 29);

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Whether every option of `options` is set.
    #[must_use]
    pub const fn contains(self, options: Self) -> bool {
        self.0 & options.0 == options.0
    }
}

const NAMES: [(TicketFlags, &str); 15] = [
    (TicketFlags::FORWARDABLE, "forwardable"),
    (TicketFlags::FORWARDED, "forwarded"),
    (TicketFlags::PROXIABLE, "proxiable"),
    (TicketFlags::PROXY, "proxy"),
    (TicketFlags::MAY_POSTDATE, "may-postdate"),
    (TicketFlags::POSTDATED, "postdated"),
    (TicketFlags::INVALID, "invalid"),
    (TicketFlags::RENEWABLE, "renewable"),
    (TicketFlags::INITIAL, "initial"),
    (TicketFlags::PRE_AUTHENT, "pre-authent"),
    (TicketFlags::HW_AUTHENT, "hw-authent"),
    (TicketFlags::TRANSITED_POLICY_CHECKED, "transited-policy-checked"),
    (TicketFlags::OK_AS_DELEGATE, "ok-as-delegate"),
    (TicketFlags::ENC_PA_REP, "enc-pa-rep"),
    (TicketFlags::ANONYMOUS, "anonymous"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// What a Windows KDC sets: 0x40A10000 is forwardable, renewable, pre-authent, enc-pa-rep.
    #[test]
    fn bits_are_those_of_the_rfc() {
        let names: Vec<_> = TicketFlags::from_bits(0x40A1_0000).names().collect();
        assert_eq!(names, ["forwardable", "renewable", "pre-authent", "enc-pa-rep"]);
        assert!(ApOptions::from_bits(0x2000_0000).contains(ApOptions::MUTUAL_REQUIRED));
        assert!(!ApOptions::from_bits(0x2000_0000).contains(ApOptions::USE_SESSION_KEY));
    }
}
