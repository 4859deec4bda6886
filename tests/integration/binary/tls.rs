//! What is said of TLS at the start, and how a probe gets past it.

use std::fs;
use std::time::Duration;

use portcullis::clock::{Clock, SystemClock};
use rcgen::{CertificateParams, date_time_ymd};

use super::{Server, run, text};
use crate::test_app::{Setup, write_files};
use crate::test_issuer::TestIssuer;
use crate::test_tls::{Authority, write};

const ONE_SIDED: &str = ", tls: {cert_file: gate.pem, key_file: gate.key}";

const MUTUAL: &str =
    ", tls: {cert_file: gate.pem, key_file: gate.key, client_ca_file: authority.pem}";

const DAY: u64 = 86_400;

/// A server that serves, with a certificate that holds from so many days ago for so many days.
fn server(setup: &Setup, [since, days]: [u64; 2]) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::new("key-1");
    write_files(folder.path(), setup, &issuer);
    let authority = Authority::new("gate");
    write(folder.path(), "authority.pem", &authority.pem);
    let now = u64::try_from(SystemClock.now().0).unwrap();
    let begin = date_time_ymd(1970, 1, 1) + Duration::from_secs(now - since * DAY);
    let dates = |parameters: &mut CertificateParams| {
        parameters.not_before = begin;
        parameters.not_after = begin + Duration::from_secs(days * DAY);
    };
    authority
        .certify_with("127.0.0.1", dates)
        .write(folder.path(), "gate");
    let server = Server::spawn_in(folder, issuer, |_| {});
    server.serves();
    server
}

#[test]
fn who_may_ask_is_said_where_others_can_reach_the_port() {
    const PLAIN: &str = "accepts checks from other hosts in plain text";
    const ANYBODY: &str = "accepts checks from whoever reaches the port";
    for (address, tls, expected) in [
        ("0.0.0.0:0", "", Some(PLAIN)),
        ("0.0.0.0:0", ONE_SIDED, Some(ANYBODY)),
        ("0.0.0.0:0", MUTUAL, None),
        ("127.0.0.1:0", ONE_SIDED, None),
    ] {
        let setup = Setup {
            authz_address: Some(address.to_owned()),
            authz_extra: tls.to_owned(),
            ..Setup::default()
        };
        let output = server(&setup, [1, 90]).output();
        for words in [PLAIN, ANYBODY] {
            let is_said = output.contains(words);
            assert_eq!(
                is_said,
                expected == Some(words),
                "{address} {tls}: {output}"
            );
        }
    }
}

#[test]
fn a_certificate_that_ends_soon_is_warned_of() {
    for (dates, expected) in [
        ([89, 90], Some("the listener's certificate expires soon")),
        ([91, 90], Some("the listener's certificate has expired")),
        ([80, 90], None),
    ] {
        let setup = Setup {
            authz_extra: ONE_SIDED.to_owned(),
            ..Setup::default()
        };
        let server = server(&setup, dates);
        if let Some(words) = expected {
            assert_eq!(server.logs(words)["tls.listener"], "authz");
            continue;
        }
        // Looked at before that.
        server.logs("\"message\":\"ready\"");
        let output = server.output();
        assert!(!output.contains("the listener's certificate"), "{output}");
    }
}

#[test]
fn a_probe_asks_the_plain_address_beside_tls() {
    let setup = Setup {
        admin_extra: format!("{MUTUAL}, plain_address: \"127.0.0.1:0\""),
        ..Setup::default()
    };
    let server = server(&setup, [1, 90]);
    server.logs("\"message\":\"ready\"");
    let serving = server.logs("\"message\":\"serving\"");
    let plain = serving["admin.plain_address"].as_str().unwrap();
    let folder = server.folder.path();
    let path = folder.join("portcullis.yaml");
    let config = fs::read_to_string(&path).unwrap();
    let old = "plain_address: \"127.0.0.1:0\"";
    fs::write(
        &path,
        config.replace(old, &format!("plain_address: \"{plain}\"")),
    )
    .unwrap();
    let output = run(&["health", "--config", "portcullis.yaml"], folder);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stdout), "ok\n");
    let secured = server.admin_address().to_string();
    let output = run(&["health", "--address", &secured], folder);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains("it speaks TLS: ask `listeners.admin.plain_address`"),
        "{said}"
    );
    fs::write(&path, config.replace(&format!(", {old}"), "")).unwrap();
    let output = run(&["health", "--config", "portcullis.yaml"], folder);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains("set `listeners.admin.plain_address`"),
        "{said}"
    );
}
