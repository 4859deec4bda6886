//! The access token that somebody would get now, for explanations: it is given to nobody.

use serde_json::{Map, Value};

use super::sign::Bearer;
use super::{GrantSettings, as_of, worth};
use crate::clock::UnixSeconds;
use crate::identity::{ApiRights, AppKey, AppWithOwner, GrantError, RequestedScopes, User};
use crate::issuer::IssuerSettings;
use crate::store::{LoginName, Store, StoreError};
use crate::token::CryptographyError;

/// Why there are no claims.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cryptography(#[from] CryptographyError),
    /// The store has no such user, or no such app.
    #[error("the store has nobody of this name")]
    Unknown,
}

/// The claims of the access token for the API that this user would get now by its own login, or this app
/// for its owner; inside, why there would be none. Whether the user must log in with a passkey does not
/// matter. The store is only read, and the issuer may be running or not.
pub async fn sample_claims(
    settings: &IssuerSettings,
    who: &SampleOf<'_>,
    now: UnixSeconds,
) -> Result<Result<Map<String, Value>, GrantError>, SampleError> {
    let store = Store::open_to_read(&settings.store).await?;
    let claims = read(&store, settings, who, now).await;
    store.close().await;
    claims
}

/// Whose token it would be.
#[derive(Debug, Clone, Copy)]
pub enum SampleOf<'n> {
    /// A user, by its name or e-mail address.
    User(&'n str),
    /// An app, by its key.
    App(&'n str),
}

async fn read(
    store: &Store,
    settings: &IssuerSettings,
    who: &SampleOf<'_>,
    now: UnixSeconds,
) -> Result<Result<Map<String, Value>, GrantError>, SampleError> {
    let (user, app) = match who {
        SampleOf::User(name) => {
            // What cannot be a name is nobody's.
            let name = LoginName::parse(name).ok_or(SampleError::Unknown)?;
            let found = store.credentials(&name).await?;
            (found.map(|found| found.user), None)
        }
        SampleOf::App(key) => {
            let app = store.app(&AppKey::known(key), now).await?;
            (app.as_ref().map(|app| app.owner.clone()), app)
        }
    };
    let user = user.ok_or(SampleError::Unknown)?;
    let settings = GrantSettings::of(settings);
    let rights = match settings.for_the_api(&user, app.as_ref()) {
        Ok(rights) => rights,
        Err(reason) => return Ok(Err(reason)),
    };
    let bearer = Bearer::of_sample(&user, app.as_ref(), now);
    Ok(Ok(settings.claims(&bearer, rights.as_ref(), now)?))
}

impl GrantSettings {
    /// What a token for the API would hold, of a user as of an app.
    pub(super) fn for_the_api(
        &self,
        user: &User,
        app: Option<&AppWithOwner>,
    ) -> Result<ApiRights, GrantError> {
        let scopes = worth(user, app, &RequestedScopes::All, self.required)?;
        let offered: Vec<&str> = self.audiences().collect();
        ApiRights::of(&scopes, &self.url, &offered).map_err(GrantError::NothingLeft)
    }
}

impl<'a> Bearer<'a> {
    /// For whom such a token would be. That of a user would be of a login at this moment, as conditions of routes may
    /// ask.
    pub(super) fn of_sample(
        user: &'a User,
        app: Option<&'a AppWithOwner>,
        now: UnixSeconds,
    ) -> Self {
        Self {
            user,
            app,
            grant: None,
            authenticated_at: app.is_none().then_some(now),
            as_of: as_of(user, app),
        }
    }
}
