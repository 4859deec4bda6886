//! Checks over TLS.

use std::sync::Arc;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Authorities, ENVOY, ONE_SIDED, PATIENCE, asked, mutual};
use crate::asker::Asker;
use crate::test_app::Setup;
use crate::test_tls::{self, Authority};

fn setup(tls: &str) -> Setup {
    Setup {
        authz_extra: tls.to_owned(),
        ..Setup::default()
    }
}

/// A client of one version that speaks these protocols.
fn client(
    trusting: &Authority,
    version: &'static rustls::SupportedProtocolVersion,
    protocols: &[&str],
) -> Arc<ClientConfig> {
    let roots = portcullis::certificates::configured_roots(trusting.pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let mut client = builder.with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Arc::new(client)
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_are_answered_by_both_versions_and_over_http2_alone() {
    let authorities = Authorities::new();
    let gate = authorities.gate(&setup(ONE_SIDED));
    for (version, protocols, is_let_in) in [
        (&TLS13, &["h2"][..], true),
        (&TLS12, &["h2"], true),
        (&TLS13, &["h2", "http/1.1"], true),
        // Envoy names none unless it is told to.
        (&TLS13, &[], true),
        (&TLS12, &[], true),
        (&TLS13, &["http/1.1"], false),
        (&TLS12, &["http/1.1"], false),
    ] {
        let found = asked(&gate, client(&authorities.gate, version, protocols)).await;
        assert_eq!(
            found.is_ok(),
            is_let_in,
            "{version:?} {protocols:?}: {found:?}"
        );
        assert!(found.is_err() || found == Ok(200));
    }
    let stranger = asked(&gate, client(&authorities.other, &TLS13, &["h2"])).await;
    assert!(stranger.is_err(), "the client does not trust this gate");
    gate.admin_shows(
        "/metrics",
        "portcullis_tls_handshake_failures_total{listener=\"authz\",reason=\"rejected_by_client\"} 1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_clients_that_are_named_may_ask() {
    let authorities = Authorities::new();
    let gate = authorities.gate(&setup(&mutual(ENVOY)));
    let Authorities { clients, other, .. } = &authorities;
    let expired = |parameters: &mut CertificateParams| {
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(2021, 1, 1);
    };
    let future = |parameters: &mut CertificateParams| {
        parameters.not_before = date_time_ymd(2999, 1, 1);
        parameters.not_after = date_time_ymd(2999, 2, 1);
    };
    let of_servers = |parameters: &mut CertificateParams| {
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    for (what, certificate) in [
        ("no certificate", None),
        ("another authority", Some(other.certify(ENVOY))),
        (
            "another name",
            Some(clients.certify("spiffe://shop.example/ns/shop/sa/cart")),
        ),
        (
            "a name of another kind",
            Some(clients.certify("envoy.shop.example")),
        ),
        ("expired", Some(clients.certify_with(ENVOY, expired))),
        ("not valid yet", Some(clients.certify_with(ENVOY, future))),
        (
            "for servers only",
            Some(clients.certify_with(ENVOY, of_servers)),
        ),
    ] {
        let found = asked(&gate, authorities.gate.client(certificate.as_ref())).await;
        assert!(found.is_err(), "{what}: {found:?}");
    }
    let envoy = authorities.envoy();
    let found = asked(&gate, authorities.gate.client(Some(&envoy))).await;
    assert_eq!(found, Ok(200));
    let (_, metrics) = gate.admin("/metrics").await;
    // The client tries again now and then.
    for (reason, is_counted) in [
        ("no_certificate", true),
        ("bad_certificate", true),
        ("protocol", false),
    ] {
        let count = failures(&metrics, reason);
        assert_eq!(count > 0, is_counted, "{reason}: {metrics}");
    }
    gate.admin_shows(
        "/metrics",
        "portcullis_tls_handshakes_total{listener=\"authz\"} 1",
    )
    .await;
}

/// A session that was resumed would let a client in whose certificate has ended since.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_shows_its_certificate_each_time() {
    let authorities = Authorities::new();
    let gate = authorities.gate(&setup(&mutual(ENVOY)));
    let client = authorities.gate.client(Some(&authorities.envoy()));
    for _ in 0..3 {
        let mut stream = test_tls::connect(gate.authz_tcp(), &client).await.unwrap();
        // The server's settings come with whatever else it has to say after the handshake.
        let count = stream.read(&mut [0; 64]).await.unwrap();
        assert!(count > 0);
        let kind = stream.get_ref().1.handshake_kind();
        assert_eq!(kind, Some(rustls::HandshakeKind::Full));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_gets_no_answer_where_tls_is_spoken() {
    let authorities = Authorities::new();
    let gate = authorities.gate(&setup(ONE_SIDED));
    let asking = async {
        let mut stream = TcpStream::connect(gate.authz_tcp()).await.unwrap();
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        // A reset is as good as an end.
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, asking).await.unwrap();
    // An alert (RFC 8446 section 5.1), and nothing of HTTP/2.
    assert_eq!(answer.first(), Some(&0x15), "{answer:?}");
    gate.admin_shows(
        "/metrics",
        "portcullis_tls_handshake_failures_total{listener=\"authz\",reason=\"protocol\"} 1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_shake_hands_hold_no_place() {
    let authorities = Authorities::new();
    let extra = format!("{ONE_SIDED}, max_connections: 2");
    let gate = authorities.gate(&setup(&extra));
    let mut silent = Vec::new();
    for number in 0..300 {
        let mut stream = TcpStream::connect(gate.authz_tcp()).await.unwrap();
        if number % 2 == 0 {
            // The beginning of a record of a handshake.
            stream.write_all(&[0x16, 3, 1, 2]).await.unwrap();
        }
        silent.push(stream);
    }
    let client = client(&authorities.gate, &TLS13, &["h2"]);
    let first = Asker::connect_tls(gate.authz_tcp(), Arc::clone(&client))
        .await
        .unwrap();
    let second = Asker::connect_tls(gate.authz_tcp(), client).await.unwrap();
    for asker in [first, second] {
        assert_eq!(asker.ask("/products/1", None).await.status, 200);
    }
    let (_, metrics) = gate.admin("/metrics").await;
    let evicted = failures(&metrics, "evicted");
    assert!(evicted > 0, "{metrics}");
    drop(silent);
}

/// How many handshakes failed for this reason.
fn failures(metrics: &str, reason: &str) -> u64 {
    let name = "portcullis_tls_handshake_failures_total";
    let series = format!("{name}{{listener=\"authz\",reason=\"{reason}\"}} ");
    let count = metrics.lines().find_map(|line| line.strip_prefix(&series));
    count.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_for_which_there_is_no_connection_left_is_told_apart_from_a_silent_one() {
    let authorities = Authorities::new();
    let gate = authorities.gate(&setup(&format!("{ONE_SIDED}, max_connections: 1")));
    let client = client(&authorities.gate, &TLS13, &["h2"]);
    let first = Asker::connect_tls(gate.authz_tcp(), Arc::clone(&client));
    let first = first.await.unwrap();
    assert_eq!(first.ask("/products/1", None).await.status, 200);
    let mut second = test_tls::connect(gate.authz_tcp(), &client).await.unwrap();
    // Until the gate gives it up.
    let ended = tokio::time::timeout(PATIENCE, second.read(&mut [0; 64])).await;
    assert_eq!(ended.unwrap().unwrap_or(0), 0);
    // It is counted when the connection has gone.
    let no_place =
        "portcullis_tls_handshake_failures_total{listener=\"authz\",reason=\"no_place\"} 1\n";
    gate.admin_shows("/metrics", no_place).await;
    let (_, metrics) = gate.admin("/metrics").await;
    assert_eq!(failures(&metrics, "timed_out"), 0, "{metrics}");
    assert_eq!(first.ask("/products/1", None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_shake_hands_do_not_keep_the_gate_from_its_end() {
    let authorities = Authorities::new();
    let mut gate = authorities.gate(&setup(ONE_SIDED));
    let _silent = TcpStream::connect(gate.authz_tcp()).await.unwrap();
    let client = client(&authorities.gate, &TLS13, &["h2"]);
    let asker = Asker::connect_tls(gate.authz_tcp(), client).await.unwrap();
    assert_eq!(asker.ask("/products/1", None).await.status, 200);
    let ending = gate.app.drain(async || std::future::pending().await);
    tokio::time::timeout(PATIENCE, ending).await.unwrap();
}
