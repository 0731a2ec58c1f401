//! Computes the channel bindings of a server's TLS connections from its certificate file (PEM or DER). The first certificate
//! of a PEM file is the server's certificate, as TLS servers expect.

use crate::input;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::ChannelBindings;
use std::path::Path;

pub(crate) fn bindings(path: &Path) -> Result<ChannelBindings, String> {
    let contents = input::file(path)?;
    let der = from_pem(&contents).unwrap_or(contents);
    ChannelBindings::tls_server_end_point(&der).map_err(|error| input::of_file(path, &error))
}

fn from_pem(contents: &[u8]) -> Option<Vec<u8>> {
    let (_, rest) = std::str::from_utf8(contents).ok()?.split_once("-----BEGIN CERTIFICATE-----")?;
    let (text, _) = rest.split_once("-----END CERTIFICATE-----")?;
    STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok()
}
