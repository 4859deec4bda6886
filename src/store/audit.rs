//! What was done in the directory: who, what, and of which thing; in the transaction that did it.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::users::containing;
use super::{Change, Listing, Page, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::UserId;

/// How many entries of one user are kept: the latest. So nobody fills the store by changing its own app back
/// and forth.
const MAX_OF_ONE: i64 = 10_000;

/// What is to be kept of a change.
#[derive(Debug, Clone, Copy)]
pub struct AuditRecord<'a> {
    /// Who; none for somebody who holds the store itself.
    pub actor: Option<&'a UserId>,
    pub action: &'a str,
    /// `user`, `role`, `scope`, `app` or `key`, or the kind of a revocation.
    pub object_kind: &'a str,
    /// The id of a user or key, the key of an app, or a name.
    pub object_name: &'a str,
    /// What differs; never a secret.
    pub change: &'a str,
}

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub position: i64,
    pub done_at: UnixSeconds,
    /// The id of a user; none for somebody who holds the store itself.
    pub actor: Option<String>,
    /// What that user is called now; none where it is gone.
    pub actor_name: Option<String>,
    pub action: String,
    pub object_kind: String,
    pub object_name: String,
    /// What a user or app is called now; none for others, and where it is gone.
    pub object_title: Option<String>,
    pub change: String,
}

impl Change {
    /// Keeps what this change does, for as long as the store is told.
    pub async fn record(&mut self, record: &AuditRecord<'_>) -> Result<(), StoreError> {
        let actor = record.actor.map_or("", UserId::as_str);
        let texts = [
            actor,
            record.action,
            record.object_kind,
            record.object_name,
            record.change,
        ]
        .map(str::to_owned);
        let expires_at = self.now.plus(self.audit_seconds());
        // Changes come one at a time, so that nobody else takes the position.
        let text = "INSERT INTO audit (position, actor, action, object_kind, object_name, change, \
                    done_at, expires_at) VALUES ((SELECT COALESCE(MAX(position), 0) + 1 FROM audit), \
                    $1, $2, $3, $4, $5, $6, $7)";
        self.execute(text, &texts, &[self.now.0, expires_at.0])
            .await?;
        // What one account does must not push out what others did. The machine is not bounded: whoever
        // works on it can delete the rows as well.
        if record.actor.is_some() {
            let text = "DELETE FROM audit WHERE actor = $1 AND position <= COALESCE((SELECT position \
                        FROM audit WHERE actor = $1 ORDER BY position DESC LIMIT 1 OFFSET $2), 0)";
            self.execute(text, &[actor.to_owned()], &[MAX_OF_ONE])
                .await?;
        }
        Ok(())
    }
}

impl Store {
    /// Says how long entries are kept.
    pub fn keep_audit(&self, seconds: u32) {
        self.bounds.set_audit_seconds(seconds);
    }

    /// What was done, the latest first: before `before`, where that is given; of which the action, the kind,
    /// or a name holds `search`.
    pub async fn audit(
        &self,
        search: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Listing<AuditEntry>, StoreError> {
        let text = "SELECT a.position, a.done_at, a.actor, a.action, a.object_kind, a.object_name, a.change, \
                    COALESCE(u.username, '') AS actor_name, COALESCE(o.username, p.name, '') AS object_title \
                    FROM audit a LEFT JOIN users u ON u.id = a.actor \
                    LEFT JOIN users o ON a.object_kind = 'user' AND o.id = a.object_name \
                    LEFT JOIN apps p ON a.object_kind = 'app' AND p.app_key = a.object_name \
                    WHERE a.position < $1 AND (a.action LIKE $2 ESCAPE '!' OR a.object_kind LIKE $2 ESCAPE '!' \
                    OR LOWER(a.object_name) LIKE $2 ESCAPE '!' OR p.folded_name LIKE $2 ESCAPE '!' OR u.folded_username LIKE $2 ESCAPE '!' \
                    OR o.folded_username LIKE $2 ESCAPE '!') ORDER BY a.position DESC LIMIT $3";
        let page = Page::first(limit);
        let rows = sqlx::query(text)
            .bind(before.unwrap_or(i64::MAX))
            .bind(containing(&search.to_lowercase()))
            .bind(page.rows())
            .fetch_all(&self.reader)
            .await?;
        let entries = rows.iter().map(read).collect::<Result<_, _>>()?;
        let position = |entry: &AuditEntry| entry.position.to_string();
        Ok(Listing::of(entries, &page, position))
    }
}

fn read(row: &AnyRow) -> Result<AuditEntry, StoreError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let known = |column: &str| text(column).map(|text| Some(text).filter(|text| !text.is_empty()));
    Ok(AuditEntry {
        position: row.try_get("position")?,
        done_at: UnixSeconds(row.try_get("done_at")?),
        actor: known("actor")?,
        actor_name: known("actor_name")?,
        action: text("action")?,
        object_kind: text("object_kind")?,
        object_name: text("object_name")?,
        object_title: known("object_title")?,
        change: text("change")?,
    })
}
