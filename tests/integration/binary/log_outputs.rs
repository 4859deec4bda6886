//! Lines of each kind in places of their own, which others move and remove.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::yield_now;
use std::time::Instant;

use serde_json::Value;

use super::{PATIENCE, Server, run, text};
use crate::asker::Asker;
use crate::client;
use crate::test_app::{Setup, write_files};
use crate::test_issuer::TestIssuer;
use crate::test_tls::Authority;

const POLICY: &str = r"
version: 1
routes:
  - {name: account, methods: [GET], path: /account, access: authenticated}
  - {name: trial, methods: [GET], path: /trial, access: authenticated, mode: shadow}
";

/// With these entries of `log`.
fn setup(log: &str) -> Setup {
    Setup {
        policy: Some(POLICY.to_owned()),
        extra: format!("log: {{{log}}}"),
        ..Setup::default()
    }
}

/// A server whose folder has a folder `logs`.
fn server(setup: &Setup) -> Server {
    Server::spawn(setup, |command| {
        fs::create_dir(command.get_current_dir().unwrap().join("logs")).unwrap();
    })
}

/// The lines of a file, each a JSON object.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().map(serde_json::from_str);
    lines
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Waits until the metrics say this.
async fn until_metrics(admin: SocketAddr, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !client::get(admin, "/metrics", &[])
        .await
        .body
        .contains(text)
    {
        assert!(Instant::now() < deadline, "{text}");
    }
}

/// Waits until the file has so many lines.
fn until_lines(path: &Path, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.matches('\n').count() >= count {
            return lines(path);
        }
        assert!(Instant::now() < deadline, "{}: {text}", path.display());
        yield_now();
    }
}

fn field<'l>(line: &'l Value, name: &str) -> &'l str {
    line[name].as_str().unwrap_or("-")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_line_is_in_its_file_and_nowhere_else() {
    let mut setup = setup(
        "outputs: {service: stdout, audit: logs/audit, decision: logs/decision, shadow: logs/shadow}",
    );
    if cfg!(feature = "issuer") {
        setup.extra += "\nissuer: {url: \"https://id.shop.example\", address: \"127.0.0.1:0\", store: \
                        \"sqlite:store.db\"}";
    }
    let mut server = server(&setup);
    server
        .stdout
        .until(|said, _| said.contains("\"message\":\"ready\""));
    let serving = server.stdout.now();
    let serving = serving
        .lines()
        .find(|line| line.contains("\"message\":\"serving\""));
    let serving: Value = serde_json::from_str(serving.unwrap()).unwrap();
    let authz = serving["authz.address"].as_str().unwrap();
    let asker = Asker::connect(&format!("http://{authz}")).await;
    assert_eq!(asker.ask("/account", None).await.status, 401);
    assert_eq!(asker.ask("/trial", None).await.status, 200);
    assert_eq!(asker.ask("/nowhere", None).await.status, 401);
    if cfg!(feature = "issuer") {
        let issuer = serving["issuer.address"].as_str().unwrap().parse().unwrap();
        let body = "{\"username\":\"alice\",\"password\":\"wrong-password\"}";
        let login = format!(
            "POST /consumer/login HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = client::exchange(issuer, login.as_bytes()).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));

    let logs = server.folder.path().join("logs");
    let targets = |name: &str| {
        let lines = lines(&logs.join(name));
        let lines = lines.iter().map(|line| {
            let target = field(line, "target");
            format!(
                "{target} {} {}",
                field(line, "decision"),
                field(line, "route.name")
            )
        });
        lines.collect::<Vec<_>>()
    };
    assert_eq!(
        targets("decision"),
        [
            "portcullis::decision deny account",
            "portcullis::decision deny -"
        ]
    );
    assert_eq!(targets("shadow"), ["portcullis::decision would_deny trial"]);
    let audit = targets("audit");
    assert_eq!(!audit.is_empty(), cfg!(feature = "issuer"));
    assert!(
        audit
            .iter()
            .all(|line| line.starts_with("portcullis::audit ")),
        "{audit:?}"
    );
    // Nothing but what the first start shows of the administrator, which is no line of the log.
    assert!(
        !server.stderr.now().contains("\"target\""),
        "{}",
        server.stderr.now()
    );
    for line in server.stdout.now().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let target = field(&line, "target");
        assert!(
            !["portcullis::decision", "portcullis::audit"].contains(&target),
            "{line}"
        );
    }
    for name in ["audit", "decision", "shadow"] {
        let mode = fs::metadata(logs.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_in_shadow_go_with_the_others_unless_it_is_said() {
    let mut server = server(&setup("outputs: {decision: logs/decision}, format: text"));
    let said = server
        .stderr
        .until(|said, _| said.contains("policy.routes="));
    let authz = said.split("authz.address=").nth(1).unwrap();
    let authz = authz.split(' ').next().unwrap();
    let asker = Asker::connect(&format!("http://{authz}")).await;
    assert_eq!(asker.ask("/account", None).await.status, 401);
    assert_eq!(asker.ask("/trial", None).await.status, 200);
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let decisions = fs::read_to_string(server.folder.path().join("logs/decision")).unwrap();
    assert_eq!(decisions.lines().count(), 2, "{decisions}");
    assert!(decisions.contains("would_deny"), "{decisions}");
    // No control sequences.
    assert!(!decisions.contains('\u{1b}'), "{decisions}");
    assert!(!server.stderr.now().contains("portcullis::decision"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_moved_away_is_made_anew_without_a_signal() {
    let server = server(&setup("outputs: {decision: logs/decision}"));
    let asker = Asker::connect(&server.authz_url()).await;
    let logs = server.folder.path().join("logs");
    let (path, moved) = (logs.join("decision"), logs.join("decision.1"));
    assert_eq!(asker.ask("/account", None).await.status, 401);
    until_lines(&path, 1);
    fs::rename(&path, &moved).unwrap();
    assert_eq!(asker.ask("/nowhere", None).await.status, 401);
    assert_eq!(until_lines(&path, 1)[0]["request.path"], "/nowhere");
    assert_eq!(lines(&moved)[0]["request.path"], "/account");
    assert_eq!(lines(&moved).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_for_a_directory_that_vanishes_are_counted_and_told_of() {
    let server = server(&setup(
        "outputs: {audit: logs/decision, decision: logs/decision}",
    ));
    let admin = server.admin_address();
    let asker = Asker::connect(&server.authz_url()).await;
    let logs = server.folder.path().join("logs");
    assert_eq!(asker.ask("/account", None).await.status, 401);
    until_lines(&logs.join("decision"), 1);
    fs::remove_dir_all(&logs).unwrap();
    for _ in 0..3 {
        assert_eq!(asker.ask("/account", None).await.status, 401);
    }
    let told = server.logs("lines of the log are lost");
    assert_eq!(told["level"], "ERROR");
    let error = told["error"].as_str().unwrap();
    assert!(
        error.contains("logs/decision") && error.contains("No such file"),
        "{error}"
    );
    // Of the two kinds that share it, the first.
    until_metrics(
        admin,
        "portcullis_log_lines_failed_total{output=\"audit\"} 3\n",
    )
    .await;
    fs::create_dir(&logs).unwrap();
    assert_eq!(asker.ask("/nowhere", None).await.status, 401);
    assert_eq!(
        until_lines(&logs.join("decision"), 1)[0]["request.path"],
        "/nowhere"
    );
    let over = server.logs("the log can be written again");
    assert_eq!(over["lost"], 3, "{over}");
    let said = server.stderr.now();
    assert_eq!(
        said.matches("lines of the log are lost").count(),
        1,
        "{said}"
    );
}

/// The kernel ends a process that writes beyond its limit, unless it has a handler.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_grow_loses_lines_and_no_check() {
    let server = server(&setup("outputs: {decision: logs/decision}"));
    let asker = Asker::connect(&server.authz_url()).await;
    assert_eq!(asker.ask("/account", None).await.status, 401);
    until_lines(&server.folder.path().join("logs/decision"), 1);
    let limited = Command::new("prlimit")
        .args(["--pid", &server.child.id().to_string(), "--fsize=100"])
        .status();
    assert!(limited.unwrap().success());
    for _ in 0..3 {
        assert_eq!(asker.ask("/account", None).await.status, 401);
    }
    let failed = "portcullis_log_lines_failed_total{output=\"decision\"} 3\n";
    until_metrics(server.admin_address(), failed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_a_stream_does_not_take_are_counted() {
    let server = Server::spawn(&setup("outputs: {decision: stdout}"), |command| {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "exec \"$0\" \"$@\" >/dev/full"])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(command.get_current_dir().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        *command = shell;
    });
    let asker = Asker::connect(&server.authz_url()).await;
    assert_eq!(asker.ask("/account", None).await.status, 401);
    let failed = "portcullis_log_lines_failed_total{output=\"decision\"} 1\n";
    until_metrics(server.admin_address(), failed).await;
}

#[test]
fn an_output_that_cannot_be_written_is_found_before_the_start_and_ends_it() {
    for (output, words) in [
        ("logs/decision", None),
        ("stdout", None),
        ("missing/decision", Some("No such file or directory")),
        ("/proc/decision", Some("No such file or directory")),
        ("none", Some("did you mean `log.levels.decision: none`?")),
        ("\"-\"", Some("did you mean `stdout`?")),
        ("STDOUT", Some("did you mean `stdout`?")),
        ("Stderr", Some("did you mean `stderr`?")),
        ("portcullis.yaml/decision", Some("Not a directory")),
        ("logs", Some("Is a directory")),
        ("\"\"", Some("does not name a file")),
        ("logs/", Some("does not name a file")),
    ] {
        let mut server = server(&setup(&format!("outputs: {{decision: {output}}}")));
        let checked = run(
            &["check", "--config", "portcullis.yaml"],
            server.folder.path(),
        );
        let said = text(&checked.stdout) + &text(&checked.stderr);
        match words {
            None => {
                assert_eq!(checked.status.code(), Some(0), "{said}");
                server.serves();
            }
            Some(words) => {
                assert_eq!(checked.status.code(), Some(1), "{output}: {said}");
                assert_eq!(server.ended().code(), Some(2), "{output}");
                for said in [said, server.stderr.now()] {
                    assert!(said.contains("log.outputs.decision"), "{output}: {said}");
                    assert!(said.contains(words), "{output}: {said}");
                }
            }
        }
    }
}

/// Lines in the journal would hide the revocations after them, and a file where the socket should be ends a start.
#[test]
fn what_a_gate_makes_for_itself_is_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("policy.yaml"), POLICY).unwrap();
    for output in [
        "gate.sock",
        "feed.snapshot",
        "feed.snapshot.journal",
        "feed.snapshot.new",
    ] {
        let config = format!(
            "version: 1\npolicy: [policy.yaml]\nlisteners: {{authz: {{address: \"unix:gate.sock\"}}}}\n\
             trust:\n- issuer: http://127.0.0.1:8080\n  audiences: [a]\n  algorithms: [ES256]\n  \
             feed: {{addresses: [\"http://127.0.0.1:9193\"], snapshot_file: feed.snapshot}}\n\
             log: {{outputs: {{service: {output}}}}}\n"
        );
        fs::write(path("portcullis.yaml"), config).unwrap();
        let checked = run(&["check", "--config", "portcullis.yaml"], folder.path());
        let said = text(&checked.stdout) + &text(&checked.stderr);
        assert_eq!(checked.status.code(), Some(1), "{said}");
        assert!(said.contains("lines of the log would spoil it"), "{said}");
        assert!(!path(output).exists(), "{said}");
    }
}

/// Lines in such a file would end the next reload, or be taken for a key.
#[test]
fn what_the_configuration_reads_is_no_output() {
    let mut extra =
        "shadow_policy: [tried]\nlog: {subject_key_file: key, outputs: {audit: \"OUTPUT\"}}"
            .to_owned();
    if cfg!(feature = "issuer") {
        extra += "\nissuer: {url: \"http://127.0.0.1:1\", address: \"127.0.0.1:0\", audiences: [orders-api], \
                  store: \"sqlite:store.db\", \
                  portal: {proxy: {url: \"https://api.shop.example\", ca_file: \"ca.pem\"}}}";
    }
    let setup = Setup {
        policy: Some(POLICY.to_owned()),
        extra,
        ..Setup::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_files(folder.path(), &setup, &TestIssuer::new("key-1"));
    fs::create_dir(path("tried")).unwrap();
    fs::write(path("tried/policy.yaml"), POLICY).unwrap();
    fs::write(path("tried/notes.txt"), "").unwrap();
    fs::write(path("ca.pem"), Authority::new("proxies").pem).unwrap();
    fs::write(path("key"), [7; 32]).unwrap();
    fs::set_permissions(path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("policy.yaml", path("link.log")).unwrap();
    std::os::unix::fs::symlink("tried", path("elsewhere")).unwrap();
    fs::hard_link(path("jwks.json"), path("hard.log")).unwrap();
    let config = fs::read_to_string(path("portcullis.yaml")).unwrap();
    let whole = path("policy.yaml").display().to_string();
    for (output, named) in [
        ("portcullis.yaml", Some("`--config`")),
        ("policy.yaml", Some("`policy`")),
        ("tried/../policy.yaml", Some("`policy`")),
        (&*whole, Some("`policy`")),
        ("link.log", Some("`policy`")),
        ("hard.log", Some("`trust[0]`")),
        ("jwks.json", Some("`trust[0]`")),
        ("tried/policy.yaml", Some("`shadow_policy`")),
        ("elsewhere/policy.yaml", Some("`shadow_policy`")),
        ("tried/later.yml", Some("`shadow_policy`")),
        ("key", Some("`log.subject_key_file`")),
        ("store.db", cfg!(feature = "issuer").then_some("`issuer`")),
        ("ca.pem", cfg!(feature = "issuer").then_some("`issuer`")),
        (
            "store.db-wal",
            cfg!(feature = "issuer").then_some("`issuer`"),
        ),
        ("tried/notes.txt", None),
        ("tried/later.log", None),
        ("policy.yaml.log", None),
    ] {
        fs::write(path("portcullis.yaml"), config.replace("OUTPUT", output)).unwrap();
        let checked = run(&["check", "--config", "portcullis.yaml"], folder.path());
        let said = text(&checked.stdout) + &text(&checked.stderr);
        let Some(named) = named else {
            assert_eq!(checked.status.code(), Some(0), "{output}: {said}");
            continue;
        };
        assert_eq!(checked.status.code(), Some(1), "{output}: {said}");
        let words = format!("is what {named} names");
        assert!(
            said.contains(&words) && said.contains("log.outputs.audit"),
            "{said}"
        );
        let served = run(&["serve", "--config", "portcullis.yaml"], folder.path());
        assert_eq!(
            served.status.code(),
            Some(2),
            "{output}: {}",
            text(&served.stderr)
        );
        assert!(text(&served.stderr).contains(&words), "{output}");
    }
}
