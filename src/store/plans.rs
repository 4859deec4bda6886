//! That lists are found by indexes, however much there is: what `SQLite` says of how it would do it.

use sqlx::Row;

use super::reach::{OF_APP, OF_GRANT, OF_REVOKED_USER, OF_ROLE, OF_USER, of_everyone_text};
use super::statement::assembled;
use super::{
    AppFilter, AuditFilter, Bearers, Store, StoreLocation, UserFilter, app_lists, grants,
    invariants, roles, users,
};
use crate::clock::UnixSeconds;
use crate::identity::{RoleName, ScopeName, Status, UserId};

/// Tables that may have many rows, by their names and by what statements call them.
const LARGE: [&str; 13] = [
    "users",
    "u",
    "apps",
    "a",
    "o",
    "refresh_tokens",
    "t",
    "user_roles",
    "r",
    "sessions",
    "role_scopes",
    "held",
    "m",
];

/// The steps of a statement.
async fn steps(store: &Store, text: &str) -> Vec<String> {
    let placeholders = (1..).take_while(|number| text.contains(&format!("${number}")));
    let mut explain = sqlx::query(assembled(format!("EXPLAIN QUERY PLAN {text}")));
    for _ in placeholders {
        explain = explain.bind("1");
    }
    let rows = explain.fetch_all(&store.reader).await.unwrap();
    let steps = rows.iter().map(|row| row.get::<String, _>("detail"));
    steps.collect()
}

/// Those that go through a large table row by row, or sort.
async fn slow_steps(store: &Store, text: &str) -> Vec<String> {
    let is_slow = |step: &String| {
        let mut words = step.split(' ');
        let scans = words.next() == Some("SCAN");
        scans && words.next().is_some_and(|name| LARGE.contains(&name))
            || step.contains("FOR ORDER BY")
    };
    let steps = steps(store, text).await;
    steps.into_iter().filter(is_slow).collect()
}

#[tokio::test]
async fn pages_of_lists_and_counts_are_found_by_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let place = StoreLocation::parse("sqlite:plans.db", folder.path()).unwrap();
    let store = Store::open(&place).await.unwrap();
    let looked_after = AppFilter {
        owner: None,
        status: Some(Status::Active),
        unused_since: Some(UnixSeconds(1)),
        secret_since: Some(UnixSeconds(1)),
    };
    let of_owner = AppFilter {
        owner: Some(UserId::known("alice")),
        ..looked_after.clone()
    };
    let of_role = UserFilter {
        role: "clerk".to_owned(),
        status: Some(Status::Active),
        ..UserFilter::default()
    };
    let role = RoleName::parse("clerk").unwrap();
    let scope = ScopeName::parse("orders.read").unwrap();
    for (name, text) in [
        ("users", users::list_text(&UserFilter::default())),
        ("users of a role", users::list_text(&of_role)),
        ("roles", roles::list_text()),
        ("apps", AppFilter::default().text()),
        ("apps to be looked after", looked_after.text()),
        ("unused apps", app_lists::UNUSED.to_owned()),
        ("apps with old secrets", app_lists::OLD_SECRETS.to_owned()),
        ("grants", grants::list_text()),
        ("one grant", grants::one_text()),
        ("whom a user concerns", OF_USER.text()),
        ("whom an app concerns", OF_APP.text()),
        ("whom a role concerns", OF_ROLE.text()),
        ("whom a revoked user concerns", OF_REVOKED_USER.text()),
        ("whom a grant concerns", OF_GRANT.text()),
        ("an administrator", invariants::known_administrator_text()),
        ("any administrator", invariants::search_text()),
        (
            "the scopes of the default role",
            invariants::HARMFUL_DEFAULT_ROLE.to_owned(),
        ),
        (
            "what those have who have a role",
            Bearers::OfRole(&role).text("$2"),
        ),
        (
            "what those have who have a scope",
            Bearers::OfScope(&scope).text("$2"),
        ),
    ] {
        assert_eq!(slow_steps(&store, &text).await, [""; 0], "{name}");
    }
    // The few apps of one owner are sorted, and nobody else's are looked at.
    let sorted = ["USE TEMP B-TREE FOR ORDER BY"];
    assert_eq!(slow_steps(&store, &of_owner.text()).await, sorted);
    // What it is that is looked for.
    let slow = "SELECT a.app_key FROM apps a ORDER BY a.created_at";
    assert_eq!(slow_steps(&store, slow).await.len(), 2);
    store.close().await;
}

/// Of tokens that were used there may be hundreds for each that was not.
#[tokio::test]
async fn unused_tokens_are_counted_without_a_look_at_used_ones() {
    let folder = tempfile::tempdir().unwrap();
    let place = StoreLocation::parse("sqlite:tokens.db", folder.path()).unwrap();
    let store = Store::open(&place).await.unwrap();
    for (name, text) in [
        ("of a role", OF_ROLE.text()),
        ("of everybody", of_everyone_text()),
    ] {
        let steps = steps(&store, &text).await;
        let tokens = steps.iter().filter(|step| step.contains(" t "));
        let tokens: Vec<&String> = tokens.collect();
        assert!(!tokens.is_empty(), "{name}");
        for step in tokens {
            assert!(
                step.contains(" refresh_tokens_live_by_app"),
                "{name}: {step}"
            );
        }
    }
    store.close().await;
}

/// A million entries: each way in which a name can be meant has an index, in the order of the entries.
#[tokio::test]
async fn the_audit_is_found_by_the_names_of_actors_and_objects() {
    let folder = tempfile::tempdir().unwrap();
    let place = StoreLocation::parse("sqlite:audit.db", folder.path()).unwrap();
    let store = Store::open(&place).await.unwrap();
    let name = || "alice".to_owned();
    let filters = [
        AuditFilter {
            actor: name(),
            ..AuditFilter::default()
        },
        AuditFilter {
            object: name(),
            object_kind: "user".to_owned(),
            action: "changed".to_owned(),
            ..AuditFilter::default()
        },
        AuditFilter {
            actor: name(),
            object: name(),
            ..AuditFilter::default()
        },
    ];
    for filter in filters {
        let steps = steps(&store, &filter.text()).await;
        let ways = steps
            .iter()
            .filter(|step| step.starts_with("SEARCH a ") && step.contains("INDEX audit_by_"));
        let expected = if filter.actor.is_empty() { 4 } else { 5 };
        assert_eq!(ways.count(), expected, "{filter:?}: {steps:?}");
        let scans = steps.iter().filter(|step| step.starts_with("SCAN a"));
        assert_eq!(scans.count(), 0, "{filter:?}: {steps:?}");
    }
    store.close().await;
}
