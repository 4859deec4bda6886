//! `/portal/apps/{app_key}/status`: its owner disables an app, and enables it again.

use axum::response::Response;

use super::path_of;
use crate::identity::{AppStatus, Status};
use crate::issuer::directory::{AppsOf, DirectoryError};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::switch::{self, Switch};
use crate::issuer::http::pages::visitor::Visitor;
use crate::store::OwnedApp;

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, PageError> {
    let own = AppsOf::User(&access.caller.user);
    let (OwnedApp { app, .. }, reach) = access.directory().app_with_reach(&key, own).await?;
    let (words, language) = (visitor.words(), visitor.language);
    let (wanted, texts) = match app.status {
        AppStatus::Active => (
            Status::Disabled,
            vec![words.disable_own_text.to_owned(), language.reached(reach)],
        ),
        AppStatus::DisabledByOwner => (Status::Active, vec![words.enable_own_text.to_owned()]),
        AppStatus::Disabled => return Err(DirectoryError::DisabledByAdministrator.into()),
    };
    let switch = Switch {
        app: &app,
        wanted,
        texts,
        cancel: &path_of(&key),
    };
    Ok(switch.ask(&visitor))
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let update = switch::update(&form);
    let own = AppsOf::User(&access.caller.user);
    let directory = access.directory();
    directory.update_app(&key, own, &update).await?;
    visitor.done(&path_of(&key), switch::done(&form))
}
