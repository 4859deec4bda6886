//! Passkeys as somebody meets them who has an authenticator in software, and as attackers do.

mod proof;

use portcullis::clock::{Clock, SystemClock};
use portcullis::identity::{RoleName, Username};
use portcullis::store::{Committed, Store};
use serde_json::{Value, json};

use super::{form, in_german, log_in, next, page, send, sign_up, with_clock, with_clock_and};
use crate::authenticator::TestPasskey;
use crate::client::Answer;
use crate::test_browser::{CALLBACK, TestBrowser, TestForm, request};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, URL};

const REFUSED: &str = "That did not work";
const OUT_OF_DATE: &str = "out of date";

const ADMINISTRATORS: &str = ", passkeys: {required_for: administrators}";

/// What a page asks of the browser.
fn options(page: &Answer) -> Value {
    let (_, rest) = page
        .body
        .split_once("data-options=\"")
        .unwrap_or_else(|| panic!("{page:?}"));
    let (text, _) = rest.split_once('"').unwrap();
    let text = text.replace("&quot;", "\"").replace("&#34;", "\"");
    serde_json::from_str(&text).unwrap()
}

fn challenge(page: &Answer) -> String {
    options(page)["challenge"].as_str().unwrap().to_owned()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// What the script sends that has made a passkey.
fn registration(passkey: &TestPasskey, challenge: &str) -> String {
    let client_data = passkey.client_data("webauthn.create", challenge);
    json!({
        "clientDataJSON": base64(&client_data),
        "attestationObject": base64(&passkey.attestation()),
    })
    .to_string()
}

/// What the script sends that has used a passkey of the user with this handle.
fn assertion(passkey: &TestPasskey, challenge: &str, handle: Option<&str>) -> String {
    let assertion = passkey.assertion(challenge);
    json!({
        "id": passkey.id(),
        "clientDataJSON": base64(&assertion.client_data),
        "authenticatorData": base64(&assertion.authenticator_data),
        "signature": base64(&assertion.signature),
        "userHandle": handle,
    })
    .to_string()
}

pub(super) fn made(page: &Answer, action: &str, passkey: &TestPasskey) -> TestForm {
    let response = registration(passkey, &challenge(page));
    form(page, action)
        .with("name", "my phone")
        .with("response", &response)
}

pub(super) fn used(page: &Answer, passkey: &TestPasskey, handle: Option<&str>) -> TestForm {
    let response = assertion(passkey, &challenge(page), handle);
    form(page, "/portal/log-in/passkey").with("response", &response)
}

/// The page that makes another passkey.
pub(super) async fn new_passkey(browser: &mut TestBrowser<'_>) -> Answer {
    let list = page(browser, "/portal/passkeys").await;
    let asked = browser.submit(&form(&list, "/portal/passkeys/new")).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    asked
}

/// Makes a passkey; returns the handle of its user, and the recovery codes.
pub(super) async fn add(
    browser: &mut TestBrowser<'_>,
    passkey: &TestPasskey,
) -> (String, Vec<String>) {
    let asked = new_passkey(browser).await;
    let handle = options(&asked)["user"]["id"].as_str().unwrap().to_owned();
    let listed = send(browser, &made(&asked, "/portal/passkeys/add", passkey)).await;
    assert!(listed.body.contains("my phone"), "{listed:?}");
    (handle, codes(&listed))
}

fn codes(page: &Answer) -> Vec<String> {
    let parts = page.body.split("class=\"recovery-code\">").skip(1);
    parts
        .map(|part| part.split('<').next().unwrap().to_owned())
        .collect()
}

/// The page that follows the right password.
pub(super) async fn second_step<'a>(
    companion: &'a TestCompanion,
    username: &str,
    password: &str,
) -> (TestBrowser<'a>, Answer) {
    let mut browser = TestBrowser::new(companion);
    let empty = page(&mut browser, "/portal/log-in").await;
    let filled = form(&empty, "/portal/log-in");
    let filled = filled
        .with("username", username)
        .with("password", password)
        .with("next", "/portal/account");
    let asked = browser.submit(&filled).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    (browser, asked)
}

async fn is_logged_in(browser: &mut TestBrowser<'_>) -> bool {
    browser.get("/portal/account").await.status == 200
}

#[tokio::test]
async fn a_password_is_followed_by_a_passkey() {
    let companion = TestCompanion::start().await;
    for (username, passkey) in [
        ("alice", TestPasskey::es256(URL)),
        ("bobby", TestPasskey::eddsa(URL)),
        ("carol", TestPasskey::rs256(URL)),
    ] {
        let mut elsewhere = sign_up(&companion, username).await;
        let mut browser = log_in(&companion, username, PASSWORD).await;
        let (handle, _) = add(&mut browser, &passkey).await;
        assert!(is_logged_in(&mut browser).await);
        assert!(
            !is_logged_in(&mut elsewhere).await,
            "a session by the password alone has ended"
        );
        let (mut browser, asked) = second_step(&companion, username, PASSWORD).await;
        let wanted = options(&asked);
        assert_eq!(wanted["allowCredentials"][0]["id"], passkey.id());
        assert_eq!(wanted["rpId"], "id.shop.example");
        assert!(!is_logged_in(&mut browser).await, "there is no session yet");
        let answer = browser.submit(&used(&asked, &passkey, Some(&handle))).await;
        assert_eq!(next(&answer), "/portal/account");
        assert!(is_logged_in(&mut browser).await);
    }
}

#[tokio::test]
async fn a_passkey_alone_logs_in() {
    let companion = TestCompanion::start().await;
    let mut browser = sign_up(&companion, "alice").await;
    let mut passkey = TestPasskey::es256(URL);
    let (handle, _) = add(&mut browser, &passkey).await;
    let mut browser = TestBrowser::new(&companion);
    let asked = page(&mut browser, "/portal/log-in?next=%2Fportal%2Faccount").await;
    let wanted = options(&asked);
    assert_eq!(wanted["allowCredentials"], json!([]), "nobody is named");
    assert_eq!(wanted["userVerification"], "required");
    let nobodys = browser.submit(&used(&asked, &passkey, None)).await;
    assert!(nobodys.body.contains(REFUSED), "{nobodys:?}");
    let other = base64(b"somebody else");
    let others = browser
        .submit(&used(&nobodys, &passkey, Some(&other)))
        .await;
    assert!(others.body.contains(REFUSED), "{others:?}");
    passkey.flags = crate::authenticator::PRESENT;
    let unverified = browser
        .submit(&used(&others, &passkey, Some(&handle)))
        .await;
    assert!(unverified.body.contains(REFUSED), "{unverified:?}");
    passkey.flags |= crate::authenticator::VERIFIED;
    let right = used(&unverified, &passkey, Some(&handle));
    let answer = browser.submit(&right).await;
    assert_eq!(next(&answer), "/portal/account");
    assert!(is_logged_in(&mut browser).await);
}

#[tokio::test]
async fn an_answer_counts_once_and_for_what_was_asked() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let passkey = TestPasskey::es256(URL);
    let (handle, _) = add(&mut alice, &passkey).await;
    let handle = Some(handle.as_str());
    let mut bobby = sign_up(&companion, "bobby").await;
    let bobbys = TestPasskey::es256(URL);
    let (bobbys_handle, _) = add(&mut bobby, &bobbys).await;

    // Once.
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    let before = browser.cookies.clone();
    let right = used(&asked, &passkey, handle);
    assert_eq!(browser.submit(&right).await.status, 303);
    let mut replay = TestBrowser::new(&companion);
    replay.cookies = before;
    let answer = replay.submit(&right).await;
    assert!(answer.body.contains(REFUSED), "{answer:?}");

    // Not with somebody else's passkey, whoever it says to be.
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    for says in [handle, Some(bobbys_handle.as_str()), None] {
        let answer = browser.submit(&used(&asked, &bobbys, says)).await;
        assert!(answer.body.contains(REFUSED), "{answer:?}");
        assert!(!is_logged_in(&mut browser).await);
    }
    // Not for another challenge, origin or host.
    let (_, other) = second_step(&companion, "alice", PASSWORD).await;
    let others = assertion(&passkey, &challenge(&other), handle);
    let answer = browser
        .submit(&form(&asked, "/portal/log-in/passkey").with("response", &others))
        .await;
    assert!(answer.body.contains(REFUSED), "{answer:?}");
    let mut lying = passkey;
    for origin in ["http://id.shop.example", "https://id.shop.example:8443"] {
        lying.origin = origin.to_owned();
        let answer = browser.submit(&used(&asked, &lying, handle)).await;
        assert!(answer.body.contains(REFUSED), "{origin}: {answer:?}");
    }
    lying.origin = URL.to_owned();
    // Not in another browser, which has not given the password.
    let mut stranger = TestBrowser::new(&companion);
    let own = form(
        &page(&mut stranger, "/portal/log-in").await,
        "/portal/log-in",
    );
    let stolen = used(&asked, &lying, handle).with("csrf", &own.fields["csrf"]);
    let answer = stranger.submit(&stolen).await;
    assert!(answer.body.contains(OUT_OF_DATE), "{answer:?}");
    assert!(!is_logged_in(&mut stranger).await);
    // A ticket for a new passkey opens nothing.
    let asked = new_passkey(&mut bobby).await;
    let ticket = &form(&asked, "/portal/passkeys/add").fields["ticket"];
    let list = page(&mut bobby, "/portal/passkeys").await;
    let mut confused = form(&list, "/portal/passkeys/new").with("ticket", ticket);
    confused.action = "/portal/log-in/passkey".to_owned();
    let response = assertion(&bobbys, &challenge(&asked), Some(&bobbys_handle));
    let answer = bobby.submit(&confused.with("response", &response)).await;
    assert!(answer.body.contains(OUT_OF_DATE), "{answer:?}");
}

#[tokio::test]
async fn a_passkey_is_made_for_whoever_asked_and_once() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let passkey = TestPasskey::es256(URL);
    let (_, codes) = add(&mut alice, &passkey).await;
    assert_eq!(codes.len(), 10);
    let asked = new_passkey(&mut alice).await;
    let excluded = &options(&asked)["excludeCredentials"][0]["id"];
    assert_eq!(*excluded, passkey.id());
    let path = "/portal/passkeys/add";
    let again = alice.submit(&made(&asked, path, &passkey)).await;
    assert_eq!(again.status, 400, "{again:?}");
    assert!(again.body.contains("already in use"), "{again:?}");
    // With the challenge of another page.
    let second = TestPasskey::es256(URL);
    let earlier = registration(&second, &challenge(&asked));
    let stale = form(&again, path)
        .with("name", "x")
        .with("response", &earlier);
    let answer = alice.submit(&stale).await;
    assert!(answer.body.contains(REFUSED), "{answer:?}");
    let mut bobby = sign_up(&companion, "bobby").await;
    let bobbys = new_passkey(&mut bobby).await;
    let csrf = form(&bobbys, path).fields["csrf"].clone();
    let foreign = made(&again, path, &second).with("csrf", &csrf);
    let answer = bobby.submit(&foreign).await;
    assert!(answer.body.contains(OUT_OF_DATE), "{answer:?}");
    let nameless = made(&new_passkey(&mut alice).await, path, &second).with("name", " ");
    let answer = alice.submit(&nameless).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    // No codes the second time.
    let listed = send(&mut alice, &made(&answer, path, &second)).await;
    assert!(self::codes(&listed).is_empty(), "{listed:?}");
    assert_eq!(listed.body.matches("/remove\"").count(), 2, "{listed:?}");
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let (_, codes) = add(&mut alice, &TestPasskey::es256(URL)).await;
    let path = "/portal/log-in/recovery";
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    let wrong = form(&asked, path).with("code", "0000-0000-0000-0000");
    let answer = browser.submit(&wrong).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body.contains(REFUSED), "{answer:?}");
    let typed = codes[0].to_lowercase().replace('-', " ");
    let answer = browser
        .submit(&form(&answer, path).with("code", &typed))
        .await;
    assert_eq!(next(&answer), "/portal/account");
    let list = page(&mut browser, "/portal/passkeys").await;
    assert!(list.body.contains("id=\"codes-left\">9<"), "{list:?}");
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    let used = form(&asked, path).with("code", &codes[0]);
    let answer = browser.submit(&used).await;
    assert!(answer.body.contains(REFUSED), "{answer:?}");

    // Other codes end the earlier ones.
    let list = page(&mut alice, "/portal/passkeys").await;
    let fresh = send(&mut alice, &form(&list, "/portal/passkeys/codes")).await;
    let fresh = self::codes(&fresh);
    assert_eq!(fresh.len(), 10);
    let ended = form(&answer, path).with("code", &codes[1]);
    let answer = browser.submit(&ended).await;
    assert!(answer.body.contains(REFUSED), "{answer:?}");
    let right = form(&answer, path).with("code", &fresh[9]);
    assert_eq!(browser.submit(&right).await.status, 303);
}

#[tokio::test]
async fn guesses_of_recovery_codes_are_held_up() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    add(&mut alice, &TestPasskey::es256(URL)).await;
    let (mut browser, mut asked) = second_step(&companion, "alice", PASSWORD).await;
    for number in 0..60 {
        // Whoever knows the password gains nothing by giving it again.
        if number % 8 == 7 {
            (browser, asked) = second_step(&companion, "alice", PASSWORD).await;
            let body = json!({"username": "alice", "password": PASSWORD});
            let refused = companion.post("/consumer/login", &body, "").await;
            assert_eq!(refused.status, 400, "{refused:?}");
        }
        let code = format!("0000-0000-0000-{number:04}");
        let filled = form(&asked, "/portal/log-in/recovery").with("code", &code);
        let answer = browser.submit(&filled).await;
        if answer.status == 429 {
            assert!(number >= 5, "{number}");
            return;
        }
        assert_eq!(answer.status, 403, "{answer:?}");
        asked = answer;
    }
    panic!("nobody is held up");
}

#[tokio::test]
async fn a_complete_login_forgives_wrong_passwords() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let passkey = TestPasskey::es256(URL);
    let (handle, _) = add(&mut alice, &passkey).await;
    for _ in 0..4 {
        for number in 0..4 {
            let mut browser = TestBrowser::new(&companion);
            let empty = page(&mut browser, "/portal/log-in").await;
            let wrong = form(&empty, "/portal/log-in")
                .with("username", "alice")
                .with("password", &format!("a guess of somebody {number}"));
            let answer = browser.submit(&wrong).await;
            assert_eq!(answer.status, 403, "{answer:?}");
        }
        let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
        let answer = browser.submit(&used(&asked, &passkey, Some(&handle))).await;
        assert_eq!(next(&answer), "/portal/account");
    }
}

#[tokio::test]
async fn a_second_step_takes_five_minutes_and_outlives_no_revocation() {
    let (companion, clock) = with_clock().await;
    let mut alice = sign_up(&companion, "alice").await;
    let passkey = TestPasskey::es256(URL);
    let (handle, codes) = add(&mut alice, &passkey).await;
    let handle = Some(handle.as_str());
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    clock.advance(301);
    let late = browser.submit(&used(&asked, &passkey, handle)).await;
    assert!(late.body.contains(OUT_OF_DATE), "{late:?}");
    // A try that failed does not make the password last.
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    clock.advance(200);
    let empty = form(&asked, "/portal/log-in/passkey");
    let again = browser.submit(&empty).await;
    assert!(again.body.contains(REFUSED), "{again:?}");
    clock.advance(101);
    let late = browser.submit(&used(&again, &passkey, handle)).await;
    assert!(late.body.contains(OUT_OF_DATE), "{late:?}");

    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    let revoked = companion
        .post("/backend/revoke", &json!({"user": "alice"}), &admin)
        .await;
    assert!(revoked.status < 300, "{revoked:?}");
    let code = form(&asked, "/portal/log-in/recovery").with("code", &codes[0]);
    let ended = browser.submit(&code).await;
    assert!(ended.body.contains(REFUSED), "{ended:?}");
    let ended = browser.submit(&used(&asked, &passkey, handle)).await;
    assert!(ended.body.contains(OUT_OF_DATE), "{ended:?}");
    assert!(!is_logged_in(&mut browser).await);

    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    let status = json!({"status": "disabled"});
    let disabled = companion.put("/backend/user/alice", &status, &admin).await;
    assert_eq!(disabled.status, 200, "{disabled:?}");
    let ended = browser.submit(&used(&asked, &passkey, handle)).await;
    assert!(ended.body.contains(REFUSED), "{ended:?}");
}

#[tokio::test]
async fn what_has_no_second_step_is_refused_to_whoever_has_one() {
    let keys = ", grants: [client_credentials, refresh_token, authorization_code, password], \
                user_credentials_at_token_endpoint: true";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let earlier = companion.login_tokens("alice", PASSWORD).await;
    let mut browser = log_in(&companion, "alice", PASSWORD).await;
    add(&mut browser, &TestPasskey::es256(URL)).await;

    let body = json!({"username": "alice", "password": PASSWORD});
    let login = companion.post("/consumer/login", &body, "").await;
    let refresh = json!({"refresh_token": earlier.refresh});
    let refresh = companion.put("/consumer/login", &refresh, "").await;
    let grant = format!(
        "grant_type=password&username=alice&password={}",
        crate::test_browser::encode(PASSWORD)
    );
    let grant = companion.token(&app, &grant).await;
    let own = crate::test_companion::TestClient {
        key: "alice".to_owned(),
        secret: PASSWORD.to_owned(),
    };
    let basic = companion.token(&own, "grant_type=client_credentials").await;
    assert_eq!(refresh.status, 400, "{refresh:?}");
    assert_eq!(refresh.json()["error"], "invalid_grant", "{refresh:?}");
    for answer in [login, grant, basic] {
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.json()["error"], "invalid_grant", "{answer:?}");
        let told = answer.json()["error_description"].to_string();
        assert!(told.contains("authorization code flow"), "{told}");
    }
    // Who does not know the password is not told.
    let wrong = json!({"username": "alice", "password": "a guess of somebody"});
    let wrong = companion.post("/consumer/login", &wrong, "").await;
    assert_eq!(wrong.status, 401, "{wrong:?}");
    // Apps go on.
    companion.tokens(&app).await;
}

#[tokio::test]
async fn an_app_gets_its_code_after_the_second_step() {
    let companion = TestCompanion::start().await;
    let token = companion.register("alice").await;
    let app = companion.web_app(&token, "web-shop", &[CALLBACK]).await;
    let mut browser = log_in(&companion, "alice", PASSWORD).await;
    let passkey = TestPasskey::es256(URL);
    let (handle, _) = add(&mut browser, &passkey).await;
    let handle = Some(handle.as_str());
    let path = request(&app);
    let login = "/authorization/login";

    let mut browser = TestBrowser::new(&companion);
    let empty = browser.get(&path).await;
    let filled = form(&empty, login)
        .with("username", "alice")
        .with("password", PASSWORD);
    let asked = browser.submit(&filled).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let policy = asked.header("content-security-policy").unwrap();
    assert!(
        policy.contains("form-action 'self' https://shop.example;"),
        "{policy}"
    );
    // Half logged in is not logged in.
    let still = browser.get(&path).await;
    assert!(
        still.body.contains("action=\"/authorization/login\""),
        "{still:?}"
    );
    let fields = form(&still, login).fields;
    let consent = TestForm {
        action: "/authorization/consent".to_owned(),
        fields,
    };
    let consent = consent
        .with("decision", "allow")
        .with("scope", "orders.read");
    let back = browser.submit(&consent).await;
    let location = back.header("location").unwrap();
    assert!(
        location.starts_with("/authorization/authorize?"),
        "{back:?}"
    );

    let answer = browser.submit(&used(&asked, &passkey, handle)).await;
    let onward = next(&answer);
    assert!(onward.starts_with("/authorization/authorize?"), "{onward}");
    let consent = browser.get(&onward).await;
    let code = browser.allow(&consent).await;
    let redeemed = companion.redeem(&app, code.get("code").unwrap()).await;
    assert_eq!(redeemed.status, 200, "{redeemed:?}");

    // The same with the passkey alone.
    let mut browser = TestBrowser::new(&companion);
    let empty = browser.get(&path).await;
    let filled = form(&empty, login).with("method", "passkey");
    let asked = browser.submit(&filled).await;
    let answer = browser.submit(&used(&asked, &passkey, handle)).await;
    let consent = browser.get(&next(&answer)).await;
    assert!(
        consent.body.contains("/authorization/consent"),
        "{consent:?}"
    );
}

#[tokio::test]
async fn passkeys_and_codes_take_a_fresh_login_and_are_removed() {
    let (companion, clock) = with_clock().await;
    let mut alice = sign_up(&companion, "alice").await;
    let passkey = TestPasskey::es256(URL);
    add(&mut alice, &passkey).await;
    clock.advance(301);
    let list = page(&mut alice, "/portal/passkeys").await;
    let path = format!("/portal/passkeys/{}/remove", passkey.id());
    let confirm = page(&mut alice, &path).await;
    assert!(confirm.body.contains("your only one"), "{confirm:?}");
    for filled in [
        form(&list, "/portal/passkeys/new"),
        form(&list, "/portal/passkeys/codes"),
        form(&confirm, &path),
    ] {
        let asked = alice.submit(&filled).await;
        assert_eq!(asked.status, 403, "{asked:?}");
        assert!(asked.body.contains("confirm_password"), "{asked:?}");
    }
    let mut bobby = sign_up(&companion, "bobby").await;
    assert_eq!(bobby.get(&path).await.status, 404, "it is not there");
    let proof = form(&alice.submit(&form(&confirm, &path)).await, &path);
    let left = send(&mut alice, &proof.with("confirm_password", PASSWORD)).await;
    assert!(left.body.contains("You have no passkey yet."), "{left:?}");
    // The password is enough again.
    log_in(&companion, "alice", PASSWORD).await;
}

#[tokio::test]
async fn an_administrator_who_must_have_a_passkey_gets_nothing_before() {
    let folder = tempfile::tempdir().unwrap();
    let companion = required(folder);
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let refused = companion.post("/consumer/login", &body, "").await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let (mut browser, asked) = second_step(&companion, "admin", ADMIN_PASSWORD).await;
    assert!(asked.body.contains("You need a passkey"), "{asked:?}");
    for path in [
        "/panel",
        "/panel/users",
        "/portal/passkeys",
        "/portal/account",
    ] {
        let answer = browser.get(path).await;
        assert!(next(&answer).starts_with("/portal/log-in?next="), "{path}");
    }
    let path = "/portal/log-in/first-passkey";
    let passkey = TestPasskey::es256(URL);
    let filled = made(&asked, path, &passkey);
    let listed = send(&mut browser, &filled).await;
    assert_eq!(codes(&listed).len(), 10, "{listed:?}");
    page(&mut browser, "/panel/users").await;
    // Another one that has none is named, and what it cannot do.
    let _dora = sign_up(&companion, "dora").await;
    make_administrator(&companion, "dora").await;
    for (path, told) in [
        ("/panel/users/dora", "none: the user needs a passkey first"),
        (
            "/panel",
            "neither they nor their apps administer anything: 1",
        ),
    ] {
        let seen = page(&mut browser, path).await;
        assert!(seen.body.contains(told), "{told}: {seen:?}");
    }
    let german = in_german(&companion, &browser, "/panel/users/dora").await;
    let told = "keine: Der Benutzer braucht zuerst einen Passkey";
    assert!(german.body.contains(told), "{german:?}");
    let own = page(&mut browser, "/panel/users/admin").await;
    assert!(!own.body.contains("needs a passkey first"), "{own:?}");
    // The last one stays.
    let remove = format!("/portal/passkeys/{}/remove", passkey.id());
    let confirm = form(&page(&mut browser, &remove).await, &remove);
    let refused = browser.submit(&confirm).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body.contains("must have a passkey"), "{refused:?}");
    // Whoever knows the password alone gets no further one.
    let (_, asked) = second_step(&companion, "admin", ADMIN_PASSWORD).await;
    assert!(!asked.body.contains("first-passkey"), "{asked:?}");
}

#[tokio::test]
async fn who_becomes_an_administrator_without_a_passkey_makes_one_first() {
    let companion = required(tempfile::tempdir().unwrap());
    let mut dora = sign_up(&companion, "dora").await;
    let passkey = TestPasskey::es256(URL);
    add(&mut dora, &passkey).await;
    let remove = format!("/portal/passkeys/{}/remove", passkey.id());
    let confirm = form(&page(&mut dora, &remove).await, &remove);
    send(&mut dora, &confirm).await;
    make_administrator(&companion, "dora").await;
    for path in ["/panel/users", "/portal/passkeys"] {
        let answer = dora.get(path).await;
        assert_eq!(answer.status, 303, "the session is over: {answer:?}");
    }
    let (_, asked) = second_step(&companion, "dora", PASSWORD).await;
    assert!(asked.body.contains("first-passkey"), "{asked:?}");
}

/// Gives a user the role of administrators, as a command would.
async fn make_administrator(companion: &TestCompanion, username: &str) {
    let store = Store::open(&companion.store()).await.unwrap();
    let name = Username::parse(username).unwrap();
    let mut change = store.change(SystemClock.now()).await.unwrap();
    let user = change.user_named(&name).await.unwrap().unwrap();
    let role = RoleName::parse("administrator").unwrap();
    change.set_user_roles(&user.id, &[role]).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
}

/// A companion whose administrators must have passkeys.
fn required(folder: tempfile::TempDir) -> TestCompanion {
    let store = crate::test_companion::sqlite(folder.path());
    let mut setup = crate::test_companion::setup(folder.path(), &store);
    let closing = setup.extra.rfind('}').unwrap();
    setup.extra.insert_str(closing, ADMINISTRATORS);
    TestCompanion::with(&setup, folder)
}

#[tokio::test]
async fn two_first_passkeys_at_once_are_one() {
    let companion = required(tempfile::tempdir().unwrap());
    let (mut thief, stolen) = second_step(&companion, "admin", ADMIN_PASSWORD).await;
    let (mut admin, asked) = second_step(&companion, "admin", ADMIN_PASSWORD).await;
    let path = "/portal/log-in/first-passkey";
    send(&mut admin, &made(&asked, path, &TestPasskey::es256(URL))).await;
    let late = made(&stolen, path, &TestPasskey::es256(URL));
    let answer = thief.submit(&late).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let panel = thief.get("/panel/users").await;
    assert_eq!(panel.status, 303, "{panel:?}");
}

#[tokio::test]
async fn of_two_sessions_by_the_password_one_makes_the_first_passkey() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut thief = log_in(&companion, "alice", PASSWORD).await;
    let path = "/portal/passkeys/add";
    let filled = made(
        &new_passkey(&mut alice).await,
        path,
        &TestPasskey::es256(URL),
    );
    let stolen = made(
        &new_passkey(&mut thief).await,
        path,
        &TestPasskey::es256(URL),
    );
    tokio::join!(alice.submit(&filled), thief.submit(&stolen));
    let (alices, thiefs) = (
        alice.get("/portal/passkeys").await,
        thief.get("/portal/passkeys").await,
    );
    let mut statuses = [alices.status, thiefs.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 303], "{alices:?} {thiefs:?}");
    let made = if alices.status == 200 { alices } else { thiefs };
    assert_eq!(made.body.matches("/remove\"").count(), 1, "{made:?}");
}

#[tokio::test]
async fn a_ticket_for_a_first_passkey_is_for_whoever_must_have_one() {
    let companion = required(tempfile::tempdir().unwrap());
    let (browser, asked) = second_step(&companion, "admin", ADMIN_PASSWORD).await;
    let path = "/portal/log-in/first-passkey";
    let filled = made(&asked, path, &TestPasskey::es256(URL));
    let cookies = browser.cookies.clone();
    // The key of the tickets is in the store, and the same at each start.
    let folder = companion.stop();
    let store = crate::test_companion::sqlite(folder.path());
    let setup = crate::test_companion::setup(folder.path(), &store);
    let companion = TestCompanion::with(&setup, folder);
    let mut browser = TestBrowser::new(&companion);
    browser.cookies = cookies;
    let answer = browser.submit(&filled).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body.contains(OUT_OF_DATE), "{answer:?}");
    assert!(!is_logged_in(&mut browser).await);
    // Nothing was added: the password is enough.
    companion.login("admin", ADMIN_PASSWORD).await;
}

#[tokio::test]
async fn what_rested_on_the_password_alone_does_not_come_back() {
    let companion = TestCompanion::start().await;
    let earlier = {
        companion.register("alice").await;
        companion.login_tokens("alice", PASSWORD).await
    };
    let app = companion
        .web_app(&earlier.access, "shop", &[CALLBACK])
        .await;
    let mut elsewhere = log_in(&companion, "alice", PASSWORD).await;
    let mut browser = log_in(&companion, "alice", PASSWORD).await;
    let passkey = TestPasskey::es256(URL);
    add(&mut browser, &passkey).await;
    assert!(is_logged_in(&mut browser).await, "this session goes on");
    let ended = async |elsewhere: &mut TestBrowser<'_>| {
        assert!(!is_logged_in(elsewhere).await);
        let refresh = json!({"refresh_token": earlier.refresh});
        let refused = companion.put("/consumer/login", &refresh, "").await;
        assert_eq!(refused.status, 400, "{refused:?}");
        let rotate = format!("/consumer/app/{}/rotate_secret", app.key);
        for (path, body) in [
            ("/consumer/app", json!({"name": "another"})),
            (rotate.as_str(), json!({})),
        ] {
            let refused = companion.post(path, &body, &earlier.access).await;
            assert_eq!(refused.status, 401, "{path}: {refused:?}");
        }
    };
    ended(&mut elsewhere).await;
    let remove = format!("/portal/passkeys/{}/remove", passkey.id());
    let confirm = form(&page(&mut browser, &remove).await, &remove);
    let left = send(&mut browser, &confirm).await;
    assert!(left.body.contains("You have no passkey yet."), "{left:?}");
    ended(&mut elsewhere).await;
    log_in(&companion, "alice", PASSWORD).await;
}

#[tokio::test]
async fn a_first_passkey_that_is_required_ends_earlier_tokens() {
    let companion = TestCompanion::start().await;
    let earlier = companion.login_tokens("admin", ADMIN_PASSWORD).await;
    let companion = required(companion.stop());
    let users = companion.get("/backend/user", &earlier.access).await;
    assert_eq!(users.status, 401, "not by an older token: {users:?}");
    let account = companion.get("/consumer/account", &earlier.access).await;
    assert_eq!(account.status, 200, "until there is a passkey: {account:?}");
    let (mut browser, asked) = second_step(&companion, "admin", ADMIN_PASSWORD).await;
    let path = "/portal/log-in/first-passkey";
    send(&mut browser, &made(&asked, path, &TestPasskey::es256(URL))).await;
    for path in ["/backend/user", "/consumer/account"] {
        let ended = companion.get(path, &earlier.access).await;
        assert_eq!(ended.status, 401, "{ended:?}");
    }
    let refresh = json!({"refresh_token": earlier.refresh});
    let refused = companion.put("/consumer/login", &refresh, "").await;
    assert_eq!(refused.status, 400, "{refused:?}");
    page(&mut browser, "/panel/users").await;
}

#[tokio::test]
async fn a_session_by_the_password_ends_when_more_is_needed() {
    let (companion, _clock) = with_clock_and("").await;
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    page(&mut admin, "/panel/users").await;
    let cookies = admin.cookies.clone();
    let companion = required(companion.stop());
    let mut browser = TestBrowser::new(&companion);
    browser.cookies = cookies;
    let answer = browser.get("/panel/users").await;
    assert_eq!(answer.status, 303, "{answer:?}");
}

#[tokio::test]
async fn the_page_of_the_login_says_whom_to_ask() {
    let companion = TestCompanion::start().await;
    let mut browser = TestBrowser::new(&companion);
    let page = page(&mut browser, "/portal/log-in").await;
    assert!(page.body.contains("removed by the operator"), "{page:?}");
    assert!(page.body.contains("This site sends no e-mail"), "{page:?}");
}

#[tokio::test]
async fn the_script_has_a_name_that_changes_with_it_and_no_page_has_another() {
    let companion = TestCompanion::start().await;
    let mut browser = TestBrowser::new(&companion);
    let login = page(&mut browser, "/portal/log-in").await;
    let (_, rest) = login.body.split_once("<script src=\"").unwrap();
    let (path, _) = rest.split_once('"').unwrap();
    let script = browser.get(path).await;
    assert_eq!(script.status, 200);
    let kind = script.header("content-type");
    assert_eq!(kind, Some("text/javascript; charset=utf-8"));
    assert!(
        script
            .header("cache-control")
            .unwrap()
            .contains("immutable")
    );
    assert!(script.body.lines().count() <= 150);
    let digest = blake3::hash(script.body.as_bytes()).to_hex();
    assert_eq!(path, format!("/assets/{}.js", &digest[..16]));
    assert_eq!(login.body.matches("<script").count(), 1, "{login:?}");
    let policy = login.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self';"), "{policy}");
    let start = page(&mut browser, "/").await;
    assert!(!start.body.contains("<script"), "{start:?}");
    let policy = start.header("content-security-policy").unwrap();
    assert!(!policy.contains("script-src"), "{policy}");
}
