//! The admin listener and what stands beside the checks: probes, metrics, status, reflection.

use std::collections::BTreeSet;

use tonic::Code;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use super::Server;
use crate::asker::Asker;
use crate::client;
use crate::test_app::Setup;
use crate::test_issuer::ISSUER;

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_status_answer() {
    let server = Server::start(&Setup::default());
    let admin = server.admin_address();
    server.logs("\"message\":\"ready\"");
    for path in ["/livez", "/readyz"] {
        let answer = client::get(admin, path, &[]).await;
        assert_eq!((answer.status, &*answer.body), (200, "ok\n"));
    }
    assert_eq!(client::get(admin, "/", &[]).await.status, 404);
    let answer = client::request(admin, "POST", "/livez", &["content-length: 0"]).await;
    assert_eq!(answer.status, 405);
    let answer = client::get(admin, "/status", &[]).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let status = answer.json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["ready"], true);
    assert_eq!(status["policy"]["routes"], 6);
    assert_eq!(status["policy"]["reload_failures"], 0);
    assert!(status["policy"]["last_reload_error"].is_null());
    assert!(status["policy"]["loaded_at_unix_seconds"].as_i64().unwrap() > 1_700_000_000);
    assert!(status["policy"]["digest"].as_str().unwrap().len() >= 16);
    assert_eq!(status["issuers"][0]["issuer"], ISSUER);
    assert_eq!(status["issuers"][0]["keys"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_in_the_classic_format_unless_openmetrics_is_asked_for() {
    let server = Server::start(&Setup::default());
    let answer = client::get(server.admin_address(), "/metrics", &["accept: */*"]).await;
    let content_type = answer.header("content-type");
    assert_eq!(
        content_type,
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let line =
        "# TYPE portcullis_checks_allowed_total counter\nportcullis_checks_allowed_total 0\n";
    assert!(answer.body.contains(line), "{}", answer.body);
    assert!(!answer.body.contains("# EOF"), "{}", answer.body);
}

/// Each line is a comment of the format, or a sample of a family that was described before.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_openmetrics_with_labels_from_closed_sets() {
    let server = Server::start(&Setup::default());
    server.logs("\"message\":\"ready\"");
    let asker = Asker::connect(&server.authz_url()).await;
    let token = server.issuer.token("subject-of-nobody", "orders.read");
    asker.ask("/orders/path-of-nobody", Some(&token)).await;
    asker.ask("/path-of-nobody", Some(&token)).await;
    asker.ask("/orders/1", None).await;
    let accept = ["accept: application/openmetrics-text"];
    let answer = client::get(server.admin_address(), "/metrics", &accept).await;
    let content_type = answer.header("content-type").unwrap();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(answer.body.ends_with("# EOF\n"));
    let mut families = BTreeSet::new();
    let mut labels = BTreeSet::new();
    for line in answer.body.lines().filter(|line| *line != "# EOF") {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<&str> = comment.splitn(3, ' ').collect();
            assert!(["HELP", "TYPE", "UNIT"].contains(&words[0]), "{line}");
            families.insert(words[1].to_owned());
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = series.split('{').next().unwrap();
        let known = families.iter().any(|family| name.starts_with(&**family));
        let is_ours = name.starts_with("portcullis_") || name.starts_with("process_");
        assert!(known && is_ours, "{line}");
        let pairs = series.strip_prefix(name).unwrap().trim_matches(['{', '}']);
        for pair in pairs.split("\",").filter(|pair| !pair.is_empty()) {
            labels.insert(pair.split('=').next().unwrap().to_owned());
        }
    }
    let names: Vec<&str> = labels.iter().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "decision", "detail", "issuer", "le", "listener", "output", "reason", "route",
            "version"
        ]
    );
    assert!(!answer.body.contains("of-nobody"), "{}", answer.body);
    for line in [
        "portcullis_checks_allowed_total 1\n",
        "portcullis_checks_denied_total{reason=\"no_token\",detail=\"\"} 1\n",
        "portcullis_route_checks_total{route=\"read-order\",decision=\"allow\"} 1\n",
        "portcullis_log_lines_dropped_total{output=\"service\"} 0\n",
        "portcullis_log_lines_failed_total{output=\"service\"} 0\n",
        "portcullis_http_connections_evicted_total{listener=\"admin\"} 0\n",
        "portcullis_check_duration_seconds_count 3\n",
        "portcullis_checks_in_flight 0\n",
        "portcullis_ready 1\n",
        "portcullis_draining 0\n",
        "process_cpu_seconds_total ",
        "process_resident_memory_bytes ",
        "process_start_time_seconds ",
        "process_open_fds ",
        "process_max_fds ",
    ] {
        assert!(answer.body.contains(line), "no {line} in {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_is_there_only_when_asked_for() {
    for (extra, wanted) in [("", false), (", reflection: true", true)] {
        let server = Server::start(&Setup {
            authz_extra: extra.to_owned(),
            ..Setup::default()
        });
        let asker = Asker::connect(&server.authz_url()).await;
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut client = ServerReflectionClient::new(asker.channel.clone());
        let answers = client
            .server_reflection_info(tokio_stream::once(request))
            .await;
        if wanted {
            let answer = answers.unwrap().into_inner().message().await.unwrap();
            let text = format!("{answer:?}");
            assert!(
                text.contains("envoy.service.auth.v3.Authorization"),
                "{text}"
            );
        } else {
            assert_eq!(answers.unwrap_err().code(), Code::Unimplemented);
        }
    }
}
