//! What owners say of their apps, by which they tell secrets apart, and which apps administrators look for.

use portcullis::clock::Clock;
use serde_json::{Value, json};

use super::{client, form, in_german, log_in, new_app, page, send, sign_up, with_clock};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

const DESCRIPTION: &str = "B\u{fc}cher & <b>mehr</b>\r\nseit 1999";
const LINK: &str = "https://shop.example/?a=1&b=2#about";
const SHOWN_LINK: &str = "<a href=\"https://shop.example/?a=1&amp;b=2#about\" \
                          rel=\"noopener noreferrer nofollow\">https://shop.example/?a=1&amp;b=2#about</a>";

#[tokio::test]
async fn a_description_and_a_link_are_seen_by_the_owner_and_by_administrators() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop")
        .await
        .with("description", DESCRIPTION)
        .with("link", "javascript:alert(1)");
    let refused = alice.submit(&filled).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let told = "An app&#39;s link is absolute";
    assert!(refused.body.contains(told), "{refused:?}");
    // What was typed stays, and is open to be seen.
    let kept = form(&refused, "/portal/apps/new")
        .with("name", "web-shop")
        .with("extent", "all")
        .with("description", DESCRIPTION)
        .with("link", LINK);
    assert!(refused.body.contains("<details open>"), "{refused:?}");
    let app = send(&mut alice, &kept).await;
    let text = "<p class=\"described\">B\u{fc}cher &amp; &lt;b&gt;mehr&lt;/b&gt;\nseit 1999</p>";
    let key = client(&app).key;
    let own = format!("/portal/apps/{key}");
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let panel = format!("/panel/apps/{key}");
    for shown in [page(&mut alice, &own).await, page(&mut admin, &panel).await] {
        assert!(shown.body.contains(text), "{shown:?}");
        assert!(shown.body.contains(SHOWN_LINK), "{shown:?}");
    }
    let short = "<span class=\"hint\">B\u{fc}cher &amp; &lt;b&gt;mehr&lt;/b&gt;\u{2026}</span>";
    for list in [
        page(&mut alice, "/portal/apps").await,
        page(&mut admin, "/panel/apps").await,
    ] {
        assert!(list.body.contains(short), "{list:?}");
        assert!(!list.body.contains("shop.example/?a"), "{list:?}");
    }

    let edit = format!("{own}/edit");
    let empty = form(&page(&mut alice, &edit).await, &edit)
        .with("name", "web-shop")
        .with("extent", "all")
        .with("description", "")
        .with("link", "");
    let changed = send(&mut alice, &empty).await;
    assert!(!changed.body.contains("described"), "{changed:?}");
    let audit = page(&mut admin, "/panel/audit").await;
    assert!(audit.body.contains("description; link"), "{audit:?}");
    assert!(!audit.body.contains("seit 1999"), "{audit:?}");
}

#[tokio::test]
async fn endpoints_take_and_give_the_words_of_an_app_without_a_fresh_login() {
    let (companion, clock) = with_clock().await;
    let alice = companion.register("alice").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let wanted = json!({"name": "web-shop", "description": "Our shop", "link": LINK});
    let made = companion.post("/consumer/app", &wanted, &alice).await;
    assert_eq!(made.status, 201, "{made:?}");
    let key = made.json()["app_key"].as_str().unwrap().to_owned();
    let (own, backend) = (
        format!("/consumer/app/{key}"),
        format!("/backend/app/{key}"),
    );
    let words = |app: &Value| (app["description"].clone(), app["link"].clone());
    assert_eq!(words(&made.json()), (json!("Our shop"), json!(LINK)));
    clock.advance(301);
    let change = json!({"description": " a\r\nb ", "link": ""});
    let changed = companion.put(&own, &change, &alice).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(words(&changed.json()), (json!("a\nb"), Value::Null));
    let change = json!({"link": LINK});
    let changed = companion.put(&backend, &change, &admin).await;
    assert_eq!(words(&changed.json()), (json!("a\nb"), json!(LINK)));
    for (change, reason) in [
        (
            json!({"description": "a\u{202e}b"}),
            "nothing that cannot be seen",
        ),
        (
            json!({"description": "x".repeat(501)}),
            "at most 500 characters",
        ),
        (
            json!({"link": "http://shop.example/"}),
            "an app's link is absolute",
        ),
        (
            json!({"link": "https://alice@shop.example/"}),
            "without a user",
        ),
        (json!({"link": null}), "null"),
    ] {
        let refused = companion.put(&own, &change, &alice).await;
        assert_eq!(refused.status, 400, "{change}: {refused:?}");
        assert!(refused.body.contains(reason), "{change}: {refused:?}");
    }
}

#[tokio::test]
async fn a_secret_is_told_by_its_last_four_characters() {
    let (companion, clock) = with_clock().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let path = format!("/portal/apps/{}", app.key);
    let end = |secret: &str| secret[secret.len() - 4..].to_owned();
    let first = end(&app.secret);
    let shown = |end: &str| format!("<code>\u{2026}{end}</code>");
    // Whoever was told the secret may see it once more; anybody else, its end.
    let mut alice = log_in(&companion, "alice", PASSWORD).await;
    let one = page(&mut alice, &path).await;
    assert!(one.body.contains(&shown(&first)), "{one:?}");
    assert!(!one.body.contains(&app.secret), "{one:?}");

    let rotate = format!("{path}/rotate");
    let filled = form(&page(&mut alice, &rotate).await, &rotate).with("earlier", "later");
    let second = end(&client(&send(&mut alice, &filled).await).secret);
    assert_ne!(first, second);
    let mut alice = log_in(&companion, "alice", PASSWORD).await;
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let panel = format!("/panel/apps/{}", app.key);
    for one in [
        page(&mut alice, &path).await,
        page(&mut admin, &panel).await,
    ] {
        for end in [&first, &second] {
            assert!(one.body.contains(&shown(end)), "{end}: {one:?}");
        }
    }
    let (own, all) = (
        companion.login("alice", PASSWORD).await,
        companion.login("admin", ADMIN_PASSWORD).await,
    );
    let now = clock.now().0;
    for (path, token) in [
        (format!("/consumer/app/{}", app.key), &own),
        (format!("/backend/app/{}", app.key), &all),
    ] {
        let secrets = companion.get(&path, token).await.json()["secrets"].clone();
        assert_eq!(secrets[0]["ends_with"], json!(second), "{secrets}");
        assert_eq!(secrets[0]["expires_at"], Value::Null, "{secrets}");
        assert_eq!(secrets[1]["ends_with"], json!(first), "{secrets}");
        assert!(secrets[1]["expires_at"].as_i64() > Some(now), "{secrets}");
        assert_eq!(secrets[2], Value::Null);
    }
    // Nobody else learns of it.
    let listed = companion.get("/consumer/app", &own).await;
    assert_eq!(listed.json()["items"][0].get("secrets"), None);
    let bobby = companion.register("bobby").await;
    let path = format!("/consumer/app/{}", app.key);
    assert_eq!(companion.get(&path, &bobby).await.status, 404);
}

/// A year after `first`, `second` and `third` were made: `first` has a new secret, `second` is disabled, and `fresh`
/// is new.
async fn a_year_later() -> (TestCompanion, String) {
    let (companion, clock) = with_clock().await;
    let alice = companion.register("alice").await;
    let mut keys = Vec::new();
    for name in ["first", "second", "third"] {
        let app = json!({"name": name});
        let made = companion.post("/consumer/app", &app, &alice).await;
        keys.push(made.json()["app_key"].as_str().unwrap().to_owned());
    }
    clock.advance(366 * 86_400);
    let alice = companion.login("alice", PASSWORD).await;
    let app = json!({"name": "fresh"});
    let made = companion.post("/consumer/app", &app, &alice).await;
    assert_eq!(made.status, 201, "{made:?}");
    let rotate = format!("/consumer/app/{}/rotate_secret", keys[0]);
    let rotated = companion.post(&rotate, &json!({}), &alice).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let disabled = format!("/backend/app/{}", keys[1]);
    let status = json!({"status": "disabled"});
    let disabled = companion.put(&disabled, &status, &admin).await;
    assert_eq!(disabled.status, 200, "{disabled:?}");
    (companion, admin)
}

#[tokio::test]
async fn administrators_find_apps_that_nobody_uses_and_secrets_that_are_old() {
    let (companion, admin) = a_year_later().await;
    let mut browser = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    for (query, expected) in [
        ("", "first fresh second third"),
        ("unused_days=90", "first second third"),
        ("unused_days=367", ""),
        ("secret_days=365", "second third"),
        ("secret_days=365&status=active", "third"),
        ("unused_days=90&status=disabled&owner=alice", "second"),
        (
            "unused_days=&secret_days=&status=",
            "first fresh second third",
        ),
    ] {
        let listed = companion
            .get(&format!("/backend/app?{query}"), &admin)
            .await;
        let items = listed.json()["items"].as_array().unwrap().clone();
        let names = items
            .iter()
            .map(|app| app["name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        assert_eq!(names.join(" "), expected, "{query}");
        let shown = page(&mut browser, &format!("/panel/apps?{query}")).await;
        let all = ["first", "second", "third", "fresh"];
        for name in all {
            let is_there = shown.body.contains(&format!("\">{name}</a>"));
            assert_eq!(
                is_there,
                names.iter().any(|one| one == name),
                "{query}: {name}"
            );
        }
    }
}

#[tokio::test]
async fn the_filters_of_apps_stay_from_page_to_page_and_are_checked() {
    let (companion, admin) = a_year_later().await;
    let mut browser = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let path = "/panel/apps?limit=1&unused_days=90&secret_days=365";
    let first = page(&mut browser, path).await;
    let (_, rest) = first.body.split_once("rel=\"next\"").unwrap_or_default();
    assert!(!rest.is_empty(), "{first:?}");
    let link = first
        .body
        .split("href=\"")
        .find(|rest| rest.contains("after="));
    let link = link
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .replace("&#38;", "&");
    let link = link.replace("&amp;", "&");
    assert!(link.ends_with("&unused_days=90&secret_days=365"), "{link}");
    let second = page(&mut browser, &link).await;
    for ticked in [
        "name=\"unused_days\" value=\"90\" checked",
        "name=\"secret_days\" value=\"365\" checked",
    ] {
        assert!(second.body.contains(ticked), "{ticked}: {second:?}");
    }
    assert!(second.body.contains(">366 days old<"), "{second:?}");
    let german = in_german(&companion, &browser, path).await;
    for told in [
        "Seit 90 Tagen nicht benutzt",
        "Geheimnis älter als 365 Tage",
        ">366 Tage alt<",
    ] {
        assert!(german.body.contains(told), "{told}: {german:?}");
    }
    for (query, reason) in [
        ("unused_days=0", "it is a number from 1 to 3650"),
        ("secret_days=3651", "it is a number from 1 to 3650"),
        ("secret_days=a", "it is a number from 1 to 3650"),
        ("status=gone", "it is `active` or `disabled`"),
        ("unused=90", "unknown parameter"),
    ] {
        let refused = companion
            .get(&format!("/backend/app?{query}"), &admin)
            .await;
        assert_eq!(refused.status, 400, "{query}: {refused:?}");
        assert!(refused.body.contains(reason), "{query}: {refused:?}");
        let refused = browser.get(&format!("/panel/apps?{query}")).await;
        assert_eq!(refused.status, 400, "{query}: {refused:?}");
    }
}
