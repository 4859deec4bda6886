//! `/consumer/app`: the caller's own apps.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::guard::Caller;
use super::refusal::Refusal;
use super::{Issuer, body, random};
use crate::identity::{
    App, AppKey, AppName, Form, PlainSecret, RedirectUri, ScopeName, ScopeSet, Status,
};
use crate::store::Created;
use crate::token::LogPosition;

const MAXIMUM_APPS: i64 = 16;
const MAXIMUM_REDIRECT_URIS: usize = 16;
const MAXIMUM_PAGE: usize = 100;
const USUAL_PAGE: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppRequest {
    name: String,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
}

#[derive(Serialize)]
struct AppAnswer<'a> {
    id: &'a str,
    app_key: &'a str,
    /// Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    app_secret: Option<&'a str>,
    name: &'a str,
    redirect_uris: Vec<&'a str>,
    scopes: Vec<&'a str>,
    status: &'static str,
    created_at: i64,
}

#[derive(Serialize)]
struct AppPage<'a> {
    items: Vec<AppAnswer<'a>>,
    next: Option<&'a str>,
}

/// `POST`
pub(super) async fn create(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: AppRequest = body::json(request).await?;
    let app = issuer.new_app(wanted, &caller)?;
    if issuer.store.count_apps(&app.owner).await? >= MAXIMUM_APPS {
        return Err(Refusal::TooManyApps);
    }
    let secret = PlainSecret::from_random(random()?);
    if issuer.store.add_app(&app, &secret.digest()).await? == Created::NameTaken {
        return Err(Refusal::NameTaken);
    }
    let answer = AppAnswer::of(&app, Some(&secret));
    Ok(body::answer(StatusCode::CREATED, &answer))
}

/// `GET`
pub(super) async fn list(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    let query = Form::parse(request.uri().query().unwrap_or_default().as_bytes())?;
    let limit = match query.get("limit") {
        None => USUAL_PAGE,
        Some(text) => text.parse().map_err(|_| Refusal::Parameter("limit"))?,
    };
    if !(1..=MAXIMUM_PAGE).contains(&limit) {
        return Err(Refusal::Parameter("limit"));
    }
    let after = query.get("after").unwrap_or_default();
    let listing = issuer.store.apps(&caller.user.id, after, limit).await?;
    let items = listing.items.iter().map(|app| AppAnswer::of(app, None));
    let page = AppPage {
        items: items.collect(),
        next: listing.next.as_deref(),
    };
    Ok(body::answer(StatusCode::OK, &page))
}

impl Issuer {
    /// An app of the caller, which gives it no more than its own token has: an app that may make
    /// apps must not get by them what it was not granted.
    fn new_app(&self, wanted: AppRequest, caller: &Caller) -> Result<App, Refusal> {
        let scopes = match wanted.scopes {
            // What opens the issuer itself must be asked for by name.
            None => caller
                .scopes
                .iter()
                .filter(|scope| !scope.is_own())
                .cloned()
                .collect(),
            Some(names) => ScopeSet::parse(&names.join(" ")).map_err(|_| Refusal::BadScope)?,
        };
        if !scopes.is_subset_of(&caller.scopes) {
            return Err(Refusal::BadScope);
        }
        if wanted.redirect_uris.len() > MAXIMUM_REDIRECT_URIS {
            return Err(Refusal::Parameter("redirect_uris"));
        }
        let uris = wanted.redirect_uris.iter();
        Ok(App {
            key: AppKey::from_random(random()?),
            name: AppName::parse(&wanted.name)?,
            owner: caller.user.id.clone(),
            redirect_uris: uris
                .map(|uri| RedirectUri::parse(uri))
                .collect::<Result<_, _>>()?,
            scopes,
            status: Status::Active,
            created_at: self.clock.now(),
            revoked_through: LogPosition::default(),
        })
    }
}

impl<'a> AppAnswer<'a> {
    fn of(app: &'a App, secret: Option<&'a PlainSecret>) -> Self {
        Self {
            id: app.key.as_str(),
            app_key: app.key.as_str(),
            app_secret: secret.map(PlainSecret::reveal),
            name: app.name.as_str(),
            redirect_uris: app.redirect_uris.iter().map(RedirectUri::as_str).collect(),
            scopes: app.scopes.iter().map(ScopeName::as_str).collect(),
            status: app.status.name(),
            created_at: app.created_at.0,
        }
    }
}
