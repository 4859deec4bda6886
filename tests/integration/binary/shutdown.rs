//! The end: readiness falls, checks go on being answered, what is under way ends.

use std::process::Command;

use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::bad_input::refusal;
use super::{Server, run};
use crate::asker::Asker;
use crate::client;
use crate::jwks_server::{Behaviour, JwksServer, ok};
use crate::test_app::{POLICY, Setup};
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer};

const SERVICE: &str = "envoy.service.auth.v3.Authorization";

/// A server that drains for as long as a test may last.
fn draining() -> Setup {
    Setup {
        policy: Some(POLICY.to_owned()),
        drain_seconds: 600,
        ..Setup::default()
    }
}

async fn health(asker: &Asker, service: &str) -> ServingStatus {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(asker.channel.clone())
        .check(request)
        .await;
    answer.unwrap().into_inner().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_falls_at_once_and_checks_go_on_until_a_second_signal() {
    let mut server = Server::start(&draining());
    let admin = server.admin_address();
    let asker = Asker::connect(&server.authz_url()).await;
    server.logs("\"message\":\"ready\"");
    assert_eq!(client::get(admin, "/readyz", &[]).await.status, 200);
    let mut watch = HealthClient::new(asker.channel.clone())
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    loop {
        // Serving is told on another thread than readiness.
        let status = watch.message().await.unwrap().unwrap().status();
        if status == ServingStatus::Serving {
            break;
        }
    }

    server.signal("TERM");
    let told = watch.message().await.unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::NotServing);
    for service in ["", SERVICE] {
        assert_eq!(health(&asker, service).await, ServingStatus::NotServing);
    }
    let ready = client::get(admin, "/readyz", &[]).await;
    assert_eq!((ready.status, &*ready.body), (503, "draining\n"));
    assert_eq!(client::get(admin, "/livez", &[]).await.status, 200);
    let status = client::get(admin, "/status", &[]).await;
    assert_eq!(status.json()["ready"], false);
    let address = admin.to_string();
    let verb = run(&["health", "--address", &address], server.folder.path());
    assert_eq!(verb.status.code(), Some(1));
    let token = server.issuer.token("alice", "orders.read");
    assert_eq!(asker.ask("/orders/1", Some(&token)).await.status, 200);
    let newcomer = Asker::connect(&server.authz_url()).await;
    assert_eq!(newcomer.ask("/orders/1", None).await.status, 401);

    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    // The watch ended with the server instead of holding it up.
    assert!(!matches!(watch.message().await, Ok(Some(_))));
    assert!(
        !server.output().contains("is aborted"),
        "{}",
        server.output()
    );
    assert!(TcpStream::connect(admin).await.is_err());
    let verb = run(&["health", "--address", &address], server.folder.path());
    assert_eq!(verb.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_under_way_is_answered_before_the_end() {
    let issuer = TestIssuer::new("key-1");
    let jwks = TestIssuer::jwks([&issuer]);
    let keys = JwksServer::start(ok(&jwks)).await;
    let mut server = Server::start(&remote(&keys));
    server.logs("\"message\":\"ready\"");
    let asker = Asker::connect(&server.authz_url()).await;
    let newer = TestIssuer::new("key-2");
    let both = TestIssuer::jwks([&issuer, &newer]);
    let Behaviour::Answer(bytes) = ok(&both) else {
        unreachable!("`ok` is an answer");
    };
    keys.behave(Behaviour::AnswerWhenReleased(bytes));
    let token = newer.token("alice", "orders.read");
    let asking = {
        let asker = asker.clone();
        tokio::spawn(async move { asker.ask_until_fetched(&token).await })
    };
    keys.wait_for_requests(2).await;
    server.signal("TERM");
    server.logs("draining");
    server.signal("TERM");
    server.logs("closing the listeners");
    keys.release();
    assert_eq!(asking.await.unwrap().unwrap().status, 200);
    assert_eq!(server.ended().code(), Some(0));
}

/// Keys from afar; a check may wait long for them.
fn remote(keys: &JwksServer) -> Setup {
    let url = keys.url();
    Setup {
        authz_extra: ", key_wait_ms: 30000".to_owned(),
        trust: Some(format!(
            "{{issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], \
             jwks_uri: \"{url}\", jwks_cooldown_seconds: 1, jwks_timeout_ms: 60000}}"
        )),
        ..draining()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn further_signals_end_even_what_does_not_end() {
    let issuer = TestIssuer::new("key-1");
    let keys = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let mut server = Server::start(&remote(&keys));
    server.logs("\"message\":\"ready\"");
    let asker = Asker::connect(&server.authz_url()).await;
    keys.behave(Behaviour::Stall);
    let token = TestIssuer::new("key-2").token("alice", "orders.read");
    let mut asking = tokio::spawn(async move { asker.ask_until_fetched(&token).await });
    tokio::select! {
        () = keys.wait_for_requests(2) => {}
        answer = &mut asking => panic!("answered: {answer:?}"),
    }
    for line in ["draining", "closing the listeners", "is aborted"] {
        server.signal("INT");
        server.logs(line);
    }
    assert_eq!(server.ended().code(), Some(0));
    assert!(asking.await.unwrap().is_err(), "it was cut off");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drain_delay_ends_by_itself() {
    let mut server = Server::start(&Setup::default());
    let asker = Asker::connect(&server.authz_url()).await;
    assert_eq!(asker.ask("/orders/1", None).await.status, 401);
    // A connection without a request does not hold up the end.
    let _idle = TcpStream::connect(server.admin_address()).await.unwrap();
    let authz = server.authz_url().replace("http://", "");
    let _silent = TcpStream::connect(authz).await.unwrap();
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    assert!(
        !server.output().contains("is aborted"),
        "{}",
        server.output()
    );
}

/// Nobody may ever write to it, and whoever reads it waits.
#[test]
fn a_pipe_in_place_of_the_policy_is_refused_at_once() {
    let said = refusal("a pipe", &draining(), |folder| {
        let policy = folder.join("policy.yaml");
        std::fs::remove_file(&policy).unwrap();
        let made = Command::new("mkfifo").arg(policy).status().unwrap();
        assert!(made.success());
    });
    assert!(said.contains("policy.yaml"), "{said}");
}

/// Whether the process has a handler for SIGTERM, as `proc_pid_status(5)` tells.
fn handles_term(pid: u32) -> bool {
    const TERM: u64 = 15;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask >> (TERM - 1) & 1 == 1)
}

/// The first process of a container gets no signal that it has no handler for.
#[test]
fn a_signal_while_the_policy_is_read_is_heeded() {
    let routes = (0..5000).map(|number| {
        format!("  - {{name: r{number}, methods: [GET], path: /r{number}, access: public}}\n")
    });
    let setup = Setup {
        policy: Some(format!(
            "version: 1\nroutes:\n{}",
            routes.collect::<String>()
        )),
        ..Setup::default()
    };
    // On a busy machine the policy may have been read before the signal is sent.
    let heeded = (0..5).find_map(|_| {
        let mut server = Server::spawn(&setup, |_| {});
        while !handles_term(server.child.id()) {
            assert_eq!(
                server.child.try_wait().unwrap(),
                None,
                "{}",
                server.output()
            );
            std::thread::yield_now();
        }
        let was_reading = server.output().is_empty();
        server.signal("TERM");
        let status = server.ended();
        was_reading.then(|| (status, server.output()))
    });
    let (status, output) = heeded.expect("a signal before it serves");
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.contains("\"message\":\"stopped\""), "{output}");
}
