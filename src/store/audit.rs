//! What was done in the directory: who, what, and of which thing; in the transaction that did it.

mod filter;

use sqlx::Row;
use sqlx::any::AnyRow;

pub use filter::{
    AUDIT_ACTIONS, AUDIT_ACTIONS_TOLD, AUDIT_KINDS, AUDIT_KINDS_TOLD, ActorKind, AuditFilter,
};

use super::{Change, Listing, Page, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::UserId;

/// How many entries of what one user has done to what is its own are kept: the latest. So nobody fills the store
/// by changing its own app back and forth. What somebody does to others, as an administrator, is never pushed
/// out: it would do so to hide it.
const MAX_OWN: i64 = 10_000;

/// Who does something.
#[derive(Debug, Clone, Copy)]
pub enum AuditActor<'a> {
    User(&'a UserId),
    /// A command at the machine that holds the store, of this user of its operating system; empty where
    /// that is not known.
    Command(&'a str),
}

/// What is to be kept of a change.
#[derive(Debug, Clone, Copy)]
pub struct AuditRecord<'a> {
    pub actor: AuditActor<'a>,
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
    /// The id of a user; none for a command.
    pub actor: Option<String>,
    /// What that user was called then, or the user of the operating system that gave the command.
    pub actor_name: Option<String>,
    /// What the user is called now; none where it is gone.
    pub actor_now: Option<String>,
    pub action: String,
    pub object_kind: String,
    pub object_name: String,
    /// What a user or app was called then; none for others.
    pub object_title: Option<String>,
    /// By what a user, role, scope or app is found now: its name, or its key; none where it is gone.
    pub object_now: Option<String>,
    pub change: String,
}

impl AuditEntry {
    pub fn actor_kind(&self) -> ActorKind {
        if self.actor.is_some() {
            ActorKind::User
        } else {
            ActorKind::Command
        }
    }
}

impl Change {
    /// Keeps what this change does, for as long as the store is told.
    pub async fn record(&mut self, record: &AuditRecord<'_>) -> Result<(), StoreError> {
        let (actor, actor_name) = match record.actor {
            AuditActor::User(id) => {
                let (name, _) = self.names_of("user", id.as_str()).await?;
                (id.as_str(), name)
            }
            AuditActor::Command(name) => ("", name.to_owned()),
        };
        let object = (record.object_kind, record.object_name);
        let (title, folded_title) = self.names_of(object.0, object.1).await?;
        let texts = [
            actor,
            record.action,
            record.object_kind,
            record.object_name,
            record.change,
            &actor_name,
            &title,
            &folded_title,
        ]
        .map(str::to_owned);
        let (expires_at, own) = (
            self.now.plus(self.audit_seconds()),
            i64::from(self.is_own()),
        );
        // Changes come one at a time, so that nobody else takes the position.
        let text = "INSERT INTO audit (position, actor, action, object_kind, object_name, change, actor_name, \
                    object_title, folded_title, done_at, expires_at, own) \
                    VALUES ((SELECT COALESCE(MAX(position), 0) + 1 FROM audit), \
                    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        self.execute(text, &texts, &[self.now.0, expires_at.0, own])
            .await?;
        if own == 1 {
            let text = "DELETE FROM audit WHERE actor = $1 AND own = 1 AND position <= COALESCE((SELECT position \
                        FROM audit WHERE actor = $1 AND own = 1 ORDER BY position DESC LIMIT 1 OFFSET $2), 0)";
            self.execute(text, &[actor.to_owned()], &[MAX_OWN]).await?;
        }
        Ok(())
    }

    /// Keeps what a user or app is called for the entries of this change, which is to delete it.
    pub(super) async fn keep_names(&mut self, kind: &str, id: &str) -> Result<(), StoreError> {
        let names = self.names_of(kind, id).await?;
        self.gone.keep(id, names);
        Ok(())
    }

    /// What a user or app is called, or was before this change deleted it: as written, and in lower case.
    /// Empty for what has no name beside its id.
    async fn names_of(&mut self, kind: &str, id: &str) -> Result<(String, String), StoreError> {
        if let Some(gone) = self.gone.of(id) {
            return Ok(gone);
        }
        let text = match kind {
            "user" | "owner" => {
                "SELECT username AS name, folded_username AS folded FROM users WHERE id = $1"
            }
            "app" => "SELECT name, folded_name AS folded FROM apps WHERE app_key = $1",
            _ => return Ok(<(String, String)>::default()),
        };
        let row = sqlx::query(text)
            .bind(id.to_owned())
            .fetch_optional(&mut *self.transaction)
            .await?;
        match row {
            None => Ok(<(String, String)>::default()),
            Some(row) => Ok((row.try_get("name")?, row.try_get("folded")?)),
        }
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

    /// What was done, the latest first, of what a filter lets through; before `before`, where that is given.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Listing<AuditEntry>, StoreError> {
        let page = Page::first(limit);
        let rows = filter
            .select(before.unwrap_or(i64::MAX), page.rows())
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
        actor_now: known("actor_now")?,
        action: text("action")?,
        object_kind: text("object_kind")?,
        object_name: text("object_name")?,
        object_title: known("object_title")?,
        object_now: known("object_now")?,
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
                actor: AuditActor::User(&mallory),
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
