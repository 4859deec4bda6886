//! Whom a change would concern, counted before it is made.

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};

use super::grants::NOT_REVOKED;
use super::statement::assembled;
use super::{Change, Store, StoreError, columns};
use crate::clock::UnixSeconds;
use crate::identity::{App, AppKey, GrantId, RoleName, ScopeName, UserId};

/// So many grants are counted, and of each where everybody is concerned: of more, the exact number would tell nobody
/// more, and takes long to find.
pub const MAX_COUNTED: i64 = 10_000;

/// Whom it concerns that a user, an app or a role loses something. Access tokens are not counted: nothing
/// is kept of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    pub users: i64,
    /// Whether there may be more users: those of grants that were not counted.
    pub has_more_users: bool,
    pub apps: i64,
    /// How many grants rest on it that can still be extended; at most [`MAX_COUNTED`].
    pub grants: i64,
    /// Whether there are more.
    pub has_more_grants: bool,
    /// How many sessions of browsers end.
    pub sessions: i64,
}

/// Whom a scope concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeReach {
    /// The roles that have it, in the order of their names.
    pub roles: Vec<RoleName>,
    /// How many users have one of them.
    pub users: i64,
    /// How many apps have it in their list.
    pub apps: i64,
    /// How many apps that follow their owner may have it, because the owner does.
    pub followers: i64,
}

/// What is counted, as queries about `$1`.
pub(super) struct Counted {
    /// The ids of users.
    users: &'static str,
    /// The keys of apps.
    apps: &'static str,
    /// Unused refresh tokens `t`, of which a grant has one. None is in two of these: leaving out what is there twice
    /// would take longer than finding it.
    grants: &'static [Tokens],
    /// Whether everybody with such a grant is concerned as well.
    counts_holders: bool,
    /// Whether the sessions of the user end, who is `$1` then.
    ends_sessions: bool,
}

/// Refresh tokens `t`, with their users `u` and apps `a`.
struct Tokens {
    tables: &'static str,
    which: &'static str,
}

impl Tokens {
    /// Those for which a condition holds.
    const fn that(which: &'static str) -> Self {
        let tables = "refresh_tokens t JOIN users u ON u.id = t.user_id \
                      LEFT JOIN apps a ON a.app_key = t.app_key";
        Self { tables, which }
    }
}

pub(super) const OF_USER: Counted = Counted {
    users: "SELECT id FROM users WHERE id = $1",
    apps: "SELECT app_key FROM apps WHERE owner_id = $1",
    grants: &[
        Tokens::that("t.user_id = $1"),
        Tokens::that(
            "t.app_key IN (SELECT app_key FROM apps WHERE owner_id = $1) AND t.user_id <> $1",
        ),
    ],
    counts_holders: true,
    ends_sessions: true,
};

pub(super) const OF_APP: Counted = Counted {
    users: "SELECT owner_id FROM apps WHERE app_key = $1",
    apps: "SELECT app_key FROM apps WHERE app_key = $1",
    grants: &[Tokens::that("t.app_key = $1")],
    counts_holders: true,
    ends_sessions: false,
};

/// Their sessions go on, with what is left.
pub(super) const OF_ROLE: Counted = Counted {
    users: "SELECT user_id FROM user_roles WHERE role = $1",
    apps: "SELECT o.app_key FROM apps o JOIN user_roles r ON r.user_id = o.owner_id WHERE r.role = $1",
    grants: &[
        // `SQLite` takes tables that are joined so in their order: from the users of the role, few or many, to
        // their tokens. Every token has a key, if an empty one: by it unused ones are found in their own index, without
        // a look at the many that were used.
        Tokens {
            tables: "user_roles r CROSS JOIN users u CROSS JOIN refresh_tokens t \
                     LEFT JOIN apps a ON a.app_key = t.app_key",
            which: "r.role = $1 AND u.id = r.user_id AND t.user_id = u.id AND t.app_key >= ''",
        },
        // Of their apps, what others use who do not have the role. First comes what is known without looking
        // further: most tokens are of the owner.
        Tokens {
            tables: "user_roles r CROSS JOIN apps a CROSS JOIN refresh_tokens t CROSS JOIN users u",
            which: "r.role = $1 AND a.owner_id = r.user_id AND t.app_key = a.app_key \
                    AND t.user_id <> a.owner_id AND NOT EXISTS (SELECT 1 FROM user_roles m \
                    WHERE m.user_id = t.user_id AND m.role = $1) AND u.id = t.user_id",
        },
    ],
    counts_holders: false,
    ends_sessions: false,
};

/// Whose tokens end while the user stays, and its apps keep theirs.
pub(super) const OF_REVOKED_USER: Counted = Counted {
    users: "SELECT id FROM users WHERE id = $1",
    apps: "SELECT app_key FROM apps WHERE app_key = '' AND owner_id = $1",
    grants: &[Tokens::that("t.user_id = $1")],
    counts_holders: false,
    ends_sessions: true,
};

/// A grant by its id: with its user and its app.
pub(super) const OF_GRANT: Counted = Counted {
    users: "SELECT DISTINCT user_id FROM refresh_tokens WHERE family = $1",
    apps: "SELECT DISTINCT app_key FROM refresh_tokens WHERE family = $1 AND app_key <> ''",
    grants: &[Tokens::that("t.family = $1")],
    counts_holders: false,
    ends_sessions: false,
};

/// What is everybody's, each up to `$2`; `$1` is the present. Unused tokens are found in their own index, which the
/// condition on the key allows; the signs keep `SQLite` from one in which the used ones come first.
pub(super) fn of_everyone_text() -> String {
    let not_revoked = NOT_REVOKED.replace("t.position", "+t.position");
    format!(
        "SELECT (SELECT COUNT(*) FROM (SELECT id FROM users LIMIT $2) AS some_users) AS users, \
         (SELECT COUNT(*) FROM (SELECT app_key FROM apps LIMIT $2) AS some_apps) AS apps, \
         (SELECT COUNT(*) FROM (SELECT t.family FROM refresh_tokens t JOIN users u ON u.id = t.user_id \
         LEFT JOIN apps a ON a.app_key = t.app_key WHERE t.used_at = 0 AND t.app_key >= '' \
         AND +t.expires_at > $1 AND {not_revoked} LIMIT $2) AS some_grants) AS grants, \
         (SELECT COUNT(*) FROM (SELECT s.digest FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE s.expires_at > $1 AND s.position >= u.revoked_through \
         AND s.position >= (SELECT everyone_through FROM revocation_head) LIMIT $2) AS some_sessions) AS sessions"
    )
}

impl Counted {
    /// One row with all numbers; `$2` is the present, and `$3` how many grants are counted.
    pub(super) fn text(&self) -> String {
        let live = |Tokens { tables, which }: &Tokens| {
            format!(
                "SELECT t.family, t.user_id FROM {tables} WHERE {which} AND t.used_at = 0 AND t.expires_at > $2 AND {NOT_REVOKED}"
            )
        };
        let live: Vec<String> = self.grants.iter().map(live).collect();
        let Self { users, apps, .. } = self;
        let everybody = if self.counts_holders {
            format!("{users} UNION SELECT user_id FROM live")
        } else {
            (*users).to_owned()
        };
        let sessions = if self.ends_sessions {
            "(SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.user_id = $1 \
             AND s.expires_at > $2 AND s.position >= u.revoked_through \
             AND s.position >= (SELECT everyone_through FROM revocation_head))"
        } else {
            "CAST(0 AS BIGINT)"
        };
        format!(
            "WITH live AS (SELECT family, user_id FROM ({}) AS found LIMIT $3) SELECT (SELECT COUNT(*) FROM ({everybody}) AS everybody) AS users, \
             (SELECT COUNT(*) FROM ({apps}) AS theirs) AS apps, \
             (SELECT COUNT(*) FROM live) AS grants, {sessions} AS sessions",
            live.join(" UNION ALL ")
        )
    }

    async fn count(
        &self,
        database: impl Executor<'_, Database = Any>,
        name: &str,
        now: UnixSeconds,
    ) -> Result<Reach, StoreError> {
        let row = sqlx::query(assembled(self.text()))
            .bind(name)
            .bind(now.0)
            .bind(MAX_COUNTED + 1)
            .fetch_one(database)
            .await?;
        read(&row, self.counts_holders)
    }
}

fn read(row: &AnyRow, counts_holders: bool) -> Result<Reach, StoreError> {
    let grants: i64 = row.try_get("grants")?;
    let has_more_grants = grants > MAX_COUNTED;
    Ok(Reach {
        users: row.try_get("users")?,
        has_more_users: has_more_grants && counts_holders,
        apps: row.try_get("apps")?,
        grants: grants.min(MAX_COUNTED),
        has_more_grants,
        sessions: row.try_get("sessions")?,
    })
}

impl Change {
    /// Whether an app has grants, or has got tokens without any.
    pub async fn is_app_in_use(&mut self, app: &App) -> Result<bool, StoreError> {
        if app.last_used_at.is_some() {
            return Ok(true);
        }
        let (key, now) = (app.key.as_str(), self.now);
        let reach = OF_APP.count(&mut *self.transaction, key, now).await?;
        Ok(reach.grants > 0)
    }
}

impl Store {
    /// Whom it concerns that a user is disabled or deleted, or loses something.
    pub async fn reach_of_user(&self, id: &UserId, now: UnixSeconds) -> Result<Reach, StoreError> {
        OF_USER.count(&self.reader, id.as_str(), now).await
    }

    /// Whom it concerns that an app is disabled or deleted, or loses something.
    pub async fn reach_of_app(&self, key: &AppKey, now: UnixSeconds) -> Result<Reach, StoreError> {
        OF_APP.count(&self.reader, key.as_str(), now).await
    }

    /// Whom it concerns that a role loses something: those who have it, and their apps.
    pub async fn reach_of_role(
        &self,
        role: &RoleName,
        now: UnixSeconds,
    ) -> Result<Reach, StoreError> {
        OF_ROLE.count(&self.reader, role.as_str(), now).await
    }

    /// Whom it concerns that the tokens of a user are revoked, and nothing else.
    pub async fn reach_of_revoked_user(
        &self,
        id: &UserId,
        now: UnixSeconds,
    ) -> Result<Reach, StoreError> {
        OF_REVOKED_USER.count(&self.reader, id.as_str(), now).await
    }

    /// Whom it concerns that a grant ends; nobody where there is none.
    pub async fn reach_of_grant(
        &self,
        grant: &GrantId,
        now: UnixSeconds,
    ) -> Result<Reach, StoreError> {
        OF_GRANT.count(&self.reader, grant.as_str(), now).await
    }

    /// What is everybody's, up to [`MAX_COUNTED`] of each.
    pub async fn reach_of_everyone(&self, now: UnixSeconds) -> Result<Reach, StoreError> {
        let row = sqlx::query(assembled(of_everyone_text()))
            .bind(now.0)
            .bind(MAX_COUNTED)
            .fetch_one(&self.reader)
            .await?;
        read(&row, false)
    }

    /// Whom a scope concerns.
    pub async fn reach_of_scope(&self, scope: &ScopeName) -> Result<ScopeReach, StoreError> {
        let roles = sqlx::query("SELECT role FROM role_scopes WHERE scope = $1 ORDER BY role")
            .bind(scope.as_str())
            .fetch_all(&self.reader)
            .await?;
        let text = "SELECT (SELECT COUNT(DISTINCT r.user_id) FROM user_roles r \
                    JOIN role_scopes s ON s.role = r.role WHERE s.scope = $1) AS users, \
                    (SELECT COUNT(*) FROM app_scopes WHERE scope = $1) AS apps, \
                    (SELECT COUNT(DISTINCT o.app_key) FROM role_scopes s \
                    JOIN user_roles r ON r.role = s.role JOIN apps o ON o.owner_id = r.user_id \
                    WHERE s.scope = $1 AND o.follows_owner = 1 AND $2 = 0) AS followers";
        let row = sqlx::query(text)
            .bind(scope.as_str())
            // Apps have the issuer's own scopes by a list alone.
            .bind(i64::from(scope.is_own()))
            .fetch_one(&self.reader)
            .await?;
        Ok(ScopeReach {
            roles: roles
                .iter()
                .map(|row| columns::role(row, "role"))
                .collect::<Result<_, _>>()?,
            users: row.try_get("users")?,
            apps: row.try_get("apps")?,
            followers: row.try_get("followers")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;
    use crate::store::StoreLocation;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    /// One user with a role and an app, and with so many grants to it.
    async fn with_grants(count: i64) -> [Reach; 3] {
        let folder = tempfile::tempdir().unwrap();
        let place = StoreLocation::parse("sqlite:reach.db", folder.path()).unwrap();
        let store = Store::open(&place).await.unwrap();
        for text in [
            "INSERT INTO users (id, username, folded_username, email, folded_email, status, password_hash, created_at) \
             VALUES ('u', 'u', 'u', 'e', 'e', 'active', '*', 1)",
            "INSERT INTO roles (name) VALUES ('clerk')",
            "INSERT INTO user_roles (user_id, role) VALUES ('u', 'clerk')",
            "INSERT INTO apps (app_key, owner_id, name, redirect_uris, status, created_at) \
             VALUES ('a', 'u', 'a', '', 'active', 1)",
        ] {
            sqlx::query(text).execute(&store.writer).await.unwrap();
        }
        let text = "INSERT INTO refresh_tokens \
                    (digest, family, user_id, app_key, scopes, created_at, expires_at, used_at, successor) \
                    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) \
                    SELECT 'd' || n, 'f' || n, 'u', 'a', '', 1, $2, 0, '' FROM numbers";
        sqlx::query(text)
            .bind(count)
            .bind(NOW.0 + 1)
            .execute(&store.writer)
            .await
            .unwrap();
        let (user, app) = (UserId::known("u"), AppKey::known("a"));
        let reached = [
            store.reach_of_user(&user, NOW).await.unwrap(),
            store.reach_of_app(&app, NOW).await.unwrap(),
            store
                .reach_of_role(&RoleName::parse("clerk").unwrap(), NOW)
                .await
                .unwrap(),
        ];
        store.close().await;
        reached
    }

    #[tokio::test]
    async fn many_grants_are_counted_up_to_a_bound() {
        let all = Reach {
            users: 1,
            apps: 1,
            grants: MAX_COUNTED,
            ..Reach::default()
        };
        assert_eq!(with_grants(MAX_COUNTED).await, [all; 3]);
        let more = Reach {
            has_more_grants: true,
            ..all
        };
        let with_others = Reach {
            has_more_users: true,
            ..more
        };
        // Whoever has a role is known without the grants.
        let expected = [with_others, with_others, more];
        assert_eq!(with_grants(MAX_COUNTED + 1).await, expected);
    }
}
