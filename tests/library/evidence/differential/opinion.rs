//! The values that `rasn-kerberos` reads in a request, and their comparison with the values that this crate accepted.

use super::*;

/// A request as `rasn-kerberos` reads it.
#[derive(Debug)]
pub(crate) struct Opinion {
    pub(crate) request: oracle::ApReq,
    pub(crate) ticket: oracle::EncTicketPart,
    pub(crate) authenticator: oracle::Authenticator,
}

impl Opinion {
    pub(crate) fn on(ap_req: &[u8], keys: &[Key]) -> Result<Self, String> {
        let request: oracle::ApReq = rasn::der::decode(ap_req).map_err(|error| error.to_string())?;
        let plaintext = keys.iter().find_map(|key| open(key, KeyUsage::TICKET, &request.ticket.enc_part.cipher));
        let ticket: oracle::EncTicketPart =
            rasn::der::decode(&plaintext.ok_or("no key")?).map_err(|error| error.to_string())?;
        let session_key = Key::new(EncType(ticket.key.r#type), &ticket.key.value).map_err(|error| error.to_string())?;
        let plaintext = open(&session_key, KeyUsage::AP_REQ_AUTHENTICATOR, &request.authenticator.cipher);
        let authenticator = rasn::der::decode(&plaintext.ok_or("no key")?).map_err(|error| error.to_string())?;
        Ok(Self { request, ticket, authenticator })
    }

    /// Compares every value of an accepted request with the value that `rasn-kerberos` read.
    pub(crate) fn compare(&self, accepted: &Accepted) {
        let unencrypted = &self.request.ticket;
        compare_name(accepted.service(), &unencrypted.sname);
        assert_eq!(accepted.service_realm().as_bytes(), unencrypted.realm.as_bytes());
        assert_eq!(accepted.ticket_kvno(), unencrypted.enc_part.kvno);
        assert_eq!(accepted.opened_by().etype().0, unencrypted.enc_part.etype);
        assert_eq!(accepted.session_etype().0, self.ticket.key.r#type);
        self.compare_ticket(accepted);
        self.compare_authenticator(accepted);
    }

    fn compare_ticket(&self, accepted: &Accepted) {
        let (ours, theirs) = (accepted.ticket(), &self.ticket);
        assert_eq!(ours.flags().bits(), bits(&theirs.flags.0));
        compare_name(ours.client(), &theirs.cname);
        assert_eq!(ours.client_realm().as_bytes(), theirs.crealm.as_bytes());
        assert_eq!(ours.transited(), &*theirs.transited.contents);
        assert_eq!(ours.auth_time().seconds(), seconds(&theirs.auth_time));
        assert_eq!(ours.start_time().seconds(), seconds(theirs.start_time.as_ref().unwrap_or(&theirs.auth_time)));
        assert_eq!(ours.end_time().seconds(), seconds(&theirs.end_time));
        assert_eq!(ours.renew_till().map(UnixTime::seconds), theirs.renew_till.as_ref().map(seconds));
        let addresses = ours.addresses().iter().map(|HostAddress { address_type, address }| (address_type.0, address));
        let expected = theirs.caddr.iter().flatten().map(|listed| (listed.addr_type, &*listed.address));
        assert!(addresses.eq(expected));
        let data = ours.authorization_data().iter().map(|AuthorizationElement { ad_type, data }| (ad_type.0, data));
        let expected = theirs.authorization_data.iter().flatten().map(|listed| (listed.r#type, &*listed.data));
        assert!(data.eq(expected));
    }

    fn compare_authenticator(&self, accepted: &Accepted) {
        let (ours, theirs) = (accepted.authenticator(), &self.authenticator);
        compare_name(
            accepted.ticket().client(),
            &oracle::PrincipalName { r#type: self.ticket.cname.r#type, ..theirs.cname.clone() },
        );
        assert_eq!(accepted.ticket().client_realm().as_bytes(), theirs.crealm.as_bytes());
        assert_eq!(ours.time().seconds(), seconds(&theirs.ctime));
        assert_eq!(i64::from(ours.time().micros()), i64::try_from(&theirs.cusec).unwrap());
        assert_eq!(ours.subkey_etype().map(|etype| etype.0), theirs.subkey.as_ref().map(|key| key.r#type));
        assert_eq!(ours.sequence_number(), theirs.seq_number);
        let gss = theirs.cksum.as_ref().filter(|checksum| checksum.r#type == GSS_CHECKSUM);
        let flags = gss.map(|gss| u32::from_le_bytes(gss.checksum[20..24].try_into().unwrap()));
        assert_eq!(ours.gss_flags().map(kerberos_sso::ticket::GssFlags::bits), flags);
    }
}
