//! `/panel/users`: a list with a filter, and new users.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{below, next_page_of, roles};
use crate::identity::{ScopeSet, Status, User};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{ListQuery, of_users};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::{Fields, Remark};
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::told::Told;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::{Page, UserFilter};

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/users";
pub(in crate::issuer::http::pages) const NEW_PATH: &str = "/panel/new-user";

/// So many roles can be chosen; a link or the URL names any other.
const MAX_ROLES: usize = 200;

#[derive(Template)]
#[template(path = "pages/users.html")]
struct UsersPage<'a> {
    frame: Frame<'a>,
    search: Text<'a>,
    /// Those that can be chosen; the one that is asked for is among them.
    roles: Vec<Text<'a>>,
    role: &'a str,
    /// As the URL has it; empty for any.
    status: &'static str,
    users: Vec<Row<'a>>,
    next: Option<String>,
}

struct Row<'a> {
    path: String,
    name: Text<'a>,
    email: Text<'a>,
    roles: Vec<RoleLink>,
    is_active: bool,
    created: Timed,
}

/// A role of a user.
pub(super) struct RoleLink {
    pub(super) name: Text<'static>,
    /// Its page, for those who may see roles.
    pub(super) path: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/user_new.html")]
struct NewUserPage<'a> {
    frame: Frame<'a>,
    username: Text<'a>,
    email: Text<'a>,
    error: Text<'a>,
    wrong: Fields,
    /// The field that has the focus.
    focus: &'static str,
}

impl RoleLink {
    /// The roles of a user, for somebody with these scopes.
    pub(super) fn of(user: &User, held: &ScopeSet) -> Vec<Self> {
        let roles = user.roles.iter().map(|role| Self {
            name: Text::of(role.as_str().to_owned()),
            path: held
                .contains("backend.role")
                .then(|| below(roles::PATH, role.as_str())),
        });
        roles.collect()
    }
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<UserFilter>, EndpointError>,
) -> Result<Response, PageError> {
    let query = query?;
    let (directory, filter) = (access.directory(), &query.filter);
    let listing = directory.users(filter, &query.page).await?;
    let roles = directory.roles(&Page::first(MAX_ROLES)).await?;
    let mut roles: Vec<&str> = roles.items.iter().map(|role| role.name.as_str()).collect();
    if !filter.role.is_empty() && !roles.contains(&filter.role.as_str()) {
        roles.push(&filter.role);
    }
    let status = filter.status.map_or("", Status::name);
    let filters = [
        ("search", filter.search.as_str()),
        (of_users::ROLE, filter.role.as_str()),
        (of_users::STATUS, status),
    ];
    let rows = listing.items.iter().map(|user| Row {
        path: below(PATH, user.username.as_str()),
        name: Text::of(user.username.as_str()),
        email: Text::of(user.email.as_str()),
        roles: RoleLink::of(user, &access.caller.scopes),
        is_active: user.is_active(),
        created: visitor.language.instant(user.created_at),
    });
    let page = UsersPage {
        frame: visitor.frame(),
        search: Text::of(filter.search.as_str()),
        roles: roles.into_iter().map(Text::of).collect(),
        role: &filter.role,
        status,
        users: rows.collect(),
        next: next_page_of(PATH, &filters, listing.next.as_deref()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `GET /panel/new-user`
pub(in crate::issuer::http::pages) async fn show_new(
    visitor: Visitor,
    _: DirectoryAccess,
) -> Response {
    new_page(&visitor, "", "", &Remark::none())
}

/// `POST /panel/new-user`: with the default role, which the page of the user changes, and a link for the password,
/// which no administrator knows.
pub(in crate::issuer::http::pages) async fn submit_new(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let (username, email) = (form.trimmed("username"), form.trimmed("email"));
    let directory = access.after_login()?;
    match directory
        .add_user_with_link(username.clone(), email.clone())
        .await
    {
        Ok((user, link)) => {
            let path = below(PATH, user.username.as_str());
            Ok(visitor.go_to_be_told(&path, &Told::Secret(link))?)
        }
        Err(error) => {
            let remark = visitor.remark(error)?;
            Ok(new_page(&visitor, &username, &email, &remark))
        }
    }
}

fn new_page(visitor: &Visitor, username: &str, email: &str, remark: &Remark) -> Response {
    let page = NewUserPage {
        frame: visitor.frame(),
        username: Text::of(username),
        email: Text::of(email),
        error: Text::of(&*remark.text),
        wrong: remark.fields.clone(),
        focus: remark.fields.focus(&["username", "email"]),
    };
    answer::page(remark.status, &page)
}
