//! `/panel/apps/{app_key}`: an app of anybody.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::apps::PATH;
use super::{audit, below, user, users, who, with_values};
use crate::identity::{AppStatus, Form, RedirectUri, Status};
use crate::issuer::directory::{AppsOf, is_app_in_use};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::confirmation::{Confirmation, told_use, when_used};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::switch::{self, Switch};
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::OwnedApp;

#[derive(Template)]
#[template(path = "pages/panel_app.html")]
struct AppPage<'a> {
    frame: Frame<'a>,
    path: &'a str,
    name: Text<'a>,
    description: Text<'a>,
    link: Option<Text<'a>>,
    key: Text<'a>,
    secrets: Vec<Secret>,
    owner: Text<'a>,
    /// The pages that the reader may open.
    owner_path: Option<String>,
    owner_apps_path: String,
    who_path: Option<String>,
    audit_path: Option<String>,
    is_active: bool,
    is_disabled_by_owner: bool,
    /// Whether its scopes of administrators wait for a passkey of the owner.
    needs_passkey: bool,
    created: Timed,
    used: Timed,
    scopes: String,
    redirect_uris: Vec<Text<'a>>,
}

struct Secret {
    end: Option<String>,
    created: Timed,
    /// None for the latest one.
    expires: Option<Timed>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let OwnedApp { app, owner } = directory.app(&key, AppsOf::Everybody).await?;
    let found = directory.user(owner.as_str()).await?;
    let needs_passkey = user::needs_passkey(&access, &found);
    let language = visitor.language;
    let secrets = directory.secrets_of(&app).await?;
    let secrets = secrets.iter().map(|secret| Secret {
        end: secret.ends_with.shown().map(str::to_owned),
        created: language.instant(secret.created_at),
        expires: secret.expires_at.map(|instant| language.instant(instant)),
    });
    let uris = app.redirect_uris.iter().map(RedirectUri::as_str);
    let held = &access.caller.scopes;
    let sees_users = held.contains("backend.user");
    let page = AppPage {
        frame: visitor.frame(),
        owner_path: sees_users.then(|| below(users::PATH, owner.as_str())),
        owner_apps_path: with_values(PATH, &[("owner", owner.as_str())]),
        who_path: who::is_open_about("app", held).then(|| who::about("app", &key)),
        audit_path: sees_users.then(|| audit::about("app", &key)),
        path: &below(PATH, &key),
        name: Text::of(app.name.as_str()),
        description: Text::of(app.description.as_str()),
        link: app.link.as_ref().map(|link| Text::of(link.as_str())),
        key: Text::of(app.key.as_str()),
        secrets: secrets.collect(),
        owner: Text::of(owner.as_str()),
        is_active: app.status == AppStatus::Active,
        is_disabled_by_owner: app.status == AppStatus::DisabledByOwner,
        needs_passkey: needs_passkey && !app.scopes.administrative().is_empty(),
        created: visitor.language.instant(app.created_at),
        used: visitor.last_use(app.last_used_at),
        scopes: app.scopes.to_string(),
        redirect_uris: uris.map(Text::of).collect(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `GET {app_key}/status`: with `?status=disabled` for an app that its owner has disabled, so that the owner
/// cannot enable it again.
pub(in crate::issuer::http::pages) async fn show_status(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    let (OwnedApp { app, owner }, reach) = access
        .directory()
        .app_with_reach(&key, AppsOf::Everybody)
        .await?;
    let disables = query.get(switch::FIELD) == Some(Status::Disabled.name());
    let words = &visitor.words().panel;
    let by_owner = (app.status == AppStatus::DisabledByOwner).then_some(words.disabled_by_owner);
    let (wanted, sentence) = match app.status {
        AppStatus::Active => (Status::Disabled, words.disable_app_sentence),
        AppStatus::DisabledByOwner if disables => (Status::Disabled, words.keep_disabled_sentence),
        AppStatus::DisabledByOwner | AppStatus::Disabled => {
            (Status::Active, words.enable_app_sentence)
        }
    };
    let texts = [
        Some(format!("{}: {}", words.owner, owner.as_str())),
        by_owner.map(str::to_owned),
        Some(sentence.to_owned()),
        Some(visitor.language.reached(reach)),
    ];
    let switch = Switch {
        app: &app,
        wanted,
        texts: texts.into_iter().flatten().collect(),
        cancel: &below(PATH, &key),
    };
    Ok(switch.ask(&visitor))
}

/// `POST {app_key}/status`
pub(in crate::issuer::http::pages) async fn change_status(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let update = switch::update(&form);
    let directory = access.directory();
    let changed = directory
        .update_app(&key, AppsOf::Everybody, &update)
        .await?;
    let held = &access.caller.scopes;
    visitor.done_at_gates(
        &below(PATH, &key),
        switch::done(&form),
        changed.position,
        held,
    )
}

/// `GET {app_key}/delete`
pub(in crate::issuer::http::pages) async fn show_delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, PageError> {
    ask_to_delete(&visitor, &access, &key, &Remark::none()).await
}

/// `POST {app_key}/delete`
pub(in crate::issuer::http::pages) async fn delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let deleted = directory.delete_app(&key, AppsOf::Everybody, when_used(&form));
    match deleted.await {
        Ok(()) => visitor.done(PATH, Done::AppDeleted),
        Err(error) => {
            let remark = visitor.remark(error)?;
            ask_to_delete(&visitor, &access, &key, &remark).await
        }
    }
}

async fn ask_to_delete(
    visitor: &Visitor,
    access: &DirectoryAccess,
    key: &str,
    remark: &Remark,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let (OwnedApp { app, owner }, reach) = directory.app_with_reach(key, AppsOf::Everybody).await?;
    let words = visitor.words();
    let confirmation = Confirmation {
        title: format!("{} {}", words.panel.delete_this_app, app.name.as_str()),
        texts: vec![
            format!("{}: {}", words.panel.owner, owner.as_str()),
            words.delete_text.to_owned(),
            visitor.language.reached(reach),
        ],
        button: words.delete_button,
        fields: told_use(is_app_in_use(&app, reach)).into_iter().collect(),
        cancel: &below(PATH, key),
    };
    let used = visitor.last_use(app.last_used_at);
    let used = used.within(&format!("{}: ", words.last_used), "");
    Ok(confirmation.ask_after_fact(visitor, remark, used))
}
