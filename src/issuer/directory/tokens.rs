//! Taking tokens back while users and apps stay what they are.

use serde::Deserialize;

use super::audit::{Object, ended};
use super::{AppsOf, Directory, DirectoryError, Named, Thing};
use crate::identity::{AppKey, GrantId, ScopeSet, UserId, Username};
use crate::store::{Change, Holder, Page, Reach};
use crate::token::{LogPosition, RevocationTarget};
use crate::yaml::present;

/// What is issued has 22 characters.
pub(super) const MAX_ID_BYTES: usize = 64;

/// So many of a user's grants end in one change.
const GRANTS_AT_ONCE: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhatToRevoke {
    /// By its username.
    User(String),
    /// By its key.
    App(String),
    /// By its id, as in `GET /consumer/grant` and the claim `sid`.
    Grant(String),
    /// By its id, the claim `jti`.
    Token(String),
    Everyone,
}

/// What the caller may revoke.
#[derive(Debug)]
pub struct Revocable {
    what: WhatToRevoke,
    /// Whether the store knows it. Ids that it does not know may be anybody's, and nobody's.
    pub is_known: bool,
    /// Of a user, whose it was when somebody decided about it.
    mark: Option<String>,
}

impl Revocable {
    /// The same where somebody has seen whose tokens they are: a user of another mark is refused. Apps, grants and
    /// tokens have ids that nothing gets twice.
    #[must_use]
    pub fn seen_as(self, mark: &str) -> Self {
        Self {
            mark: Some(mark.to_owned()),
            ..self
        }
    }
}

/// The same as it is written: exactly one of these.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationRequest {
    #[serde(deserialize_with = "present")]
    user: Option<String>,
    #[serde(deserialize_with = "present")]
    app: Option<String>,
    #[serde(deserialize_with = "present")]
    grant: Option<String>,
    #[serde(deserialize_with = "present")]
    token: Option<String>,
    /// `true`, or nothing.
    #[serde(deserialize_with = "present")]
    everyone: Option<bool>,
}

impl RevocationRequest {
    /// The names of what is asked for.
    pub const NAMES: [&str; 5] = ["user", "app", "grant", "token", "everyone"];

    /// The same as it is in a query: what is empty is not there, and `everyone` is `true`.
    pub fn of<'t>(text: impl Fn(&str) -> Option<&'t str>) -> Self {
        let given = |name| text(name).filter(|text| !text.is_empty());
        Self {
            user: given("user").map(str::to_owned),
            app: given("app").map(str::to_owned),
            grant: given("grant").map(str::to_owned),
            token: given("token").map(str::to_owned),
            everyone: given("everyone").map(|text| text == "true"),
        }
    }

    /// The one thing that is asked for.
    pub fn what(self) -> Result<WhatToRevoke, DirectoryError> {
        let everyone = match self.everyone {
            // `everyone: false` beside nothing else is a mistake, and not a way to say nothing: the
            // caller believes that something was revoked.
            Some(false) => return Err(DirectoryError::WhatToRevoke),
            Some(true) => Some(WhatToRevoke::Everyone),
            None => None,
        };
        let asked = [
            self.user.map(WhatToRevoke::User),
            self.app.map(WhatToRevoke::App),
            self.grant.map(WhatToRevoke::Grant),
            self.token.map(WhatToRevoke::Token),
            everyone,
        ];
        let mut asked = asked.into_iter().flatten();
        match (asked.next(), asked.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) | (None, _) => Err(DirectoryError::WhatToRevoke),
        }
    }
}

impl Directory<'_> {
    /// Ends a grant of this user, with all its tokens.
    pub async fn end_grant(&self, user: &UserId, grant: &str) -> Result<(), DirectoryError> {
        let (mut change, _) = self.change_taking_back().await?;
        let grant = GrantId::known(grant);
        if !change.has_grant(user, &grant).await? {
            return Err(DirectoryError::NotFound(Thing::Grant));
        }
        let target = RevocationTarget::from(&grant);
        change.charge(Holder::user(user));
        change.revoke(target.clone());
        let object = Object::Tokens(&target);
        self.commit(change, object, "revoked", &[]).await
    }

    /// What a request names, if the caller may end its tokens; looked at before anything is counted or charged.
    pub async fn revocable(&self, what: WhatToRevoke) -> Result<Revocable, DirectoryError> {
        let scopes = self.scopes_of(&what).await?;
        match (&what, &scopes) {
            (WhatToRevoke::Everyone, _) => self.authority.may_revoke_all()?,
            (_, Some(scopes)) => self.authority.may_revoke(scopes)?,
            (_, None) => {}
        }
        Ok(Revocable {
            is_known: scopes.is_some() || what == WhatToRevoke::Everyone,
            what,
            mark: None,
        })
    }

    /// What user, app or grant of this name have; none where the store does not know it, as it knows no single
    /// token.
    async fn scopes_of(&self, what: &WhatToRevoke) -> Result<Option<ScopeSet>, DirectoryError> {
        Ok(match what {
            WhatToRevoke::User(name) => Some(self.user(name).await?.scopes),
            WhatToRevoke::App(key) => {
                let key = plain_id(key.clone());
                let key = key.map_err(|_| DirectoryError::NotFound(Thing::App))?;
                Some(self.app(&key, AppsOf::Everybody).await?.app.scopes)
            }
            WhatToRevoke::Grant(id) => {
                let grant = GrantId::known(&plain_id(id.clone())?);
                self.store.grant_scopes(&grant).await?
            }
            WhatToRevoke::Token(id) => {
                plain_id(id.clone())?;
                None
            }
            WhatToRevoke::Everyone => None,
        })
    }

    /// Ends tokens. Grants and single tokens need not be known: what is listed refuses. Rows for those are
    /// charged to whoever revokes them, who could fill the list by ids that nothing has. Gates that know the log up
    /// to the position that it gives back refuse them.
    pub async fn revoke(&self, revocable: Revocable) -> Result<LogPosition, DirectoryError> {
        let Revocable { what, mark, .. } = revocable;
        // Before the change begins, for which others would have to wait. It is for the audit alone: a store that
        // cannot count in time keeps no token alive.
        let reach = match self.reach_of_revocation(&what).await {
            Err(DirectoryError::Store(_)) => Reach::default(),
            counted => counted?,
        };
        let mut change = self.change().await?;
        let target = self.target(&mut change, what, mark.as_deref()).await?;
        change.revoke(target.clone());
        let (object, ended) = (Object::Tokens(&target), ended(reach));
        let position = self.commit_at(change, object, "revoked", &ended).await?;
        // There is one: something was revoked.
        Ok(position.unwrap_or_default())
    }

    /// What is revoked, if the caller may do that by now: it may have become an administrator's since it was looked
    /// at.
    async fn target(
        &self,
        change: &mut Change,
        what: WhatToRevoke,
        mark: Option<&str>,
    ) -> Result<RevocationTarget, DirectoryError> {
        Ok(match what {
            WhatToRevoke::User(name) => {
                let user = match Username::parse(&name) {
                    Ok(username) => change.user_named(&username).await?,
                    Err(_) => None,
                };
                let user = user.ok_or(DirectoryError::NotFound(Thing::User))?;
                if let Some(mark) = mark {
                    self.check_user(Named::seen(&name, mark), &user)?;
                }
                self.authority.may_revoke(&user.scopes)?;
                RevocationTarget::from(&user.id)
            }
            WhatToRevoke::App(key) => {
                let app = match plain_id(key) {
                    Ok(key) => change.app(&AppKey::known(&key)).await?,
                    Err(_) => None,
                };
                let found = app.ok_or(DirectoryError::NotFound(Thing::App))?;
                self.authority.may_revoke(&found.app.scopes)?;
                RevocationTarget::from(&found.app.key)
            }
            WhatToRevoke::Grant(id) => {
                let id = plain_id(id)?;
                match change.grant_scopes(&GrantId::known(&id)).await? {
                    Some(scopes) => self.authority.may_revoke(&scopes)?,
                    None => self.charge(change).await?,
                }
                RevocationTarget::Grant(id)
            }
            WhatToRevoke::Token(id) => {
                let id = plain_id(id)?;
                self.charge(change).await?;
                RevocationTarget::Token(id)
            }
            WhatToRevoke::Everyone => {
                self.authority.may_revoke_all()?;
                RevocationTarget::Everyone
            }
        })
    }

    /// Whether what is asked for is there, which a caller is told that may not have it counted.
    pub async fn check_named(&self, what: &WhatToRevoke) -> Result<(), DirectoryError> {
        self.scopes_of(what).await.map(drop)
    }

    async fn charge(&self, change: &mut Change) -> Result<(), DirectoryError> {
        let Some(user) = self.authority.user() else {
            return Ok(());
        };
        if change.charge_unknown(user).await? {
            Ok(())
        } else {
            Err(DirectoryError::TooManyRevocations)
        }
    }

    /// Ends all grants of this user that can still be extended, with all their tokens.
    pub async fn end_grants(&self, user: &UserId) -> Result<(), DirectoryError> {
        let mut page = Page::first(GRANTS_AT_ONCE);
        loop {
            let listing = self.store.grants(user, &page, self.now).await?;
            if !listing.items.is_empty() {
                let (mut change, _) = self.change_taking_back().await?;
                change.charge(Holder::user(user));
                for live in &listing.items {
                    change.revoke(RevocationTarget::from(&live.grant.id));
                }
                let what = format!("{} grants", listing.items.len());
                let object = Object::User(user);
                self.commit(change, object, "grants revoked", &[what])
                    .await?;
            }
            match listing.next {
                Some(after) => page.after = after,
                None => return Ok(()),
            }
        }
    }

    /// Whom a revocation concerns, and what of theirs ends. A user keeps its apps, an app its owner.
    pub async fn reach_of_revocation(&self, what: &WhatToRevoke) -> Result<Reach, DirectoryError> {
        let (store, now) = (self.store, self.now);
        Ok(match what {
            WhatToRevoke::User(name) => {
                let user = self.user(name).await?;
                store.reach_of_revoked_user(&user.id, now).await?
            }
            WhatToRevoke::App(key) => {
                let key = plain_id(key.clone());
                let key = key.map_err(|_| DirectoryError::NotFound(Thing::App))?;
                let found = self.app(&key, AppsOf::Everybody).await?;
                store.reach_of_app(&found.app.key, now).await?
            }
            WhatToRevoke::Grant(id) => {
                let grant = GrantId::known(&plain_id(id.clone())?);
                store.reach_of_grant(&grant, now).await?
            }
            WhatToRevoke::Token(id) => {
                plain_id(id.clone())?;
                Reach::default()
            }
            WhatToRevoke::Everyone => store.reach_of_everyone(now).await?,
        })
    }
}

/// An id in the alphabet of all that is issued. Others cannot be of a token, and a database may not be
/// able to keep them.
fn plain_id(id: String) -> Result<String, DirectoryError> {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && (1..=MAX_ID_BYTES).contains(&id.len()) {
        Ok(id)
    } else {
        Err(DirectoryError::Id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(json: &str) -> Option<WhatToRevoke> {
        let request: RevocationRequest = serde_json::from_str(json).unwrap();
        request.what().ok()
    }

    #[test]
    fn exactly_one_thing_is_revoked() {
        let name = || "a".to_owned();
        let rows = [
            (r#"{"user": "a"}"#, Some(WhatToRevoke::User(name()))),
            (r#"{"app": "a"}"#, Some(WhatToRevoke::App(name()))),
            (r#"{"grant": "a"}"#, Some(WhatToRevoke::Grant(name()))),
            (r#"{"token": "a"}"#, Some(WhatToRevoke::Token(name()))),
            (r#"{"everyone": true}"#, Some(WhatToRevoke::Everyone)),
            (r#"{"everyone": false}"#, None),
            (r#"{"user": "a", "everyone": false}"#, None),
            (r#"{"user": "a", "everyone": true}"#, None),
            (r#"{"user": "a", "app": "a"}"#, None),
            (r#"{"grant": "a", "token": "a"}"#, None),
            ("{}", None),
        ];
        for (json, expected) in rows {
            assert_eq!(what(json), expected, "{json}");
        }
    }

    #[test]
    fn ids_have_the_alphabet_of_what_is_issued() {
        let longest = "a".repeat(MAX_ID_BYTES);
        for good in ["a", "A0z", &longest] {
            assert!(plain_id(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a\0", "ä", "a-b", &"a".repeat(MAX_ID_BYTES + 1)] {
            assert!(plain_id(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
