//! Input that cannot be used: one message that names key, value and fix, exit code 2, nothing left.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use super::{Server, run, text};
use crate::test_app::{POLICY, Setup};

/// A folder with good files, spoilt by `spoil`: the server ends at once and its message, the only
/// one, holds all of `words`.
pub(super) fn check(name: &str, spoil: impl FnOnce(&Path), words: &[&str]) {
    let said = refusal(name, &Setup::default(), spoil);
    for word in words {
        assert!(said.contains(word), "{name}: no {word} in:\n{said}");
    }
}

/// What a server says that does not start.
pub(super) fn refusal(name: &str, setup: &Setup, spoil: impl FnOnce(&Path)) -> String {
    let mut server = Server::spawn(setup, |command| {
        spoil(command.get_current_dir().unwrap());
    });
    let said = server.stderr.until(|said, ended| {
        assert!(!said.contains("\"serving\""), "{name}: it serves");
        ended
    });
    assert_eq!(server.ended().code(), Some(2), "{name}");
    assert_eq!(server.stdout.now(), "", "{name}");
    let begins = said.matches("portcullis: ").count();
    assert!(
        said.starts_with("portcullis: ") && begins == 1,
        "{name}: {said}"
    );
    assert_tells_once(name, &said);
    said
}

/// No sentence of some length stands there twice; the lines of files that are shown do not count.
pub(super) fn assert_tells_once(name: &str, said: &str) {
    let lines = said.lines().filter(|line| {
        let (before, _) = line.split_once('|').unwrap_or((line, ""));
        !before.trim().bytes().all(|byte| byte.is_ascii_digit())
    });
    let said = lines.collect::<Vec<_>>().join("\n");
    for part in said.split(": ").filter(|part| part.len() > 12) {
        assert_eq!(said.matches(part).count(), 1, "{name}: twice: {said}");
    }
}

pub(super) fn replace(folder: &Path, from: &str, to: &str) {
    let path = folder.join("portcullis.yaml");
    let config = fs::read_to_string(&path).unwrap();
    assert!(config.contains(from), "{config}");
    fs::write(path, config.replacen(from, to, 1)).unwrap();
}

pub(super) fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    fs::write(folder.join(name), content).unwrap();
}

#[test]
fn a_policy_that_cannot_be_read() {
    check(
        "missing",
        |folder| fs::remove_file(folder.join("policy.yaml")).unwrap(),
        &["`policy`", "policy.yaml", "No such file", "check the path"],
    );
    check(
        "empty",
        |folder| write(folder, "policy.yaml", ""),
        &["policy.yaml"],
    );
    check(
        "through a file",
        |folder| replace(folder, "policy.yaml", "policy.yaml/inner.yaml"),
        &["`policy`", "policy.yaml/inner.yaml", "Not a directory"],
    );
    check(
        "folder without policies",
        |folder| {
            fs::create_dir(folder.join("empty")).unwrap();
            replace(folder, "policy.yaml", "empty");
        },
        &["`policy`", "empty", "`.yaml` or `.yml`"],
    );
    check(
        "huge",
        |folder| write(folder, "policy.yaml", "#".repeat((16 << 20) + 1)),
        &["policy.yaml", "larger than 16777216 bytes"],
    );
    check(
        "not UTF-8",
        |folder| write(folder, "policy.yaml", b"version: 1 # \xff"),
        &["policy.yaml", "UTF-8", "first bad byte: 13"],
    );
    check(
        "wrong",
        |folder| {
            write(
                folder,
                "policy.yaml",
                POLICY.replace("orders.read]", "order.read]"),
            );
        },
        &["policy.yaml:", "order.read", "did you mean `orders.read`?"],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_config_that_cannot_be_used() {
    let rows: &[(&str, &str, &[&str])] = &[
        (
            "drain_seconds",
            "drain_second",
            &["`drain_second`", "did you mean `drain_seconds`?"],
        ),
        (
            "audiences",
            "audience",
            &["`audience`", "did you mean `audiences`?"],
        ),
        (
            "version: 1",
            "version: 2",
            &["`version: 2`", "write `version: 1`"],
        ),
        ("version: 1", "version: one", &["one", "portcullis.yaml:1"]),
        (
            "drain_seconds: 0",
            "drain_seconds: 99999",
            &["`drain_seconds: 99999`", "from 0 to 3600"],
        ),
        (
            "audiences: [orders-api], ",
            "",
            &["`trust[0]`", "audiences: [orders-api]"],
        ),
        (
            "audiences: [orders-api]",
            "audiences: []",
            &["`trust[0]`", "no audience"],
        ),
        (
            ", jwks_file: jwks.json",
            "",
            &["`trust[0]`", "one source of keys", "`jwks_uri`"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_file: jwks.json, hmac_secret_file: s",
            &["one source of keys"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_uri: http://id.shop.example/k",
            &["plain http", "use `https`"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_uri: jwks.json",
            &["`jwks_uri` is not a URL", "https://host/path"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_uri: https://id.shop.example/k, jwks_refresh_seconds: 29",
            &[
                "`trust[0].jwks_refresh_seconds: 29`",
                "cooldown of 30 seconds",
            ],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_uri: https://id.shop.example/k, jwks_refresh_seconds: 86401",
            &["`trust[0].jwks_refresh_seconds: 86401`", "from 1 to 86400"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_uri: https://id.shop.example/k, jwks_cooldown_seconds: 0",
            &["`trust[0].jwks_cooldown_seconds: 0`", "from 1 to 3600"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_uri: https://id.shop.example/k, jwks_timeout_ms: 60001",
            &["`trust[0].jwks_timeout_ms: 60001`", "from 1 to 60000"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_uri: https://id.shop.example/k, jwks_max_bytes: 63",
            &["`trust[0].jwks_max_bytes: 63`", "from 64 to 1048576"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_uri: \"http://127.0.0.1:1/k\", jwks_ca_file: ca.pem",
            &["`trust[0].jwks_ca_file`", "plain http"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_file: jwks.json, discovery: true",
            &["one source of keys", "`discovery: true`"],
        ),
        (
            "jwks_file: jwks.json",
            "jwks_file: jwks.json, start_wait_seconds: 5",
            &["`trust[0].start_wait_seconds` needs `jwks_uri` or `discovery`"],
        ),
        (
            "jwks_file: jwks.json",
            "discovery: true, start_wait_seconds: 3601",
            &["`trust[0].start_wait_seconds: 3601`", "from 0 to 3600"],
        ),
        (
            "https://id.shop.example\", audiences: [orders-api], algorithms: [ES256], jwks_file: jwks.json",
            "http://id.shop.example\", audiences: [orders-api], algorithms: [ES256], discovery: true",
            &["`discovery` asks the `issuer`", "plain http", "use `https`"],
        ),
        (
            "[ES256]",
            "[none]",
            &["`trust[0].algorithms`", "`none` is not supported", "ES256"],
        ),
        (
            "[ES256]",
            "[ES256, ES256]",
            &["`trust[0].algorithms` lists `ES256` twice", "remove"],
        ),
        (
            "[ES256]",
            "[ES256, HS256]",
            &["HS256", "`hmac_secret_file`"],
        ),
        (
            "[ES256]",
            "[]",
            &["`trust[0].algorithms` is empty", "[ES256]"],
        ),
        (
            "algorithms:",
            "scope_claim: scp, claims: {scopes: [roles]}, algorithms:",
            &[
                "`trust[0]` has both `scope_claim` and `claims.scopes`",
                "keep",
            ],
        ),
        (
            "algorithms:",
            "claims: {scopes: [[]]}, algorithms:",
            &["a claim without a name", "[realm_access, roles]"],
        ),
        (
            "algorithms:",
            "claims: {subject: []}, algorithms:",
            &["`trust[0].claims.subject` is empty", "default"],
        ),
        (
            "algorithms:",
            "claims: {scope: [scp]}, algorithms:",
            &["unknown key `scope`", "`scopes`"],
        ),
        (
            "algorithms:",
            "scope_names: {Domain Users: [orders read]}, algorithms:",
            &[
                "`trust[0].scope_names`",
                "cannot be a scope",
                "without spaces",
            ],
        ),
        (
            "algorithms:",
            "require: {token_use: []}, algorithms:",
            &["`trust[0].require.token_use` requires nothing", "value"],
        ),
        (
            "algorithms:",
            "require: access, algorithms:",
            &["mapping of claims to the values"],
        ),
        (
            "algorithms:",
            "audience_claim: \"\", algorithms:",
            &["`trust[0].audience_claim` is empty", "client_id"],
        ),
        (
            "127.0.0.1:0",
            "localhost:1",
            &[
                "`listeners.authz.address`",
                "`localhost:1`",
                "127.0.0.1:9191",
            ],
        ),
        (
            "trust:",
            "realm: 'a\"b'\ntrust:",
            &["`realm: a\"b`", "without quotes"],
        ),
        (
            "trust:",
            "cache: {max_entries: 0}\ntrust:",
            &["`cache.max_entries: 0`", "from 1"],
        ),
        (
            "audiences:",
            "token_header: x-auth-subject, audiences:",
            &["`trust[0].token_header: x-auth-subject` is one of `identity_headers`"],
        ),
        (
            "audiences:",
            "token_header: cookie, audiences:",
            &[
                "`trust[0].token_header: cookie` cannot hold tokens",
                "such as `x-goog-iap-jwt-assertion`",
            ],
        ),
        (
            "audiences:",
            "spiffe_trust_domain: \"spiffe://shop.example\", audiences:",
            &[
                "`trust[0].spiffe_trust_domain: spiffe://shop.example` is not a trust domain",
                "such as `shop.example`",
            ],
        ),
    ];
    for (from, to, words) in rows {
        let name = format!("{from} -> {to}");
        check(&name, |folder| replace(folder, from, to), words);
    }
    let entry = "{issuer: a, audiences: [b], algorithms: [ES256], jwks_file: jwks.json}";
    check(
        "two issuers alike",
        |folder| replace(folder, "trust: [", &format!("trust: [{entry}, {entry}, ")),
        &[
            "`trust[1]` and `trust[0]`: the issuer `a` is listed twice for the audience `b`",
            "`audience_claim` or `token_header`",
        ],
    );
    let cached = |issuer: &str, file: &str| {
        format!(
            "{{issuer: \"https://{issuer}\", audiences: [b], algorithms: [ES256], jwks_uri: \
             https://keys.example/, jwks_cache_file: {file}}}"
        )
    };
    check(
        "one file of keys for two issuers",
        |folder| {
            let (one, two) = (cached("a.example", "keys"), cached("b.example", "./keys"));
            replace(folder, "trust: [", &format!("trust: [{one}, {two}, "));
        },
        &[
            "`trust[1].jwks_cache_file: ./keys` is that of another entry, `trust[0].jwks_cache_file`",
            "a file of its own",
        ],
    );
    let named = |position: usize, name: &str, issuer: &str| {
        format!(
            "{{{name}issuer: \"{issuer}\", audiences: [b{position}], algorithms: [ES256], \
             jwks_file: jwks.json}}"
        )
    };
    for (name, issuer, words) in [
        (
            "name: \"on call\", ",
            "https://other.example",
            &["`trust[0].name: on call` cannot be used", "letters"][..],
        ),
        (
            "",
            "kubernetes/serviceaccount",
            &["`trust[0]`", "needs a `name`", "name: staff"],
        ),
        (
            "",
            "https://id.shop.example/realms/b",
            &["has the name of `trust[0]`, `id.shop.example`", "`name`"],
        ),
    ] {
        let entry = named(1, name, issuer);
        check(
            issuer,
            |folder| replace(folder, "trust: [", &format!("trust: [{entry}, ")),
            words,
        );
    }
    check(
        "all at once",
        |folder| {
            replace(folder, "version: 1", "version: 2");
            replace(folder, "audiences: [orders-api], ", "");
        },
        &["`version: 2`", "no audience"],
    );
    check(
        "no config",
        |folder| fs::remove_file(folder.join("portcullis.yaml")).unwrap(),
        &["portcullis.yaml", "No such file", "check the path"],
    );
}

#[test]
fn a_port_in_use_is_named_and_the_other_is_free_again() {
    let used = TcpListener::bind("127.0.0.1:0").unwrap();
    let used_address = used.local_addr().unwrap().to_string();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let free_address = free.local_addr().unwrap().to_string();
    drop(free);
    for (key, authz, admin) in [
        ("listeners.authz.address", &used_address, &free_address),
        ("listeners.admin.address", &free_address, &used_address),
    ] {
        let setup = Setup {
            authz_address: Some(authz.clone()),
            ..Setup::default()
        };
        let said = refusal(key, &setup, |folder| {
            replace(
                folder,
                "admin: {address: \"127.0.0.1:0\"}",
                &format!("admin: {{address: \"{admin}\"}}"),
            );
        });
        assert!(said.contains(&format!("`{key}: {used_address}`")), "{said}");
        assert!(said.contains("choose another"), "{said}");
        TcpListener::bind(&free_address).unwrap();
    }
}

#[test]
fn a_path_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live.sock");
    let _live = UnixListener::bind(&live).unwrap();
    let datagram = folder.path().join("datagram.sock");
    let _datagram = UnixDatagram::bind(&datagram).unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let missing = folder.path().join("missing/gate.sock");
    for (path, words) in [
        (&live, "is in use by another process"),
        (&datagram, "is in use by another process"),
        (&file, "exists and is not a socket"),
        (&missing, "check that its directory exists"),
    ] {
        let setup = Setup {
            authz_address: Some(format!("unix:{}", path.display())),
            ..Setup::default()
        };
        let existed = path.exists();
        let said = refusal(words, &setup, |_| {});
        let key = format!("`listeners.authz.address: unix:{}`", path.display());
        assert!(said.contains(&key) && said.contains(words), "{said}");
        assert_eq!(path.exists(), existed, "{said}");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_socket_is_not_left_behind_when_the_rest_fails() {
    let used = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = used.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        authz_address: Some(format!("unix:{}/gate.sock", folder.path().display())),
        ..Setup::default()
    };
    refusal("admin port in use", &setup, |folder| {
        replace(
            folder,
            "admin: {address: \"127.0.0.1:0\"}",
            &format!("admin: {{address: \"{admin}\"}}"),
        );
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn wrong_command_lines_end_with_2_and_help_with_0() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &[][..],
        &["serv"],
        &["serve"],
        &["serve", "--config"],
        &["serve", "--config", "a", "--authz-address", "nowhere"],
        &["serve", "--config", "a", "--log-level", "loud"],
        &["check"],
        &["token", "issue"],
    ] {
        let output = run(arguments, folder.path());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stdout).is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["--version"], &["serve", "--help"]] {
        let output = run(arguments, folder.path());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(text(&output.stderr).is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_file_that_two_entries_would_write() {
    let entry = |issuer: &str, keys: &str| {
        format!("{{issuer: \"https://{issuer}\", audiences: [b], algorithms: [ES256], {keys}}}")
    };
    let feed = |file: &str| {
        format!("feed: {{addresses: [\"https://feed.example:9193\"], snapshot_file: {file}}}")
    };
    let cached = |file: &str| format!("jwks_uri: https://keys.example/, jwks_cache_file: {file}");
    for (one, two, words) in [
        (
            feed("feed"),
            feed("./feed"),
            "`trust[1].feed.snapshot_file: ./feed` is that of another entry, \
             `trust[0].feed.snapshot_file`",
        ),
        (
            feed("feed"),
            cached("feed"),
            "`trust[1].jwks_cache_file: feed` is that of another entry, `trust[0].feed.snapshot_file`",
        ),
        (
            feed("feed"),
            feed("feed.journal"),
            "`trust[1].feed.snapshot_file: feed.journal` and `trust[0].feed.snapshot_file` would",
        ),
        (
            feed("feed.journal"),
            feed("feed"),
            "`trust[1].feed.snapshot_file: feed` and `trust[0].feed.snapshot_file` would overwrite",
        ),
    ] {
        let both = [entry("a.example", &one), entry("b.example", &two)].join(", ");
        check(
            words,
            |folder| replace(folder, "trust: [", &format!("trust: [{both}, ")),
            &[words],
        );
    }
}
