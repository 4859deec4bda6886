//! Who calls what, and what the page tells of it.

use super::*;

#[tokio::test]
async fn an_app_calls_by_its_secret_and_the_page_tells_what_came_of_it() {
    let (companion, upstream) = with_proxy("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let app = app_of(&mut alice, "web-shop").await;
    let list = page(&mut alice, PATH).await;
    assert!(
        list.body
            .contains("href=\"/portal/try?operation=read-order\""),
        "{list:?}"
    );
    let filled = read_order(&mut alice, &app)
        .await
        .with("query", "full=yes now");
    let answer = alice.submit(&filled).await;
    let location = next(&answer);
    let shown = page(&mut alice, &location).await;
    assert_eq!(element(&shown, "status"), "200");
    assert_eq!(element(&shown, "why"), "The route lets it through.");
    assert!(
        shown.body.contains("GET /orders/1?full=yes%20now"),
        "{shown:?}"
    );

    // One request arrived, with a token that holds for a minute and says whose it is.
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].path, "/orders/1?full=yes%20now");
    let token = token_of(&seen[0]);
    let claims = claims(&token);
    assert_eq!(claims["client_id"], *app.key);
    assert_eq!(claims["scope"], "orders.read");
    assert!(claims["auth_time"].is_null(), "{claims}");
    let seconds = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(seconds, 60);
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);
    // The API repeated it, and nobody is shown it.
    assert!(
        element(&shown, "answer-body").contains("[token]"),
        "{shown:?}"
    );
    for text in [&answer.head, &shown.head, &shown.body, &location] {
        assert!(
            !text.contains(&token) && !text.contains(&app.secret),
            "{text}"
        );
    }
    // Looked at again it is the same, and nothing is sent again.
    let again = page(&mut alice, &location).await;
    assert_eq!(element(&again, "status"), "200");
    assert_eq!(upstream.seen().len(), 1);
    // On the page of another operation there is nothing of it.
    let other = page(&mut alice, "/portal/try?operation=browse").await;
    assert!(!other.body.contains("id=\"answer\""), "{other:?}");
}

#[tokio::test]
async fn nothing_of_the_browsers_request_goes_to_the_proxy() {
    let (companion, upstream) = with_proxy("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = call(&mut alice, "browse", "nobody").await.with("p:id", "1");
    let cookies: Vec<String> = alice
        .cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let cookie = format!("cookie: {}", cookies.join("; "));
    let pairs = filled.fields.iter();
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let headers = [
        cookie.as_str(),
        crate::test_companion::FORM,
        "x-forwarded-for: 203.0.113.1",
        "forwarded: for=203.0.113.1",
        "x-forwarded-host: evil.example",
        "x-original-url: /internal/x",
        "x-http-method-override: DELETE",
        "x-auth-subject: admin",
        "te: trailers",
    ];
    let answer = companion
        .send("POST", PATH, &headers, &pairs.join("&"))
        .await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let seen = upstream.seen();
    let mut names: Vec<String> = seen[0]
        .headers
        .iter()
        .map(|(name, _)| name.to_lowercase())
        .collect();
    names.sort();
    assert_eq!(names, ["accept", "host", "user-agent"], "{seen:?}");
}

#[tokio::test]
async fn only_requests_of_the_chosen_operation_are_sent() {
    let (companion, upstream) = with_proxy("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = call(&mut alice, "browse", "nobody").await;
    for value in [
        "",
        ".",
        "..",
        "../internal/x",
        "%2e%2e/internal",
        "a/b",
        "a%2fb",
        "a\\b",
        "http://evil.example/",
        "//evil.example",
        "a\r\nhost: evil.example",
        "a\u{0}b",
        &"x".repeat(2000),
    ] {
        let answer = alice.submit(&filled.clone().with("p:id", value)).await;
        assert_eq!(answer.status, 400, "{value:?}: {answer:?}");
    }
    for (name, value) in [
        ("method", "POST"),
        ("method", "CONNECT"),
        ("caller", "admin"),
        ("body", "text"),
        ("content_type", "text/html"),
    ] {
        let answer = alice
            .submit(&filled.clone().with("p:id", "1").with(name, value))
            .await;
        assert_eq!(answer.status, 400, "{name} {value}: {answer:?}");
    }
    // Operations that nobody of the site passes are not there, nor is what the policy does not have.
    for operation in ["internals", "no-such-route", "../x"] {
        let path = format!("{PATH}?operation={}", encode(operation));
        assert_eq!(alice.get(&path).await.status, 404, "{operation}");
        let answer = alice
            .submit(&filled.clone().with("operation", operation))
            .await;
        assert_eq!(answer.status, 404, "{operation}");
    }
    let list = page(&mut alice, PATH).await;
    assert!(!list.body.contains("internal"), "{list:?}");
    assert_eq!(upstream.seen().len(), 0);
    // What merely looks odd is encoded, and sent to the one server.
    let path = next(&alice.submit(&filled.with("p:id", "@evil.example:1")).await);
    page(&mut alice, &path).await;
    assert_eq!(upstream.seen()[0].path, "/products/%40evil.example%3A1");
}

#[tokio::test]
async fn an_app_calls_for_its_owner_alone_and_by_its_secret_alone() {
    let (companion, upstream) = with_proxy("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let app = app_of(&mut alice, "web-shop").await;
    let mut bobby = sign_up(&companion, "bobby").await;
    let stolen = read_order(&mut bobby, &app).await;
    assert_eq!(bobby.submit(&stolen).await.status, 404);
    let mut filled = read_order(&mut alice, &app).await;
    let wrong = alice.submit(&filled.clone().with("secret", "guess")).await;
    assert_eq!(wrong.status, 403, "{wrong:?}");
    assert!(
        wrong.body.contains("The secret of the app is wrong."),
        "{wrong:?}"
    );
    assert!(!wrong.body.contains("guess"), "{wrong:?}");
    filled.fields.remove("secret");
    let missing = alice.submit(&filled).await;
    assert_eq!(missing.status, 400, "{missing:?}");
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn what_a_caller_lacks_is_said_before_and_after_the_call() {
    let (companion, upstream) = with_proxy("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let app = app_of(&mut alice, "web-shop").await;
    let caller = format!("app:{}", app.key);
    let before = page(&mut alice, &format!("{PATH}?operation=place-order")).await;
    let lacks = "lacks orders.write. Your roles do not have it: an administrator can add it to one of \
                 them. Your roles: consumer.";
    assert!(before.body.contains(lacks), "{before:?}");
    let filled = form(&before, PATH)
        .with("caller", &caller)
        .with("secret", &app.secret)
        .with("body", "{\"item\": 1}");
    let after = send(&mut alice, &filled).await;
    let why = element(&after, "why");
    assert!(
        why.starts_with("Scopes are missing: orders.write. Your roles do not have it"),
        "{why}"
    );
    // This proxy lets everything through, which is told.
    assert!(
        element(&after, "at-odds").contains("asks another gate, or none"),
        "{after:?}"
    );
    assert_eq!(upstream.seen()[0].method, "POST");

    // An app that has less than its owner.
    let path = format!("/portal/apps/{}/edit", app.key);
    let token = companion.login("alice", PASSWORD).await;
    let none = serde_json::json!({"scopes": []});
    let api = format!("/consumer/app/{}", app.key);
    let changed = companion.put(&api, &none, &token).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let before = page(&mut alice, &format!("{PATH}?operation=read-order")).await;
    assert!(
        before
            .body
            .contains("lacks orders.read. Your roles have it"),
        "{before:?}"
    );
    assert!(
        before.body.contains(&format!("href=\"{path}\"")),
        "{before:?}"
    );
    let filled = read_order(&mut alice, &app).await;
    let nothing = alice.submit(&filled).await;
    assert_eq!(nothing.status, 400, "{nothing:?}");
    assert!(
        nothing.body.contains("There is no token for the API"),
        "{nothing:?}"
    );
}

#[tokio::test]
async fn a_user_calls_in_its_own_name_soon_after_a_login() {
    let upstream = Upstream::start().await;
    let keys = format!(
        ", portal: {{proxy: {{url: \"http://{}\"}}}}",
        upstream.address
    );
    let (companion, clock) = with_clock_and(&keys).await;
    let mut alice = sign_up(&companion, "alice").await;
    clock.advance(100);
    let filled = call(&mut alice, "read-order", "me")
        .await
        .with("p:order_id", "1");
    let shown = send(&mut alice, &filled).await;
    assert_eq!(element(&shown, "status"), "200");
    let claims = claims(&token_of(&upstream.seen()[0]));
    assert_eq!(claims["name"], "alice");
    // Of the login, as in the token of a login.
    let seconds = claims["iat"].as_i64().unwrap() - claims["auth_time"].as_i64().unwrap();
    assert_eq!(seconds, 100, "{claims}");
    clock.advance(201);
    let filled = call(&mut alice, "read-order", "me")
        .await
        .with("p:order_id", "2")
        .with("secret", "typed for another caller");
    let asked = alice.submit(&filled).await;
    assert_eq!(asked.status, 403, "{asked:?}");
    assert!(
        !asked.body.contains("typed for another caller"),
        "{asked:?}"
    );
    assert!(asked.body.contains("name=\"p:order_id\""), "{asked:?}");
    assert_eq!(upstream.seen().len(), 1);
    let proof = form(&asked, PATH).with("confirm_password", PASSWORD);
    let shown = send(&mut alice, &proof).await;
    assert_eq!(element(&shown, "status"), "200");
    assert_eq!(upstream.seen()[1].path, "/orders/2");
}

#[tokio::test]
async fn an_error_is_shown_without_the_answer_to_the_call_before() {
    let (companion, upstream) = with_proxy("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let app = app_of(&mut alice, "web-shop").await;
    let filled = read_order(&mut alice, &app).await;
    let answer = alice.submit(&filled).await;
    let shown = page(&mut alice, &next(&answer)).await;
    assert_eq!(element(&shown, "status"), "200");
    let wrong = read_order(&mut alice, &app).await.with("secret", "wrong");
    let refused = alice.submit(&wrong).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(!refused.body.contains("id=\"answer\""), "{refused:?}");
    assert!(!refused.body.contains("id=\"why\""), "{refused:?}");
    assert_eq!(upstream.seen().len(), 1);
}
