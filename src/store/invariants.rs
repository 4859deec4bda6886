//! What no change of the directory may end, by whatever combination of its steps.
//!
//! It is asked twice in each change. So each statement has the same size however many roles and users there are, and
//! looks at one user or one role where it can: the search for another administrator is for the changes alone after
//! which the one that is known is none any more.

use sqlx::Row;

use super::StoreError;
use super::connections::Transaction;
use super::settings::{self, Setting};
use super::statement::{assembled, placeholders};
use crate::identity::ADMINISTRATIVE_SCOPES;

#[derive(Debug, Clone, Copy)]
pub(super) struct Invariants {
    /// An active user has all that administrators have.
    pub(super) has_administrator: bool,
    /// The role that new users get has nothing that administrators have.
    pub(super) default_role_is_harmless: bool,
}

impl Invariants {
    pub(super) async fn of(transaction: &mut Transaction) -> Result<Self, StoreError> {
        Ok(Self {
            has_administrator: has_administrator(transaction).await?,
            default_role_is_harmless: default_role_is_harmless(transaction).await?,
        })
    }
}

/// Whether an active user has all that administrators have. One that was found is written down, so that the next
/// change, of whatever process, looks at it first: what is written is a hint, and is never believed.
async fn has_administrator(transaction: &mut Transaction) -> Result<bool, StoreError> {
    if knows_administrator(transaction).await? {
        return Ok(true);
    }
    let Some(found) = search(transaction).await? else {
        return Ok(false);
    };
    let setting = Setting::KnownAdministrator;
    settings::replace(&mut **transaction, setting, &found).await?;
    Ok(true)
}

async fn knows_administrator(transaction: &mut Transaction) -> Result<bool, StoreError> {
    let mut query = sqlx::query(assembled(known_administrator_text()));
    query = query.bind(Setting::KnownAdministrator.name());
    for scope in ADMINISTRATIVE_SCOPES {
        query = query.bind(scope);
    }
    let row = query.fetch_one(&mut **transaction).await?;
    let scopes: i64 = row.try_get("scopes")?;
    Ok(usize::try_from(scopes).is_ok_and(|scopes| scopes == ADMINISTRATIVE_SCOPES.len()))
}

pub(super) fn known_administrator_text() -> String {
    format!(
        "SELECT COUNT(DISTINCT s.scope) AS scopes FROM settings k JOIN users u ON u.id = k.value \
         JOIN user_roles r ON r.user_id = u.id JOIN role_scopes s ON s.role = r.role \
         WHERE k.name = $1 AND u.status = 'active' AND s.scope IN ({})",
        placeholders(2, ADMINISTRATIVE_SCOPES.len())
    )
}

async fn search(transaction: &mut Transaction) -> Result<Option<String>, StoreError> {
    // A statement that is kept gets a plan for whatever scopes, such as some that all roles have.
    let mut query = sqlx::query(assembled(search_text())).persistent(false);
    for scope in ADMINISTRATIVE_SCOPES {
        query = query.bind(scope);
    }
    let found = query.fetch_optional(&mut **transaction).await?;
    Ok(found.map(|row| row.try_get("user_id")).transpose()?)
}

/// From the few rows with such scopes to their users, and not the other way round: `SQLite` keeps to the order of
/// `CROSS JOIN`.
pub(super) fn search_text() -> String {
    let count = ADMINISTRATIVE_SCOPES.len();
    format!(
        "SELECT r.user_id FROM role_scopes s CROSS JOIN user_roles r CROSS JOIN users u \
         WHERE s.scope IN ({}) AND r.role = s.role AND u.id = r.user_id AND u.status = 'active' \
         GROUP BY r.user_id HAVING COUNT(DISTINCT s.scope) = {count} LIMIT 1",
        placeholders(1, count)
    )
}

/// The default role has at most as many scopes as a role can have.
async fn default_role_is_harmless(transaction: &mut Transaction) -> Result<bool, StoreError> {
    let query = sqlx::query(HARMFUL_DEFAULT_ROLE).bind(Setting::DefaultRole.name());
    let found = query.fetch_optional(&mut **transaction).await?;
    Ok(found.is_none())
}

// The prefix is compared with `substr`: whether `LIKE` minds upper and lower case depends on the database.
pub(super) const HARMFUL_DEFAULT_ROLE: &str = "SELECT s.role FROM settings d \
    JOIN role_scopes s ON s.role = d.value \
    WHERE d.name = $1 AND substr(s.scope, 1, 8) = 'backend.' LIMIT 1";
