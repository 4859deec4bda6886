//! What users are shown of log-ins, and of attempts to log in as them.

use portcullis::store::{Committed, Created, LoginName};
use serde_json::{Value, json};

use super::passkeys::{add, second_step, used};
use super::{form, in_german, log_in, next, page, sign_up, with_clock};
use crate::authenticator::TestPasskey;
use crate::client::Answer;
use crate::store::user;
use crate::test_browser::TestBrowser;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, URL, sqlite};

const PATH: &str = "/portal/account/sign-ins";

/// Outcome, method, endpoint, address and number of all that an answer lists.
fn listed(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().unwrap().iter();
    let mut lines: Vec<String> = items
        .map(|item| {
            assert!(
                item["first_at"].as_i64() <= item["last_at"].as_i64(),
                "{item}"
            );
            let text = |name: &str| item[name].as_str().unwrap_or("many").to_owned();
            let names = ["outcome", "method", "endpoint", "address"].map(text);
            format!("{} {}", names.join(" "), item["attempts"])
        })
        .collect();
    lines.sort();
    lines
}

/// The same of the bearer of a token.
async fn own(companion: &TestCompanion, token: &str) -> Vec<String> {
    let answer = companion.get("/consumer/account/sign_ins", token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    listed(&answer.json())
}

async fn try_by(companion: &TestCompanion, username: &str, password: &str, from: &str) -> u16 {
    let body = json!({"username": username, "password": password}).to_string();
    let from = format!("x-forwarded-for: {from}");
    let headers = ["content-type: application/json", from.as_str()];
    let answer = companion.send("POST", "/consumer/login", &headers, &body);
    answer.await.status
}

#[tokio::test]
async fn log_ins_and_attempts_are_told_to_their_user_and_to_administrators() {
    let keys = ", trusted_proxies: [127.0.0.0/8]";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let mut alice = sign_up(&companion, "alice").await;
    // To sign up is to log in for the first time.
    let first = page(&mut alice, PATH).await;
    assert!(first.body.contains(">logged in</span>"), "{first:?}");
    let token = companion.register("bobby").await;
    for (password, from, status) in [
        ("a guess", "192.0.2.1", 401),
        ("another guess", "192.0.2.1", 401),
        ("a guess", "192.0.2.2", 401),
        (PASSWORD, "2001:db8:1:2:3:4:5:6", 200),
    ] {
        assert_eq!(try_by(&companion, "alice", password, from).await, status);
    }
    // By whatever name, and whatever is wrong with the form of it.
    let by_address = try_by(&companion, "ALICE@shop.example", "a guess", "192.0.2.2");
    assert_eq!(by_address.await, 401);
    assert_eq!(
        try_by(&companion, "nobody", "a guess", "192.0.2.1").await,
        401
    );
    log_in(&companion, "alice", PASSWORD).await;
    let bobbys = ["succeeded password login 127.0.0.1 1"];
    assert_eq!(own(&companion, &token).await, bobbys);
    let wrong = json!({"email": "b@shop.example", "password": "a guess"});
    let refused = companion.put("/consumer/account", &wrong, &token).await;
    assert!(refused.status >= 400, "{refused:?}");
    let bobbys = ["failed password account 127.0.0.1 1", bobbys[0]];
    assert_eq!(own(&companion, &token).await, bobbys);

    let expected = [
        "failed password login 192.0.2.1 2",
        "failed password login 192.0.2.2 2",
        "succeeded password login 127.0.0.1 1",
        "succeeded password login 2001:db8:1:2:: 1",
        "succeeded password portal 127.0.0.1 2",
    ];
    let token = companion.login("alice", PASSWORD).await;
    assert_eq!(own(&companion, &token).await, expected);
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let answer = companion.get("/backend/user/alice/sign_ins", &admin).await;
    assert_eq!(listed(&answer.json()), expected);
    let refused = companion.get("/backend/user/bobby/sign_ins", &token).await;
    assert_eq!(refused.status, 403, "{refused:?}");

    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    for shown in [
        page(&mut alice, PATH).await,
        page(&mut admin, "/panel/users/alice").await,
    ] {
        for text in [
            "2 times: ",
            "192.0.2.2",
            "2001:db8:1:2::",
            "refused",
            "a program, /consumer/login",
        ] {
            assert!(shown.body.contains(text), "{text}: {shown:?}");
        }
    }
    let german = in_german(&companion, &alice, PATH).await;
    assert!(german.body.contains("2 Mal: "), "{german:?}");
}

#[tokio::test]
async fn a_right_password_without_the_passkey_is_told_apart() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let passkey = TestPasskey::es256(URL);
    let (handle, codes) = add(&mut alice, &passkey).await;
    let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
    let wrong = form(&asked, "/portal/log-in/recovery").with("code", "0000-0000");
    let asked = browser.submit(&wrong).await;
    let code = form(&asked, "/portal/log-in/recovery").with("code", &codes[0]);
    assert_eq!(browser.submit(&code).await.status, 303);
    let mut browser = TestBrowser::new(&companion);
    let asked = page(&mut browser, "/portal/log-in").await;
    let answer = browser.submit(&used(&asked, &passkey, Some(&handle))).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let answer = companion.get("/backend/user/alice/sign_ins", &admin).await;
    let expected = [
        "failed recovery_code portal 127.0.0.1 1",
        "second_factor_missing password portal 127.0.0.1 1",
        "succeeded passkey portal 127.0.0.1 1",
        // The sign-up.
        "succeeded password portal 127.0.0.1 1",
        "succeeded recovery_code portal 127.0.0.1 1",
    ];
    assert_eq!(listed(&answer.json()), expected);
    let shown = page(&mut browser, PATH).await;
    let told = "right password, passkey asked for";
    assert!(shown.body.contains(told), "{shown:?}");
}

#[tokio::test]
async fn what_is_held_up_is_told_as_well_and_a_user_that_is_gone_leaves_nothing() {
    let keys = ", throttle: {account_at_address: {burst: 1, refill_seconds: 1000}}, \
                trusted_proxies: [127.0.0.0/8]";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let token = companion.register("alice").await;
    for (guess, status) in [("a guess", 401), ("b guess", 429), ("c guess", 429)] {
        let tried = try_by(&companion, "alice", guess, "192.0.2.1");
        assert_eq!(tried.await, status, "{guess}");
    }
    let failed = "failed password login 192.0.2.1 3";
    assert!(own(&companion, &token).await.contains(&failed.to_owned()));
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let deleted = companion.delete("/backend/user/alice", &admin).await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let gone = companion.get("/backend/user/alice/sign_ins", &admin).await;
    assert_eq!(gone.status, 404, "{gone:?}");
    let path = "/consumer/account/sign_ins";
    assert_eq!(companion.get(path, &token).await.status, 401);
}

/// More names than there is room for at once.
#[tokio::test]
async fn an_address_that_fails_for_many_users_hides_no_attempt_from_elsewhere() {
    const NAMES: usize = 1200;
    let keys = ", trusted_proxies: [127.0.0.0/8]";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let token = companion.register("bobby").await;
    let store = companion.open_store().await;
    let name = LoginName::parse("bobby").unwrap();
    let bobby = store.credentials(&name).await.unwrap().unwrap();
    let mut change = store.change(bobby.user.created_at).await.unwrap();
    for number in 0..NAMES {
        let name = user(&format!("user-{number}"));
        let added = change.add_user(&name, &bobby.password_hash).await;
        assert_eq!(added.unwrap(), Created::Yes);
    }
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    for number in 0..NAMES {
        let name = format!("user-{number}");
        let status = try_by(&companion, &name, "a guess", "192.0.2.1").await;
        assert!([401, 429].contains(&status), "{status}");
    }
    let status = try_by(&companion, "bobby", "a guess", "198.51.100.7").await;
    assert_eq!(status, 401);
    let told = own(&companion, &token).await;
    let expected = "failed password login 198.51.100.7 1".to_owned();
    assert!(told.contains(&expected), "{told:?}");
    let (_, metrics) = companion.gate.admin("/metrics").await;
    let name = "portcullis_issuer_sign_ins_lost_total ";
    let lost = metrics.lines().find_map(|line| line.strip_prefix(name));
    assert!(lost.is_some_and(|lost| lost != "0"), "{lost:?}");
}

/// Logs in, and returns the browser with the first page after it.
async fn first_page<'a>(companion: &'a TestCompanion, from: &str) -> (TestBrowser<'a>, Answer) {
    let mut browser = TestBrowser::new(companion);
    let path = "/portal/log-in?next=%2Fportal%2Faccount";
    let empty = form(&page(&mut browser, path).await, "/portal/log-in");
    assert_eq!(empty.fields["next"], from);
    let filled = empty.with("username", "alice").with("password", PASSWORD);
    let answer = browser.submit(&filled).await;
    let shown = page(&mut browser, &next(&answer)).await;
    (browser, shown)
}

#[tokio::test]
async fn the_first_page_after_a_log_in_tells_of_the_one_before() {
    let (companion, clock) = with_clock().await;
    let alice = json!({"username": "alice", "email": "alice@shop.example", "password": PASSWORD});
    let made = companion.post("/consumer/register", &alice, "").await;
    assert_eq!(made.status, 201, "{made:?}");
    let next = "/portal/account";
    let told = "id=\"earlier\"";
    // Failures before the first log-in ever are no news of an earlier one.
    assert_eq!(
        try_by(&companion, "alice", "a guess", "192.0.2.1").await,
        401
    );
    clock.advance(100);
    let (_, first) = first_page(&companion, next).await;
    assert!(!first.body.contains(told), "{first:?}");
    let at = portcullis::clock::Clock::now(&*clock);
    clock.advance(100);
    let (mut browser, second) = first_page(&companion, next).await;
    for text in [
        "Last log-in: <time datetime=\"",
        &format!("<time datetime=\"{at}\" data-form=\"day\">"),
        ", from 127.0.0.1. No failed attempts since then.",
        "<a href=\"/portal/account/sign-ins\">All log-ins</a>",
    ] {
        assert!(second.body.contains(text), "{text}: {second:?}");
    }
    let german = in_german(&companion, &browser, next).await;
    let text = ", von 127.0.0.1. Seitdem keine Fehlversuche.";
    assert!(german.body.contains(text), "{german:?}");
    // Once, and after one reload.
    let again = page(&mut browser, next).await;
    assert!(again.body.contains(told), "{again:?}");
    let over = page(&mut browser, next).await;
    assert!(!over.body.contains(told), "{over:?}");

    clock.advance(86_400);
    for guess in ["a guess", "b guess"] {
        assert_eq!(try_by(&companion, "alice", guess, "192.0.2.1").await, 401);
    }
    clock.advance(1);
    let (_, third) = first_page(&companion, next).await;
    let text = "Since then 2 failed attempts.";
    assert!(third.body.contains(text), "{third:?}");
}

#[tokio::test]
async fn a_second_step_tells_of_the_log_in_before_as_well() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let (_, codes) = add(&mut alice, &TestPasskey::es256(URL)).await;
    // To sign up was to log in for the first time.
    for code in &codes[..2] {
        let (mut browser, asked) = second_step(&companion, "alice", PASSWORD).await;
        let code = form(&asked, "/portal/log-in/recovery").with("code", code);
        let answer = browser.submit(&code).await;
        let first = page(&mut browser, &next(&answer)).await;
        assert!(first.body.contains("Last log-in: "), "{first:?}");
    }
}

#[tokio::test]
async fn a_log_in_goes_on_where_the_one_before_cannot_be_read() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    first_page(&companion, "/portal/account").await;
    sqlx::any::install_default_drivers();
    let url = sqlite(companion.path());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let text = "ALTER TABLE sign_ins RENAME TO elsewhere";
    sqlx::raw_sql(text).execute(&pool).await.unwrap();
    let (_, shown) = first_page(&companion, "/portal/account").await;
    assert!(!shown.body.contains("id=\"earlier\""), "{shown:?}");
    let text = "ALTER TABLE elsewhere RENAME TO sign_ins";
    sqlx::raw_sql(text).execute(&pool).await.unwrap();
    let (_, shown) = first_page(&companion, "/portal/account").await;
    assert!(shown.body.contains("id=\"earlier\""), "{shown:?}");
}

#[tokio::test]
async fn a_wrong_password_to_confirm_a_change_is_no_attempt_to_log_in() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let path = "/portal/account/email";
    let wrong = form(&page(&mut alice, path).await, path)
        .with("email", "a@shop.example")
        .with("password", "a guess");
    let refused = alice.submit(&wrong).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    // Nor is the one that any form may bring.
    let (path, proof) = ("/portal/apps/new", ("confirm_password", "another guess"));
    let wrong = super::new_app(&mut alice, "web-shop").await;
    let refused = alice.submit(&wrong.with(proof.0, proof.1)).await;
    assert_eq!(refused.status, 403, "{path}: {refused:?}");
    let shown = page(&mut alice, PATH).await;
    assert!(shown.body.contains("confirming a change"), "{shown:?}");
    let german = in_german(&companion, &alice, PATH).await;
    assert!(
        german.body.contains("Bestätigung einer Änderung"),
        "{german:?}"
    );
    let token = companion.login("alice", PASSWORD).await;
    let expected = [
        "failed password account 127.0.0.1 2",
        "succeeded password login 127.0.0.1 1",
        "succeeded password portal 127.0.0.1 1",
    ];
    assert_eq!(own(&companion, &token).await, expected);
}
