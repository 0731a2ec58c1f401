//! A proxy between the agent and the server. The agent asks the proxy to connect (`CONNECT`, RFC 9110 section 9.3.6),
//! with a password if one is configured (RFC 7617). TLS passes through the proxy, so the proxy sees no password of a
//! user.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

#[derive(Clone)]
pub(crate) struct Proxy {
    address: String,
    /// The value of `Proxy-Authorization`.
    authorization: Option<Zeroizing<String>>,
}

impl Proxy {
    /// Reads `http://[NAME:PASSWORD@]HOST:PORT`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("http://")?.trim_end_matches('/');
        let (credentials, address) = match text.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, text),
        };
        let (host, port) = address.rsplit_once(':')?;
        let is_address = !host.is_empty() && port.parse::<u16>().is_ok() && !address.contains(['/', '?', ' ']);
        let authorization = match credentials {
            Some(credentials) => {
                let (name, password) = credentials.split_once(':')?;
                let (name, password) = (decoded(name)?, decoded(password)?);
                let plain = Zeroizing::new(format!("{}:{}", *name, *password));
                Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(plain.as_bytes()))))
            }
            None => None,
        };
        is_address.then(|| Self { address: address.into(), authorization })
    }

    /// Connects to `HOST:PORT` through the proxy.
    pub(crate) async fn connect(&self, to: &str) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).await?;
        self.ask(&mut stream, to).await?;
        Ok(stream)
    }

    async fn ask(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin), to: &str) -> Result<()> {
        let mut request = Zeroizing::new(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n"));
        if let Some(authorization) = &self.authorization {
            for part in ["Proxy-Authorization: ", authorization, "\r\n"] {
                request.push_str(part);
            }
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        // The octets after the head belong to TLS. So the agent reads one octet at a time, and stops after the head.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= MAX_HEAD {
                return Err(Error::new(ErrorKind::InvalidData, "the proxy sends no answer of HTTP"));
            }
            head.push(stream.read_u8().await?);
        }
        let status = head.get(9..12).and_then(|code| std::str::from_utf8(code).ok()).unwrap_or("no status");
        match status {
            "200" if head.starts_with(b"HTTP/1.") => Ok(()),
            "407" => Err(Error::new(ErrorKind::PermissionDenied, "the proxy wants a name and a password: --proxy")),
            status => Err(Error::other(format!("the proxy refuses to connect: {}", status.escape_debug()))),
        }
    }
}

/// Decodes the percent-encoding of a URL (RFC 3986 section 2.1).
fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let (mut octets, mut rest) = (Zeroizing::new(Vec::new()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, after) = tail.split_first_chunk::<2>()?;
            octets.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            octets.push(*first);
        }
    }
    String::from_utf8(octets.to_vec()).ok().map(Zeroizing::new)
}

/// The largest head of a proxy's answer, in octets.
const MAX_HEAD: usize = 8 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn address_of_a_proxy_is_read_with_and_without_a_name_and_a_password() {
        let parsed = |text: &str| {
            let proxy = Proxy::parse(text)?;
            Some((proxy.address, proxy.authorization.map(|value| value.to_string())))
        };
        assert_eq!(parsed("http://p:3128"), Some(("p:3128".into(), None)));
        // RFC 7617 section 2
        let expected = Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into());
        assert_eq!(parsed("http://Aladdin:open%20sesame@p:3128/"), Some(("p:3128".into(), expected)));
        for text in ["p:3128", "https://p:1", "http://p", "http://p:x", "http://a@p:1", "http://a:%4@p:1", "http://:1"]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    /// Returns the request that the proxy gets, and the result that the agent reads from the answer.
    async fn asked(answer: &'static [u8]) -> (String, Result<()>) {
        let (mut agent, mut proxy) = tokio::io::duplex(16 * 1024);
        let answering = tokio::spawn(async move {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(proxy.read_u8().await.unwrap());
            }
            proxy.write_all(answer).await.unwrap();
            String::from_utf8(request).unwrap()
        });
        let result = Proxy::parse("http://a:b@p:1").unwrap().ask(&mut agent, "n1:8443").await;
        (answering.await.unwrap(), result)
    }

    #[tokio::test]
    async fn proxy_gets_a_connect_request_and_only_status_200_gives_a_connection() {
        let (request, result) = asked(b"HTTP/1.1 200 OK\r\n\r\n").await;
        assert_eq!(request, "CONNECT n1:8443 HTTP/1.1\r\nHost: n1:8443\r\nProxy-Authorization: Basic YTpi\r\n\r\n");
        assert!(result.is_ok());
        for answer in [&b"HTTP/1.1 407 No\r\n\r\n"[..], b"HTTP/1.1 403 No\r\n\r\n", b"SSH-2.0 200\r\n\r\n", b"HTTP/1."]
        {
            assert!(asked(answer).await.1.is_err());
        }
    }
}
