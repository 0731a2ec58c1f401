//! Structures that are nested too deep.

use super::*;

/// CVE-2020-28196: the ASN.1 decoder of MIT krb5 recursed without a limit.
#[test]
fn thousands_of_nested_sequences_are_malformed_with_a_stack_of_256_kib() {
    let deep = std::thread::Builder::new().stack_size(256 * 1024).spawn(|| {
        let server = Server::new();
        let indefinite = [0x30, 0x80].repeat(20_000);
        let definite = nested_sequences(15_000);
        for deep in [indefinite, definite] {
            for token in everywhere(&server, &deep) {
                assert_malformed(&server.check(&token).unwrap_err(), "nested");
            }
        }
    });
    deep.unwrap().join().unwrap();
}

/// Returns tokens with `deep` in each place where a token allows any structure.
fn everywhere(server: &Server, deep: &[u8]) -> Vec<Vec<u8>> {
    let good = server.good();
    let ticket = |change: &dyn Fn(&mut TestToken)| {
        let mut token = good.clone();
        change(&mut token);
        token.mint()
    };
    vec![
        deep.to_vec(),
        good.mint_around(deep.to_vec()),
        good.clone().framed(TokenFraming::Krb5(mech::KRB5.into())).mint_around(deep.to_vec()),
        ticket(&|token| token.framing = spnego_with(MechToken::Raw(deep.to_vec()))),
        ticket(&|token| token.ticket.raw = Some(deep.to_vec())),
        ticket(&|token| token.authenticator.raw = Some(deep.to_vec())),
        ticket(&|token| token.ticket.authorization_data = vec![(1, deep.to_vec())]),
        ticket(&|token| token.authenticator.authorization_data = vec![(1, deep.to_vec())]),
    ]
}

fn spnego_with(mech_token: MechToken) -> TokenFraming {
    TokenFraming::Spnego(kerberos_sso::testing::SpnegoParts { mech_token, ..Default::default() })
}
