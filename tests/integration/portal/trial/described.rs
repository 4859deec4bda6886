//! Operations of OpenAPI files: texts and examples are theirs, and who may use them is the policy's.

use super::*;
use crate::test_app::{POLICY, Setup};
use crate::test_companion::{setup, sqlite};

const TRIAL: &str = include_str!("../../../fixtures/openapi/trial.yaml");

/// A companion with a proxy, this policy and this description.
async fn with_description(policy: &str, description: &str) -> (TestCompanion, Upstream) {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api.yaml");
    std::fs::write(&file, description).unwrap();
    let mut setup = Setup {
        policy: Some(policy.to_owned()),
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let keys = format!(
        ", portal: {{proxy: {{url: \"http://{}\"}}, openapi_files: [\"{}\"]}}",
        upstream.address,
        file.display()
    );
    let closing = setup.extra.rfind('}').unwrap();
    setup.extra.insert_str(closing, &keys);
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    (companion, upstream)
}

fn path_of(key: &str) -> String {
    format!("{PATH}?operation={}", encode(key))
}

/// What the field with this id holds.
fn value(page: &Answer, id: &str) -> String {
    let start = format!("id=\"{id}\" ");
    let (_, rest) = page.body.split_once(&start).unwrap();
    let (tag, rest) = rest.split_once('>').unwrap();
    let text = match tag.split_once("value=\"") {
        Some((_, value)) => value.split_once('"').unwrap().0,
        // A line break behind the tag of a text area is not part of the text.
        None => rest.split_once("</textarea>").unwrap().0.trim_start(),
    };
    text.replace("&quot;", "\"")
}

#[tokio::test]
async fn an_operation_has_its_texts_and_examples_and_is_sent() {
    let (companion, upstream) = with_description(POLICY, TRIAL).await;
    let mut alice = sign_up(&companion, "alice").await;
    let list = page(&mut alice, PATH).await;
    for expected in ["Place an order", "Read one order", "listOrders"] {
        let is_listed = list.body.contains(&format!(">{expected}</a>"));
        // No route of the policy has this one.
        assert_eq!(is_listed, expected != "listOrders", "{expected}: {list:?}");
    }
    assert!(list.body.contains("Orders of a shop 1.4.0"), "{list:?}");
    // What is described is not there a second time, by its route.
    for (route, is_listed) in [
        ("read-order", false),
        ("place-order", false),
        ("account", true),
    ] {
        let found = list.body.contains(&format!(">{route}</a>"));
        assert_eq!(found, is_listed, "{route}: {list:?}");
    }
    let found = page(&mut alice, &format!("{PATH}?search=read-order")).await;
    assert!(found.body.contains(">Read one order</a>"), "{found:?}");
    let empty = page(&mut alice, &path_of("GET /orders/{order-id}")).await;
    for text in [
        "The number of the order",
        "What to tell, by commas",
        "header, not sent from here",
        "orders.read",
    ] {
        assert!(empty.body.contains(text), "{text}: {empty:?}");
    }
    let filled = ["p:order_id", "query"]
        .iter()
        .fold(form(&empty, PATH).with("caller", "me"), |filled, id| {
            filled.with(id, &value(&empty, id))
        });
    let shown = send(&mut alice, &filled).await;
    assert_eq!(element(&shown, "status"), "200");
    assert_eq!(upstream.seen()[0].path, "/orders/1?fields=item%2Ccount");

    let place = page(&mut alice, &path_of("POST /orders")).await;
    // With one method there is no choice, and no word of others.
    assert!(!place.body.contains("<select id=\"method\""), "{place:?}");
    assert!(!place.body.contains("Only for methods"), "{place:?}");
    assert!(
        place
            .body
            .contains("It is &lt;b&gt;sent&lt;/b&gt; within a day."),
        "{place:?}"
    );
    assert!(place.body.contains("lacks orders.write"), "{place:?}");
    // The command would lack the example of the body, which the form has.
    assert!(!place.body.contains("id=\"command\""), "{place:?}");
    let filled = form(&place, PATH)
        .with("caller", "me")
        .with("body", &value(&place, "body"));
    send(&mut alice, &filled).await;
    let seen = upstream.seen();
    assert_eq!((&*seen[1].method, &*seen[1].path), ("POST", "/orders"));
    assert_eq!(
        seen[1].body,
        "{\n  \"item\": \"bicycle\",\n  \"count\": 2\n}"
    );
}

#[tokio::test]
async fn the_policy_alone_says_who_may_use_an_operation() {
    let policy = format!(
        "{POLICY}  - {{name: open-orders, methods: [GET], path: /orders/open, access: public}}
  - {{name: hidden-plan, methods: [GET], path: /orders/plan, access: nobody}}
"
    );
    let (companion, upstream) = with_description(&policy, TRIAL).await;
    let mut alice = sign_up(&companion, "alice").await;
    let list = page(&mut alice, PATH).await;
    // What nobody passes, and what no route has, is not there.
    for absent in ["For nobody", "In no route", "listOrders"] {
        assert!(!list.body.contains(absent), "{list:?}");
    }
    for key in [
        "GET /internal/{page}",
        "GET /reviews/",
        "GET /orders",
        "GET /nothing",
    ] {
        assert_eq!(alice.get(&path_of(key)).await.status, 404, "{key}");
    }
    let path = path_of("GET /orders/{order-id}");
    let filled = form(&page(&mut alice, &path).await, PATH).with("caller", "nobody");
    // Another value, another route: as a proxy would ask.
    for (value, needs, why) in [
        ("7", "orders.read", "The route needs a token."),
        ("open", "nothing", "The route lets it through."),
    ] {
        let shown = send(&mut alice, &filled.clone().with("p:order_id", value)).await;
        assert!(element(&shown, "needs").contains(needs), "{shown:?}");
        assert!(element(&shown, "why").starts_with(why), "{shown:?}");
    }
    let hidden = alice.submit(&filled.with("p:order_id", "plan")).await;
    assert_eq!(hidden.status, 400, "{hidden:?}");
    assert!(!hidden.body.contains("hidden-plan"), "{hidden:?}");
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn many_operations_are_on_several_pages_and_a_search_finds_them() {
    let paths = (0..250).map(|number| {
        format!("  /products/p{number}: {{get: {{summary: Look at number {number}}}}}\n")
    });
    let description = format!("openapi: 3.0.3\npaths:\n{}", paths.collect::<String>());
    let (companion, _upstream) = with_description(POLICY, &description).await;
    let mut alice = sign_up(&companion, "alice").await;
    let first = page(&mut alice, PATH).await;
    assert!(first.body.contains("Look at number 199<"), "{first:?}");
    assert!(!first.body.contains("Look at number 200<"), "{first:?}");
    assert!(
        first
            .body
            .contains("href=\"/portal/try?after=200\" rel=\"next\""),
        "{first:?}"
    );
    let second = page(&mut alice, "/portal/try?after=200").await;
    assert!(second.body.contains("Look at number 200<"), "{second:?}");
    assert!(second.body.contains(">read-order</a>"), "{second:?}");
    assert!(!second.body.contains("rel=\"next\""), "{second:?}");
    let found = page(&mut alice, "/portal/try?search=NUMBER+249").await;
    assert_eq!(
        found.body.matches("<tr><th scope=\"row\">").count(),
        1,
        "{found:?}"
    );
    assert_eq!(alice.get("/portal/try?after=x").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_reads_descriptions_anew_and_keeps_the_last_good_ones() {
    let (companion, _upstream) = with_description(POLICY, TRIAL).await;
    let mut alice = sign_up(&companion, "alice").await;
    let file = companion.path().join("api.yaml");
    let reloaded = |text: String| {
        std::fs::write(&file, text).unwrap();
        companion.gate.app.reload().unwrap();
    };
    reloaded(TRIAL.replace("Read one order", "Fetch one order"));
    let list = page(&mut alice, PATH).await;
    assert!(list.body.contains("Fetch one order"), "{list:?}");
    // What is broken holds up nothing else.
    reloaded("openapi: 3.0.3\npaths: [".to_owned());
    let list = page(&mut alice, PATH).await;
    assert!(list.body.contains("Fetch one order"), "{list:?}");
    let (_, status) = companion.gate.admin("/status").await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let told = status["portal_files"]["errors"][0].as_str().unwrap();
    assert!(told.contains("api.yaml:2:"), "{told}");
    companion
        .gate
        .admin_shows("/metrics", "\nportcullis_portal_files_success 0\n")
        .await;
}

/// The gate and all else of the portal do not depend on them.
#[tokio::test]
async fn descriptions_that_cannot_be_read_end_no_start() {
    let loop_of_references = "openapi: 3.0.0\ninfo: {title: A, version: '1'}\npaths:\n  /orders: {get: {$ref: '#/paths/~1orders/get'}}\n";
    let (companion, _upstream) = with_description(POLICY, loop_of_references).await;
    let mut alice = sign_up(&companion, "alice").await;
    let list = page(&mut alice, PATH).await;
    assert!(list.body.contains(">read-order</a>"), "{list:?}");
}
