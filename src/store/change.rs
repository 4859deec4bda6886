//! A change of users, roles, scopes or apps: one transaction, one at a time on the whole store, that
//! leaves an administrator and does not make one of everybody. What it takes away ends the tokens that
//! rest on it, in the same transaction and whatever its steps are.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::SqlSafeStr;

use super::change_turns::{ChangeOf, ChangeTurn};
use super::charges::{Bounds, Holder};
use super::connections::Transaction;
use super::gone_names::GoneNames;
use super::invariants::Invariants;
use super::locking::{Holding, Selected, lock_apps, lock_users};
use super::new_link::NewLink;
use super::patience;
use super::revocations::{is_listed, is_revoked};
use super::revoking::{Cause, revoke};
use super::statement::{assembled, chunks, placeholder_rows};
use super::touched::Touched;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{Loss, UserId};
use crate::token::{LogPosition, RevocationTarget};

/// A change that has begun. What it reads stays true until it is committed; dropped, it never was.
pub struct Change {
    store: Store,
    pub(super) transaction: Transaction,
    pub(super) now: UnixSeconds,
    before: Invariants,
    /// What was there before, of all that is changed.
    pub(super) touched: Touched,
    pub(super) gone: GoneNames,
    /// What is revoked by name.
    revoked: Vec<Loss>,
    charged: Option<Holder>,
    /// Whose share what it revokes must fit in, where it is not the charged one's own.
    share: Option<Holder>,
    own: bool,
    /// What is written last.
    pub(super) link: Option<NewLink>,
    /// Given up last, after the transaction.
    _turn: ChangeTurn,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    Yes,
    /// Nobody would have been left who may do everything: nothing has changed.
    LastAdministrator,
    /// The role that new users get would have had `backend.*` scopes: nothing has changed.
    EverybodyAdministrator,
    /// Whoever does it has caused as many rows of the log as it may: nothing has changed.
    ShareUsedUp,
}

impl Store {
    /// Begins a change of nobody's in particular, when those before it have ended.
    pub async fn change(&self, now: UnixSeconds) -> Result<Change, StoreError> {
        self.change_by(ChangeOf::Nobody, now).await
    }

    /// Begins a change, when those before it have ended.
    pub async fn change_by(
        &self,
        whose: ChangeOf<'_>,
        now: UnixSeconds,
    ) -> Result<Change, StoreError> {
        // Before a connection, which others need meanwhile.
        let turn = self.changes.take(whose).await?;
        let mut transaction = self.begin().await?;
        // The lock is a row: both engines hold it to the end of the transaction, however that ends, and
        // a process that dies leaves none behind.
        let lock = "UPDATE settings SET value = value WHERE name = 'directory_lock'";
        let locked = sqlx::query(lock).execute(&mut *transaction).await?;
        // Without the row nobody would wait, and two changes at once could each take the other
        // administrator's role.
        if locked.rows_affected() != 1 {
            return Err(StoreError::Unreadable("lock"));
        }
        // From here on others wait for this one.
        transaction.bound(patience::CHANGE);
        Ok(Change {
            store: self.clone(),
            before: Invariants::of(&mut transaction).await?,
            transaction,
            now,
            touched: Touched::nothing(now),
            gone: GoneNames::default(),
            revoked: Vec::new(),
            charged: None,
            share: None,
            own: false,
            link: None,
            _turn: turn,
        })
    }
}

impl Change {
    /// The same as [`Self::commit_at`], for whoever needs no position.
    pub async fn commit(self) -> Result<Committed, StoreError> {
        let (committed, _) = self.commit_at().await?;
        Ok(committed)
    }

    /// Ends the change, if an administrator is left where there was one, and new users do not become
    /// administrators where they did not; and revokes what rests on what is gone. Gives
    /// back the last position of the log that it has, where it revokes something.
    pub async fn commit_at(mut self) -> Result<(Committed, Option<LogPosition>), StoreError> {
        let allowed = self.rehearse().await?;
        if allowed != Committed::Yes {
            self.transaction.rollback().await?;
            return Ok((allowed, None));
        }
        // Last: from the first row of the log on, nobody else appends.
        let mut losses = self.touched.losses(&mut self.transaction).await?;
        for loss in std::mem::take(&mut self.revoked) {
            // What is revoked by name may end with the change as well: a second row would say the same
            // and cost a position.
            if !losses.contains(&loss) {
                losses.push(loss);
            }
        }
        let link = self.link.take();
        if losses.is_empty() {
            if let Some(link) = link {
                link.write(&mut self.transaction).await?;
            }
            self.transaction.commit().await?;
            self.store.changed.store(true, Ordering::Release);
            return Ok((Committed::Yes, None));
        }
        // What is charged already is not somebody else's.
        let share = self.share.as_ref().filter(|_| self.charged.is_none());
        if let Some(holder) = share
            && uses_up(&mut self.transaction, &self.store.bounds, holder, &losses).await?
        {
            self.transaction.rollback().await?;
            return Ok((Committed::ShareUsedUp, None));
        }
        let cause = match (&self.charged, &self.share) {
            (Some(holder), _) => Cause::Holder(holder, &self.store.bounds),
            (None, Some(holder)) => Cause::Administrator(holder),
            (None, None) => Cause::Authority,
        };
        let last = revoke(&mut self.transaction, &losses, cause, self.now).await?;
        // Whoever loses all that it has loses its links as well, but not this one.
        if let Some(link) = link {
            link.write(&mut self.transaction).await?;
        }
        self.store.appended.commit(self.transaction).await?;
        self.store.changed.store(true, Ordering::Release);
        Ok((Committed::Yes, Some(last)))
    }

    /// What would become of the change as it is now; it goes on.
    pub async fn rehearse(&mut self) -> Result<Committed, StoreError> {
        let (before, after) = (self.before, Invariants::of(&mut self.transaction).await?);
        // Compared with before, not demanded as such: a store that has lost its administrator in
        // another way could not be repaired by any change.
        if before.has_administrator && !after.has_administrator {
            return Ok(Committed::LastAdministrator);
        }
        if before.default_role_is_harmless && !after.default_role_is_harmless {
            return Ok(Committed::EverybodyAdministrator);
        }
        Ok(Committed::Yes)
    }

    /// Whether the log has one of `targets` beyond `given_out`.
    pub async fn is_revoked(
        &mut self,
        targets: &[RevocationTarget],
        given_out: LogPosition,
    ) -> Result<bool, StoreError> {
        if self.store.may_concern(given_out) {
            return Ok(true);
        }
        is_revoked(&mut *self.transaction, targets, given_out).await
    }

    /// Revokes what was given out to `target`, when the change is committed.
    pub fn revoke(&mut self, target: RevocationTarget) {
        self.revoked.push(Loss::All(target));
    }

    /// The same of its access tokens alone; refresh tokens go on.
    pub(super) fn revoke_access_tokens(&mut self, target: RevocationTarget) {
        self.revoked.push(Loss::AccessTokens(target));
    }

    /// Charges what this change revokes to whoever does it as often as it likes, to what is its own.
    pub fn charge(&mut self, holder: Holder) {
        self.charged = Some(holder);
        self.mark_own();
    }

    /// Charges what this change revokes to an administrator who does it to others, as far as it is not charged to
    /// somebody already. Where the log has no room for that, [`Self::commit_at`] says so.
    pub fn charge_share(&mut self, administrator: &UserId) {
        self.share = Some(Holder::user(administrator));
    }

    /// Charges what this change revokes to whoever names what the store does not know, where the log still has
    /// room for that; false where it has not. What is revoked must not be something else than what was named.
    pub async fn charge_unknown(&mut self, user: &UserId) -> Result<bool, StoreError> {
        let holder = Holder::user(user);
        let bounds = Arc::clone(&self.store.bounds);
        if bounds.is_full(&mut self.transaction, &holder).await? {
            return Ok(false);
        }
        self.charged = Some(holder);
        Ok(true)
    }

    /// Says that somebody does this to what is its own.
    pub fn mark_own(&mut self) {
        self.own = true;
    }

    /// Whether it has been said so.
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// How long it is kept what this change does.
    pub(super) fn audit_seconds(&self) -> i64 {
        self.store.bounds.audit_seconds().into()
    }

    /// Locks a user and its apps. It comes before anything else is done to any of them.
    pub async fn hold_with_apps(
        &mut self,
        user: &UserId,
        holding: Holding,
    ) -> Result<(), StoreError> {
        // Not who uses the apps: there may be a million, and nothing of theirs is written.
        let itself = Selected::by("$1", user.as_str());
        lock_users(&mut self.transaction, &itself, holding).await?;
        let apps = "SELECT app_key FROM apps WHERE owner_id = $1";
        let apps = Selected::by(apps, user.as_str());
        lock_apps(&mut self.transaction, &apps, holding).await
    }

    /// Inserts rows of two texts `into` a table where they are not there yet, many in one statement.
    pub(super) async fn insert_pairs<'r>(
        &mut self,
        into: &'static str,
        rows: impl Iterator<Item = [&'r str; 2]>,
    ) -> Result<(), StoreError> {
        let rows: Vec<[&str; 2]> = rows.collect();
        for some in chunks(&rows) {
            let values = placeholder_rows(some.len(), 2);
            let text = format!("INSERT INTO {into} VALUES {values} ON CONFLICT DO NOTHING");
            let texts: Vec<String> = some
                .iter()
                .flatten()
                .map(|text| (*text).to_owned())
                .collect();
            self.execute(assembled(text), &texts, &[]).await?;
        }
        Ok(())
    }

    /// Runs a statement with texts and then numbers for its placeholders; the number of its rows.
    pub(super) async fn execute(
        &mut self,
        text: impl SqlSafeStr,
        texts: &[String],
        numbers: &[i64],
    ) -> Result<u64, sqlx::Error> {
        let mut query = sqlx::query(text);
        for text in texts {
            query = query.bind(text.clone());
        }
        for number in numbers {
            query = query.bind(*number);
        }
        let done = query.execute(&mut *self.transaction).await?;
        Ok(done.rows_affected())
    }
}

/// Whether these rows are more than `holder` may cause. One of what the log has already takes the place of that, and no
/// room.
async fn uses_up(
    transaction: &mut Transaction,
    bounds: &Bounds,
    holder: &Holder,
    losses: &[Loss],
) -> Result<bool, StoreError> {
    if !bounds.is_full(transaction, holder).await? {
        return Ok(false);
    }
    for loss in losses {
        if !is_listed(transaction, loss.target()).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
