//! `/panel/roles`: a grid of roles and scopes, and new roles.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{below, next_page};
use crate::identity::{Role, ScopeSet};
use crate::issuer::directory::NewRole;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{BySearch, ListQuery};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::boxes::{MAX_BOXES, ScopeBoxes, Ticks};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::own_scopes::sentence;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::Page;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/roles";
pub(in crate::issuer::http::pages) const NEW_PATH: &str = "/panel/new-role";

/// What a user needs for its own pages.
pub(super) const OF_USERS: [&str; 2] = ["consumer.account", "consumer.app"];

/// So many columns fit on a page.
const ROLES: usize = 8;

#[derive(Template)]
#[template(path = "pages/roles.html")]
struct RolesPage<'a> {
    frame: Frame<'a>,
    search: Text<'a>,
    roles: Vec<Column<'a>>,
    scopes: Vec<Row<'a>>,
    has_more_scopes: bool,
    next: Option<String>,
}

struct Column<'a> {
    path: String,
    name: Text<'a>,
    is_default: bool,
}

struct Row<'a> {
    name: Text<'a>,
    sentence: Text<'a>,
    /// Whether each role has it.
    cells: Vec<bool>,
}

#[derive(Template)]
#[template(path = "pages/role_new.html")]
struct NewRolePage<'a> {
    frame: Frame<'a>,
    name: Text<'a>,
    boxes: ScopeBoxes,
    error: Text<'a>,
    is_name_wrong: bool,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<BySearch>, EndpointError>,
) -> Result<Response, PageError> {
    let query = query?;
    let search = query.filter().unwrap_or_default();
    let page = Page {
        limit: ROLES,
        ..query.page.clone()
    };
    let directory = access.directory();
    let found = directory.roles_named(search, &page).await?;
    let default = directory.default_role().await?;
    let roles = default_first(default, found.items, search, &page.after);
    let scopes = directory.scopes(&Page::first(MAX_BOXES)).await?;
    let columns = roles.iter().map(|role| Column {
        path: below(PATH, role.name.as_str()),
        name: Text::of(role.name.as_str()),
        is_default: role.is_default,
    });
    let rows = scopes.items.iter().map(|scope| {
        let name = scope.name.as_str();
        let cells = roles.iter().map(|role| role.scopes.contains(name));
        Row {
            name: Text::of(name),
            sentence: Text::of(sentence(visitor.language, name, scope.description.as_str())),
            cells: cells.collect(),
        }
    });
    let page = RolesPage {
        frame: visitor.frame(),
        search: Text::of(search),
        roles: columns.collect(),
        scopes: rows.collect(),
        has_more_scopes: scopes.next.is_some(),
        next: next_page(PATH, ("search", search), found.next.as_deref()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// The default role before the others on the first page, and on no other.
fn default_first(default: Option<Role>, found: Vec<Role>, search: &str, after: &str) -> Vec<Role> {
    let is_shown = |role: &Role| {
        let name = role.name.as_str().to_lowercase();
        after.is_empty() && name.contains(&search.to_lowercase())
    };
    let others = found.into_iter().filter(|role| !role.is_default);
    let default = default.filter(is_shown);
    default.into_iter().chain(others).collect()
}

/// `GET /panel/new-role`
pub(in crate::issuer::http::pages) async fn show_new(
    visitor: Visitor,
    access: DirectoryAccess,
) -> Result<Response, PageError> {
    // Whoever gets a role without them has no pages of its own: that is to be meant.
    let preset = Ticks::adding(OF_USERS);
    new_page(&visitor, &access, "", &preset, &Remark::none()).await
}

/// `POST /panel/new-role`
pub(in crate::issuer::http::pages) async fn submit_new(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let ticks = Ticks::of(&form);
    let wanted = NewRole {
        name: form.trimmed("name"),
        scopes: ticks.added.clone(),
    };
    match access.directory().add_role(&wanted).await {
        Ok(role) => visitor.done(&below(PATH, role.name.as_str()), Done::RoleMade),
        Err(error) => {
            let remark = visitor.remark(error)?;
            new_page(&visitor, &access, &wanted.name, &ticks, &remark).await
        }
    }
}

async fn new_page(
    visitor: &Visitor,
    access: &DirectoryAccess,
    name: &str,
    ticks: &Ticks,
    remark: &Remark,
) -> Result<Response, PageError> {
    let boxes = ticks
        .scope_boxes(visitor, access, &ScopeSet::default())
        .await?;
    let page = NewRolePage {
        frame: visitor.frame(),
        name: Text::of(name),
        boxes,
        error: Text::of(&*remark.text),
        is_name_wrong: remark.fields.has("name"),
    };
    Ok(answer::page(remark.status, &page))
}
