//! What administrators ask and end: who may send what, who did what, and whose tokens end.

use portcullis::clock::{Clock, SystemClock};
use portcullis::identity::Username;
use portcullis::store::{AuditActor, AuditRecord, Committed, Store};
use serde_json::json;

use super::administrator;
use crate::portal::{client, in_german, log_in, new_app, page, send, sign_up};
use crate::test_app::{POLICY, Setup};
use crate::test_browser::form;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, setup, sqlite};

#[tokio::test]
async fn the_audit_says_who_did_what_to_which() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let mut admin = administrator(&companion).await;
    let path = format!("/panel/apps/{}/status", app.key);
    let disable = form(&page(&mut admin, &path).await, &path);
    send(&mut admin, &disable).await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;

    let audit = companion.get("/backend/audit?limit=3", &token).await.json();
    let told = |index: usize| {
        let entry = &audit["items"][index];
        ["actor", "action", "object_kind", "object_title", "change"]
            .map(|member| entry[member].clone())
    };
    assert_eq!(
        told(0),
        ["admin", "changed", "app", "Web shop", "status disabled"].map(|text| json!(text))
    );
    assert_eq!(
        told(1)[..4],
        ["alice", "added", "app", "Web shop"].map(|text| json!(text))
    );
    assert_eq!(
        told(2)[..4],
        ["alice", "registered", "user", "alice"].map(|text| json!(text))
    );
    let after = audit["next"].as_str().unwrap();
    let path = format!("/backend/audit?after={after}&search=orders&object_kind=scope");
    let earlier = companion.get(&path, &token).await.json();
    assert_eq!(
        earlier["items"][0]["object_name"], "orders.write",
        "{earlier}"
    );
    assert_eq!(
        earlier["items"][1]["object_name"], "orders.read",
        "{earlier}"
    );
    let wrong = companion.get("/backend/audit?after=x", &token).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");

    let seen = page(&mut admin, "/panel/audit?search=web").await;
    assert!(
        seen.body.contains("Web shop") && !seen.body.contains(">registered</td>"),
        "{seen:?}"
    );
    let seen = page(&mut admin, "/panel/audit?search=ALICE").await;
    assert!(seen.body.contains("registered"), "{seen:?}");
    let delete = "/panel/users/alice/delete";
    let delete = form(&page(&mut admin, delete).await, delete);
    send(&mut admin, &delete).await;
    let gone = companion.get("/backend/audit?limit=1", &token).await.json();
    assert_eq!(gone["items"][0]["action"], "deleted");
    assert_eq!(gone["items"][0]["object_title"], "alice");
    assert_eq!(
        gone["items"][0]["change"],
        "roles consumer; status active; apps 1"
    );
    // What she did is still hers, and the page says that she is gone.
    let path = "/backend/audit?actor=alice&action=registered";
    let hers = companion.get(path, &token).await.json();
    assert_eq!(hers["items"][0]["actor"], "alice", "{hers}");
    let seen = page(&mut admin, "/panel/audit?object=alice&object_kind=user").await;
    assert!(seen.body.contains("alice (deleted)"), "{seen:?}");
    let german = in_german(&companion, &admin, "/panel/audit?action=deleted").await;
    for told in ["gelöscht", "Rollen: consumer; Status aktiv; Apps: 1"] {
        assert!(german.body.contains(told), "{told}: {german:?}");
    }
}

#[tokio::test]
async fn the_audit_is_exported_whole_and_without_formulas() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    companion.app(&alice, "+1 \u{c4}pfel").await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let csv = companion
        .get("/backend/audit/export?format=csv&search=%C3%A4pfel", &token)
        .await;
    assert_eq!(
        csv.header("content-type"),
        Some("text/csv; charset=utf-8; header=present")
    );
    let lines: Vec<&str> = csv.body.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "\"position\",\"done_at\",\"time\",\"actor_kind\",\"actor\",\"actor_id\",\"action\",\"object_kind\",\
         \"object_name\",\"object_title\",\"change\""
    );
    assert!(
        lines[1].contains(",\"alice\",") && lines[1].contains(",\"'+1 \u{c4}pfel\","),
        "{csv:?}"
    );
    assert_eq!((lines.len(), lines[2]), (3, ""), "{csv:?}");
    for (query, expected) in [
        ("", "`format` is missing"),
        (
            "?format=xml",
            "`format` is not valid: it is `csv` or `jsonl`",
        ),
        ("?format=csv&after=x", "`after` is not valid"),
        ("?format=csv&limit=1", "unknown parameter: `limit`"),
    ] {
        let path = format!("/backend/audit/export{query}");
        let wrong = companion.get(&path, &token).await;
        assert_eq!(wrong.status, 400, "{query}: {wrong:?}");
        assert!(wrong.body.contains(expected), "{query}: {wrong:?}");
    }
    // With the session of a browser, and the link of a page.
    let mut admin = administrator(&companion).await;
    let seen = page(&mut admin, "/panel/audit?search=%C3%A4pfel").await;
    let path = "/panel/audit/export?format=jsonl&#38;search=%C3%A4pfel";
    assert!(seen.body.contains(&format!("href=\"{path}\"")), "{seen:?}");
    let file = admin.get(&path.replace("&#38;", "&")).await;
    let entry: serde_json::Value = serde_json::from_str(file.body.trim_end()).unwrap();
    assert_eq!(entry["object_title"], "+1 \u{c4}pfel");
    // Both kinds of files say when in the same two ways.
    let time = entry["time"].as_str().unwrap();
    let times = format!(",\"{}\",\"{time}\",\"user\",\"alice\",", entry["done_at"]);
    assert!(
        lines[1].contains(&times) && time.ends_with('Z'),
        "{times}: {csv:?}"
    );

    // More than one file takes.
    sqlx::any::install_default_drivers();
    let url = crate::test_companion::sqlite(companion.path());
    let url = url.replacen("sqlite:", "sqlite://", 1);
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let text = "WITH RECURSIVE numbers (number) AS \
                (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 100001) \
                INSERT INTO audit (position, done_at, expires_at, actor, action, object_kind, \
                object_name, change) SELECT 1000 + number, 0, 9223372036854775807, '', 'added', 'role', \
                'mass', '' FROM numbers";
    sqlx::query(text).execute(&pool).await.unwrap();
    pool.close().await;
    let file = async |after: &str| {
        // Longer than what the client of the other tests reads.
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--fail", "--max-time", "60", "--header"])
            .arg(format!("authorization: Bearer {token}"))
            .arg(format!(
                "http://{}/backend/audit/export?format=jsonl&search=mass{after}",
                companion.address
            ));
        let output = tokio::task::spawn_blocking(move || curl.output());
        let output = output.await.unwrap().unwrap();
        assert!(output.status.success(), "{output:?}");
        let file = String::from_utf8(output.stdout).unwrap();
        let position = |line: &str| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["position"].as_i64().unwrap()
        };
        file.lines().map(position).collect::<Vec<_>>()
    };
    let first = file("").await;
    let expected: Vec<i64> = (1002..=101_001).rev().collect();
    assert!(first == expected, "{} entries", first.len());
    assert_eq!(file("&after=1002").await, [1001]);
}

#[tokio::test]
async fn tokens_are_taken_back_after_it_is_said_whose() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let mut admin = administrator(&companion).await;
    let path = "/panel/revoke";
    let empty = form(&page(&mut admin, path).await, path);
    for (kind, name, status) in [
        ("user", "nobody", 404),
        ("app", "nothing", 404),
        ("", "alice", 400),
        ("user", "", 400),
    ] {
        let wrong = empty.clone().with("kind", kind).with("name", name);
        let refused = admin.submit(&wrong).await;
        assert_eq!(refused.status, status, "{kind} {name}: {refused:?}");
        assert!(refused.body.contains("role=\"alert\""), "{refused:?}");
    }
    for (kind, name, told) in [
        ("app", app.key.as_str(), "App: Web shop, owner alice"),
        ("everyone", "", "yours as well"),
    ] {
        let token = companion.tokens(&app).await.access;
        let asked = admin
            .submit(&empty.clone().with("kind", kind).with("name", name))
            .await;
        assert_eq!(asked.status, 200, "{asked:?}");
        assert!(asked.body.contains(told), "{asked:?}");
        assert!(asked.body.contains("This concerns"), "{asked:?}");
        assert!(
            asked.body.contains("<button class=\"danger\">"),
            "{asked:?}"
        );
        assert_eq!(
            companion.check("GET", "/orders/1", &token).await,
            200,
            "nothing yet"
        );
        let mut confirmed = form(&asked, path);
        assert_eq!(asked.body.contains("name=\"typed\""), kind == "everyone");
        if kind == "everyone" {
            assert!(
                asked.body.contains("Revoke everybody&#39;s tokens?"),
                "{asked:?}"
            );
            // Everybody's take a word.
            for word in ["", "alice"] {
                let untyped = admin.submit(&confirmed.clone().with("typed", word)).await;
                assert_eq!(untyped.status, 400, "{untyped:?}");
                assert!(untyped.body.contains("role=\"alert\""), "{untyped:?}");
                confirmed = form(&untyped, path);
            }
            confirmed = confirmed.with("typed", "Alle");
        }
        assert_eq!(
            companion.check("GET", "/orders/1", &token).await,
            200,
            "still nothing"
        );
        let answer = admin.submit(&confirmed).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(
            companion.check("GET", "/orders/1", &token).await,
            401,
            "{kind}"
        );
    }
    assert_eq!(
        admin.get(path).await.status,
        303,
        "everybody's sessions have ended"
    );
    assert_eq!(alice.get("/portal/apps").await.status, 303);
}

#[tokio::test]
async fn the_gate_says_why_in_the_language_of_the_reader() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let token = companion.login("alice", PASSWORD).await;
    let own = format!("/consumer/app/{}", app.key);
    let disabled = companion
        .put(&own, &json!({"status": "disabled"}), &token)
        .await;
    assert_eq!(disabled.status, 200, "{disabled:?}");
    let mut admin = administrator(&companion).await;
    let of_app = format!("kind=app&name={}&method=GET&path=/orders/1", app.key);
    for (query, english, german) in [
        (
            "kind=nobody&method=GET&path=/orders/%253f",
            "the path has an encoded \u{201c}?\u{201d} or \u{201c}#\u{201d}.",
            "der Pfad enthält ein kodiertes \u{201e}?\u{201c} oder \u{201e}#\u{201c}.",
        ),
        (
            "kind=user&name=admin&method=GET&path=/orders/1",
            "There is no token for the API: there is no scope of an API, only such as",
            "Es gibt kein Token für die API: es gibt keine Berechtigung für eine API, nur solche",
        ),
        (
            of_app.as_str(),
            "There is no token for the API: its app is disabled.",
            "Es gibt kein Token für die API: die App ist gesperrt.",
        ),
    ] {
        let path = format!("/panel/who?{query}");
        let seen = page(&mut admin, &path).await;
        assert!(seen.body.contains(english), "{query}: {seen:?}");
        let seen = in_german(&companion, &admin, &path).await;
        assert!(seen.body.contains(german), "{query}: {seen:?}");
        assert!(!seen.body.contains(english), "{query}: {seen:?}");
    }
}

#[tokio::test]
async fn the_gate_says_who_may_send_what() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let mut admin = administrator(&companion).await;
    let empty = page(&mut admin, "/panel/who").await;
    assert!(!empty.body.contains("class=\"badge"), "{empty:?}");
    let reads = format!("kind=app&name={}&method=GET&path=/orders/1", app.key);
    let places = format!("kind=app&name={}&method=POST&path=/orders", app.key);
    let rows = [
        (
            "kind=user&name=alice&method=GET&path=/orders/1",
            "passes",
            "read-order",
        ),
        (
            "kind=user&name=alice&method=POST&path=/orders",
            "refused",
            "Scopes are missing: orders.write. Add",
        ),
        (
            "kind=user&name=admin&method=GET&path=/orders/1",
            "refused",
            "There is no token for the API",
        ),
        (
            "kind=user&name=alice&method=GET&path=/internal/x",
            "refused",
            "lets nobody through",
        ),
        (
            "kind=user&name=alice&method=GET&path=/unlisted",
            "refused",
            "No route of the policy",
        ),
        (
            "kind=user&name=alice&method=GET&path=/orders/%252e",
            "refused",
            "whoever sends it",
        ),
        (
            "kind=nobody&method=GET&path=/orders/1",
            "refused",
            "needs a token",
        ),
        (
            "kind=nobody&method=GET&path=/unlisted",
            "refused",
            "No route of the policy matches; without a token it is refused as well.",
        ),
        (
            "kind=app&name=ALICE/web+SHOP&method=GET&path=/orders/1",
            "passes",
            "read-order",
        ),
        (
            "kind=role&name=consumer&method=GET&path=/orders/1",
            "passes",
            "read-order",
        ),
        (
            "kind=role&name=consumer&method=POST&path=/orders",
            "refused",
            "Scopes are missing: orders.write.",
        ),
        (
            "kind=role&name=administrator&method=GET&path=/orders/1",
            "refused",
            "The role gives no scope for the API",
        ),
        (
            "kind=nobody&method=GET&path=/products/1",
            "passes",
            "browse",
        ),
        (reads.as_str(), "passes", "read-order"),
        (places.as_str(), "refused", "orders.write"),
    ];
    for (query, verdict, told) in rows {
        let seen = page(&mut admin, &format!("/panel/who?{query}")).await;
        let badge = if verdict == "passes" {
            "badge on"
        } else {
            "badge off"
        };
        let badge = format!("<span class=\"{badge}\">{verdict}</span>");
        assert!(seen.body.contains(&badge), "{query}: {seen:?}");
        assert!(seen.body.contains(told), "{query}: {seen:?}");
    }
}

#[tokio::test]
async fn questions_that_cannot_be_answered_say_what_is_wrong() {
    let companion = TestCompanion::start().await;
    sign_up(&companion, "alice").await;
    let mut admin = administrator(&companion).await;
    for (query, status) in [
        ("kind=user&name=nobody&path=/", 404),
        ("kind=app&name=alice/nothing&path=/", 404),
        ("kind=role&name=nothing&path=/", 404),
        ("kind=role&name=&path=/", 400),
    ] {
        let unknown = admin.get(&format!("/panel/who?{query}")).await;
        assert_eq!(unknown.status, status, "{query}: {unknown:?}");
        assert!(unknown.body.contains("role=\"alert\""), "{unknown:?}");
    }
    // A link of the policy's page says the request alone.
    let half = page(&mut admin, "/panel/who?method=POST&path=/orders").await;
    assert!(half.body.contains("value=\"POST\""), "{half:?}");
    assert!(!half.body.contains("class=\"badge o"), "{half:?}");
    let long = "x".repeat(1025);
    for (field, told) in [
        ("name", "User, app or role: at most"),
        ("method", "Method: at most"),
        ("host", "Host, if the policy distinguishes them: at most"),
        ("path", "Path: at most"),
    ] {
        let answer = admin.get(&format!("/panel/who?{field}={long}")).await;
        assert_eq!(answer.status, 400, "{field}: {answer:?}");
        assert!(answer.body.contains(told), "{field}: {answer:?}");
    }
}

/// As the token of a login has it, and that of an app has not.
#[tokio::test]
async fn a_condition_on_the_time_of_a_login_is_met_by_users_and_not_by_apps() {
    let folder = tempfile::tempdir().unwrap();
    let route = "  - {name: pay, methods: [POST], path: /pay, scopes: [orders.read], when: 'has(token.auth_time) && \
                 now - timestamp(token.auth_time) < duration(\"15m\")'}\n";
    let setup = Setup {
        policy: Some(format!("{POLICY}{route}")),
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let mut admin = administrator(&companion).await;
    for (caller, badge) in [
        ("kind=user&name=alice".to_owned(), "badge on"),
        (format!("kind=app&name={}", app.key), "badge off"),
    ] {
        let path = format!("/panel/who?{caller}&method=POST&path=/pay");
        let seen = page(&mut admin, &path).await;
        assert!(seen.body.contains(badge), "{caller}: {seen:?}");
    }
}

#[tokio::test]
async fn who_only_revokes_learns_nothing_of_users_and_apps() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": "revoker", "scopes": ["backend.token"]});
    let made = companion.post("/backend/role", &role, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let user = json!({
        "username": "bob", "email": "bob@shop.example", "password": PASSWORD, "roles": ["revoker"],
    });
    let made = companion.post("/backend/user", &user, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = "/panel/revoke";
    let known = ["alice@shop.example", "App: Web shop", "This concerns"];
    for (name, password, expected) in [
        ("bob", PASSWORD, [false, false, false]),
        ("admin", ADMIN_PASSWORD, [true, true, true]),
    ] {
        let mut browser = log_in(&companion, name, password).await;
        let empty = form(&page(&mut browser, path).await, path);
        let mut asked = String::new();
        for (kind, name) in [("user", "alice"), ("app", app.key.as_str())] {
            let filled = empty.clone().with("kind", kind).with("name", name);
            let answer = browser.submit(&filled).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            asked.push_str(&answer.body);
        }
        assert_eq!(known.map(|text| asked.contains(text)), expected, "{asked}");
        let token = companion.login(name, password).await;
        for (query, users) in [
            ("user=alice", expected[0].then_some(1)),
            (&*format!("app={}", app.key), expected[0].then_some(1)),
            ("everyone=true", Some(3)),
        ] {
            let effect = companion
                .get(&format!("/backend/revoke?{query}"), &token)
                .await;
            assert_eq!(effect.status, 200, "{effect:?}");
            assert_eq!(effect.json()["users"], json!(users), "{name} {query}");
        }
        for (query, status) in [
            ("", 400),
            ("user=alice&everyone=true", 400),
            ("everyone=yes", 400),
            ("users=alice", 400),
            ("user=nobody", 404),
        ] {
            let wrong = companion
                .get(&format!("/backend/revoke?{query}"), &token)
                .await;
            assert_eq!(wrong.status, status, "{query}: {wrong:?}");
        }
    }
}

/// What opens the page is backend.role: asking about users and apps takes more.
#[tokio::test]
async fn who_may_not_see_users_asks_about_roles_alone() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": "keeper", "scopes": ["backend.role"]});
    let made = companion.post("/backend/role", &role, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let user = json!({
        "username": "bob", "email": "bob@shop.example", "password": PASSWORD, "roles": ["keeper"],
    });
    let made = companion.post("/backend/user", &user, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let mut bob = log_in(&companion, "bob", PASSWORD).await;
    let seen = page(&mut bob, "/panel/who").await;
    for (kind, is_open) in [
        ("user", false),
        ("app", false),
        ("role", true),
        ("nobody", true),
    ] {
        let field = format!("name=\"kind\" value=\"{kind}\"");
        assert_eq!(seen.body.contains(&field), is_open, "{kind}: {seen:?}");
    }
    let seen = page(
        &mut bob,
        "/panel/who?kind=role&name=consumer&method=GET&path=/orders/1",
    )
    .await;
    assert!(seen.body.contains("badge on"), "{seen:?}");
    for (query, missing) in [
        ("kind=user&name=alice&path=/orders/1", "backend.user"),
        ("kind=user&name=nobody&path=/orders/1", "backend.user"),
        ("kind=app&name=alice/x&path=/orders/1", "backend.app"),
    ] {
        let refused = bob.get(&format!("/panel/who?{query}")).await;
        assert_eq!(refused.status, 403, "{query}: {refused:?}");
        assert!(refused.body.contains(missing), "{query}: {refused:?}");
    }
}

#[tokio::test]
async fn nobody_is_called_what_the_audit_calls_the_machine() {
    let companion = TestCompanion::start().await;
    let store = Store::open(&companion.store()).await.unwrap();
    for operator in ["", "root"] {
        let mut change = store.change(SystemClock.now()).await.unwrap();
        let record = AuditRecord {
            actor: AuditActor::Command(operator),
            action: "added",
            object_kind: "role",
            object_name: "clerk",
            change: "",
        };
        change.record(&record).await.unwrap();
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    }
    let mut admin = administrator(&companion).await;
    let seen = page(&mut admin, "/panel/audit").await;
    let german = in_german(&companion, &admin, "/panel/audit").await;
    for (page, labels) in [
        (seen, ["(command line)", "command line (root)"]),
        (german, ["(Befehlszeile)", "Befehlszeile (root)"]),
    ] {
        for label in labels {
            assert!(page.body.contains(label), "{label}: {page:?}");
            assert!(Username::parse(label).is_err(), "{label}");
        }
    }
}

#[tokio::test]
async fn what_changes_nothing_is_not_in_the_audit() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "shop").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let path = format!("/consumer/app/{}", app.key);
    for (body, latest) in [
        (json!({"name": "shop"}), "added"),
        (json!({}), "added"),
        (json!({"name": "store"}), "changed"),
    ] {
        let done = companion.put(&path, &body, &alice).await;
        assert_eq!(done.status, 200, "{done:?}");
        let audit = companion.get("/backend/audit?limit=1", &admin).await.json();
        assert_eq!(audit["items"][0]["action"], latest, "{body}");
    }
}
