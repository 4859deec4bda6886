//! As whom the gate is asked: a user, an app, or whoever has a role and nothing else.

use super::{About, NoAnswer};
use crate::identity::{
    AppKey, AppWithOwner, GrantError, Role, ScopeSet, Status, User, UserId, Username,
};
use crate::issuer::directory::{AppSearch, DirectoryError, MAX_APPS, Thing};
use crate::issuer::http::extract::DirectoryAccess;
use crate::store::Page;

/// The name and id of a user with nothing but a role, for conditions that read them. No id is like it.
const SOMEBODY: &str = "somebody";

/// Who asks: with what token, and what it has.
#[derive(Default)]
pub(super) struct Caller {
    pub(super) token: Option<String>,
    pub(super) scopes: ScopeSet,
    /// Why it gets no token, and so passes where nobody needs one; none where it has one, or was not to have one.
    pub(super) no_token: Option<GrantError>,
}

impl Caller {
    /// The one who is asked about, with the token that it would get for the API.
    pub(super) async fn of(access: &DirectoryAccess, about: About<'_>) -> Result<Self, NoAnswer> {
        let directory = access.directory();
        let (user, app) = match about {
            About::Nobody => return Ok(Self::default()),
            About::User(name) => (directory.user(name).await?, None),
            About::Role(name) => {
                let role = directory.role(name).await?;
                (with_role(role, &access.caller.user)?, None)
            }
            About::App(name) => {
                let app = app(access, name).await?;
                (app.owner.clone(), Some(app))
            }
        };
        let made = access.issuer.grants.sample_token(&user, app.as_ref());
        Ok(match made.map_err(NoAnswer::failed)? {
            Ok((token, scopes)) => Self {
                token: Some(token),
                scopes,
                no_token: None,
            },
            Err(reason) => Self {
                no_token: Some(reason),
                ..Self::default()
            },
        })
    }
}

/// A user who has this role and no other. It knows as much of the revocation log as `reader`, so that nothing that
/// is revoked counts against it.
fn with_role(role: Role, reader: &User) -> Result<User, DirectoryError> {
    Ok(User {
        id: UserId::known(SOMEBODY),
        username: Username::parse(SOMEBODY)?,
        status: Status::Active,
        roles: vec![role.name],
        scopes: role.scopes,
        ..reader.clone()
    })
}

/// The app with this key, or of this owner and name: `alice/Web shop`.
async fn app(access: &DirectoryAccess, name: &str) -> Result<AppWithOwner, NoAnswer> {
    let (store, now) = (&access.issuer.store, access.issuer.clock.now());
    let unknown = || DirectoryError::NotFound(Thing::App);
    let key = match name.split_once('/') {
        None => AppKey::known(name),
        Some((owner, name)) => {
            let all = Page::first(MAX_APPS.into());
            let of_owner = AppSearch::of_owner(owner.trim());
            let apps = access.directory().apps(&of_owner, &all).await?.items;
            let name = name.trim().to_lowercase();
            let mut named = apps
                .into_iter()
                .filter(|owned| owned.app.name.as_str().to_lowercase() == name);
            named.next().ok_or_else(unknown)?.app.key
        }
    };
    let app = store.app(&key, now).await.map_err(NoAnswer::failed)?;
    Ok(app.ok_or_else(unknown)?)
}
