//! Log-ins and attempts of users: counted by the day, and bounded for each user.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::connections::Transaction;
use super::patience::again_if_contended;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{SignIn, SignInKind, UserId, labelled};
use crate::labels::Label;

/// From how many addresses the attempts of a day that ended alike are told apart. Whoever tries from more has the
/// others counted together.
const MAX_OF_DAY: i64 = 10;

/// So many rows of each outcome are kept of one user, those that were added to last: failures push out no log-ins.
pub const KEPT_OF_OUTCOME: i64 = 30;

/// Of three outcomes.
const MAX_LISTED: i64 = 3 * KEPT_OF_OUTCOME;

impl Store {
    /// Adds what was noted of users to what is kept of them, in the order in which it comes: all issuers have the
    /// same.
    pub async fn note_sign_ins(&self, noted: &[(UserId, SignIn)]) -> Result<(), StoreError> {
        again_if_contended(|| self.note_sign_ins_once(noted)).await
    }

    async fn note_sign_ins_once(&self, noted: &[(UserId, SignIn)]) -> Result<(), StoreError> {
        let seconds = i64::from(self.bounds.audit_seconds());
        let mut transaction = self.begin().await?;
        for (user, sign_in) in noted {
            add(&mut transaction, user, sign_in, seconds).await?;
        }
        transaction.commit().await
    }

    /// What is kept of a user, the latest first.
    pub async fn sign_ins(
        &self,
        user: &UserId,
        now: UnixSeconds,
    ) -> Result<Vec<SignIn>, StoreError> {
        let text = "SELECT outcome, method, endpoint, address, attempts, first_at, last_at FROM sign_ins \
                    WHERE user_id = $1 AND expires_at > $2 \
                    ORDER BY last_at DESC, outcome, method, endpoint, address LIMIT $3";
        let rows = sqlx::query(text)
            .bind(user.as_str())
            .bind(now.0)
            .bind(MAX_LISTED)
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(read).collect()
    }
}

async fn add(
    transaction: &mut Transaction,
    user: &UserId,
    sign_in: &SignIn,
    seconds: i64,
) -> Result<(), StoreError> {
    let SignInKind {
        outcome,
        method,
        endpoint,
        address,
    } = &sign_in.kind;
    let (outcome, method, endpoint) = (outcome.label(), method.label(), endpoint.label());
    let text = "SELECT COUNT(*) AS rows_of_day, COALESCE(MAX(CASE WHEN method = $4 AND endpoint = $5 \
                AND address = $6 THEN 1 ELSE 0 END), 0) AS is_known FROM sign_ins \
                WHERE user_id = $1 AND day = $2 AND outcome = $3";
    let row = sqlx::query(text)
        .bind(user.as_str())
        .bind(sign_in.day())
        .bind(outcome)
        .bind(method)
        .bind(endpoint)
        .bind(address.as_str())
        .fetch_one(&mut **transaction)
        .await?;
    let is_known = row.try_get::<i64, _>("is_known")? == 1;
    let has_room = row.try_get::<i64, _>("rows_of_day")? < MAX_OF_DAY;
    let address = if is_known || has_room { address } else { "" };
    let text = "INSERT INTO sign_ins (user_id, day, outcome, method, endpoint, address, attempts, first_at, \
                last_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                ON CONFLICT (user_id, day, outcome, method, endpoint, address) DO UPDATE \
                SET attempts = sign_ins.attempts + excluded.attempts, \
                first_at = CASE WHEN excluded.first_at < sign_ins.first_at THEN excluded.first_at \
                ELSE sign_ins.first_at END, \
                last_at = CASE WHEN excluded.last_at > sign_ins.last_at THEN excluded.last_at \
                ELSE sign_ins.last_at END, expires_at = excluded.expires_at";
    sqlx::query(text)
        .bind(user.as_str())
        .bind(sign_in.day())
        .bind(outcome)
        .bind(method)
        .bind(endpoint)
        .bind(address)
        .bind(sign_in.attempts)
        .bind(sign_in.first_at.0)
        .bind(sign_in.last_at.0)
        .bind(sign_in.last_at.plus(seconds).0)
        .execute(&mut **transaction)
        .await?;
    let older = "DELETE FROM sign_ins WHERE user_id = $1 AND outcome = $2 AND last_at < \
                 (SELECT MIN(newest.last_at) FROM (SELECT last_at FROM sign_ins WHERE user_id = $1 \
                 AND outcome = $2 ORDER BY last_at DESC LIMIT $3) newest)";
    sqlx::query(older)
        .bind(user.as_str())
        .bind(outcome)
        .bind(KEPT_OF_OUTCOME)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<SignIn, StoreError> {
    let unreadable = || StoreError::Unreadable("sign-in");
    Ok(SignIn {
        kind: SignInKind {
            outcome: labelled(row.try_get("outcome")?).ok_or_else(unreadable)?,
            method: labelled(row.try_get("method")?).ok_or_else(unreadable)?,
            endpoint: labelled(row.try_get("endpoint")?).ok_or_else(unreadable)?,
            address: row.try_get("address")?,
        },
        attempts: row.try_get("attempts")?,
        first_at: UnixSeconds(row.try_get("first_at")?),
        last_at: UnixSeconds(row.try_get("last_at")?),
    })
}
