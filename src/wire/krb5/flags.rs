//! TicketFlags (RFC 4120 section 5.3, RFC 8062, RFC 6806) and APOptions (section 5.5.1).

use crate::flags::flags;

flags! {
    /// The flags that the KDC set in a ticket. Bit 0 of RFC 4120 is the most significant bit.
    pub struct TicketFlags(u32) {
        /// The KDC may forward the ticket to another host.
        const FORWARDABLE = bit(1);
        /// The ticket was forwarded, or was issued from a forwarded ticket.
        const FORWARDED = bit(2);
        /// The KDC may issue the ticket for another address.
        const PROXIABLE = bit(3);
        /// The ticket is a proxy ticket.
        const PROXY = bit(4);
        /// The KDC may postdate the ticket.
        const MAY_POSTDATE = bit(5);
        /// The ticket was postdated.
        const POSTDATED = bit(6);
        /// The KDC must validate the ticket before use.
        const INVALID = bit(7);
        /// The KDC may renew the ticket.
        const RENEWABLE = bit(8);
        /// The ticket was issued in the AS exchange.
        const INITIAL = bit(9);
        /// The client was authenticated before the KDC issued the first ticket.
        const PRE_AUTHENT = bit(10);
        /// The client was authenticated by hardware.
        const HW_AUTHENT = bit(11);
        /// The KDC checked the transited realms.
        const TRANSITED_POLICY_CHECKED = bit(12);
        /// The KDC says that clients may delegate credentials to this service.
        const OK_AS_DELEGATE = bit(13);
        /// The KDC's reply lets the client detect a changed request (RFC 6806 section 11).
        const ENC_PA_REP = bit(15);
        /// The client is anonymous (RFC 8062).
        const ANONYMOUS = bit(16);
    }
}

flags! {
    /// The options of an AP-REQ. The options are not protected: an attacker on the network can set or clear them.
    pub struct ApOptions(u32) {
        /// The ticket is encrypted with the session key of the server's own TGT (user-to-user).
        const USE_SESSION_KEY = bit(1);
        /// The client wants an AP-REP.
        const MUTUAL_REQUIRED = bit(2);
    }
}

impl TicketFlags {
    /// Returns the names of the flags that are set, as the RFCs spell them, in the order of their bits. Bits without a
    /// name are ignored.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
    }
}

/// Returns the mask of the bit that has this number in the RFC.
const fn bit(number: u32) -> u32 {
    0x8000_0000 >> number
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
mod tests;
