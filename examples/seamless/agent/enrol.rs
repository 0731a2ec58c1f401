//! Enrols the agent: exchanges a token for a new identity.

use crate::connection::{Connection, tls_of_pin};
use crate::folder::{Folder, Identity, Keys};
use crate::proxy::Proxy;
use crate::session::ANSWER_TIME;
use crate::{Failure, VERSION};
use hyper::Method;
use seamless_pta::certificate::make_request;
use seamless_pta::enrolment::Token;
use seamless_pta::message::{Enrol, Enrolled, Host, NodeUrl, ProgramVersion, V1, read, write};

pub(crate) async fn enrol(
    folder: &Folder,
    (server, proxy): (&NodeUrl, Option<&Proxy>),
    token: &Token,
    host: &Host,
) -> Result<Identity, Failure> {
    let keys = Keys::make()?;
    let sealing = keys.sealing()?.public();
    let text = token.secret_text();
    let request = Enrol {
        v: V1,
        token: Token::parse(&text).ok_or("the token cannot be read")?,
        csr: make_request(&keys.tls()?, &sealing)?,
        seal_key: sealing,
        host: host.clone(),
        version: ProgramVersion::new(VERSION).ok_or("the program has no version")?,
    };
    let mut connection = Connection::open(server, tls_of_pin(token.pin())?, proxy).await?;
    let (_, body) = connection.send(Method::POST, "enrol", write(&request)?, ANSWER_TIME).await?;
    let identity = Identity::new(read::<Enrolled>(&body)?, keys)?;
    folder.write_identity(&identity)?;
    Ok(identity)
}
