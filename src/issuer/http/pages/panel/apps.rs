//! `/panel/apps`: everybody's apps, or those that a filter finds.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{below, next_page_of, users};
use crate::clock::UnixSeconds;
use crate::identity::{AppStatus, Status};
use crate::issuer::directory::{Days, DirectoryError};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{ListQuery, OfApps, of_apps};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::apps::in_short;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::Listing;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/apps";

#[derive(Template)]
#[template(path = "pages/panel_apps.html")]
struct AppsPage<'a> {
    frame: Frame<'a>,
    owner: Text<'a>,
    /// As the URL has it; empty for any.
    status: &'static str,
    unused: DaysBox,
    secret: DaysBox,
    apps: Vec<Row<'a>>,
    next: Option<String>,
}

/// A box of the form, and for how many days it stands.
struct DaysBox {
    days: u16,
    is_ticked: bool,
}

struct Row<'a> {
    path: String,
    name: Text<'a>,
    description: Text<'a>,
    owner: Text<'a>,
    /// For those who may see users.
    owner_path: Option<String>,
    scopes: String,
    is_active: bool,
    used: Timed,
    /// When it was made, if no use of it is known.
    created_unused: Option<Timed>,
    /// None where it has none.
    secret_age: Option<String>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<OfApps>, EndpointError>,
) -> Result<Response, PageError> {
    let query = query?;
    let wanted = query.apps();
    let listing = match access.directory().apps(&wanted, &query.page).await {
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
        description: Text::of(in_short(&owned.app.description)),
        owner: Text::of(owned.owner.as_str()),
        owner_path: access
            .caller
            .scopes
            .contains("backend.user")
            .then(|| below(users::PATH, owned.owner.as_str())),
        scopes: owned.app.scopes.to_string(),
        is_active: owned.app.status == AppStatus::Active,
        used: visitor.last_use(owned.app.last_used_at),
        created_unused: match owned.app.last_used_at {
            Some(_) => None,
            None => Some(visitor.language.instant(owned.app.created_at)),
        },
        secret_age: owned.app.secret_since.map(|since| age(&visitor, since)),
    });
    let owner = wanted.owner.unwrap_or_default();
    let status = wanted.status.map_or("", Status::name);
    let number = |days: Option<Days>| days.map(|days| days.count().to_string());
    let (unused, secret) = (number(wanted.unused), number(wanted.secret));
    let filters = [
        (of_apps::OWNER, owner),
        (of_apps::STATUS, status),
        (of_apps::UNUSED_DAYS, unused.as_deref().unwrap_or_default()),
        (of_apps::SECRET_DAYS, secret.as_deref().unwrap_or_default()),
    ];
    let page = AppsPage {
        frame: visitor.frame(),
        owner: Text::of(owner),
        status,
        unused: DaysBox::of(wanted.unused, Days::UNUSED),
        secret: DaysBox::of(wanted.secret, Days::OLD_SECRET),
        apps: rows.collect(),
        next: next_page_of(PATH, &filters, listing.next.as_deref()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

fn age(visitor: &Visitor, since: UnixSeconds) -> String {
    const DAY: i64 = 86_400;
    let days = visitor.issuer.clock.now().since(since).max(0) / DAY;
    let seconds = u32::try_from(days * DAY).unwrap_or(u32::MAX);
    visitor.language.duration(seconds)
}

impl DaysBox {
    fn of(asked: Option<Days>, usual: Days) -> Self {
        Self {
            days: asked.unwrap_or(usual).count(),
            is_ticked: asked.is_some(),
        }
    }
}
