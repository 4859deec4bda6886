//! The HTTP listeners over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Authorities, PATIENCE, mutual};
use crate::client;
use crate::test_app::Setup;
#[cfg(feature = "issuer")]
use crate::test_companion::{TestCompanion, setup as setup_of_issuer, sqlite};
use crate::test_tls;

const PROMETHEUS: &str = "spiffe://shop.example/ns/monitoring/sa/prometheus";

/// The whole answer to `GET path`; nothing of a server that does not answer.
async fn get(address: SocketAddr, client: &Arc<ClientConfig>, path: &str) -> String {
    let asking = async {
        let Ok(mut stream) = test_tls::connect(address, client).await else {
            return String::new();
        };
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n");
        // Who is not let in may learn of it here or there.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap()
}

/// Clients that name no protocol, as simple ones do.
fn http(client: Arc<ClientConfig>) -> Arc<ClientConfig> {
    let mut client = Arc::unwrap_or_clone(client);
    client.alpn_protocols.clear();
    Arc::new(client)
}

fn setup() -> Setup {
    Setup {
        admin_extra: mutual(PROMETHEUS) + ", plain_address: \"127.0.0.1:0\"",
        ..Setup::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_clients_with_a_certificate_and_probes_for_everybody() {
    let authorities = Authorities::new();
    let gate = authorities.gate(&setup());
    let address = gate.app.admin_address();
    let prometheus = authorities.clients.certify(PROMETHEUS);
    let prometheus = http(authorities.gate.client(Some(&prometheus)));
    for (path, words) in [
        ("/livez", "ok\n"),
        ("/status", "\"ready\""),
        (
            "/metrics",
            "portcullis_certificate_expiry_timestamp_seconds{listener=\"admin\"}",
        ),
    ] {
        let answer = get(address, &prometheus, path).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n"),
            "{path}: {answer}"
        );
        assert!(answer.contains(words), "{path}: {answer}");
    }
    let envoy = authorities.envoy();
    for client in [None, Some(&envoy)] {
        let stranger = http(authorities.gate.client(client));
        assert_eq!(get(address, &stranger, "/metrics").await, "");
    }
    let plain = gate.app.plain_admin_address().unwrap();
    for (path, status) in [
        ("/livez", 200),
        ("/readyz", 200),
        ("/metrics", 404),
        ("/status", 404),
    ] {
        assert_eq!(client::get(plain, path, &[]).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_when_its_client_has_no_authority_any_more() {
    let authorities = Authorities::new();
    let mut setup = setup();
    setup.admin_extra += ", idle_timeout_seconds: 600, lifetime_seconds: 3600";
    let gate = authorities.gate(&setup);
    let prometheus = authorities.clients.certify(PROMETHEUS);
    let prometheus = http(authorities.gate.client(Some(&prometheus)));
    let stream = test_tls::connect(gate.app.admin_address(), &prometheus).await;
    let mut stream = stream.unwrap();
    let request = b"GET /livez HTTP/1.1\r\nhost: shop.example\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = vec![0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 OK");
    test_tls::write(gate.folder.path(), "clients.pem", &authorities.other.pem);
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    let _ = ended.unwrap();
    assert!(answer.ends_with(b"ok\n"), "{answer:?}");
    assert_eq!(
        get(gate.app.admin_address(), &prometheus, "/livez").await,
        ""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_do_not_shake_hands_make_room() {
    let authorities = Authorities::new();
    let mut setup = setup();
    setup.admin_extra += ", max_connections: 4, header_timeout_ms: 600000";
    let gate = authorities.gate(&setup);
    let address = gate.app.admin_address();
    let mut silent = Vec::new();
    for number in 0..40 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(&[0x16, 3, 1, 2]).await.unwrap();
        }
        silent.push(stream);
    }
    let prometheus = authorities.clients.certify(PROMETHEUS);
    let prometheus = http(authorities.gate.client(Some(&prometheus)));
    let metrics = get(address, &prometheus, "/metrics").await;
    let evicted = "portcullis_tls_handshake_failures_total{listener=\"admin\",reason=\"evicted\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(evicted));
    assert!(line.is_some_and(|count| count != "0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_go_on_ends_in_time() {
    let authorities = Authorities::new();
    let mut setup = setup();
    setup.admin_extra += ", header_timeout_ms: 1";
    let gate = authorities.gate(&setup);
    let mut silent = TcpStream::connect(gate.app.admin_address()).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, silent.read(&mut [0; 16])).await;
    assert_eq!(ended.unwrap().unwrap_or(0), 0);
}

#[cfg(feature = "issuer")]
#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_answers_over_tls() {
    let authorities = Authorities::new();
    let folder = tempfile::tempdir().unwrap();
    authorities.write(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let mut setup = setup_of_issuer(folder.path(), &sqlite(folder.path()));
    let closing = setup.extra.rfind('}').unwrap();
    let (cert, key) = (file("gate.pem"), file("gate.key"));
    let tls = format!(", tls: {{cert_file: \"{cert}\", key_file: \"{key}\"}}");
    setup.extra.insert_str(closing, &tls);
    let companion = TestCompanion::with(&setup, folder);
    let client = http(authorities.gate.client(None));
    let answer = get(companion.address, &client, "/.well-known/jwks.json").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"keys\""), "{answer}");
}
