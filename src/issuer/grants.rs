//! Grants: begun with a login or by an app, extended, described and revoked.
//!
//! `refresh` extends a grant, `redeem` begins one by an authorization code, `standing` and `introspect`
//! say what a token is worth, `revoke` ends a grant, `sign` makes the access tokens,
//! and `trial` those with which the portal sends a call. No HTTP:
//! endpoints and grant types bring who asks and what for. What a grant is worth is one pure rule,
//! [`Entitlement::worth`].

mod introspect;
mod metrics;
mod redeem;
mod refresh;
mod revoke;
mod sample;
mod sign;
mod standing;
mod trial;

use std::sync::Arc;

use arc_swap::ArcSwap;
use prometheus_client::registry::Registry;

use super::app_uses::AppUses;
use super::audit::AuditLog;
use super::credentials::SecondFactors;
use super::endpoint_error::EndpointError;
use super::grant_types::GrantTypes;
use super::signing::Signer;
use super::{IssuerSettings, RefreshSettings, random};
use crate::clock::{Clock, UnixSeconds};
use crate::identity::{
    AppWithOwner, Audiences, Entitlement, Extent, Form, Grant, GrantError, GrantId, Means,
    NoScopeError, Parties, PlainSecret, RequestedScopes, RequiredFor, Rights, RightsRequest,
    ScopeSet, SuccessorKey, User, UserId,
};
use crate::store::{RefreshToken, Store};
use crate::token::{CryptographyError, LogPosition};

pub(super) use metrics::{LOGIN, LOGIN_REFRESH};
pub(super) use redeem::PresentedCode;
pub(super) use refresh::Presenter;
pub(super) use revoke::Revoker;
pub use sample::{SampleError, SampleOf, sample_claims};
pub(super) use sign::Bearer;
pub(super) use standing::Standing;
pub(super) use trial::TrialRequest;

use metrics::GrantMetrics;

/// Begins, extends and revokes grants.
pub(super) struct Grants {
    settings: GrantSettings,
    audit: AuditLog,
    store: Store,
    second_factors: SecondFactors,
    /// Swapped by whoever follows the keys.
    signer: Arc<ArcSwap<Signer>>,
    successor_key: SuccessorKey,
    app_uses: Arc<AppUses>,
    metrics: GrantMetrics,
    clock: Arc<dyn Clock>,
}

/// The settings of the issuer that concern grants.
pub(super) struct GrantSettings {
    url: String,
    /// The issuer itself among them.
    audiences: Vec<String>,
    access_token_seconds: u32,
    refresh_token: RefreshSettings,
    offered: GrantTypes,
    required: RequiredFor,
}

/// The scopes and audiences that a request asks for.
pub(super) struct RequestedRights {
    pub(super) scopes: RequestedScopes,
    pub(super) audiences: Audiences,
}

/// The tokens of a grant, and their scopes.
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<PlainSecret>,
    pub(super) scopes: ScopeSet,
}

/// Whether a new grant can be extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    ByRefreshToken,
    Never,
}

impl GrantSettings {
    pub(super) fn of(settings: &IssuerSettings) -> Self {
        Self {
            url: settings.url.clone(),
            audiences: settings.audiences().map(str::to_owned).collect(),
            access_token_seconds: settings.access_token_seconds,
            refresh_token: settings.refresh_token,
            offered: settings.grants.clone(),
            required: settings.passkeys.required_for,
        }
    }

    /// All that a token's `aud` may hold.
    fn audiences(&self) -> impl Iterator<Item = &str> {
        self.audiences.iter().map(String::as_str)
    }

    /// What an app may use now.
    fn usable_by(&self, app: &AppWithOwner) -> ScopeSet {
        self.required.usable_by(&app.app, &app.owner)
    }

    fn rights(&self, granted: ScopeSet, asked: RightsRequest<'_>) -> Result<Rights, NoScopeError> {
        let offered: Vec<&str> = self.audiences().collect();
        Rights::separate(granted, asked, &self.url, &offered)
    }

    fn grantable(
        &self,
        user: &User,
        app: Option<&AppWithOwner>,
        asked: RightsRequest<'_>,
    ) -> Result<Rights, GrantError> {
        let scopes = worth(user, app, asked.scopes, self.required)?;
        self.rights(scopes, asked).map_err(GrantError::NothingLeft)
    }
}

impl RequestedRights {
    /// Without any restriction.
    pub(super) const ALL: Self = Self {
        scopes: RequestedScopes::All,
        audiences: Audiences::All,
    };
}

impl Grants {
    pub(super) fn new(
        settings: GrantSettings,
        audit: AuditLog,
        store: Store,
        signer: Arc<ArcSwap<Signer>>,
        successor_key: SuccessorKey,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            second_factors: SecondFactors::new(store.clone(), settings.required),
            settings,
            audit,
            store,
            signer,
            successor_key,
            app_uses: Arc::default(),
            metrics: GrantMetrics::new(),
            clock,
        }
    }

    /// The uses of apps, for whoever writes them.
    pub(super) fn app_uses(&self) -> &Arc<AppUses> {
        &self.app_uses
    }

    /// Remembers that an app has got tokens.
    fn note_use(&self, app: Option<&AppWithOwner>) {
        if let Some(found) = app {
            self.app_uses.note(&found.app.key, self.clock.now());
        }
    }

    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Counts tokens that were issued: `grant` is the name of a grant type, or of a login.
    pub(super) fn count(&self, grant: &'static str) {
        self.metrics.issued(grant);
    }

    /// The scopes and audiences that a form asks for.
    pub(super) fn requested(&self, form: &Form) -> Result<RequestedRights, EndpointError> {
        let offered: Vec<&str> = self.settings.audiences().collect();
        Ok(RequestedRights {
            scopes: RequestedScopes::parse(form.get("scope"))?,
            audiences: Audiences::parse(form.all("resource"), &offered)?,
        })
    }

    /// Those of the scopes `granted` that may be in one token.
    pub(super) fn rights(
        &self,
        granted: ScopeSet,
        asked: RightsRequest<'_>,
    ) -> Result<Rights, NoScopeError> {
        self.settings.rights(granted, asked)
    }

    /// What `user` can give to `app`, or get by its own login, of what is asked for.
    pub(super) fn grantable(
        &self,
        user: &User,
        app: Option<&AppWithOwner>,
        asked: RightsRequest<'_>,
    ) -> Result<Rights, GrantError> {
        self.settings.grantable(user, app, asked)
    }

    /// Tokens for a new grant: of an app, or by the user's own login.
    pub(super) async fn begin(
        &self,
        user: &User,
        app: Option<&AppWithOwner>,
        requested: &RequestedRights,
        extension: Extension,
    ) -> Result<Granted, EndpointError> {
        let asked = RightsRequest {
            scopes: &requested.scopes,
            audiences: &requested.audiences,
            means: app.map_or(Means::Login, |_| Means::App),
        };
        let rights = self
            .grantable(user, app, asked)
            .map_err(|error| match error {
                GrantError::NothingLeft(reason) => reason.into(),
                // As if it had come a moment later.
                _ => unknown(user, app),
            })?;
        let now = self.clock.now();
        let mut bearer = Bearer {
            user,
            app,
            grant: None,
            // Without an app it is a login, by name and password.
            authenticated_at: app.is_none().then_some(now),
            as_of: as_of(user, app),
        };
        if extension == Extension::Never {
            let access_token = self.access_token(&bearer, &rights)?;
            self.note_use(app);
            return Ok(Granted {
                access_token,
                refresh_token: None,
                scopes: rights.scopes().clone(),
            });
        }
        let token = RefreshToken {
            grant: Grant {
                id: GrantId::from_random(now, random()?),
                user: user.id.clone(),
                app: app.map(|found| found.app.key.clone()),
                scopes: rights.scopes().clone(),
                audiences: rights.audiences().clone(),
                position: bearer.as_of,
            },
            expires_at: now.plus(i64::from(self.settings.refresh_token.lifetime_seconds)),
        };
        // The refresh token is in the store before the access token is made: an app never holds one
        // whose grant does not exist.
        let secret = PlainSecret::from_random(random()?);
        self.store
            .add_refresh_token(&secret.digest(), &token, now)
            .await
            .map_err(|error| EndpointError::of_gone(error, unknown(user, app)))?;
        bearer.grant = Some(&token.grant.id);
        self.note_use(app);
        Ok(Granted {
            access_token: self.access_token(&bearer, &rights)?,
            refresh_token: Some(secret),
            scopes: rights.scopes().clone(),
        })
    }

    /// An access token for one request of a browser's session, which is for the issuer alone and has all
    /// that the user has at this moment; none where that is nothing. The browser never sees it.
    pub(super) fn session_token(
        &self,
        user: &User,
        authenticated_at: UnixSeconds,
    ) -> Result<Option<String>, EndpointError> {
        let asked = RightsRequest {
            scopes: &RequestedScopes::All,
            audiences: &Audiences::only(&self.settings.url),
            means: Means::Login,
        };
        let rights = match self.grantable(user, None, asked) {
            Ok(rights) => rights,
            Err(GrantError::NothingLeft(_)) => return Ok(None),
            Err(_) => return Err(EndpointError::CallerChanged),
        };
        let bearer = Bearer {
            user,
            app: None,
            grant: None,
            authenticated_at: Some(authenticated_at),
            as_of: user.as_of,
        };
        Ok(Some(self.access_token(&bearer, &rights)?))
    }

    /// An access token for the API as this user, or this app for its owner, would get it now, and its scopes:
    /// to see what a gate makes of it. It is given to nobody.
    pub(super) fn sample_token(
        &self,
        user: &User,
        app: Option<&AppWithOwner>,
    ) -> Result<Result<(String, ScopeSet), GrantError>, CryptographyError> {
        let rights = match self.settings.for_the_api(user, app) {
            Ok(rights) => rights,
            Err(reason) => return Ok(Err(reason)),
        };
        let bearer = Bearer::of_sample(user, app, self.clock.now());
        let rights = rights.as_ref();
        let token = self.access_token(&bearer, rights)?;
        Ok(Ok((token, rights.scopes().clone())))
    }

    /// Whether grants by credentials that can be used again can be extended as well.
    pub(super) fn by_credentials(&self) -> Extension {
        if self.settings.refresh_token.with_client_credentials {
            self.if_offered()
        } else {
            Extension::Never
        }
    }

    /// Whether grants can be extended at all at the token endpoint.
    pub(super) fn if_offered(&self) -> Extension {
        if self.settings.offered.has_refresh_token() {
            Extension::ByRefreshToken
        } else {
            Extension::Never
        }
    }

    fn log_name(&self, user: &UserId) -> String {
        self.audit.user(user)
    }
}

/// Of what is asked for, what `user` and `app` have, wherever it is for.
fn worth(
    user: &User,
    app: Option<&AppWithOwner>,
    scopes: &RequestedScopes,
    required: RequiredFor,
) -> Result<ScopeSet, GrantError> {
    let entitlement = Entitlement {
        user: &user.id,
        app: app.map(|found| &found.app.key),
        extent: Extent::from(scopes),
        position: as_of(user, app),
    };
    entitlement.worth(Parties {
        user: Some(user),
        app: app.map(AppWithOwner::parties),
        required,
    })
}

/// The position of the revocation log as of the earlier of the two reads: a revocation in between has
/// a later position, and so applies.
pub(super) fn as_of(user: &User, app: Option<&AppWithOwner>) -> LogPosition {
    app.map_or(user.as_of, |found| found.owner.as_of.min(user.as_of))
}

/// The error where the user is gone, by how the caller has authenticated.
fn unknown(user: &User, app: Option<&AppWithOwner>) -> EndpointError {
    match app {
        None => EndpointError::BadLogin,
        // Its apps go with a user.
        Some(app) if app.owner.id == user.id => EndpointError::BadClient,
        Some(_) => EndpointError::BadPasswordGrant,
    }
}

#[cfg(test)]
mod tests;
