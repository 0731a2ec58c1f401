//! Tests of the limits of the listener for agents.

use super::*;

/// Sends the head of an enrolment without its body, and waits for nothing.
async fn stranger(server: &Server) -> std::io::Result<Connection> {
    let mut connection = server.connect(None).await?;
    let head = "POST /agents/v1/enrol HTTP/1.1\r\nHost: n1\r\nContent-Length: 1000\r\n\r\n";
    connection.0.write_all(head.as_bytes()).await?;
    Ok(connection)
}

/// The test's listener has 99 places. Such a connection runs a request, so it would give way to nobody.
#[tokio::test]
async fn two_hundred_connections_without_a_certificate_keep_no_agent_out() {
    let server = Arc::new(server().await);
    let agent = Arc::new(TestAgent::enrol(&server).await);
    let mut strangers = Vec::new();
    for _ in 0..200 {
        // A stranger beyond the share learns of it with the next octet.
        strangers.extend(stranger(&server).await);
    }
    assert_eq!(agent.connect(&server).await.send("GET", "bootstrap", b"").await.unwrap().0, 200);
    let working = agent.work(&server, honest);
    until_waiting(&server).await;
    assert!(server.sign_in("alice", "right").await.is_ok());
    assert_eq!(working.await.unwrap(), 204);
}

/// The limit of a header is one of 16 KiB for the whole head of a request.
#[tokio::test]
async fn header_of_almost_16_kib_is_read_and_one_of_more_ends_the_connection() {
    let server = server().await;
    let agent = TestAgent::enrol(&server).await;
    for (size, is_read) in [(15 * 1024, true), (16 * 1024 + 1, false)] {
        let mut connection = agent.connect(&server).await;
        let start = "GET /agents/v1/bootstrap HTTP/1.1\r\nHost: n1\r\nX-Filler: ";
        let filler = "a".repeat(size - start.len() - 4);
        let sent = connection.0.write_all(format!("{start}{filler}\r\n\r\n").as_bytes()).await;
        let mut status = [0; 12];
        let answered = sent.is_ok() && connection.0.read_exact(&mut status).await.is_ok();
        assert_eq!(answered && &status == b"HTTP/1.1 200", is_read, "{size}");
    }
}
