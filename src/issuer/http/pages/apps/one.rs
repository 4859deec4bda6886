//! `/portal/apps/{app_key}`: one app, and how to get a token for it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::calls::{Call, Values, calls};
use super::choices::role_names;
use super::edit::own_app;
use super::{is_active, path_of};
use crate::identity::{App, AppStatus, RedirectUri, ScopesFrom, User};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::own_scopes::sentence;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::trial::{self, FirstCall, FromHere};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;
use crate::store::LiveSecret;

#[derive(Template)]
#[template(path = "pages/app.html")]
struct AppPage<'a> {
    frame: Frame<'a>,
    path: String,
    try_path: String,
    name: Text<'a>,
    description: Text<'a>,
    link: Option<Text<'a>>,
    key: Text<'a>,
    /// For as long as this browser is told.
    secret: Option<Text<'a>>,
    secret_until: Timed,
    /// When the present one was made; none where there is none.
    secret_since: Option<Timed>,
    secret_end: Option<Text<'a>>,
    /// When the one before ends.
    earlier_until: Option<Timed>,
    earlier_end: Option<Text<'a>>,
    is_active: bool,
    /// Why it is disabled, and who can change that.
    why_disabled: Option<&'static str>,
    /// What the owner can do to its status.
    switch: Option<&'static str>,
    created: Timed,
    used: Timed,
    follows: bool,
    /// What it may do now: sentence and name.
    scopes: Vec<(Text<'a>, Text<'a>)>,
    /// Why it may do nothing, and who can change that.
    nothing: Option<&'static str>,
    roles: Text<'a>,
    redirect_uris: Vec<Text<'a>>,
    /// How long a token is valid.
    token_lasts: String,
    /// The address of the issuer, for the examples.
    url: Text<'a>,
    /// Why there are no commands.
    no_call: Option<&'static str>,
    example_url: Option<Text<'a>>,
    /// What the app lacks for that call, and who can add it.
    lacks: Option<String>,
    /// The first call, sent by this page.
    from_here: Option<FromHere>,
    /// The same in other languages.
    calls: Vec<Call>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, PageError> {
    let app = own_app(&access, &key).await?;
    let owner = &access.caller.user;
    let scopes = app.scopes_within(owner);
    let described = access.issuer.store.describe_scopes(&scopes).await?;
    let sentences = described.iter().map(|(name, description)| {
        let sentence = match sentence(visitor.language, name.as_str(), description) {
            "" => name.as_str(),
            text => text,
        };
        (Text::of(sentence), Text::of(name.as_str()))
    });
    let (settings, language) = (&visitor.issuer.settings, visitor.language);
    let secrets = access.directory().secrets_of(&app).await?;
    let latest = secrets.iter().find(|one| one.expires_at.is_none());
    let (why_disabled, switch) = standing(&app, visitor.words());
    let earlier = secrets.iter().find(|one| one.expires_at.is_some());
    let end = |secret: &LiveSecret| secret.ends_with.shown().map(|end| Text::of(end.to_owned()));
    let first = FirstCall::of(&visitor, owner, &app);
    let no_call = if !is_active(&app) {
        Some(visitor.words().call_disabled)
    } else if scopes.is_empty() {
        Some(visitor.words().call_nothing)
    } else {
        None
    };
    let page = AppPage {
        frame: visitor.frame(),
        path: path_of(&key),
        try_path: trial::path_for_app(&key),
        name: Text::of(app.name.as_str()),
        description: Text::of(app.description.as_str()),
        link: app.link.as_ref().map(|link| Text::of(link.as_str())),
        key: Text::of(app.key.as_str()),
        secret: visitor.told_secret().map(Text::of),
        secret_until: visitor.told_until(),
        secret_since: latest.map(|secret| language.instant(secret.created_at)),
        secret_end: latest.and_then(end),
        earlier_until: earlier
            .and_then(|secret| secret.expires_at)
            .map(|instant| language.instant(instant)),
        earlier_end: earlier.and_then(end),
        is_active: is_active(&app),
        why_disabled,
        switch,
        created: visitor.language.instant(app.created_at),
        used: visitor.last_use(app.last_used_at),
        follows: app.scopes_from == ScopesFrom::Owner,
        scopes: sentences.collect(),
        nothing: scopes
            .is_empty()
            .then(|| why_nothing(&app, owner, visitor.words())),
        roles: Text::of(role_names(owner)),
        redirect_uris: app
            .redirect_uris
            .iter()
            .map(|uri| Text::of(RedirectUri::as_str(uri)))
            .collect(),
        token_lasts: language.duration(settings.access_token_seconds),
        url: Text::of(settings.url.as_str()),
        no_call,
        example_url: first.url.clone().map(Text::of),
        lacks: first.lacks,
        from_here: first.from_here.filter(|_| visitor.told_secret().is_some()),
        calls: calls(&Values {
            key: app.key.as_str(),
            secret: visitor.told_secret(),
            url: &settings.url,
            api: first.url.as_deref(),
        }),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// Why an app is disabled, and what its owner can do to its status.
fn standing(app: &App, words: &'static Words) -> (Option<&'static str>, Option<&'static str>) {
    match app.status {
        AppStatus::Active => (None, Some(words.panel.disable)),
        AppStatus::DisabledByOwner => (
            Some(words.app_disabled_by_owner_hint),
            Some(words.panel.enable),
        ),
        AppStatus::Disabled => (Some(words.app_disabled_hint), None),
    }
}

/// What is empty, and who can fill it.
fn why_nothing(app: &App, owner: &User, words: &'static Words) -> &'static str {
    if owner.scopes.without_own().is_empty() && app.scopes_from == ScopesFrom::Owner {
        words.nothing_of_owner
    } else if app.scopes.is_empty() {
        words.nothing_of_app
    } else {
        words.nothing_in_common
    }
}
