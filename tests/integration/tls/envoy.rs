//! Mutual TLS between a real Envoy and a gate.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rcgen::date_time_ymd;
use serde_json::json;

use super::{Authorities, ENVOY, PATIENCE, mutual, until_let_in};
use crate::client;
use crate::envoy_process::{ClientFiles, Door, Envoy, HeaderEncoding, NEWEST, OLDEST};
use crate::test_app::{Setup, TestApp};
use crate::test_tls::{Certified, write};
use crate::upstream::Upstream;

/// Requests on one connection to the gate, after which Envoy opens another.
const REQUESTS: u32 = 5;

/// A connection that asks again and again.
const ASKERS: usize = 4;

fn gate(authorities: &Authorities) -> TestApp {
    authorities.gate(&Setup {
        authz_extra: mutual(ENVOY),
        ..Setup::default()
    })
}

/// Puts a client's certificate in place, and the file by which Envoy learns of it.
fn provide(folder: &Path, name: &str, certified: Option<&Certified>) -> ClientFiles {
    if let Some(certified) = certified {
        certified.write(folder, name);
        let path = |ending: &str| folder.join(format!("{name}.{ending}"));
        let secret = json!({"resources": [{
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            "name": "client",
            "tls_certificate": {
                "certificate_chain": {"filename": path("pem")},
                "private_key": {"filename": path("key")},
            },
        }]});
        write(folder, &format!("{name}.json"), &secret.to_string());
    }
    ClientFiles {
        certificate: certified.map(|_| folder.join(format!("{name}.json"))),
        authority: folder.join("authority.pem"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_asks_with_the_right_certificate_and_no_other() {
    let authorities = Authorities::new();
    let gate = gate(&authorities);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "authority.pem", &authorities.gate.pem);
    let expired = authorities.clients.certify_with(ENVOY, |parameters| {
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(2021, 1, 1);
    });
    let another = authorities
        .clients
        .certify("spiffe://shop.example/ns/shop/sa/cart");
    let stranger = authorities.other.certify(ENVOY);
    let envoy = authorities.envoy();
    let clients = [
        ("right", Some(&envoy)),
        ("expired", Some(&expired)),
        ("another", Some(&another)),
        ("stranger", Some(&stranger)),
        ("nobody", None),
    ];
    let upstream = Upstream::start().await;
    for version in [OLDEST, NEWEST] {
        let doors = clients.map(|(name, certified)| {
            let files = provide(folder.path(), name, certified);
            Door::new(name, gate.app.authz_address(), HeaderEncoding::Raw).securely(&files)
        });
        let proxy = Envoy::start(version, &doors, upstream.address).await;
        for (name, _) in clients {
            let answer = client::get(proxy.address(name), "/products/1", &[]).await;
            let expected = if name == "right" { 200 } else { 503 };
            assert_eq!(answer.status, expected, "{version} {name}: {answer:?}");
        }
        let answer = client::get(proxy.address("right"), "/orders/1", &[]).await;
        assert_eq!(answer.status, 401, "{version}: {answer:?}");
    }
}

/// What a proxy does without pause, and how often it was refused.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    passed: AtomicUsize,
    failed: AtomicUsize,
}

impl Load {
    /// Waits until so many more requests have been answered.
    async fn goes_on(&self, count: usize) {
        let enough = self.passed.load(Ordering::SeqCst) + count;
        let waiting = async {
            while self.passed.load(Ordering::SeqCst) < enough {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        let failed = self.failed.load(Ordering::SeqCst);
        assert!(
            waited.is_ok(),
            "nothing passes any more, and {failed} failed"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_authorities_are_rotated_under_load_without_a_failed_check() {
    let authorities = Authorities::new();
    let gate = gate(&authorities);
    let files = tempfile::tempdir().unwrap();
    write(files.path(), "authority.pem", &authorities.gate.pem);
    let client_files = provide(files.path(), "client", Some(&authorities.envoy()));
    let upstream = Upstream::start().await;
    let door = Door::new("rotated", gate.app.authz_address(), HeaderEncoding::Raw);
    let door = door
        .securely(&client_files)
        .renewing_connections_after(REQUESTS);
    let proxy = Envoy::start(NEWEST, &[door], upstream.address).await;
    let address = proxy.address("rotated");
    let load = Arc::new(Load::default());
    let askers: Vec<_> = (0..ASKERS)
        .map(|_| {
            let load = Arc::clone(&load);
            tokio::spawn(async move {
                while !load.is_over.load(Ordering::SeqCst) {
                    let answer = client::get(address, "/products/1", &[]).await;
                    let counter = if answer.status == 200 {
                        &load.passed
                    } else {
                        &load.failed
                    };
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    load.goes_on(50).await;
    // The gate's own certificate.
    let renewed = authorities.gate.certify_with("127.0.0.1", |parameters| {
        parameters.not_after = date_time_ymd(2099, 1, 1);
    });
    renewed.write(gate.folder.path(), "gate");
    let ends = "portcullis_certificate_expiry_timestamp_seconds{listener=\"authz\"} 4070908800";
    gate.admin_shows("/metrics", ends).await;
    load.goes_on(50).await;
    // The clients' authority: the new one beside the old, then Envoy's certificate, then the old one goes.
    let both = format!("{}{}", authorities.clients.pem, authorities.other.pem);
    write(gate.folder.path(), "clients.pem", &both);
    let (old, new) = (authorities.envoy(), authorities.other.certify(ENVOY));
    until_let_in(&gate, &authorities.gate.client(Some(&new)), true).await;
    let updates = "cluster.gate-rotated.client_ssl_socket_factory.ssl_context_update_by_sds";
    let before = proxy.counter(updates).await;
    provide(files.path(), "client", Some(&new));
    let renewing = async {
        while proxy.counter(updates).await == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, renewing).await.unwrap();
    load.goes_on(50).await;
    write(gate.folder.path(), "clients.pem", &authorities.other.pem);
    until_let_in(&gate, &authorities.gate.client(Some(&old)), false).await;
    load.goes_on(100).await;
    load.is_over.store(true, Ordering::SeqCst);
    for asker in askers {
        asker.await.unwrap();
    }
    assert_eq!(load.failed.load(Ordering::SeqCst), 0);
    let (_, metrics) = gate.admin("/metrics").await;
    let handshakes = "portcullis_tls_handshakes_total{listener=\"authz\"} ";
    let count = metrics
        .lines()
        .find_map(|line| line.strip_prefix(handshakes));
    let count: u32 = count.unwrap().parse().unwrap();
    assert!(count >= 250 / REQUESTS, "connections were renewed: {count}");
}
