//! Passkeys in Chromium, with the authenticator of its developer tools.

use std::process::Command;

use serde_json::{Value, json};

use super::browser::chromium;
use super::installed;
use crate::test_companion::{PASSWORD, TestCompanion};

/// Makes a passkey, logs in by it after the password, alone, and by a recovery code; the pages have no fault.
#[tokio::test]
async fn chromium_makes_and_uses_a_passkey() {
    for language in ["en", "de"] {
        let (Some(folder), Some(chromium)) = (installed("node"), chromium()) else {
            return;
        };
        // No browser makes passkeys for an address.
        let companion = TestCompanion::reachable_as("localhost").await;
        companion.register("alice").await;
        let issuer = format!("http://localhost:{}", companion.address.port());
        let mut command = Command::new("node");
        command
            .env("ISSUER", issuer)
            .arg(folder.join("passkeys.mjs"))
            .env("CHROMIUM", &chromium)
            .env("LANGUAGE", language)
            .env("PASSWORD", PASSWORD);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.unwrap().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(seen["faults"], json!([]));
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
        for told in seen["told"].as_array().unwrap() {
            let told = told.as_str().unwrap();
            assert!(told.contains("status of 403"), "{told}");
        }
    }
}
