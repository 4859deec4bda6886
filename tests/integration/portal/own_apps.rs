//! What owners do with their own apps, beyond making them.

use super::{client, form, log_in, new_app, next, page, send, sign_up, with_clock};
use crate::test_browser::TestBrowser;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, sqlite};

#[tokio::test]
async fn an_owner_disables_an_app_and_is_told_how_to_undo_it() {
    let (companion, clock) = with_clock().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let token = companion.tokens(&app).await.access;
    let path = format!("/portal/apps/{}", app.key);
    let status = format!("{path}/status");
    let one = page(&mut alice, &path).await;
    let link = format!("href=\"{status}\">Disable<");
    assert!(one.body.contains(&link), "{one:?}");

    clock.advance(301);
    let asked = page(&mut alice, &status).await;
    for told in [
        "You can enable it again on its page.",
        "This concerns 1 user, 1 app and 1 grant.",
    ] {
        assert!(asked.body.contains(told), "{told}: {asked:?}");
    }
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);
    let disabled = send(&mut alice, &form(&asked, &status)).await;
    for told in ["The app has been disabled.", "You have disabled it"] {
        assert!(disabled.body.contains(told), "{told}: {disabled:?}");
    }
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 401);
    let refused = companion.token(&app, "grant_type=client_credentials").await;
    assert_eq!(refused.status, 401, "{refused:?}");

    // What gives it back outlives the session.
    let asked = page(&mut alice, &status).await;
    let proof = alice.submit(&form(&asked, &status)).await;
    assert_eq!(proof.status, 403, "{proof:?}");
    let proof = form(&proof, &status).with("confirm_password", PASSWORD);
    let enabled = send(&mut alice, &proof).await;
    assert!(enabled.body.contains(&link), "{enabled:?}");
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 401);
    let token = companion.tokens(&app).await.access;
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);
}

#[tokio::test]
async fn an_owner_does_not_undo_what_an_administrator_did_to_an_app() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let own = format!("/portal/apps/{}/status", app.key);
    let disable = form(&page(&mut alice, &own).await, &own);
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let panel = format!("/panel/apps/{}/status", app.key);
    let by_admin = form(&page(&mut admin, &panel).await, &panel);
    send(&mut alice, &disable).await;
    let told = page(&mut admin, &panel).await;
    assert!(told.body.contains("Its owner has disabled it."), "{told:?}");
    let enable = form(&page(&mut alice, &own).await, &own);
    // The administrator saw it active.
    send(&mut admin, &by_admin).await;
    for answer in [alice.submit(&enable).await, alice.get(&own).await] {
        assert_eq!(answer.status, 403, "{answer:?}");
        let why = "only an administrator can enable it again";
        assert!(answer.body.contains(why), "{answer:?}");
    }
    let one = page(&mut alice, &format!("/portal/apps/{}", app.key)).await;
    assert!(one.body.contains("Only an administrator can change that"));
    assert!(!one.body.contains(&own), "{one:?}");
}

#[tokio::test]
async fn an_administrator_takes_over_what_its_owner_has_disabled() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let own = format!("/portal/apps/{}/status", app.key);
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let panel = format!("/panel/apps/{}", app.key);
    let offered = format!("href=\"{panel}/status?status=disabled\"");
    assert!(!page(&mut admin, &panel).await.body.contains(&offered));
    let disable = form(&page(&mut alice, &own).await, &own);
    send(&mut alice, &disable).await;
    let enable = form(&page(&mut alice, &own).await, &own);

    let one = page(&mut admin, &panel).await;
    assert!(one.body.contains(&offered), "{one:?}");
    assert!(one.body.contains("Its owner has disabled it."), "{one:?}");
    let status = format!("{panel}/status");
    let asked = page(&mut admin, &format!("{status}?status=disabled")).await;
    let told = "only an administrator can enable it";
    assert!(asked.body.contains(told), "{asked:?}");
    let done = send(&mut admin, &form(&asked, &status)).await;
    assert!(!done.body.contains(&offered), "{done:?}");
    for answer in [alice.submit(&enable).await, alice.get(&own).await] {
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    let enable = form(&page(&mut admin, &status).await, &status);
    send(&mut admin, &enable).await;
    assert_eq!(
        companion
            .check("GET", "/orders/1", &companion.tokens(&app).await.access)
            .await,
        200
    );
}

/// An app is shown where its codes go, and enabled by an administrator, after a proof: a form gives no more than
/// an endpoint.
#[tokio::test]
async fn what_gives_an_app_more_needs_the_password_again() {
    let (companion, clock) = with_clock().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let panel = format!("/panel/apps/{}/status", app.key);
    clock.advance(301);

    let edit = format!("/portal/apps/{}/edit", app.key);
    let filled = form(&page(&mut alice, &edit).await, &edit)
        .with("name", "web-shop")
        .with("extent", "all");
    let kept = filled.with("redirect_uris", "");
    send(&mut alice, &kept).await;
    let filled = form(&page(&mut alice, &edit).await, &edit)
        .with("name", "web-shop")
        .with("extent", "all");
    let more = filled.with("redirect_uris", "https://elsewhere.example/back");
    let proof = alice.submit(&more).await;
    assert_eq!(proof.status, 403, "{proof:?}");
    let proof = form(&proof, &edit).with("confirm_password", PASSWORD);
    let changed = send(&mut alice, &proof).await;
    let uri = "https://elsewhere.example/back";
    assert!(changed.body.contains(uri), "{changed:?}");

    let asked = page(&mut admin, &panel).await;
    send(&mut admin, &form(&asked, &panel)).await;
    let asked = page(&mut admin, &panel).await;
    let enable = form(&asked, &panel).with("status", "active");
    let proof = admin.submit(&enable).await;
    assert_eq!(proof.status, 403, "{proof:?}");
    assert!(proof.body.contains("Confirm that it is you"), "{proof:?}");
    let proof = form(&proof, &panel).with("confirm_password", ADMIN_PASSWORD);
    let enabled = send(&mut admin, &proof).await;
    assert!(
        enabled.body.contains("The app has been enabled."),
        "{enabled:?}"
    );
}

#[tokio::test]
async fn a_form_that_is_filled_in_otherwise_makes_another_app() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let first = new_app(&mut alice, "first").await;
    let made = next(&alice.submit(&first).await);
    assert_eq!(next(&alice.submit(&first).await), made, "sent twice");
    let second = next(&alice.submit(&first.clone().with("name", "second")).await);
    assert_ne!(second, made);
    let elsewhere = first
        .clone()
        .with("redirect_uris", "https://shop.example/cb");
    let taken = alice.submit(&elsewhere).await;
    assert_eq!(taken.status, 409, "{taken:?}");

    let delete = format!("{made}/delete");
    let delete = form(&page(&mut alice, &delete).await, &delete);
    send(&mut alice, &delete).await;
    let third = next(&alice.submit(&first).await);
    assert!(third != made && third != second, "{third}");
    page(&mut alice, &third).await;
}

#[tokio::test]
async fn no_two_apps_of_an_owner_have_names_that_read_alike() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut apps = Vec::new();
    for (name, is_made) in [
        ("Web shop", true),
        ("web shop", false),
        ("Mu\u{308}ller", true),
        ("M\u{fc}ller", false),
        ("M\u{dc}LLER", false),
        ("web-shop", true),
    ] {
        let filled = new_app(&mut alice, name).await;
        let answer = alice.submit(&filled).await;
        assert_eq!(answer.status == 303, is_made, "{name:?}: {answer:?}");
        if is_made {
            apps.push(client(&page(&mut alice, &next(&answer)).await).key);
        }
    }
    // What an app is called is its own to write otherwise.
    let rename = async |alice: &mut TestBrowser<'_>, key: &str, name: &str| {
        let path = format!("/portal/apps/{key}/edit");
        let shown = page(alice, &path).await;
        let filled = form(&shown, &path).with("name", name).with("extent", "all");
        alice.submit(&filled).await.status
    };
    assert_eq!(rename(&mut alice, &apps[0], "WEB shop").await, 303);
    assert_eq!(rename(&mut alice, &apps[2], "WEB SHOP").await, 409);
    assert_eq!(rename(&mut alice, &apps[1], "M\u{dc}ller").await, 303);
    // Another owner's do not matter.
    let mut bobby = sign_up(&companion, "bobby").await;
    let filled = new_app(&mut bobby, "Web shop").await;
    assert_eq!(bobby.submit(&filled).await.status, 303);

    // A pair from an earlier release goes on, and each of the two can be changed in all but its name.
    sqlx::any::install_default_drivers();
    let url = sqlite(companion.path());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    for (key, name) in [(&apps[0], "Mu\u{308}ller"), (&apps[1], "M\u{fc}ller")] {
        let text = "UPDATE apps SET name = $2 WHERE app_key = $1";
        let update = sqlx::query(text).bind(key.as_str()).bind(name);
        update.execute(&pool).await.unwrap();
    }
    for key in &apps[..2] {
        for name in ["Mu\u{308}ller", "M\u{fc}ller"] {
            assert_eq!(rename(&mut alice, key, name).await, 303, "{key} {name:?}");
        }
        assert_eq!(rename(&mut alice, key, "m\u{fc}ller").await, 409, "{key}");
    }
    assert_eq!(rename(&mut alice, &apps[0], "Shop").await, 303);
    assert_eq!(rename(&mut alice, &apps[1], "m\u{fc}ller").await, 303);
}
