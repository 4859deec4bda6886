//! `portcullis user|role|scope|app|store`: administration on the machine, beside a running server.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use portcullis::store::{Store, StoreLocation, UserFilter};
use serde_json::{Value, json};

use crate::accounts::refused;
use crate::issuer::error;
use crate::postgres::Postgres;
use crate::required_passkeys::give_passkey;
use crate::test_browser::{TestBrowser, form};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion, URL};

const CLIENT_CREDENTIALS: &str = "grant_type=client_credentials";

pub(crate) fn run(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .args(["--config", "portcullis.yaml"])
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Who ends without reading it has closed the pipe.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// The binary on the configuration of a companion that is running.
pub(crate) struct Machine<'a>(pub(crate) &'a TestCompanion);

impl Machine<'_> {
    fn folder(&self) -> &Path {
        self.0.gate.folder.path()
    }

    /// Exit code and standard output as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        self.json_with(arguments, "")
    }

    fn json_with(&self, arguments: &[&str], input: &str) -> (i32, Value) {
        let arguments = [arguments, &["--format", "json"]].concat();
        let output = run(self.folder(), &arguments, input);
        let text = String::from_utf8(output.stdout).unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        let answer = serde_json::from_str(&text).unwrap_or(Value::String(told));
        (output.status.code().unwrap(), answer)
    }

    /// What a verb answers that succeeds.
    pub(crate) fn ok(&self, line: &str) -> Value {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (code, answer) = self.json(&arguments);
        assert_eq!(code, 0, "{line}: {answer}");
        answer
    }

    /// What it prints for people, of a verb that succeeds.
    fn text(&self, arguments: &[&str]) -> String {
        let output = run(self.folder(), arguments, "");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test]
async fn a_running_gate_refuses_what_the_command_line_takes_away() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let token = async || {
        let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    };
    let key = app.key.as_str();
    let takings: [(&[&str], &[&str]); 5] = [
        (&["user", "disable", "ALICE"], &["user", "enable", "alice"]),
        (&["user", "revoke", "alice"], &["user", "show", "alice"]),
        (&["app", "disable", key], &["app", "enable", key]),
        (&["app", "revoke", key], &["app", "show", key]),
        (
            &["role", "set", "consumer", "--no-scopes"],
            &["role", "set", "consumer", "--scope", "orders.read"],
        ),
    ];
    for (take, give) in takings {
        let before = token().await;
        assert_eq!(companion.check("GET", "/orders/1", &before).await, 200);
        let (code, answer) = machine.json(take);
        assert_eq!(code, 0, "{take:?}: {answer}");
        refused(&companion, &before).await;
        let (code, answer) = machine.json(give);
        assert_eq!(code, 0, "{give:?}: {answer}");
        let after = token().await;
        assert_eq!(companion.check("GET", "/orders/1", &after).await, 200);
        assert_eq!(companion.check("GET", "/orders/1", &before).await, 401);
    }
    let last = token().await;
    let (code, answer) = machine.json(&["user", "delete", "alice"]);
    assert_eq!(code, 1, "{answer}");
    let said = answer["error"].as_str().unwrap();
    assert!(
        said.contains("`--force`") && said.contains("1 app"),
        "{said}"
    );
    assert_eq!(companion.check("GET", "/orders/1", &last).await, 200);
    assert_eq!(machine.json(&["user", "delete", "alice", "--force"]).0, 0);
    refused(&companion, &last).await;
    assert_eq!(machine.json(&["app", "show", key]).0, 1);
}

#[tokio::test]
async fn a_link_sets_a_forgotten_password_once() {
    const FRESH: &str = "another horse, another staple";
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let alice = companion.register("alice").await;
    let made = machine.ok("user reset-link alice");
    let link = made["link"].as_str().unwrap();
    let path = link.strip_prefix(URL).unwrap();
    let earlier = path.to_owned();
    let made = machine.ok("user reset-link ALICE");
    let path = made["link"].as_str().unwrap().strip_prefix(URL).unwrap();
    let mut browser = TestBrowser::new(&companion);
    assert_eq!(browser.get(&earlier).await.status, 404, "another was made");
    assert_eq!(browser.get("/portal/reset?code=x").await.status, 404);
    let filled = form(&browser.get(path).await, "/portal/reset");
    let short = browser
        .submit(&filled.clone().with("new_password", "short"))
        .await;
    assert_eq!(short.status, 400, "{short:?}");
    assert_eq!(companion.get("/consumer/account", &alice).await.status, 200);
    let right = filled.with("new_password", FRESH);
    let done = browser.submit(&right).await;
    assert_eq!(done.status, 303, "{done:?}");
    let again = browser.submit(&right).await;
    assert_eq!(again.status, 404, "{again:?}");
    refused(&companion, &alice).await;
    companion.login("alice", FRESH).await;
    let wrong = json!({"username": "alice", "password": PASSWORD});
    let wrong = companion.post("/consumer/login", &wrong, "").await;
    assert_eq!(wrong.status, 401, "{wrong:?}");
    assert_eq!(machine.json(&["user", "reset-link", "nobody"]).0, 1);
}

#[tokio::test]
async fn a_link_for_a_password_ends_with_the_tokens_of_its_user() {
    const FRESH: &str = "another horse, another staple";
    const LATEST: &str = "a third horse, a third staple";
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    companion.register("alice").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let change = async |path: &str, body: &Value, token: &str| {
        let done = companion.put(path, body, token).await;
        assert!(done.status < 300, "{path}: {done:?}");
    };
    for step in ["own", "admin", "disabled", "user", "everyone"] {
        let link = machine.ok("user reset-link alice");
        let path = link["link"].as_str().unwrap().strip_prefix(URL).unwrap();
        let mut browser = TestBrowser::new(&companion);
        let filled = form(&browser.get(path).await, "/portal/reset");
        let filled = filled.with("new_password", "a password of a thief");
        match step {
            "own" => {
                let alice = companion.login("alice", PASSWORD).await;
                let body = json!({"old_password": PASSWORD, "new_password": FRESH});
                change("/consumer/account/change_password", &body, &alice).await;
            }
            "admin" => {
                let body = json!({"password": LATEST});
                let path = "/backend/user/alice/set_password";
                let done = companion.post(path, &body, &admin).await;
                assert!(done.status < 300, "{done:?}");
            }
            "disabled" => {
                let body = json!({"status": "disabled"});
                change("/backend/user/alice", &body, &admin).await;
            }
            "user" => {
                machine.ok("user revoke alice");
            }
            _ => {
                let body = json!({"everyone": true});
                let revoked = companion.post("/backend/revoke", &body, &admin).await;
                assert!(revoked.status < 300, "{revoked:?}");
            }
        }
        assert_eq!(browser.get(path).await.status, 404, "{step}");
        let late = browser.submit(&filled).await;
        assert_eq!(late.status, 404, "{step}: {late:?}");
        if step == "disabled" {
            // Nor does one that is made for a user who is disabled.
            let link = machine.ok("user reset-link alice");
            let path = link["link"].as_str().unwrap().strip_prefix(URL).unwrap();
            let filled = form(&browser.get(path).await, "/portal/reset");
            let filled = filled.with("new_password", "a password of a thief");
            let refused = browser.submit(&filled).await;
            assert_eq!(refused.status, 404, "{refused:?}");
            let body = json!({"status": "active"});
            change("/backend/user/alice", &body, &admin).await;
        }
        let password = if step == "own" { FRESH } else { LATEST };
        companion.login("alice", password).await;
    }
}

#[tokio::test]
async fn an_operator_removes_passkeys_that_are_lost() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let alice = companion.register("alice").await;
    let id = give_passkey(&companion, "alice").await;
    let body = json!({"username": "alice", "password": PASSWORD});
    let needed = companion.post("/consumer/login", &body, "").await;
    assert_eq!(needed.status, 400, "{needed:?}");
    let told = machine.text(&["user", "passkey", "remove", "alice"]);
    assert!(told.contains("the passkey of `alice` is removed"), "{told}");
    refused(&companion, &alice).await;
    let alice = companion.login("alice", PASSWORD).await;
    // Without any, nothing is done.
    let (code, told) = machine.json(&["user", "passkey", "remove", "alice"]);
    assert_eq!(code, 1, "{told}");
    assert!(
        told["error"].as_str().unwrap().contains("has no passkey"),
        "{told}"
    );
    assert_eq!(companion.get("/consumer/account", &alice).await.status, 200);
    let store = companion.open_store().await;
    assert_eq!(store.count_passkeys(&id).await.unwrap(), 0);
}

#[tokio::test]
async fn a_digest_of_the_log_leads_to_its_user() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    companion.register("alice").await;
    let digest = machine.ok("user digest alice")["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(digest.len(), 16, "{digest}");
    let found = machine.ok(&format!("user find --digest {}", digest.to_uppercase()));
    assert_eq!(
        (&found["username"], &found["passkeys"]),
        (&json!("alice"), &json!(0))
    );
    let (code, told) = machine.json(&["user", "find", "--digest", "0123456789abcdef"]);
    assert_eq!(code, 1, "{told}");
    // Of a name that nobody has, as failed logins with it are logged.
    let nobody = machine.ok("user digest Mallory");
    assert!(
        nobody["note"].as_str().unwrap().contains("no user"),
        "{nobody}"
    );
    assert_eq!(
        nobody["digest"],
        machine.ok("user digest mallory")["digest"]
    );
    let link = machine.text(&["user", "reset-link", "alice"]);
    assert!(!link.contains("is disabled"), "{link}");
    machine.ok("user disable alice");
    let link = machine.text(&["user", "reset-link", "alice"]);
    assert!(link.contains("the link does nothing until"), "{link}");
}

#[tokio::test]
async fn a_restored_store_is_made_to_forget_what_the_backup_knew_to_be_good() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let tokens = companion.tokens(&app).await;
    let store = companion.open_store().await;
    let kids = async || {
        let keys = store.signing_keys().await.unwrap();
        keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>()
    };
    let (before, log) = (kids().await, store.log_id("fresh").await.unwrap());
    let done = machine.ok("store restored");
    assert!(
        done["keys"].as_str().unwrap().contains("withdrawn"),
        "{done}"
    );
    assert!(
        done["last_change_at"].as_i64() > Some(1_700_000_000),
        "{done}"
    );
    assert!(
        done["next"].as_str().unwrap().contains("portcullis::audit"),
        "{done}"
    );
    let after = kids().await;
    assert_eq!(after.len(), 1, "{after:?}");
    assert!(!before.contains(&after[0]));
    assert_ne!(store.log_id("fresh").await.unwrap(), log);
    for token in [&admin, &alice, &tokens.access] {
        refused(&companion, token).await;
    }
    let refresh = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh);
    let ended = companion.token(&app, &refresh).await;
    assert_eq!(error(&ended), (400, "invalid_grant".to_owned()));
    // Whoever is still there gets in again.
    companion.login("alice", PASSWORD).await;
    companion.tokens(&app).await;
}

#[tokio::test]
async fn a_change_of_a_store_that_no_issuer_uses_is_noted() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    companion.register("alice").await;
    let change = ["user", "revoke", "alice"];
    let output = run(machine.folder(), &change, "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!told.contains("no issuer is running"), "{told}");
    let folder = companion.stop();
    let config = "version: 1\npolicy: [policy.yaml]\n\
                  issuer: {url: \"https://id.shop.example\", store: \"sqlite:store.db\"}\n";
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let place = StoreLocation::parse("sqlite:store.db", folder.path()).unwrap();
    let store = Store::open(&place).await.unwrap();
    // What a process that was not ended properly has left behind.
    for row in store.instances().await.unwrap() {
        store.forget_instance(&row.id).await.unwrap();
    }
    let output = run(folder.path(), &change, "");
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("note: no issuer is running on this store"),
        "{told}"
    );
    let output = run(folder.path(), &["user", "list"], "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        !told.contains("no issuer is running"),
        "nothing was changed: {told}"
    );
}

#[tokio::test]
async fn a_bootstrap_file_that_cannot_be_done_as_a_whole_changes_nothing() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let text = "version: 1\nscopes:\n  stock.read: Stock\n  backend.new: Mine\nroles:\n  \
                clerk: [stock.read, stock.raed]\n  sales: [orders.reed]\ndefault_role: clark\n";
    std::fs::write(machine.folder().join("bootstrap.yaml"), text).unwrap();
    let output = run(machine.folder(), &["bootstrap", "bootstrap.yaml"], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    for words in [
        "bootstrap.yaml:4:",
        "scope `backend.new`: names that begin with",
        "bootstrap.yaml:6:23",
        "there is no scope `stock.raed`, neither in this file nor in the store: did you mean \
         `stock.read`?",
        "bootstrap.yaml:7:",
        "did you mean `orders.read`?",
        "bootstrap.yaml:8:",
        "did you mean `clerk`?",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    for (verb, name) in [("scope", "stock.read"), ("role", "clerk")] {
        assert_eq!(machine.json(&[verb, "show", name]).0, 1, "{name}");
    }
    let everybody = "version: 1\nscopes: {a: A}\nroles: {consumer: [backend.user]}\n";
    std::fs::write(machine.folder().join("bootstrap.yaml"), everybody).unwrap();
    let (code, answer) = machine.json(&["bootstrap", "bootstrap.yaml"]);
    assert_eq!(code, 1, "{answer}");
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains("everybody would get it"), "{error}");
    assert_eq!(machine.json(&["scope", "show", "a"]).0, 1);
}

#[tokio::test]
async fn what_is_not_there_is_named_with_what_may_be_meant() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    companion.register("alice").await;
    for (arguments, expected) in [
        (
            &["user", "show", "alicia"][..],
            "there is no user `alicia`: did you mean `alice`?",
        ),
        (
            &["app", "add", "shop", "--owner", "alise"],
            "there is no user `alise`: did you mean `alice`?",
        ),
        (
            &["role", "set", "consumr", "--no-scopes"],
            "there is no role `consumr`: did you mean `consumer`?",
        ),
        (
            &["scope", "delete", "orders.raed"],
            "there is no scope `orders.raed`: did you mean `orders.read`?",
        ),
        (
            &["app", "disable", "nothing-like-it"],
            "there is no app `nothing-like-it`: `portcullis app list` lists them",
        ),
        (
            &["user", "end-grant", "alice", "none"],
            "there is no grant `none`: `portcullis user grants USERNAME` lists them",
        ),
    ] {
        let (code, answer) = machine.json(arguments);
        assert_eq!(code, 1, "{arguments:?}: {answer}");
        assert_eq!(answer["error"], expected, "{arguments:?}");
    }
}

/// The Job of k8s/issuer runs it again and again, beside administrators who change roles.
#[tokio::test]
async fn bootstrap_adds_what_is_missing_and_leaves_the_rest() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let file = machine.folder().join("bootstrap.yaml");
    let text = "version: 1\nscopes: {stock.read: Stock, stock.write: Change it}\n\
                roles: {clerk: [stock.read, stock.write]}\ndefault_role: clerk\n";
    std::fs::write(&file, text).unwrap();
    let outcomes = || -> Vec<(String, String)> {
        let rows = machine.ok("bootstrap bootstrap.yaml");
        let rows = rows["items"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        rows.map(|row| (text(&row["name"]), text(&row["outcome"])))
            .collect()
    };
    let told = |names: [(&str, &str); 4]| {
        names.map(|(name, outcome)| (name.to_owned(), outcome.to_owned()))
    };
    let all_of = |outcome| ["stock.read", "stock.write", "clerk"].map(|name| (name, outcome));
    let [read, write, clerk] = all_of("added");
    assert_eq!(outcomes(), told([read, write, clerk, ("clerk", "changed")]));
    let [read, write, clerk] = all_of("unchanged");
    assert_eq!(
        outcomes(),
        told([read, write, clerk, ("clerk", "unchanged")])
    );

    machine.ok("scope set stock.read --description Mine");
    machine.ok("role set clerk --remove-scope stock.write --add-scope consumer.app");
    assert_eq!(
        outcomes(),
        told([read, write, ("clerk", "extended"), ("clerk", "unchanged")])
    );
    let role = machine.ok("role show clerk");
    assert_eq!(
        role["scopes"],
        json!(["consumer.app", "stock.read", "stock.write"])
    );
    assert_eq!(machine.ok("scope show stock.read")["description"], "Mine");

    std::fs::write(&file, "version: 1\nroles: {clerk: [stock.gone]}\n").unwrap();
    let (code, answer) = machine.json(&["bootstrap", "bootstrap.yaml"]);
    let error = answer["error"].as_str().unwrap();
    assert_eq!(code, 1, "{answer}");
    assert!(
        error.contains("`stock.gone`") && error.contains("bootstrap.yaml:2:"),
        "{error}"
    );
    std::fs::write(&file, "version: 1\nrolls: {}\n").unwrap();
    let output = run(machine.folder(), &["bootstrap", "bootstrap.yaml"], "");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("bootstrap.yaml:2:1"), "{shown}");
    let (code, answer) = machine.json(&["bootstrap", "bootstrap.yaml"]);
    assert_eq!(code, 1, "{answer}");
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains("bootstrap.yaml:2:1"), "{error}");
}

#[tokio::test]
async fn scopes_roles_and_users_are_made_and_shown() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let scope = machine.ok("scope add stock.read --description Stock");
    assert_eq!(scope, json!({"name": "stock.read", "description": "Stock"}));
    machine.ok("scope set stock.read --name stock.see");
    let role = machine.ok("role add clerk --scope stock.see --scope consumer.app");
    assert_eq!(role["scopes"], json!(["consumer.app", "stock.see"]));
    assert_eq!(machine.ok("role default clerk")["default"], true);
    let shown = machine.text(&["role", "show", "clerk"]);
    assert_eq!(
        shown,
        "name     clerk\ndefault  yes\nscopes   consumer.app stock.see\n"
    );

    let add = "user add carol --email carol@shop.example --password-file -";
    let add: Vec<&str> = add.split(' ').collect();
    let (code, carol) = machine.json_with(&add, &format!("{PASSWORD}\n"));
    assert_eq!((code, &carol["roles"]), (0, &json!(["clerk"])), "{carol}");
    assert!(carol.get("password").is_none(), "{carol}");
    companion.login("carol", PASSWORD).await;
    // A password that is made is shown once, and serves.
    let made = machine.ok("user password carol");
    let made = made["password"].as_str().unwrap();
    companion.login("carol", made).await;
    assert!(machine.ok("user show carol").get("password").is_none());
    let table = machine.text(&["user", "list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("USERNAME  EMAIL"), "{table}");
    let second = "carol     carol@shop.example  active  clerk";
    assert!(lines[2].starts_with(second), "{table}");

    machine.ok("role default consumer");
    let (code, answer) = machine.json(&["role", "delete", "clerk"]);
    let said = answer["error"].as_str().unwrap_or_default();
    assert_eq!(code, 1, "{answer}");
    assert!(
        said.contains("`--force`") && said.contains("1 user"),
        "{said}"
    );
    let disabled = machine.ok("user disable carol");
    assert_eq!(disabled["status"], "disabled");
    let link = machine.ok("user reset-link carol");
    assert!(
        link["note"].as_str().unwrap().contains("user enable"),
        "{link}"
    );
    machine.ok("user enable carol");
    assert!(machine.ok("user reset-link carol").get("note").is_none());

    machine.ok("user set carol --no-roles --email c@shop.example");
    machine.ok("role delete clerk");
    machine.ok("scope delete stock.see");
    let found = machine.ok("user list --search C@");
    assert_eq!(found["items"][0]["roles"], json!([]));
}

#[tokio::test]
async fn apps_and_grants_are_made_and_shown() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    companion.register("carol").await;
    let first = machine.ok("app add shop --owner carol --redirect-uri https://a.example");
    assert_eq!(first["owner"], "carol");
    assert_eq!(first["scopes"], json!(["orders.read"]));
    assert_eq!(first["redirect_uris"], json!(["https://a.example"]));
    let key = first["app_key"].as_str().unwrap();
    let second = machine.ok(&format!("app rotate-secret {key}"));
    for answer in [&first, &second] {
        let client = TestClient {
            key: key.to_owned(),
            secret: answer["app_secret"].as_str().unwrap().to_owned(),
        };
        let answer = companion.token(&client, CLIENT_CREDENTIALS).await;
        assert_eq!(answer.status, 200, "two secrets live: {answer:?}");
    }
    let set = format!("app set {key} --name shelf --no-scopes --no-redirect-uris");
    let changed = machine.ok(&format!(
        "{set} --description Books --link https://a.example/"
    ));
    assert_eq!(changed["name"], "shelf");
    assert_eq!(
        (&changed["description"], &changed["link"]),
        (&json!("Books"), &json!("https://a.example/"))
    );
    assert_eq!(
        (&changed["scopes"], &changed["redirect_uris"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(changed["removed_scopes"], json!(["orders.read"]));
    let mut shown = changed;
    for told in ["added_scopes", "removed_scopes", "position"] {
        shown.as_object_mut().unwrap().remove(told);
    }
    let mut listed = machine.ok("app list --owner carol");
    // The server may have written meanwhile when it was used.
    listed["items"][0]["last_used_at"] = shown["last_used_at"].clone();
    assert_eq!(listed["items"], json!([shown]));
    for (filter, expected) in [
        ("--status active", 1),
        ("--status disabled", 0),
        ("--unused-days 1", 0),
        ("--secret-days 3650", 0),
    ] {
        let listed = machine.ok(&format!("app list {filter}"));
        assert_eq!(
            listed["items"].as_array().unwrap().len(),
            expected,
            "{filter}"
        );
    }
    let (code, told) = machine.json(&["app", "list", "--unused-days", "0"]);
    assert_eq!(code, 2, "{told}");
    let bounds = "whole number from 1 to 3650";
    assert!(told.as_str().unwrap().contains(bounds), "{told}");

    let grants = machine.ok("user grants carol");
    let grants = grants["items"].as_array().unwrap();
    assert_eq!(grants.len(), 1, "the app's ended with its scopes");
    let id = grants[0]["id"].as_str().unwrap();
    machine.ok(&format!("user end-grant carol {id}"));
    assert_eq!(machine.ok("user grants carol")["items"], json!([]));
    machine.ok(&format!("app delete {key} --force"));
    assert_eq!(machine.ok("app list")["items"], json!([]));
}

#[tokio::test]
async fn nothing_is_taken_away_without_being_told() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    companion.register("alice").await;
    companion.register("bobby").await;
    let more = machine.ok("role set consumer --add-scope orders.write");
    let all = [
        "consumer.account",
        "consumer.app",
        "orders.read",
        "orders.write",
    ];
    assert_eq!(more["scopes"], json!(all));
    let less = machine.ok("role set consumer --remove-scope orders.write --add-scope orders.read");
    assert_eq!(
        (
            &less["added_scopes"],
            &less["removed_scopes"],
            &less["users"]
        ),
        (&json!([]), &json!(["orders.write"]), &json!(2))
    );
    let set = ["role", "set", "consumer", "--scope", "orders.write"];
    let told = "name            consumer\n\
                default         yes\n\
                scopes          orders.write\n\
                added_scopes    orders.write\n\
                removed_scopes  consumer.account consumer.app orders.read\n\
                users           2\n";
    assert_eq!(machine.text(&set), told);
    let both = ["role", "set", "consumer", "--no-scopes", "--add-scope", "x"];
    assert_eq!(machine.json(&both).0, 2);

    machine.ok("role add clerk");
    let more = machine.ok("user set bobby --add-role clerk");
    assert_eq!(
        (&more["roles"], &more["added_roles"], &more["removed_roles"]),
        (&json!(["clerk", "consumer"]), &json!(["clerk"]), &json!([]))
    );
    let set = machine.ok("user set bobby --role clerk");
    assert_eq!(set["removed_roles"], json!(["consumer"]));
    let less = machine.ok("user set bobby --remove-role clerk --add-role consumer");
    assert_eq!(less["roles"], json!(["consumer"]), "{less}");

    machine.ok("app add shop --owner alice --scope orders.write");
    let following = machine.ok("app add shelf --owner alice");
    assert_eq!(following["follows_owner"], true, "{following}");
    let key = following["app_key"].as_str().unwrap();
    let fixed = machine.ok(&format!("app set {key} --remove-scope orders.write"));
    assert_eq!(
        (
            &fixed["scopes"],
            &fixed["removed_scopes"],
            &fixed["follows_owner"]
        ),
        (&json!([]), &json!(["orders.write"]), &json!(false))
    );
    let more = machine.ok(&format!("app set {key} --add-scope orders.write"));
    assert_eq!(more["added_scopes"], json!(["orders.write"]), "{more}");
    machine.ok(&format!("app set {key} --follow-owner"));
    let (code, refused) = machine.json(&["scope", "delete", "orders.write"]);
    assert_eq!(code, 1, "{refused}");
    let told = refused["error"].as_str().unwrap();
    assert!(told.contains("`--force`"), "{told}");
    assert!(told.ends_with("role `consumer`, 1 app"), "{told}");
    let done = machine.ok("scope delete orders.write --force");
    let told = done["done"].as_str().unwrap();
    assert!(told.ends_with("also from role `consumer`, 1 app"), "{told}");
    machine.ok("scope delete orders.read");
}

#[tokio::test]
async fn what_is_not_there_is_not_taken_away() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    companion.register("carol").await;
    machine.ok("role add clerk");
    let app = machine.ok("app add shop --owner carol --scope orders.read");
    let key = app["app_key"].as_str().unwrap();
    let app_set = format!("app set {key} --remove-scope");
    let rows: [(&str, &str); 7] = [
        (
            "user set carol --remove-role consumr",
            "there is no role `consumr`",
        ),
        (
            "user set carol --remove-role clerk",
            "`carol` does not have the role `clerk`",
        ),
        (
            "user set carol --remove-role consumer --remove-role clerk",
            "`carol` does not have the role `clerk`",
        ),
        (
            "role set consumer --remove-scope orders.raed",
            "there is no scope `orders.raed`",
        ),
        (
            "role set consumer --remove-scope orders.write",
            "`consumer` does not have the scope `orders.write`",
        ),
        (
            &format!("{app_set} orders.raed"),
            "there is no scope `orders.raed`",
        ),
        (
            &format!("{app_set} orders.write"),
            &format!("`{key}` does not have the scope `orders.write`"),
        ),
    ];
    let shows = ["user list", "role list", "app list"];
    let before = shows.map(|show| machine.ok(show));
    for (line, says) in rows {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (code, answer) = machine.json(&arguments);
        // Misspelt names are followed by those that may be meant.
        let error = answer["error"].as_str().unwrap();
        let meant = error.strip_prefix(says);
        let is_said = meant.is_some_and(|meant| meant.is_empty() || meant.starts_with(": did you"));
        assert!(code == 1 && is_said, "{line}: {answer}");
    }
    assert_eq!(shows.map(|show| machine.ok(show)), before);
}

#[tokio::test]
async fn a_no_is_told_apart_from_not_knowing() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let add = ["user", "add", "admin", "--email", "x@shop.example"];
    let rows: [(&[&str], &str); 8] = [
        (&["user", "show", "nobody"], "no user `nobody`"),
        (&add, "taken"),
        (&["user", "disable", "admin"], "no administrator"),
        (&["user", "delete", "admin"], "no administrator"),
        (&["user", "set", "admin", "--no-roles"], "no administrator"),
        (
            &["role", "delete", "administrator"],
            "belongs to the issuer",
        ),
        (
            &["role", "set", "consumer", "--scope", "nothing"],
            "no scope `nothing`",
        ),
        (&["app", "rotate-secret", "nothing"], "no app `nothing`"),
    ];
    for (arguments, says) in rows {
        let (code, answer) = machine.json(arguments);
        assert_eq!(code, 1, "{arguments:?}: {answer}");
        let said = answer["error"].as_str().unwrap();
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    let output = run(machine.folder(), &["user", "show", "nobody"], "");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        told,
        "portcullis: there is no user `nobody`: `portcullis user list` lists them\n"
    );

    let config = machine.folder().join("portcullis.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let elsewhere = text.replace("store.db", "mistyped.db");
    let without = text.replace("keys: companion", "jwks_file: jwks.json");
    let without = without.split("issuer: {url").next().unwrap();
    let unsafe_file = machine.folder().join("password");
    std::fs::write(&unsafe_file, PASSWORD).unwrap();
    for (text, says) in [
        (elsewhere.as_str(), "there is no store at"),
        (without, "no section `issuer`"),
        ("version: 2", "portcullis.yaml"),
    ] {
        std::fs::write(&config, text).unwrap();
        let output = run(machine.folder(), &["user", "list"], "");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(says), "{told}");
    }
    std::fs::write(&config, &text).unwrap();
    let password = ["user", "password", "admin", "--password-file", "password"];
    let (code, told) = machine.json(&password);
    assert_eq!(code, 2, "{told}");
    assert!(told.as_str().unwrap().contains("is not safe"), "{told}");
}

#[tokio::test]
async fn a_store_is_copied_while_it_is_in_use() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    companion.register("alice").await;
    let (code, answer) = machine.json(&["store", "backup", "--out", "copy's.db"]);
    assert_eq!(code, 0, "{answer}");
    let copy = machine.folder().join("copy's.db");
    let mode = std::fs::metadata(&copy).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600, "private keys are in it");
    companion.register("bobby").await;
    let (code, answer) = machine.json(&["store", "backup", "--out", "copy's.db"]);
    assert_eq!(code, 2, "{answer}");
    assert!(
        answer.as_str().unwrap().contains("does not exist"),
        "{answer}"
    );

    let place = StoreLocation::parse("sqlite:copy's.db", machine.folder()).unwrap();
    let copied = Store::open_existing(&place).await.unwrap();
    let page = portcullis::store::Page {
        after: String::new(),
        limit: 10,
    };
    let users = copied
        .users(&UserFilter::default(), &page)
        .await
        .unwrap()
        .items;
    let names: Vec<&str> = users.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(names, ["admin", "alice"], "as it was at that instant");
    copied.close().await;
}

#[tokio::test]
async fn a_store_is_brought_up_to_date_or_refused() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let (code, answer) = machine.json(&["store", "migrate"]);
    assert_eq!((code, &answer["from"]), (0, &answer["to"]), "{answer}");
    let config = machine.folder().join("portcullis.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("store.db", "new.db")).unwrap();
    let (code, made) = machine.json(&["store", "migrate"]);
    assert_eq!(
        (code, &made["from"], &made["to"]),
        (0, &json!(0), &answer["to"])
    );
    std::fs::write(&config, text).unwrap();

    let store = Store::open(&companion.store()).await.unwrap();
    for (version, says) in [(1, "portcullis store migrate"), (1000, "newer binary")] {
        store.set_schema_version(version).await.unwrap();
        let (code, told) = machine.json(&["user", "list"]);
        assert_eq!(code, 2, "{told}");
        assert!(told.as_str().unwrap().contains(says), "{told}");
    }
    let (code, told) = machine.json(&["store", "migrate"]);
    assert_eq!(code, 2, "{told}");
    // A copy is taken before a migration, whatever the schema.
    let (code, told) = machine.json(&["store", "backup", "--out", "copy.db"]);
    assert_eq!(code, 0, "{told}");
}

#[tokio::test]
async fn verbs_work_on_postgresql_and_backup_names_its_tool() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let companion = TestCompanion::on(&postgres.database("verbs"), folder).await;
    let machine = Machine(&companion);
    let alice = companion.register("alice").await;
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
    let (code, told) = machine.json(&["user", "disable", "alice"]);
    assert_eq!(code, 0, "{told}");
    refused(&companion, &alice).await;
    assert_eq!(
        error(&companion.get("/consumer/account", &alice).await).0,
        401
    );
    let (code, told) = machine.json(&["store", "backup", "--out", "copy.db"]);
    assert_eq!(code, 2, "{told}");
    assert!(told.as_str().unwrap().contains("pg_dump"), "{told}");
}

/// What is explained of somebody by name is what the gate answers to the token that they get.
#[tokio::test]
async fn users_and_apps_are_explained_by_what_the_store_says_of_them() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let explain = |more: &[&str], path: &str| {
        let arguments = [&["explain", "GET", path], more].concat();
        let (code, facts) = machine.json(&arguments);
        let told = facts["notes"][0].as_str().unwrap_or_default().to_owned();
        (code, facts["answer"]["status"].clone(), told)
    };
    let token = companion.token(&app, CLIENT_CREDENTIALS).await.json();
    let token = token["access_token"].as_str().unwrap().to_owned();
    for path in ["/orders/1", "/internal/x", "/products/1", "/nothing"] {
        let answered = companion.check("GET", path, &token).await;
        for caller in [
            ["--app", app.key.as_str()],
            ["--user", "alice"],
            ["--user", "Alice@shop.example"],
        ] {
            let (code, status, told) = explain(&caller, path);
            assert_eq!(status, answered, "{caller:?} {path}: {told}");
            assert_eq!(code, i32::from(answered != 200), "{caller:?} {path}");
            assert!(told.contains("with the scopes"), "{told}");
        }
    }
    assert!(
        explain(&["--user", "alice"], "/orders/1")
            .2
            .contains("the scopes orders.read;")
    );
    // The administrator has scopes for the issuer alone, and asked for none.
    let (_, status, told) = explain(&["--user", "admin"], "/orders/1");
    assert_eq!(status, 401, "{told}");
    assert!(
        told.contains(
            "there is no scope of an API, only such as begin with `consumer.` or `backend.`"
        ),
        "{told}"
    );
    // What the store says now counts, and not what it said.
    assert_eq!(
        machine
            .json(&["role", "set", "consumer", "--remove-scope", "orders.read"])
            .0,
        0
    );
    let (code, status, told) = explain(&["--user", "alice"], "/orders/1");
    assert_eq!((code, status), (1, 401.into()), "{told}");
    assert!(
        told.contains("gives the user `alice` no token for the API"),
        "{told}"
    );
    assert_eq!(
        machine
            .json(&["role", "set", "consumer", "--add-scope", "orders.read"])
            .0,
        0
    );
    assert_eq!(machine.json(&["user", "disable", "alice"]).0, 0);
    let (_, status, told) = explain(&["--app", app.key.as_str()], "/orders/1");
    assert_eq!(status, 401, "{told}");
    assert!(
        told.contains("no token for the API: its user is disabled"),
        "{told}"
    );
    for (arguments, expected) in [
        (
            &["--user", "nobody"][..],
            "there is no user `nobody`: `portcullis user list` lists them",
        ),
        (
            &["--app", "none"],
            "there is no app `none`: `portcullis app list` lists them",
        ),
        (&["--user", "alice", "--scopes", "a"], "cannot be used with"),
    ] {
        let arguments = [&["explain", "GET", "/orders/1"], arguments].concat();
        let output = run(machine.folder(), &arguments, "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{said}");
        assert_eq!(output.status.code(), Some(2), "{said}");
    }
}

/// By their last characters, as the endpoint does.
#[tokio::test]
async fn an_app_is_shown_with_the_ends_of_its_secrets() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let rotated = machine.ok(&format!(
        "app rotate-secret {} --overlap-seconds 60",
        app.key
    ));
    let later = rotated["app_secret"].as_str().unwrap();
    let ends = [later, app.secret.as_str()].map(|secret| &secret[secret.len() - 4..]);
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let told = companion
        .get(&format!("/backend/app/{}", app.key), &admin)
        .await
        .json();
    let shown = machine.ok(&format!("app show {}", app.key));
    assert_eq!(shown["secrets"], told["secrets"], "{shown}");
    let secrets = shown["secrets"].as_array().unwrap();
    let told = secrets
        .iter()
        .map(|secret| secret["ends_with"].as_str().unwrap());
    assert_eq!(told.collect::<Vec<_>>(), ends, "the latest first");
    assert!(secrets[0]["expires_at"].is_null(), "{shown}");
    assert!(secrets[1]["expires_at"].is_i64(), "{shown}");
    let text = machine.text(&["app", "show", &app.key]);
    let line = text
        .lines()
        .find(|line| line.starts_with("secrets "))
        .unwrap();
    for end in ends {
        assert!(line.contains(&format!("ends_with {end}")), "{text}");
    }
    assert!(!text.contains(later), "{text}");
}

/// The tokens that an app gets for itself are nowhere in the store: what is known is that there was one.
#[tokio::test]
async fn an_app_that_gets_tokens_for_itself_alone_is_not_deleted_unasked() {
    let companion = TestCompanion::with_issuer_keys(", grants: [client_credentials]").await;
    let machine = Machine(&companion);
    let alice = companion.register("alice").await;
    let unused = companion.app(&alice, "unused").await;
    machine.ok(&format!("app delete {}", unused.key));
    let app = companion.app(&alice, "web-shop").await;
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.json().get("refresh_token").is_none(), "{answer:?}");
    let show = format!("app show {}", app.key);
    let written = async {
        while machine.ok(&show)["last_used_at"].is_null() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let written = tokio::time::timeout(std::time::Duration::from_secs(30), written).await;
    written.expect("the use of the app is written");
    let (code, answer) = machine.json(&["app", "delete", &app.key]);
    assert_eq!(code, 1, "{answer}");
    let told = answer["error"].as_str().unwrap();
    assert!(
        told.contains("its last token at 20") && told.contains("`--force`"),
        "{told}"
    );
    machine.ok(&format!("app delete {} --force", app.key));
}

#[tokio::test]
async fn a_command_says_what_may_be_meant_and_what_is_taken() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    companion.register("alice").await;
    companion.register("bobby").await;
    let bobby = machine.ok("user show bobby");
    let email = bobby["email"].as_str().unwrap();
    let scope = ["scope", "add", "orders.cancel"];
    assert!(run(machine.folder(), &scope, "").status.success());
    machine.ok("role add clerk --scope orders.cancel");
    for (line, told) in [
        (
            "user set alice --add-role administratr".to_owned(),
            "did you mean `administrator`?",
        ),
        (
            "role set clerk --add-scope orders.cancl".to_owned(),
            "did you mean `orders.cancel`?",
        ),
        (
            "user add bobby --email new@shop.example".to_owned(),
            "the name `bobby` is taken",
        ),
        (
            format!("user add carol --email {email}"),
            "the e-mail address `",
        ),
        (
            format!("user set alice --email {email}"),
            "the e-mail address `",
        ),
        (
            "scope delete orders.cancel".to_owned(),
            "repeat this with `--force`",
        ),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (code, answer) = machine.json(&arguments);
        assert_eq!(code, 1, "{line}: {answer}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(told), "{line}: {error}");
        assert!(!error.contains("?force"), "{line}: {error}");
    }
}

#[tokio::test]
async fn all_keys_are_withdrawn_only_by_whoever_means_it() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let alice = companion.register("alice").await;
    let keys = async || companion.get("/.well-known/jwks.json", "").await.json();
    let before = keys().await;
    // Where nobody can be asked.
    let output = run(machine.folder(), &["key", "rotate", "--now"], "withdraw\n");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("`--yes`"), "{told}");
    assert_eq!(keys().await, before);
    assert_eq!(companion.get("/consumer/account", &alice).await.status, 200);
    let output = run(machine.folder(), &["key", "rotate", "--now", "--yes"], "");
    assert!(output.status.success(), "{output:?}");
    refused(&companion, &alice).await;
}
