//! As whom the gate is asked: a user, an app, or whoever has a role and nothing else.

use crate::identity::{
    AppKey, AppWithOwner, GrantError, Role, ScopeSet, Status, User, UserId, Username,
};
use crate::issuer::directory::{AppSearch, DirectoryError, MAX_APPS, Thing};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::page_error::PageError;
use crate::store::Page;

/// The name and id of a user with nothing but a role, for conditions that read them. No id is like it.
const SOMEBODY: &str = "somebody";

/// Who asks: with what token, and what it has.
pub(super) struct Caller {
    pub(super) token: Option<String>,
    pub(super) scopes: ScopeSet,
}

/// Why there is no caller.
pub(super) enum NoCaller {
    /// It gets no token, and so passes where nobody needs one.
    NoToken(GrantError),
    /// Nothing has the name.
    Unknown(DirectoryError),
    Failed(PageError),
}

impl Caller {
    /// The one of this kind and name, with the token that it would get for the API.
    pub(super) async fn of(
        access: &DirectoryAccess,
        kind: &str,
        name: &str,
    ) -> Result<Self, NoCaller> {
        let directory = access.directory();
        let (user, app) = match kind {
            "user" => (directory.user(name).await.map_err(NoCaller::of)?, None),
            "role" => {
                let role = directory.role(name).await.map_err(NoCaller::of)?;
                (with_role(role, &access.caller.user)?, None)
            }
            "app" => {
                let app = app(access, name).await?;
                (app.owner.clone(), Some(app))
            }
            "nobody" => {
                return Ok(Self {
                    token: None,
                    scopes: ScopeSet::default(),
                });
            }
            // The answer for somebody else would be taken for that for whoever was meant.
            _ => return Err(NoCaller::failed(EndpointError::Parameter("kind"))),
        };
        let made = access.issuer.grants.sample_token(&user, app.as_ref());
        let (token, scopes) = made.map_err(NoCaller::failed)?.map_err(NoCaller::NoToken)?;
        Ok(Self {
            token: Some(token),
            scopes,
        })
    }
}

impl NoCaller {
    fn of(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound(_) => Self::Unknown(error),
            other => Self::Failed(other.into()),
        }
    }

    fn failed(error: impl Into<EndpointError>) -> Self {
        let error: EndpointError = error.into();
        Self::Failed(error.into())
    }
}

/// A user who has this role and no other. It knows as much of the revocation log as `reader`, so that nothing that
/// is revoked counts against it.
fn with_role(role: Role, reader: &User) -> Result<User, NoCaller> {
    let username = Username::parse(SOMEBODY).map_err(DirectoryError::from);
    Ok(User {
        id: UserId::known(SOMEBODY),
        username: username.map_err(NoCaller::failed)?,
        status: Status::Active,
        roles: vec![role.name],
        scopes: role.scopes,
        ..reader.clone()
    })
}

/// The app with this key, or of this owner and name: `alice/Web shop`.
async fn app(access: &DirectoryAccess, name: &str) -> Result<AppWithOwner, NoCaller> {
    let (store, now) = (&access.issuer.store, access.issuer.clock.now());
    let key = match name.split_once('/') {
        None => AppKey::known(name),
        Some((owner, name)) => {
            let all = Page::first(MAX_APPS.into());
            let of_owner = AppSearch::of_owner(owner.trim());
            let apps = access.directory().apps(&of_owner, &all).await;
            let apps = apps.map_err(NoCaller::of)?.items;
            let name = name.trim().to_lowercase();
            let mut named = apps
                .into_iter()
                .filter(|owned| owned.app.name.as_str().to_lowercase() == name);
            let unknown = NoCaller::Unknown(DirectoryError::NotFound(Thing::App));
            named.next().ok_or(unknown)?.app.key
        }
    };
    let app = store.app(&key, now).await.map_err(NoCaller::failed)?;
    app.ok_or(NoCaller::Unknown(DirectoryError::NotFound(Thing::App)))
}
