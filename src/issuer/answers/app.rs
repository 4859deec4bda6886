//! Apps and their secrets in JSON.

use serde::Serialize;

use super::names;
use crate::identity::{App, AppLink, AppStatus, PlainSecret, RedirectUri, ScopesFrom};
use crate::issuer::directory::AppChange;
use crate::store::{LiveSecret, OwnedApp, Reach};

#[derive(Serialize)]
pub struct AppAnswer<'a> {
    id: &'a str,
    app_key: &'a str,
    /// Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    app_secret: Option<&'a str>,
    name: &'a str,
    description: &'a str,
    link: Option<&'a str>,
    /// A username; only for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    redirect_uris: Vec<&'a str>,
    scopes: Vec<&'a str>,
    follows_owner: bool,
    status: &'static str,
    /// Who can enable it again; only of an app that is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_by: Option<&'static str>,
    created_at: i64,
    /// The minute in which it last got a token; null where that is not known.
    last_used_at: Option<i64>,
    /// Only in the answer to a change, like the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    added_scopes: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_scopes: Option<Vec<&'a str>>,
    /// Whether the change has ended its secrets; only where it has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secrets_ended: bool,
    /// Where the change has revoked something: gates that know the revocation log up to here refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    /// Only where one app is asked for, like the next two: those that are accepted, the latest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Vec<SecretAnswer<'a>>>,
    /// Its owner, and whoever has given it access.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<i64>,
    /// Whether there are more than are counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_more_grants: bool,
}

/// A secret of an app, by which its owner tells which one it is.
#[derive(Serialize)]
struct SecretAnswer<'a> {
    /// Null where it was made before that was kept.
    ends_with: Option<&'a str>,
    created_at: i64,
    /// Null for the latest one.
    expires_at: Option<i64>,
}

impl<'a> AppAnswer<'a> {
    /// What its owner is told of an app.
    pub fn of(app: &'a App) -> Self {
        Self {
            id: app.key.as_str(),
            app_key: app.key.as_str(),
            app_secret: None,
            name: app.name.as_str(),
            description: app.description.as_str(),
            link: app.link.as_ref().map(AppLink::as_str),
            owner: None,
            redirect_uris: app.redirect_uris.iter().map(RedirectUri::as_str).collect(),
            scopes: names(&app.scopes),
            follows_owner: app.scopes_from == ScopesFrom::Owner,
            status: app.status.status().name(),
            disabled_by: match app.status {
                AppStatus::Active => None,
                AppStatus::DisabledByOwner => Some("owner"),
                AppStatus::Disabled => Some("administrator"),
            },
            created_at: app.created_at.0,
            last_used_at: app.last_used_at.map(|instant| instant.0),
            added_scopes: None,
            removed_scopes: None,
            secrets_ended: false,
            position: None,
            secrets: None,
            users: None,
            grants: None,
            has_more_grants: false,
        }
    }

    /// With what is told of its secrets.
    #[must_use]
    pub fn with_secrets(self, secrets: &'a [LiveSecret]) -> Self {
        Self {
            secrets: Some(secrets.iter().map(SecretAnswer::of).collect()),
            ..self
        }
    }

    /// With whom it concerns that the app loses something.
    #[must_use]
    pub fn with_reach(self, reach: Reach) -> Self {
        Self {
            users: Some(reach.users),
            grants: Some(reach.grants),
            has_more_grants: reach.has_more_grants,
            ..self
        }
    }

    /// With what a change has given it and taken from it.
    #[must_use]
    pub fn with_change(self, change: &'a AppChange) -> Self {
        Self {
            added_scopes: Some(names(&change.added)),
            removed_scopes: Some(names(&change.removed)),
            secrets_ended: change.secrets_ended,
            position: change.position.map(|position| position.0),
            ..self
        }
    }

    /// What administrators are told of an app.
    pub fn of_owned(owned: &'a OwnedApp) -> Self {
        Self {
            owner: Some(owned.owner.as_str()),
            ..Self::of(&owned.app)
        }
    }

    /// With a secret that was just made.
    #[must_use]
    pub fn with_secret(self, secret: &'a PlainSecret) -> Self {
        Self {
            app_secret: Some(secret.reveal()),
            ..self
        }
    }
}

impl<'a> SecretAnswer<'a> {
    fn of(secret: &'a LiveSecret) -> Self {
        Self {
            ends_with: secret.ends_with.shown(),
            created_at: secret.created_at.0,
            expires_at: secret.expires_at.map(|instant| instant.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::UnixSeconds;
    use crate::identity::{AppDescription, AppKey, AppName, ScopeSet, SecretEnd, UserId, Username};
    use crate::token::LogPosition;

    fn shown(answer: &impl Serialize) -> Value {
        serde_json::to_value(answer).unwrap()
    }

    fn app() -> OwnedApp {
        let app = App {
            key: AppKey::known("k1"),
            name: AppName::parse("web-shop").unwrap(),
            description: AppDescription::default(),
            link: None,
            owner: UserId::known("u1"),
            redirect_uris: vec![RedirectUri::parse("https://a.example/back").unwrap()],
            scopes: ScopeSet::parse("b a").unwrap(),
            scopes_from: ScopesFrom::Owner,
            status: AppStatus::Active,
            created_at: UnixSeconds(7),
            revoked_through: LogPosition(3),
            last_used_at: None,
            secret_since: None,
        };
        let owner = Username::parse("alice").unwrap();
        OwnedApp { app, owner }
    }

    #[test]
    fn only_administrators_see_owners_and_only_who_made_it_a_secret() {
        let owned = app();
        let expected = json!({
            "id": "k1", "app_key": "k1", "name": "web-shop", "description": "", "link": null,
            "redirect_uris": ["https://a.example/back"], "scopes": ["a", "b"],
            "follows_owner": true, "status": "active", "created_at": 7, "last_used_at": null,
        });
        assert_eq!(shown(&AppAnswer::of(&owned.app)), expected);
        let administrators = shown(&AppAnswer::of_owned(&owned));
        assert_eq!(administrators["owner"], "alice");
        assert_eq!(administrators.get("app_secret"), None);
        let secret = PlainSecret::claimed("s");
        let made = shown(&AppAnswer::of(&owned.app).with_secret(&secret));
        assert_eq!(made["app_secret"], "s");
        assert_eq!(made.get("owner"), None);
    }

    #[test]
    fn of_a_secret_its_end_is_told_and_how_long_it_is_accepted() {
        let secret = |end, expires_at| LiveSecret {
            digest: PlainSecret::claimed("s").digest(),
            ends_with: SecretEnd::known(end),
            created_at: UnixSeconds(7),
            expires_at,
        };
        let secrets = [secret("qV9D", None), secret("", Some(UnixSeconds(9)))];
        let owned = app();
        let answer = shown(&AppAnswer::of(&owned.app).with_secrets(&secrets));
        let expected = json!([
            {"ends_with": "qV9D", "created_at": 7, "expires_at": null},
            {"ends_with": null, "created_at": 7, "expires_at": 9},
        ]);
        assert_eq!(answer["secrets"], expected);
    }
}
