//! `/portal/apps/{app_key}/edit`: name, scopes and redirect URIs of an app.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::choices::{Choices, Chosen};
use super::path_of;
use crate::identity::{App, RedirectUri, ScopeName, ScopesFrom};
use crate::issuer::directory::{AppUpdate, AppsOf};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::{Done, Told};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/app_edit.html")]
struct EditPage<'a> {
    frame: Frame<'a>,
    path: String,
    name: Text<'a>,
    redirect_uris: Text<'a>,
    choices: Choices,
    error: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, PageError> {
    let app = own_app(&access, &key).await?;
    let held = app.scopes.iter().map(|scope| scope.as_str().to_owned());
    let chosen = match app.scopes_from {
        ScopesFrom::Owner => Chosen {
            follows: true,
            scopes: Vec::new(),
        },
        ScopesFrom::List => Chosen {
            follows: false,
            scopes: held.collect(),
        },
    };
    let uris: Vec<&str> = app.redirect_uris.iter().map(RedirectUri::as_str).collect();
    let page = EditPage {
        frame: visitor.frame(),
        path: path_of(&key),
        name: Text::of(app.name.as_str()),
        redirect_uris: Text::of(uris.join("\n")),
        choices: choices(&access, &app, &chosen).await?,
        error: Text::of(""),
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
    let app = own_app(&access, &key).await?;
    let chosen = Chosen::of(&form);
    let update = AppUpdate {
        name: Some(form.trimmed("name")),
        redirect_uris: Some(form.lines("redirect_uris")),
        follows_owner: chosen.follows.then_some(true),
        scopes: chosen.list().filter(|list| !is_same(list, &app)),
        ..AppUpdate::default()
    };
    let own = AppsOf::User(&access.caller.user);
    match access.directory().update_app(&key, own, &update).await {
        Ok(_) => Ok(visitor.go_to_be_told(&path_of(&key), &Told::Done(Done::AppChanged))?),
        Err(error) if messages::is_for_the_form(&error) => {
            let error = EndpointError::from(error);
            let page = EditPage {
                frame: visitor.frame(),
                path: path_of(&key),
                name: Text::of(update.name.unwrap_or_default()),
                redirect_uris: Text::of(form.text("redirect_uris")),
                choices: choices(&access, &app, &chosen).await?,
                error: Text::of(messages::message(visitor.language, &error)),
            };
            Ok(answer::page(error.status(), &page))
        }
        Err(error) => Err(error.into()),
    }
}

/// An app of the caller's.
pub(super) async fn own_app(access: &DirectoryAccess, key: &str) -> Result<App, PageError> {
    let own = AppsOf::User(&access.caller.user);
    Ok(access.directory().app(key, own).await?.app)
}

/// Whether an app has this list already.
fn is_same(list: &[String], app: &App) -> bool {
    app.scopes_from == ScopesFrom::List && app.scopes.iter().map(ScopeName::as_str).eq(list.iter())
}

async fn choices(
    access: &DirectoryAccess,
    app: &App,
    chosen: &Chosen,
) -> Result<Choices, PageError> {
    let owner = &access.caller.user;
    Choices::of(&access.directory(), owner, &app.scopes, chosen).await
}
