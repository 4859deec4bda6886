//! Reports that no gate of ours would send.

use bytes::Bytes;
use http::uri::PathAndQuery;
use portcullis::feed::wire::{
    Frame, GateReport, Kind, MessageCodec, PROTOCOL_VERSION, REPORT_PATH, ReportReply,
    SUBSCRIBE_PATH, SubscribeRequest, Taken,
};
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Streaming};

use super::reports::Fleet;
use super::{A_SECOND, FarGate, PATIENCE, feed_of};
use crate::test_companion::{TestCompanion, URL};
use crate::test_tls::write;

const TOKEN: &str = "a-token-for-gates";

/// A gate of the test: it sends what it is told to.
pub(crate) struct RawGate {
    grpc: Grpc<Channel>,
    token: Option<&'static str>,
}

impl RawGate {
    pub(crate) async fn connect(companion: &TestCompanion, token: Option<&'static str>) -> Self {
        let address = companion.gate.app.feed_address().unwrap();
        let channel = Channel::from_shared(format!("http://{address}")).unwrap();
        let grpc = Grpc::new(channel.connect().await.unwrap());
        Self { grpc, token }
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(token) = self.token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// Subscribes; gives back the frames, of which none but the greeting is read, and its id.
    pub(crate) async fn subscribe(&mut self) -> (Streaming<Frame>, Bytes) {
        self.subscribe_as(Bytes::new()).await.unwrap()
    }

    /// The same as a process of this number.
    async fn try_subscribe(&mut self, process: u16) -> Result<(Streaming<Frame>, Bytes), Code> {
        let mut instance = [7; 16];
        instance[..2].copy_from_slice(&process.to_be_bytes());
        self.subscribe_as(Bytes::copy_from_slice(&instance)).await
    }

    async fn subscribe_as(&mut self, instance: Bytes) -> Result<(Streaming<Frame>, Bytes), Code> {
        self.grpc.ready().await.unwrap();
        let request = self.request(SubscribeRequest {
            protocol_version: PROTOCOL_VERSION,
            issuer: URL.to_owned(),
            cursor: Bytes::new(),
            instance,
        });
        let path = PathAndQuery::from_static(SUBSCRIBE_PATH);
        let codec = MessageCodec::<SubscribeRequest, Frame>::default();
        let answer = self.grpc.server_streaming(request, path, codec).await;
        let mut frames = answer.map_err(|status| status.code())?.into_inner();
        match frames.message().await.unwrap().unwrap().kind {
            Some(Kind::Hello(hello)) => Ok((frames, hello.subscription)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn report(&mut self, report: GateReport) -> Result<(), Code> {
        self.grpc.ready().await.unwrap();
        let request = self.request(report);
        let path = PathAndQuery::from_static(REPORT_PATH);
        let codec = MessageCodec::<GateReport, ReportReply>::default();
        let answer = self.grpc.unary(request, path, codec).await;
        answer.map(|_| ()).map_err(|status| status.code())
    }
}

pub(crate) fn report(subscription: &Bytes) -> GateReport {
    GateReport {
        subscription: subscription.clone(),
        ..GateReport::default()
    }
}

#[tokio::test]
async fn only_a_subscriber_with_the_token_reports_and_about_itself_alone() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "token", TOKEN);
    let file = folder.path().join("token");
    let keys = format!(", token_file: \"{}\"", file.display());
    let companion = TestCompanion::with_feed(&keys).await;
    let fleet = Fleet::of(&companion).await;
    let mut gate = RawGate::connect(&companion, Some(TOKEN)).await;
    let (frames, id) = gate.subscribe().await;
    assert_eq!(id.len(), 16);
    for token in [
        None,
        Some(""),
        Some("another-token"),
        Some("a-token-for-gates "),
    ] {
        let mut stranger = RawGate::connect(&companion, token).await;
        let refused = stranger.report(report(&id)).await;
        assert_eq!(refused, Err(Code::Unauthenticated), "{token:?}");
    }
    let other = Bytes::from_static(&[7; 16]);
    for unknown in [Bytes::new(), other, id.slice(..15)] {
        assert_eq!(gate.report(report(&unknown)).await, Err(Code::NotFound));
    }
    fleet.shows("", |gates| gates[0]["report"].is_null()).await;
    assert_eq!(gate.report(report(&id)).await, Ok(()));
    let gates = fleet.shows("", |gates| gates.len() == 1).await;
    assert!(gates[0]["report"].is_object(), "{gates:?}");
    // After the subscription its name says nothing any more.
    drop(frames);
    let gone = |gates: &[serde_json::Value]| gates[0]["state"] == "not_connected";
    fleet.shows("", gone).await;
    assert_eq!(gate.report(report(&id)).await, Err(Code::NotFound));
}

#[tokio::test]
async fn who_comes_and_goes_fills_the_list_of_gates_that_are_gone_boundedly() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "token", TOKEN);
    let file = folder.path().join("token");
    let keys = format!(", token_file: \"{}\"", file.display());
    let companion = TestCompanion::with_feed(&keys).await;
    let fleet = Fleet::of(&companion).await;
    // Without the token nobody is listed at all.
    let mut stranger = RawGate::connect(&companion, Some("another-token")).await;
    assert!(stranger.try_subscribe(1).await.is_err());
    assert!(fleet.shows("", <[_]>::is_empty).await.is_empty());
    let mut gate = RawGate::connect(&companion, Some(TOKEN)).await;
    for round in 0..300_u16 {
        let (frames, _) = gate.try_subscribe(round).await.unwrap();
        drop(frames);
    }
    // Two pages, the latest of them.
    let is_full = |gates: &[serde_json::Value]| {
        gates.len() == 100 && gates.iter().all(|gate| gate["state"] == "not_connected")
    };
    fleet.shows("?limit=100", is_full).await;
    let attention = async || {
        let seen = companion.get("/backend/attention", fleet.token()).await;
        seen.json()["gates_not_connected"].as_u64().unwrap()
    };
    let settled = async {
        while attention().await != 256 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, settled).await.is_ok());
    // Whoever comes back is not gone.
    let _frames = gate.try_subscribe(299).await.unwrap();
    assert_eq!(attention().await, 255);
}

#[tokio::test]
async fn what_a_gate_says_of_itself_is_bounded_and_printable() {
    let companion = TestCompanion::with_feed("").await;
    let fleet = Fleet::of(&companion).await;
    let mut gate = RawGate::connect(&companion, None).await;
    let (_frames, id) = gate.subscribe().await;
    let large = GateReport {
        name: "x".repeat(100_000),
        ..report(&id)
    };
    assert_eq!(gate.report(large).await, Err(Code::OutOfRange));
    fleet.shows("", |gates| gates[0]["report"].is_null()).await;
    let odd = GateReport {
        name: format!("\u{1b}[31m<b>\u{202e}{}", "x".repeat(1000)),
        version: "1\r\n2".to_owned(),
        policy_digest: "\u{0}".repeat(1000),
        policy_age_seconds: u64::MAX,
        checks_allowed: u64::MAX,
        checks_denied: u64::MAX,
        knowledge_age_ms: Some(u64::MAX),
        position: u64::MAX,
        untimed: u64::MAX,
        taken: (0..200)
            .map(|position| Taken {
                position,
                ago_ms: u64::MAX,
            })
            .collect(),
        ..report(&id)
    };
    assert_eq!(gate.report(odd).await, Ok(()));
    let told = |gates: &[serde_json::Value]| gates[0]["report"].is_object();
    let gates = fleet.shows("?position=3", told).await;
    let report = &gates[0]["report"];
    let name = report["name"].as_str().unwrap();
    assert!(name.starts_with("?[31m<b>?xxx"), "{name}");
    assert_eq!(name.len(), 253);
    assert_eq!(report["version"], "1??2");
    assert_eq!(report["policy_digest"], "?".repeat(253));
    assert_eq!(gates[0]["took_ms"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_gate_that_reports_all_the_time_disturbs_nobody() {
    let companion = TestCompanion::with_feed("").await;
    let fleet = Fleet::of(&companion).await;
    let far = FarGate::at(&feed_of(&companion), "").await;
    far.is_ready().await;
    let mut gate = RawGate::connect(&companion, None).await;
    // It reads nothing of what it has subscribed to.
    let (_frames, id) = gate.subscribe().await;
    assert_eq!(gate.report(report(&id)).await, Ok(()));
    let flood = async {
        let mut refused = 0;
        for round in 0..2000_u64 {
            let taken = (0..64).map(|number| Taken {
                position: round * 64 + number,
                ago_ms: 0,
            });
            let report = GateReport {
                taken: taken.collect(),
                ..report(&id)
            };
            refused += usize::from(gate.report(report).await == Err(Code::ResourceExhausted));
        }
        refused
    };
    let alice = companion.register("alice").await;
    let revoking = async {
        let position = fleet.revoke("alice").await;
        far.answers(&alice, 401, A_SECOND).await;
        let query = format!("?position={position}");
        let arrived = |gates: &[serde_json::Value]| gates[0]["applied"] == true;
        fleet.shows(&query, arrived).await;
    };
    let both = async { tokio::join!(flood, revoking) };
    let (refused, ()) = tokio::time::timeout(PATIENCE, Box::pin(both))
        .await
        .unwrap();
    assert!(refused > 1000, "{refused}");
    let gates = fleet.shows("", |gates| gates.len() == 2).await;
    assert_eq!(gates[0]["behind"], 0, "{gates:?}");
}
