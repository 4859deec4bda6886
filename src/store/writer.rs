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

/// Adds the first tokens of grants.
#[derive(Debug)]
pub(super) struct TokenWriter {
    pub(super) pool: Connections,
    pub(super) bounds: Arc<Bounds>,
}

/// Uses tokens, and adds those that follow on them.
#[derive(Debug)]
pub(super) struct TokenRotator {
    pub(super) pool: Connections,
    /// Told when the revocation log has been appended to.
    pub(super) appended: Arc<Growth>,
    /// How much of it one may fill.
    pub(super) bounds: Arc<Bounds>,
}

/// What writes a batch in one transaction.
trait Transacted: Together<Answer: Copy> {
    /// All or none.
    fn commit(
        &self,
        writes: &[Self::Question],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, StoreError>> + Send;
}

impl Together for TokenWriter {
    type Question = NewToken;
    type Answer = ();

    async fn answer(&self, tokens: &[NewToken]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        all_or_each(self, tokens).await
    }
}

impl Together for TokenRotator {
    type Question = Use;
    type Answer = Rotation;

    async fn answer(
        &self,
        attempts: &[Use],
    ) -> Result<Vec<Result<Rotation, StoreError>>, StoreError> {
        all_or_each(self, attempts).await
    }
}

/// Writes all together, or each alone where one of them is at fault.
async fn all_or_each<W: Transacted>(
    batch: &W,
    writes: &[W::Question],
) -> Result<Vec<Result<W::Answer, StoreError>>, StoreError> {
    match batch.commit(writes).await {
        Ok(written) => Ok(written.into_iter().map(Ok).collect()),
        // The database answers: it is one of them, such as a token of a user who is gone.
        Err(
            StoreError::Gone
            | StoreError::Contended(_)
            | StoreError::Database(sqlx::Error::Database(_)),
        ) => {
            let mut outcomes = Vec::with_capacity(writes.len());
            for write in writes {
                outcomes.push(alone(batch, write).await);
            }
            Ok(outcomes)
        }
        // It does not answer: to wait for it once more for each of them would keep the queue for
        // minutes.
        Err(error) => Err(error),
    }
}

async fn alone<W: Transacted>(batch: &W, write: &W::Question) -> Result<W::Answer, StoreError> {
    // Of two transactions in each other's way the database ends one, which has done nothing wrong.
    let written = again_if_contended(|| batch.commit(std::slice::from_ref(write))).await?;
    let first = written.first().copied();
    first.ok_or(StoreError::Unreadable("outcome"))
}

impl Transacted for TokenWriter {
    async fn commit(&self, tokens: &[NewToken]) -> Result<Vec<()>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let mut tokens: Vec<&NewToken> = tokens.iter().collect();
        // A new row locks the user that it refers to. In the order of the ids, as everywhere (see
        // `locking`): two batches in different orders would deadlock.
        tokens.sort_by_key(|token| token.user());
        // Before the insert: a batch must not end the grants that it begins.
        end_oldest(&mut transaction, &tokens, self.bounds.max_grants()).await?;
        for rows in chunks(&tokens) {
            insert(&mut transaction, rows).await?;
        }
        transaction.commit().await?;
        Ok(vec![(); tokens.len()])
    }
}

impl Transacted for TokenRotator {
    async fn commit(&self, attempts: &[Use]) -> Result<Vec<Rotation>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let users = attempts.iter().map(|attempt| attempt.successor.user());
        // Users before tokens: the update below locks tokens in whatever order its plan finds them, and
        // a revocation that locks the same users waits here and not half-way.
        lock_listed_users(&mut transaction, users.collect()).await?;
        let used = use_fresh(&mut transaction, attempts).await?;
        let fresh = attempts.iter().enumerate();
        let fresh = fresh.filter(|(position, _)| used.contains(position));
        let successors: Vec<&NewToken> = fresh.map(|(_, attempt)| &attempt.successor).collect();
        for rows in chunks(&successors) {
            insert(&mut transaction, rows).await?;
        }
        // Last, because a replay may end what was made just now.
        let mut rotations = Vec::with_capacity(attempts.len());
        for (position, attempt) in attempts.iter().enumerate() {
            rotations.push(if used.contains(&position) {
                forget_used(&mut transaction, &attempt.successor).await?;
                Rotation::Rotated
            } else {
                rotate(&mut transaction, attempt, &self.bounds).await?
            });
        }
        // A replay has appended to the log, and whoever follows it is woken only by this commit.
        if rotations.contains(&Rotation::Replayed) {
            self.appended.commit(transaction).await?;
        } else {
            transaction.commit().await?;
        }
        Ok(rotations)
    }
}

/// Uses the tokens that are there and unused, each for the first that presents it, and gives back
/// the positions of those. It locks their rows.
async fn use_fresh(
    transaction: &mut Transaction,
    attempts: &[Use],
) -> Result<HashSet<usize>, StoreError> {
    let mut presented = HashSet::new();
    let mut first = Vec::new();
    for (position, attempt) in attempts.iter().enumerate() {
        // Two that bring the same token in one batch: the second goes through `rotate`, which tells a
        // retry from a replay.
        if presented.insert(&*attempt.digest) {
            first.push((position, attempt));
        }
    }
    let mut used = HashSet::new();
    for rows in chunks(&first) {
        // `used_at = 0` is asked within the update and not before it: of two processes one gets the row
        // back, and the other takes the token for used.
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
