//! What an administrator with some of the `backend.*` scopes does not take from those who have more.

use serde_json::json;

use crate::admin_verbs::Machine;
use crate::issuer::error;
use crate::partial_administrators::{app_with, does, partial};
use crate::portal::with_clock;
use crate::test_browser::{TestBrowser, form};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

const CALLBACK: &str = "https://elsewhere.example/cb";

#[tokio::test]
async fn the_app_of_another_acts_at_the_issuer_for_whoever_may_act_for_its_owner() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    let own = ["consumer.account", "consumer.app"];
    let of_admin = app_with(&companion, &admin, &own).await.key;
    let of_alice = app_with(&companion, &alice, &own).await.key;
    let amy = partial(
        &companion,
        "amy",
        &["backend.app", "consumer.account", "consumer.app"],
    )
    .await;
    let scopes = [
        "backend.app",
        "backend.user",
        "consumer.account",
        "consumer.app",
    ];
    let zoe = partial(&companion, "zoe", &scopes).await;
    let of_amy = app_with(&companion, &amy, &own).await.key;
    // Who, whose app, and whether it may.
    let rows = [
        (&amy, &of_admin, 403),
        (&amy, &of_alice, 403),
        (&zoe, &of_admin, 403),
        (&amy, &of_amy, 200),
        (&zoe, &of_alice, 200),
        (&admin, &of_alice, 200),
    ];
    for (token, key, status) in rows {
        let path = format!("/backend/app/{key}");
        let (put, rotate) = (format!("PUT {path}"), format!("POST {path}/rotate_secret"));
        does(&companion, &rotate, &json!({}), token, status).await;
        for body in [
            json!({"redirect_uris": [CALLBACK]}),
            json!({"redirect_uris": []}),
            json!({"remove_scopes": ["consumer.account"]}),
            json!({"add_scopes": ["consumer.account"]}),
        ] {
            // Where it was refused before, there is nothing to give back.
            if status == 200 || body.get("add_scopes").is_none() {
                let expected = if body == json!({"redirect_uris": []}) && status == 403 {
                    // As it is already.
                    200
                } else {
                    status
                };
                does(&companion, &put, &body, token, expected).await;
            }
        }
        // To stop it, which may be urgent, takes less.
        does(&companion, &put, &json!({"status": "disabled"}), token, 200).await;
        does(
            &companion,
            &put,
            &json!({"status": "active"}),
            token,
            status,
        )
        .await;
        does(&companion, &put, &json!({"status": "active"}), &admin, 200).await;
    }
    // By a page as well.
    let disabled = json!({"status": "disabled"});
    does(
        &companion,
        &format!("PUT /backend/app/{of_admin}"),
        &disabled,
        &amy,
        200,
    )
    .await;
    let mut browser = TestBrowser::new(&companion);
    let login = form(&browser.get("/portal/log-in").await, "/portal/log-in");
    browser
        .submit(&login.with("username", "amy").with("password", PASSWORD))
        .await;
    let path = format!("/panel/apps/{of_admin}/status");
    let enable = form(&browser.get(&path).await, &path);
    let answer = browser.submit(&enable).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    // The operator is above all this.
    let machine = Machine(&companion);
    machine.ok(&format!("app enable {of_admin}"));
    machine.ok(&format!("app rotate-secret {of_admin}"));
    let path = format!("/backend/app/{of_admin}");
    assert_eq!(companion.delete(&path, &amy).await.status, 204);
}

/// What it sets while the app cannot do much would still be there when the app can.
#[tokio::test]
async fn nobody_leaves_a_redirect_uri_behind_in_the_app_of_another() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let amy = partial(&companion, "amy", &["backend.app"]).await;
    let uma = partial(&companion, "uma", &["backend.app", "backend.user"]).await;
    let app = app_with(&companion, &alice, &["orders.read"]).await;
    let put = format!("PUT /backend/app/{}", app.key);
    let elsewhere = json!({"redirect_uris": [CALLBACK]});
    does(&companion, &put, &elsewhere, &amy, 403).await;
    does(&companion, &put, &elsewhere, &uma, 200).await;
    // To take one away is no gain, and what it can do at upstreams is any administrator's of apps.
    does(&companion, &put, &json!({"redirect_uris": []}), &amy, 200).await;
    does(
        &companion,
        &put,
        &json!({"remove_scopes": ["orders.read"]}),
        &amy,
        200,
    )
    .await;
    does(&companion, &put, &json!({"name": "other"}), &amy, 200).await;
}

#[tokio::test]
async fn nothing_is_taken_from_a_role_by_whoever_has_less_than_it_or_its_users() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let rita = partial(&companion, "rita", &["backend.role"]).await;
    let sam = partial(&companion, "sam", &["backend.scope"]).await;
    let more = json!({"add_scopes": ["orders.read"]});
    let administrator = "PUT /backend/role/administrator";
    does(&companion, administrator, &more, &admin, 200).await;
    for scope in ["orders.read", "consumer.app"] {
        let less = json!({"remove_scopes": [scope]});
        does(&companion, administrator, &less, &rita, 403).await;
    }
    let role = json!({"name": "auditor", "scopes": ["backend.user", "orders.read"]});
    does(&companion, "POST /backend/role", &role, &admin, 201).await;
    let rename = json!({"name": "auditors"});
    does(&companion, "PUT /backend/role/auditor", &rename, &rita, 403).await;
    // Sam takes it from all roles, those of administrators among them, or from none.
    let path = "/backend/scope/orders.read?force=true";
    assert_eq!(error(&companion.delete(path, &sam).await).0, 403);
    let rename = json!({"name": "orders.see"});
    does(
        &companion,
        "PUT /backend/scope/orders.read",
        &rename,
        &sam,
        403,
    )
    .await;
    // To add takes nothing away.
    let more = json!({"add_scopes": ["orders.write"]});
    does(&companion, administrator, &more, &rita, 200).await;

    // A role without a scope of the issuer's own, which an administrator has besides.
    let role = json!({"name": "clerk", "scopes": ["orders.write"]});
    does(&companion, "POST /backend/role", &role, &rita, 201).await;
    let give = json!({"add_roles": ["clerk"]});
    does(&companion, "PUT /backend/user/admin", &give, &admin, 200).await;
    let clerk = "PUT /backend/role/clerk";
    let less = json!({"remove_scopes": ["orders.write"]});
    does(&companion, clerk, &less, &rita, 403).await;
    does(&companion, clerk, &json!({"name": "clerks"}), &rita, 403).await;
    let path = "/backend/role/clerk?force=true";
    assert_eq!(error(&companion.delete(path, &rita).await).0, 403);
    let account = companion.get("/backend/user", &admin).await;
    assert_eq!(account.status, 200, "no token has ended: {account:?}");
    // Of nobody who has more than rita.
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let take = json!({"remove_roles": ["clerk"]});
    does(&companion, "PUT /backend/user/admin", &take, &admin, 200).await;
    companion.register("bob").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    does(&companion, "PUT /backend/user/bob", &give, &admin, 200).await;
    does(&companion, clerk, &less, &rita, 200).await;
    assert_eq!(companion.delete(path, &rita).await.status, 204);
    let less = json!({"remove_scopes": ["orders.read", "orders.write"]});
    does(&companion, administrator, &less, &admin, 200).await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    assert_eq!(
        companion
            .delete("/backend/role/auditor", &admin)
            .await
            .status,
        204
    );
    let path = "/backend/scope/orders.read?force=true";
    assert_eq!(companion.delete(path, &sam).await.status, 204);
}

#[tokio::test]
async fn a_role_with_scopes_of_the_issuers_own_takes_a_fresh_login() {
    let (companion, clock) = with_clock().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let scope = json!({"name": "orders.see", "description": "for tests"});
    does(&companion, "POST /backend/scope", &scope, &admin, 201).await;
    let harmless = json!({"name": "clerk", "scopes": ["orders.see"]});
    clock.advance(301);
    for own in ["backend.user", "consumer.app"] {
        let role = json!({"name": "auditor", "scopes": [own]});
        let refused = does(&companion, "POST /backend/role", &role, &admin, 401).await;
        assert_eq!(
            refused["error"], "insufficient_user_authentication",
            "{refused}"
        );
    }
    does(&companion, "POST /backend/role", &harmless, &admin, 201).await;
}

#[tokio::test]
async fn a_role_that_users_have_is_deleted_where_that_was_said() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    for name in ["clerk", "empty"] {
        let role = json!({"name": name, "scopes": []});
        does(&companion, "POST /backend/role", &role, &admin, 201).await;
    }
    for name in ["alice", "bob"] {
        companion.register(name).await;
        let give = json!({"add_roles": ["clerk"]});
        does(
            &companion,
            &format!("PUT /backend/user/{name}"),
            &give,
            &admin,
            200,
        )
        .await;
    }
    for path in ["/backend/role/clerk", "/backend/role/clerk?force=false"] {
        let refused = companion.delete(path, &admin).await;
        assert_eq!(error(&refused), (409, "invalid_request".to_owned()));
        for said in ["the role `clerk`: 2 users", "?force=true"] {
            assert!(refused.body.contains(said), "{refused:?}");
        }
    }
    let wrong = companion
        .delete("/backend/role/clerk?force=yes", &admin)
        .await;
    assert_eq!(error(&wrong).0, 400);
    let bob = companion.get("/backend/user/bob", &admin).await.json();
    assert_eq!(bob["roles"], json!(["clerk", "consumer"]));
    for path in ["/backend/role/empty", "/backend/role/clerk?force=true"] {
        assert_eq!(companion.delete(path, &admin).await.status, 204, "{path}");
    }
}

#[tokio::test]
async fn a_dry_run_is_refused_where_the_command_is() {
    let companion = TestCompanion::start().await;
    let machine = Machine(&companion);
    let alice = companion.register("alice").await;
    companion.register("bobby").await;
    let key = companion.app(&alice, "shop").await.key;
    let lines = [
        "scope delete backend.user --force".to_owned(),
        "user disable admin".to_owned(),
        "user delete admin --force".to_owned(),
        "user set admin --remove-role administrator".to_owned(),
        "user set alice --add-role nothing".to_owned(),
        "user set alice --username bobby".to_owned(),
        "role set administrator --remove-scope backend.user".to_owned(),
        "role set consumer --add-scope backend.user".to_owned(),
        "role delete consumer --force".to_owned(),
        format!("app set {key} --scope orders.write"),
        format!("app set {key} --scope nothing"),
        "app disable nothing".to_owned(),
        "app delete nothing --force".to_owned(),
    ];
    let shows = ["user list", "role list", "scope list", "app list"];
    let before = shows.map(|show| machine.ok(show));
    for line in lines {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (code, refused) = machine.json(&arguments);
        assert_eq!(code, 1, "{line}: {refused}");
        let rehearsed: Vec<&str> = arguments
            .iter()
            .copied()
            .filter(|word| *word != "--force")
            .collect();
        let rehearsed = [&rehearsed, &["--dry-run"][..]].concat();
        assert_eq!(machine.json(&rehearsed), (1, refused), "{line}");
    }
    // What would be done is counted, also where it would ask first.
    for line in [
        "user delete alice",
        "user disable alice",
        "scope delete orders.read",
        "user set alice --no-roles",
    ] {
        let told = machine.ok(&format!("{line} --dry-run"));
        assert_eq!(
            told["users"].as_i64().map(|users| users > 0),
            Some(true),
            "{line}: {told}"
        );
    }
    for line in ["disable", "delete"] {
        machine.ok(&format!("app {line} {key} --dry-run"));
    }
    assert_eq!(shows.map(|show| machine.ok(show)), before);
    assert_eq!(companion.get("/consumer/account", &alice).await.status, 200);
}
