//! Spans of checks, as a collector receives them.

use std::collections::HashMap;

use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use serde_json::{Value, json};

use crate::asker::{Asker, Verdict};
use crate::jwks_server::{JwksServer, Pki, ok};
use crate::otlp_collector::{Answering, Collector, Protocol};
use crate::test_app::{Setup, TestApp};
use crate::test_issuer::TestIssuer;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A gate whose spans go to a collector.
struct Traced {
    gate: TestApp,
    asker: Asker,
    collector: Collector,
}

impl Traced {
    async fn start(protocol: Protocol, answering: Answering, more: &str, log: &str) -> Self {
        let collector = Collector::start(protocol, answering).await;
        let gate = TestApp::with(&Setup {
            extra: format!("{}\nlog: {{{log}}}", collector.section(more)),
            ..Setup::default()
        });
        let asker = Asker::connect(&gate.authz_url()).await;
        Self {
            gate,
            asker,
            collector,
        }
    }

    async fn taking(more: &str, log: &str) -> Self {
        Self::start(Protocol::Grpc, Answering::Takes, more, log).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Verdict {
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.asker
            .ask_http(HttpRequest {
                method: "GET".to_owned(),
                path: path.to_owned(),
                host: "shop.example".to_owned(),
                headers: headers.collect::<HashMap<_, _>>(),
                ..HttpRequest::default()
            })
            .await
    }

    /// Asks within the trace, with these flags.
    async fn get_in_trace(&self, path: &str, flags: &str) -> Verdict {
        let traceparent = format!("00-{TRACE}-{PARENT}-{flags}");
        self.get(path, &[("traceparent", &traceparent)]).await
    }
}

fn named<'s>(spans: &'s [Value], name: &str) -> &'s Value {
    let found = spans.iter().find(|span| span["name"] == name);
    found.unwrap_or_else(|| panic!("no span `{name}`: {spans:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_a_sampled_trace_has_a_span_below_its_parent() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let mut traced = Traced::start(protocol, Answering::Takes, "", "").await;
        let token = traced.gate.issuer.token("alice", "orders.read");
        let authorization = format!("Bearer {token}");
        let traceparent = format!("00-{TRACE}-{PARENT}-03");
        let headers = [
            ("authorization", &*authorization),
            ("traceparent", &traceparent),
            ("tracestate", "shop=1,other=2"),
            ("x-request-id", "request-1"),
        ];
        let verdict = traced.get("/orders/17?token=s3cret", &headers).await;
        assert_eq!(verdict.status, 200);
        // The signature is verified, in its turn, because no proof is in the cache.
        let spans = traced.collector.spans(3).await;
        let check = named(&spans, "check read-order");
        assert_eq!(check["trace_id"], TRACE);
        assert_eq!(check["parent_span_id"], PARENT);
        assert_eq!(check["trace_state"], "shop=1,other=2");
        assert_eq!(check["kind"], 2);
        // Sampled, random, and the parent is remote.
        assert_eq!(check["flags"], 0x303);
        assert_eq!(check["resource"]["service.name"], "portcullis");
        let mut attributes = check["attributes"].clone();
        let digest = attributes["enduser.pseudo.id"].take();
        assert_eq!(digest.as_str().unwrap().len(), 16);
        let id = attributes["portcullis.decision.id"].take();
        assert_eq!(id.as_str().unwrap().len(), 16);
        assert_eq!(
            attributes,
            json!({
                "http.request.method": "GET",
                "server.address": "shop.example",
                "url.path": "/orders/17",
                "url.template": "/orders/{order_id}",
                "http.route": "read-order",
                "portcullis.decision": "allow",
                "portcullis.reason": "scopes",
                "portcullis.decision.id": null,
                "portcullis.issuer.name": "id.shop.example",
                "portcullis.request.id": "request-1",
                "enduser.pseudo.id": null,
            })
        );
        for step in ["wait for turn", "verify signature"] {
            let step = named(&spans, step);
            assert_eq!(step["trace_id"], TRACE);
            assert_eq!(step["parent_span_id"], check["span_id"]);
            let time = |span: &Value, end: &str| span[format!("{end}_time_unix_nano")].as_u64();
            assert!(time(check, "start") <= time(step, "start"));
            assert!(time(step, "start") <= time(step, "end"));
            assert!(time(step, "end") <= time(check, "end"));
        }
        let sent = format!("{spans:?}");
        for secret in [&*token, "s3cret", "alice"] {
            assert!(!sent.contains(secret), "{secret}: {sent}");
        }

        // The proof is in the cache now.
        assert_eq!(traced.get("/orders/18", &headers).await.status, 200);
        assert_eq!(traced.collector.span().await["name"], "check read-order");
        // Two checks, and what the first one waited for.
        let metrics = "portcullis_trace_spans_sent_total 4\n";
        traced.gate.admin_shows("/metrics", metrics).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_a_span_with_its_reason() {
    let mut traced = Traced::taking("", "subject: plain").await;
    let rows = [
        ("/account", "account", "no_token", 401),
        ("/internal/x", "internals", "nobody", 403),
    ];
    for (path, route, reason, status) in rows {
        assert_eq!(traced.get_in_trace(path, "01").await.status, status);
        let span = traced.collector.span().await;
        assert_eq!(span["name"], format!("check {route}"));
        assert_eq!(span["attributes"]["portcullis.decision"], "deny");
        assert_eq!(span["attributes"]["portcullis.reason"], reason);
        assert_eq!(span["attributes"]["http.response.status_code"], status);
        // It was answered as it should be.
        assert_eq!(span["status"], Value::Null);
    }
    assert_eq!(traced.get_in_trace("/nowhere", "01").await.status, 401);
    let span = traced.collector.span().await;
    assert_eq!(span["name"], "check");
    let token = traced.gate.issuer.token("alice", "orders.write");
    let authorization = format!("Bearer {token}");
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let headers = [
        ("authorization", &*authorization),
        ("traceparent", &traceparent),
    ];
    assert_eq!(traced.get("/orders/1", &headers).await.status, 403);
    let spans = traced.collector.spans(3).await;
    let check = named(&spans, "check read-order");
    assert_eq!(check["attributes"]["enduser.id"], "alice");
    assert_eq!(check["attributes"]["portcullis.reason"], "scopes_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_shows_of_the_path_what_the_log_shows() {
    for (path, expected) in [
        ("full", [json!("/products/7"), json!("/products/{id}")]),
        ("route", [Value::Null, json!("/products/{id}")]),
        ("none", [Value::Null, Value::Null]),
    ] {
        let mut traced = Traced::taking("", &format!("path: {path}")).await;
        assert_eq!(traced.get_in_trace("/products/7", "01").await.status, 200);
        let span = traced.collector.span().await;
        let shown = ["url.path", "url.template"].map(|key| span["attributes"][key].clone());
        assert_eq!(shown, expected, "{path}");
        assert_eq!(span["attributes"]["http.route"], "browse");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sampled_parent_the_ratio_decides() {
    let mut traced = Traced::taking("", "").await;
    let unreadable = format!("00-{TRACE}-{PARENT}-01-more");
    for traceparent in ["", "nonsense", &unreadable] {
        let headers = [("traceparent", traceparent)];
        assert_eq!(traced.get("/products/1", &headers).await.status, 200);
    }
    assert_eq!(traced.get_in_trace("/products/1", "00").await.status, 200);
    assert_eq!(
        traced.get_in_trace("/products/last", "01").await.status,
        200
    );
    // Nothing of those before it.
    let span = traced.collector.span().await;
    assert_eq!(span["attributes"]["url.path"], "/products/last");

    let mut traced = Traced::taking(", sample_ratio: 1, service_name: shop-gate", "").await;
    // Whoever decided against it has decided for all below it.
    assert_eq!(traced.get_in_trace("/products/1", "00").await.status, 200);
    let headers = [("traceparent", &*unreadable), ("tracestate", "shop=1")];
    assert_eq!(traced.get("/products/last", &headers).await.status, 200);
    let span = traced.collector.span().await;
    assert_eq!(span["attributes"]["url.path"], "/products/last");
    assert_eq!(span["parent_span_id"], "");
    assert_ne!(span["trace_id"], TRACE);
    assert_eq!(span["flags"], 3);
    assert_eq!(span["trace_state"], Value::Null);
    assert_eq!(span["resource"]["service.name"], "shop-gate");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_keys_is_a_span() {
    let mut collector = Collector::start(Protocol::Grpc, Answering::Takes).await;
    let (first, second) = (TestIssuer::new("key-1"), TestIssuer::new("key-2"));
    let keys = JwksServer::start(ok(&TestIssuer::jwks([&first]))).await;
    let gate = TestApp::with(&Setup {
        extra: collector.section(", sample_ratio: 1"),
        ..Setup::waiting_for(&keys)
    });
    gate.admin_shows("/readyz", "ok").await;
    keys.behave(ok(&TestIssuer::jwks([&first, &second])));
    let asker = Asker::connect(&gate.authz_url()).await;
    let token = second.token("alice", "orders.read");
    let verdict = asker.ask_until_fetched(&token).await.unwrap();
    assert_eq!(verdict.status, 200);
    let mut seen = Vec::new();
    while !seen.iter().any(|name| name == "wait for keys") {
        seen.push(collector.span().await["name"].clone());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_a_collector_does_not_take_are_counted() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let mut traced = Traced::start(protocol, Answering::Refuses, "", "").await;
        let lost = |reason: &str, count: u32| {
            format!("portcullis_trace_spans_dropped_total{{reason=\"{reason}\"}} {count}\n")
        };
        assert_eq!(traced.get_in_trace("/products/1", "01").await.status, 200);
        let text = lost("not_delivered", 1);
        traced.gate.admin_shows("/metrics", &text).await;
        traced.collector.answers(Answering::RejectsOne);
        assert_eq!(traced.get_in_trace("/products/2", "01").await.status, 200);
        let text = lost("rejected", 1);
        traced.gate.admin_shows("/metrics", &text).await;
        traced.collector.span().await;

        // What passes is sent again.
        traced.collector.answers(Answering::IsBusy);
        assert_eq!(traced.get_in_trace("/products/3", "01").await.status, 200);
        assert_eq!(traced.collector.span().await, "busy");
        traced.collector.answers(Answering::Takes);
        let mut span = traced.collector.span().await;
        while span == "busy" {
            span = traced.collector.span().await;
        }
        assert_eq!(span["attributes"]["url.path"], "/products/3");
        let (_, metrics) = traced.gate.admin("/metrics").await;
        for text in [lost("not_delivered", 1), lost("queue_full", 0)] {
            assert!(metrics.contains(&text), "{metrics}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_collector_has_to_prove_who_it_is() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let (pki, other) = (Pki::new(&["127.0.0.1"]), Pki::new(&["127.0.0.1"]));
        let mut collector = Collector::start_tls(protocol, &pki).await;
        let setup = Setup {
            extra: collector.section(", ca_file: ca.pem, sample_ratio: 1"),
            ..Setup::default()
        };
        let start = |authority: &Pki| {
            TestApp::prepared(&setup, |folder| {
                std::fs::write(folder.join("ca.pem"), &authority.ca_pem).unwrap();
            })
        };
        // It is tried several times, which takes its time.
        if protocol == Protocol::Grpc {
            let deceived = start(&other);
            let asker = Asker::connect(&deceived.authz_url()).await;
            assert_eq!(asker.ask("/products/1", None).await.status, 200);
            let text = "portcullis_trace_spans_dropped_total{reason=\"not_delivered\"} 1\n";
            deceived.admin_shows("/metrics", text).await;
        }
        let gate = start(&pki);
        let asker = Asker::connect(&gate.authz_url()).await;
        assert_eq!(asker.ask("/products/2", None).await.status, 200);
        let span = collector.span().await;
        assert_eq!(span["attributes"]["url.path"], "/products/2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_has_ended_has_no_more_spans_to_send() {
    let mut traced = Traced::taking("", "").await;
    assert_eq!(traced.get_in_trace("/products/1", "01").await.status, 200);
    drop(traced.asker);
    let app = &mut traced.gate.app;
    app.drain(std::future::pending::<()>).await;
    assert_eq!(traced.collector.span().await["name"], "check browse");
    app.drain(std::future::pending::<()>).await;
}
