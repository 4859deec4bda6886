//! Issuer and gate as processes of their own.

use serde_json::{Value, json};

use super::Server;
use crate::asker::Asker;
use crate::client::exchange;
use crate::feed::false_issuer::FalseIssuer;
use crate::test_app::Setup;
use crate::test_companion::{ADMIN_PASSWORD, URL, feed_listener, setup, sqlite};
use crate::test_issuer::{ISSUER, TestIssuer};

/// Everything that a signed-in administrator may do needs no scope of the shop.
const ACCOUNT: &str = "/account";

async fn login(issuer: &Server) -> String {
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD}).to_string();
    let text = format!(
        "POST /consumer/login HTTP/1.1\r\nhost: id.shop.example\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let address = issuer.address("issuer").parse().unwrap();
    let answer = Box::pin(exchange(address, text.as_bytes())).await;
    answer.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_outlives_its_issuer_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Server::start(&Setup {
        listeners: feed_listener(""),
        ..setup(folder.path(), &sqlite(folder.path()))
    });
    let trust = |address: &str| {
        format!(
            "{{issuer: \"{URL}\", audiences: [orders-api, \"{URL}\"], algorithms: [ES256], \
             feed: {{addresses: [\"http://{address}\"]}}}}"
        )
    };
    let mut gate = Server::start(&Setup {
        trust: Some(trust(&issuer.address("feed"))),
        ..Setup::default()
    });
    gate.logs("\"message\":\"ready\"");
    let line = gate.logs("the feed is connected");
    assert_eq!(line["token.issuer"], URL);
    let token = login(&issuer).await;
    let asker = Asker::connect(&gate.authz_url()).await;
    assert_eq!(asker.ask(ACCOUNT, Some(&token)).await.status, 200);
    issuer.signal("KILL");
    let line = gate.logs("the feed is not connected");
    assert!(line["feed.error"].is_string(), "{line}");
    assert_eq!(asker.ask(ACCOUNT, Some(&token)).await.status, 200);
    let status = crate::client::get(gate.admin_address(), "/status", &[]).await;
    let status: Value = status.json();
    assert_eq!(status["issuers"][0]["feed"]["connected"], false);
    gate.signal("TERM");
    assert!(gate.ended().success());
    assert!(!gate.output().contains(&token), "a token in the log");
}

/// It answers, and then says each time that it does not know enough.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_left_again_and_again_is_told_of_once() {
    let (issuer, key) = (FalseIssuer::start().await, TestIssuer::new("key-1"));
    let mut gate = Server::start(&Setup {
        trust: Some(format!(
            "{{issuer: \"{ISSUER}\", audiences: [orders-api], algorithms: [ES256], \
             feed: {{addresses: [{}], start_wait_seconds: 0}}}}",
            issuer.url()
        )),
        ..Setup::default()
    });
    let mut left = Vec::new();
    for _ in 0..5 {
        let subscription = issuer.subscription().await;
        subscription.greet().await;
        subscription.keys(TestIssuer::jwks([&key])).await;
        subscription.beat_behind(5, 60_000).await;
        // It is the gate that goes.
        left.push(subscription);
    }
    gate.signal("TERM");
    assert!(gate.ended().success());
    let output = gate.output();
    let count = |words: &str| output.matches(words).count();
    assert_eq!(count("the feed is not connected"), 1, "{output}");
    assert_eq!(count("the feed is connected"), 2, "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_a_gate_has_heard_outlives_issuer_and_gate() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Server::start(&Setup {
        listeners: feed_listener(""),
        ..setup(folder.path(), &sqlite(folder.path()))
    });
    let file = folder.path().join("feed.snapshot");
    let gate = Setup {
        trust: Some(format!(
            "{{issuer: \"{URL}\", audiences: [orders-api, \"{URL}\"], algorithms: [ES256], \
             feed: {{addresses: [\"http://{}\"], start_wait_seconds: 0, \
             snapshot_file: \"{}\"}}}}",
            issuer.address("feed"),
            file.display()
        )),
        ..Setup::default()
    };
    let mut first = Server::start(&gate);
    first.logs("the feed is connected");
    let token = login(&issuer).await;
    let asker = Asker::connect(&first.authz_url()).await;
    assert_eq!(asker.ask(ACCOUNT, Some(&token)).await.status, 200);
    while !file.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let body = json!({"everyone": true}).to_string();
    let text = format!(
        "POST /backend/revoke HTTP/1.1\r\nhost: id.shop.example\r\n\
         content-type: application/json\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let address = issuer.address("issuer").parse().unwrap();
    let answer = Box::pin(exchange(address, text.as_bytes())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    while asker.ask(ACCOUNT, Some(&token)).await.status != 401 {}
    issuer.signal("KILL");
    first.signal("TERM");
    assert!(first.ended().success());
    let second = Server::start(&gate);
    second.logs("\"message\":\"ready\"");
    let asker = Asker::connect(&second.authz_url()).await;
    assert_eq!(asker.ask(ACCOUNT, Some(&token)).await.status, 401);
    second.signal("TERM");
    // Also where the file is older than it should be, which is not to know nothing.
    let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
    while modified.elapsed().unwrap() < std::time::Duration::from_secs(5) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let short = "start_wait_seconds: 0, max_staleness_seconds: 3";
    let trust = gate.trust.as_ref().unwrap();
    let late = Setup {
        trust: Some(trust.replace("start_wait_seconds: 0", short)),
        ..Setup::default()
    };
    let mut third = Server::start(&late);
    third.logs("serving with what its snapshot file knows");
    let asker = Asker::connect(&third.authz_url()).await;
    assert_eq!(asker.ask(ACCOUNT, Some(&token)).await.status, 401);
    third.signal("TERM");
    assert!(third.ended().success());
    let output = third.output();
    assert!(!output.contains("without knowing"), "{output}");
}
