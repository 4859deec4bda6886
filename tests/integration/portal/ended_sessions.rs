//! What is under way in a session when its user ends it.

use super::lineages::{copied, log_out_form};
use super::passkeys::{made, new_passkey};
use super::{form, log_in, next, page, sign_up};
use crate::authenticator::TestPasskey;
use crate::client::Answer;
use crate::deleted_meanwhile::Watched;
use crate::test_browser::{TestBrowser, TestForm};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, URL};

async fn log_out(browser: &mut TestBrowser<'_>) {
    let form = log_out_form(browser).await;
    assert_eq!(next(&browser.submit(&form).await), "/");
}

/// The answer to a form that waits for its turn while its user logs out.
async fn logged_out_meanwhile(
    watched: &Watched,
    owner: &mut TestBrowser<'_>,
    (thief, filled): (&mut TestBrowser<'_>, &TestForm),
) -> Answer {
    let answer = watched.waiting(thief.submit(filled), log_out(owner)).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(thief.get("/portal/account").await.status, 303, "no session");
    answer
}

#[tokio::test]
async fn a_form_that_waits_does_nothing_after_a_log_out() {
    let Some(watched) = Watched::start().await else {
        return;
    };
    let companion = &watched.companion;
    sign_up(companion, "alice").await;
    let mut admin = log_in(companion, "admin", ADMIN_PASSWORD).await;
    let mut thief = copied(companion, &admin);
    let path = "/panel/users/alice";
    let filled = form(&page(&mut thief, path).await, path)
        .with("box:consumer", "on")
        .with("box:administrator", "on")
        .with("confirmed", "yes");
    logged_out_meanwhile(&watched, &mut admin, (&mut thief, &filled)).await;

    let mut admin = log_in(companion, "admin", ADMIN_PASSWORD).await;
    let alice = page(&mut admin, path).await;
    assert!(
        !alice.body.contains("name=\"box:administrator\" checked"),
        "{alice:?}"
    );
    // With nobody logging out the same form does its work.
    let filled = form(&alice, path)
        .with("box:consumer", "on")
        .with("box:administrator", "on")
        .with("confirmed", "yes");
    let answer = watched.waiting(admin.submit(&filled), async {}).await;
    assert_eq!(next(&answer), path);
}

#[tokio::test]
async fn a_form_that_waits_does_nothing_after_the_end_of_other_sessions() {
    let Some(watched) = Watched::start().await else {
        return;
    };
    let companion = &watched.companion;
    let mut thief = sign_up(companion, "alice").await;
    let mut alice = log_in(companion, "alice", PASSWORD).await;
    let filled = super::new_app(&mut thief, "web-shop").await;
    let others = form(
        &page(&mut alice, "/portal/sessions").await,
        "/portal/sessions",
    )
    .with("session", "others");
    let end = async {
        assert_eq!(next(&alice.submit(&others).await), "/portal/sessions");
    };
    let answer = watched.waiting(thief.submit(&filled), end).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let apps = page(&mut alice, "/portal/apps").await;
    assert!(!apps.body.contains("web-shop"), "{apps:?}");
}

#[tokio::test]
async fn a_log_out_leaves_no_way_back_to_a_form_that_makes_a_passkey() {
    let Some(watched) = Watched::start().await else {
        return;
    };
    let companion = &watched.companion;
    let mut alice = sign_up(companion, "alice").await;
    let mut thief = copied(companion, &alice);
    let passkey = TestPasskey::es256(URL);
    let asked = new_passkey(&mut thief).await;
    let filled = made(&asked, "/portal/passkeys/add", &passkey);
    logged_out_meanwhile(&watched, &mut alice, (&mut thief, &filled)).await;
    // The password alone still is enough.
    log_in(companion, "alice", PASSWORD).await;
}
