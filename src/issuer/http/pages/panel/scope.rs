//! `/panel/scopes/{name}`: one scope: what it allows, and who has it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::below;
use super::scopes::PATH;
use crate::identity::{RoleName, Scope};
use crate::issuer::directory::{ScopeUpdate, WhenUsed};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::confirmation::Confirmation;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::{Done, Told};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::ScopeReach;

#[derive(Template)]
#[template(path = "pages/scope.html")]
struct ScopePage<'a> {
    frame: Frame<'a>,
    path: &'a str,
    name: Text<'a>,
    sentence: Text<'a>,
    /// The roles that have it.
    roles: Vec<Text<'a>>,
    concerned: String,
    /// Whether the issuer needs it.
    is_own: bool,
    error: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let (scope, reach) = access.directory().scope_with_reach(&name).await?;
    let sentence = scope.description.as_str();
    Ok(page(
        &visitor,
        StatusCode::OK,
        (&scope, &reach),
        sentence,
        "",
    ))
}

/// `POST`: what it allows, in other words.
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let update = ScopeUpdate {
        name: None,
        description: Some(form.trimmed("description")),
    };
    match directory.update_scope(&name, &update).await {
        Ok(_) => {
            let told = Told::Done(Done::Changed);
            Ok(visitor.go_to_be_told(&below(PATH, &name), &told)?)
        }
        Err(error) if messages::is_for_the_form(&error) => {
            let (scope, reach) = directory.scope_with_reach(&name).await?;
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            let sentence = form.text("description");
            let found = (&scope, &reach);
            Ok(page(&visitor, error.status(), found, sentence, &text))
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET {name}/delete`
pub(in crate::issuer::http::pages) async fn show_delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let (scope, reach) = access.directory().scope_with_reach(&name).await?;
    Ok(deletion(&visitor, &scope, &reach, &below(PATH, &name)).ask(&visitor))
}

/// `POST {name}/delete`: also where it is used, as the page before has said.
pub(in crate::issuer::http::pages) async fn delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    _: PageForm,
) -> Result<Response, PageError> {
    let directory = access.directory();
    match directory.delete_scope(&name, WhenUsed::Remove).await {
        Ok(_) => Ok(visitor.go_to_be_told(PATH, &Told::Done(Done::Deleted))?),
        Err(error) if messages::is_for_the_form(&error) => {
            let (scope, reach) = directory.scope_with_reach(&name).await?;
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            let path = below(PATH, &name);
            let confirmation = deletion(&visitor, &scope, &reach, &path);
            Ok(confirmation.ask_again(&visitor, error.status(), &text))
        }
        Err(error) => Err(error.into()),
    }
}

fn deletion<'a>(
    visitor: &Visitor,
    scope: &Scope,
    reach: &ScopeReach,
    cancel: &'a str,
) -> Confirmation<'a> {
    let words = visitor.words();
    let names: Vec<&str> = reach.roles.iter().map(RoleName::as_str).collect();
    let mut texts = Vec::new();
    if !names.is_empty() {
        texts.push(format!("{} {}", words.is_taken_from, names.join(", ")));
    }
    texts.push(visitor.language.concerned(reach.users, reach.apps));
    texts.push(words.tokens_end.to_owned());
    Confirmation {
        title: format!("{} {}", words.delete_scope, scope.name.as_str()),
        texts,
        button: words.delete,
        fields: Vec::new(),
        cancel,
    }
}

fn page(
    visitor: &Visitor,
    status: StatusCode,
    (scope, reach): (&Scope, &ScopeReach),
    sentence: &str,
    error: &str,
) -> Response {
    let roles = reach.roles.iter().map(RoleName::as_str).map(Text::of);
    let page = ScopePage {
        frame: visitor.frame(),
        path: &below(PATH, scope.name.as_str()),
        name: Text::of(scope.name.as_str()),
        sentence: Text::of(sentence),
        roles: roles.collect(),
        concerned: visitor.language.concerned(reach.users, reach.apps),
        is_own: scope.name.is_own(),
        error: Text::of(error),
    };
    answer::page(status, &page)
}
