//! What users do with their account, and with those who act in their name.

use super::{client, log_in, new_app, page, send, sign_up};
use crate::test_browser::{CALLBACK, TestBrowser, form, request};
use crate::test_companion::{PASSWORD, TestCompanion};

const ANOTHER: &str = "another good password";

#[tokio::test]
async fn access_that_was_given_is_seen_and_ended() {
    let companion = TestCompanion::start().await;
    let bobby = companion.register("bobby").await;
    let app = companion.web_app(&bobby, "print-shop", &[CALLBACK]).await;
    let mut alice = sign_up(&companion, "alice").await;
    let none = page(&mut alice, "/portal/access").await;
    assert!(
        none.body.contains("Nobody may act in your name."),
        "{none:?}"
    );
    // The session of the portal is that of the consent page.
    let consent = alice.get(&request(&app)).await;
    let code = alice.allow(&consent).await;
    let granted = companion
        .redeem(&app, code.get("code").unwrap())
        .await
        .json();
    let token = granted["access_token"].as_str().unwrap();
    assert_eq!(companion.check("GET", "/orders/1", token).await, 200);

    let list = page(&mut alice, "/portal/access").await;
    for text in ["print-shop", "bobby", "orders.read"] {
        assert!(list.body.contains(text), "{text}: {list:?}");
    }
    let (_, rest) = list.body.split_once("href=\"/portal/access/").unwrap();
    let (id, _) = rest.split_once("/end\"").unwrap();
    let path = format!("/portal/access/{id}/end");
    let mut other = log_in(&companion, "bobby", PASSWORD).await;
    assert_eq!(other.get(&path).await.status, 404, "it is not bobby's");
    let mut foreign = form(&page(&mut other, "/").await, "/portal/log-out");
    foreign.action.clone_from(&path);
    let refused = other.submit(&foreign).await;
    assert_eq!(refused.status, 404, "it is not bobby's to end: {refused:?}");
    let asked = form(&page(&mut alice, &path).await, &path);
    let ended = send(&mut alice, &asked).await;
    assert!(ended.body.contains("The access has ended."), "{ended:?}");
    assert_eq!(companion.check("GET", "/orders/1", token).await, 401);
}

#[tokio::test]
async fn all_access_ends_at_once_after_it_is_said_whose() {
    let companion = TestCompanion::start().await;
    let bobby = companion.register("bobby").await;
    let shop = companion.web_app(&bobby, "print-shop", &[CALLBACK]).await;
    let mut alice = sign_up(&companion, "alice").await;
    let login = companion.login("alice", PASSWORD).await;
    let own = companion.web_app(&login, "my-shop", &[CALLBACK]).await;
    let mut tokens = vec![login.clone()];
    for app in [&shop, &own] {
        let consent = alice.get(&request(app)).await;
        let code = alice.allow(&consent).await;
        let granted = companion.redeem(app, code.get("code").unwrap()).await;
        tokens.push(granted.json()["access_token"].as_str().unwrap().to_owned());
    }
    let list = page(&mut alice, "/portal/access").await;
    for text in [
        "(bobby)",
        "(your own app)",
        "for tests <code>orders.read</code>",
    ] {
        assert!(list.body.contains(text), "{text}: {list:?}");
    }
    let path = "/portal/access/end-all";
    let asked = page(&mut alice, path).await;
    // One of them says whose it is, before it ends and not only after.
    let end = list.body.split("href=\"").find_map(|rest| {
        let (path, rest) = rest.split_once('"')?;
        rest.starts_with(" aria-label=\"End: print-shop, ")
            .then(|| path.to_owned())
    });
    let end = page(&mut alice, &end.unwrap()).await;
    for text in [
        "End the access: print-shop",
        "Owner: bobby.",
        "for tests (orders.read)",
        "Last used: ",
    ] {
        assert!(end.body.contains(text), "{text}: {end:?}");
    }
    let gone = alice.get("/portal/access/nothing/end").await;
    assert_eq!(gone.status, 404, "{gone:?}");
    for text in ["print-shop", "my-shop", "You, by password"] {
        assert!(asked.body.contains(text), "{text}: {asked:?}");
    }
    assert_eq!(companion.check("GET", "/orders/1", &tokens[1]).await, 200);
    let ended = send(&mut alice, &form(&asked, path)).await;
    for text in ["All access has ended.", "Nobody may act in your name."] {
        assert!(ended.body.contains(text), "{text}: {ended:?}");
    }
    let nothing = page(&mut alice, path).await;
    assert!(
        nothing.body.contains("Nobody may act in your name."),
        "{nothing:?}"
    );
    for absent in ["class=\"danger\"", "This ends"] {
        assert!(!nothing.body.contains(absent), "{absent}: {nothing:?}");
    }
    for token in &tokens[1..] {
        assert_eq!(companion.check("GET", "/orders/1", token).await, 401);
    }
    let old = companion.get("/consumer/app", &login).await;
    assert_eq!(old.status, 401, "{old:?}");
    // Others keep what they have.
    companion.tokens(&shop).await;
    assert_eq!(companion.get("/consumer/app", &bobby).await.status, 200);
}

#[tokio::test]
async fn another_password_ends_all_sessions_but_this_one() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut elsewhere = log_in(&companion, "alice", PASSWORD).await;
    let filled = new_app(&mut alice, "web-shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let path = "/portal/account/password";
    let empty = form(&page(&mut alice, path).await, path);
    let wrong = empty
        .clone()
        .with("old_password", "a guess")
        .with("new_password", ANOTHER);
    let refused = alice.submit(&wrong).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(
        refused.body.contains("The current password is wrong."),
        "{refused:?}"
    );
    assert_eq!(elsewhere.get("/portal/account").await.status, 200);
    let right = empty
        .with("old_password", PASSWORD)
        .with("new_password", ANOTHER);
    let changed = send(&mut alice, &right.with("end_apps", "on")).await;
    assert!(
        changed.body.contains("Your password has been changed."),
        "{changed:?}"
    );
    assert_eq!(elsewhere.get("/portal/account").await.status, 303);
    let answer = companion.token(&app, "grant_type=client_credentials").await;
    assert_eq!(
        answer.status, 401,
        "the apps have ended as well: {answer:?}"
    );
    log_in(&companion, "alice", ANOTHER).await;
}

#[tokio::test]
async fn another_address_takes_the_password() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let path = "/portal/account/email";
    let empty = form(&page(&mut alice, path).await, path);
    let wanted = empty.with("email", "alice@elsewhere.example");
    let refused = alice
        .submit(&wanted.clone().with("password", "a guess"))
        .await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let changed = send(&mut alice, &wanted.with("password", PASSWORD)).await;
    assert!(
        changed.body.contains("alice@elsewhere.example"),
        "{changed:?}"
    );
    log_in(&companion, "alice@elsewhere.example", PASSWORD).await;
}

#[tokio::test]
async fn sessions_are_seen_and_ended() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut browsers: Vec<TestBrowser<'_>> = Vec::new();
    for _ in 0..3 {
        browsers.push(log_in(&companion, "alice", PASSWORD).await);
    }
    let path = "/portal/sessions";
    let list = page(&mut alice, path).await;
    assert_eq!(list.body.matches("name=\"session\"").count(), 4, "{list:?}");
    assert!(list.body.contains("this one"), "{list:?}");
    let from = list.body.matches(">127.0.0.1</td>").count();
    assert_eq!(from, 4, "{list:?}");
    // The first form is that of another session.
    let left = send(&mut alice, &form(&list, path)).await;
    assert_eq!(left.body.matches("name=\"session\"").count(), 3, "{left:?}");
    let open = async |browser: &mut TestBrowser<'_>| browser.get("/portal/account").await.status;
    let mut statuses = Vec::new();
    for browser in &mut browsers {
        statuses.push(open(browser).await);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 303]);
    let others = form(&list, path).with("session", "others");
    send(&mut alice, &others).await;
    for browser in &mut browsers {
        assert_eq!(open(browser).await, 303);
    }
    let mut bobby = sign_up(&companion, "bobby").await;
    let alone = page(&mut bobby, path).await;
    assert!(!alone.body.contains("Log out all others"), "{alone:?}");
    log_in(&companion, "bobby", PASSWORD).await;
    let own = form(&page(&mut bobby, path).await, path);
    let foreign = form(&list, path).fields["session"].clone();
    let answer = bobby.submit(&own.with("session", &foreign)).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    assert_eq!(open(&mut alice).await, 200);
}

#[tokio::test]
async fn a_user_is_logged_in_in_twenty_browsers_at_most() {
    let companion = TestCompanion::start().await;
    let mut first = sign_up(&companion, "alice").await;
    for _ in 0..19 {
        log_in(&companion, "alice", PASSWORD).await;
    }
    let before = first.get("/portal/account").await.status;
    log_in(&companion, "alice", PASSWORD).await;
    log_in(&companion, "alice", PASSWORD).await;
    let list = page(
        &mut log_in(&companion, "alice", PASSWORD).await,
        "/portal/sessions",
    )
    .await;
    assert_eq!(before, 200);
    assert_eq!(
        list.body.matches("name=\"session\"").count(),
        20,
        "{list:?}"
    );
}
