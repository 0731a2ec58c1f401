//! Fuzzes `Authorization` values, one on each line. The target checks that an accepted value signs in the test user,
//! for whom the realm minted the tokens.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::http::SignInStep;
use kerberos_sso_fuzz::server::Server;
use kerberos_sso_fuzz::{allocated, printed, verdict};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SERVER: LazyLock<Server> = LazyLock::new(Server::new);

fuzz_target!(|input: &[u8]| {
    let validator = &SERVER.validator;
    let limit = allocated::for_token(input.len());
    let values = input.split(|octet| *octet == b'\n');
    let chosen = allocated::at_most(limit, || validator.negotiate_token(values));
    let judged = allocated::at_most(limit, || validator.validate_header(input, SERVER.arrival()));
    verdict::check(&judged);
    if let Ok(accepted) = &judged {
        verdict::assert_is_the_user(accepted);
    }
    check_header(&SignInStep::from_verdict(judged, &verdict::RANDOMNESS));
    for token in [chosen, validator.decode_header(input).map(Some)] {
        match token {
            Ok(None) => {}
            // Only the canonical base64 of a token is accepted.
            Ok(Some(token)) => {
                let written = STANDARD.encode(&token);
                assert!(input.windows(written.len()).any(|window| window == written.as_bytes()));
            }
            Err(refused) => verdict::check_refused(&refused),
        }
    }
});

/// Checks that the header of the answer has only visible characters and blanks.
fn check_header(step: &SignInStep) {
    printed::harmless_debug(step);
    let header = step.www_authenticate().unwrap_or_default();
    assert!(header.chars().all(|character| character == ' ' || character.is_ascii_graphic()), "{header}");
    assert!([200, 401].contains(&step.status()) || matches!(step, SignInStep::FallBack(_)));
}
