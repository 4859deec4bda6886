//! Lists of apps, and how many of them somebody should look at.

use sqlx::Row;

use super::app_rows::{NEVER, SELECT, read};
use super::apps::{OwnedApp, read_owned};
use super::statement::assembled;
use super::{Listing, Page, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{App, Status, UserId};

/// Which apps are listed: those for which all that is said here holds.
#[derive(Debug, Clone, Default)]
pub struct AppFilter {
    pub owner: Option<UserId>,
    pub status: Option<Status>,
    /// Neither made nor used after this.
    pub unused_since: Option<UnixSeconds>,
    /// With a latest secret that was made no later.
    pub secret_since: Option<UnixSeconds>,
}

/// How many active apps somebody should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaleApps {
    /// Neither made nor used for long.
    pub unused: Counted,
    /// With a latest secret that was made long ago.
    pub old_secrets: Counted,
}

/// A number of rows, which were counted up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Exactly(i64),
    /// There are more than the bound, which is this.
    MoreThan(i64),
}

/// A condition with `#` for its value.
enum Condition {
    Text(&'static str, String),
    Number(&'static str, i64),
}

/// Active apps that were neither made nor used after `$1`, up to `$2`.
pub(super) const UNUSED: &str = "\
    SELECT COUNT(*) AS apps FROM (SELECT 1 AS one FROM apps WHERE status = 'active' \
    AND last_used_at <= $1 AND created_at <= $1 LIMIT $2) AS found";

/// Active apps whose latest secret was made no later than `$1`, up to `$2`.
pub(super) const OLD_SECRETS: &str = "\
    SELECT COUNT(*) AS apps FROM (SELECT 1 AS one FROM apps WHERE status = 'active' \
    AND secret_since > 0 AND secret_since <= $1 LIMIT $2) AS found";

impl Store {
    /// The apps of `owner`, in the order of their names.
    pub async fn apps(&self, owner: &UserId, page: &Page) -> Result<Listing<App>, StoreError> {
        let text =
            format!("{SELECT} WHERE a.owner_id = $1 AND a.name > $3 ORDER BY a.name LIMIT $4");
        let rows = sqlx::query(assembled(text))
            .bind(owner.as_str())
            .bind(NEVER)
            .bind(&*page.after)
            .bind(page.rows())
            .fetch_all(&self.reader)
            .await?;
        let apps = rows.iter().map(read).collect::<Result<_, _>>()?;
        let name = |app: &App| app.name.as_str().to_owned();
        Ok(Listing::of(apps, page, name))
    }

    /// Apps of anybody, in the order of their keys.
    pub async fn all_apps(
        &self,
        filter: &AppFilter,
        page: &Page,
    ) -> Result<Listing<OwnedApp>, StoreError> {
        let mut select = sqlx::query(assembled(filter.text()))
            .bind(&*page.after)
            .bind(NEVER)
            .bind(page.rows());
        for condition in filter.conditions() {
            select = match condition {
                Condition::Text(_, value) => select.bind(value),
                Condition::Number(_, value) => select.bind(value),
            };
        }
        let rows = select.fetch_all(&self.reader).await?;
        let apps = rows.iter().map(read_owned).collect::<Result<_, _>>()?;
        let key = |owned: &OwnedApp| owned.app.key.as_str().to_owned();
        Ok(Listing::of(apps, page, key))
    }

    /// How many active apps were neither made nor used after `unused_since`, and how many have a secret of before
    /// `secret_since`; either up to `bound`.
    pub async fn stale_apps(
        &self,
        unused_since: UnixSeconds,
        secret_since: UnixSeconds,
        bound: u32,
    ) -> Result<StaleApps, StoreError> {
        Ok(StaleApps {
            unused: self.count_up_to(UNUSED, unused_since, bound).await?,
            old_secrets: self.count_up_to(OLD_SECRETS, secret_since, bound).await?,
        })
    }

    async fn count_up_to(
        &self,
        text: &'static str,
        since: UnixSeconds,
        bound: u32,
    ) -> Result<Counted, StoreError> {
        let bound = i64::from(bound);
        let row = sqlx::query(text)
            .bind(since.0)
            .bind(bound.saturating_add(1))
            .fetch_one(&self.reader)
            .await?;
        let apps: i64 = row.try_get("apps")?;
        Ok(if apps > bound {
            Counted::MoreThan(bound)
        } else {
            Counted::Exactly(apps)
        })
    }
}

impl AppFilter {
    /// The statement of a page: of the keys after `$1`, and at most `$3`.
    pub(super) fn text(&self) -> String {
        let conditions = self.conditions();
        let mut wanted = "app_key > $1".to_owned();
        for (number, condition) in (4..).zip(&conditions) {
            let (Condition::Text(text, _) | Condition::Number(text, _)) = condition;
            wanted.push_str(" AND ");
            wanted.push_str(&text.replace('#', &format!("${number}")));
        }
        if self.owner.is_some() || conditions.is_empty() {
            // Within one statement for both the apps of other owners would be read and left out.
            format!("{SELECT} WHERE {wanted} ORDER BY app_key LIMIT $3")
        } else {
            // Whether an app is wanted stands in an index that has no more than that: of those that are not, of
            // which there may be many in a row, no other column is read.
            format!(
                "{SELECT} WHERE a.app_key IN \
                 (SELECT app_key FROM apps WHERE {wanted} ORDER BY app_key LIMIT $3) ORDER BY a.app_key"
            )
        }
    }

    fn conditions(&self) -> Vec<Condition> {
        let owner = self.owner.as_ref().map(|owner| owner.as_str().to_owned());
        let status = self.status.map(|status| status.name().to_owned());
        let unused = self.unused_since.map(|instant| instant.0);
        let secret = self.secret_since.map(|instant| instant.0);
        // An app that has never been used was last used at 0.
        let unused_text = "last_used_at <= # AND created_at <= #";
        let secret_text = "secret_since > 0 AND secret_since <= #";
        let conditions = [
            owner.map(|owner| Condition::Text("owner_id = #", owner)),
            status.map(|status| Condition::Text("status = #", status)),
            unused.map(|since| Condition::Number(unused_text, since)),
            secret.map(|since| Condition::Number(secret_text, since)),
        ];
        conditions.into_iter().flatten().collect()
    }
}
