//! Tests of the limits of the listener for agents.

use super::*;

/// Sends the head of an enrolment request without a certificate and without the body. Does not wait for a response.
async fn without_certificate(server: &Server) -> std::io::Result<Connection> {
    let mut connection = server.connect(None).await?;
    let head = "POST /agents/v1/enrol HTTP/1.1\r\nHost: n1\r\nContent-Length: 1000\r\n\r\n";
    connection.0.write_all(head.as_bytes()).await?;
    Ok(connection)
}

/// The listener of the test has 99 places. Each of the 200 connections has a running request, so the server does not
/// close it for a new connection.
#[tokio::test]
async fn two_hundred_connections_without_a_certificate_keep_no_agent_out() {
    let server = Arc::new(server().await);
    let agent = Arc::new(TestAgent::enrol(&server).await);
    let mut unproved = Vec::new();
    for _ in 0..200 {
        // The server closes a connection beyond the limit, and the client notices this with its next octet.
        unproved.extend(without_certificate(&server).await);
    }
    assert_eq!(agent.connect(&server).await.send("GET", "bootstrap", b"").await.unwrap().0, 200);
    let working = agent.work(&server, honest);
    until_waiting(&server).await;
    assert!(server.sign_in("alice", "right").await.is_ok());
    assert_eq!(working.await.unwrap(), 204);
}

/// The limit of 16 KiB is for the whole head of a request.
#[tokio::test]
async fn request_head_of_16_kib_is_read_and_a_head_of_one_octet_more_ends_the_connection() {
    let server = server().await;
    let agent = TestAgent::enrol(&server).await;
    for (size, is_read) in [(16 * 1024, true), (16 * 1024 + 1, false)] {
        let mut connection = agent.connect(&server).await;
        let start = "GET /agents/v1/bootstrap HTTP/1.1\r\nHost: n1\r\nX-Filler: ";
        let filler = "a".repeat(size - start.len() - 4);
        let sent = connection.0.write_all(format!("{start}{filler}\r\n\r\n").as_bytes()).await;
        let mut status = [0; 12];
        let answered = sent.is_ok() && connection.0.read_exact(&mut status).await.is_ok();
        assert_eq!(answered && &status == b"HTTP/1.1 200", is_read, "{size}");
    }
}
