//! Servers of keys that answer too slowly, too much or with the way to another server.

use super::*;

#[tokio::test]
async fn a_stalling_server_holds_neither_callers_nor_the_task() {
    let server = JwksServer::start(Behaviour::Stall).await;
    let mut settings = busy(&server.url());
    settings.timeout = SHORT;
    let keys = KeySet::start(&settings);
    let (outcome, message) = keys.failure().await;
    assert_eq!(outcome, FetchOutcome::TimedOut);
    assert!(message.contains("100ms"), "{message}");
    // The connection is not left behind.
    server.wait_for_closed(1).await;
    server.behave(ok("keys one"));
    keys.state_where(|state| state.keys == 1).await;
}

#[tokio::test]
async fn a_dripping_body_hits_the_total_timeout() {
    let drip = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
    let server = JwksServer::start(Behaviour::Drip(drip)).await;
    let mut settings = quiet(&server.url());
    settings.timeout = Duration::from_millis(300);
    let keys = KeySet::start(&settings);
    assert_eq!(keys.failure().await.0, FetchOutcome::TimedOut);
    server.wait_for_closed(1).await;
}

#[tokio::test]
async fn a_dripping_head_hits_the_total_timeout() {
    let server = JwksServer::start(Behaviour::Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec())).await;
    let mut settings = quiet(&server.url());
    settings.timeout = Duration::from_millis(300);
    let keys = KeySet::start(&settings);
    assert_eq!(keys.failure().await.0, FetchOutcome::TimedOut);
    server.wait_for_closed(1).await;
}

#[tokio::test]
async fn a_huge_body_is_stopped_near_the_cap() {
    const HUGE: u64 = 100 * 1024 * 1024;
    let until_close = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6400000\r\n".to_vec();
    let announced = format!("HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n").into_bytes();
    for start in [until_close, chunked, announced] {
        let server = JwksServer::start(Behaviour::Flood(start, HUGE)).await;
        let keys = KeySet::start(&quiet(&server.url()));
        let (outcome, message) = keys.failure().await;
        assert_eq!(outcome, FetchOutcome::TooLarge, "{message}");
        server.wait_for_closed(1).await;
        // The cap is 1 MiB; the rest is what the system buffers.
        assert!(server.body_bytes() < HUGE / 4, "{}", server.body_bytes());
    }
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_not_even_awaited() {
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n".to_vec();
    let server = JwksServer::start(Behaviour::Flood(announced, 0)).await;
    let keys = KeySet::start(&quiet(&server.url()));
    assert_eq!(keys.failure().await.0, FetchOutcome::TooLarge);
}

#[tokio::test]
async fn a_huge_head_is_stopped() {
    let start = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    let server = JwksServer::start(Behaviour::Flood(start, 100 * 1024 * 1024)).await;
    let keys = KeySet::start(&quiet(&server.url()));
    assert_eq!(keys.failure().await.0, FetchOutcome::Unreachable);
    server.wait_for_closed(1).await;
    assert!(
        server.body_bytes() < 25 * 1024 * 1024,
        "{}",
        server.body_bytes()
    );
}

#[tokio::test]
async fn a_body_of_exactly_the_cap_is_accepted_and_one_more_is_not() {
    for (length, accepted) in [(4096, true), (4097, false)] {
        let body = format!("keys {}", "x".repeat(length - 5));
        let server = JwksServer::start(ok(&body)).await;
        let mut settings = quiet(&server.url());
        settings.max_bytes = 4096;
        let keys = KeySet::start(&settings);
        let state = keys.state_where(|state| state.fetches.total() == 1).await;
        assert_eq!(state.last_success.is_some(), accepted, "{length}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_names_its_host() {
    let elsewhere = JwksServer::start(ok("keys stolen")).await;
    let relative = "301 Moved\r\nLocation: /other".to_owned();
    let absolute = format!("302 Found\r\nLocation: {}?token=secret", elsewhere.url());
    let metadata = "307 Moved\r\nLocation: http://169.254.169.254/latest".to_owned();
    let none = "308 Moved".to_owned();
    for (answer, named) in [
        (relative, "`127.0.0.1`"),
        (absolute, "`127.0.0.1`"),
        (metadata, "`169.254.169.254`"),
        (none, "an unreadable location"),
    ] {
        let server = JwksServer::start(head(&answer)).await;
        let keys = KeySet::start(&quiet(&server.url()));
        let (outcome, message) = keys.failure().await;
        assert_eq!(outcome, FetchOutcome::Redirected);
        assert!(
            message.contains(named) && !message.contains("secret"),
            "{message}"
        );
        assert_eq!(server.requests().len(), 1);
    }
    assert!(elsewhere.requests().is_empty());
}
