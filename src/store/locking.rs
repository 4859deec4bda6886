//! The order in which rows are locked: the directory, users, refresh tokens, apps, the log.
//!
//! Everybody keeps to it, so that no two wait for each other. Whoever uses or ends refresh tokens
//! locks their users first: of one family several may be touched, in whatever order.

use sqlx::{Any, Database, Transaction};

use super::StoreError;

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
}

/// Locks users until the transaction ends, all that it needs at once.
pub(super) async fn lock_users(
    transaction: &mut Transaction<'static, Any>,
    users: &Selected,
) -> Result<(), StoreError> {
    // SQLite has one writer, which has locked everything, and no word for less.
    if transaction.backend_name() == sqlx::Sqlite::NAME {
        return Ok(());
    }
    let text = format!(
        "SELECT id FROM users WHERE id IN ({}) ORDER BY id FOR NO KEY UPDATE",
        users.query
    );
    let mut query = sqlx::query(&text);
    for name in &users.names {
        query = query.bind(name.clone());
    }
    query.execute(&mut **transaction).await?;
    Ok(())
}
