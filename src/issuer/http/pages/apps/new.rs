//! `/portal/apps/new`: an app is made, and its secret shown once.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::choices::{Choices, Chosen};
use super::path_of;
use crate::identity::ScopeSet;
use crate::issuer::directory::NewApp;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Told;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/app_new.html")]
struct NewAppPage<'a> {
    frame: Frame<'a>,
    name: Text<'a>,
    redirect_uris: Text<'a>,
    choices: Choices,
    error: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
) -> Result<Response, PageError> {
    let chosen = Chosen {
        follows: true,
        scopes: Vec::new(),
    };
    let page = NewAppPage {
        frame: visitor.frame(),
        name: Text::of(""),
        redirect_uris: Text::of(""),
        choices: choices(&access, &chosen).await?,
        error: Text::of(""),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let chosen = Chosen::of(&form);
    let wanted = NewApp {
        name: form.trimmed("name"),
        redirect_uris: form.lines("redirect_uris"),
        scopes: chosen.list(),
    };
    let directory = access.after_login()?;
    match directory.add_app(&access.caller.user, &wanted).await {
        Ok(made) => {
            let path = path_of(made.app.app.key.as_str());
            let told = Told::Secret(made.secret.reveal().to_owned());
            Ok(visitor.go_to_be_told(&path, &told)?)
        }
        Err(error) if messages::is_for_the_form(&error) => {
            let error = EndpointError::from(error);
            let page = NewAppPage {
                frame: visitor.frame(),
                name: Text::of(wanted.name),
                redirect_uris: Text::of(form.text("redirect_uris")),
                choices: choices(&access, &chosen).await?,
                error: Text::of(messages::message(visitor.language, &error)),
            };
            Ok(answer::page(error.status(), &page))
        }
        Err(error) => Err(error.into()),
    }
}

async fn choices(access: &DirectoryAccess, chosen: &Chosen) -> Result<Choices, PageError> {
    let (owner, none) = (&access.caller.user, ScopeSet::default());
    Choices::of(&access.directory(), owner, &none, chosen).await
}
