//! Keys of a server that only the proxy of the environment leads to.

use std::fs;

use super::Server;
use super::bad_input::assert_tells_once;
use crate::asker::Asker;
use crate::jwks_server::{JwksServer, Pki, ok};
use crate::key_sources::connect_proxy;
use crate::test_app::Setup;
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer};

/// A gate that fetches its keys from this URL, with these further settings.
fn fetching(url: &str, settings: &str) -> Setup {
    Setup {
        trust: Some(format!(
            "{{issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], \
             jwks_uri: \"{url}\"{settings}}}"
        )),
        ..Setup::default()
    }
}

async fn status(server: &Server, issuer: &TestIssuer) -> i32 {
    server.logs("keys loaded");
    let asker = Asker::connect(&server.authz_url()).await;
    let token = issuer.token("alice", "orders.read");
    asker.ask("/orders/1", Some(&token)).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_through_the_proxy_of_the_environment() {
    let issuer = TestIssuer::new("key-1");
    let pki = Pki::new(&["id.shop.example"]);
    let keys = JwksServer::start_tls(ok(&TestIssuer::jwks([&issuer])), &pki).await;
    let (proxy, heads) = connect_proxy(keys.address(), "200 OK").await;
    let url = "https://id.shop.example/jwks.json";
    let server = Server::spawn(&fetching(url, ", jwks_ca_file: ca.pem"), |command| {
        let folder = command.get_current_dir().unwrap();
        fs::write(folder.join("ca.pem"), &pki.ca_pem).unwrap();
        command.env("HTTPS_PROXY", format!("http://user:p%2Fss@{proxy}"));
    });
    assert_eq!(status(&server, &issuer).await, 200);
    let connect = heads.lock().unwrap().concat();
    assert!(
        connect.starts_with("CONNECT id.shop.example:443 HTTP/1.1\r\n"),
        "{connect}"
    );
    assert!(
        connect.contains("\r\nProxy-Authorization: Basic dXNlcjpwL3Nz\r\n"),
        "{connect}"
    );
}

/// It is used for TLS alone, and so does not keep a gate from keys of this machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_cannot_be_used_does_not_matter_to_plain_http() {
    let issuer = TestIssuer::new("key-1");
    let keys = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let server = Server::spawn(&fetching(&keys.url(), ""), |command| {
        command.env("HTTPS_PROXY", "socks5://u:hunter2@p:1080");
    });
    assert_eq!(status(&server, &issuer).await, 200);
}

#[test]
fn a_proxy_that_cannot_be_used_ends_a_gate_that_needs_it() {
    for (proxy, words) in [
        (
            "socks5://u:hunter2@p:1080",
            "`socks5`, which is not supported",
        ),
        ("http://u:12/hunter2@p:3128", "percent-encode it there"),
    ] {
        let setup = fetching("https://id.shop.example/jwks.json", "");
        let mut server = Server::spawn(&setup, |command| {
            command.env("https_proxy", proxy);
        });
        let said = server.stderr.until(|_, ended| ended);
        assert_eq!(server.ended().code(), Some(2), "{said}");
        assert!(said.contains("`HTTPS_PROXY`"), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert_tells_once(proxy, &said);
    }
}
