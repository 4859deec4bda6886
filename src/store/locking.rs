//! The order in which rows are locked: the directory, the session of who changes it, users, refresh tokens,
//! apps, the log. Other sessions come after users; whoever has ended one locks nothing after it but the log.
//!
//! Every transaction keeps to it, so that no two deadlock. A transaction that uses or revokes refresh
//! tokens locks their users first, because it may touch several tokens of one family in any order. One
//! that locks several users, or several apps, locks them in the order of their ids, all in one
//! statement. Sweeping skips locked rows.

use super::StoreError;
use super::connections::Transaction;
use super::location::Engine;
use super::statement::{assembled, chunks, placeholders};

/// Users, as a query of their ids with `$1` and so on for `names`.
pub(super) struct Selected {
    pub(super) query: String,
    pub(super) names: Vec<String>,
}

impl Selected {
    /// By a query with one placeholder.
    pub(super) fn by(query: &str, name: &str) -> Self {
        Self {
            query: query.to_owned(),
            names: vec![name.to_owned()],
        }
    }

    fn listed(ids: &[&str]) -> Self {
        Self {
            query: placeholders(1, ids.len()),
            names: ids.iter().map(|id| (*id).to_owned()).collect(),
        }
    }
}

/// What rows are locked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// To update them; others may insert rows that refer to them meanwhile.
    ToChange,
    /// To delete them; nobody may insert rows that refer to them any more.
    ToRemove,
}

impl Holding {
    fn strength(self) -> &'static str {
        match self {
            Self::ToChange => "FOR NO KEY UPDATE",
            Self::ToRemove => "FOR UPDATE",
        }
    }
}

/// Locks users until the transaction ends, in one statement.
pub(super) async fn lock_users(
    transaction: &mut Transaction,
    users: &Selected,
    holding: Holding,
) -> Result<(), StoreError> {
    lock(transaction, ("users", "id"), users, holding).await
}

/// Locks users by their ids, of which there may be many and some twice.
pub(super) async fn lock_listed_users(
    transaction: &mut Transaction,
    mut ids: Vec<&str>,
) -> Result<(), StoreError> {
    // Sorted before they are cut into chunks: two that lock the same users, chunk by chunk, take them
    // in the same order.
    ids.sort_unstable();
    ids.dedup();
    for some in chunks(&ids) {
        lock_users(transaction, &Selected::listed(some), Holding::ToChange).await?;
    }
    Ok(())
}

/// Locks apps, as [`lock_users`] does users, and after them.
pub(super) async fn lock_apps(
    transaction: &mut Transaction,
    apps: &Selected,
    holding: Holding,
) -> Result<(), StoreError> {
    lock(transaction, ("apps", "app_key"), apps, holding).await
}

async fn lock(
    transaction: &mut Transaction,
    (table, key): (&str, &str),
    rows: &Selected,
    holding: Holding,
) -> Result<(), StoreError> {
    // SQLite has one writer, which has locked the whole database, and no syntax for less.
    if transaction.engine() == Engine::Sqlite {
        return Ok(());
    }
    // In the order of the bytes, as `lock_listed_users` sorts. The database's own collation may be
    // another, and two statements that follow different orders deadlock.
    let text = format!(
        "SELECT {key} FROM {table} WHERE {key} IN ({}) ORDER BY {key} COLLATE \"C\" {}",
        rows.query,
        holding.strength()
    );
    let mut query = sqlx::query(assembled(text));
    for name in &rows.names {
        query = query.bind(name.clone());
    }
    query.execute(&mut **transaction).await?;
    Ok(())
}

/// The rows that had ended at `$1`.
pub(super) const ENDED: &str = "expires_at <= $1";

/// Ends a query of rows that are to be removed, without those that somebody holds.
pub(super) fn skipping_locked(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "",
        Engine::Postgres => " FOR UPDATE SKIP LOCKED",
    }
}

/// Removes at most `$2` rows of a table with this primary key, of those that are due. Rows that
/// somebody holds are left for the next time.
pub(super) fn sweeping(engine: Engine, table: &str, key: &str, due: &str) -> String {
    let skip = skipping_locked(engine);
    format!(
        "DELETE FROM {table} WHERE ({key}) IN \
         (SELECT {key} FROM {table} WHERE {due} LIMIT $2{skip})"
    )
}

/// Sets `last_used_at` of `count` apps to `$1` where it is earlier. What somebody holds is left as it is: a
/// statement that waited for several rows could deadlock, and the next use is noted again.
pub(super) fn noting_uses(engine: Engine, count: usize) -> String {
    let keys = placeholders(2, count);
    let skip = match engine {
        Engine::Sqlite => "",
        Engine::Postgres => " FOR NO KEY UPDATE SKIP LOCKED",
    };
    format!(
        "UPDATE apps SET last_used_at = $1 WHERE app_key IN \
         (SELECT app_key FROM apps WHERE app_key IN ({keys}) AND last_used_at < $1{skip})"
    )
}
