//! The table `settings`: facts of the store that all issuers on it share.

use sqlx::{Any, Executor, Row};

use super::statement::assembled;
use super::{Store, StoreError};
use crate::identity::PlainSecret;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// The role that new users get.
    DefaultRole,
    /// The id of a user who had all that administrators have when that was last looked for. It may have ended.
    KnownAdministrator,
    /// There once the store has what an empty one needs.
    FirstStart,
    /// Names the revocation log for as long as the database lives.
    LogId,
    /// The longest that an access token of this store has ever lived, in seconds.
    LongestToken,
    /// Hashes the addresses from which users log in.
    PlaceSecret,
    /// Digests of users in logs are made with it.
    SubjectSecret,
    /// Successors of refresh tokens are derived from it.
    SuccessorSecret,
    /// Seals what one page has the next one tell.
    ToldSecret,
}

impl Setting {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DefaultRole => "default_role",
            Self::KnownAdministrator => "known_administrator",
            Self::FirstStart => "first_start",
            Self::LogId => "revocation_log_id",
            Self::LongestToken => "longest_access_token_seconds",
            Self::PlaceSecret => "login_place_secret",
            Self::SubjectSecret => "log_subject_secret",
            Self::SuccessorSecret => "refresh_successor_secret",
            Self::ToldSecret => "told_secret",
        }
    }
}

impl Store {
    /// The secret by which all processes on this store name users in logs, which is `fresh` where there
    /// was none.
    pub async fn subject_secret(&self, fresh: &PlainSecret) -> Result<PlainSecret, StoreError> {
        let secret = self
            .value_or(Setting::SubjectSecret, fresh.reveal())
            .await?;
        Ok(PlainSecret::claimed(&secret))
    }

    /// The value of a setting, which is `fresh` where it had none. Of several processes that bring
    /// a fresh one at the same time, all get the same.
    pub(super) async fn value_or(
        &self,
        setting: Setting,
        fresh: &str,
    ) -> Result<String, StoreError> {
        if let Some(value) = read(&self.reader, setting).await? {
            return Ok(value);
        }
        let mut transaction = self.begin().await?;
        keep(&mut *transaction, setting, fresh).await?;
        let value = read(&mut *transaction, setting).await?;
        transaction.commit().await?;
        value.ok_or(StoreError::Unreadable("setting"))
    }
}

pub(super) async fn read(
    database: impl Executor<'_, Database = Any>,
    setting: Setting,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
        .bind(setting.name())
        .fetch_optional(database)
        .await?;
    Ok(row.map(|row| row.try_get("value")).transpose()?)
}

/// Sets a setting that has no value; one that has keeps it.
pub(super) async fn keep(
    database: impl Executor<'_, Database = Any>,
    setting: Setting,
    value: &str,
) -> Result<(), StoreError> {
    write(database, setting, value, "DO NOTHING").await
}

/// Sets a setting, whatever value it had.
pub(super) async fn replace(
    database: impl Executor<'_, Database = Any>,
    setting: Setting,
    value: &str,
) -> Result<(), StoreError> {
    write(
        database,
        setting,
        value,
        "DO UPDATE SET value = excluded.value",
    )
    .await
}

/// Writes a row; `on_conflict` says what becomes of one that is there.
async fn write(
    database: impl Executor<'_, Database = Any>,
    setting: Setting,
    value: &str,
    on_conflict: &'static str,
) -> Result<(), StoreError> {
    let text = format!(
        "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) {on_conflict}"
    );
    sqlx::query(assembled(text))
        .bind(setting.name())
        .bind(value)
        .execute(database)
        .await?;
    Ok(())
}
