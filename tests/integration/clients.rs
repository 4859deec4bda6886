//! OAuth2 libraries as their users have them: each gets a token from the issuer, refreshes it, and
//! calls through Envoy with it.

mod browser;
mod passkeys;
mod portal;
mod rust;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST};
use crate::test_companion::{TestClient, TestCompanion};
use crate::upstream::Upstream;

/// An issuer with an app, and an Envoy whose gate trusts its tokens.
struct Scene {
    companion: TestCompanion,
    app: TestClient,
    resource: String,
    envoy: Envoy,
    _upstream: Upstream,
}

impl Scene {
    async fn open() -> Self {
        // The portal of the issuer sends what its users try out through Envoy.
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let front = held.local_addr().unwrap();
        let described = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/openapi/trial.yaml"
        );
        let logo = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/logo.svg");
        let keys = format!(
            ", portal: {{title: Shop API, accent: \"#7a1f5c\", logo_file: \"{logo}\", \
             proxy: {{url: \"http://{front}\"}}, openapi_files: [\"{described}\"]}}"
        );
        let companion = TestCompanion::bare_at("127.0.0.1", &keys);
        companion.furnish().await;
        let alice = companion.register("alice").await;
        let app = companion.app(&alice, "web-shop").await;
        let upstream = Upstream::start().await;
        let gate = companion.gate.app.authz_address();
        let door = Door::new("door", gate, HeaderEncoding::Raw).at(front.port());
        // Held until all others have their ports.
        drop(held);
        let envoy = Envoy::start(NEWEST, &[door], upstream.address).await;
        Self {
            resource: format!("http://{}/orders/1", envoy.address("door")),
            companion,
            app,
            envoy,
            _upstream: upstream,
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("ISSUER", format!("http://{}", self.companion.address))
            .env("APP_KEY", &self.app.key)
            .env("APP_SECRET", &self.app.secret)
            .env("RESOURCE", &self.resource)
            // The libraries insist on https, which a loopback address can do without.
            .env("OAUTHLIB_INSECURE_TRANSPORT", "1")
            .env("AUTHLIB_INSECURE_TRANSPORT", "1")
            .stdin(Stdio::null());
        command
    }

    /// What the client found, which it prints as JSON.
    async fn run(&self, mut command: Command) -> Value {
        let output = tokio::task::spawn_blocking(move || command.output());
        let Output {
            status,
            stdout,
            stderr,
        } = output.await.unwrap().unwrap();
        let told = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{told}");
        serde_json::from_slice(&stdout).unwrap()
    }

    /// A client in this language gets a token, refreshes it, and is let through.
    async fn serves(&self, folder: &Path, program: &str, arguments: &[&str]) {
        let mut command = self.command(&folder.join(program));
        command.args(arguments);
        let found = self.run(command).await;
        let expected = json!({"status": 200, "scope": "orders.read", "refreshed": true});
        assert_eq!(found, expected, "{program} {arguments:?}");
    }
}

/// The folder of a language's libraries; none where the language is not installed, which is told. See [`skip`].
fn installed(language: &str) -> Option<PathBuf> {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    INSTALLED.get_or_init(|| {
        let done = Command::new(checkout.join("scripts/install-clients")).status();
        assert!(done.unwrap().success());
    });
    let folder = checkout.join(".tools/clients").join(language);
    let found = folder.join("installed").exists();
    if !found {
        skip(&format!("{language} is not installed"));
    }
    found.then_some(folder)
}

/// Tells that a test is skipped, which fails under CI: there everything is installed, and a test that is skipped
/// would say nothing for ever.
pub(crate) fn skip(reason: &str) {
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!is_ci, "under CI nothing is skipped: {reason}");
    eprintln!("skipped: {reason}");
}

#[tokio::test]
async fn clients_in_python_are_served() {
    let Some(folder) = installed("python") else {
        return;
    };
    let scene = Scene::open().await;
    for script in ["authlib_client.py", "requests_oauthlib_client.py"] {
        let script = source("python", script);
        scene.serves(&folder, "bin/python", &[&script]).await;
    }
}

#[tokio::test]
async fn clients_in_node_are_served() {
    let Some(folder) = installed("node") else {
        return;
    };
    let scene = Scene::open().await;
    for script in [
        "openid_client.mjs",
        "oauth4webapi_client.mjs",
        "simple_oauth2_client.mjs",
    ] {
        let script = folder.join(script);
        let script = script.to_str().unwrap();
        // Found in PATH: an absolute path replaces what it is joined to.
        scene.serves(Path::new(""), "node", &[script]).await;
    }
}

#[tokio::test]
async fn the_client_in_go_is_served() {
    let Some(folder) = installed("go") else {
        return;
    };
    Scene::open().await.serves(&folder, "client", &[]).await;
}

#[tokio::test]
async fn curl_is_served() {
    let scene = Scene::open().await;
    let token = |form: String| {
        let mut command = scene.command(Path::new("curl"));
        command
            .args(["--silent", "--show-error", "--fail-with-body", "--user"])
            .arg(format!("{}:{}", scene.app.key, scene.app.secret))
            .args(["--data", &form])
            .arg(format!(
                "http://{}/authorization/token",
                scene.companion.address
            ));
        scene.run(command)
    };
    let first = token("grant_type=client_credentials".to_owned()).await;
    let refresh_token = first["refresh_token"].as_str().unwrap();
    let second = token(format!(
        "grant_type=refresh_token&refresh_token={refresh_token}"
    ))
    .await;
    let mut call = scene.command(Path::new("curl"));
    let token = second["access_token"].as_str().unwrap();
    call.args([
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    ])
    .args(["--header", &format!("authorization: Bearer {token}")])
    .arg(&scene.resource);
    assert_eq!(scene.run(call).await, 200);
}

fn source(language: &str, script: &str) -> String {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = checkout.join("tests/clients").join(language).join(script);
    path.to_str().unwrap().to_owned()
}
