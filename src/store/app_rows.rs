//! What a row of the table of apps holds.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::StoreError;
use super::columns::{position, scopes, status};
use crate::clock::UnixSeconds;
use crate::identity::{
    App, AppDescription, AppKey, AppLink, AppName, AppStatus, RedirectUri, ScopesFrom, Status,
    UserId,
};

pub(super) const SELECT: &str = "\
    SELECT a.app_key, a.owner_id, a.name, a.redirect_uris, a.status, a.created_at, \
    a.revoked_through, a.last_used_at, (SELECT position FROM revocation_head) AS as_of, \
    a.follows_owner, a.disabled_by_owner, a.description, a.link, a.secret_since, COALESCE(CASE WHEN a.follows_owner = 1 \
      THEN (SELECT string_agg(s.scope, ' ') FROM user_roles r JOIN role_scopes s ON s.role = r.role \
        WHERE r.user_id = a.owner_id AND substr(s.scope, 1, 8) <> 'backend.' \
        AND substr(s.scope, 1, 9) <> 'consumer.') \
      ELSE (SELECT string_agg(s.scope, ' ') FROM app_scopes s WHERE s.app_key = a.app_key) \
      END, '') AS scopes, \
    COALESCE((SELECT string_agg(x.digest, ' ') FROM app_secrets x WHERE x.app_key = a.app_key \
      AND x.expires_at > $2), '') AS digests, \
    (SELECT u.username FROM users u WHERE u.id = a.owner_id) AS owner \
    FROM apps a";

/// When a secret ends that is not being replaced.
pub(super) const NEVER: i64 = i64::MAX;

pub(super) fn read(row: &AnyRow) -> Result<App, StoreError> {
    let uris: &str = row.try_get("redirect_uris")?;
    let uris = uris.split(' ').filter(|uri| !uri.is_empty());
    let created_at = UnixSeconds(row.try_get("created_at")?);
    Ok(App {
        key: AppKey::known(row.try_get("app_key")?),
        name: AppName::known(row.try_get("name")?),
        description: AppDescription::known(row.try_get("description")?),
        link: match row.try_get("link")? {
            "" => None,
            // As for redirect URIs: without what an earlier release took for one.
            link => AppLink::parse(link).ok(),
        },
        owner: UserId::known(row.try_get("owner_id")?),
        // Without what an earlier release took for one: browsers read it in more than one way.
        redirect_uris: uris
            .filter_map(|uri| RedirectUri::parse(uri).ok())
            .collect(),
        scopes: scopes(row, "scopes")?,
        scopes_from: match row.try_get("follows_owner")? {
            0_i64 => ScopesFrom::List,
            _ => ScopesFrom::Owner,
        },
        status: match (status(row, "status")?, row.try_get("disabled_by_owner")?) {
            (Status::Active, _) => AppStatus::Active,
            (Status::Disabled, 0_i64) => AppStatus::Disabled,
            (Status::Disabled, _) => AppStatus::DisabledByOwner,
        },
        created_at,
        revoked_through: position(row, "revoked_through")?,
        last_used_at: match row.try_get("last_used_at")? {
            0 => None,
            // It is known to the minute, and the app may have been made within it.
            at => Some(UnixSeconds(at).max(created_at)),
        },
        secret_since: match row.try_get("secret_since")? {
            0 => None,
            at => Some(UnixSeconds(at)),
        },
    })
}
