//! Keys as providers and clusters serve them: by metadata, compressed, through a proxy, for a token,
//! from the last run; and one issuer of several that is away.

mod alone;

use std::convert::Infallible;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis::clock::SystemClock;
use portcullis::config::{Config, Overrides};
use portcullis::jwks::{
    Change, FetchOutcome, JwksAddress, KeyLocation, Loaded, PlainText, Proxy, RemoteKeySettings,
    RemoteKeySource, RemoteKeys,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

pub(crate) use alone::connect_proxy;

use crate::asker::Asker;
use crate::jwks_server::{Behaviour, JwksServer, PATIENCE, Pki, decide, head, ok, ok_with};
use crate::test_app::{Setup, TestApp, write_files};
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer, claims};

fn entry(issuer: &str, settings: &str) -> String {
    format!("{{issuer: \"{issuer}\", audiences: [{AUDIENCE}], algorithms: [ES256], {settings}}}")
}

fn trusting(entries: String) -> Setup {
    Setup {
        trust: Some(entries),
        ..Setup::default()
    }
}

fn token_of(issuer: &TestIssuer, name: &str) -> String {
    let mut claims = claims("alice", "orders.read");
    claims["iss"] = name.into();
    issuer.sign(&claims)
}

async fn status(gate: &TestApp, token: &str) -> i32 {
    let asker = Asker::connect(&gate.authz_url()).await;
    asker.ask("/orders/1", Some(token)).await.status
}

fn not_found() -> Behaviour {
    head("404 Not Found")
}

/// A server that is an issuer with this path, and answers with metadata at `place`.
async fn issuer_with_metadata(
    place: &'static str,
    jwks: String,
    metadata: impl Fn(&str) -> String + Send + Sync + 'static,
) -> JwksServer {
    let server = JwksServer::start(not_found()).await;
    let base = format!("http://{}", server.address());
    server.behave(decide(move |head| {
        if head.starts_with(&format!("get {place} ")) {
            ok(&metadata(&base))
        } else if head.starts_with("get /certs ") {
            ok(&jwks)
        } else {
            not_found()
        }
    }));
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_are_where_the_metadata_of_the_issuer_say() {
    for place in [
        "/realms/shop/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/realms/shop",
    ] {
        let issuer = TestIssuer::new("key-1");
        let server = issuer_with_metadata(place, TestIssuer::jwks([&issuer]), |base| {
            let (issuer, keys) = (format!("{base}/realms/shop"), format!("{base}/certs"));
            json!({"issuer": issuer, "jwks_uri": keys, "extra": {"a": [null]}}).to_string()
        })
        .await;
        let name = format!("http://{}/realms/shop", server.address());
        let gate = TestApp::with(&trusting(entry(&name, "discovery: true")));
        gate.admin_shows("/readyz", "ok").await;
        assert_eq!(
            status(&gate, &token_of(&issuer, &name)).await,
            200,
            "{place}"
        );
    }
}

/// The authority is that of the server of keys; the metadata need none.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_by_plain_http_may_name_keys_with_tls() {
    let issuer = TestIssuer::new("key-1");
    let pki = Pki::new(&["127.0.0.1"]);
    let keys = JwksServer::start_tls(ok(&TestIssuer::jwks([&issuer])), &pki).await;
    let keys_url = keys.https_url();
    let place = "/.well-known/openid-configuration";
    let server = issuer_with_metadata(place, String::new(), move |base| {
        json!({"issuer": base, "jwks_uri": keys_url}).to_string()
    })
    .await;
    let name = format!("http://{}", server.address());
    let settings = "discovery: true, jwks_ca_file: ca.pem";
    let gate = TestApp::prepared(&trusting(entry(&name, settings)), |folder| {
        std::fs::write(folder.join("ca.pem"), &pki.ca_pem).unwrap();
    });
    gate.admin_shows("/readyz", "ok").await;
    assert_eq!(status(&gate, &token_of(&issuer, &name)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_name_another_issuer_or_odd_keys_bring_none() {
    for (issuer, keys, words) in [
        (
            "https://evil.example",
            "{base}/certs",
            "name the issuer `https://evil.example`",
        ),
        ("{base}/", "{base}/certs", "name the issuer"),
        (
            "{base}",
            "http://192.0.2.1/certs",
            "plain http to `192.0.2.1`",
        ),
        ("{base}", "file:///etc/jwks.json", "the scheme `file`"),
        // The server of the keys failed, not that of the metadata.
        (
            "{base}",
            "{base}/elsewhere",
            "/elsewhere: the server answered with status 404",
        ),
    ] {
        let place = "/.well-known/openid-configuration";
        let server = issuer_with_metadata(place, "{}".to_owned(), move |base| {
            let fill = |text: &str| text.replace("{base}", base);
            json!({"issuer": fill(issuer), "jwks_uri": fill(keys)}).to_string()
        })
        .await;
        let name = format!("http://{}", server.address());
        let gate = TestApp::with(&trusting(entry(&name, "discovery: true")));
        gate.admin_shows("/status", words).await;
        let token = token_of(&TestIssuer::new("key-1"), &name);
        assert_eq!(status(&gate, &token).await, 503, "{issuer} {keys}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_away_at_the_start_keeps_no_other_waiting_for_ever() {
    let good = TestIssuer::new("key-1");
    let (here, away) = (
        JwksServer::start(ok(&TestIssuer::jwks([&good]))).await,
        JwksServer::start(Behaviour::Stall).await,
    );
    let other = "https://ci.example";
    let entries = [
        entry(
            ISSUER,
            &format!("name: staff, jwks_uri: \"{}\"", here.url()),
        ),
        entry(
            other,
            &format!(
                "name: ci, jwks_uri: \"{}\", start_wait_seconds: 1",
                away.url()
            ),
        ),
    ];
    let mut setup = trusting(entries.join(", "));
    setup.policy =
        Some(crate::test_app::POLICY.replace("routes:", "issuers: [staff, ci]\nroutes:"));
    let gate = TestApp::with(&setup);
    gate.admin_shows("/readyz", "ok").await;
    let late = TestIssuer::new("key-2");
    assert_eq!(status(&gate, &token_of(&good, ISSUER)).await, 200);
    assert_eq!(status(&gate, &token_of(&late, other)).await, 503);
    let asker = Asker::connect(&gate.authz_url()).await;
    assert_eq!(asker.ask("/products/1", None).await.status, 200);
    // Its keys serve once they come.
    away.behave(ok(&TestIssuer::jwks([&late])));
    gate.admin_shows(
        "/metrics",
        &format!("issuer=\"{other}\",outcome=\"changed\"}} 1"),
    )
    .await;
    assert_eq!(status(&gate, &token_of(&late, other)).await, 200);
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn encoded(encoding: &str, body: &[u8]) -> Behaviour {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n"
    );
    Behaviour::Answer([head.as_bytes(), body].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_key_set_is_read_and_a_bomb_is_not() {
    let issuer = TestIssuer::new("key-1");
    let jwks = TestIssuer::jwks([&issuer]);
    for encoding in ["gzip", "GZIP", "x-gzip"] {
        let server = JwksServer::start(encoded(encoding, &gzip(jwks.as_bytes()))).await;
        let settings = format!("jwks_uri: \"{}\"", server.url());
        let gate = TestApp::with(&trusting(entry(ISSUER, &settings)));
        gate.admin_shows("/readyz", "ok").await;
        assert_eq!(status(&gate, &token_of(&issuer, ISSUER)).await, 200);
    }
    let bomb = gzip(&vec![b' '; 64 << 20]);
    for (behaviour, words) in [
        (encoded("gzip", &bomb), "larger than 1048576 bytes"),
        (
            encoded("gzip", jwks.as_bytes()),
            "not valid gzip, although its content-encoding says `gzip`",
        ),
        (
            encoded("gzip", &gzip(jwks.as_bytes())[..40]),
            "not valid gzip",
        ),
        (encoded("br", jwks.as_bytes()), "content-encoding `br`"),
        (
            encoded("gzip, gzip", &gzip(&gzip(jwks.as_bytes()))),
            "content-encoding `gzip, gzip`",
        ),
    ] {
        let server = JwksServer::start(behaviour).await;
        let settings = format!("jwks_uri: \"{}\"", server.url());
        let gate = TestApp::with(&trusting(entry(ISSUER, &settings)));
        gate.admin_shows("/status", words).await;
        assert_eq!(
            status(&gate, &token_of(&issuer, ISSUER)).await,
            503,
            "{words}"
        );
    }
}

/// A 304 says that nothing is new, and cannot be had for keys that were never accepted.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_have_not_changed_are_not_sent_again() {
    let issuer = TestIssuer::new("key-1");
    let jwks = TestIssuer::jwks([&issuer]);
    let server = JwksServer::start(ok_with("ETag: \"bad\"\r\n", "{}")).await;
    let settings = format!(
        "jwks_uri: \"{}\", jwks_refresh_seconds: 1, jwks_cooldown_seconds: 1",
        server.url()
    );
    let gate = TestApp::with(&trusting(entry(ISSUER, &settings)));
    gate.admin_shows("/status", "this is not a JWKS").await;
    server.behave(decide(move |head| {
        assert!(!head.contains("if-none-match: \"bad\""));
        if head.contains("if-none-match: w/\"1\"") {
            Behaviour::Answer(b"HTTP/1.1 304 Not Modified\r\nETag: W/\"1\"\r\n\r\n".to_vec())
        } else {
            ok_with("ETag: W/\"1\"\r\n", &jwks)
        }
    }));
    gate.admin_shows("/metrics", "outcome=\"unchanged\"} 2")
        .await;
    assert_eq!(status(&gate, &token_of(&issuer, ISSUER)).await, 200);
    // Others under another validator replace them.
    let newer = TestIssuer::new("key-2");
    server.behave(ok(&TestIssuer::jwks([&newer])));
    gate.admin_shows("/metrics", "outcome=\"changed\"} 2").await;
    assert_eq!(status(&gate, &token_of(&newer, ISSUER)).await, 200);
}

/// The tokens of one are not those of the other, though one key signs both.
#[tokio::test(flavor = "multi_thread")]
async fn entries_with_one_address_share_a_fetch() {
    let issuer = TestIssuer::new("key-1");
    let server = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let names: Vec<String> = (0..50)
        .map(|n| format!("https://id.example/tenant-{n}"))
        .collect();
    let entries = names.iter().enumerate().map(|(position, name)| {
        let settings = format!("name: tenant-{position}, jwks_uri: \"{}\"", server.url());
        entry(name, &settings)
    });
    let entries: Vec<_> = entries.collect();
    let mut setup = trusting(entries.join(", "));
    setup.policy = Some(crate::test_app::POLICY.replace("routes:", "issuers: [tenant-7]\nroutes:"));
    let gate = TestApp::with(&setup);
    gate.admin_shows("/readyz", "ok").await;
    assert_eq!(status(&gate, &token_of(&issuer, &names[7])).await, 200);
    assert_eq!(status(&gate, &token_of(&issuer, &names[8])).await, 401);
    assert_eq!(server.requests().len(), 1);
    gate.app.reload().unwrap();
    assert_eq!(status(&gate, &token_of(&issuer, &names[7])).await, 200);
    assert_eq!(server.requests().len(), 1);
}

/// Two entries that change to one address at once: until its keys come, each is served by its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_fetch_hands_no_keys_of_one_issuer_to_another() {
    let (one, two) = (TestIssuer::new("key-1"), TestIssuer::new("key-2"));
    let servers = [
        JwksServer::start(ok(&TestIssuer::jwks([&one]))).await,
        JwksServer::start(ok(&TestIssuer::jwks([&two]))).await,
    ];
    let away = JwksServer::start(Behaviour::Stall).await;
    let names = ["https://one.example", "https://two.example"];
    let setup = |urls: [String; 2]| {
        let entries = names.iter().zip(urls).map(|(name, url)| {
            entry(
                name,
                &format!("jwks_uri: \"{url}\", jwks_timeout_ms: 60000"),
            )
        });
        let mut setup = trusting(entries.collect::<Vec<_>>().join(", "));
        let issuers = "issuers: [one.example, two.example]\nroutes:";
        setup.policy = Some(crate::test_app::POLICY.replace("routes:", issuers));
        setup
    };
    let gate = TestApp::with(&setup([servers[0].url(), servers[1].url()]));
    gate.admin_shows("/readyz", "ok").await;
    let path = gate.folder.path();
    write_files(path, &setup([away.url(), away.url()]), &gate.issuer);
    gate.app.reload().unwrap();
    away.wait_for_requests(1).await;
    assert_eq!(status(&gate, &token_of(&one, names[0])).await, 200);
    assert_eq!(status(&gate, &token_of(&two, names[1])).await, 200);
    for (issuer, name) in [(&one, names[1]), (&two, names[0])] {
        assert_ne!(status(&gate, &token_of(issuer, name)).await, 200);
    }
    assert_eq!(away.requests().len(), 1);
}

/// The file of keys is bound to the issuer that they were fetched for. An entry that takes the place of
/// another one fetches anew, or its keys would never get into the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_with_a_file_of_keys_serves_no_other_issuer() {
    let issuer = TestIssuer::new("key-1");
    let server = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let setup = |name: &str| {
        let (url, file) = (server.url(), file.display());
        let settings = format!("jwks_uri: \"{url}\", jwks_cache_file: \"{file}\"");
        trusting(entry(name, &settings))
    };
    let names = ["https://one.example", "https://two.example"];
    let gate = TestApp::with(&setup(names[0]));
    gate.admin_shows("/readyz", "ok").await;
    write_files(gate.folder.path(), &setup(names[1]), &gate.issuer);
    gate.app.reload().unwrap();
    let written = async {
        let is_new = |text: String| text.contains(names[1]);
        while !std::fs::read_to_string(&file).is_ok_and(is_new) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.unwrap();
    assert_eq!(status(&gate, &token_of(&issuer, names[1])).await, 200);
    assert_eq!(server.requests().len(), 2);
}

/// The loopback in a form that plain http is not taken for.
fn mapped(server: &JwksServer) -> String {
    format!(
        "http://[::ffff:127.0.0.1]:{}/jwks.json",
        server.address().port()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_serves_where_it_is_asked_for_and_carries_no_token() {
    let issuer = TestIssuer::new("key-1");
    let server = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let refused = |settings: &str| {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!("jwks_uri: \"{}\"{settings}", mapped(&server));
        let path = write_files(folder.path(), &trusting(entry(ISSUER, &settings)), &issuer);
        Config::load(&path, &Overrides::default())
            .unwrap_err()
            .to_string()
    };
    let said = refused("");
    assert!(said.contains("jwks_plain_text: true"), "{said}");
    let said = refused(", jwks_plain_text: false");
    assert!(said.contains("plain http"), "{said}");
    let said = refused(", jwks_plain_text: true, jwks_token_file: token");
    assert!(
        said.contains("`trust[0].jwks_token_file` would send the token in plain text"),
        "{said}"
    );
    let settings = format!("jwks_uri: \"{}\", jwks_plain_text: true", mapped(&server));
    let gate = TestApp::with(&trusting(entry(ISSUER, &settings)));
    gate.admin_shows("/readyz", "ok").await;
    assert_eq!(status(&gate, &token_of(&issuer, ISSUER)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_a_token_gets_the_one_that_there_is_now() {
    let issuer = TestIssuer::new("key-1");
    let jwks = TestIssuer::jwks([&issuer]);
    let wanted = Arc::new(Mutex::new("token-one"));
    let wanted_there = Arc::clone(&wanted);
    let server = JwksServer::start(decide(move |request| {
        let line = format!("authorization: bearer {}\r\n", wanted_there.lock().unwrap());
        if request.contains(&line) {
            ok(&jwks)
        } else {
            head("403 Forbidden")
        }
    }))
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "token-one\n").unwrap();
    let settings = format!(
        "jwks_uri: \"{}\", jwks_token_file: \"{}\", jwks_refresh_seconds: 1, \
         jwks_cooldown_seconds: 1",
        server.url(),
        file.display()
    );
    let gate = TestApp::with(&trusting(entry(ISSUER, &settings)));
    gate.admin_shows("/readyz", "ok").await;
    *wanted.lock().unwrap() = "token-two";
    gate.admin_shows("/status", "status 403").await;
    std::fs::write(&file, "token-two").unwrap();
    gate.admin_shows("/status", "\"consecutive_failures\": 0")
        .await;
    let (_, shown) = gate.admin("/status").await;
    assert!(!shown.contains("token-two"), "{shown}");
}

/// Metadata that name keys elsewhere get the token of the issuer's server for no other.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_goes_to_the_configured_server_alone() {
    let issuer = TestIssuer::new("key-1");
    let elsewhere = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let keys = elsewhere.url();
    let place = "/.well-known/openid-configuration";
    let server = issuer_with_metadata(place, String::new(), move |base| {
        json!({"issuer": base, "jwks_uri": keys}).to_string()
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "open-sesame").unwrap();
    let name = format!("http://{}", server.address());
    let settings = format!("discovery: true, jwks_token_file: \"{}\"", file.display());
    let gate = TestApp::with(&trusting(entry(&name, &settings)));
    gate.admin_shows("/readyz", "ok").await;
    assert!(server.requests().concat().contains("open-sesame"));
    assert!(!elsewhere.requests().concat().contains("open-sesame"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_the_last_run_serve_while_the_issuer_is_away() {
    let issuer = TestIssuer::new("key-1");
    let server = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let setup = |url: &str| {
        trusting(entry(
            ISSUER,
            &format!(
                "jwks_uri: \"{url}\", jwks_cache_file: \"{}\"",
                file.display()
            ),
        ))
    };
    let gate = TestApp::with(&setup(&server.url()));
    gate.admin_shows("/readyz", "ok").await;
    let wait = async {
        while !file.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
    drop(gate);
    server.behave(Behaviour::Stall);
    let again = TestApp::with(&setup(&server.url()));
    again.admin_shows("/readyz", "ok").await;
    assert_eq!(status(&again, &token_of(&issuer, ISSUER)).await, 200);
    drop(again);
    // Not those of another address.
    let moved = format!("{}?tenant=b", server.url());
    let elsewhere = TestApp::with(&setup(&moved));
    assert_eq!(status(&elsewhere, &token_of(&issuer, ISSUER)).await, 503);
    drop(elsewhere);
    // Others replace them, in the file as well.
    let newer = TestIssuer::new("key-2");
    server.behave(ok(&TestIssuer::jwks([&newer])));
    let renewed = TestApp::with(&setup(&server.url()));
    renewed
        .admin_shows("/metrics", "outcome=\"changed\"} 1")
        .await;
    assert_eq!(status(&renewed, &token_of(&newer, ISSUER)).await, 200);
}
