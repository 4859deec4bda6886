//! `/panel/apps`: everybody's apps, or those of one owner.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{below, next_page};
use crate::identity::AppStatus;
use crate::issuer::directory::DirectoryError;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{ByOwner, ListQuery};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::Listing;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/apps";

#[derive(Template)]
#[template(path = "pages/panel_apps.html")]
struct AppsPage<'a> {
    frame: Frame<'a>,
    owner: Text<'a>,
    apps: Vec<Row<'a>>,
    next: Option<String>,
}

struct Row<'a> {
    path: String,
    name: Text<'a>,
    owner: Text<'a>,
    scopes: String,
    is_active: bool,
    created: String,
    used: String,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<ByOwner>, EndpointError>,
) -> Result<Response, PageError> {
    let query = query?;
    let owner = query.filter();
    let listing = match access.directory().apps(owner, &query.page).await {
        Ok(listing) => listing,
        // Nobody of this name has an app.
        Err(DirectoryError::NotFound(_)) => Listing {
            items: Vec::new(),
            next: None,
        },
        Err(error) => return Err(error.into()),
    };
    let rows = listing.items.iter().map(|owned| Row {
        path: below(PATH, owned.app.key.as_str()),
        name: Text::of(owned.app.name.as_str()),
        owner: Text::of(owned.owner.as_str()),
        scopes: owned.app.scopes.to_string(),
        is_active: owned.app.status == AppStatus::Active,
        created: visitor.language.instant(owned.app.created_at),
        used: visitor.last_use(owned.app.last_used_at),
    });
    let owner = owner.unwrap_or_default();
    let page = AppsPage {
        frame: visitor.frame(),
        owner: Text::of(owner),
        apps: rows.collect(),
        next: next_page(PATH, ("owner", owner), listing.next.as_deref()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}
