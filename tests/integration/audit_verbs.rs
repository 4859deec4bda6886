//! `portcullis audit`, and what the other verbs tell before they take something away.

use serde_json::{Value, json};

use crate::admin_verbs::run;
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};

/// What a verb answers that succeeds.
fn ok(companion: &TestCompanion, line: &str) -> Value {
    let arguments: Vec<&str> = line.split(' ').chain(["--format", "json"]).collect();
    let output = run(companion.gate.folder.path(), &arguments, "");
    assert!(output.status.success(), "{line}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Standard output and error of a verb, and whether it succeeds.
fn told(companion: &TestCompanion, line: &str) -> (bool, String) {
    let arguments: Vec<&str> = line.split(' ').collect();
    let output = run(companion.gate.folder.path(), &arguments, "");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn the_audit_is_read_and_filtered_at_the_machine() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    companion.app(&alice, "shop").await;
    ok(
        &companion,
        "user add bobby --email bob@shop.example --role consumer",
    );
    ok(&companion, "user delete bobby");
    let items = |line: &str| {
        let answer = ok(&companion, line);
        answer["items"].as_array().unwrap().clone()
    };
    let deeds = |line: &str| {
        let deeds = items(line);
        let deed = |entry: &Value| {
            let words = ["action", "object_kind", "object", "change"];
            words
                .map(|name| entry[name].as_str().unwrap().to_owned())
                .join(" ")
        };
        deeds.iter().map(deed).collect::<Vec<_>>()
    };
    // Who is gone keeps its name, and a command says who has given it.
    let parts = "roles consumer; status active";
    assert_eq!(
        deeds("audit list --object BOBBY"),
        [
            format!("deleted user bobby {parts}; apps 0"),
            format!("added user bobby {parts}"),
        ]
    );
    for entry in items("audit list --object bobby") {
        assert_eq!(entry["actor_kind"], "command", "{entry}");
        let operator = entry["actor"].as_str().unwrap();
        assert_eq!(
            entry["who"],
            format!("command line ({operator})"),
            "{entry}"
        );
        assert_eq!(entry["actor_id"], json!(null), "{entry}");
    }
    let hers = deeds("audit list --actor alice --actor-kind user");
    assert_eq!(hers.len(), 2, "{hers:?}");
    assert_eq!(
        hers[0],
        "added app shop follows its owner; scopes orders.read"
    );
    assert_eq!(hers[1], format!("registered user alice {parts}"));
    assert_eq!(
        deeds("audit list --search follows --object-kind app"),
        &hers[..1]
    );
    assert_eq!(deeds("audit list --limit 1").len(), 1);
    for line in [
        "audit list --action registered --from 2100-01-01",
        "audit list --action registered --to 2000-01-01T00:00:00Z",
        "audit list --actor alice --actor-kind command",
    ] {
        assert_eq!(items(line), [] as [Value; 0], "{line}");
    }
    assert_eq!(
        deeds("audit list --action registered --from 2000-01-01 --to 2100-01-01").len(),
        1
    );
    let (_, table) = told(&companion, "audit list --actor alice");
    assert!(table.starts_with("TIME "), "{table}");
    assert!(
        table.contains("follows its owner; scopes orders.read"),
        "{table}"
    );
    for (line, reason) in [
        ("audit list --from yesterday", "such as 2026-11-23"),
        ("audit list --actor-kind somebody", "`user` or `command`"),
    ] {
        let (success, text) = told(&companion, line);
        assert!(!success && text.contains(reason), "{line}: {text}");
    }
}

#[tokio::test]
async fn a_dry_run_says_whom_it_concerns_and_changes_nothing() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "shop").await;
    companion.tokens(&app).await;
    let token = companion.tokens(&app).await.access;
    let before = ok(&companion, "audit list");
    for (line, users, apps) in [
        (
            "role set consumer --remove-scope orders.read --dry-run",
            1,
            1,
        ),
        ("user set alice --no-roles --dry-run", 1, 1),
        ("user disable alice --dry-run", 1, 1),
        ("user delete alice --dry-run", 1, 1),
        ("scope delete orders.read --dry-run", 1, 1),
        (&*format!("app disable {} --dry-run", app.key), 1, 1),
        (&*format!("app set {} --no-scopes --dry-run", app.key), 1, 1),
        (&*format!("app delete {} --dry-run", app.key), 1, 1),
    ] {
        let told = ok(&companion, line);
        assert_eq!(
            (&told["users"], &told["apps"]),
            (&json!(users), &json!(apps)),
            "{line}"
        );
        assert_eq!(told["usernames"], json!(["alice"]), "{line}");
        assert_eq!(told["app_keys"], json!([app.key]), "{line}");
    }
    let (_, text) = told(&companion, "user delete alice --dry-run");
    assert!(
        text.contains("user alice") && !text.contains(&app.key),
        "{text}"
    );
    // What would be refused is refused.
    for (line, reason) in [
        (
            "role delete consumer --dry-run",
            "choose another default role first",
        ),
        (
            "role set administrator --no-scopes --dry-run",
            "would leave no administrator",
        ),
        ("user delete nobody --dry-run", "there is no user `nobody`"),
    ] {
        let (success, text) = told(&companion, line);
        assert!(!success && text.contains(reason), "{line}: {text}");
    }
    assert_eq!(ok(&companion, "audit list"), before);
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);
}

#[tokio::test]
async fn users_are_listed_by_role_and_state_and_shown_with_their_passkeys() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let names = |line: &str| {
        let answer = ok(&companion, line);
        let users = answer["items"].as_array().unwrap().clone();
        users
            .iter()
            .map(|user| user["username"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("user list --role consumer"), ["alice"]);
    assert_eq!(
        names("user list --role consumer --status disabled"),
        [""; 0]
    );
    let disabled = json!({"status": "disabled"});
    companion
        .put("/backend/user/alice", &disabled, &token)
        .await;
    assert_eq!(names("user list --status disabled"), ["alice"]);
    assert_eq!(ok(&companion, "user show alice")["passkeys"], json!(0));
    let (_, text) = told(&companion, "user show alice");
    assert!(text.contains("passkeys"), "{text}");
}
