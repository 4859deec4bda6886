//! Throttling from outside: who is held up, who is not, and what they are told.

use serde_json::json;

use crate::client::Answer;
use crate::issuer::error;
use crate::test_app::Setup;
use crate::test_companion::{
    FORM, PASSWORD, TestClient, TestCompanion, basic, bearer, setup, sqlite,
};

/// Limits that nobody gets past by waiting during a test.
const NARROW: &str = ", throttle: {\
     account_at_address: {burst: 3, refill_seconds: 3600}, \
     account: {burst: 6, refill_seconds: 3600}, \
     app_at_address: {burst: 3, refill_seconds: 3600}, \
     app: {burst: 6, refill_seconds: 3600}, \
     address: {burst: 10, refill_seconds: 3600}, \
     registration: {burst: 2, refill_seconds: 3600}}";

async fn narrow() -> TestCompanion {
    let keys = format!("{NARROW}, trusted_proxies: [127.0.0.0/8]");
    TestCompanion::with_issuer_keys(&keys).await
}

/// The same on a store that is there.
fn narrow_setup(folder: &std::path::Path) -> Setup {
    let mut setup = setup(folder, &sqlite(folder));
    let closing = setup.extra.rfind('}').unwrap();
    let keys = format!("{NARROW}, trusted_proxies: [127.0.0.0/8]");
    setup.extra.insert_str(closing, &keys);
    setup
}

async fn login(companion: &TestCompanion, name: &str, password: &str, from: &str) -> Answer {
    let body = json!({"username": name, "password": password}).to_string();
    let from = format!("x-forwarded-for: {from}");
    let headers = ["content-type: application/json", &from];
    companion
        .send("POST", "/consumer/login", &headers, &body)
        .await
}

/// A wrong password, each time another one.
async fn guess(companion: &TestCompanion, name: &str, number: usize, from: &str) -> u16 {
    let answer = login(companion, name, &format!("guess number {number}"), from).await;
    error(&answer).0
}

async fn register(companion: &TestCompanion, name: &str, from: &str) -> Answer {
    let email = format!("{name}@shop.example");
    let body = json!({"username": name, "email": email, "password": PASSWORD}).to_string();
    let from = format!("x-forwarded-for: {from}");
    let headers = ["content-type: application/json", &from];
    companion
        .send("POST", "/consumer/register", &headers, &body)
        .await
}

fn assert_throttled(answer: &Answer) {
    let expected = (429, "temporarily_unavailable".to_owned());
    assert_eq!(error(answer), expected, "{answer:?}");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600 * 101).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("pragma"), Some("no-cache"));
}

#[tokio::test]
async fn guesses_are_held_up_where_they_are_made_and_the_owner_is_not() {
    let companion = narrow().await;
    register(&companion, "alice", "198.51.100.7").await;
    for name in ["alice", "nobody"] {
        for number in 0..3 {
            assert_eq!(guess(&companion, name, number, "192.0.2.1").await, 401);
        }
    }
    let held_up = login(&companion, "alice", PASSWORD, "192.0.2.1").await;
    assert_throttled(&held_up);
    assert_throttled(&login(&companion, "ALICE", PASSWORD, "192.0.2.1").await);
    let unknown = login(&companion, "nobody", PASSWORD, "192.0.2.1").await;
    assert_throttled(&unknown);
    let says = |answer: &Answer| answer.json()["error_description"].as_str().unwrap().len();
    assert_eq!(
        says(&held_up),
        says(&unknown),
        "known and unknown look alike"
    );
    let elsewhere = login(&companion, "alice", PASSWORD, "198.51.100.7").await;
    assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
    let metrics = companion.gate.admin("/metrics").await.1;
    for line in [
        "portcullis_issuer_throttled_total{limit=\"account_at_address\"} 3",
        "portcullis_issuer_logins_total{outcome=\"failed\"} 6",
        "portcullis_issuer_logins_total{outcome=\"throttled\"} 3",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn an_account_under_attack_from_everywhere_stays_open_to_its_owner() {
    let companion = narrow().await;
    register(&companion, "alice", "198.51.100.7").await;
    let before = login(&companion, "alice", PASSWORD, "198.51.100.7").await;
    assert_eq!(before.status, 200, "{before:?}");
    for number in 0..6 {
        let from = format!("192.0.2.{number}");
        assert_eq!(guess(&companion, "alice", number, &from).await, 401);
    }
    assert_eq!(guess(&companion, "alice", 7, "192.0.2.77").await, 429);
    let owner = login(&companion, "alice", PASSWORD, "198.51.100.7").await;
    assert_eq!(owner.status, 200, "{owner:?}");
}

/// A user has several names, and not several times as many guesses.
#[tokio::test]
async fn guesses_are_counted_by_account_and_not_by_spelling() {
    let companion = narrow().await;
    register(&companion, "alice", "198.51.100.7").await;
    let names = ["alice", "ALICE@shop.example", "Alice"];
    for (number, name) in names.into_iter().enumerate() {
        assert_eq!(guess(&companion, name, number, "192.0.2.1").await, 401);
    }
    for name in ["alice", "aLICE", "alice@shop.example"] {
        assert_throttled(&login(&companion, name, PASSWORD, "192.0.2.1").await);
    }
    for (number, name) in ["nobody", "NOBODY", "Nobody"].into_iter().enumerate() {
        assert_eq!(guess(&companion, name, number, "192.0.2.2").await, 401);
    }
    assert_eq!(guess(&companion, "noBody", 3, "192.0.2.2").await, 429);
}

#[tokio::test]
async fn the_usual_place_of_an_owner_outlives_the_process() {
    let companion = narrow().await;
    register(&companion, "alice", "198.51.100.7").await;
    let before = login(&companion, "alice", PASSWORD, "198.51.100.7").await;
    assert_eq!(before.status, 200, "{before:?}");
    let setup = narrow_setup(companion.path());
    let companion = companion.restart_with(&setup);
    for number in 0..6 {
        let from = format!("192.0.2.{number}");
        assert_eq!(guess(&companion, "alice", number, &from).await, 401);
    }
    assert_eq!(guess(&companion, "alice", 7, "192.0.2.77").await, 429);
    for name in ["alice", "alice@shop.example"] {
        let owner = login(&companion, name, PASSWORD, "198.51.100.7").await;
        assert_eq!(owner.status, 200, "{owner:?}");
    }
    assert_throttled(&login(&companion, "alice", PASSWORD, "198.51.100.8").await);
    // That is hers alone, and no better than before.
    register(&companion, "bobby", "198.51.100.7").await;
    for number in 0..3 {
        let from = "198.51.100.7";
        assert_eq!(guess(&companion, "alice", number, from).await, 401);
    }
    assert_throttled(&login(&companion, "alice", PASSWORD, "198.51.100.7").await);
}

/// As an app from an address.
async fn app_token(companion: &TestCompanion, app: &TestClient, from: &str) -> Answer {
    let from = format!("x-forwarded-for: {from}");
    let headers = [FORM, from.as_str(), &basic(&app.key, &app.secret)];
    let form = "grant_type=client_credentials";
    companion
        .send("POST", "/authorization/token", &headers, form)
        .await
}

/// The app with a secret that is not its own.
fn with_secret(app: &TestClient, secret: String) -> TestClient {
    TestClient {
        key: app.key.clone(),
        secret,
    }
}

#[tokio::test]
async fn apps_with_withdrawn_secrets_keep_no_newcomer_out() {
    let companion = narrow().await;
    let alice = companion.register("alice").await;
    let token = async |app: &TestClient| app_token(&companion, app, "192.0.2.1").await;
    for name in ["one", "two", "three", "four"] {
        let app = companion.app(&alice, name).await;
        for number in 0..3 {
            let answer = token(&with_secret(&app, format!("withdrawn {number}"))).await;
            assert_eq!(error(&answer), (401, "invalid_client".to_owned()));
        }
        assert_throttled(&token(&with_secret(&app, "withdrawn".to_owned())).await);
    }
    let user = login(&companion, "alice", PASSWORD, "192.0.2.1").await;
    assert_eq!(user.status, 200, "{user:?}");
    let app = companion.app(&alice, "five").await;
    let granted = token(&app).await;
    assert_eq!(granted.status, 200, "{granted:?}");
}

/// They look like keys that there never were, which nobody at their address has to wait for either.
#[tokio::test]
async fn copies_of_deleted_apps_are_slowed_and_keep_no_newcomer_out() {
    let companion = narrow().await;
    let alice = companion.register("alice").await;
    for name in ["one", "two", "three", "four"] {
        let app = companion.app(&alice, name).await;
        let granted = app_token(&companion, &app, "192.0.2.1").await;
        assert_eq!(granted.status, 200, "{granted:?}");
        let path = format!("/consumer/app/{}", app.key);
        assert_eq!(companion.delete(&path, &alice).await.status, 204);
        for number in 0..2 {
            let wrong = with_secret(&app, format!("wrong {number}"));
            for copy in [&app, &wrong] {
                let answer = app_token(&companion, copy, "192.0.2.1").await;
                let expected = if (number, &copy.secret) == (1, &wrong.secret) {
                    (429, "temporarily_unavailable".to_owned())
                } else {
                    (401, "invalid_client".to_owned())
                };
                assert_eq!(error(&answer), expected);
            }
        }
        assert_throttled(&app_token(&companion, &app, "192.0.2.1").await);
    }
    for number in 0..12 {
        let never_was = TestClient {
            key: format!("unknown{number}"),
            secret: "wrong".to_owned(),
        };
        let answer = app_token(&companion, &never_was, "192.0.2.1").await;
        assert_eq!(error(&answer).0, 401);
    }
    let user = login(&companion, "alice", PASSWORD, "192.0.2.1").await;
    assert_eq!(user.status, 200, "{user:?}");
    let app = companion.app(&alice, "five").await;
    let granted = app_token(&companion, &app, "192.0.2.1").await;
    assert_eq!(granted.status, 200, "{granted:?}");
}

#[tokio::test]
async fn an_app_with_its_secret_is_let_in_whatever_strangers_do_in_its_name() {
    let companion = narrow().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let setup = narrow_setup(companion.path());
    let companion = companion.restart_with(&setup);
    for number in 0..8 {
        let wrong = with_secret(&app, format!("wrong {number}"));
        app_token(&companion, &wrong, &format!("192.0.2.{number}")).await;
        app_token(&companion, &wrong, "198.51.100.7").await;
    }
    let wrong = with_secret(&app, "wrong".to_owned());
    for from in ["192.0.2.77", "198.51.100.7"] {
        assert_throttled(&app_token(&companion, &wrong, from).await);
    }
    // Nor does it wait for what users do at its address.
    for number in 0..10 {
        let name = format!("user{number}");
        assert_eq!(guess(&companion, &name, number, "198.51.100.7").await, 401);
    }
    for from in ["198.51.100.7", "198.51.100.8"] {
        let granted = app_token(&companion, &app, from).await;
        assert_eq!(granted.status, 200, "{from}: {granted:?}");
    }
}

#[tokio::test]
async fn an_address_that_tries_many_names_is_held_up_and_others_are_not() {
    let companion = narrow().await;
    register(&companion, "alice", "198.51.100.7").await;
    for number in 0..10 {
        let name = format!("user{number}");
        assert_eq!(guess(&companion, &name, number, "192.0.2.1").await, 401);
    }
    assert_throttled(&login(&companion, "alice", PASSWORD, "192.0.2.1").await);
    let elsewhere = login(&companion, "alice", PASSWORD, "192.0.2.2").await;
    assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
}

#[tokio::test]
async fn apps_are_held_up_by_wrong_secrets_and_a_double_try_is_one() {
    let companion = narrow().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let grant = "grant_type=client_credentials";
    // A library that does not know which way is right tries both, with a secret that is wrong.
    for number in 0..2 {
        let by_basic = [FORM, &basic(&app.key, &format!("wrong{number}"))];
        let in_body = format!("{grant}&client_id={}&client_secret=wrong{number}", app.key);
        for (headers, body) in [(by_basic.as_slice(), grant), (&[FORM], &in_body)] {
            let answer = companion
                .send("POST", "/authorization/token", headers, body)
                .await;
            assert_eq!(
                error(&answer),
                (401, "invalid_client".to_owned()),
                "{number}"
            );
        }
    }
    let wrong = TestClient {
        key: app.key.clone(),
        secret: "wrong".to_owned(),
    };
    let answer = companion.token(&wrong, grant).await;
    assert_eq!(error(&answer), (401, "invalid_client".to_owned()));
    let wrong = with_secret(&app, "another".to_owned());
    assert_throttled(&companion.token(&wrong, grant).await);
    let right = companion.token(&app, grant).await;
    assert_eq!(right.status, 200, "a right secret: {right:?}");
    assert_throttled(&companion.token(&wrong, grant).await);
}

#[tokio::test]
async fn right_secrets_are_never_held_up() {
    let companion = narrow().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    for _ in 0..30 {
        let answer = companion.token(&app, "grant_type=client_credentials").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for _ in 0..5 {
        companion.login("alice", PASSWORD).await;
    }
    // Requests that carry no secret at all are no guesses.
    for _ in 0..20 {
        let answer = companion
            .send(
                "POST",
                "/authorization/token",
                &[FORM],
                "grant_type=client_credentials",
            )
            .await;
        assert_eq!(error(&answer).0, 401);
    }
}

/// Who knows its password is not slowed, however often it logs in, and slows nobody else.
#[tokio::test]
async fn one_user_with_a_hundred_connections_keeps_no_other_out() {
    use std::cell::Cell;
    let keys = ", hashing: {threads: 1, max_queue: 8}";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    companion.register("alice").await;
    companion.register("bobby").await;
    let (ended, turned_away) = (Cell::new(false), Cell::new(0));
    let statuses = |answer: &Answer| match answer.status {
        200 => {}
        503 => turned_away.set(turned_away.get() + 1),
        other => panic!("{other}: {answer:?}"),
    };
    let alice = json!({"username": "alice", "password": PASSWORD});
    let connections = (0..100).map(async |_| {
        while !ended.get() {
            statuses(&companion.post("/consumer/login", &alice, "").await);
        }
    });
    let bobby = async {
        while turned_away.get() == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            companion.login("bobby", PASSWORD).await;
        }
        ended.set(true);
    };
    tokio::join!(futures_util::future::join_all(connections), bobby);
    let metrics = companion.gate.admin("/metrics").await.1;
    assert!(metrics.contains("portcullis_issuer_hashing_waiting 0"));
}

/// A hundred strangers, half of them at the address of a user who is known there, try a name after the
/// other, as fast as they can.
#[tokio::test]
async fn whoever_is_known_at_its_place_is_kept_out_by_no_number_of_strangers() {
    use std::cell::Cell;
    const HOME: &str = "198.51.100.7";
    let companion = narrow().await;
    register(&companion, "alice", HOME).await;
    let before = login(&companion, "alice", PASSWORD, HOME).await;
    assert_eq!(before.status, 200, "{before:?}");
    let folder = companion.path();
    let mut setup = setup(folder, &sqlite(folder));
    let closing = setup.extra.rfind('}').unwrap();
    let wide = ", throttle: {address: {burst: 100000, refill_seconds: 1}}";
    let keys = ", hashing: {threads: 1, max_queue: 8}, trusted_proxies: [127.0.0.0/8]";
    setup.extra.insert_str(closing, &format!("{wide}{keys}"));
    let companion = companion.restart_with(&setup);
    let (ended, turned_away, tries) = (Cell::new(false), Cell::new(0), Cell::new(0));
    let strangers = (0..100).map(async |number| {
        let own = format!("192.0.2.{number}");
        let from = if number % 2 == 0 { HOME } else { own.as_str() };
        while !ended.get() {
            tries.set(tries.get() + 1);
            let name = format!("name{}", tries.get());
            match login(&companion, &name, PASSWORD, from).await.status {
                401 => {}
                503 => turned_away.set(turned_away.get() + 1),
                other => panic!("{other}"),
            }
        }
    });
    let alice = async {
        while turned_away.get() == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            let answer = login(&companion, "alice", PASSWORD, HOME).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        ended.set(true);
    };
    tokio::join!(futures_util::future::join_all(strangers), alice);
}

#[tokio::test]
async fn registrations_are_held_up_by_address() {
    let companion = narrow().await;
    for name in ["alice", "bobby"] {
        assert_eq!(register(&companion, name, "192.0.2.1").await.status, 201);
    }
    assert_throttled(&register(&companion, "carol", "192.0.2.1").await);
    assert_eq!(register(&companion, "carol", "192.0.2.2").await.status, 201);
}

/// Who has an account does not find out faster than a stranger which others there are.
#[tokio::test]
async fn addresses_are_not_enumerated_by_changing_the_own_one() {
    let companion = narrow().await;
    assert_eq!(register(&companion, "bobby", "192.0.2.1").await.status, 201);
    let alice = companion.register("alice").await;
    let ask = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password}).to_string();
        let headers = [
            "content-type: application/json",
            "x-forwarded-for: 192.0.2.9",
            &bearer(&alice),
        ];
        companion
            .send("PUT", "/consumer/account", &headers, &body)
            .await
    };
    let taken = ask("bobby@shop.example", PASSWORD).await;
    assert_eq!(error(&taken), (409, "invalid_request".to_owned()));
    let registered = register(&companion, "bobby", "192.0.2.2").await;
    assert_eq!(registered.body, taken.body, "as whoever registers is told");
    assert_eq!(ask("free@shop.example", PASSWORD).await.status, 200);
    for email in ["bobby@shop.example", "other@shop.example"] {
        assert_throttled(&ask(email, PASSWORD).await);
    }
    assert_throttled(&register(&companion, "carol", "192.0.2.9").await);
    // A wrong password is a guess, and does not get to ask.
    for number in 0..3 {
        let guess = format!("guess number {number}");
        let answer = ask("bobby@shop.example", &guess).await;
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
    }
    assert_throttled(&ask("bobby@shop.example", PASSWORD).await);
}

#[tokio::test]
async fn addresses_that_nobody_vouches_for_are_not_trusted() {
    let companion = TestCompanion::with_issuer_keys(NARROW).await;
    for number in 0..3 {
        let from = format!("192.0.2.{number}");
        assert_eq!(guess(&companion, "alice", number, &from).await, 401);
    }
    assert_eq!(guess(&companion, "alice", 3, "192.0.2.3").await, 429);
}

#[test]
fn limits_that_cannot_be_are_told() {
    use portcullis::config::{Config, Overrides};
    let rows = [
        ("throttle: {max_entries: 100}", ""),
        ("throttle: {account: {burst: 5, refill_seconds: 60}}", ""),
        ("trusted_proxies: [10.0.0.0/8, \"fd00::/8\", 127.0.0.1]", ""),
        (
            "throttle: {max_entries: 1}",
            "`issuer.throttle.max_entries: 1`",
        ),
        (
            "throttle: {account: {burst: 0, refill_seconds: 60}}",
            "`issuer.throttle.account.burst: 0` is out of bounds",
        ),
        (
            "throttle: {address: {burst: 1, refill_seconds: 4000}}",
            "`issuer.throttle.address.refill_seconds: 4000` is out of bounds",
        ),
        ("throttle: {account: {burst: 5}}", "refill_seconds"),
        (
            "throttle: {accounts: {burst: 5, refill_seconds: 1}}",
            "accounts",
        ),
        (
            "trusted_proxies: [10.0.0.0/33]",
            "`issuer.trusted_proxies`: `10.0.0.0/33` is not a valid range",
        ),
    ];
    for (keys, says) in rows {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.yaml");
        let text = format!(
            "version: 1\npolicy: [policy.yaml]\nissuer: {{url: \"https://id.shop.example\", {keys}}}\n"
        );
        std::fs::write(&path, text).unwrap();
        match Config::load(&path, &Overrides::default()) {
            Ok(_) => assert_eq!(says, "", "{keys}"),
            Err(error) => {
                let error = error.to_string();
                assert!(!says.is_empty() && error.contains(says), "{keys}: {error}");
            }
        }
    }
}
