//! The verbs beside `serve`: what they print and how they end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::{Server, portcullis, run, run_with_input, text};
use crate::asker::Asker;
use crate::test_app::{POLICY, Setup, write_files};
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer};
use crate::test_tls::Authority;

#[test]
fn check_tells_yes_no_and_cannot_tell() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = POLICY.replace("[orders.read]", "[order.read]");
    fs::write(folder.path().join("good.yaml"), POLICY).unwrap();
    fs::write(folder.path().join("wrong.yaml"), wrong).unwrap();
    for (file, code, words) in [
        ("good.yaml", 0, "ok: 6 routes, digest "),
        ("wrong.yaml", 1, "did you mean `orders.read`?"),
    ] {
        let output = run(&["check", file], folder.path());
        assert_eq!(output.status.code(), Some(code));
        assert!(text(&output.stdout).contains(words));
        assert_eq!(text(&output.stderr), "");
    }
    let output = run(&["check", "missing.yaml"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).starts_with("portcullis: cannot read `missing.yaml`"));
}

#[test]
fn check_binds_a_policy_to_the_issuers_that_the_configuration_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |issuer: &str| {
        format!(
            "{{issuer: \"{issuer}\", audiences: [orders-api], algorithms: [ES256], \
             jwks_file: jwks.json}}"
        )
    };
    let config = format!(
        "version: 1\npolicy: [policy.yaml]\ntrust: [{}, {}]\n",
        entry("https://id.shop.example"),
        entry("https://token.ci.example/x")
    );
    fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let jwks = TestIssuer::jwks([&TestIssuer::new("key-1")]);
    fs::write(folder.path().join("jwks.json"), jwks).unwrap();
    let check = |policy: &str, arguments: &[&str], code: i32| {
        fs::write(folder.path().join("policy.yaml"), policy).unwrap();
        let output = run(&[&["check"], arguments].concat(), folder.path());
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        text(&output.stdout).clone()
    };
    check(POLICY, &["policy.yaml"], 0);
    let with_config = ["--config", "portcullis.yaml"];
    for arguments in [
        &with_config[..],
        &["policy.yaml", "--config", "portcullis.yaml"],
    ] {
        let told = check(POLICY, arguments, 1);
        assert!(told.contains("do not say whose tokens count"), "{told}");
        assert!(
            told.contains("`id.shop.example`, `token.ci.example`"),
            "{told}"
        );
    }
    let said = |name: &str| POLICY.replace("scopes:\n", &format!("issuers: [{name}]\nscopes:\n"));
    let told = check(&said("token.ci.exampel"), &with_config, 1);
    assert!(told.contains("did you mean `token.ci.example`?"), "{told}");
    check(&said("token.ci.example"), &with_config, 0);
}

/// A start would find them one after the other.
#[test]
fn check_reads_the_files_that_a_configuration_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = r#"version: 1
policy: [policy.yaml]
trust:
  - {name: a, issuer: "https://a", audiences: [x], algorithms: [ES256], jwks_file: missing.json}
  - {name: b, issuer: "https://b", audiences: [x], algorithms: [HS256], hmac_secret_file: short}
  - name: c
    issuer: "https://c"
    audiences: [x]
    algorithms: [ES256]
    jwks_uri: https://c.example/keys
    jwks_ca_file: short
log: {subject_key_file: short}
"#;
    fs::write(path("portcullis.yaml"), config).unwrap();
    let policy = POLICY.replace("[orders.read]", "[order.read]");
    let policy = policy.replace("scopes:\n", "issuers: [a]\nscopes:\n");
    fs::write(path("policy.yaml"), policy).unwrap();
    fs::write(path("short"), "short").unwrap();
    fs::set_permissions(path("short"), fs::Permissions::from_mode(0o600)).unwrap();
    let config = ["check", "--config", "portcullis.yaml"];
    let output = run(&config, folder.path());
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    for words in [
        "portcullis.yaml:4:",
        "portcullis.yaml:5:",
        "portcullis.yaml:11:",
        "portcullis.yaml:12:",
        "cannot read `missing.json`",
        "`jwks_ca_file` cannot be used",
        "`log.subject_key_file`: the key has 5 bytes",
        "4 problems",
        "did you mean `orders.read`?",
    ] {
        assert!(told.contains(words), "no {words} in {told}");
    }
    let output = run(
        &[&config[..], &["--format", "json"]].concat(),
        folder.path(),
    );
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = answer["problems"].as_array().unwrap().iter();
    let lines: Vec<_> = lines.map(|problem| &problem["place"]["line"]).collect();
    assert_eq!(lines, [4, 5, 11, 12, 9, 13]);
    let output = run(&[&config[..], &["--skip-files"]].concat(), folder.path());
    let told = text(&output.stdout);
    assert!(!told.contains("portcullis.yaml"), "{told}");
}

/// One run shows what is wrong with both, whichever way the configuration is wrong.
#[test]
fn a_wrong_configuration_hides_nothing_of_the_policies_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["policy.yaml", "stricter.yaml", "other.yaml"] {
        let scope = format!("[{name}]");
        fs::write(path(name), POLICY.replace("[orders.read]", &scope)).unwrap();
    }
    let unknown = |name: &str| format!("unknown scope `{name}`");
    for wrong in [
        "drain_seconds: 99999",
        "log: {level: loud}",
        "traecs: {}",
        "realm: [a]",
    ] {
        let config =
            format!("version: 1\npolicy: [policy.yaml]\nshadow_policy: [stricter.yaml]\n{wrong}\n");
        fs::write(path("portcullis.yaml"), config).unwrap();
        let check = ["check", "--config", "portcullis.yaml"];
        let output = run(&check, folder.path());
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("portcullis.yaml:4:"), "{told}");
        for name in ["policy.yaml", "stricter.yaml"] {
            assert!(told.contains(&unknown(name)), "{told}");
        }
        let told = text(&run(&[&check[..], &["other.yaml"]].concat(), folder.path()).stdout);
        assert!(told.contains("portcullis.yaml:4:"), "{told}");
        assert!(told.contains(&unknown("other.yaml")), "{told}");
        assert!(!told.contains(&unknown("policy.yaml")), "{told}");
    }
}

/// Entries of `trust` that name files that a start cannot use, each with the key that says so.
fn unusable_trust() -> Vec<(&'static str, Setup)> {
    let remote = |entry: &str| {
        format!("{{issuer: https://id.example, audiences: [a], algorithms: [ES256], {entry}}}")
    };
    let jwks = "jwks_uri: https://127.0.0.1:9/keys, start_wait_seconds: 0";
    let feed = |entry: &str| {
        remote(&format!(
            "feed: {{addresses: [\"https://127.0.0.1:9\"], {entry}}}"
        ))
    };
    let trust = |trust: String| Setup {
        trust: Some(trust),
        ..Setup::default()
    };
    vec![
        ("jwks_file", trust(remote("jwks_file: missing"))),
        ("jwks_file", trust(remote("jwks_file: broken"))),
        (
            "hmac_secret_file",
            trust(remote("hmac_secret_file: missing").replace("ES256", "HS256")),
        ),
        (
            "jwks_ca_file",
            trust(remote(&format!("{jwks}, jwks_ca_file: missing"))),
        ),
        (
            "jwks_ca_file",
            trust(remote(&format!("{jwks}, jwks_ca_file: broken"))),
        ),
        (
            "jwks_token_file",
            trust(remote(&format!("{jwks}, jwks_token_file: missing"))),
        ),
        (
            "jwks_cache_file",
            trust(remote(&format!("{jwks}, jwks_cache_file: missing/keys"))),
        ),
        ("token_file", trust(feed("token_file: missing"))),
        (
            "ca_file",
            trust(feed("token_file: token, ca_file: missing")),
        ),
        ("ca_file", trust(feed("token_file: token, ca_file: broken"))),
        (
            "client_cert_file",
            trust(feed("client_cert_file: missing, client_key_file: missing")),
        ),
        (
            "snapshot_file",
            trust(feed("token_file: token, snapshot_file: missing/feed")),
        ),
    ]
}

/// The same of what is not in `trust`, and of the policy.
fn unusable_rest() -> Vec<(&'static str, Setup)> {
    let tls = |files: &str| format!(", tls: {{cert_file: cert.pem, key_file: key.pem{files}}}");
    let traces = "traces: {endpoint: \"https://127.0.0.1:9\", ca_file";
    let extra = |extra: String| Setup {
        extra,
        ..Setup::default()
    };
    let address = |address: &str| Setup {
        authz_address: Some(address.to_owned()),
        ..Setup::default()
    };
    let clients = |file: &str| Setup {
        authz_extra: format!(
            ", tls: {{cert_file: gate.pem, key_file: gate.key, client_ca_file: {file}}}"
        ),
        ..Setup::default()
    };
    vec![
        (
            "cert_file",
            Setup {
                authz_extra: tls(""),
                ..Setup::default()
            },
        ),
        (
            "cert_file",
            Setup {
                admin_extra: tls(""),
                ..Setup::default()
            },
        ),
        ("client_ca_file", clients("missing")),
        ("client_ca_file", clients("broken")),
        (
            "subject_key_file",
            extra("log: {subject_key_file: missing}".to_owned()),
        ),
        (
            "subject_key_file",
            extra("log: {subject_key_file: broken}".to_owned()),
        ),
        ("traces", extra(format!("{traces}: missing}}"))),
        ("traces", extra(format!("{traces}: broken}}"))),
        ("listeners.authz.address", address("unix:missing/gate.sock")),
        ("listeners.authz.address", address("unix:/proc/gate.sock")),
        ("listeners.authz.address", address("unix:broken")),
        ("listeners.authz.address", address("unix:broken/gate.sock")),
        (
            "log.outputs.decision",
            extra("log: {outputs: {decision: /proc/x}}".to_owned()),
        ),
        (
            "policy",
            Setup {
                policy: Some("routes: 1".to_owned()),
                ..Setup::default()
            },
        ),
    ]
}

/// What `serve` refuses, `check` refuses, in the words of the same key.
#[test]
fn check_fails_wherever_serve_fails() {
    let certified = Authority::new("gate").certify("127.0.0.1");
    for (key, setup) in unusable_trust().into_iter().chain(unusable_rest()) {
        let mut server = Server::spawn(&setup, |command| {
            let folder = command.get_current_dir().unwrap();
            certified.write(folder, "gate");
            for file in ["broken", "token"] {
                fs::write(folder.join(file), "neither").unwrap();
                fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o600)).unwrap();
            }
        });
        let config = fs::read_to_string(server.folder.path().join("portcullis.yaml")).unwrap();
        let said = server
            .stderr
            .until(|said, ended| ended || said.contains("\"serving\""));
        let starts = said.contains("\"serving\"");
        let arguments = ["check", "--config", "portcullis.yaml"];
        let checked = run(&arguments, server.folder.path());
        let told = text(&checked.stdout) + &text(&checked.stderr);
        if starts {
            // Such files may come later, or are only written.
            let later = ["jwks_token_file", "jwks_cache_file"];
            assert!(later.contains(&key), "{config}{said}");
        } else {
            assert_eq!(checked.status.code(), Some(1), "{config}{told}{said}");
            assert_eq!(server.ended().code(), Some(2), "{config}{said}");
            assert!(
                told.contains(key) && said.contains(key),
                "{key}: {told}{said}"
            );
        }
    }
}

/// What the issuer finds at a start, before it has opened anything.
#[cfg(feature = "issuer")]
#[test]
fn check_looks_at_the_store_and_at_the_password_of_the_first_administrator() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("policy.yaml"), POLICY).unwrap();
    let told = |store: &str, code: i32| {
        let config = format!(
            "version: 1\npolicy: [policy.yaml]\ntrust:\n\
             - {{name: own, issuer: \"http://127.0.0.1:8080\", audiences: [x], algorithms: [ES256], keys: companion}}\n\
             issuer:\n  url: http://127.0.0.1:8080\n  audiences: [x]\n  store: {store}\n  \
             admin_password_file: admin-password\n"
        );
        fs::write(path("portcullis.yaml"), config).unwrap();
        let output = run(&["check", "--config", "portcullis.yaml"], folder.path());
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{told}");
        told
    };
    let first = told("sqlite:new.db", 1);
    assert!(first.contains("portcullis.yaml:9:"), "{first}");
    assert!(
        first.contains("cannot read `admin-password`"),
        "a first start reads it: {first}"
    );
    assert!(!first.contains("issuer.store"), "{first}");
    fs::write(path("admin-password"), "admin1234567\n").unwrap();
    fs::set_permissions(path("admin-password"), fs::Permissions::from_mode(0o600)).unwrap();
    let weak = told("sqlite:new.db", 1);
    assert!(weak.contains("portcullis.yaml:9:"), "{weak}");
    let expected = "`issuer.admin_password_file: admin-password`: the password is too";
    assert!(weak.contains(expected), "{weak}");
    let start = run(&["serve", "--config", "portcullis.yaml"], folder.path());
    let said = text(&start.stderr);
    assert!(said.contains(expected), "{said}");
    fs::remove_file(path("admin-password")).unwrap();
    // The start has made the store before it looked.
    for made in ["new.db", "new.db-wal", "new.db-shm"] {
        let _ = fs::remove_file(path(made));
    }
    let nowhere = told("sqlite:nowhere/new.db", 1);
    assert!(nowhere.contains("portcullis.yaml:8:"), "{nowhere}");
    fs::write(path("old.db"), "").unwrap();
    fs::set_permissions(path("old.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let open = told("sqlite:old.db", 1);
    assert!(
        open.contains("`issuer.store`: the store `old.db`"),
        "{open}"
    );
    assert!(
        !open.contains("admin-password"),
        "no later one does: {open}"
    );
    fs::set_permissions(path("old.db"), fs::Permissions::from_mode(0o600)).unwrap();
    told("sqlite:old.db", 0);
    told("postgres://nobody@127.0.0.1:1/none", 0);
    assert!(!path("new.db").exists());
}

#[test]
fn check_tells_machines_what_is_wrong_with_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let answer = |config: &str| -> Value {
        fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
        let check = ["check", "--config", "portcullis.yaml", "--format", "json"];
        let output = run(&check, folder.path());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["ok"], false);
        answer["problems"][0].clone()
    };
    let misspelt = answer("version: 1\npolicy: [policy.yaml]\nrealms: a\n");
    assert_eq!(misspelt["place"]["line"], 3);
    assert_eq!(misspelt["message"], "unknown key `realms`");
    let shared = "listeners: {authz: {address: \"0.0.0.0:9194\"}}";
    let shared = answer(&format!("version: 1\npolicy: [policy.yaml]\n{shared}\n"));
    let message = shared["message"].as_str().unwrap();
    assert!(message.starts_with("`listeners.admin.address: 127.0.0.1:9194` is the address of"));
    assert_eq!(shared["place"]["line"], 3);
}

#[test]
fn check_says_where_the_entry_is_that_it_warns_of() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let jwks = TestIssuer::jwks([&TestIssuer::new("key-1")]);
    write("jwks.json", &jwks.replacen('[', "[{\"kty\": \"oct\"}, ", 1));
    write("policy.yaml", POLICY);
    let config = "version: 1
policy: [policy.yaml]
trust:
  - issuer: https://id.shop.example
    audiences: [orders-api]
    algorithms: [ES256]
    jwks_file: jwks.json
    claims:
      scopes: [realm_access.roles]
";
    write("portcullis.yaml", config);
    let check = ["check", "--config", "portcullis.yaml"];
    let output = run(&check, folder.path());
    assert_eq!(output.status.code(), Some(0));
    let told = text(&output.stdout);
    for words in [
        "--> portcullis.yaml:9:7",
        "--> portcullis.yaml:7:16",
        "`trust[0].jwks_file` has a key that is not used: key 0: ",
        "2 warnings",
    ] {
        assert!(told.contains(words), "no {words} in {told}");
    }
    let output = run(&[&check[..], &["--format", "json"]].concat(), folder.path());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["warnings"][0]["place"]["line"], 9);
}

#[test]
fn check_warns_and_still_tells_yes() {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"version: 1
routes:
  - {name: health, methods: [GET], path: /health, access: public}
  - {name: admin, hosts: [admin.example], methods: ["*"], path: "/{*rest}", access: nobody}
"#;
    fs::write(folder.path().join("open.yaml"), policy).unwrap();
    let closed = policy.replace("routes:", "closed_hosts: [admin.example]\nroutes:");
    fs::write(folder.path().join("closed.yaml"), closed).unwrap();
    let output = run(&["check", "open.yaml"], folder.path());
    assert_eq!(output.status.code(), Some(0));
    let told = text(&output.stdout);
    assert!(
        told.starts_with("warning: the route `health` without `hosts` answers before `admin`"),
        "{told}"
    );
    assert!(told.contains("open.yaml:4:"), "{told}");
    assert!(told.contains("`closed_hosts`"), "{told}");
    assert!(told.contains("\nok: 2 routes, digest "), "{told}");
    let output = run(&["check", "--format", "json", "open.yaml"], folder.path());
    assert_eq!(output.status.code(), Some(0));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["warnings"][0]["place"]["line"], 4);
    let output = run(&["check", "closed.yaml"], folder.path());
    assert!(text(&output.stdout).starts_with("ok: 2 routes, digest "));
}

#[test]
fn check_answers_machines_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = POLICY.replace("[orders.read]", "[order.read]");
    fs::write(folder.path().join("good.yaml"), POLICY).unwrap();
    fs::write(folder.path().join("wrong.yaml"), wrong).unwrap();
    let answer = |file: &str, code: i32| -> Value {
        let output = run(&["check", "--format", "json", file], folder.path());
        assert_eq!(output.status.code(), Some(code));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let good = answer("good.yaml", 0);
    assert_eq!((&good["ok"], &good["routes"]), (&true.into(), &6.into()));
    assert_eq!(good["problems"], Value::Array(Vec::new()));
    let wrong = answer("wrong.yaml", 1);
    assert_eq!(wrong["ok"], false);
    let problems = wrong["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2);
    assert_eq!(problems[0]["place"]["file"], "wrong.yaml");
    assert_eq!(problems[0]["place"]["line"], 8);
    assert!(
        problems[0]["help"]
            .as_str()
            .unwrap()
            .contains("orders.read")
    );
}

#[test]
fn token_inspect_tells_yes_no_and_cannot_tell() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::new("key-1");
    write_files(folder.path(), &Setup::default(), &issuer);
    let good = issuer.token("alice", "orders.read");
    let forged = TestIssuer::new("key-1").token("alice", "orders.read");
    let config = ["--config", "portcullis.yaml"];
    let rows: [(&str, &[&str], i32, &str); 5] = [
        (&good, &config, 0, "accepted"),
        (&forged, &config, 1, "refused: "),
        ("no token", &config, 1, "refused: "),
        (&good, &[], 2, "nothing was verified"),
        (&good, &["--config", "missing.yaml"], 2, ""),
    ];
    for (token, options, code, words) in rows {
        let arguments = [&["token", "inspect"], options].concat();
        let output = run_with_input(&arguments, folder.path(), token);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(text(&output.stdout).contains(words), "{output:?}");
        let said = text(&output.stdout) + &text(&output.stderr);
        let signature = token.rsplit('.').next().unwrap();
        assert!(!said.contains(signature), "{said}");
    }
}

#[tokio::test]
async fn a_generated_key_signs_tokens_that_the_server_trusts() {
    for algorithm in ["ES256", "EdDSA", "RS256", "HS256"] {
        let folder = tempfile::tempdir().unwrap();
        let (source, jwks) = if algorithm == "HS256" {
            ("hmac_secret_file: private.key", &[][..])
        } else {
            ("jwks_file: public.json", &["--jwks", "public.json"][..])
        };
        let generate = [
            "key",
            "generate",
            "--algorithm",
            algorithm,
            "--out",
            "private.key",
        ];
        let made = run(&[&generate, jwks].concat(), folder.path());
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        let private = fs::read_to_string(folder.path().join("private.key")).unwrap();

        let issue = [
            "token",
            "issue",
            "--key",
            "private.key",
            "--algorithm",
            algorithm,
            "--issuer",
            ISSUER,
            "--audience",
            AUDIENCE,
            "--subject",
            "alice",
            "--scope",
            "orders.read",
        ];
        let output = run(&issue, folder.path());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let token = text(&output.stdout).trim().to_owned();

        let setup = Setup {
            trust: Some(format!(
                "{{issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [{algorithm}], {source}}}"
            )),
            ..Setup::default()
        };
        let issuer = TestIssuer::new("key-1");
        write_files(folder.path(), &setup, &issuer);
        let server = Server::spawn_in(folder, issuer, |_| {});
        let asker = Asker::connect(&server.authz_url()).await;
        assert_eq!(asker.ask("/orders/1", Some(&token)).await.status, 200);

        let said = [made.stdout, made.stderr, output.stderr].concat();
        let said = text(&said) + &server.output();
        let lines = private.lines().filter(|line| !line.starts_with("-----"));
        for secret in lines {
            assert!(!said.contains(secret), "{algorithm}: {said}");
        }
    }
}

#[test]
fn a_key_is_not_overwritten_and_is_readable_by_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let generate = [
        "key",
        "generate",
        "--out",
        "private.pem",
        "--jwks",
        "public.json",
    ];
    assert_eq!(run(&generate, folder.path()).status.code(), Some(0));
    let read = || fs::read(folder.path().join("private.pem")).unwrap();
    let before = read();
    let again = run(&generate, folder.path());
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("cannot create `public.json`"));
    assert_eq!(read(), before);
}

#[test]
fn an_encrypted_key_is_refused_without_being_shown() {
    let folder = tempfile::tempdir().unwrap();
    let pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0IGJ5dGVz\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fs::write(folder.path().join("key.pem"), pem).unwrap();
    let private = |mode| {
        use std::os::unix::fs::PermissionsExt;
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.path().join("key.pem"), permissions).unwrap();
    };
    let issue = [
        "token",
        "issue",
        "--key",
        "key.pem",
        "--issuer",
        ISSUER,
        "--audience",
        AUDIENCE,
        "--subject",
        "alice",
    ];
    private(0o600);
    let encrypted = run(&issue, folder.path());
    assert_eq!(encrypted.status.code(), Some(2));
    let said = text(&encrypted.stderr);
    assert!(
        said.contains("key.pem") && said.contains("encrypted"),
        "{said}"
    );
    assert!(!said.contains("c2VjcmV0"), "{said}");
    private(0o644);
    let readable = text(&run(&issue, folder.path()).stderr);
    assert!(readable.contains("everybody can read it"), "{readable}");
    assert_eq!(readable.matches("everybody can read it").count(), 1);
}

#[test]
fn health_asks_where_the_environment_says() {
    let server = Server::start(&Setup::default());
    server.logs("\"message\":\"ready\"");
    let address = server.admin_address().to_string();
    let output = portcullis(&["health"], server.folder.path())
        .env("PORTCULLIS_ADMIN_ADDRESS", &address)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "ok\n");
    drop(server);
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["health", "--address", &address], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("no answer from the admin listener at"),
        "{said}"
    );
    assert!(said.contains(&address), "{said}");
}

#[test]
fn a_value_of_the_environment_is_named_by_its_variable_and_an_empty_one_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let with = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = portcullis(arguments, folder.path());
        command.envs(variables.iter().copied());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        text(&output.stderr)
    };
    let serve = ["serve", "--config", "none.yaml"];
    let told = with(&serve, &[("PORTCULLIS_LOG_LEVEL", "loud")]);
    let named = "invalid value 'loud' for 'PORTCULLIS_LOG_LEVEL (environment variable)'";
    assert!(told.contains(named), "{told}");
    for flag in [&["--log-level", "shrill"][..], &["--log-level=shrill"]] {
        let arguments = [&serve[..], flag].concat();
        let told = with(&arguments, &[("PORTCULLIS_LOG_LEVEL", "loud")]);
        let named = "invalid value 'shrill' for '--log-level <LEVEL>'";
        assert!(told.contains(named), "{told}");
    }
    let empty = [
        "PORTCULLIS_CONFIG",
        "PORTCULLIS_POLICY",
        "PORTCULLIS_AUTHZ_ADDRESS",
        "PORTCULLIS_ADMIN_ADDRESS",
        "PORTCULLIS_LOG_LEVEL",
        "PORTCULLIS_LOG_FORMAT",
    ]
    .map(|name| (name, ""));
    let told = with(&serve, &empty);
    assert!(told.contains("cannot read `none.yaml`"), "{told}");
    let told = with(&["serve"], &empty);
    assert!(told.contains("--config <FILE>"), "{told}");
}
