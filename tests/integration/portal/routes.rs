//! The table of the pages, walked by everybody: nobody finds a page or an action beyond its scopes.

use std::collections::BTreeSet;

use serde_json::json;

use super::{log_in, next};
use crate::client::Answer;
use crate::test_browser::{TestBrowser, TestForm, form};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

/// Any of them.
const ANY: &str =
    "backend.app backend.introspect backend.role backend.scope backend.token backend.user";

/// Whoever is logged in.
const ANYBODY: &str = "consumer.app consumer.account backend.app backend.introspect backend.role backend.scope \
                       backend.token backend.user";

/// The scope that each page needs; none are public. A new page is one more row.
const NEEDED: [(&str, Option<&str>); 66] = [
    ("/", None),
    ("/assets/{file}", None),
    ("/favicon.ico", None),
    ("/portal", None),
    // No path of the policy ends in a slash.
    ("/portal/", None),
    ("/panel/", None),
    ("/portal/{*rest}", Some(ANYBODY)),
    ("/panel/{*rest}", Some(ANYBODY)),
    ("/portal/sign-up", None),
    ("/portal/language", None),
    ("/portal/log-in", None),
    ("/portal/log-out", None),
    ("/portal/log-in/passkey", None),
    ("/portal/log-in/recovery", None),
    ("/portal/log-in/first-passkey", None),
    ("/portal/reset", None),
    ("/portal/passkeys", Some(ANYBODY)),
    ("/portal/passkeys/new", Some(ANYBODY)),
    ("/portal/passkeys/add", Some(ANYBODY)),
    ("/portal/passkeys/codes", Some(ANYBODY)),
    ("/portal/passkeys/{id}/remove", Some(ANYBODY)),
    ("/portal/apps", Some("consumer.app")),
    ("/portal/apps/new", Some("consumer.app")),
    ("/portal/apps/{app_key}", Some("consumer.app")),
    ("/portal/apps/{app_key}/edit", Some("consumer.app")),
    ("/portal/apps/{app_key}/rotate", Some("consumer.app")),
    ("/portal/apps/{app_key}/status", Some("consumer.app")),
    ("/portal/apps/{app_key}/delete", Some("consumer.app")),
    ("/portal/try", Some("consumer.app")),
    ("/portal/access", Some("consumer.account")),
    ("/portal/access/end-all", Some("consumer.account")),
    ("/portal/access/{id}/end", Some("consumer.account")),
    ("/portal/account", Some(ANYBODY)),
    ("/portal/account/email", Some("consumer.account")),
    ("/portal/account/password", Some(ANYBODY)),
    ("/portal/account/sign-ins", Some("consumer.account")),
    ("/portal/sessions", Some(ANYBODY)),
    ("/panel", Some(ANY)),
    ("/panel/components", Some(ANY)),
    ("/panel/roles", Some("backend.role")),
    ("/panel/new-role", Some("backend.role")),
    ("/panel/roles/{name}", Some("backend.role")),
    ("/panel/roles/{name}/default", Some("backend.role")),
    ("/panel/roles/{name}/delete", Some("backend.role")),
    ("/panel/policy", Some("backend.role")),
    ("/panel/audit", Some("backend.user")),
    ("/panel/audit/export", Some("backend.user")),
    ("/panel/revoke", Some("backend.token")),
    ("/panel/keys", Some("backend.token")),
    ("/panel/keys/rotate", Some("backend.token")),
    ("/panel/gates", Some("backend.token")),
    ("/panel/who", Some("backend.role")),
    ("/panel/users", Some("backend.user")),
    ("/panel/new-user", Some("backend.user")),
    ("/panel/users/{username}", Some("backend.user")),
    ("/panel/users/{username}/status", Some("backend.user")),
    ("/panel/users/{username}/password", Some("backend.user")),
    ("/panel/users/{username}/delete", Some("backend.user")),
    ("/panel/scopes", Some("backend.scope")),
    ("/panel/new-scope", Some("backend.scope")),
    ("/panel/scopes/{name}", Some("backend.scope")),
    ("/panel/scopes/{name}/delete", Some("backend.scope")),
    ("/panel/apps", Some("backend.app")),
    ("/panel/apps/{app_key}", Some("backend.app")),
    ("/panel/apps/{app_key}/status", Some("backend.app")),
    ("/panel/apps/{app_key}/delete", Some("backend.app")),
];

/// A user for each of these, who has it and nothing else.
const SCOPES: [&str; 8] = [
    "consumer.app",
    "consumer.account",
    "backend.app",
    "backend.introspect",
    "backend.role",
    "backend.scope",
    "backend.token",
    "backend.user",
];

pub(super) fn concrete(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "some"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn every_page_has_its_row() {
    let pages: BTreeSet<&str> = portcullis::issuer::pages().collect();
    let rows: BTreeSet<&str> = NEEDED.iter().map(|(path, _)| *path).collect();
    assert_eq!(pages, rows);
}

/// A form of this browser's own for any page.
async fn own_form(browser: &mut TestBrowser<'_>, action: &str) -> TestForm {
    let start = browser.get("/").await;
    let source = if start.body.contains("/portal/log-out") {
        form(&start, "/portal/log-out")
    } else {
        form(&browser.get("/portal/log-in").await, "/portal/log-in")
    };
    TestForm {
        action: action.to_owned(),
        ..source
    }
}

/// Where the menus lead: that of each page, and where it leads to the panel, that of the panel.
async fn menu_links(browser: &mut TestBrowser<'_>) -> BTreeSet<String> {
    let mut links = nav_links(&browser.get("/").await);
    if links.contains("/panel") {
        links.extend(nav_links(&browser.get("/panel").await));
    }
    links
}

fn nav_links(page: &Answer) -> BTreeSet<String> {
    let navs = page.body.split("<nav ").skip(1);
    let links = navs.flat_map(|nav| {
        let (nav, _) = nav.split_once("</nav>").unwrap();
        nav.split("href=\"").skip(1)
    });
    let links = links.map(|link| link.split_once('"').unwrap().0.to_owned());
    links.collect()
}

#[tokio::test]
async fn the_menus_have_the_pages_that_a_user_may_open() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let mut alice = log_in(&companion, "alice", PASSWORD).await;
    let own = [
        "/portal/access",
        "/portal/account",
        "/portal/apps",
        "/portal/try",
    ];
    assert_eq!(menu_links(&mut alice).await, own.map(str::to_owned).into());
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let start = nav_links(&admin.get("/").await);
    assert_eq!(
        start,
        own.into_iter()
            .chain(["/panel"])
            .map(str::to_owned)
            .collect()
    );
    let parts = NEEDED.iter().map(|(path, _)| *path);
    let parts: BTreeSet<String> = parts
        .filter(|path| path.starts_with("/panel/") && path.matches('/').count() == 2)
        .filter(|path| {
            !path.contains(['{', '*'])
                && !path.starts_with("/panel/new-")
                && *path != "/panel/"
                && *path != "/panel/components"
        })
        .map(str::to_owned)
        .collect();
    let panel = nav_links(&admin.get("/panel/roles").await);
    assert_eq!(panel, start.into_iter().chain(parts).collect());
}

#[tokio::test]
async fn nobody_opens_a_page_beyond_its_scopes() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let mut nobody = TestBrowser::new(&companion);
    for (path, needed) in NEEDED {
        let path = concrete(path);
        let answer = nobody.get(&path).await;
        let filled = own_form(&mut nobody, &path).await;
        if needed.is_none() {
            assert_ne!(answer.status, 403, "{path}");
            continue;
        }
        assert!(next(&answer).starts_with("/portal/log-in?next="), "{path}");
        let answer = nobody.submit(&filled).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert!(
            answer.body.contains("You are logged out"),
            "{path}: {answer:?}"
        );
    }
    for scope in SCOPES {
        let username = scope.replace('.', "-");
        let role = json!({"name": username, "scopes": [scope]});
        assert_eq!(
            companion.post("/backend/role", &role, &admin).await.status,
            201
        );
        let user = json!({"username": username, "email": format!("{username}@shop.example"),
            "password": PASSWORD, "roles": [username]});
        assert_eq!(
            companion.post("/backend/user", &user, &admin).await.status,
            201
        );
        let mut browser = log_in(&companion, &username, PASSWORD).await;
        for link in menu_links(&mut browser).await {
            let answer = browser.get(&link).await;
            assert_eq!(
                answer.status, 200,
                "{scope}: the menu leads to {link}: {answer:?}"
            );
        }
        for (path, needed) in NEEDED {
            let Some(needed) = needed else { continue };
            let path = concrete(path);
            let filled = own_form(&mut browser, &path).await;
            let answers = [browser.get(&path).await, browser.submit(&filled).await];
            // Where several are needed together, nobody here has them.
            let allowed = needed.split(' ').any(|one| one == scope);
            let needed = if needed.contains(' ') {
                format!("one of {}", needed.replace(' ', ", "))
            } else {
                needed.replace('+', " ")
            };
            for answer in answers {
                assert_eq!(answer.status != 403, allowed, "{scope} {path}: {answer:?}");
                if !allowed {
                    let named = answer.body.contains(&format!("<code>{needed}</code>"));
                    assert!(
                        named,
                        "what is missing is named: {scope} {path}: {answer:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn somebody_elses_app_is_not_there() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    companion.register("bobby").await;
    let mut bobby = log_in(&companion, "bobby", PASSWORD).await;
    for part in ["", "/edit", "/rotate", "/status", "/delete"] {
        let path = format!("/portal/apps/{}{part}", app.key);
        assert_eq!(bobby.get(&path).await.status, 404, "{path}");
        if part.is_empty() {
            continue;
        }
        let filled = own_form(&mut bobby, &path).await;
        let filled = filled
            .with("earlier", "now")
            .with("status", "disabled")
            .with("name", "mine")
            .with("extent", "all");
        assert_eq!(bobby.submit(&filled).await.status, 404, "{path}");
    }
    companion.tokens(&app).await;
}

#[tokio::test]
async fn a_bearer_token_opens_no_page_and_a_session_no_endpoint() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let answer = companion.get("/portal/apps", &alice).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let mut browser = log_in(&companion, "alice", PASSWORD).await;
    assert_eq!(browser.get("/consumer/app").await.status, 401);
}
