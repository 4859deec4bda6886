//! More checks than can be answered in time: each gets its refusal in time, what is cheap stays
//! fast, and what is public stays open.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use portcullis::authorizer::{Authorizer, CacheLimits, Snapshot};
use portcullis::clock::SystemClock;
use portcullis::config::ListenAddress;
use portcullis::ext_authz::{CheckLimits, CheckService, ExtAuthz};
use portcullis::gate::{DecisionLog, Gate, GateMetrics, GateSettings, KeyNews, KeyRefresh};
use portcullis::policy::Policy;
use portcullis::problem::Source;
use portcullis::telemetry::{DecisionSettings, SubjectForm, SubjectNames};
use portcullis::token::{Algorithm, IssuerRules, KeySet, MissingKey, Trust};
use prometheus_client::registry::Registry;
use prost::Message;

use crate::asker::{Asker, message, verdict};
use crate::jwks_server::{Behaviour, JwksServer, ok};
use crate::raw_http2::{CHECK, Call, Peer};
use crate::test_app::{POLICY, Setup, TestApp};
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer};

/// More than one thread keeps waiting.
const FLOOD: usize = 4_000;

/// As many as one thread may keep waiting, which take it far longer than 10 ms.
const QUEUEFUL: usize = 1_000;

fn gate() -> TestApp {
    TestApp::with(&Setup {
        authz_extra: ", max_concurrent_streams: 10000, threads: 1".to_owned(),
        ..Setup::default()
    })
}

async fn peer(gate: &TestApp) -> Peer {
    match gate.app.authz_address() {
        ListenAddress::Tcp(address) => Peer::connect(*address).await,
        ListenAddress::Unix(path) => panic!("listens on {}", path.display()),
    }
}

/// Checks whose tokens are right in all but their signature, and none is like another.
fn forged(peer: &mut Peer, path: &str, timeout: &str, bytes: &mut Vec<u8>) -> Vec<u32> {
    some_forged(FLOOD, peer, path, timeout, bytes)
}

fn some_forged(
    count: usize,
    peer: &mut Peer,
    path: &str,
    timeout: &str,
    bytes: &mut Vec<u8>,
) -> Vec<u32> {
    let forger = TestIssuer::new("key-1");
    let token = forger.token("mallory", "orders.read");
    let (text, signature) = token.rsplit_once('.').unwrap();
    let signatures = (0..count).map(|number| {
        // Base64url takes any of these at the beginning.
        format!("{number:04}{}", &signature[4..])
    });
    let streams = signatures.map(|signature| {
        let stream = peer.stream();
        Call::check_with_token(path, &format!("{text}.{signature}"))
            .with("grpc-timeout", timeout)
            .write(bytes, stream);
        stream
    });
    streams.collect()
}

#[tokio::test]
async fn a_flood_of_forged_tokens_is_answered_in_time_and_counted() {
    let gate = gate();
    let mut peer = peer(&gate).await;
    let mut bytes = Vec::new();
    let streams = forged(&mut peer, "/orders/1", "60S", &mut bytes);
    peer.send(&bytes).await;
    let (mut refused, mut shed) = (0, 0);
    for stream in streams {
        match peer.ended(stream).await.status() {
            401 => refused += 1,
            503 => shed += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused >= 1 && shed >= 1, "{refused} {shed}");
    let (_, metrics) = gate.admin("/metrics").await;
    let counted = format!("checks_denied_total{{reason=\"overload\",detail=\"\"}} {shed}\n");
    assert!(metrics.contains(&counted), "{metrics}");
    assert_eq!(peer.check("/orders/1").await, 401);
}

#[tokio::test]
async fn nobody_is_late_with_a_short_timeout() {
    let gate = gate();
    let mut peer = peer(&gate).await;
    let mut bytes = Vec::new();
    let streams = some_forged(QUEUEFUL, &mut peer, "/orders/1", "20m", &mut bytes);
    peer.send(&bytes).await;
    let mut shed = 0;
    for stream in streams {
        match peer.ended(stream).await.status() {
            401 => {}
            503 => shed += 1,
            other => panic!("{other}"),
        }
    }
    assert!(shed >= 1);
    // The queue has room for all: each was refused because it had waited for 10 ms.
    let (_, metrics) = gate.admin("/metrics").await;
    let sum = metrics
        .lines()
        .find_map(|line| line.strip_prefix("portcullis_check_duration_seconds_sum "))
        .expect("the sum of all latencies");
    let seconds: f64 = sum.parse().unwrap();
    assert!(seconds >= f64::from(shed) * 0.01, "{shed}: {seconds} s");
}

#[tokio::test]
async fn cached_and_cheap_checks_overtake_forged_tokens() {
    let gate = gate();
    let token = gate.issuer.token("alice", "orders.read");
    let asker = Asker::connect(&gate.authz_url()).await;
    assert_eq!(asker.ask("/orders/1", Some(&token)).await.status, 200);
    let mut peer = peer(&gate).await;
    let mut bytes = Vec::new();
    let streams = forged(&mut peer, "/orders/1", "60S", &mut bytes);
    let (cached, cheap) = (peer.stream(), peer.stream());
    Call::check_with_token("/orders/1", &token).write(&mut bytes, cached);
    Call::check("/orders/1").write(&mut bytes, cheap);
    peer.send(&bytes).await;
    assert_eq!(peer.ended(cached).await.status(), 200);
    assert_eq!(peer.ended(cheap).await.status(), 401);
    let before = peer.answered_among(&streams, 401);
    // One is verified for each turn of reading; a thousand wait.
    assert!(before < 500, "{before} forged tokens were verified before");
}

#[tokio::test]
async fn a_public_route_stays_open_to_all_however_many_tokens_are_forged() {
    let gate = gate();
    let mut peer = peer(&gate).await;
    let mut bytes = Vec::new();
    let streams = forged(&mut peer, "/products/1", "60S", &mut bytes);
    peer.send(&bytes).await;
    for stream in streams {
        assert_eq!(peer.ended(stream).await.status(), 200);
    }
    let (_, metrics) = gate.admin("/metrics").await;
    assert!(
        metrics.contains("\nportcullis_tokens_ignored_total "),
        "{metrics}"
    );
    assert!(
        !metrics.contains("\nportcullis_tokens_ignored_total 0\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_public_route_does_not_wait_for_keys() {
    let issuer = TestIssuer::new("key-1");
    let keys = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let setup = Setup::waiting_for(&keys);
    let gate = TestApp::with(&setup);
    gate.admin_shows("/readyz", "ok").await;
    keys.behave(Behaviour::Stall);
    let fetches = keys.requests().len();
    let unknown = TestIssuer::new("key-2").token("mallory", "orders.read");
    let asker = Asker::connect(&gate.authz_url()).await;
    for (path, status) in [
        ("/products/1", 200),
        ("/nowhere", 401),
        ("/internal/x", 403),
    ] {
        assert_eq!(
            asker.ask(path, Some(&unknown)).await.status,
            status,
            "{path}"
        );
    }
    assert_eq!(keys.requests().len(), fetches);
}

/// An issuer that is asked for keys, and panics.
struct Panics;

impl KeyRefresh for Panics {
    fn can_ask(&self, _: &MissingKey) -> bool {
        true
    }

    fn ask(
        &self,
        _: MissingKey,
        _: Duration,
    ) -> Pin<Box<dyn Future<Output = KeyNews> + Send + '_>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            panic!("on purpose")
        })
    }
}

#[tokio::test]
async fn a_panic_while_keys_are_fetched_is_a_refusal() {
    let issuer = TestIssuer::new("key-1");
    let algorithms = [Algorithm::Es256];
    let rules = IssuerRules {
        leeway_seconds: 30,
        ..IssuerRules::of_access_tokens("staff", ISSUER, &[AUDIENCE], &algorithms)
    };
    let jwks = TestIssuer::jwks([&issuer]);
    let (keys, _) = KeySet::from_jwks(jwks.as_bytes(), &rules.algorithms).unwrap();
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: POLICY.to_owned(),
    };
    let policy = Arc::new(Policy::compile(&[source]).unwrap());
    let snapshot = Snapshot::new(policy, Trust::new(vec![(rules, Some(keys))]).unwrap());
    let limits = CacheLimits {
        max_entries: 100,
        max_bytes: 1 << 20,
    };
    let gate = Gate::new(
        Arc::new(Authorizer::new(snapshot, limits, Arc::new(SystemClock))),
        GateSettings::default(),
        DecisionLog::new(
            DecisionSettings::default(),
            SubjectNames::load(SubjectForm::Digest, None).unwrap(),
        ),
        GateMetrics::register(&mut Registry::default()),
        Arc::new(Panics),
    );
    let minute = Duration::from_mins(1);
    let limits = CheckLimits::new(1 << 20, minute, minute);
    let service = CheckService::new(Arc::new(ExtAuthz::new(Arc::new(gate), limits)));
    let stranger = TestIssuer::new("key-2").token("mallory", "orders.read");
    let bearer = format!("Bearer {stranger}");
    let check = message("/orders/1", Some(&bearer)).encode_to_vec();
    let call = Call::to(CHECK, &check);
    let request = http::Request::post(CHECK)
        .header("content-type", "application/grpc")
        .body(Full::new(Bytes::from(call.body)))
        .unwrap();
    let response = service.answer(request, Instant::now()).await;
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    let verdict = verdict(prost::Message::decode(&answer[5..]).unwrap());
    assert_eq!((verdict.status, verdict.code), (500, 13));
}
