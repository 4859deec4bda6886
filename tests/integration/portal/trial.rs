//! `/portal/try`: calls that the portal sends for its users, and none that it must not send.

mod bounds;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{client, element, form, new_app, next, page, send, sign_up, with_clock_and};
use crate::client::Answer;
use crate::test_browser::{TestBrowser, TestForm, encode};
use crate::test_companion::{PASSWORD, TestClient, TestCompanion};
use crate::upstream::Upstream;

const PATH: &str = "/portal/try";

/// A companion whose proxy is a server that repeats what it gets, and lets everything through.
async fn with_proxy(keys: &str) -> (TestCompanion, Upstream) {
    let upstream = Upstream::start().await;
    let keys = format!(
        ", portal: {{proxy: {{url: \"http://{}\"}}}}{keys}",
        upstream.address
    );
    (TestCompanion::with_issuer_keys(&keys).await, upstream)
}

/// An app of somebody who is logged in.
async fn app_of(browser: &mut TestBrowser<'_>, name: &str) -> TestClient {
    let filled = new_app(browser, name).await;
    client(&send(browser, &filled).await)
}

/// The form of an operation, filled in for a caller.
async fn call(browser: &mut TestBrowser<'_>, operation: &str, caller: &str) -> TestForm {
    let empty = page(browser, &format!("{PATH}?operation={operation}")).await;
    form(&empty, PATH).with("caller", caller)
}

/// The same for an app, which reads an order.
async fn read_order(browser: &mut TestBrowser<'_>, app: &TestClient) -> TestForm {
    let caller = format!("app:{}", app.key);
    let filled = call(browser, "read-order", &caller).await;
    filled
        .with("secret", &app.secret)
        .with("method", "GET")
        .with("p:order_id", "1")
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The token with which a request arrived.
fn token_of(seen: &crate::upstream::Seen) -> String {
    let mut headers = seen.headers.iter();
    let found = headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let (_, value) = found.unwrap_or_else(|| panic!("{seen:?}"));
    value.strip_prefix("Bearer ").unwrap().to_owned()
}

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
    let edit = form(&page(&mut alice, &path).await, &path)
        .with("name", "web-shop")
        .with("extent", "list");
    let asked = alice.submit(&edit).await;
    let sure = form(&asked, &path);
    send(&mut alice, &sure).await;
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
async fn calls_of_a_user_are_held_up() {
    let (companion, upstream) =
        with_proxy(", throttle: {trial: {burst: 3, refill_seconds: 3600}}").await;
    let mut alice = sign_up(&companion, "alice").await;
    let app = app_of(&mut alice, "web-shop").await;
    let right = read_order(&mut alice, &app).await;
    let wrong = right.clone().with("secret", "guess");
    assert_eq!(alice.submit(&right).await.status, 303);
    assert_eq!(alice.submit(&wrong).await.status, 403);
    assert_eq!(alice.submit(&right).await.status, 303);
    for filled in [&right, &wrong] {
        let answer = alice.submit(filled).await;
        assert_eq!(answer.status, 429, "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    assert_eq!(upstream.seen().len(), 2);
    // Others go on.
    let mut bobby = sign_up(&companion, "bobby").await;
    let filled = call(&mut bobby, "browse", "nobody").await.with("p:id", "1");
    assert_eq!(bobby.submit(&filled).await.status, 303);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_says_nothing_is_told() {
    let broken = answering(Vec::new()).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    for (address, expected) in [
        (gone, "The proxy cannot be reached."),
        (
            broken,
            "The connection to the proxy ended before there was an answer. The API may have done",
        ),
        (silent.local_addr().unwrap(), "There was no answer in time."),
    ] {
        let keys = format!(", portal: {{proxy: {{url: \"http://{address}\", timeout_ms: 300}}}}");
        let companion = TestCompanion::with_issuer_keys(&keys).await;
        let mut alice = sign_up(&companion, "alice").await;
        let filled = call(&mut alice, "browse", "nobody").await.with("p:id", "1");
        let shown = send(&mut alice, &filled).await;
        let (_, failure) = shown.body.split_once("role=\"alert\">").unwrap();
        let (failure, _) = failure.split_once('<').unwrap();
        assert!(failure.starts_with(expected), "{failure}");
        assert!(!failure.contains(&address.to_string()), "{failure}");
    }
}

/// So many bytes that do not get shorter by compression.
fn noise(bytes: usize) -> String {
    // Of a generator of random numbers (Knuth): what is regular would get shorter.
    let noise = (0..bytes).scan(1_u64, |state, _| {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        Some(char::from(b'!' + u8::try_from(*state >> 58).unwrap()))
    });
    noise.collect()
}

/// A server in the place of the proxy that answers each request with these bytes.
async fn answering(bytes: Vec<u8>) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(&bytes).await;
        }
    });
    address
}

#[tokio::test]
async fn whatever_comes_is_shown_as_text_and_fits() {
    let markup = "<script>alert(1)</script>\u{202e}</code></pre>";
    for (text, expected) in [
        (markup.to_owned(), "&lt;script&gt;alert(1)&lt;/script&gt;"),
        (noise(60_000), "Only the beginning is shown."),
        ("a".repeat(60_000), "Only the beginning is shown."),
        (
            "\u{1b}[2J".to_owned(),
            "The body is not text. Bytes that arrived: 4.",
        ),
        (String::new(), "The body is empty."),
    ] {
        let head = format!(
            "HTTP/1.1 418 Short\r\ncontent-type: text/html\r\nset-cookie: portcullis-told=x\r\n\
             www-authenticate: <b>\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        let address = answering([head.into_bytes(), text.into_bytes()].concat()).await;
        let keys = format!(", portal: {{proxy: {{url: \"http://{address}\"}}}}");
        let companion = TestCompanion::with_issuer_keys(&keys).await;
        let mut alice = sign_up(&companion, "alice").await;
        let filled = call(&mut alice, "browse", "nobody").await.with("p:id", "1");
        let shown = send(&mut alice, &filled).await;
        assert_eq!(element(&shown, "status"), "418");
        assert!(shown.body.contains(expected), "{expected}: {shown:?}");
        assert!(
            shown.body.contains("&lt;b&gt;") && !shown.body.contains("<b>"),
            "{shown:?}"
        );
        assert!(!shown.body.contains('\u{202e}'), "{shown:?}");
        for (name, value) in &alice.cookies {
            assert!(name.len() + value.len() < 4096, "{name}: {}", value.len());
        }
    }
}

#[tokio::test]
async fn an_answer_with_many_headers_is_shown() {
    let lines = noise(90 * 200);
    let lines = lines.as_bytes().chunks(200).map(String::from_utf8_lossy);
    let lines: String = lines.fold(String::new(), |lines, value| {
        lines + "www-authenticate: " + &value + "\r\n"
    });
    let head = format!("HTTP/1.1 401 Unauthorized\r\n{lines}content-length: 2\r\n\r\nno");
    let address = answering(head.into_bytes()).await;
    let keys = format!(", portal: {{proxy: {{url: \"http://{address}\"}}}}");
    let companion = TestCompanion::with_issuer_keys(&keys).await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = call(&mut alice, "browse", "nobody").await.with("p:id", "1");
    let shown = send(&mut alice, &filled).await;
    assert_eq!(element(&shown, "status"), "401");
    assert_eq!(
        shown.body.matches("<code>www-authenticate</code>").count(),
        4
    );
    for (name, value) in &alice.cookies {
        assert!(name.len() + value.len() < 4096, "{name}: {}", value.len());
    }
}

#[tokio::test]
async fn without_a_proxy_the_page_shows_the_command() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let empty = page(&mut alice, &format!("{PATH}?operation=read-order")).await;
    assert!(empty.body.contains("issuer.portal.proxy"), "{empty:?}");
    assert!(!empty.body.contains("id=\"command\""), "{empty:?}");
    assert!(!empty.body.contains("name=\"secret\""), "{empty:?}");
    let path = format!("{PATH}?operation=read-order&method=GET&caller=me");
    let missing = alice.get(&path).await;
    assert_eq!(missing.status, 400, "{missing:?}");
    let shown = page(&mut alice, &format!("{path}&p%3Aorder_id=it%27s")).await;
    assert_eq!(
        element(&shown, "command"),
        "curl --include --header \"Authorization: Bearer $TOKEN\" --globoff \\\n  \
         'https://api.example/orders/it%27s'"
    );
    let action = form(&page(&mut alice, "/").await, "/portal/log-out");
    let forced = TestForm {
        action: PATH.to_owned(),
        ..action
    };
    let forced = forced
        .with("operation", "browse")
        .with("caller", "nobody")
        .with("p:id", "1");
    assert_eq!(alice.submit(&forced).await.status, 404);
}

#[tokio::test]
async fn the_command_of_a_call_does_the_same() {
    let (companion, upstream) = with_proxy("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let app = app_of(&mut alice, "web-shop").await;
    let caller = format!("app:{}", app.key);
    let filled = call(&mut alice, "place-order", &caller)
        .await
        .with("query", "a=it's&b=%20")
        .with("body", "@{\"text\":\r\n\"it's $HOME `x` \\ &amp; <>\"}");
    // The body is in no URL: the page that has it is that of a form which is not sent, as without the secret.
    let kept = alice.submit(&filled).await;
    assert_eq!(kept.status, 400, "{kept:?}");
    let command = element(&kept, "command")
        .replace("&lt;", "<")
        .replace("&#60;", "<")
        .replace("&gt;", ">")
        .replace("&#62;", ">")
        .replace("&#38;", "&amp;")
        .replace("&amp;", "&");
    send(&mut alice, &filled.with("secret", &app.secret)).await;
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &format!("{command} --silent")])
        .env("TOKEN", "abc");
    let output = tokio::task::spawn_blocking(move || shell.output())
        .await
        .unwrap()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
    for one in &seen {
        assert_eq!(
            (&*one.method, &*one.path),
            ("POST", "/orders?a=it%27s&b=%20")
        );
        assert_eq!(one.body, "@{\"text\":\n\"it's $HOME `x` \\ &amp; <>\"}");
        assert_eq!(one.header("content-type"), Some("application/json"));
    }
    assert_eq!(token_of(&seen[1]), "abc");
}

/// What the page says of an operation and a caller, as a stranger's link would have it.
#[tokio::test]
async fn the_text_of_a_link_is_text_on_the_page() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let script = encode("\"><script>alert(1)</script>");
    let path = format!("{PATH}?operation=browse&method=GET&p%3Aid={script}&query={script}");
    let shown: Answer = alice.get(&path).await;
    assert!(!shown.body.contains("<script"), "{shown:?}");
    let list = page(&mut alice, &format!("{PATH}?search={script}")).await;
    assert!(list.body.contains("No operation matches."), "{list:?}");
    assert!(!list.body.contains("<script"), "{list:?}");
}
