//! Keys that are none, or that others could have read or changed: refused at the start.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::bad_input::{check, refusal, replace, write};
use crate::test_app::Setup;

#[test]
fn keys_that_cannot_be_trusted() {
    let pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let private =
        r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"c2VjcmV0LWtleS1ieXRlcw"}]}"#;
    let rows: &[(&str, &str, u32, &[&str])] = &[
        (
            "encrypted PEM",
            pem,
            0o600,
            &["`jwks_file: ", "jwks.json", "PEM", "--jwks"],
        ),
        (
            "PEM",
            "-----BEGIN PUBLIC KEY-----",
            0o600,
            &["PEM, not a JWKS"],
        ),
        (
            "private JWK",
            private,
            0o600,
            &["private members", "publish the public key only"],
        ),
        ("no JSON", "keys", 0o600, &["not a JWKS"]),
        ("no keys", r#"{"keys": []}"#, 0o600, &["no usable key"]),
        (
            "world-writable",
            "{}",
            0o666,
            &["everybody can write to it", "0666", "chmod o-w"],
        ),
    ];
    for (name, content, mode, words) in rows {
        let spoil = |folder: &Path| {
            write(folder, "jwks.json", content);
            chmod(folder, "jwks.json", *mode);
        };
        check(name, spoil, words);
        check(name, spoil, &["https://id.shop.example", "jwks_file"]);
    }
    check(
        "missing JWKS",
        |folder| fs::remove_file(folder.join("jwks.json")).unwrap(),
        &[
            "https://id.shop.example",
            "`jwks_file`",
            "jwks.json",
            "No such file",
        ],
    );
    let default = "42eec18ffdbffc9fda6110dcc705d6ce";
    let rows: &[(&str, &str, u32, &[&str])] = &[
        (
            "short",
            "only-13-bytes",
            0o600,
            &["13 bytes", "at least 32", "key generate"],
        ),
        (
            "the published default",
            default,
            0o600,
            &["published example", "key generate"],
        ),
        (
            "world-readable",
            "x",
            0o644,
            &["everybody can read it", "0644", "chmod o-rwx"],
        ),
        (
            "world-writable",
            "x",
            0o602,
            &["everybody can write to it", "0602", "chmod o-w"],
        ),
        ("empty", "", 0o600, &["0 bytes", "at least 32"]),
        ("repeated", &"changeme".repeat(5), 0o600, &["not random"]),
    ];
    for (name, content, mode, words) in rows {
        let said = refusal(name, &Setup::default(), |folder| {
            secret(folder, content, *mode);
        });
        for word in words
            .iter()
            .chain(&["hmac_secret_file", "https://id.shop.example"])
        {
            assert!(said.contains(word), "{name}: no {word} in:\n{said}");
        }
        assert!(
            content.len() < 2 || !said.contains(content),
            "{name}: {said}"
        );
    }
}

fn chmod(folder: &Path, name: &str, mode: u32) {
    fs::set_permissions(folder.join(name), Permissions::from_mode(mode)).unwrap();
}

/// An HMAC secret instead of the JWKS.
fn secret(folder: &Path, secret: &str, mode: u32) {
    write(folder, "secret", secret);
    chmod(folder, "secret", mode);
    replace(folder, "ES256", "HS256");
    replace(folder, "jwks_file: jwks.json", "hmac_secret_file: secret");
}
