//! What the portal does not do for a user who tries out calls.

use super::*;
use crate::portal::log_in;
use crate::test_app::{POLICY, Setup};
use crate::test_companion::{setup, sqlite};

/// The same as [`with_proxy`] with further routes, as lines of YAML.
pub(super) async fn with_routes(routes: &str) -> (TestCompanion, Upstream) {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup {
        policy: Some(format!("{POLICY}{routes}")),
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let keys = format!(
        ", portal: {{proxy: {{url: \"http://{}\"}}}}",
        upstream.address
    );
    let closing = setup.extra.rfind('}').unwrap();
    setup.extra.insert_str(closing, &keys);
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    (companion, upstream)
}

/// A form that the page of the operation does not have.
async fn forced(browser: &mut TestBrowser<'_>, operation: &str) -> TestForm {
    let action = form(&page(browser, "/").await, "/portal/log-out");
    TestForm {
        action: PATH.to_owned(),
        ..action
    }
    .with("operation", operation)
    .with("caller", "nobody")
}

/// The proxy would see the issuer's address in the place of the user's.
#[tokio::test]
async fn calls_with_a_condition_on_where_they_come_from_are_not_sent() {
    let routes = r#"
  - {name: office, methods: [GET], path: /office, access: public, when: request.source.address == "127.0.0.1"}
  - {name: mesh, methods: [GET], path: /mesh, access: public, when: request.source.principal != "spiffe://mesh/x"}
  - {name: near, methods: [GET], path: /near, access: public, when: '"x-forwarded-for" in request.headers'}
  - {name: tested, methods: [GET], path: /tested, access: public, when: "!(\"x-test\" in request.headers)"}
"#;
    let (companion, upstream) = with_routes(routes).await;
    let mut alice = sign_up(&companion, "alice").await;
    for operation in ["office", "mesh", "near"] {
        let path = format!("{PATH}?operation={operation}");
        let shown = page(&mut alice, &format!("{path}&method=GET&caller=nobody")).await;
        assert!(
            shown
                .body
                .contains("a condition on where a call comes from"),
            "{shown:?}"
        );
        assert!(
            element(&shown, "command").ends_with(&format!("/{operation}'")),
            "{shown:?}"
        );
        let filled = forced(&mut alice, operation).await;
        let answer = alice.submit(&filled).await;
        assert_eq!(answer.status, 404, "{answer:?}");
    }
    assert_eq!(upstream.seen().len(), 0);
    let filled = call(&mut alice, "tested", "nobody").await;
    send(&mut alice, &filled).await;
    assert_eq!(upstream.seen()[0].path, "/tested");
}

#[tokio::test]
async fn values_that_lead_to_a_route_that_is_not_shown_do_not_tell_its_name() {
    let routes = "
  - {name: open-orders, methods: [GET], path: /orders/open, access: public}
  - {name: hidden-plan, methods: [GET], path: /orders/plan, access: nobody}
";
    let (companion, upstream) = with_routes(routes).await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = call(&mut alice, "read-order", "nobody").await;
    for (value, expected) in [
        ("open", "is for another operation: open-orders."),
        ("plan", "is for none of the operations."),
    ] {
        let filled = filled.clone().with("p:order_id", value);
        let answer = alice.submit(&filled).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains(expected), "{answer:?}");
        assert!(!answer.body.contains("hidden-plan"), "{answer:?}");
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn what_a_link_names_is_bounded() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    for path in [
        format!("{PATH}?caller=app%3A{}", "x".repeat(100)),
        format!("{PATH}?operation={}", "x".repeat(301)),
        format!("{PATH}?search={}", "x".repeat(300)),
    ] {
        assert_eq!(alice.get(&path).await.status, 400, "{path}");
    }
}

/// What a text area of the page holds.
fn text_area(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("<textarea id=\"body\"").unwrap();
    let (_, rest) = rest.split_once(">\n").unwrap();
    rest.split_once("</textarea>")
        .unwrap()
        .0
        .replace("&quot;", "\"")
}

#[tokio::test]
async fn a_body_stays_in_the_form_and_in_no_address() {
    let (companion, upstream) = with_proxy("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let sent = "{\"item\": \"bicycle\"}";
    let filled = call(&mut alice, "place-order", "nobody").await;
    let answer = alice.submit(&filled.clone().with("body", sent)).await;
    let path = next(&answer);
    assert!(!path.contains("bicycle"), "{path}");
    assert!(!answer.head.contains("bicycle"), "{answer:?}");
    let shown = page(&mut alice, &path).await;
    assert_eq!(text_area(&shown), sent);
    // The command is that of the same call.
    assert!(shown.body.contains("--data-raw"), "{shown:?}");
    assert_eq!(upstream.seen()[0].body, sent);
    // One that has no room is not there, and the page says so.
    let long = super::answers::noise(12_000);
    let shown = send(&mut alice, &filled.with("body", &long)).await;
    assert_eq!(text_area(&shown), "");
    assert!(
        element(&shown, "body-lost").contains("too long to stay"),
        "{shown:?}"
    );
    assert_eq!(upstream.seen()[1].body, long);
    for (name, value) in &alice.cookies {
        assert!(name.len() + value.len() < 4096, "{name}: {}", value.len());
    }
}

/// A server in the place of the proxy that answers once it is told to; counts the requests that have arrived.
async fn slow() -> (
    std::net::SocketAddr,
    tokio::sync::mpsc::UnboundedReceiver<()>,
    tokio::sync::watch::Sender<bool>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, arrived) = tokio::sync::mpsc::unbounded_channel();
    let (open, opened) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (sender, mut opened) = (sender.clone(), opened.clone());
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = sender.send(());
                let _ = opened.wait_for(|is_open| *is_open).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            });
        }
    });
    (address, arrived, open)
}

#[tokio::test]
async fn a_user_has_two_calls_under_way_and_keeps_nobody_out() {
    let (address, mut arrived, open) = slow().await;
    let keys = format!(", portal: {{proxy: {{url: \"http://{address}\", timeout_ms: 15000}}}}");
    let companion = TestCompanion::with_issuer_keys(&keys).await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut second = log_in(&companion, "alice", PASSWORD).await;
    let mut third = log_in(&companion, "alice", PASSWORD).await;
    let mut bobby = sign_up(&companion, "bobby").await;
    let mut forms = Vec::new();
    for browser in [&mut alice, &mut second, &mut third, &mut bobby] {
        forms.push(call(browser, "browse", "nobody").await.with("p:id", "1"));
    }
    let others = async {
        arrived.recv().await.unwrap();
        arrived.recv().await.unwrap();
        let turned_away = send(&mut third, &forms[2]).await;
        let bobbys = async {
            arrived.recv().await.unwrap();
            open.send(true).unwrap();
        };
        let (bobbys_answer, ()) = tokio::join!(send(&mut bobby, &forms[3]), bobbys);
        (turned_away, bobbys_answer)
    };
    let (first, second, (turned_away, bobbys)) = tokio::join!(
        send(&mut alice, &forms[0]),
        send(&mut second, &forms[1]),
        others
    );
    for shown in [first, second, bobbys] {
        assert_eq!(element(&shown, "status"), "204");
    }
    assert!(
        turned_away
            .body
            .contains("Two of your calls are still under way"),
        "{turned_away:?}"
    );
    // An ended call makes room.
    let shown = send(&mut third, &forms[2]).await;
    assert_eq!(element(&shown, "status"), "204");
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
