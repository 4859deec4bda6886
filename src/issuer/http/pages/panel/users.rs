//! `/panel/users`: a list with a filter, and new users.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{below, next_page};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{BySearch, ListQuery};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::apps::role_names;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Told;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/users";
pub(in crate::issuer::http::pages) const NEW_PATH: &str = "/panel/new-user";

#[derive(Template)]
#[template(path = "pages/users.html")]
struct UsersPage<'a> {
    frame: Frame<'a>,
    search: Text<'a>,
    users: Vec<Row<'a>>,
    next: Option<String>,
}

struct Row<'a> {
    path: String,
    name: Text<'a>,
    email: Text<'a>,
    roles: String,
    is_active: bool,
    created: String,
}

#[derive(Template)]
#[template(path = "pages/user_new.html")]
struct NewUserPage<'a> {
    frame: Frame<'a>,
    username: Text<'a>,
    email: Text<'a>,
    error: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<BySearch>, EndpointError>,
) -> Result<Response, PageError> {
    let query = query?;
    let search = query.filter().unwrap_or_default();
    let listing = access.directory().users(search, &query.page).await?;
    let rows = listing.items.iter().map(|user| Row {
        path: below(PATH, user.username.as_str()),
        name: Text::of(user.username.as_str()),
        email: Text::of(user.email.as_str()),
        roles: role_names(user),
        is_active: user.is_active(),
        created: visitor.language.instant(user.created_at),
    });
    let page = UsersPage {
        frame: visitor.frame(),
        search: Text::of(search),
        users: rows.collect(),
        next: next_page(PATH, ("search", search), listing.next.as_deref()),
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
    };
    answer::page(remark.status, &page)
}
