//! Who fills the revocation log, and how much of it one may fill.
//!
//! Every row is kept by every gate until the last token has ended that it refuses, so that whoever mints
//! and revokes tokens could fill the lists until everybody's older tokens are refused. Rows that users
//! and apps cause are charged to them. Whoever has caused too many gets no narrower rows: one row for all
//! of its access tokens, moved on by each further revocation, stands for them. The damage stays with
//! whoever caused it, and refresh tokens live on.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::Row;

use super::StoreError;
use super::connections::Transaction;
use crate::identity::{AppKey, Grant, UserId};
use crate::token::RevocationTarget;

/// Who has caused a revocation, and through which app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub user: UserId,
    /// Through which app they were got; none where the user logged in.
    pub app: Option<AppKey>,
}

impl Holder {
    pub fn of(grant: &Grant) -> Self {
        Self {
            user: grant.user.clone(),
            app: grant.app.clone(),
        }
    }

    /// A user who deals with its own.
    pub fn user(user: &UserId) -> Self {
        Self {
            user: user.clone(),
            app: None,
        }
    }
}

/// How much of the store one user and one app may fill.
#[derive(Debug)]
pub(super) struct Bounds {
    /// How many rows of the log one may have caused that are kept at the same time.
    per_user: AtomicU32,
    per_app: AtomicU32,
    /// How many grants a user may have with one app.
    max_grants: AtomicU32,
    /// How long it is kept who did what.
    audit_seconds: AtomicU32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            per_user: AtomicU32::new(u32::MAX),
            per_app: AtomicU32::new(u32::MAX),
            max_grants: AtomicU32::new(u32::MAX),
            audit_seconds: AtomicU32::new(u32::MAX),
        }
    }
}

impl Bounds {
    pub(super) fn max_grants(&self) -> u32 {
        self.max_grants.load(Ordering::Acquire)
    }

    pub(super) fn set_max_grants(&self, max_grants: u32) {
        self.max_grants.store(max_grants, Ordering::Release);
    }

    pub(super) fn audit_seconds(&self) -> u32 {
        self.audit_seconds.load(Ordering::Acquire)
    }

    pub(super) fn set_audit_seconds(&self, seconds: u32) {
        self.audit_seconds.store(seconds, Ordering::Release);
    }

    pub(super) fn set(&self, per_user: u32, per_app: u32) {
        self.per_user.store(per_user, Ordering::Release);
        self.per_app.store(per_app, Ordering::Release);
    }

    /// What stands for `subject` where `holder` has caused as many rows as it may; nothing where it may
    /// cause another one.
    pub(super) async fn instead_of(
        &self,
        transaction: &mut Transaction,
        subject: &RevocationTarget,
        holder: &Holder,
    ) -> Result<Vec<RevocationTarget>, StoreError> {
        if !self.is_full(transaction, holder).await? {
            return Ok(Vec::new());
        }
        let user = holder.user.as_str();
        // Never the app: strangers who have filled it would have whoever logs out log out everybody.
        let mut wide = vec![RevocationTarget::User(user.to_owned())];
        if matches!(subject, RevocationTarget::App(_)) {
            // Others have tokens through it.
            wide.push(RevocationTarget::Owner(user.to_owned()));
        }
        Ok(wide)
    }

    /// Whether `holder` has caused as many rows as it may.
    pub(super) async fn is_full(
        &self,
        transaction: &mut Transaction,
        holder: &Holder,
    ) -> Result<bool, StoreError> {
        let user = holder.user.as_str();
        // Counted up to the bound and no further: whoever has caused a million rows must not slow down
        // every further one, under the lock of the log.
        let by_user = "SELECT COUNT(*) AS caused FROM \
                       (SELECT position FROM revocations WHERE user_id = $1 LIMIT $2) AS found";
        let per_user = self.per_user.load(Ordering::Acquire);
        let mut full = is_full(transaction, by_user, user, per_user).await?;
        if let (false, Some(app)) = (full, holder.app.as_ref()) {
            let by_app = "SELECT COUNT(*) AS caused FROM \
                          (SELECT position FROM revocations WHERE app_key = $1 LIMIT $2) AS found";
            let per_app = self.per_app.load(Ordering::Acquire);
            full = is_full(transaction, by_app, app.as_str(), per_app).await?;
        }
        Ok(full)
    }
}

async fn is_full(
    transaction: &mut Transaction,
    text: &'static str,
    name: &str,
    bound: u32,
) -> Result<bool, StoreError> {
    let row = sqlx::query(text)
        .bind(name.to_owned())
        .bind(i64::from(bound))
        .fetch_one(&mut **transaction)
        .await?;
    let caused: i64 = row.try_get("caused")?;
    Ok(caused >= i64::from(bound))
}
