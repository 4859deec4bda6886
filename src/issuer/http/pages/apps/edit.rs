//! `/portal/apps/{app_key}/edit`: name, words, scopes and redirect URIs of an app.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::choices::{Choices, Chosen};
use super::{first_wrong, path_of};
use crate::identity::{App, AppLink, RedirectUri, ScopeName, ScopeSet, ScopesFrom};
use crate::issuer::directory::{AppUpdate, AppsOf};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::confirmation::{Confirmation, is_confirmed};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::{Fields, Remark};
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/app_edit.html")]
struct EditPage<'a> {
    frame: Frame<'a>,
    path: String,
    name: Text<'a>,
    description: Text<'a>,
    link: Text<'a>,
    redirect_uris: Text<'a>,
    choices: Choices,
    error: Text<'a>,
    wrong: Fields,
    /// The field that has the focus.
    focus: &'static str,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, PageError> {
    let app = own_app(&access, &key).await?;
    let chosen = Chosen::of_app(Some(&app));
    let uris: Vec<&str> = app.redirect_uris.iter().map(RedirectUri::as_str).collect();
    let page = EditPage {
        frame: visitor.frame(),
        path: path_of(&key),
        name: Text::of(app.name.as_str()),
        description: Text::of(app.description.as_str()),
        link: Text::of(app.link.as_ref().map_or("", AppLink::as_str)),
        redirect_uris: Text::of(uris.join("\n")),
        choices: Choices::of(visitor.language, &access, Some(&app), &chosen).await?,
        error: Text::of(""),
        wrong: Fields::none(),
        focus: first_wrong(&Fields::none()),
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
    let chosen = Chosen::of_form(&form)?;
    let update = AppUpdate {
        name: Some(form.trimmed("name")),
        description: Some(form.trimmed("description")),
        link: Some(form.trimmed("link")),
        redirect_uris: Some(form.lines("redirect_uris")),
        ..scope_update(&app, &chosen)
    };
    if let Some(fault) = chosen.fault(Some(&app), visitor.words()) {
        let remark = Remark::wrong(fault);
        return again(&visitor, &access, (&app, &form), &chosen, remark).await;
    }
    let own = AppsOf::User(&access.caller.user);
    let lost = lost(&app, &access.caller.user.scopes, &chosen);
    if !lost.is_empty() && !is_confirmed(&form) {
        let (_, reach) = access.directory().app_with_reach(&key, own).await?;
        let words = visitor.words();
        let confirmation = Confirmation {
            title: format!("{}: {}", words.edit, app.name.as_str()),
            texts: vec![
                format!("{} {lost}", words.panel.loses),
                visitor.language.reached(reach),
                words.panel.tokens_end.to_owned(),
            ],
            button: words.save,
            fields: form.repeatable().collect(),
            cancel: &path_of(&key),
        };
        return Ok(confirmation.ask(&visitor));
    }
    match access.directory().update_app(&key, own, &update).await {
        Ok(_) => visitor.done(&path_of(&key), Done::AppChanged),
        Err(error) => {
            let remark = visitor.remark(error)?;
            let uris = form.lines("redirect_uris");
            let remark = remark.of_uris(visitor.language, &uris);
            again(&visitor, &access, (&app, &form), &chosen, remark).await
        }
    }
}

/// The form as it was sent, with what is wrong with it.
async fn again(
    visitor: &Visitor,
    access: &DirectoryAccess,
    (app, form): (&App, &PageForm),
    chosen: &Chosen,
    remark: Remark,
) -> Result<Response, PageError> {
    let page = EditPage {
        frame: visitor.frame(),
        path: path_of(app.key.as_str()),
        name: Text::of(form.trimmed("name")),
        description: Text::of(form.trimmed("description")),
        link: Text::of(form.trimmed("link")),
        redirect_uris: Text::of(form.text("redirect_uris")),
        choices: Choices::of(visitor.language, access, Some(app), chosen).await?,
        error: Text::of(remark.text),
        focus: first_wrong(&remark.fields),
        wrong: remark.fields,
    };
    Ok(answer::page(remark.status, &page))
}

/// An app of the caller's.
pub(super) async fn own_app(access: &DirectoryAccess, key: &str) -> Result<App, PageError> {
    let own = AppsOf::User(&access.caller.user);
    Ok(access.directory().app(key, own).await?.app)
}

/// What an app that has something loses by what is chosen; `owner` is what its owner has.
fn lost(app: &App, owner: &ScopeSet, chosen: &Chosen) -> ScopeSet {
    let has = app.scopes.within(owner);
    let named = |names: &[String]| {
        names
            .iter()
            .flat_map(|name| ScopeName::parse(name))
            .collect()
    };
    let left: ScopeSet = match (chosen.follows, app.scopes_from) {
        (true, _) => owner.without_own(),
        (false, ScopesFrom::Owner) => named(&chosen.ticks.added),
        (false, ScopesFrom::List) => has.without(&named(&chosen.ticks.removed)),
    };
    has.without(&left)
}

/// What becomes of the scopes of an app: what the form did not show stays.
fn scope_update(app: &App, chosen: &Chosen) -> AppUpdate {
    let (added, mut removed) = (chosen.ticks.added.clone(), chosen.ticks.removed.clone());
    // Somebody else may have taken it meanwhile.
    removed.retain(|name| app.scopes.contains(name));
    match (chosen.follows, app.scopes_from) {
        (true, _) => AppUpdate {
            follows_owner: Some(true),
            ..AppUpdate::default()
        },
        (false, ScopesFrom::Owner) => AppUpdate {
            scopes: Some(added),
            ..AppUpdate::default()
        },
        (false, ScopesFrom::List) if added.is_empty() && removed.is_empty() => AppUpdate::default(),
        (false, ScopesFrom::List) => AppUpdate {
            add_scopes: Some(added),
            remove_scopes: Some(removed),
            ..AppUpdate::default()
        },
    }
}
