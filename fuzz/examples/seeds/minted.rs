//! Writes tokens of the test realm, for forms that no recording has under the target's keys.

use super::Seeds;
use kerberos_sso::crypto::EncType;
use kerberos_sso::negotiate::{Negotiation, Step};
use kerberos_sso::pac::BufferType;
use kerberos_sso::testing::{
    MechToken, NdrWriter, NegHints, NegTokenRespParts, TestClient, TestToken, TokenFraming, if_relevant, mech,
};
use kerberos_sso::ticket::GssFlags;
use kerberos_sso_fuzz::claims::metadata;
use kerberos_sso_fuzz::input::part;
use kerberos_sso_fuzz::server::{CHANNEL, NOW, Server, USER, realm};
use kerberos_sso_fuzz::verdict::RANDOMNESS;

pub(crate) fn write(seeds: &Seeds) {
    let server = Server::new();
    for (name, token) in tokens(&server) {
        seeds.add("token", name, &token.mint());
        seeds.add("header", name, token.header().as_bytes());
        seeds.add("ticket_part", name, &token.ticket.plaintext());
        seeds.add("authenticator", name, &token.authenticator.plaintext());
    }
    seeds.add("header", "no-token", b"Negotiate");
    seeds.add("header", "two-schemes", b"Basic dTpw\nNegotiate oQcwBaADCgEC");
    pacs(seeds);
    claims(seeds);
    negotiations(seeds, &server);
    sasl(seeds);
}

fn tokens(server: &Server) -> Vec<(&'static str, TestToken)> {
    let token = || server.token.clone();
    let mut full = token().bound_to(CHANNEL).client_target("HTTP/www.contoso.test@CONTOSO.TEST");
    full.ticket.caddr = Some(vec![(2, vec![127, 0, 0, 1]), (24, vec![0; 16])]);
    full.ticket.transited = (1, b"EDU,MIT.".to_vec());
    full.ticket.authorization_data = vec![if_relevant(&[(-7, b"whatever".to_vec()), if_relevant(&[(1, vec![])])])];
    let mut bare = token();
    (bare.ticket.starttime, bare.ticket.renew_till) = (None, None);
    (bare.authenticator.subkey, bare.authenticator.seq_number) = (None, Some(-1));
    vec![
        ("minted", token()),
        ("minted-mutual", token().mutual()),
        ("minted-krb5", token().framed(TokenFraming::Krb5(mech::KRB5.into()))),
        ("minted-ap-req", token().framed(TokenFraming::ApReq)),
        ("minted-hints", token().spnego(|spnego| spnego.neg_hints = NegHints::NotDefined)),
        ("minted-inner-ap-req", token().spnego(|spnego| spnego.mech_token = MechToken::ApReq)),
        ("minted-offer", token().spnego(|spnego| spnego.mech_token = MechToken::Absent)),
        ("minted-ntlm-first", ntlm_first(token())),
        ("minted-etype-19", token().etype(EncType(19)).session_etype(EncType(19))),
        ("minted-etype-23", token().etype(EncType(23)).session_etype(EncType(23))),
        ("minted-pac", token().pac(|_| {})),
        ("minted-full", full),
        ("minted-bare", bare),
    ]
}

fn ntlm_first(token: TestToken) -> TestToken {
    token.mutual().spnego(|spnego| spnego.mech_types.insert(0, mech::NTLM.to_vec()))
}

fn pacs(seeds: &Seeds) {
    let realm = realm().of_active_directory();
    let (domain, claims) = (realm.domain_sid(), metadata(&claims_set(), 0, u32::try_from(claims_set().len()).unwrap()));
    let token = realm.ticket_for(USER).pac(|pac| {
        pac.groups([512, 513, 1104]);
        pac.extra_sid("S-1-5-21-1-2-3-1300".parse().unwrap());
        pac.resource_groups(domain, [572]);
        pac.delegated("HTTP/www.contoso.test", &["HTTP/proxy.contoso.test@CONTOSO.TEST"]);
        pac.add(BufferType::CLIENT_CLAIMS_INFO, claims);
    });
    seeds.add("pac", "minted-full", &token.ticket.pac_bytes().unwrap());
    seeds.add("pac", "minted", &realm.ticket_for(USER).ticket.pac_bytes().unwrap());
}

fn claims(seeds: &Seeds) {
    let set = claims_set();
    let size = u32::try_from(set.len()).unwrap();
    seeds.add("claims", "plain", &metadata(&set, 0, size));
    let [_, size @ ..] = size.to_be_bytes();
    // LZNT1: an uncompressed chunk (MS-XCA section 2.5.1.2), and a compressed chunk with literals and a match.
    let header = 0x3000 | u16::try_from(set.len() - 1).unwrap();
    seeds.add("compressed_claims", "lznt1-stored", &[&[0], &size[..], &header.to_le_bytes(), &set].concat());
    seeds.add("compressed_claims", "lznt1-match", &[0, 0, 0, 12, 6, 0xB0, 0x08, b'a', b'b', b'c', 6, 0x20, 0]);
    let compressed = huffman_literals(&set);
    seeds.add("compressed_claims", "huffman", &[&[1], &size[..], &compressed].concat());
    seeds.add("claims", "huffman", &metadata(&compressed, 4, u32::try_from(set.len()).unwrap()));
}

/// Compresses octets as literals. All 512 symbols have codes of nine bits, and each code is the symbol's number (MS-XCA
/// section 2.1.4).
fn huffman_literals(octets: &[u8]) -> Vec<u8> {
    let mut bits: Vec<bool> =
        octets.iter().flat_map(|octet| (0..9).rev().map(move |bit| u16::from(*octet) >> bit & 1 != 0)).collect();
    bits.resize(bits.len().next_multiple_of(16) + 32, false);
    let word = |bits: &[bool]| bits.iter().fold(0_u16, |word, bit| word << 1 | u16::from(*bit)).to_le_bytes();
    [vec![0x99; 256], bits.chunks(16).flat_map(word).collect()].concat()
}

/// Returns a CLAIMS_SET with one array, which has a claim of each type.
fn claims_set() -> Vec<u8> {
    let mut ndr = NdrWriter::default();
    ndr.pointer("top");
    ndr.u32(1);
    ndr.pointer("ClaimsArrays");
    ndr.u16(0);
    ndr.marked("ReservedFieldSize", 0);
    ndr.optional("ReservedField", false);
    ndr.marked("ClaimsArrays.", 1);
    ndr.u16(1);
    ndr.marked("ClaimsCount", 4);
    ndr.pointer("ClaimEntries");
    ndr.marked("ClaimEntries.", 4);
    for claim_type in [1, 2, 3, 6] {
        ndr.pointer("Id");
        ndr.u16(claim_type);
        ndr.u16(claim_type);
        ndr.marked("ValueCount", 1);
        ndr.pointer("Values");
    }
    for claim_type in [1, 2, 3, 6] {
        ndr.terminated("Id.", "ad://ext/a");
        ndr.marked("Values.", 1);
        if claim_type == 3 {
            ndr.pointer("Text");
            ndr.terminated("Text.", "é\u{202E}");
        } else {
            ndr.align(8);
            ndr.u64(1);
        }
    }
    ndr.finish().bytes
}

/// Writes three conversations: a client that must send a MIC of its MechTypeList, a client whose first token has no
/// Kerberos token, and a client in DCE style.
fn negotiations(seeds: &Seeds, server: &Server) {
    let token = ntlm_first(server.token.clone());
    let (state, reply) = next(server, &token.mint());
    let client = TestClient::of(&token);
    let mut context = client.complete(Some(&reply)).unwrap();
    let last = NegTokenRespParts {
        neg_state: Some(NegTokenRespParts::ACCEPT_COMPLETED),
        mech_list_mic: Some(context.get_mic(&client.mech_types)),
        ..NegTokenRespParts::default()
    };
    add(seeds, "confirmed", &state, &last.mint());
    let offer = server.token.clone().spnego(|spnego| spnego.mech_token = MechToken::Absent);
    let (state, _) = next(server, &offer.mint());
    let krb5 = server.token.clone().framed(TokenFraming::Krb5(mech::KRB5.into())).mint();
    let request = NegTokenRespParts { response_token: Some(krb5), ..NegTokenRespParts::default() };
    add(seeds, "requested", &state, &request.mint());
    let mut dce = server.token.clone().mutual().framed(TokenFraming::ApReq);
    dce.authenticator.gss.flags |= GssFlags::DCE_STYLE.bits();
    let (state, reply) = next(server, &dce.mint());
    let client = TestClient::of(&dce);
    let ap_rep = client.ap_rep(&reply).unwrap().unwrap();
    let last = client.confirmation(&ap_rep).mint(&client.session_key, &[0xC0; 16]);
    add(seeds, "dce", &state, &last);
}

/// Returns the server's state after a client's first token, and the server's answer.
fn next(server: &Server, token: &[u8]) -> (Negotiation, Vec<u8>) {
    let step = server.validator.converse(token, None, &RANDOMNESS, NOW).unwrap();
    let Step::Continue(next) = step else { panic!("the client must continue") };
    let reply = next.token().to_vec();
    (next.into_negotiation(), reply)
}

fn add(seeds: &Seeds, name: &str, state: &Negotiation, token: &[u8]) {
    let state = state.to_bytes();
    let sealed = [&NOW.seconds().to_be_bytes()[..], &state].concat();
    seeds.add("negotiation", name, &[&[0], &part(&state)[..], token].concat());
    seeds.add("negotiation", &format!("{name}-sealed"), &[&[1], &part(&sealed)[..], token].concat());
}

/// Writes an answer with each layer under each key, followed by a message. Each layer has a different authorization
/// identity.
fn sasl(seeds: &Seeds) {
    for (layer, identity) in [(1, ""), (2, "u:bob"), (4, "é")] {
        for key in 0..5 {
            let answer = [&[layer, 0, 0xFF, 0xFF], identity.as_bytes()].concat();
            let protection = u8::from(layer == 4);
            let input = [&[key, 7, 0, 0xFF, 0xFF, 0], &part(&answer)[..], &[protection], &part(b"message")].concat();
            seeds.add("sasl", &format!("layer-{layer}-{key}"), &input);
        }
    }
}
