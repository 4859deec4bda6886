//! The issuer, asked whatever its OpenAPI document lets a machine think of.
//!
//! schemathesis makes requests from the document, right ones and wrong ones, each time the same. None
//! may end in a server error, and each answer must be one that the document has.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance";

/// Makes requests with further `arguments` and fails where one is not answered as it should be.
fn run(companion: &TestCompanion, arguments: &[&str]) {
    let base = format!("http://{}", companion.address);
    // Leaves files where it runs.
    let folder = tempfile::tempdir().unwrap();
    let ran = Command::new(program())
        .arg("run")
        .arg(format!("{base}/openapi.json"))
        .args(["--url", &base, "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "25", "--request-timeout", "20"])
        .args(["--suppress-health-check", "all", "--no-shrink"])
        .args(["--generation-deterministic", "--continue-on-failure"])
        .arg("--no-color")
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{complained}");
    // It could make requests of what it found.
    assert!(said.contains(" generated"), "{said}");
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = root.join("scripts/install-schemathesis");
        let installed = Command::new(script).output().unwrap();
        let complained = String::from_utf8_lossy(&installed.stderr);
        assert!(installed.status.success(), "{complained}");
        PathBuf::from(String::from_utf8(installed.stdout).unwrap().trim())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_administrator_sends_breaks_it() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let header = format!("Authorization: Bearer {admin}");
    run(&companion, &["--header", &header]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_app_sends_breaks_it() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let credentials = format!("{}:{}", app.key, app.secret);
    let arguments = ["--include-tag", "authorization", "--auth", &credentials];
    run(&companion, &arguments);
}
