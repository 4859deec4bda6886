//! The sections `tls` as they are written, and what is said of their files.

use portcullis::app;
use portcullis::config::{Config, Overrides};

use super::{Authorities, ENVOY, ONE_SIDED, mutual};
use crate::test_app::{Setup, write_files};
use crate::test_issuer::TestIssuer;
use crate::test_tls::write;

/// As `openssl x509 -req` makes it without extensions.
const VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBGDCBvwIUXLRGAXm+ml6TaHwsP/IH3M4qylcwCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDb2xkMCAXDTI2MTIwMTAwMjQwN1oYDzIxMjYxMTA3MDAyNDA3WjAOMQww
CgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATcLRYdKeMl0gDG
DEXVu4iIbuY4+dul715dM0KV5wqjGfpDUsbyb1wqormlhUIMhDj4TGuWMsKiYIpK
wZDKljzDMAoGCCqGSM49BAMCA0gAMEUCIQCJnZ5NzCKQUw82NE2yXN4hrtKRIYKd
yMZLjk/JHP05BQIgMT6AdsbCK+hRHrHKJmqe+l/Nb9Zlj2QzoQ+z0JaBJSQ=
-----END CERTIFICATE-----
";

/// What is said of a configuration; nothing where it is right.
fn told(setup: &Setup) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = write_files(folder.path(), setup, &TestIssuer::new("key-1"));
    match Config::load(&path, &Overrides::default()) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_section_says_what_it_lacks() {
    const FILES: &str = "cert_file: c, key_file: k";
    for (keys, words) in [
        (FILES.to_owned(), ""),
        (format!("{FILES}, client_ca_file: a"), ""),
        (
            format!("{FILES}, client_ca_file: a, client_names: [envoy.example, \"{ENVOY}\"]"),
            "",
        ),
        ("cert_file: c".to_owned(), "key_file"),
        ("key_file: k".to_owned(), "cert_file"),
        (
            format!("{FILES}, client_names: [a]"),
            "`listeners.authz.tls.client_names` needs `client_ca_file`",
        ),
        (
            format!("{FILES}, client_ca_file: a, client_names: [\"*\"]"),
            "is not a valid name",
        ),
        (
            format!("{FILES}, client_ca_file: a, client_names: []"),
            "`listeners.authz.tls.client_names` is empty",
        ),
        (
            format!("{FILES}, client_ca_file: a, client_names: null"),
            "expected a list",
        ),
        (
            format!("{FILES}, client_ca_file: a, client_names: [10.0.0.1]"),
            "`listeners.authz.tls.client_names: 10.0.0.1` is an IP address",
        ),
        (format!("{FILES}, ca_file: a"), "unknown key `ca_file`"),
    ] {
        let said = told(&Setup {
            authz_extra: format!(", tls: {{{keys}}}"),
            ..Setup::default()
        });
        assert_eq!(said.is_empty(), words.is_empty(), "{keys}: {said}");
        assert!(said.contains(words), "{keys}: {said}");
    }
}

#[test]
fn what_does_not_go_together_is_said() {
    let unix = Setup {
        authz_address: Some("unix:authz.sock".to_owned()),
        authz_extra: ONE_SIDED.to_owned(),
        ..Setup::default()
    };
    let said = told(&unix);
    assert!(
        said.contains("`listeners.authz.tls` is for an address with a port"),
        "{said}"
    );
    for (admin_extra, words) in [
        (
            ", plain_address: \"127.0.0.1:9195\"",
            "set `listeners.admin.tls`",
        ),
        (
            ", plain_address: localhost, tls: {cert_file: c, key_file: k}",
            "is not a valid address",
        ),
        (
            ", plain_address: \"127.0.0.1:9195\", tls: {cert_file: c, key_file: k}",
            "",
        ),
    ] {
        let said = told(&Setup {
            admin_extra: admin_extra.to_owned(),
            ..Setup::default()
        });
        assert_eq!(said.is_empty(), words.is_empty(), "{admin_extra}: {said}");
        assert!(said.contains(words), "{admin_extra}: {said}");
    }
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let authorities = Authorities::new();
    let other = authorities.envoy();
    // The file, what it holds instead, and what is said; nothing where it is gone.
    for (file, text, words) in [
        ("other.pem", Some("nothing"), ""),
        (
            "gate.pem",
            Some("nothing"),
            "`listeners.authz.tls.cert_file: ",
        ),
        (
            "gate.key",
            Some("nothing"),
            "`listeners.authz.tls.key_file: ",
        ),
        (
            "gate.pem",
            Some(other.key.as_str()),
            "gate.pem` cannot be used: it contains a private key and no PEM certificate: are `cert_file` and `key_file` exchanged?",
        ),
        (
            "gate.key",
            Some(other.cert.as_str()),
            "gate.key` cannot be used: it contains a certificate and no private key: are `cert_file` and `key_file` exchanged?",
        ),
        (
            "gate.pem",
            Some(VERSION_1),
            "gate.pem` is X.509 version 1, and TLS needs version 3: make it anew with an extension such as `subjectAltName`",
        ),
        (
            "gate.key",
            Some(other.key.as_str()),
            "is not the key of the first certificate in `cert_file`",
        ),
        (
            "clients.pem",
            None,
            "`listeners.authz.tls.client_ca_file`: cannot read",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup {
            authz_extra: mutual(ENVOY),
            ..Setup::default()
        };
        let path = write_files(folder.path(), &setup, &TestIssuer::new("key-1"));
        authorities.write(folder.path());
        match text {
            Some(text) => write(folder.path(), file, text),
            None => std::fs::remove_file(folder.path().join(file)).unwrap(),
        }
        let config = Config::load(&path, &Overrides::default()).unwrap();
        let at_start = app::build(&config, None)
            .err()
            .map(|error| error.to_string());
        let said = at_start.unwrap_or_default();
        assert_eq!(said.is_empty(), words.is_empty(), "{said}");
        assert!(said.contains(words), "{words}: {said}");
        let checked = config.check_files().faults.into_messages().join("\n");
        assert_eq!(checked, said);
    }
}

/// Whoever checks a configuration hears of a certificate that clients refuse.
#[test]
fn a_certificate_that_has_expired_is_a_warning() {
    let authorities = Authorities::new();
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        authz_extra: mutual(ENVOY),
        ..Setup::default()
    };
    let path = write_files(folder.path(), &setup, &TestIssuer::new("key-1"));
    authorities.write(folder.path());
    let config = Config::load(&path, &Overrides::default()).unwrap();
    let good = config.check_files();
    assert!(good.faults.is_empty() && good.warnings.is_empty());
    let expired = authorities.gate.certify_with("gate.example", |parameters| {
        parameters.not_before = rcgen::date_time_ymd(2024, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2024, 2, 1);
    });
    expired.write(folder.path(), "gate");
    let found = config.check_files();
    assert!(found.faults.is_empty());
    let warning = &found.warnings[0];
    assert_eq!(warning.key, "listeners.authz.tls.cert_file");
    let message = &warning.problem.message;
    let expected = "the certificate of `listeners.authz.tls.cert_file` has expired at 2024-02-01";
    assert!(message.starts_with(expected), "{message}");
}
