//! Passkeys in Chromium, with the authenticator of its developer tools.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use portcullis::clock::{Clock, ManualClock, SystemClock};
use serde_json::{Value, json};

use super::browser::{Ended, chromium};
use super::installed;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

/// More than the whole way through the pages takes on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(3);

/// Makes a passkey, logs in by it after the password, alone, and by a recovery code; the pages have no fault.
#[tokio::test]
async fn chromium_makes_and_uses_a_passkey() {
    for language in ["en", "de"] {
        // No browser makes passkeys for an address.
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let companion = TestCompanion::reachable_as("localhost", Some(Arc::clone(&clock))).await;
        companion.register("alice").await;
        let link = reset_link(&companion);
        let Some(seen) = walk(&companion, language, "user", (&link, &clock)).await else {
            return;
        };
        assert_eq!(seen["codes"], 10);
        assert_eq!(seen["named"], "my phone");
        let ways = ["second", "alone", "recovery"];
        for way in ways {
            assert_eq!(seen[way], "/portal/passkeys", "{way}: {seen}");
        }
        assert_eq!(
            seen["half"], "/portal/log-in",
            "half logged in is not logged in"
        );
        assert_eq!(seen["left"], "9");
        assert_eq!(seen["proof"], 10, "codes, after a proof by passkey");
    }
}

#[tokio::test]
async fn chromium_makes_the_first_passkey_of_whoever_must_have_one() {
    for language in ["en", "de"] {
        let keys = ", passkeys: {required_for: administrators}";
        let companion = TestCompanion::bare_at("localhost", keys);
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let Some(seen) = walk(&companion, language, "administrator", ("", &clock)).await else {
            return;
        };
        assert_eq!(seen["codes"], 10);
        assert_eq!(seen["first"], "/portal/passkeys", "{seen}");
    }
}

/// What is seen on the way; none where there is no browser.
async fn walk(
    companion: &TestCompanion,
    language: &str,
    step: &str,
    (link, clock): (&str, &Arc<ManualClock>),
) -> Option<Value> {
    let (folder, chromium) = (installed("node")?, chromium()?);
    let issuer = format!("http://localhost:{}", companion.address.port());
    let mut command = Command::new("node");
    command
        .arg(folder.join("passkeys.mjs"))
        .env("ISSUER", issuer)
        .env("CHROMIUM", &chromium)
        .env("LANGUAGE", language)
        .env("STEP", step)
        .env("RESET", link)
        .env("PASSWORD", PASSWORD)
        .env("ADMIN_PASSWORD", ADMIN_PASSWORD);
    let clock = Arc::clone(clock);
    let seen = tokio::task::spawn_blocking(move || run(&mut command, &clock));
    let seen = seen.await.unwrap();
    assert_eq!(seen["faults"], json!([]));
    for told in seen["told"].as_array().unwrap() {
        let told = told.as_str().unwrap();
        // The page behind a link for another password does not say whose it is.
        // Nor does a field take the focus from one that somebody has gone to.
        let expected = ["status of 403", "username fields", "Autofocus processing"];
        let is_expected = expected.iter().any(|words| told.contains(words));
        assert!(is_expected, "{told}");
    }
    Some(seen)
}

/// Runs the script, and lets six minutes pass when it says so; gives back what it has seen.
fn run(command: &mut Command, clock: &ManualClock) -> Value {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = Ended(command.spawn().unwrap());
    let mut lines = BufReader::new(node.0.stdout.take().unwrap()).lines();
    let (sender, received) = mpsc::channel();
    // Ends with the script, which `Ended` sees to.
    thread::spawn(move || lines.try_for_each(|line| sender.send(line.unwrap())));
    let deadline = Instant::now() + TIMEOUT;
    let next = || {
        let left = deadline.saturating_duration_since(Instant::now());
        match received.recv_timeout(left) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the script did not end in {TIMEOUT:?}"),
        }
    };
    let mut text = next().unwrap_or_default();
    if text == "later" {
        clock.advance(360);
        writeln!(node.0.stdin.take().unwrap()).unwrap();
        text = next().unwrap_or_default();
    }
    while let Some(line) = next() {
        text.push_str(&line);
    }
    assert!(node.0.wait().unwrap().success(), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A link for another password of alice's.
fn reset_link(companion: &TestCompanion) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["user", "reset-link", "alice", "--config", "portcullis.yaml"])
        .args(["--format", "json"])
        .current_dir(companion.gate.folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["link"].as_str().unwrap().to_owned()
}
