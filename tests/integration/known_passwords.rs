//! Passwords that an administrator has set, and what their users do not get with one.

use serde_json::{Value, json};

use crate::admin_verbs;
use crate::client::Answer;
use crate::partial_administrators::{does, partial};
use crate::postgres::Postgres;
use crate::test_browser::{TestBrowser, form};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, URL};

const HERS: &str = "another horse, another staple";
const RAISED: &str = "PUT /backend/user/carol";
const OPS: &str = "PUT /backend/role/ops";

/// A companion with the role `ops`, which opens the own account, and `pat`, who has `backend.user` alone; tokens of the
/// administrator and of pat.
async fn with_pat(companion: &TestCompanion) -> (String, String) {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": "ops", "scopes": ["consumer.account"]});
    does(companion, "POST /backend/role", &role, &admin, 201).await;
    let pat = partial(companion, "pat", &["backend.user"]).await;
    (admin, pat)
}

/// Adds a user who has the role `ops`, with a password that whoever adds it knows.
async fn add(companion: &TestCompanion, name: &str, by: &str) {
    let email = format!("{name}@shop.example");
    let user = json!({"username": name, "email": email, "password": PASSWORD, "roles": ["ops"]});
    does(companion, "POST /backend/user", &user, by, 201).await;
}

async fn log_in(companion: &TestCompanion, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "password": password});
    companion.post("/consumer/login", &body, "").await
}

fn to_administrator() -> Value {
    json!({"add_roles": ["administrator"]})
}

/// The user replaces its password, as somebody who knows the old one.
async fn replace(companion: &TestCompanion, name: &str) {
    let own = companion.login(name, PASSWORD).await;
    let body = json!({"old_password": PASSWORD, "new_password": HERS});
    let path = "/consumer/account/change_password";
    let done = companion.put(path, &body, &own).await;
    assert!(done.status < 300, "{done:?}");
}

/// Nobody becomes an administrator with a password that somebody knows who is none.
async fn raising(companion: &TestCompanion) {
    let (admin, pat) = with_pat(companion).await;
    add(companion, "carol", &pat).await;
    companion.register("dave").await;
    let body = json!({"password": PASSWORD});
    let path = "POST /backend/user/dave/set_password";
    does(companion, path, &body, &pat, 204).await;
    let rows = [
        (RAISED, to_administrator(), "carol"),
        ("PUT /backend/user/dave", to_administrator(), "dave"),
        // Pat lacks what the role is to get.
        (OPS, json!({"add_scopes": ["backend.role"]}), "carol"),
    ];
    for (request, body, name) in &rows {
        let refused = does(companion, request, body, &admin, 409).await;
        let told = refused["error_description"].as_str().unwrap();
        let expected = format!("`pat` has set the password of `{name}`");
        assert!(told.contains(&expected), "{request}: {told}");
        assert!(told.contains("its user must replace it first"), "{told}");
    }
    let carol = companion.get("/backend/user/carol", &admin).await.json();
    assert_eq!(
        carol["scopes"],
        json!(["consumer.account"]),
        "nothing has changed"
    );
    // What is no administrator's, or what pat has as well, is nothing that the password would give pat.
    let role = json!({"name": "clerk", "scopes": ["orders.read"]});
    does(companion, "POST /backend/role", &role, &admin, 201).await;
    let clerk = json!({"add_roles": ["clerk"]});
    does(companion, RAISED, &clerk, &admin, 200).await;
    let users = json!({"add_scopes": ["backend.user"]});
    does(companion, OPS, &users, &admin, 200).await;
    // Once it is theirs, all of it goes, and pat knows nothing.
    replace(companion, "carol").await;
    for (request, body, name) in &rows {
        if *name == "carol" {
            does(companion, request, body, &admin, 200).await;
        }
    }
    assert_eq!(log_in(companion, "carol", PASSWORD).await.status, 401);
    assert_eq!(log_in(companion, "carol", HERS).await.status, 200);
}

#[tokio::test]
async fn nobody_becomes_an_administrator_with_a_password_that_another_knows() {
    raising(&TestCompanion::start().await).await;
}

#[tokio::test]
async fn nobody_becomes_an_administrator_with_a_known_password_on_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let url = postgres.database("issuer");
    let folder = tempfile::tempdir().unwrap();
    raising(&TestCompanion::on(&url, folder).await).await;
}

#[tokio::test]
async fn an_administrator_knows_the_passwords_of_others_until_it_is_none() {
    let companion = TestCompanion::start().await;
    let (admin, pat) = with_pat(&companion).await;
    let root = json!({"username": "root2", "email": "root2@shop.example", "password": PASSWORD,
        "roles": ["administrator"]});
    does(&companion, "POST /backend/user", &root, &admin, 201).await;
    let root2 = companion.login("root2", PASSWORD).await;
    for (name, by) in [
        ("erin", &admin),
        ("frank", &root2),
        ("grace", &root2),
        ("carol", &pat),
    ] {
        add(&companion, name, by).await;
    }
    // By whoever has set it, and by another who may do the same.
    for name in ["erin", "frank"] {
        let request = format!("PUT /backend/user/{name}");
        does(&companion, &request, &to_administrator(), &admin, 200).await;
    }
    let disabled = json!({"status": "disabled"});
    let (grace, request) = ("PUT /backend/user/grace", "PUT /backend/user/root2");
    does(&companion, request, &disabled, &admin, 200).await;
    let refused = does(&companion, grace, &to_administrator(), &admin, 409).await;
    assert!(refused.to_string().contains("`root2` has set"), "{refused}");
    for name in ["pat", "root2"] {
        let path = format!("/backend/user/{name}");
        assert_eq!(companion.delete(&path, &admin).await.status, 204);
    }
    for request in [grace, RAISED] {
        let refused = does(&companion, request, &to_administrator(), &admin, 409).await;
        let told = refused.to_string();
        assert!(told.contains("an administrator who is gone has"), "{told}");
    }
    // Whoever raises may know it: who gives the role could have given it to a user of its own.
    let body = json!({"password": PASSWORD});
    let path = "POST /backend/user/grace/set_password";
    does(&companion, path, &body, &admin, 204).await;
    does(&companion, grace, &to_administrator(), &admin, 200).await;
}

#[tokio::test]
async fn a_command_raises_all_the_same_and_says_who_knows_the_password() {
    let companion = TestCompanion::start().await;
    let (admin, pat) = with_pat(&companion).await;
    for name in ["carol", "erin"] {
        add(&companion, name, &pat).await;
    }
    let folder = companion.gate.folder.path();
    let command = |line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let done = admin_verbs::run(folder, &arguments, "");
        assert!(done.status.success(), "{line}: {done:?}");
        (
            String::from_utf8(done.stdout).unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        )
    };
    let (_, told) = command("user set carol --add-role administrator");
    let note = "note: `pat` has set the password of `carol` (";
    assert!(told.contains(note), "{told}");
    let (_, told) = command("role set ops --add-scope backend.app");
    let note = "note: `pat` has set the password of `carol` and 1 more (";
    assert!(told.contains(note), "{told}");
    // By a link the password becomes that of the user, and nothing is to be said.
    let (link, _) = command("user reset-link erin");
    let (_, path) = link.split_once(URL).unwrap();
    let path = path.split_whitespace().next().unwrap();
    let mut browser = TestBrowser::new(&companion);
    let filled = form(&browser.get(path).await, "/portal/reset").with("new_password", HERS);
    assert_eq!(browser.submit(&filled).await.status, 303);
    let (_, told) = command("user set erin --add-role administrator");
    assert!(!told.contains("has set the password"), "{told}");
    // Whoever holds the machine knows more than a password.
    command("user add frank --email frank@shop.example");
    let frank = "PUT /backend/user/frank";
    does(&companion, frank, &to_administrator(), &admin, 200).await;
}

#[tokio::test]
async fn the_page_of_a_user_says_that_another_knows_its_password() {
    let companion = TestCompanion::start().await;
    let (_, pat) = with_pat(&companion).await;
    add(&companion, "carol", &pat).await;
    let mut browser = TestBrowser::new(&companion);
    let empty = browser.get("/portal/log-in").await;
    let login = form(&empty, "/portal/log-in")
        .with("username", "admin")
        .with("password", ADMIN_PASSWORD);
    assert_eq!(browser.submit(&login).await.status, 303);
    let page = browser.get("/panel/users/carol").await;
    let raised = form(&page, "/panel/users/carol")
        .with("box:ops", "on")
        .with("box:administrator", "on");
    let asked = browser.submit(&raised).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let refused = browser.submit(&form(&asked, "/panel/users/carol")).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    for told in ["has set the password of", "must replace it first"] {
        assert!(refused.body.contains(told), "{told}: {refused:?}");
    }
}
