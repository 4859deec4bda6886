//! A passkey in place of the password, where a page asks for a proof.

use super::super::{form, log_in, page, send, sign_up, with_clock};
use super::{add, assertion, challenge, made, new_passkey, options, second_step, used};
use crate::authenticator::{PRESENT, TestPasskey};
use crate::client::Answer;
use crate::test_browser::{TestBrowser, TestForm};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, URL};

const NEW_USER: &str = "/panel/new-user";
const REFUSED: &str = "That did not work: the passkey";

/// The form that waits for a proof, with a passkey as one.
fn proven(asked: &Answer, passkey: &TestPasskey, handle: &str) -> TestForm {
    let (_, rest) = asked
        .body
        .split_once("name=\"confirm_ticket\" value=\"")
        .unwrap_or_else(|| panic!("{asked:?}"));
    let (ticket, _) = rest.split_once('"').unwrap();
    let response = assertion(passkey, &challenge(asked), Some(handle));
    form(asked, NEW_USER)
        .with("confirm_ticket", ticket)
        .with("confirm_response", &response)
}

/// The page that asks an administrator for a proof before there is a new user.
async fn asked(admin: &mut TestBrowser<'_>, username: &str) -> Answer {
    let filled = form(&page(admin, NEW_USER).await, NEW_USER)
        .with("username", username)
        .with("email", &format!("{username}@shop.example"))
        .with("password", PASSWORD);
    let asked = admin.submit(&filled).await;
    assert_eq!(asked.status, 403, "{asked:?}");
    asked
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body.contains(REFUSED), "{answer:?}");
}

#[tokio::test]
async fn a_passkey_proves_who_it_is_as_the_password_does() {
    let (companion, clock) = with_clock().await;
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    // Whoever has none is asked for the password alone.
    clock.advance(301);
    let without = asked(&mut admin, "carol").await;
    assert!(!without.body.contains("confirm_ticket"), "{without:?}");
    assert!(!without.body.contains("<script"), "{without:?}");
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let mut passkey = TestPasskey::es256(URL);
    let (handle, _) = add(&mut admin, &passkey).await;

    clock.advance(301);
    let before = admin.cookies.clone();
    let shown = asked(&mut admin, "carol").await;
    let wanted = options(&shown);
    assert_eq!(wanted["allowCredentials"][0]["id"], passkey.id());
    assert_eq!(wanted["userVerification"], "required");
    passkey.flags = PRESENT;
    let unverified = admin.submit(&proven(&shown, &passkey, &handle)).await;
    assert_refused(&unverified);
    passkey.flags |= crate::authenticator::VERIFIED;
    let right = proven(&unverified, &passkey, &handle);
    let made = send(&mut admin, &right).await;
    assert!(made.body.contains("carol"), "{made:?}");
    // In another session, which is fresh.
    let mut earlier = TestBrowser::new(&companion);
    earlier.cookies = before;
    assert_eq!(earlier.get("/panel/users").await.status, 303);
    let next = form(&page(&mut admin, NEW_USER).await, NEW_USER)
        .with("username", "dave")
        .with("email", "dave@shop.example")
        .with("password", PASSWORD);
    send(&mut admin, &next).await;

    // Once, and the password still does.
    clock.advance(301);
    let shown = asked(&mut admin, "erin").await;
    let replay = right.fields["confirm_response"].clone();
    let replayed = proven(&shown, &passkey, &handle).with("confirm_response", &replay);
    let replayed = admin.submit(&replayed).await;
    assert_refused(&replayed);
    let by_password = form(&replayed, NEW_USER).with("confirm_password", ADMIN_PASSWORD);
    send(&mut admin, &by_password).await;
}

#[tokio::test]
async fn a_proof_is_the_users_own_for_this_purpose_and_in_time() {
    let (companion, clock) = with_clock().await;
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let passkey = TestPasskey::es256(URL);
    let (handle, _) = add(&mut admin, &passkey).await;
    let mut bobby = sign_up(&companion, "bobby").await;
    let bobbys = TestPasskey::es256(URL);
    let (bobbys_handle, _) = add(&mut bobby, &bobbys).await;
    let adding = new_passkey(&mut admin).await;

    clock.advance(301);
    let shown = asked(&mut admin, "carol").await;
    for handle in [&handle, &bobbys_handle] {
        assert_refused(&admin.submit(&proven(&shown, &bobbys, handle)).await);
    }
    // A ticket for something else.
    let ticket = form(&adding, "/portal/passkeys/add").fields["ticket"].clone();
    let response = assertion(&passkey, &challenge(&adding), Some(&handle));
    let confused = form(&shown, NEW_USER)
        .with("confirm_ticket", &ticket)
        .with("confirm_response", &response);
    assert_refused(&admin.submit(&confused).await);
    let nothing = form(&shown, NEW_USER).with("confirm_response", "{}");
    assert_refused(&admin.submit(&nothing).await);
    // Too late; the form is still there, and the next try does it.
    clock.advance(301);
    let late = admin.submit(&proven(&shown, &passkey, &handle)).await;
    assert_refused(&late);
    let users = page(&mut admin, "/panel/users").await;
    assert!(!users.body.contains("carol"), "{users:?}");
    let made = send(&mut admin, &proven(&late, &passkey, &handle)).await;
    assert!(made.body.contains("carol"), "{made:?}");
}

#[tokio::test]
async fn passkeys_and_codes_are_counted_by_what_became_of_them() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let passkey = TestPasskey::es256(URL);
    let (handle, codes) = add(&mut alice, &passkey).await;
    let again = made(
        &new_passkey(&mut alice).await,
        "/portal/passkeys/add",
        &passkey,
    );
    assert_eq!(alice.submit(&again).await.status, 400);
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    let stranger = TestPasskey::es256(URL);
    let asked = browser.submit(&used(&asked, &stranger, None)).await;
    let right = used(&asked, &passkey, Some(&handle));
    assert_eq!(browser.submit(&right).await.status, 303);
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    let path = "/portal/log-in/recovery";
    let wrong = form(&asked, path).with("code", "0000-0000-0000-0000");
    let asked = browser.submit(&wrong).await;
    let right = form(&asked, path).with("code", &codes[0]);
    assert_eq!(browser.submit(&right).await.status, 303);
    let metrics = companion.gate.admin("/metrics").await.1;
    for (name, outcome, count) in [
        ("passkey_registrations", "added", 1),
        ("passkey_registrations", "refused", 1),
        ("passkey_proofs", "succeeded", 1),
        ("passkey_proofs", "failed", 1),
        ("recovery_code_proofs", "succeeded", 1),
        ("recovery_code_proofs", "failed", 1),
        ("logins", "failed", 0),
    ] {
        let line = format!("portcullis_issuer_{name}_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
}
