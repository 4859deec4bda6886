//! Apps: who changes them, and when their tokens end.

use serde::Deserialize;

use super::app_hands::owner_of;
use super::audit::{Object, app_changes, app_parts, updated};
use super::list_update::ListUpdate;
use super::{
    Directory, DirectoryError, FreshDirectory, InUse, Thing, WhenUsed, check_count,
    existing_scopes, free,
};
use crate::identity::{
    App, AppDescription, AppKey, AppLink, AppName, AppStatus, PlainSecret, RedirectUri, ScopeName,
    ScopeSet, ScopesFrom, Status, User,
};
use crate::issuer::random;
use crate::store::{Change, Holder, OwnedApp, Reach};
use crate::token::LogPosition;
use crate::yaml::present;

/// The most apps that a user can have.
pub const MAX_APPS: u8 = 16;
pub(super) const MAX_REDIRECT_URIS: usize = 16;

/// An app that is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    pub name: String,
    /// What it is, for people.
    #[serde(default)]
    pub description: String,
    /// Where more is said of it; empty for none.
    #[serde(default)]
    pub link: String,
    /// Where browsers may be sent.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// At most these are granted. Without them it follows its owner: it may have what that has at the
    /// time, but not what opens the issuer itself. If the caller has less, it gets what that has.
    #[serde(default, deserialize_with = "present")]
    pub scopes: Option<Vec<String>>,
}

/// What is to change of an app; what is absent stays.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppUpdate {
    #[serde(deserialize_with = "present")]
    pub name: Option<String>,
    #[serde(deserialize_with = "present")]
    pub description: Option<String>,
    /// Empty for none.
    #[serde(deserialize_with = "present")]
    pub link: Option<String>,
    /// All redirect URIs that it is to have.
    #[serde(deserialize_with = "present")]
    pub redirect_uris: Option<Vec<String>>,
    /// All scopes that it is to have, as a list of its own.
    #[serde(deserialize_with = "present")]
    pub scopes: Option<Vec<String>>,
    /// Scopes that its list is to have as well; if it has none, this begins with what it has now.
    #[serde(deserialize_with = "present")]
    pub add_scopes: Option<Vec<String>>,
    /// Scopes that its list loses, likewise.
    #[serde(deserialize_with = "present")]
    pub remove_scopes: Option<Vec<String>>,
    /// `true`: it has no list, and follows its owner. `false`: what it has now is its list.
    #[serde(deserialize_with = "present")]
    pub follows_owner: Option<bool>,
    /// `active` or `disabled`.
    #[serde(deserialize_with = "present")]
    pub status: Option<String>,
}

/// What became of an app.
pub struct AppChange {
    /// As it is now.
    pub app: OwnedApp,
    /// The scopes that it did not have before.
    pub added: ScopeSet,
    /// The scopes that it had before.
    pub removed: ScopeSet,
    /// Whether its secrets have ended with the change.
    pub secrets_ended: bool,
    /// From which position of the revocation log on gates refuse what has ended; none where nothing has.
    pub position: Option<LogPosition>,
}

/// A secret that was made: this is the one time that it is seen.
pub struct NewSecret {
    pub app: OwnedApp,
    pub secret: PlainSecret,
}

/// Whose apps the caller deals with.
#[derive(Clone, Copy)]
pub enum AppsOf<'a> {
    /// Its own user's, and knows of no others.
    User(&'a User),
    Everybody,
}

impl Directory<'_> {
    /// The app with this key.
    pub async fn app(&self, key: &str, of: AppsOf<'_>) -> Result<OwnedApp, DirectoryError> {
        of.known(self.store.owned_app(&AppKey::known(key)).await?)
    }

    /// An app, and whom it concerns that it loses something.
    pub async fn app_with_reach(
        &self,
        key: &str,
        of: AppsOf<'_>,
    ) -> Result<(OwnedApp, Reach), DirectoryError> {
        let owned = self.app(key, of).await?;
        let reach = self.store.reach_of_app(&owned.app.key, self.now).await?;
        Ok((owned, reach))
    }

    /// Changes an app. Its tokens end if it is disabled or has less than before. What gives it more takes a fresh
    /// login: whoever has stolen a token, and perhaps the secret of an app that its owner has stopped, would be
    /// back in by it. What gives it scopes of the issuer's own ends its secrets, which others may have.
    pub async fn update_app(
        &self,
        key: &str,
        of: AppsOf<'_>,
        wanted: &AppUpdate,
    ) -> Result<AppChange, DirectoryError> {
        let is_disabled = wanted.status.as_deref() == Some(Status::Disabled.name());
        let (mut change, actor) = if is_disabled {
            self.change_taking_back().await?
        } else {
            self.change_with_actor().await?
        };
        let (OwnedApp { app: before, owner }, its_owner) =
            self.app_in_hand(&mut change, &actor, key, of).await?;
        let mut app = before.clone();
        if let Some(name) = &wanted.name {
            let name = AppName::parse(name)?;
            // One of an earlier release stays as it is where nobody has changed it.
            if !name.is_same_text(&before.name) {
                app.name = name;
            }
        }
        if let Some(description) = &wanted.description {
            app.description = AppDescription::parse(description)?;
        }
        if let Some(text) = &wanted.link {
            app.link = link(text)?;
        }
        if let Some(uris) = &wanted.redirect_uris {
            app.redirect_uris = redirect_uris(uris)?;
        }
        if let Some(status) = &wanted.status {
            app.status = of.set_status(before.status, Status::parse(status)?)?;
        }
        let scopes = wanted_scopes(&mut change, &before, wanted).await?;
        let (scopes, follows) = (scopes, wanted.follows_owner);
        self.set_scopes(&mut app, scopes, follows, (&its_owner, &actor), of)?;
        self.may_change(&before, &app, &its_owner, of)?;
        free(change.update_app(&app).await?, Thing::App)?;
        of.charge(&mut change);
        let (object, mut changes) = (Object::App(&app.key), app_changes(&before, &app));
        let secrets_ended = !app.scopes.without(&before.scopes).own().is_empty();
        if secrets_ended {
            // Whoever has made, or taken, a secret of the app may have less than this.
            change.end_secrets(&app.key).await?;
            changes.push("secrets ended".to_owned());
        }
        let action = updated(&changes);
        let position = self.commit_at(change, object, action, &changes).await?;
        Ok(AppChange {
            secrets_ended,
            position,
            added: app.scopes.without(&before.scopes),
            removed: before.scopes.without(&app.scopes),
            app: OwnedApp { app, owner },
        })
    }

    /// Deletes an app; its tokens end.
    pub async fn delete_app(
        &self,
        key: &str,
        of: AppsOf<'_>,
        when_used: WhenUsed,
    ) -> Result<(), DirectoryError> {
        let (mut change, actor) = self.change_taking_back().await?;
        let (OwnedApp { app, .. }, _) = self.app_in_hand(&mut change, &actor, key, of).await?;
        if when_used == WhenUsed::Refuse && change.is_app_in_use(&app).await? {
            // Nobody waits while it is counted what is told.
            drop(change);
            let reach = self.store.reach_of_app(&app.key, self.now).await?;
            return Err(DirectoryError::InUse(InUse::app(&app, reach)));
        }
        change.delete_app(&app.key).await?;
        of.charge(&mut change);
        let (object, parts) = (Object::App(&app.key), app_parts(&app));
        self.commit(change, object, "deleted", &parts).await
    }
}

impl FreshDirectory<'_> {
    /// Adds an app of `owner`. It gets no more than the caller has: an app that may make apps must
    /// not get by them what it was not granted.
    pub async fn add_app(
        &self,
        owner: &User,
        wanted: &NewApp,
    ) -> Result<NewSecret, DirectoryError> {
        let (mut change, actor) = self.change_with_actor().await?;
        // As it is within the change: a role may have gone since the token was looked at.
        let owner = owner_of(&mut change, &owner.id).await?;
        let (scopes, scopes_from) = match &wanted.scopes {
            // What opens the issuer itself must be asked for by name.
            None if actor.follows(&owner) => (owner.scopes.without_own(), ScopesFrom::Owner),
            None => {
                let all = owner.scopes.without_own();
                (all.without(&self.authority.lacks(&all)), ScopesFrom::List)
            }
            Some(names) => (existing_scopes(&mut change, names).await?, ScopesFrom::List),
        };
        check_count(&scopes, &owner.scopes)?;
        self.within_owner(&scopes, &owner, AppsOf::User(&owner))?;
        let app = App {
            key: AppKey::from_random(random()?),
            name: AppName::parse(&wanted.name)?,
            description: AppDescription::parse(&wanted.description)?,
            link: link(&wanted.link)?,
            owner: owner.id.clone(),
            redirect_uris: redirect_uris(&wanted.redirect_uris)?,
            scopes,
            scopes_from,
            status: AppStatus::Active,
            created_at: self.now,
            revoked_through: LogPosition::default(),
            last_used_at: None,
            secret_since: Some(self.now),
        };
        // Counted within the change: of two calls at once only one takes the last place.
        if change.count_apps(&app.owner).await? >= i64::from(MAX_APPS) {
            return Err(DirectoryError::TooManyApps);
        }
        let secret = PlainSecret::from_random(random()?);
        free(change.add_app(&app, &secret.kept()).await?, Thing::App)?;
        change.mark_own();
        let (object, parts) = (Object::App(&app.key), app_parts(&app));
        self.commit(change, object, "added", &parts).await?;
        let owner = owner.username;
        Ok(NewSecret {
            app: OwnedApp { app, owner },
            secret,
        })
    }
}

impl AppUpdate {
    fn scope_update(&self) -> Result<ListUpdate<'_>, DirectoryError> {
        let (added, removed) = (self.add_scopes.as_ref(), self.remove_scopes.as_ref());
        ListUpdate::read("scopes", self.scopes.as_ref(), added, removed)
    }
}

impl AppsOf<'_> {
    /// What somebody does to its own apps is charged to it: it can make another one, and do it again.
    pub(super) fn charge(self, change: &mut Change) {
        match self {
            Self::User(user) => change.charge(Holder::user(&user.id)),
            Self::Everybody => {}
        }
    }

    /// The status that an app gets.
    fn set_status(self, before: AppStatus, wanted: Status) -> Result<AppStatus, DirectoryError> {
        match (self, before, wanted) {
            (Self::User(_), AppStatus::Disabled, Status::Active) => {
                Err(DirectoryError::DisabledByAdministrator)
            }
            (_, _, Status::Active) => Ok(AppStatus::Active),
            (Self::User(_), AppStatus::Active, Status::Disabled) => Ok(AppStatus::DisabledByOwner),
            // It stays as it is: an administrator's word is not taken over.
            (Self::User(_), disabled, Status::Disabled) => Ok(disabled),
            (Self::Everybody, _, Status::Disabled) => Ok(AppStatus::Disabled),
        }
    }

    /// The app, if the caller may know of it.
    pub(super) fn known(self, found: Option<OwnedApp>) -> Result<OwnedApp, DirectoryError> {
        let known = found.filter(|found| match self {
            Self::User(user) => user.id == found.app.owner,
            Self::Everybody => true,
        });
        known.ok_or(DirectoryError::NotFound(Thing::App))
    }
}

/// The list that an app is to have; none where nothing is said of it. What is taken from it must exist
/// as well: a misspelt name would take nothing.
async fn wanted_scopes(
    change: &mut Change,
    before: &App,
    wanted: &AppUpdate,
) -> Result<Option<ScopeSet>, DirectoryError> {
    let update = wanted.scope_update()?;
    let held = || before.scopes.iter().map(ScopeName::as_str);
    existing_scopes(change, update.removed()).await?;
    update.check_held(before.key.as_str(), Thing::Scope, held())?;
    match update.of(held()) {
        None => Ok(None),
        Some(names) => {
            let scopes = existing_scopes(change, &names).await?;
            check_count(&scopes, &before.scopes)?;
            Ok(Some(scopes))
        }
    }
}

fn link(text: &str) -> Result<Option<AppLink>, DirectoryError> {
    match text.trim() {
        "" => Ok(None),
        text => Ok(Some(AppLink::parse(text)?)),
    }
}

fn redirect_uris(texts: &[String]) -> Result<Vec<RedirectUri>, DirectoryError> {
    if texts.len() > MAX_REDIRECT_URIS {
        return Err(DirectoryError::TooManyRedirectUris);
    }
    let uris = texts.iter().map(|uri| RedirectUri::parse(uri));
    Ok(uris.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests;
