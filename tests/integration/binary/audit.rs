//! What the log says of credentials and changes at the issuer, and what it never says.

use serde_json::{Value, json};

use super::{Server, run, text};
use crate::client::{Answer, exchange};
use crate::test_app::Setup;
use crate::test_browser::{form, set_cookies};
use crate::test_companion::{PASSWORD, basic, bearer};

fn issuer(log: &str) -> Server {
    Server::start(&Setup {
        extra: format!(
            "issuer: {{url: \"https://id.shop.example\", address: \"127.0.0.1:0\", \
             store: \"sqlite:store.db\", throttle: {{account_at_address: \
             {{burst: 1, refill_seconds: 3600}}}}}}\nlog: {{format: json{log}}}"
        ),
        ..Setup::default()
    })
}

/// What the first start shows once, between its last quotes.
fn administrator_password(server: &Server) -> String {
    let shown = |log: &str| log.contains("It is not shown again");
    let log = server.stderr.until(|log, _| shown(log));
    let line = log.lines().find(|line| shown(line)).unwrap();
    line.rsplit('`').nth(1).unwrap().to_owned()
}

async fn post(server: &Server, path: &str, authorization: &str, body: &Value) -> Answer {
    let (kind, body) = match body {
        Value::String(form) => ("application/x-www-form-urlencoded", form.clone()),
        other => ("application/json", other.to_string()),
    };
    let length = body.len();
    let text = format!(
        "POST {path} HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n\
         content-type: {kind}\r\n{authorization}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    exchange(server.address("issuer").parse().unwrap(), text.as_bytes()).await
}

/// The lines of the audit without what differs from run to run.
fn audit(log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["target"] == "portcullis::audit")
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_and_changes_are_one_line_each_and_no_secret() {
    const NOTHING: &str = "x-nothing: 1";
    for (log, plain) in [("", false), (", subject: plain", true)] {
        let mut server = issuer(log);
        let password = administrator_password(&server);
        let login = async |name: &str, password: &str| {
            let body = json!({"username": name, "password": password});
            post(&server, "/consumer/login", NOTHING, &body).await
        };
        let alice = json!({"username": "alice", "email": "alice@a.example", "password": PASSWORD});
        let registered = post(&server, "/consumer/register", NOTHING, &alice).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        let admin = login("admin", &password).await.json();
        let token = admin["token"].as_str().unwrap();
        let scope = json!({"name": "stock.read", "description": "Read stock"});
        let made = post(&server, "/backend/scope", &bearer(token), &scope).await;
        assert_eq!(made.status, 201, "{made:?}");
        let typed = "my-secret-where-the-name-belongs";
        assert_eq!(login(typed, "wrong-password").await.status, 401);
        assert_eq!(login(typed, "other-password").await.status, 429);
        let client = basic("some-client", "wrong-secret");
        let form = json!("grant_type=client_credentials");
        let refused = post(&server, "/authorization/token", &client, &form).await;
        assert_eq!(refused.status, 401, "{refused:?}");

        let forwarded = "x-forwarded-for: 203.0.113.9";
        for _ in 0..2 {
            let read = post(&server, "/authorization/token", forwarded, &form).await;
            assert_eq!(read.status, 401, "{read:?}");
        }

        server.signal("TERM");
        assert_eq!(server.ended().code(), Some(0));
        let log = server.stderr.now();
        let lines = audit(&log);
        let id = registered.json()["id"].as_str().unwrap().to_owned();
        let find = |fields: &[(&str, &str)]| {
            let has = |line: &&Value| fields.iter().all(|(name, value)| line[*name] == *value);
            let found: Vec<&Value> = lines.iter().filter(has).collect();
            assert_eq!(found.len(), 1, "{fields:?} in {log}");
            found[0].clone()
        };
        let registration = find(&[("action", "registered")]);
        assert_eq!(registration["user.id"] == *id, plain, "{registration}");
        find(&[("action", "logged in")]);
        let change = find(&[("action", "accepted"), ("http.route", "/backend/scope")]);
        assert_eq!(change["http.method"], "POST");
        assert_eq!(change["http.status"], 201);
        assert_eq!(change["http.path"] == "/backend/scope", plain);
        let added = find(&[("action", "added"), ("object.kind", "scope")]);
        assert_eq!(added["object.name"], "stock.read");
        assert!(added["user.id"].is_string(), "{added}");
        let failed = find(&[("outcome", "failed"), ("claimant.kind", "account")]);
        assert_eq!(failed["client.address"], "127.0.0.1");
        assert_eq!(failed["credential"], "password");
        let throttled = find(&[("outcome", "throttled"), ("claimant.kind", "account")]);
        assert_eq!(throttled["claimant.digest"], failed["claimant.digest"]);
        assert_eq!(throttled["throttle.limit"], "account_at_address");
        find(&[("outcome", "failed"), ("claimant.kind", "app")]);
        assert_eq!(lines.len(), 7, "{log}");
        assert_eq!(log.matches("x-forwarded-for is not trusted").count(), 1);

        let refresh = admin["refresh_token"].as_str().unwrap();
        let written = log.replace(&format!("`{password}`"), "");
        let secrets = [
            token,
            refresh,
            &password,
            PASSWORD,
            typed,
            "wrong-",
            "other-password",
        ];
        for secret in secrets
            .into_iter()
            .chain(["alice@", "some-client", "Read stock"])
        {
            assert!(!written.contains(secret), "`{secret}` in {log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_of_a_disabled_user_is_told_apart_in_the_log_alone() {
    let mut server = issuer("");
    let alice = json!({"username": "alice", "email": "alice@a.example", "password": PASSWORD});
    let registered = post(&server, "/consumer/register", "x-nothing: 1", &alice).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let disable = ["user", "disable", "alice", "--config", "portcullis.yaml"];
    let disabled = run(&disable, server.folder.path());
    assert!(disabled.status.success(), "{disabled:?}");
    let login = json!({"username": "alice", "password": PASSWORD});
    let refused = post(&server, "/consumer/login", "x-nothing: 1", &login).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    let digest = [
        "user",
        "digest",
        "alice",
        "--format",
        "json",
        "--config",
        "portcullis.yaml",
    ];
    let digest = run(&digest, server.folder.path());
    let digest: Value = serde_json::from_slice(&digest.stdout).unwrap();
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let lines = audit(&server.stderr.now());
    let mut refusals = lines.iter().filter(|line| line["outcome"] == "failed");
    let line = refusals.next().unwrap();
    assert_eq!(line["cause"], "user_disabled", "{line}");
    assert_eq!(line["claimant.digest"], digest["digest"], "{line}");
    assert!(refusals.next().is_none());
}

/// Who reads the log for what has changed must not find what has not.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_changed_nothing_are_told_as_refused() {
    let mut server = issuer("");
    let password = administrator_password(&server);
    let login = json!({"username": "admin", "password": password});
    let login = post(&server, "/consumer/login", "x-nothing: 1", &login).await;
    let admin = bearer(login.json()["token"].as_str().unwrap());
    let scope = json!({"name": "stock.read", "description": "Read stock"});
    let password = json!({"password": PASSWORD});
    for (path, body, status) in [
        ("/backend/scope", &scope, 201),
        ("/backend/scope", &scope, 409),
        ("/backend/scope", &json!({"name": "stock.write"}), 400),
        ("/backend/user/nobody/set_password", &password, 404),
    ] {
        let answer = post(&server, path, &admin, body).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
    }
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let log = server.stderr.now();
    let told: Vec<(Value, Value)> = audit(&log)
        .into_iter()
        .filter(|line| line["http.status"].is_number())
        .map(|line| (line["action"].clone(), line["http.status"].clone()))
        .collect();
    let refused = |status: u16| (json!("refused"), json!(status));
    let accepted = (json!("accepted"), json!(201));
    assert_eq!(told, [accepted, refused(409), refused(400), refused(404)]);
}

/// What a command writes to its standard error; it must succeed.
fn command(server: &Server, arguments: &[&str]) -> String {
    let arguments = [arguments, &["--config", "portcullis.yaml"]].concat();
    let output = run(&arguments, server.folder.path());
    let told = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    told
}

/// What each change of users, roles, scopes and apps is told as, by a token and by a command.
#[tokio::test(flavor = "multi_thread")]
async fn changes_name_what_was_changed_and_of_what() {
    const NOTHING: &str = "x-nothing: 1";
    let mut server = issuer("");
    let password = administrator_password(&server);
    let alice = json!({"username": "alice", "email": "alice@a.example", "password": PASSWORD});
    let alice = post(&server, "/consumer/register", NOTHING, &alice).await;
    let id = alice.json()["id"].as_str().unwrap().to_owned();
    let login = async |name: &str, password: &str| {
        let body = json!({"username": name, "password": password});
        let answer = post(&server, "/consumer/login", NOTHING, &body).await;
        answer.json()
    };
    let admin = login("admin", &password).await;
    let admin = bearer(admin["token"].as_str().unwrap());
    let role = json!({"name": "sales", "scopes": ["consumer.app"]});
    let made = post(&server, "/backend/role", &admin, &role).await;
    assert_eq!(made.status, 201, "{made:?}");
    // A login is given back: RFC 7009.
    let tokens = login("alice", PASSWORD).await;
    let token = tokens["token"].as_str().unwrap();
    let form = json!(format!("token={token}"));
    let given_back = post(&server, "/authorization/revoke", &bearer(token), &form).await;
    assert_eq!(given_back.status, 200, "{given_back:?}");
    let everyone = json!({"everyone": true});
    let revoked = post(&server, "/backend/revoke", &admin, &everyone).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");

    let commands: [(&[&str], &str, Value); 5] = [
        (
            &["role", "set", "sales", "--add-scope", "consumer.account"],
            "changed",
            json!({"object.kind": "role", "object.name": "sales",
                "change": "added scopes consumer.account"}),
        ),
        (
            &[
                "user",
                "set",
                "alice",
                "--role",
                "sales",
                "--email",
                "a@a.example",
            ],
            "changed",
            json!({"object.kind": "user", "change": "email; added roles sales; removed roles consumer"}),
        ),
        (
            &["role", "set", "sales", "--name", "sellers"],
            "changed",
            json!({"object.kind": "role", "object.name": "sales",
                "change": "name sellers; users 1"}),
        ),
        (
            &["app", "add", "web-shop", "--owner", "alice"],
            "added",
            json!({"object.kind": "app", "change": "follows its owner; no scopes"}),
        ),
        (
            &["user", "revoke", "alice"],
            "revoked",
            json!({"object.kind": "user"}),
        ),
    ];
    for (arguments, action, expected) in commands {
        let told = command(&server, arguments);
        let lines = audit(&told);
        assert_eq!(lines.len(), 1, "{told}");
        assert_eq!(lines[0]["action"], action, "{told}");
        assert!(lines[0]["operator.name"].is_string(), "{told}");
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(lines[0][name], *value, "{told}");
        }
        for personal in [id.as_str(), "alice", "a@a.example"] {
            assert!(!told.contains(personal), "{personal} in {told}");
        }
    }
    let told = command(&server, &["role", "list"]);
    assert!(audit(&told).is_empty(), "nothing was changed: {told}");

    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let log = server.stderr.now();
    let lines = audit(&log);
    let find = |action: &str, kind: &str| {
        let is = |line: &&Value| line["action"] == action && line["object.kind"] == kind;
        let found: Vec<&Value> = lines.iter().filter(is).collect();
        assert_eq!(found.len(), 1, "{action} {kind} in {log}");
        found[0].clone()
    };
    assert_eq!(find("added", "role")["change"], "scopes consumer.app");
    let given_back = find("revoked", "grant");
    assert!(given_back["user.id"].is_string(), "{given_back}");
    find("revoked", "everyone");
    for personal in [id.as_str(), "alice"] {
        assert!(!log.contains(personal), "{personal} in {log}");
    }
}

/// The lines of one command, without their times.
fn one_line(told: &str) -> Value {
    let lines = audit(told);
    assert_eq!(lines.len(), 1, "{told}");
    lines[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_the_store_are_not_changed_without_a_line() {
    let mut server = issuer("");
    administrator_password(&server);
    let added = one_line(&command(&server, &["key", "rotate"]));
    assert_eq!(added["action"], "added", "{added}");
    assert_eq!(added["object.kind"], "key", "{added}");
    assert_eq!(added["change"], "signs after the present key", "{added}");
    let again = one_line(&command(&server, &["key", "rotate"]));
    assert_eq!(again["action"], "unchanged", "{again}");
    assert_eq!(again["object.name"], added["object.name"], "{again}");
    let at_once = one_line(&command(&server, &["key", "rotate", "--now", "--yes"]));
    assert_eq!(at_once["action"], "added", "{at_once}");
    assert_ne!(at_once["object.name"], added["object.name"], "{at_once}");
    let withdrawn = "signs at once; all other keys are withdrawn";
    assert_eq!(at_once["change"], withdrawn, "{at_once}");
    let backup = one_line(&command(&server, &["store", "backup", "--out", "copy.db"]));
    assert_eq!(backup["action"], "backed up", "{backup}");
    assert_eq!(backup["object.kind"], "store", "{backup}");
    let migrated = one_line(&command(&server, &["store", "migrate"]));
    assert_eq!(migrated["action"], "unchanged", "{migrated}");
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
}

/// Who follows a user through the log needs one name for it, whoever writes the line.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_and_every_command_name_a_user_alike() {
    let mut server = issuer("");
    administrator_password(&server);
    let alice = json!({"username": "alice", "email": "alice@a.example", "password": PASSWORD});
    let registered = post(&server, "/consumer/register", "x-nothing: 1", &alice).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let moved = ["user", "set", "alice", "--email", "a@a.example"];
    let changed = one_line(&command(&server, &moved));
    assert_eq!(changed["action"], "changed", "{changed}");
    let unchanged = one_line(&command(&server, &moved));
    assert_eq!(unchanged["action"], "unchanged", "{unchanged}");
    let revoked = one_line(&command(&server, &["user", "revoke", "alice"]));
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let log = server.stderr.now();
    let lines = audit(&log);
    let by_server = lines.iter().find(|line| line["action"] == "registered");
    let name = &by_server.unwrap()["user.id"];
    assert!(name.is_string(), "{log}");
    for line in [changed, unchanged, revoked] {
        assert_eq!(line["object.name"], *name, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_changes_nothing_is_told_as_such() {
    let mut server = issuer("");
    administrator_password(&server);
    command(
        &server,
        &["scope", "add", "stock.read", "--description", "Read stock"],
    );
    command(&server, &["role", "add", "clerk", "--scope", "stock.read"]);
    let commands: [(&[&str], &str); 6] = [
        (
            &["role", "set", "clerk", "--scope", "stock.read"],
            "unchanged",
        ),
        (&["role", "set", "clerk", "--no-scopes"], "changed"),
        (&["role", "default", "consumer"], "unchanged"),
        (
            &["scope", "set", "stock.read", "--description", "Read stock"],
            "unchanged",
        ),
        (
            &["scope", "set", "stock.read", "--description", "See stock"],
            "changed",
        ),
        (&["user", "enable", "admin"], "unchanged"),
    ];
    for (arguments, action) in commands {
        let line = one_line(&command(&server, arguments));
        assert_eq!(line["action"], action, "{arguments:?}: {line}");
    }
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
}

/// Warnings name users as everything else does.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_comes_twice_is_told_without_the_id_of_its_user() {
    const NOTHING: &str = "x-nothing: 1";
    let mut server = Server::start(&Setup {
        extra: "issuer: {url: \"https://id.shop.example\", address: \"127.0.0.1:0\", \
                store: \"sqlite:store.db\", refresh_token: {retry_window_seconds: 0}}\n\
                log: {format: json}"
            .to_owned(),
        ..Setup::default()
    });
    let alice = json!({"username": "alice", "email": "alice@a.example", "password": PASSWORD});
    let registered = post(&server, "/consumer/register", NOTHING, &alice).await;
    let id = registered.json()["id"].as_str().unwrap().to_owned();
    let login = json!({"username": "alice", "password": PASSWORD});
    let app = post(&server, "/consumer/login", NOTHING, &login)
        .await
        .json();
    let token = bearer(app["token"].as_str().unwrap());
    let wanted = json!({"name": "robot", "scopes": ["consumer.account"]});
    let app = post(&server, "/consumer/app", &token, &wanted).await.json();
    let text = |name: &str| app[name].as_str().unwrap();
    let client = basic(text("app_key"), text("app_secret"));
    let ask = async |form: &str| post(&server, "/authorization/token", &client, &json!(form)).await;
    let granted = ask("grant_type=client_credentials").await.json();
    let refresh = granted["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(ask(&form).await.status, 200);
    assert_eq!(ask(&form).await.status, 400);
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let log = server.stderr.now();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let warned = |line: &Value| line["level"] == "WARN" && line["user.id"].is_string();
    assert_eq!(lines.filter(warned).count(), 1, "{log}");
    assert!(!log.contains(&id), "{id} in {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_the_portal_and_foreign_forms_are_told() {
    let server = issuer(", subject: plain");
    let password = administrator_password(&server);
    let address = server.address("issuer").parse().unwrap();
    let get = "GET /portal/log-in HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n\r\n";
    let login = exchange(address, get.as_bytes()).await;
    let token = |answer: &Answer| form(answer, "/portal/log-out").fields["csrf"].clone();
    let mut cookies = kept(&login);
    let csrf = form(&login, "/portal/log-in").fields["csrf"].clone();
    let filled = format!("csrf={csrf}&username=admin&password={password}");
    let answer = post(&server, "/portal/log-in", &cookies, &Value::String(filled)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    cookies = format!(
        "{cookies}; {}",
        kept(&answer).strip_prefix("cookie: ").unwrap()
    );
    let get = format!(
        "GET / HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n{cookies}\r\n\r\n"
    );
    let csrf = token(&exchange(address, get.as_bytes()).await);
    for (csrf, status) in [("forged", 403), (csrf.as_str(), 303)] {
        let filled = Value::String(format!("csrf={csrf}"));
        let answer = post(&server, "/portal/log-out", &cookies, &filled).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let log = server.stderr.until(|log, _| log.contains("logged out"));
    let actions: Vec<Value> = audit(&log)
        .iter()
        .map(|line| json!([line["action"], line["http.path"]]))
        .collect();
    let refused = json!(["refused", "/portal/log-out"]);
    assert!(actions.contains(&refused), "{actions:?}");
    assert!(
        actions.contains(&json!(["logged out", null])),
        "{actions:?}"
    );
}

/// The header with what an answer has set.
fn kept(answer: &Answer) -> String {
    let cookies = set_cookies(answer);
    let pairs = cookies
        .iter()
        .map(|cookie| cookie.split(';').next().unwrap());
    format!("cookie: {}", pairs.collect::<Vec<_>>().join("; "))
}

/// Its owner asks the operator why its app gets no token, and names the app by its key.
#[tokio::test(flavor = "multi_thread")]
async fn why_an_app_is_refused_is_in_the_log_and_not_in_the_answer() {
    let mut server = issuer("");
    administrator_password(&server);
    let verb = |arguments: &[&str]| {
        let all = [
            arguments,
            &["--config", "portcullis.yaml", "--format", "json"],
        ]
        .concat();
        let output = run(&all, server.folder.path());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let app = verb(&["app", "add", "shop", "--owner", "admin"]);
    let (key, secret) = (
        app["app_key"].as_str().unwrap(),
        app["app_secret"].as_str().unwrap(),
    );
    let form = json!("grant_type=client_credentials");
    let mut bodies = Vec::new();
    let refuse = async |key: &str, secret: &str| {
        let client = basic(key, secret);
        let refused = post(&server, "/authorization/token", &client, &form).await;
        assert_eq!(refused.status, 401, "{refused:?}");
        refused.body
    };
    bodies.push(refuse("nobody", "wrong").await);
    bodies.push(refuse(key, "wrong").await);
    verb(&["app", "disable", key]);
    bodies.push(refuse(key, secret).await);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    let key = key.to_owned();
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let log = server.stderr.now();
    let lines = audit(&log);
    let refused = lines.iter().filter(|line| line["claimant.kind"] == "app");
    let told: Vec<_> = refused
        .map(|line| (&line["app.key"], &line["cause"]))
        .collect();
    let null = Value::Null;
    let expected = [
        (&null, &null),
        (&json!(key), &json!("wrong_secret")),
        (&json!(key), &json!("app_disabled")),
    ];
    assert_eq!(told, expected, "{log}");
}

/// Who counts logins must not count the proofs of somebody who is logged in.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_not_told_as_a_login() {
    let mut server = issuer("");
    let password = administrator_password(&server);
    let login = json!({"username": "admin", "password": password});
    let login = post(&server, "/consumer/login", "x-nothing: 1", &login).await;
    let admin = bearer(login.json()["token"].as_str().unwrap());
    let change = json!({"old_password": password, "new_password": PASSWORD});
    let path = "/consumer/account/change_password";
    let changed = post(&server, path, &admin, &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let lines = audit(&server.stderr.now());
    let told: Vec<&str> = lines
        .iter()
        .filter(|line| line["message"] == "done by a user")
        .filter_map(|line| line["action"].as_str())
        .collect();
    assert_eq!(told, ["logged in", "confirmed with the password"]);
}
