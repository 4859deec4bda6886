//! The authorization code flow as its users see it: an OAuth2 library, and Chromium between it and
//! the issuer's pages.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use serde_json::{Value, json};

use super::{Scene, installed, skip};
use crate::test_companion::PASSWORD;

/// Nothing listens there: the browser's test answers for the app.
const CALLBACK: &str = "http://127.0.0.1:49152/callback";

#[tokio::test]
async fn openid_client_gets_a_code_through_chromium() {
    gets_a_code("openid_client.mjs").await;
}

#[tokio::test]
async fn oauth4webapi_gets_a_code_through_chromium() {
    gets_a_code("oauth4webapi_client.mjs").await;
}

/// Whoever ends a script, as a test does that fails, leaves no browser behind.
#[tokio::test]
async fn chromium_ends_with_its_script() {
    let (Some(folder), Some(chromium)) = (installed("node"), chromium()) else {
        return;
    };
    let mut script = Command::new("node");
    script
        .arg(folder.join("idle.mjs"))
        .env("CHROMIUM", chromium);
    let id = tokio::task::spawn_blocking(move || {
        let mut node = Ended(script.stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(node.0.stdout.take().unwrap()).lines();
        let id: u32 = lines.next().unwrap().unwrap().parse().unwrap();
        assert!(is_running(id));
        id
    });
    let id = id.await.unwrap();
    let ended = async {
        while is_running(id) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
    ended.expect("Chromium ends with its script");
}

/// Whether there is such a process, and not only what its parent has not asked for yet.
fn is_running(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

async fn gets_a_code(script: &str) {
    let (Some(folder), Some(chromium)) = (installed("node"), chromium()) else {
        return;
    };
    let mut scene = Scene::open().await;
    let token = scene.companion.login("alice", PASSWORD).await;
    scene.app = scene
        .companion
        .web_app(&token, "browser-app", &[CALLBACK])
        .await;

    let mut app = scene.command(Path::new("node"));
    app.arg(folder.join(script)).arg("code");
    app.env("REDIRECT_URI", CALLBACK);
    let mut user = scene.command(Path::new("node"));
    user.arg(folder.join("chromium.mjs"))
        .env("CHROMIUM", chromium)
        .env("REDIRECT_URI", CALLBACK)
        .env("USERNAME", "alice")
        .env("PASSWORD", PASSWORD);
    let flow = tokio::task::spawn_blocking(move || flow(app, user));
    let (seen, got) = flow.await.unwrap();
    assert_eq!(seen["wrong"], "The name or the password is wrong.");
    assert_eq!(seen["asked"], "Allow browser-app to act for you?");
    let wrong = "Failed to load resource: the server responded with a status of 401 (Unauthorized)";
    let told = json!([wrong]);
    assert_eq!(
        seen["told"], told,
        "of the wrong password, and of nothing else"
    );
    let expected = json!({"status": 200, "scope": "orders.read", "refreshed": true});
    assert_eq!(got, expected);
}

/// What the user saw, and what the app got.
fn flow(mut app: Command, mut user: Command) -> (Value, Value) {
    let app = app
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut app = Ended(app);
    let mut lines = BufReader::new(app.0.stdout.take().unwrap()).lines();
    let mut line = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let url = line()["open"].as_str().unwrap().to_owned();
    let output = user.env("OPEN", url).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut stdin = app.0.stdin.take().unwrap();
    writeln!(stdin, "{}", seen["callback"].as_str().unwrap()).unwrap();
    drop(stdin);
    let got = line();
    (seen, got)
}

/// A child that does not outlive its test; nor does the Chromium that it has started, to which it has a pipe.
pub(super) struct Ended(pub(super) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first in `PATH`, where `scripts/check` looks as well; none where it is not installed, which is told. See
/// [`skip`].
pub(super) fn chromium() -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let mut candidates = env::split_paths(&folders).map(|folder| folder.join("chromium"));
    let found = candidates.find(|path| path.is_file());
    if found.is_none() {
        skip("chromium is not installed (`make browser` installs it)");
    }
    found
}
