//! From where users have lately logged in.

use sqlx::Row;

use super::locking::{Holding, Selected, lock_users};
use super::settings::Setting;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{PlainSecret, UserId};

/// So many are kept of one user, those that were noted last.
const MAX_PLACES: i64 = 64;

impl Store {
    /// The secret by which the issuers on this store hash addresses, which is `fresh` where there was
    /// none.
    pub async fn place_secret(&self, fresh: &PlainSecret) -> Result<PlainSecret, StoreError> {
        let secret = self.value_or(Setting::PlaceSecret, fresh.reveal()).await?;
        Ok(PlainSecret::claimed(&secret))
    }

    /// Whether a user has logged in from a place that is still kept at `now`.
    pub async fn is_login_place(
        &self,
        user: &UserId,
        place: &str,
        now: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let text = "SELECT COUNT(*) AS places FROM login_places \
                    WHERE user_id = $1 AND place = $2 AND expires_at > $3";
        let row = sqlx::query(text)
            .bind(user.as_str())
            .bind(place)
            .bind(now.0)
            .fetch_one(&self.reader)
            .await?;
        Ok(row.try_get::<i64, _>("places")? > 0)
    }

    /// Notes that a user has logged in from a place, which is kept for `seconds`. A user who has gone
    /// meanwhile is an error of the database.
    pub async fn note_login_place(
        &self,
        user: &UserId,
        place: &str,
        now: UnixSeconds,
        seconds: i64,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        // Of one user several places are changed.
        let user_row = Selected::by("SELECT id FROM users WHERE id = $1", user.as_str());
        lock_users(&mut transaction, &user_row, Holding::ToChange).await?;
        let text = "INSERT INTO login_places (user_id, place, noted_at, expires_at) \
                    VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, place) DO UPDATE \
                    SET noted_at = excluded.noted_at, expires_at = excluded.expires_at";
        sqlx::query(text)
            .bind(user.as_str())
            .bind(place)
            .bind(now.0)
            .bind(now.plus(seconds).0)
            .execute(&mut *transaction)
            .await?;
        // After the insert, so that the newest is among those that stay. `place` decides between those
        // of one second.
        let older = "DELETE FROM login_places WHERE user_id = $1 AND place NOT IN \
                     (SELECT place FROM login_places WHERE user_id = $1 \
                      ORDER BY noted_at DESC, place LIMIT $2)";
        sqlx::query(older)
            .bind(user.as_str())
            .bind(MAX_PLACES)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
