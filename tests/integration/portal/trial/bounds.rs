//! What the portal does not do for a user who tries out calls.

use super::*;
use crate::test_app::{POLICY, Setup};
use crate::test_companion::{setup, sqlite};

/// The same as [`with_proxy`] with further routes, as lines of YAML.
async fn with_routes(routes: &str) -> (TestCompanion, Upstream) {
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
