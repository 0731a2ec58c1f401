//! Tests of negotiations with one fault each. The server refuses each negotiation, and accepts the same negotiation
//! without the fault.

mod client_ap_rep;
use crate::common;
mod mic;
mod order;
mod state;

use common::assert_malformed;
use common::dialogue::{Host, Kept, dce_style, final_token, krb5_token, prefers_ntlm, random, without};
use common::tlv::Tlv;
use kerberos_sso::crypto::{EncType, Key, KeyUsage};
use kerberos_sso::limits::{MAX_MECHANISMS, MAX_TOKEN_SIZE};
use kerberos_sso::testing::{
    ApRepParts, KeyParts, MechToken, NegTokenRespParts, TestClient, TestToken, TokenFraming, mech,
};
use kerberos_sso::{
    Error, SecurityContext, UnixTime,
    context::{MessageError, MessageKey},
    error::{InvalidNegotiation, NegotiationCause, Problem, ReplayCause},
    negotiate::{Negotiation, Step},
    policy::AcceptorSubkeyPolicy,
    ticket::GssFlags,
};

/// A negotiation that waits for the client's final token.
struct Begun {
    token: TestToken,
    client: TestClient,
    /// The client's context, which has verified the server's MIC if the server sent one.
    context: SecurityContext,
    kept: Kept,
}

impl Begun {
    fn of(host: &Host, token: TestToken) -> Self {
        let kept = host.continues(&token.mint(), None);
        let client = TestClient::of(&token);
        let mut context = client.complete(Some(&kept.token)).unwrap();
        if let Some(mic) = NegTokenRespParts::decode(&kept.token).and_then(|reply| reply.mech_list_mic) {
            context.verify_mic(&client.mech_types, &mic).unwrap();
        }
        Self { token, client, context, kept }
    }

    /// Begins a negotiation that waits for a MIC.
    fn mic(host: &Host) -> Self {
        Self::of(host, prefers_ntlm(host.good()))
    }

    /// Begins a negotiation in which the client must next send an AP-REP without a MIC.
    fn dce(host: &Host) -> Self {
        Self::of(host, dce_style(host.good().framed(TokenFraming::ApReq)))
    }

    /// Begins a negotiation in which the client must next send an AP-REP and a MIC.
    fn dce_with_mic(host: &Host) -> Self {
        Self::of(host, dce_style(prefers_ntlm(host.good())))
    }

    /// Returns the client's MIC.
    fn good_mic(&mut self) -> Vec<u8> {
        self.context.get_mic(&self.client.mech_types)
    }

    /// Returns the unencrypted fields of the client's AP-REP.
    fn client_ap_rep(&self) -> ApRepParts {
        self.client.confirmation(&self.ap_rep())
    }

    /// Returns the unencrypted fields of the server's AP-REP.
    fn ap_rep(&self) -> ApRepParts {
        self.client.ap_rep(&self.kept.token).unwrap().unwrap()
    }

    fn minted(&self, client_ap_rep: &ApRepParts) -> Vec<u8> {
        client_ap_rep.mint(&self.client.session_key, &[3; 16])
    }

    /// Returns the client's final token, which ends the negotiation.
    fn good_end(&mut self) -> Vec<u8> {
        let is_dce = self.client.flags.contains(GssFlags::DCE_STYLE);
        let ap_rep = is_dce.then(|| self.minted(&self.client_ap_rep()));
        match (&self.token.framing, ap_rep) {
            (TokenFraming::Spnego(_), response_token) => {
                NegTokenRespParts { response_token, ..final_token(self.good_mic()) }.mint()
            }
            (_, ap_rep) => ap_rep.unwrap(),
        }
    }

    fn refuses(&self, host: &Host, last: &[u8]) -> Error {
        host.refuses(last, Some(&self.kept.state))
    }

    fn ends(&self, host: &Host, last: &[u8]) {
        let (accepted, _) = host.ends(last, Some(&self.kept.state));
        assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
    }
}

fn every_kind(host: &Host) -> [Begun; 4] {
    [
        Begun::mic(host),
        Begun::of(host, without(GssFlags::MUTUAL, prefers_ntlm(host.good()))),
        Begun::dce(host),
        Begun::dce_with_mic(host),
    ]
}

fn mic_refused(cause: MessageError) -> Error {
    Error::Negotiation(NegotiationCause::Mic(cause))
}

const NO_MIC: Error = Error::Negotiation(NegotiationCause::NoMic);
const WRONG_AP_REP: Error = Error::Negotiation(NegotiationCause::ApRep);
const LAST_TOKEN: Error = Error::Negotiation(NegotiationCause::LastToken);
