//! Certificates that are replaced while a gate serves.

use std::path::Path;
use std::sync::Arc;

use rcgen::date_time_ymd;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Authorities, ENVOY, PATIENCE, asked, mutual, until_let_in};
use crate::asker::Asker;
use crate::test_app::{Setup, TestApp};
use crate::test_tls::{self, Certified, write};

const IN_USE: &str = "portcullis_certificate_reload_success{listener=\"authz\"} 1";

const REFUSED: &str = "portcullis_certificate_reload_success{listener=\"authz\"} 0";

/// The certificate of a gate that ends with this year, and the metric that says so.
fn ending(authorities: &Authorities, year: i32, metric: i64) -> (Certified, String) {
    let change = |parameters: &mut rcgen::CertificateParams| {
        parameters.not_after = date_time_ymd(year + 1, 1, 1);
    };
    let certified = authorities.gate.certify_with("127.0.0.1", change);
    let line = "portcullis_certificate_expiry_timestamp_seconds{listener=\"authz\"}";
    (certified, format!("{line} {metric}"))
}

/// A gate with the first of two certificates.
fn gate(authorities: &Authorities, first: &Certified) -> TestApp {
    gate_with(authorities, first, "")
}

/// The same with further keys of the authz listener.
fn gate_with(authorities: &Authorities, first: &Certified, extra: &str) -> TestApp {
    let setup = Setup {
        authz_extra: mutual(ENVOY) + extra,
        ..Setup::default()
    };
    TestApp::prepared(&setup, |folder| {
        authorities.write(folder);
        first.write(folder, "gate");
    })
}

/// The certificate, in PEM, that a new connection is shown.
async fn shown(gate: &TestApp, client: &Arc<ClientConfig>) -> Vec<u8> {
    let stream = test_tls::connect(gate.authz_tcp(), client).await.unwrap();
    let certificates = stream.get_ref().1.peer_certificates();
    certificates.unwrap()[0].to_vec()
}

fn der(certified: &Certified) -> Vec<u8> {
    let chain = portcullis::certificates::chain(certified.cert.as_bytes());
    chain.unwrap()[0].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_for_new_connections_and_ends_no_old_one() {
    let authorities = Authorities::new();
    let (first, first_ends) = ending(&authorities, 2098, 4_070_908_800);
    let (second, second_ends) = ending(&authorities, 2099, 4_102_444_800);
    let gate = gate(&authorities, &first);
    let client = authorities.gate.client(Some(&authorities.envoy()));
    let asker = Asker::connect_tls(gate.authz_tcp(), Arc::clone(&client))
        .await
        .unwrap();
    assert_eq!(asker.ask("/products/1", None).await.status, 200);
    assert_eq!(shown(&gate, &client).await, der(&first));
    gate.admin_shows("/metrics", &first_ends).await;
    second.write(gate.folder.path(), "gate");
    gate.admin_shows("/metrics", &second_ends).await;
    assert_eq!(shown(&gate, &client).await, der(&second));
    assert_eq!(asker.ask("/products/1", None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_leave_the_earlier_certificate_in_use() {
    let authorities = Authorities::new();
    let (first, first_ends) = ending(&authorities, 2098, 4_070_908_800);
    let (second, second_ends) = ending(&authorities, 2099, 4_102_444_800);
    let gate = gate(&authorities, &first);
    let folder = gate.folder.path();
    let client = authorities.gate.client(Some(&authorities.envoy()));
    let half: String = second.cert.chars().take(second.cert.len() / 2).collect();
    // Half of a certificate; a certificate without its key; no certificate at all; a file that is gone.
    let steps: [&dyn Fn(&Path); 4] = [
        &|folder| write(folder, "gate.pem", &half),
        &|folder| write(folder, "gate.pem", &second.cert),
        &|folder| write(folder, "gate.pem", ""),
        &|folder| std::fs::remove_file(folder.join("clients.pem")).unwrap(),
    ];
    for step in steps {
        step(folder);
        gate.admin_shows("/metrics", REFUSED).await;
        gate.admin_shows("/metrics", &first_ends).await;
        let status: serde_json::Value =
            serde_json::from_str(&gate.admin("/status").await.1).unwrap();
        let told = &status["certificates"][0];
        assert_eq!(told["listener"], "authz");
        assert!(
            told["reload_error"]["since_unix_seconds"].is_i64(),
            "{told}"
        );
        assert!(told["reload_error"]["error"].is_string(), "{told}");
        assert_eq!(shown(&gate, &client).await, der(&first));
        let asker = Asker::connect_tls(gate.authz_tcp(), Arc::clone(&client))
            .await
            .unwrap();
        assert_eq!(asker.ask("/products/1", None).await.status, 200);
        // As it was: the next step must be seen to fail anew.
        write(folder, "clients.pem", &authorities.clients.pem);
        first.write(folder, "gate");
        gate.admin_shows("/metrics", IN_USE).await;
    }
    second.write(folder, "gate");
    gate.admin_shows("/metrics", &second_ends).await;
    gate.admin_shows("/metrics", IN_USE).await;
    assert_eq!(shown(&gate, &client).await, der(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_of_clients_is_replaced_as_well() {
    let authorities = Authorities::new();
    let (first, _) = ending(&authorities, 2098, 0);
    let gate = gate(&authorities, &first);
    let (old, new) = (authorities.envoy(), authorities.other.certify(ENVOY));
    let (old, new) = (
        authorities.gate.client(Some(&old)),
        authorities.gate.client(Some(&new)),
    );
    until_let_in(&gate, &old, true).await;
    assert!(asked(&gate, Arc::clone(&new)).await.is_err());
    write(gate.folder.path(), "clients.pem", &authorities.other.pem);
    until_let_in(&gate, &new, true).await;
    assert!(asked(&gate, old).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_whose_authority_is_gone_lose_their_connections_and_no_others() {
    let authorities = Authorities::new();
    let (first, _) = ending(&authorities, 2098, 0);
    let (second, second_ends) = ending(&authorities, 2099, 4_102_444_800);
    let gate = gate(&authorities, &first);
    let folder = gate.folder.path();
    let (clients, other) = (&authorities.clients.pem, &authorities.other.pem);
    write(folder, "clients.pem", &format!("{clients}{other}"));
    let (leaving, staying) = (authorities.envoy(), authorities.other.certify(ENVOY));
    let leaving = authorities.gate.client(Some(&leaving));
    let staying = authorities.gate.client(Some(&staying));
    until_let_in(&gate, &staying, true).await;
    let connect = async |client| Asker::connect_tls(gate.authz_tcp(), client).await.unwrap();
    let (leaving, staying) = (connect(leaving).await, connect(staying).await);
    for asker in [&leaving, &staying] {
        assert_eq!(asker.ask("/products/1", None).await.status, 200);
    }
    let handshakes = async || {
        let (_, metrics) = gate.admin("/metrics").await;
        let series = "portcullis_tls_handshakes_total{listener=\"authz\"} ";
        let count = metrics.lines().find_map(|line| line.strip_prefix(series));
        count.unwrap().to_owned()
    };
    let before = handshakes().await;

    // The same authorities in another file.
    write(folder, "clients.pem", &format!("{other}\n{clients}"));
    second.write(folder, "gate");
    gate.admin_shows("/metrics", &second_ends).await;
    for asker in [&leaving, &staying] {
        assert_eq!(asker.ask("/products/1", None).await.status, 200);
    }
    assert_eq!(handshakes().await, before, "both kept their connections");

    write(folder, "clients.pem", other);
    let until_refused = async {
        while let Ok(verdict) = leaving.ask_within("/products/1", None, PATIENCE).await {
            assert_eq!(verdict.status, 200);
        }
    };
    tokio::time::timeout(PATIENCE, until_refused).await.unwrap();
    assert_eq!(staying.ask("/products/1", None).await.status, 200);
    assert_eq!(
        handshakes().await,
        before,
        "one kept it, the other has none"
    );
}

/// It is told that the connection ends, and cut off where it does not care.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_authority_is_gone_cannot_hold_on_to_its_connection() {
    const GOAWAY: u8 = 7;
    let authorities = Authorities::new();
    let (first, _) = ending(&authorities, 2098, 0);
    // The gate does not ask whether it lives.
    let gate = gate_with(&authorities, &first, ", keepalive_seconds: 86400");
    let client = authorities.gate.client(Some(&authorities.envoy()));
    let mut stream = test_tls::connect(gate.authz_tcp(), &client).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    // With empty SETTINGS, and nothing after that: it answers to no frame.
    let hello = [&preface[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    stream.write_all(&hello).await.unwrap();
    let mut said = vec![stream.read_u8().await.unwrap()];
    write(gate.folder.path(), "clients.pem", &authorities.other.pem);
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await;
    // A connection that is cut off ends without the alert that closes TLS.
    let _ = ended.unwrap();
    let mut kinds = Vec::new();
    let mut rest = &said[..];
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = rest {
        kinds.push(*kind);
        let length = u32::from_be_bytes([0, *a, *b, *c]);
        rest = &after[usize::try_from(length).unwrap()..];
    }
    assert!(kinds.contains(&GOAWAY), "{kinds:?}");
}
