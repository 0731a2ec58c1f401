//! A connection of a client to the sign-in server.

use crate::Outcome;
use axum::http::Response;
use axum::http::request::Builder;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    pub async fn open(address: &str) -> Outcome<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub async fn send(&mut self, request: Builder, body: String) -> Outcome<Response<Bytes>> {
        self.0.ready().await?;
        let (head, body) = self.0.send_request(request.body(Full::from(body))?).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}
