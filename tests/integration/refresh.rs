//! Refresh tokens that several callers use: the same client at once, and its thief.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use portcullis::clock::{Clock, ManualClock, SystemClock};
use serde_json::{Value, json};

use crate::issuer::error;
use crate::test_app::Setup;
use crate::test_companion::{PASSWORD, TestClient, TestCompanion, setup, sqlite};

/// A companion whose clock stands still, and an app of its user.
async fn shop() -> (TestCompanion, Arc<ManualClock>, TestClient) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let setup = Setup {
        clock: Some(Arc::clone(&clock)),
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    (companion, clock, app)
}

/// The tokens that follow on a refresh token.
async fn refresh(companion: &TestCompanion, app: &TestClient, token: &str) -> Result<Value, u16> {
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    let answer = companion.token(app, &form).await;
    if answer.status == 200 {
        return Ok(answer.json());
    }
    assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
    Err(answer.status)
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap()
}

#[tokio::test]
async fn ten_parallel_refreshes_get_tokens_that_all_live() {
    let (companion, _, app) = shop().await;
    let first = companion.tokens(&app).await;
    let tries = (0..10).map(|_| refresh(&companion, &app, &first.refresh));
    let answers: Vec<Value> = join_all(tries)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let successors: HashSet<&str> = answers
        .iter()
        .map(|answer| text(answer, "refresh_token"))
        .collect();
    assert_eq!(successors.len(), 1, "one successor");
    for answer in &answers {
        let token = text(answer, "access_token");
        assert_eq!(companion.check("GET", "/orders/1", token).await, 200);
    }
    let successor = text(&answers[0], "refresh_token");
    assert!(refresh(&companion, &app, successor).await.is_ok());

    // The same of a login.
    let login = companion.login_tokens("alice", PASSWORD).await;
    let body = json!({"refresh_token": login.refresh}).to_string();
    let json = ["content-type: application/json"];
    let tries = (0..10).map(|_| companion.send("PUT", "/consumer/login", &json, &body));
    let answers = join_all(tries).await;
    let successors: HashSet<String> = answers
        .iter()
        .map(|answer| text(&answer.json(), "refresh_token").to_owned())
        .collect();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn a_thief_inside_the_retry_window_is_noticed_by_the_next_use() {
    for thief_is_first in [false, true] {
        let (companion, clock, app) = shop().await;
        let stolen = companion.tokens(&app).await;
        let owners = refresh(&companion, &app, &stolen.refresh).await.unwrap();
        clock.advance(9);
        let thiefs = refresh(&companion, &app, &stolen.refresh).await.unwrap();
        let [one, other] = if thief_is_first {
            [&thiefs, &owners]
        } else {
            [&owners, &thiefs]
        };
        clock.advance(1000);
        let next = refresh(&companion, &app, text(one, "refresh_token")).await;
        let next = next.unwrap();
        clock.advance(1000);
        let late = refresh(&companion, &app, text(other, "refresh_token")).await;
        assert_eq!(late, Err(400));
        let ended = refresh(&companion, &app, text(&next, "refresh_token")).await;
        assert_eq!(ended, Err(400), "the grant has ended");
        for tokens in [&owners, &thiefs, &next] {
            let token = text(tokens, "access_token");
            assert_eq!(companion.check("GET", "/orders/1", token).await, 401);
        }
    }
}

#[tokio::test]
async fn the_retry_window_does_not_grow_when_the_clock_goes_back() {
    let (companion, clock, app) = shop().await;
    let first = companion.tokens(&app).await;
    let next = refresh(&companion, &app, &first.refresh).await.unwrap();
    clock.advance(-5);
    assert_eq!(refresh(&companion, &app, &first.refresh).await, Err(400));
    let ended = refresh(&companion, &app, text(&next, "refresh_token")).await;
    assert_eq!(ended, Err(400), "the grant has ended");
}

#[tokio::test]
async fn a_refresh_token_ends_when_its_grant_does_however_often_it_is_used() {
    let (companion, clock, app) = shop().await;
    let mut token = companion.tokens(&app).await.refresh;
    // Thirty days, of which each use takes ten.
    for day in [10, 20] {
        clock.advance(10 * 86_400);
        let next = refresh(&companion, &app, &token).await;
        token = text(&next.unwrap(), "refresh_token").to_owned();
        assert!(!token.is_empty(), "{day}");
    }
    clock.advance(10 * 86_400);
    assert_eq!(refresh(&companion, &app, &token).await, Err(400));
}
