//! `/portal/apps/{app_key}/rotate`: an app gets another secret.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::edit::own_app;
use super::path_of;
use crate::identity::SecretDigest;
use crate::issuer::directory::AppsOf;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::told::Told;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/app_rotate.html")]
struct RotatePage<'a> {
    frame: Frame<'a>,
    path: String,
    name: Text<'a>,
    /// For how many hours the earlier secret goes on.
    hours: u32,
    /// The digest of the secret that is replaced; empty where there is none.
    latest: String,
    /// When the one before ends, which ends now instead.
    earlier_until: Option<Timed>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, PageError> {
    let app = own_app(&access, &key).await?;
    let (store, now) = (&access.issuer.store, access.issuer.clock.now());
    let secrets = store.live_secrets(&app.key, now).await?;
    let latest = secrets.iter().find(|one| one.expires_at.is_none());
    let earlier = secrets.iter().find_map(|one| one.expires_at);
    let page = RotatePage {
        frame: visitor.frame(),
        path: path_of(&key),
        name: Text::of(app.name.as_str()),
        latest: latest
            .map(|secret| secret.digest.to_text())
            .unwrap_or_default(),
        earlier_until: earlier.map(|instant| visitor.language.instant(instant)),
        hours: access.issuer.settings.secret_overlap_seconds.div_ceil(3600),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let overlap = match form.text("earlier") {
        "later" => access.issuer.settings.secret_overlap_seconds,
        "now" => 0,
        _ => return Err(EndpointError::Parameter("earlier").into()),
    };
    let own = AppsOf::User(&access.caller.user);
    let directory = access.after_login()?;
    // A second click on the button must not end what the program uses.
    let seen = SecretDigest::from_text(form.text("latest"));
    let made = directory
        .rotate_secret_once(&key, own, overlap, seen.as_ref())
        .await?;
    let told = Told::Replaced(made.secret.reveal().to_owned());
    Ok(visitor.go_to_be_told(&path_of(&key), &told)?)
}
