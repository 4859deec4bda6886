//! The panel: what administrators do, and what that does to everybody else.

mod asked;
mod bearers;
mod ended_where;
mod fleet;
mod given;
mod keys;
mod links;
mod lists;
mod oversight;
mod policy;

use serde_json::json;

use super::{client, log_in, new_app, page, send, sign_up, with_clock};
use crate::client::Answer;
use crate::test_browser::{CALLBACK, TestBrowser, form, request};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, URL};

async fn administrator(companion: &TestCompanion) -> TestBrowser<'_> {
    log_in(companion, "admin", ADMIN_PASSWORD).await
}

/// What reorders, ends and escapes text.
const ODD: &str = "k\u{202e}a\u{2066}b <&amp;\"'> \u{e4}\u{1f600}";

/// The link for a password on the page of a user.
fn link(page: &Answer) -> String {
    let (_, rest) = page
        .body
        .split_once("id=\"reset-link\">")
        .unwrap_or_else(|| panic!("{page:?}"));
    rest.split_once('<').unwrap().0.to_owned()
}

/// Opens a link of this issuer and sets a password.
async fn set_password(companion: &TestCompanion, link: &str, password: &str) {
    let path = link.strip_prefix(URL).unwrap();
    let mut browser = TestBrowser::new(companion);
    let filled = form(&page(&mut browser, path).await, "/portal/reset");
    send(&mut browser, &filled.with("new_password", password)).await;
}

/// The names of the boxes of a page that are ticked.
fn ticked(page: &Answer) -> Vec<String> {
    let boxes = page.body.split("type=\"checkbox\" name=\"box:").skip(1);
    let boxes = boxes.filter_map(|rest| {
        let (name, rest) = rest.split_once('"')?;
        rest.starts_with(" checked").then(|| name.to_owned())
    });
    boxes.collect()
}

#[tokio::test]
async fn a_role_is_made_ticked_and_given_to_whoever_signs_up() {
    let companion = TestCompanion::start().await;
    let mut admin = administrator(&companion).await;
    let panel = page(&mut admin, "/panel").await;
    for part in ["roles", "users", "scopes", "apps"] {
        assert!(
            panel.body.contains(&format!("href=\"/panel/{part}\"")),
            "{panel:?}"
        );
    }
    let empty = form(
        &page(&mut admin, "/panel/new-scope").await,
        "/panel/new-scope",
    );
    let scope = empty
        .with("name", "stock.read")
        .with("description", "See what is in stock");
    let scopes = send(&mut admin, &scope).await;
    assert!(scopes.body.contains("See what is in stock"), "{scopes:?}");

    let empty = form(
        &page(&mut admin, "/panel/new-role").await,
        "/panel/new-role",
    );
    let role = empty
        .with("name", "shopper")
        .with("box:orders.write", "on")
        .with("box:stock.read", "on")
        .with("box:consumer.app", "on");
    let made = send(&mut admin, &role).await;
    assert_eq!(
        ticked(&made),
        ["orders.write", "stock.read", "consumer.app"]
    );
    let path = "/panel/roles/shopper/default";
    let asked = page(&mut admin, path).await;
    let lacks = "It lacks what opens the portal to a user: consumer.account.";
    assert!(asked.body.contains(lacks), "{asked:?}");
    let chosen = form(&asked, path).with("add_own", "on");
    let chosen = send(&mut admin, &chosen).await;
    assert_eq!(
        ticked(&chosen),
        [
            "orders.write",
            "stock.read",
            "consumer.account",
            "consumer.app"
        ]
    );
    let asked = page(&mut admin, path).await;
    assert!(!asked.body.contains("It lacks"), "{asked:?}");
    assert!(chosen.body.contains(">default<"), "{chosen:?}");
    let policy = page(&mut admin, "/panel/policy?search=orders.write").await;
    let (_, route) = policy.body.split_once(">place-order</a>").unwrap();
    let (route, _) = route.split_once("</tr>").unwrap();
    assert!(
        route.contains("shopper") && !route.contains("consumer"),
        "{policy:?}"
    );
    assert!(!policy.body.contains("read-order"), "{policy:?}");
    let grid = page(&mut admin, "/panel/roles").await;
    assert!(
        grid.body.contains("href=\"/panel/roles/shopper\""),
        "{grid:?}"
    );

    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let made = send(&mut alice, &filled).await;
    assert!(made.body.contains("See what is in stock"), "{made:?}");
    let token = companion.tokens(&client(&made)).await.access;
    assert_eq!(companion.check("POST", "/orders", &token).await, 200);
}

#[tokio::test]
async fn what_takes_something_away_says_first_whom_it_concerns() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let app = client(&send(&mut alice, &filled).await);
    sign_up(&companion, "bobby").await;
    let token = companion.tokens(&app).await.access;

    let mut admin = administrator(&companion).await;
    let path = "/panel/roles/consumer";
    let role = page(&mut admin, path).await;
    assert!(
        role.body
            .contains("It is used by 2 users, 1 app and 1 grant."),
        "{role:?}"
    );
    let mut cleared = form(&role, path).with("name", "consumer");
    for kept in ["consumer.account", "consumer.app"] {
        cleared = cleared.with(&format!("box:{kept}"), "on");
    }
    let asked = admin.submit(&cleared).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    for text in [
        "Loses: orders.read",
        "This concerns 2 users, 1 app and 1 grant.",
    ] {
        assert!(asked.body.contains(text), "{text}: {asked:?}");
    }
    assert_eq!(
        companion.check("GET", "/orders/1", &token).await,
        200,
        "nothing yet"
    );
    let changed = send(&mut admin, &form(&asked, path)).await;
    assert_eq!(ticked(&changed), ["consumer.account", "consumer.app"]);
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 401);

    // The endpoint says the same beforehand.
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let role = companion.get("/backend/role/consumer", &token).await.json();
    assert_eq!((&role["users"], &role["apps"]), (&json!(2), &json!(1)));
    let scope = companion
        .get("/backend/scope/consumer.app", &token)
        .await
        .json();
    let expected = (json!(["administrator", "consumer"]), json!(3));
    assert_eq!((scope["roles"].clone(), scope["users"].clone()), expected);
}

#[tokio::test]
async fn a_disabled_app_is_out_at_the_gate_and_comes_back() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let token = companion.tokens(&app).await.access;
    let mut admin = administrator(&companion).await;
    let apps = page(&mut admin, "/panel/apps?owner=alice").await;
    assert!(
        apps.body
            .contains(&format!("href=\"/panel/apps/{}\"", app.key)),
        "{apps:?}"
    );
    let path = format!("/panel/apps/{}/status", app.key);
    let disable = form(&page(&mut admin, &path).await, &path);
    let disabled = send(&mut admin, &disable).await;
    assert!(disabled.body.contains(">disabled<"), "{disabled:?}");
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 401);
    let told = page(&mut alice, &format!("/portal/apps/{}", app.key)).await;
    assert!(
        told.body.contains("Only an administrator can change that"),
        "{told:?}"
    );

    let enable = form(&page(&mut admin, &path).await, &path);
    assert_eq!(enable.fields["status"], "active");
    send(&mut admin, &enable).await;
    let token = companion.tokens(&app).await.access;
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);
    let path = format!("/panel/apps/{}/delete", app.key);
    let delete = page(&mut admin, &path).await;
    let told = "This concerns 1 user, 1 app and 1 grant.";
    assert!(delete.body.contains(told), "{delete:?}");
    send(&mut admin, &form(&delete, &path)).await;
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 401);
}

#[tokio::test]
async fn grants_and_sessions_that_end_are_counted_first() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let owner = companion.login("alice", PASSWORD).await;
    let app = companion.web_app(&owner, "web-shop", &[CALLBACK]).await;
    companion.register("bobby").await;
    let mut bobby = TestBrowser::new(&companion);
    let code = bobby.code(&request(&app), "bobby").await;
    assert_eq!(companion.redeem(&app, &code).await.status, 200);

    let mut admin = administrator(&companion).await;
    // The login of alice, and the access of bobby, who is concerned as well; and the browser of alice.
    let user = "This concerns 2 users, 1 app, 2 grants and 1 session.";
    let one = "This concerns 2 users, 1 app and 1 grant.";
    let of_app = format!("/panel/apps/{}", app.key);
    for (path, told) in [
        ("/panel/users/alice/status".to_owned(), user),
        ("/panel/users/alice/delete".to_owned(), user),
        (format!("{of_app}/status"), one),
        (format!("{of_app}/delete"), one),
        (
            "/panel/roles/consumer".to_owned(),
            "2 users, 1 app and 3 grants.",
        ),
    ] {
        let asked = page(&mut admin, &path).await;
        assert!(asked.body.contains(told), "{path}: {asked:?}");
    }
    let delete = page(&mut alice, &format!("/portal/apps/{}/delete", app.key)).await;
    assert!(delete.body.contains(one), "{delete:?}");
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let numbers = async |path: &str, token: &str| {
        let answer = companion.get(path, token).await.json();
        ["users", "apps", "grants", "sessions"].map(|name| answer[name].as_i64())
    };
    let of_user = numbers("/backend/user/alice", &token).await;
    assert_eq!(of_user, [Some(2), Some(1), Some(2), Some(1)]);
    for (path, token) in [("backend", &token), ("consumer", &owner)] {
        let of_app = numbers(&format!("/{path}/app/{}", app.key), token).await;
        assert_eq!(of_app, [Some(2), None, Some(1), None], "{path}");
    }
    let of_role = numbers("/backend/role/consumer", &token).await;
    assert_eq!(of_role, [Some(2), Some(1), Some(3), None]);
}

#[tokio::test]
async fn a_user_is_found_given_roles_and_disabled() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut admin = administrator(&companion).await;
    let found = page(&mut admin, "/panel/users?search=ALI").await;
    assert!(
        found.body.contains("href=\"/panel/users/alice\""),
        "{found:?}"
    );
    assert!(
        !found.body.contains("href=\"/panel/users/admin\""),
        "{found:?}"
    );
    let none = page(&mut admin, "/panel/users?search=nobody").await;
    assert!(none.body.contains("No user matches."), "{none:?}");

    let path = "/panel/users/alice";
    let user = page(&mut admin, path).await;
    assert_eq!(ticked(&user), ["consumer"]);
    let empty = form(
        &page(&mut admin, "/panel/new-role").await,
        "/panel/new-role",
    );
    let clerk = empty.with("name", "clerk").with("box:orders.write", "on");
    send(&mut admin, &clerk).await;
    let user = page(&mut admin, path).await;
    let given = form(&user, path)
        .with("box:consumer", "on")
        .with("box:clerk", "on");
    let given = send(&mut admin, &given).await;
    assert_eq!(ticked(&given), ["clerk", "consumer"]);
    let taken = admin
        .submit(&form(&given, path).with("box:consumer", "on"))
        .await;
    assert!(taken.body.contains("Loses: clerk"), "{taken:?}");
    let taken = send(&mut admin, &form(&taken, path)).await;
    assert_eq!(ticked(&taken), ["consumer"]);

    let reset = "/panel/users/alice/password";
    let reset = form(&page(&mut admin, reset).await, reset);
    let link = link(&send(&mut admin, &reset).await);
    assert_eq!(
        alice.get("/portal/apps").await.status,
        303,
        "the session has ended"
    );
    let login = json!({"username": "alice", "password": PASSWORD});
    let login = companion.post("/consumer/login", &login, "").await;
    assert_eq!(login.status, 401, "{login:?}");
    set_password(&companion, &link, "another good password").await;
    let mut alice = log_in(&companion, "alice", "another good password").await;

    let status = "/panel/users/alice/status";
    let disable = form(&page(&mut admin, status).await, status);
    let disabled = send(&mut admin, &disable).await;
    assert!(disabled.body.contains(">disabled<"), "{disabled:?}");
    assert_eq!(
        alice.get("/portal/apps").await.status,
        303,
        "the session has ended"
    );
    let delete = "/panel/users/alice/delete";
    let delete = form(&page(&mut admin, delete).await, delete);
    send(&mut admin, &delete).await;
    assert_eq!(admin.get(path).await.status, 404);
}

#[tokio::test]
async fn the_last_administrator_and_the_default_role_stay() {
    let companion = TestCompanion::start().await;
    let mut admin = administrator(&companion).await;
    let rows = [
        ("/panel/users/admin/status", "would leave no administrator"),
        ("/panel/users/admin/delete", "would leave no administrator"),
        (
            "/panel/roles/administrator/default",
            "everybody would get it",
        ),
    ];
    for (path, expected) in rows {
        let asked = form(&page(&mut admin, path).await, path);
        let refused = admin.submit(&asked).await;
        assert_eq!(refused.status, 409, "{path}: {refused:?}");
        assert!(refused.body.contains(expected), "{path}: {refused:?}");
    }
    // What is refused anyway is not asked: neither the page nor a form by hand does it.
    for (path, expected) in [
        (
            "/panel/roles/consumer/delete",
            "choose another default role first",
        ),
        ("/panel/roles/administrator/delete", "belongs to the issuer"),
    ] {
        let mut by_hand = form(
            &page(&mut admin, "/panel/new-role").await,
            "/panel/new-role",
        );
        by_hand.action = path.to_owned();
        let role = path.trim_end_matches("/delete");
        let mark = form(&page(&mut admin, role).await, role).fields["seen"].clone();
        let by_hand = by_hand.with("seen", &mark);
        for refused in [admin.get(path).await, admin.submit(&by_hand).await] {
            assert_eq!(refused.status, 409, "{path}: {refused:?}");
            assert!(refused.body.contains(expected), "{path}: {refused:?}");
        }
        let seen = page(&mut admin, role).await;
        assert!(!seen.body.contains(&format!("href=\"{path}\"")), "{seen:?}");
    }
    let path = "/panel/roles/administrator";
    let cleared = form(&page(&mut admin, path).await, path).with("name", "administrator");
    let refused = admin.submit(&cleared).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(
        refused.body.contains("would leave no administrator"),
        "{refused:?}"
    );
    let path = "/panel/users/admin";
    let user = page(&mut admin, path).await;
    let asked = admin.submit(&form(&user, path)).await;
    let refused = admin.submit(&form(&asked, path)).await;
    assert_eq!(refused.status, 409, "{refused:?}");
}

#[tokio::test]
async fn a_scope_goes_with_all_that_have_it() {
    let companion = TestCompanion::start().await;
    sign_up(&companion, "alice").await;
    let mut admin = administrator(&companion).await;
    let path = "/panel/scopes/orders.read";
    let scope = page(&mut admin, path).await;
    let described = form(&scope, path).with("description", "Read all orders");
    let described = send(&mut admin, &described).await;
    assert!(described.body.contains("Read all orders"), "{described:?}");
    let path = "/panel/scopes/orders.read/delete";
    let asked = page(&mut admin, path).await;
    for text in ["taken from the roles consumer", "This concerns 1 user"] {
        assert!(asked.body.contains(text), "{text}: {asked:?}");
    }
    let scopes = send(&mut admin, &form(&asked, path)).await;
    assert!(!scopes.body.contains("orders.read"), "{scopes:?}");
    let own = admin.get("/panel/scopes/backend.user/delete").await;
    let refused = admin
        .submit(&form(&own, "/panel/scopes/backend.user/delete"))
        .await;
    assert_eq!(refused.status, 409, "{refused:?}");
}

/// What needs a fresh login at an endpoint needs it on the page as well.
#[tokio::test]
async fn what_outlives_a_session_needs_the_password_again() {
    let (companion, clock) = with_clock().await;
    sign_up(&companion, "alice").await;
    let mut admin = administrator(&companion).await;
    clock.advance(301);
    let user = "username=bobby&email=bobby@shop.example";
    let rows = [
        ("/panel/new-user", user, true),
        (
            "/panel/users/alice",
            "box:consumer=on&box:administrator=on&confirmed=yes",
            true,
        ),
        ("/panel/users/alice/status", "", true),
        ("/panel/users/alice/password", "", true),
        ("/panel/users/alice/delete", "", false),
        (
            "/panel/roles/consumer",
            "name=consumer&box:orders.write=on&confirmed=yes",
            true,
        ),
        ("/panel/roles/consumer/default", "", true),
        ("/panel/new-role", "name=clerk", false),
        ("/panel/roles/clerk/delete", "", false),
        ("/panel/new-scope", "name=stock.read&description=x", false),
    ];
    for (path, fields, needs) in rows {
        let mut filled = form(&page(&mut admin, path).await, path);
        for (name, value) in fields.split('&').filter_map(|field| field.split_once('=')) {
            filled = filled.with(name, value);
        }
        let answer = admin.submit(&filled).await;
        assert_eq!(
            answer.status,
            if needs { 403 } else { 303 },
            "{path}: {answer:?}"
        );
        assert_eq!(
            answer.body.contains("Confirm that it is you"),
            needs,
            "{path}: {answer:?}"
        );
    }
    let path = "/panel/roles/consumer";
    let role = page(&mut admin, path).await;
    let mut more = form(&role, path).with("name", "consumer");
    for name in [
        "consumer.account",
        "consumer.app",
        "orders.read",
        "orders.write",
    ] {
        more = more.with(&format!("box:{name}"), "on");
    }
    let proof = admin.submit(&more).await;
    let proof = form(&proof, path).with("confirm_password", ADMIN_PASSWORD);
    let changed = send(&mut admin, &proof).await;
    let expected = [
        "orders.read",
        "orders.write",
        "consumer.account",
        "consumer.app",
    ];
    assert_eq!(ticked(&changed), expected);
}

/// What a form carries on is not made readable: it comes back as it was sent.
#[tokio::test]
async fn odd_characters_survive_a_confirmation() {
    let (companion, clock) = with_clock().await;
    let mut admin = administrator(&companion).await;
    clock.advance(301);
    let path = "/panel/new-user";
    let filled = form(&page(&mut admin, path).await, path)
        .with("username", ODD)
        .with("email", "alice@shop.example");
    let proof = admin.submit(&filled).await;
    assert_eq!(proof.status, 403, "{proof:?}");
    let proof = form(&proof, path);
    assert_eq!(proof.fields["username"], ODD);
    let right = proof
        .with("confirm_password", ADMIN_PASSWORD)
        .with("username", "alice");
    let link = link(&send(&mut admin, &right).await);
    set_password(&companion, &link, ODD).await;
    log_in(&companion, "alice", ODD).await;
}

#[tokio::test]
async fn nobody_resets_the_own_password_by_a_link_that_it_would_not_see() {
    let companion = TestCompanion::start().await;
    let mut admin = administrator(&companion).await;
    let path = "/panel/users/admin/password";
    let own = Some("/portal/account/password");
    assert_eq!(admin.get(path).await.header("location"), own);
    let mut sent = form(
        &page(&mut admin, "/panel/new-user").await,
        "/panel/new-user",
    );
    sent.action = path.to_owned();
    assert_eq!(admin.submit(&sent).await.header("location"), own);
    log_in(&companion, "admin", ADMIN_PASSWORD).await;
}

#[tokio::test]
async fn lists_are_paged_and_filtered_in_the_database() {
    let companion = TestCompanion::start().await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    for number in 0..25 {
        let name = format!("user-{number:02}");
        let user = json!({"username": name, "email": format!("{name}@shop.example"), "password": PASSWORD});
        assert_eq!(
            companion.post("/backend/user", &user, &token).await.status,
            201
        );
    }
    let mut admin = administrator(&companion).await;
    let first = page(&mut admin, "/panel/users?search=user-").await;
    let (_, rest) = first
        .body
        .split_once("<a href=\"/panel/users?after=")
        .unwrap();
    let (after, _) = rest.split_once('"').unwrap();
    let path = format!(
        "/panel/users?after={}",
        after.replace("&amp;", "&").replace("&#38;", "&")
    );
    let second = page(&mut admin, &path).await;
    for (number, answer) in [(19, &first), (24, &second)] {
        assert!(
            answer.body.contains(&format!("user-{number}@")),
            "{number}: {answer:?}"
        );
    }
    assert!(!second.body.contains("user-19@") && !second.body.contains("rel=\"next\""));
    let wrong = admin.get("/panel/users?limit=x").await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    assert!(wrong.body.contains("<html"), "{wrong:?}");
}

/// Whatever can be created has a page.
#[tokio::test]
async fn names_with_odd_characters_have_pages() {
    let companion = TestCompanion::start().await;
    let mut admin = administrator(&companion).await;
    for name in [
        "a?b", "a#b", "a&b=c", "a.b", "a+b", "<b>", "a:b", "new-role",
    ] {
        let empty = form(
            &page(&mut admin, "/panel/new-role").await,
            "/panel/new-role",
        );
        let made = send(&mut admin, &empty.with("name", name)).await;
        assert!(
            made.body.contains("The role has been created."),
            "{name}: {made:?}"
        );
        let empty = form(
            &page(&mut admin, "/panel/new-scope").await,
            "/panel/new-scope",
        );
        let scope = empty
            .with("name", name)
            .with("description", "<script>alert(1)</script>");
        let scopes = send(&mut admin, &scope).await;
        assert!(!scopes.body.contains("<script>"), "{name}: {scopes:?}");
    }
}

/// The longest names, and more of them than a page has boxes for.
#[tokio::test]
async fn a_role_with_many_scopes_shows_and_keeps_them() {
    let companion = TestCompanion::start().await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let names: Vec<String> = (0..160)
        .map(|number| format!("{number:03}{}", "~".repeat(125)))
        .collect();
    for name in &names {
        let scope = json!({"name": name, "description": ""});
        let made = companion.post("/backend/scope", &scope, &token).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    // In parts: a body in JSON is shorter than a form may be.
    let role = json!({"name": "clerk", "scopes": ["orders.write"]});
    assert_eq!(
        companion.post("/backend/role", &role, &token).await.status,
        201
    );
    for part in names[..140].chunks(70) {
        let more = json!({"add_scopes": part});
        let changed = companion.put("/backend/role/clerk", &more, &token).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    let mut admin = administrator(&companion).await;
    let path = "/panel/roles/clerk";
    let shown = page(&mut admin, path).await;
    let held = ticked(&shown);
    assert_eq!(held.len(), 141, "what the role has comes first");
    assert!(held.contains(&"orders.write".to_owned()));
    assert!(
        shown.body.contains("There are more scopes"),
        "and the page says that there is more"
    );
    let mut saved = form(&shown, path).with("name", "clerk");
    for name in held.iter().filter(|name| *name != "orders.write") {
        saved = saved.with(&format!("box:{name}"), "on");
    }
    let saved = send(&mut admin, &saved).await;
    assert_eq!(ticked(&saved).len(), 140);
    let role = companion.get("/backend/role/clerk", &token).await.json();
    assert_eq!(role["scopes"].as_array().unwrap().len(), 140);
}

#[tokio::test]
async fn what_comes_into_use_after_the_page_was_shown_stays() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": "clerk", "scopes": ["orders.write"]});
    companion.post("/backend/role", &role, &token).await;
    let scope = json!({"name": "stock.read", "description": ""});
    companion.post("/backend/scope", &scope, &token).await;
    let mut admin = administrator(&companion).await;
    let [role, user, scope] = ["roles/clerk", "users/alice", "scopes/stock.read"]
        .map(|thing| format!("/panel/{thing}/delete"));
    let mut forms = Vec::new();
    for path in [&role, &user, &scope] {
        forms.push(form(&page(&mut admin, path).await, path));
    }
    let gets = json!({"add_roles": ["clerk"]});
    companion.put("/backend/user/alice", &gets, &token).await;
    let alice = companion.login("alice", PASSWORD).await;
    let app = companion.app(&alice, "web-shop").await;
    let gets = json!({"add_scopes": ["stock.read"]});
    companion.put("/backend/role/clerk", &gets, &token).await;

    for (path, unused) in [&role, &user, &scope].into_iter().zip(forms) {
        let asked = admin.submit(&unused).await;
        assert_eq!(asked.status, 409, "{path}: {asked:?}");
        let told = "It has come into use meanwhile.";
        assert!(asked.body.contains(told), "{path}: {asked:?}");
    }
    let delete = format!("/portal/apps/{}/delete", app.key);
    let mut owner = log_in(&companion, "alice", PASSWORD).await;
    let unused = form(&page(&mut owner, &delete).await, &delete);
    companion.tokens(&app).await;
    let asked = owner.submit(&unused).await;
    assert_eq!(asked.status, 409, "{asked:?}");
    assert!(asked.body.contains("1 grant"), "{asked:?}");
    send(&mut owner, &form(&asked, &delete)).await;
    for path in [&scope, &role, &user] {
        let known = form(&page(&mut admin, path).await, path);
        let done = send(&mut admin, &known).await;
        assert!(done.body.contains("deleted"), "{path}: {done:?}");
    }
}

/// The answer for a caller without a token would be taken for that for the user.
#[tokio::test]
async fn nobody_is_asked_about_in_place_of_a_misspelt_kind_of_caller() {
    let companion = TestCompanion::start().await;
    let mut admin = administrator(&companion).await;
    for (kind, status) in [("nobody", 200), ("user", 200), ("usr", 400)] {
        let path = format!("/panel/who?kind={kind}&name=admin&method=GET&path=/orders/1");
        let answer = admin.get(&path).await;
        assert_eq!(answer.status, status, "{kind}: {answer:?}");
    }
}
