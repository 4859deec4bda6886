//! What was done in the directory: who, what, and of which thing; in the transaction that did it.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::users::containing;
use super::{Change, Listing, Page, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::UserId;

/// How many entries of what one user has done to what is its own are kept: the latest. So nobody fills the store
/// by changing its own app back and forth. What somebody does to others, as an administrator, is never pushed
/// out: it would do so to hide it.
const MAX_OWN: i64 = 10_000;

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
        let (expires_at, own) = (
            self.now.plus(self.audit_seconds()),
            i64::from(self.is_own()),
        );
        // Changes come one at a time, so that nobody else takes the position.
        let text = "INSERT INTO audit (position, actor, action, object_kind, object_name, change, \
                    done_at, expires_at, own) VALUES ((SELECT COALESCE(MAX(position), 0) + 1 FROM audit), \
                    $1, $2, $3, $4, $5, $6, $7, $8)";
        self.execute(text, &texts, &[self.now.0, expires_at.0, own])
            .await?;
        if own == 1 {
            let text = "DELETE FROM audit WHERE actor = $1 AND own = 1 AND position <= COALESCE((SELECT position \
                        FROM audit WHERE actor = $1 AND own = 1 ORDER BY position DESC LIMIT 1 OFFSET $2), 0)";
            self.execute(text, &[actor.to_owned()], &[MAX_OWN]).await?;
        }
        Ok(())
    }
}

impl Store {
    /// When something was last done in the directory, as far as that is kept.
    pub async fn last_audited(&self) -> Result<Option<UnixSeconds>, StoreError> {
        let row = sqlx::query("SELECT COALESCE(MAX(done_at), 0) AS last FROM audit")
            .fetch_one(&self.reader)
            .await?;
        let last: i64 = row.try_get("last")?;
        Ok((last > 0).then_some(UnixSeconds(last)))
    }

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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::{Committed, StoreLocation};

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    #[tokio::test]
    async fn what_somebody_does_to_its_own_pushes_out_nothing_that_it_did_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let place = StoreLocation::parse("sqlite:store.db", Path::new(folder.path())).unwrap();
        let store = Store::open(&place).await.unwrap();
        store.keep_audit(60);
        let mallory = UserId::known("mallory");
        let record = async |object_kind, own: Option<()>| {
            let mut change = store.change(NOW).await.unwrap();
            if own.is_some() {
                change.mark_own();
            }
            let record = AuditRecord {
                actor: Some(&mallory),
                action: "changed",
                object_kind,
                object_name: "x",
                change: "",
            };
            change.record(&record).await.unwrap();
            assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        };
        record("role", None).await;
        record("app", Some(())).await;
        let many = "WITH RECURSIVE n(x) AS (SELECT 3 UNION ALL SELECT x + 1 FROM n WHERE x < 10100) \
                    INSERT INTO audit (position, done_at, expires_at, actor, action, object_kind, object_name, \
                    change, own) SELECT x, 0, 1, 'mallory', 'changed', 'app', 'x', '', 1 FROM n";
        sqlx::query(many).execute(&store.writer).await.unwrap();
        record("app", Some(())).await;
        let count = async |kind: &str| {
            let text = "SELECT COUNT(*) FROM audit WHERE object_kind = $1";
            let count = sqlx::query_scalar::<_, i64>(text).bind(kind.to_owned());
            count.fetch_one(&store.reader).await.unwrap()
        };
        assert_eq!((count("role").await, count("app").await), (1, MAX_OWN));
    }
}
