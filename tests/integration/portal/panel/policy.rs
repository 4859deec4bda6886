//! What `/panel/policy` says of a route is what the gate does.

use super::administrator;
use crate::portal::{in_german, page, sign_up};
use crate::test_app::Setup;
use crate::test_companion::{PASSWORD, TestCompanion, setup, sqlite};

const POLICY: &str = r#"
version: 1
issuers: [site]
scopes: {orders.read: Read orders, orders.write: Write orders, orders.all: Everything}
routes:
  - {name: account, methods: [GET], path: /account, access: authenticated}
  - {name: read-order, methods: [GET], path: "/orders/{id}", scopes: [orders.read]}
  - {name: both, methods: [GET], path: /both, scopes: [orders.read], issuers: [site, pipelines]}
  - {name: deploy, methods: [GET], path: /deploy, scopes: [orders.read], issuers: [pipelines]}
  - {name: hook, methods: [GET], path: /hook, access: authenticated, issuers: [pipelines]}
  - {name: shut, methods: [GET], path: /shut, access: nobody}
  - {name: open, methods: [GET], path: /open, access: public}
  - name: mixed
    methods: [GET]
    path: /mixed
    scopes: [orders.read]
    any_scope: [orders.write, orders.all]
  - name: own
    methods: [GET]
    path: "/users/{user}"
    access: authenticated
    when: ['token.sub == path.user', 'path.user != "<x>" && path.user != "y"']
"#;

/// A gate that trusts its issuer, by the name `site`, and another one.
async fn start() -> TestCompanion {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(folder.path(), &sqlite(folder.path()));
    let site = setup.trust.unwrap().replacen('{', "{name: site, ", 1);
    let pipelines = "{name: pipelines, issuer: \"https://token.ci.example\", \
                     audiences: [orders-api], algorithms: [ES256], jwks_file: jwks.json}";
    let setup = Setup {
        trust: Some(format!("{site}, {pipelines}")),
        policy: Some(POLICY.to_owned()),
        ..setup
    };
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    companion
}

/// The row of a route.
fn row<'p>(page: &'p str, route: &str) -> &'p str {
    let start = format!(">{route}</a>");
    let (_, rest) = page.split_once(&start).unwrap();
    rest.split_once("</tr>").unwrap().0
}

#[tokio::test]
async fn a_route_for_another_issuer_is_open_to_nobody_of_the_site() {
    let companion = start().await;
    sign_up(&companion, "alice").await;
    let alice = companion.login("alice", PASSWORD).await;
    let mut admin = administrator(&companion).await;
    let english = page(&mut admin, "/panel/policy").await;
    let german = in_german(&companion, &admin, "/panel/policy").await;
    for (route, status, passes, in_german) in [
        ("account", 200, "every user", "jeder Benutzer"),
        ("both", 200, "consumer", "consumer"),
        (
            "deploy",
            401,
            "nobody from this site",
            "niemand von dieser Seite",
        ),
        (
            "hook",
            401,
            "nobody from this site",
            "niemand von dieser Seite",
        ),
        ("shut", 403, "nobody", "niemand"),
        ("open", 200, "everybody", "alle"),
        ("mixed", 403, "no role has it", "keine Rolle hat es"),
    ] {
        let answer = companion.check("GET", &format!("/{route}"), &alice).await;
        assert_eq!(answer, status, "{route}");
        for (page, told) in [(&english, passes), (&german, in_german)] {
            let row = row(&page.body, route);
            let told = ["</td>", "</span></td>", "</a></td>"].map(|end| format!(">{told}{end}"));
            assert!(told.iter().any(|end| row.ends_with(end)), "{told:?}: {row}");
        }
    }
    let needs = "<td data-label=\"Needs\">orders.read and one of orders.all, orders.write <";
    let mixed = row(&english.body, "mixed");
    assert!(mixed.contains(needs), "{mixed}");
    let mixed = row(&german.body, "mixed");
    assert!(
        mixed.contains(">orders.read und eine von orders.all, orders.write <"),
        "{mixed}"
    );
    let own = row(&english.body, "own");
    for condition in [
        "token.sub == path.user",
        "path.user != &quot;&lt;x&gt;&quot; &amp;&amp; path.user != &quot;y&quot;",
    ] {
        let told = format!("and only if</span> <code>{condition}</code>");
        assert!(own.contains(&told), "{told}: {own}");
    }
    // Where it is written, and the question who may send such a request.
    let line = POLICY
        .lines()
        .position(|line| line.contains("/both"))
        .unwrap()
        + 1;
    let both = row(&english.body, "both");
    assert!(both.contains(&format!(".yaml:{line}</span>")), "{both}");
    let question = "href=\"/panel/who?method=GET&#38;host=&#38;path=%2Fboth\">both</a>";
    assert!(english.body.contains(question), "{english:?}");
    // What the catalogue does not have.
    let (_, unknown) = english.body.split_once("id=\"unknown-scopes\">").unwrap();
    let (unknown, _) = unknown.split_once("</ul>").unwrap();
    assert_eq!(unknown, "<li><code>orders.all</code></li>");
    let who = "/panel/who?kind=user&name=alice&method=GET&path=/mixed";
    let who = page(&mut admin, who).await;
    assert!(
        who.body
            .contains("Scopes are missing: one of orders.all, orders.write. Add"),
        "{who:?}"
    );
}

#[tokio::test]
async fn roles_that_were_not_looked_at_are_no_reason_to_say_that_none_passes() {
    let companion = start().await;
    let mut admin = administrator(&companion).await;
    let seen = page(&mut admin, "/panel/policy").await;
    assert!(
        row(&seen.body, "read-order").ends_with(">consumer</a></td>"),
        "{seen:?}"
    );
    assert!(!seen.body.contains("There are more roles"), "{seen:?}");

    sqlx::any::install_default_drivers();
    let url = sqlite(companion.path()).replacen("sqlite:", "sqlite://", 1);
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let text = "WITH RECURSIVE numbers (number) AS \
                (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1000) \
                INSERT INTO roles (name) SELECT 'a' || number FROM numbers";
    sqlx::query(text).execute(&pool).await.unwrap();
    pool.close().await;
    let seen = page(&mut admin, "/panel/policy").await;
    assert!(
        row(&seen.body, "read-order").contains("none of the first 1,000 roles has it"),
        "{seen:?}"
    );
    assert!(
        seen.body
            .contains("There are more roles: only the first 1,000"),
        "{seen:?}"
    );
}
