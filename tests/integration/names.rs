//! Names of scopes and roles: what can be created can be read, changed and deleted.

use serde_json::json;

use crate::issuer::error;
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};

/// A segment of a path: everything but unreserved characters (RFC 3986 section 2.3) is encoded.
fn segment(name: &str) -> String {
    let bytes = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}

#[tokio::test]
async fn whatever_can_be_created_can_be_addressed() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let characters = (0x21..=0x7e_u8).map(char::from);
    let mut names: Vec<String> = characters.map(|one| format!("a{one}b")).collect();
    let whole = [
        ".", "..", "...", "a/../b", "%2e", "%2e%2e", "a%2Fb", "..;", "/", "a.", ".a", "?", "#",
        "??", "?a", "#a", ".?", "..?", "?..", "..#", ".#x", "a?", "a#", "a?..",
    ];
    names.extend(whole.map(str::to_owned));
    let mut refused = Vec::new();
    for name in names {
        for kind in ["scope", "role"] {
            let body = match kind {
                "scope" => json!({"name": name, "description": ""}),
                _ => json!({"name": name, "scopes": []}),
            };
            let made = companion
                .post(&format!("/backend/{kind}"), &body, &admin)
                .await;
            let path = format!("/backend/{kind}/{}", segment(&name));
            if made.status == 400 {
                assert_eq!(error(&made).1, "invalid_scope", "{made:?}");
                refused.push(name.clone());
                // Nor can something that there is get such a name.
                let other = json!({"name": name});
                let there = match kind {
                    "scope" => "/backend/scope/orders.write",
                    _ => "/backend/role/administrator",
                };
                let renamed = companion.put(there, &other, &admin).await;
                assert_eq!(renamed.status, 400, "{renamed:?}");
                continue;
            }
            assert_eq!(made.status, 201, "{name}: {made:?}");
            let read = companion.get(&path, &admin).await;
            assert_eq!(read.status, 200, "{path}: {read:?}");
            assert_eq!(read.json()["name"], name);
            let changed = companion
                .put(&path, &json!({"name": "other"}), &admin)
                .await;
            assert_eq!(changed.status, 200, "{path}: {changed:?}");
            let back = format!("/backend/{kind}/other");
            let changed = companion.put(&back, &json!({"name": name}), &admin).await;
            assert_eq!(changed.status, 200, "{path}: {changed:?}");
            let deleted = companion.delete(&path, &admin).await;
            assert_eq!(deleted.status, 204, "{path}: {deleted:?}");
        }
    }
    refused.dedup();
    let expected = [
        "a\"b", "a%b", "a,b", "a/b", "a;b", "a\\b", ".", "..", "a/../b", "%2e", "%2e%2e", "a%2Fb",
        "..;", "/", "?", "#", "??", "?a", "#a", ".?", "..?", "?..", "..#", ".#x",
    ];
    assert_eq!(refused, expected);
}
