//! Refresh tokens: rotated at each use, ended by a replay.

use super::{Bearer, Granted, Grants, RequestedRights, as_of};
use crate::identity::{
    AppWithOwner, AudienceError, Grant, GrantError, Means, Parties, PlainSecret, RequestedScopes,
    Rights, RightsRequest, SecretDigest, User,
};
use crate::issuer::endpoint_error::EndpointError;
use crate::store::{RefreshToken, Rotation, Successor};

/// Who brings a refresh token.
#[derive(Clone, Copy)]
pub(in crate::issuer) enum Presenter<'a> {
    App(&'a AppWithOwner),
    /// By name and password.
    User(&'a User),
    /// Who has no credentials but the token, which is of a login.
    Anybody,
}

impl<'a> Presenter<'a> {
    fn app(self) -> Option<&'a AppWithOwner> {
        match self {
            Self::App(app) => Some(app),
            Self::User(_) | Self::Anybody => None,
        }
    }

    fn holds(self, grant: &Grant) -> bool {
        match self {
            Self::App(found) => grant.app.as_ref() == Some(&found.app.key),
            Self::User(user) => grant.app.is_none() && grant.user == user.id,
            Self::Anybody => grant.app.is_none(),
        }
    }

    /// The user, where it was read a moment ago.
    fn user_of(self, grant: &Grant) -> Option<&'a User> {
        let known = match self {
            Self::App(found) => Some(&found.owner),
            Self::User(user) => Some(user),
            Self::Anybody => None,
        };
        known.filter(|user| user.id == grant.user)
    }
}

impl Grants {
    /// Extends a grant (RFC 6749 section 6). The successor keeps what was granted at first; this
    /// access token gets what is asked for and what user and app still have.
    pub(in crate::issuer) async fn refresh(
        &self,
        presented: &str,
        by: Presenter<'_>,
        requested: &RequestedRights,
    ) -> Result<Granted, EndpointError> {
        let presented = PlainSecret::claimed(presented);
        let digest = presented.digest();
        let token = self.store.refresh_token(&digest, self.clock.now()).await?;
        // Somebody else's token is refused like an unknown one, and its grant goes on.
        let token = token
            .filter(|token| by.holds(&token.grant))
            .ok_or(EndpointError::BadRefreshToken)?;
        let app = by.app();
        let user = match by.user_of(&token.grant) {
            Some(user) => Some(user.clone()),
            None => self.store.user(&token.grant.user).await?,
        };
        let user = user.ok_or(EndpointError::BadRefreshToken)?;
        if app.is_none() {
            // Begun by the password alone, before more was asked of the user.
            self.second_factors.check_not_needed(&user).await?;
        }
        let rights = self.extended(&token.grant, &user, app, requested)?;
        // Not a random one: whoever retries within the window gets this one again.
        let secret = self.successor_key.successor_of(&presented);
        let renewed = RefreshToken {
            grant: Grant {
                position: as_of(&user, app),
                ..token.grant.clone()
            },
            expires_at: token.expires_at,
        };
        self.rotate(&digest, &secret, &renewed).await?;
        self.note_use(app);
        let bearer = Bearer {
            user: &user,
            app,
            grant: Some(&token.grant.id),
            // A refresh token is no password.
            authenticated_at: None,
            as_of: as_of(&user, app),
        };
        Ok(Granted {
            access_token: self.access_token(&bearer, &rights)?,
            refresh_token: Some(secret),
            scopes: rights.scopes().clone(),
        })
    }

    /// What the next access token of a grant gets.
    fn extended(
        &self,
        grant: &Grant,
        user: &User,
        app: Option<&AppWithOwner>,
        requested: &RequestedRights,
    ) -> Result<Rights, EndpointError> {
        let worth = grant.entitlement().worth(Parties {
            user: Some(user),
            app: app.map(AppWithOwner::parties),
            required: self.settings.required,
        });
        let left = match worth {
            Ok(left) => Ok(left),
            Err(GrantError::NothingLeft(reason)) => Err(reason),
            Err(_) => return Err(EndpointError::BadRefreshToken),
        };
        let audiences = grant.audiences.narrowed_to(&requested.audiences)?;
        if audiences.among(self.settings.audiences()).is_empty() {
            // The issuer no longer makes tokens for them.
            return Err(AudienceError.into());
        }
        // RFC 6749 section 6: never more than was granted. Less is fine, and the grant keeps the rest
        // for the next time.
        if let RequestedScopes::Some(scopes) = &requested.scopes
            && !scopes.is_subset_of(&grant.scopes)
        {
            return Err(EndpointError::ScopeBeyondGrant);
        }
        // Grants of an earlier release may have what is separate now.
        let asked = RightsRequest {
            scopes: &requested.scopes,
            audiences: &audiences,
            means: app.map_or(Means::Login, |_| Means::App),
        };
        let scopes = requested.scopes.among(&left?)?;
        Ok(self.rights(scopes, asked)?)
    }

    async fn rotate(
        &self,
        digest: &SecretDigest,
        secret: &PlainSecret,
        renewed: &RefreshToken,
    ) -> Result<(), EndpointError> {
        let successor = Successor {
            digest: &secret.digest(),
            token: renewed,
        };
        let window = self.settings.refresh_token.retry_window_seconds;
        let rotation =
            self.store
                .rotate_refresh_token(digest, &successor, window, self.clock.now());
        match rotation.await? {
            // A retry within the window is a client whose answer was lost. It gets the successor that
            // the first try made, so that the grant does not fork.
            Rotation::Rotated | Rotation::Retried => Ok(()),
            Rotation::Replayed => {
                self.metrics.replayed();
                // A stolen token, or a client that mixes up its own. Nobody can tell which of the two
                // holders is the right one, so that both have to log in (RFC 9700 section 4.14.2).
                tracing::warn!(
                    user.id = self.log_name(&renewed.grant.user),
                    "a refresh token was used twice; its grant has ended"
                );
                Err(EndpointError::BadRefreshToken)
            }
            Rotation::Unknown => Err(EndpointError::BadRefreshToken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;
    use crate::identity::{
        App, AppDescription, AppKey, AppName, AppStatus, Audiences, Email, GrantId, ScopeSet,
        ScopesFrom, Status, UserId, Username,
    };
    use crate::token::LogPosition;

    fn user(id: &str) -> User {
        User {
            id: UserId::known(id),
            username: Username::parse(id).unwrap(),
            email: Email::parse(&format!("{id}@a.example")).unwrap(),
            status: Status::Active,
            roles: Vec::new(),
            scopes: ScopeSet::default(),
            created_at: UnixSeconds(0),
            passkeys: 0,
            as_of: LogPosition::default(),
            revoked_through: LogPosition::default(),
        }
    }

    fn app(key: &str, owner: &str) -> AppWithOwner {
        AppWithOwner {
            app: App {
                key: AppKey::known(key),
                name: AppName::parse("shop").unwrap(),
                description: AppDescription::default(),
                link: None,
                owner: UserId::known(owner),
                redirect_uris: Vec::new(),
                scopes: ScopeSet::default(),
                scopes_from: ScopesFrom::List,
                status: AppStatus::Active,
                created_at: UnixSeconds(0),
                revoked_through: LogPosition::default(),
                last_used_at: None,
                secret_since: None,
            },
            secrets: Vec::new(),
            owner: user(owner),
        }
    }

    fn grant(user: &str, app: Option<&str>) -> Grant {
        Grant {
            id: GrantId::known("g"),
            user: UserId::known(user),
            app: app.map(AppKey::known),
            scopes: ScopeSet::default(),
            audiences: Audiences::All,
            position: LogPosition(1),
        }
    }

    #[test]
    fn only_the_holder_of_a_grant_extends_it() {
        let (shop, other, alice) = (app("shop", "alice"), app("other", "alice"), user("alice"));
        let of_shop = || grant("alice", Some("shop"));
        let rows = [
            (Presenter::App(&shop), of_shop(), true),
            (Presenter::App(&shop), grant("bob", Some("shop")), true),
            (Presenter::App(&other), of_shop(), false),
            (Presenter::App(&shop), grant("alice", None), false),
            (Presenter::User(&alice), grant("alice", None), true),
            (Presenter::User(&alice), grant("bobby", None), false),
            // With its name and password a user gets no token of an app.
            (Presenter::User(&alice), of_shop(), false),
            // The token of a login is a credential by itself; that of an app is not.
            (Presenter::Anybody, grant("alice", None), true),
            (Presenter::Anybody, of_shop(), false),
        ];
        for (number, (presenter, grant, expected)) in rows.into_iter().enumerate() {
            assert_eq!(presenter.holds(&grant), expected, "row {number}");
        }
    }

    /// Else the rights of the app's owner would be taken for those of the user.
    #[test]
    fn the_user_is_read_again_unless_it_is_the_one_that_was_read() {
        let (shop, alice) = (app("shop", "alice"), user("alice"));
        let known = |by: Presenter<'_>, user: &str| by.user_of(&grant(user, None)).is_some();
        assert!(known(Presenter::App(&shop), "alice"));
        assert!(!known(Presenter::App(&shop), "bobby"));
        assert!(known(Presenter::User(&alice), "alice"));
        assert!(!known(Presenter::Anybody, "alice"));
    }
}
