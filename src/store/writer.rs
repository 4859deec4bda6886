//! Group commit: refresh tokens that are written at the same time share a transaction, and their
//! callers hear of it after its end. What cannot be written alone does not take the others along.

use std::collections::HashSet;
use std::sync::Arc;

use sqlx::Row;

use super::StoreError;
use super::batches::Together;
use super::charges::Bounds;
use super::connections::{Connections, Transaction};
use super::grant_bounds::{end_oldest, forget_used};
use super::locking::lock_listed_users;
use super::patience::again_if_contended;
use super::refresh_tokens::{NewToken, Rotation, Use, insert, rotate};
use super::revocations::Growth;
use super::statement::{assembled, chunks, placeholder_rows};

#[derive(Debug)]
pub(super) struct TokenWriter {
    pub(super) pool: Connections,
    /// Told when the revocation log has been appended to.
    pub(super) appended: Arc<Growth>,
    /// How much of it one may fill.
    pub(super) bounds: Arc<Bounds>,
}

/// What is to be written.
#[derive(Debug)]
pub(super) enum Write {
    Add(NewToken),
    Rotate(Use),
}

impl Write {
    fn new_token(&self) -> &NewToken {
        match self {
            Self::Add(token) => token,
            Self::Rotate(attempt) => &attempt.successor,
        }
    }
}

/// What has been.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written {
    Added,
    Used(Rotation),
}

impl Together for TokenWriter {
    type Question = Write;
    type Answer = Written;

    async fn answer(
        &self,
        writes: &[Write],
    ) -> Result<Vec<Result<Written, StoreError>>, StoreError> {
        match self.commit(writes).await {
            Ok(written) => Ok(written.into_iter().map(Ok).collect()),
            // The database answers: it is one of them, such as a token of a user who is gone.
            Err(
                StoreError::Gone
                | StoreError::Contended(_)
                | StoreError::Database(sqlx::Error::Database(_)),
            ) => {
                let mut outcomes = Vec::with_capacity(writes.len());
                for write in writes {
                    let alone = self.commit_alone(write).await;
                    outcomes.push(alone);
                }
                Ok(outcomes)
            }
            Err(error) => Err(error),
        }
    }
}

impl TokenWriter {
    async fn commit_alone(&self, write: &Write) -> Result<Written, StoreError> {
        let written = again_if_contended(|| self.commit(std::slice::from_ref(write))).await?;
        let first = written.first().copied();
        first.ok_or(StoreError::Unreadable("outcome"))
    }

    /// All or none. A rotation never depends on a row that is added beside it: nobody has that
    /// token yet.
    async fn commit<'w>(&self, writes: &'w [Write]) -> Result<Vec<Written>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        if writes.iter().any(|write| matches!(write, Write::Rotate(_))) {
            let users = writes.iter().map(|write| write.new_token().user());
            lock_listed_users(&mut transaction, users.collect()).await?;
        }
        let used = use_fresh(&mut transaction, writes).await?;
        let fresh = |(position, write): (usize, &'w Write)| match write {
            Write::Add(token) => Some(token),
            Write::Rotate(attempt) => used.contains(&position).then_some(&attempt.successor),
        };
        let mut tokens: Vec<&NewToken> = writes.iter().enumerate().filter_map(fresh).collect();
        // What refers to users holds them, one after the other.
        tokens.sort_by_key(|token| token.user());
        let added = |write: &'w Write| match write {
            Write::Add(token) => Some(token),
            Write::Rotate(_) => None,
        };
        let added: Vec<&NewToken> = writes.iter().filter_map(added).collect();
        end_oldest(&mut transaction, &added, self.bounds.max_grants()).await?;
        for rows in chunks(&tokens) {
            insert(&mut transaction, rows).await?;
        }
        // Last, because a replay may end what was made just now.
        let mut written = Vec::with_capacity(writes.len());
        for (position, write) in writes.iter().enumerate() {
            written.push(match write {
                Write::Add(_) => Written::Added,
                Write::Rotate(attempt) if used.contains(&position) => {
                    forget_used(&mut transaction, &attempt.successor).await?;
                    Written::Used(Rotation::Rotated)
                }
                Write::Rotate(attempt) => {
                    let rotation = rotate(&mut transaction, attempt, &self.bounds).await?;
                    Written::Used(rotation)
                }
            });
        }
        transaction.commit().await?;
        let replayed = |written: &Written| matches!(written, Written::Used(Rotation::Replayed));
        if written.iter().any(replayed) {
            self.appended.tell_own();
        }
        Ok(written)
    }
}

/// Uses the tokens that are there and unused, each for the first that presents it, and gives back
/// the positions of those. It locks their rows.
async fn use_fresh(
    transaction: &mut Transaction,
    writes: &[Write],
) -> Result<HashSet<usize>, StoreError> {
    let mut presented = HashSet::new();
    let mut first = Vec::new();
    for (position, write) in writes.iter().enumerate() {
        if let Write::Rotate(attempt) = write
            && presented.insert(&*attempt.digest)
        {
            first.push((position, attempt));
        }
    }
    let mut used = HashSet::new();
    for rows in chunks(&first) {
        let text = format!(
            "UPDATE refresh_tokens SET used_at = v.column2, successor = v.column3 \
             FROM (VALUES {}) AS v WHERE digest = v.column1 AND used_at = 0 \
             AND expires_at > v.column2 RETURNING digest",
            placeholder_rows(rows.len(), 3)
        );
        let mut update = sqlx::query(assembled(text));
        for (_, attempt) in rows {
            update = update
                .bind(&*attempt.digest)
                .bind(attempt.now.0)
                .bind(&*attempt.successor.digest);
        }
        for row in update.fetch_all(&mut **transaction).await? {
            let digest: &str = row.try_get("digest")?;
            let found = rows.iter().find(|(_, attempt)| attempt.digest == digest);
            used.extend(found.map(|(position, _)| *position));
        }
    }
    Ok(used)
}
