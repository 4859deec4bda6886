//! `/portal/apps/{app_key}/status`: its owner disables an app, and enables it again.

use axum::response::Response;

use super::path_of;
use crate::identity::{AppStatus, Status};
use crate::issuer::directory::{AppUpdate, AppsOf, DirectoryError};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::confirmation::Confirmation;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
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
    let words = visitor.words();
    let (title, texts, button, wanted) = match app.status {
        AppStatus::Active => (
            words.panel.disable_app,
            vec![
                words.disable_own_text.to_owned(),
                visitor.language.reached(reach),
            ],
            words.panel.disable,
            Status::Disabled,
        ),
        AppStatus::DisabledByOwner => (
            words.panel.enable_app,
            vec![words.enable_own_text.to_owned()],
            words.panel.enable,
            Status::Active,
        ),
        AppStatus::Disabled => return Err(DirectoryError::DisabledByAdministrator.into()),
    };
    let confirmation = Confirmation {
        title: format!("{title} {}", app.name.as_str()),
        texts,
        button,
        fields: vec![("status", wanted.name())],
        cancel: &path_of(&key),
    };
    Ok(confirmation.ask(&visitor))
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let update = AppUpdate {
        status: Some(form.text("status").to_owned()),
        ..AppUpdate::default()
    };
    let own = AppsOf::User(&access.caller.user);
    let directory = access.for_own_app(&update)?;
    directory.update_app(&key, own, &update).await?;
    visitor.done(&path_of(&key), Done::AppChanged)
}
