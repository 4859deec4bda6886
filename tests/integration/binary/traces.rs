//! Spans of the real binary: behind a real Envoy, to a collector that hangs, and at the end.

use serde_json::json;

use super::Server;
use crate::asker::Asker;
use crate::client;
use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST};
use crate::otlp_collector::{Answering, Collector, Protocol};
use crate::test_app::Setup;
use crate::upstream::Upstream;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn setup(collector: &Collector, more: &str) -> Setup {
    Setup {
        extra: collector.section(more),
        ..Setup::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_envoy_the_parent_is_the_one_that_the_request_names() {
    let mut collector = Collector::start(Protocol::Grpc, Answering::Takes).await;
    let server = Server::start(&setup(&collector, ""));
    let upstream = Upstream::start().await;
    let gate = server.address("authz").parse().unwrap();
    let doors = [
        Door::new("raw", &gate, HeaderEncoding::Raw),
        Door::new("merged", &gate, HeaderEncoding::Merged),
        Door::new("traced", &gate, HeaderEncoding::Raw).tracing(),
    ];
    let envoy = Envoy::start(NEWEST, &doors, upstream.address).await;
    let traceparent = format!("traceparent: 00-{TRACE}-{PARENT}-01");
    for door in ["raw", "merged", "traced"] {
        let headers = [&*traceparent, "tracestate: shop=1"];
        let path = format!("/products/{door}");
        let answer = client::get(envoy.address(door), &path, &headers).await;
        assert_eq!(answer.status, 200, "{door}");
        let span = collector.span().await;
        assert_eq!(span["attributes"]["url.path"], json!(path));
        assert_eq!(span["trace_id"], TRACE, "{door}");
        assert_eq!(span["parent_span_id"], PARENT, "{door}");
        assert_eq!(span["trace_state"], "shop=1", "{door}");
    }
    // Two of them say nothing, so that this one has no span.
    let headers = [&*traceparent, &traceparent.replace("-01", "-00")];
    for door in ["raw", "merged"] {
        let answer = client::get(envoy.address(door), "/products/two", &headers).await;
        assert_eq!(answer.status, 200, "{door}");
    }
    let answer = client::get(envoy.address("raw"), "/products/last", &[&*traceparent]).await;
    assert_eq!(answer.status, 200);
    let span = collector.span().await;
    assert_eq!(span["attributes"]["url.path"], "/products/last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_costs_spans_and_nothing_else() {
    let collector = Collector::start(Protocol::Grpc, Answering::Hangs).await;
    let settings = ", sample_ratio: 1, max_queue_spans: 3, timeout_ms: 100";
    let mut server = Server::start(&setup(&collector, settings));
    let asker = Asker::connect(&server.authz_url()).await;
    for _ in 0..200 {
        assert_eq!(asker.ask("/products/1", None).await.status, 200);
    }
    let line = server.logs("spans do not reach the collector");
    assert_eq!(line["level"], "WARN");
    assert!(line["spans.dropped"].as_u64().unwrap() > 0, "{line}");
    let metrics = client::get(server.admin_address(), "/metrics", &[]).await;
    let lost = "portcullis_trace_spans_dropped_total{reason=\"queue_full\"} ";
    let (_, count) = metrics.body.split_once(lost).unwrap();
    let count: u64 = count.lines().next().unwrap().parse().unwrap();
    // Three wait, and what is on its way has made room for three more at a time.
    assert!(count > 100, "{count}");
    for _ in 0..200 {
        assert_eq!(asker.ask("/products/1", None).await.status, 200);
    }
    server.signal("TERM");
    assert!(server.ended().success());
    let told = server.output().matches("do not reach").count();
    assert_eq!(told, 1, "{}", server.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_spans_are_sent_before_the_end() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let mut collector = Collector::start(protocol, Answering::Takes).await;
        let mut server = Server::start(&setup(&collector, ", sample_ratio: 1"));
        let asker = Asker::connect(&server.authz_url()).await;
        // More than one message takes.
        for number in 0..600 {
            let path = format!("/products/{number}");
            assert_eq!(asker.ask(&path, None).await.status, 200);
        }
        drop(asker);
        server.signal("TERM");
        let spans = collector.spans(600).await;
        assert!(server.ended().success());
        for (number, span) in spans.iter().enumerate() {
            let path = format!("/products/{number}");
            assert_eq!(span["attributes"]["url.path"], json!(path));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_no_reason_not_to_start() {
    let collector = Collector::start(Protocol::Http, Answering::Takes).await;
    let setup = setup(&collector, ", sample_ratio: 1");
    drop(collector);
    let mut server = Server::start(&setup);
    let asker = Asker::connect(&server.authz_url()).await;
    assert_eq!(asker.ask("/products/1", None).await.status, 200);
    let line = server.logs("spans do not reach the collector");
    assert!(
        line["error"].as_str().unwrap().contains("refused"),
        "{line}"
    );
    server.signal("TERM");
    assert!(server.ended().success());
}
