//! `/panel/users/{username}`: roles, status and password of one user.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::below;
use super::users::PATH;
use crate::identity::{RoleName, Status, User};
use crate::issuer::directory::UserUpdate;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::boxes::{MAX_BOXES, TickBox, Ticks};
use crate::issuer::http::pages::confirmation::{Confirmation, is_confirmed};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::{Done, Told};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::Page;

/// More apps than a user can have.
const APPS: usize = 100;

#[derive(Template)]
#[template(path = "pages/user.html")]
struct UserPage<'a> {
    frame: Frame<'a>,
    path: &'a str,
    name: Text<'a>,
    email: Text<'a>,
    is_active: bool,
    created: String,
    scopes: String,
    boxes: Vec<TickBox>,
    error: Text<'a>,
}

#[derive(Template)]
#[template(path = "pages/user_password.html")]
struct PasswordPage<'a> {
    frame: Frame<'a>,
    path: &'a str,
    name: Text<'a>,
    error: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let user = access.directory().user(&name).await?;
    page(&visitor, &access, StatusCode::OK, &user, &Ticks::none(), "").await
}

/// `POST`: roles.
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let user = access.directory().user(&name).await?;
    let ticks = Ticks::of(&form);
    if !ticks.removed.is_empty() && !is_confirmed(&form) {
        let (words, apps) = (visitor.words(), count_apps(&access, &user).await?);
        let texts = vec![
            format!("{} {}", words.loses, ticks.removed.join(", ")),
            visitor.language.concerned(1, apps),
            words.tokens_end.to_owned(),
        ];
        let confirmation = Confirmation {
            title: format!("{} {}", words.change_user, user.username.as_str()),
            texts,
            button: words.save,
            fields: form.repeatable().collect(),
            cancel: &below(PATH, &name),
        };
        return Ok(confirmation.ask(&visitor));
    }
    let update = UserUpdate {
        add_roles: Some(ticks.added.clone()),
        remove_roles: Some(ticks.removed.clone()),
        ..UserUpdate::default()
    };
    match access.after_login()?.update_user(&name, &update).await {
        Ok(_) => {
            let told = Told::Done(Done::Changed);
            Ok(visitor.go_to_be_told(&below(PATH, &name), &told)?)
        }
        Err(error) if messages::is_for_the_form(&error) => {
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            page(&visitor, &access, error.status(), &user, &ticks, &text).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET {username}/status`
pub(in crate::issuer::http::pages) async fn show_status(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let user = access.directory().user(&name).await?;
    let apps = count_apps(&access, &user).await?;
    Ok(status_confirmation(&visitor, &user, apps, &below(PATH, &name)).ask(&visitor))
}

/// `POST {username}/status`
pub(in crate::issuer::http::pages) async fn change_status(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let path = below(PATH, &name);
    let update = UserUpdate {
        status: Some(form.text("status").to_owned()),
        ..UserUpdate::default()
    };
    match access.after_login()?.update_user(&name, &update).await {
        Ok(_) => Ok(visitor.go_to_be_told(&path, &Told::Done(Done::Changed))?),
        Err(error) if messages::is_for_the_form(&error) => {
            let user = access.directory().user(&name).await?;
            let apps = count_apps(&access, &user).await?;
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            let confirmation = status_confirmation(&visitor, &user, apps, &path);
            Ok(confirmation.ask_again(&visitor, error.status(), &text))
        }
        Err(error) => Err(error.into()),
    }
}

fn status_confirmation<'a>(
    visitor: &Visitor,
    user: &User,
    apps: i64,
    cancel: &'a str,
) -> Confirmation<'a> {
    let (words, name) = (visitor.words(), user.username.as_str());
    let (title, sentence, button, wanted) = match user.status {
        Status::Active => (
            words.disable_user,
            words.disable_user_sentence,
            words.disable,
            Status::Disabled,
        ),
        Status::Disabled => (
            words.enable_user,
            words.enable_user_sentence,
            words.enable,
            Status::Active,
        ),
    };
    Confirmation {
        title: format!("{title} {name}"),
        texts: vec![sentence.to_owned(), visitor.language.concerned(1, apps)],
        button,
        fields: vec![("status", wanted.name())],
        cancel,
    }
}

/// `GET {username}/delete`
pub(in crate::issuer::http::pages) async fn show_delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let user = access.directory().user(&name).await?;
    let apps = count_apps(&access, &user).await?;
    Ok(deletion(&visitor, &user, apps, &below(PATH, &name)).ask(&visitor))
}

/// `POST {username}/delete`
pub(in crate::issuer::http::pages) async fn delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    _: PageForm,
) -> Result<Response, PageError> {
    let directory = access.directory();
    match directory.delete_user(&name).await {
        Ok(()) => Ok(visitor.go_to_be_told(PATH, &Told::Done(Done::Deleted))?),
        Err(error) if messages::is_for_the_form(&error) => {
            let user = directory.user(&name).await?;
            let apps = count_apps(&access, &user).await?;
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            let path = below(PATH, &name);
            let confirmation = deletion(&visitor, &user, apps, &path);
            Ok(confirmation.ask_again(&visitor, error.status(), &text))
        }
        Err(error) => Err(error.into()),
    }
}

fn deletion<'a>(visitor: &Visitor, user: &User, apps: i64, cancel: &'a str) -> Confirmation<'a> {
    let words = visitor.words();
    Confirmation {
        title: format!("{} {}", words.delete_user, user.username.as_str()),
        texts: vec![
            words.delete_user_sentence.to_owned(),
            visitor.language.concerned(1, apps),
        ],
        button: words.delete,
        fields: Vec::new(),
        cancel,
    }
}

/// `GET {username}/password`
pub(in crate::issuer::http::pages) async fn show_password(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let user = access.directory().user(&name).await?;
    Ok(password_page(&visitor, StatusCode::OK, &user, ""))
}

/// `POST {username}/password`
pub(in crate::issuer::http::pages) async fn set_password(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let directory = access.after_login()?;
    let password = form.text("new_password").to_owned();
    match directory.set_password(&name, password).await {
        Ok(()) => {
            let told = Told::Done(Done::Changed);
            Ok(visitor.go_to_be_told(&below(PATH, &name), &told)?)
        }
        Err(error) if messages::is_for_the_form(&error) => {
            let user = directory.user(&name).await?;
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            Ok(password_page(&visitor, error.status(), &user, &text))
        }
        Err(error) => Err(error.into()),
    }
}

fn password_page(visitor: &Visitor, status: StatusCode, user: &User, error: &str) -> Response {
    let page = PasswordPage {
        frame: visitor.frame(),
        path: &below(PATH, user.username.as_str()),
        name: Text::of(user.username.as_str()),
        error: Text::of(error),
    };
    answer::page(status, &page)
}

async fn count_apps(access: &DirectoryAccess, user: &User) -> Result<i64, PageError> {
    let page = Page {
        after: String::new(),
        limit: APPS,
    };
    let apps = access.directory().own_apps(user, &page).await?.items.len();
    Ok(i64::try_from(apps).unwrap_or(i64::MAX))
}

async fn page(
    visitor: &Visitor,
    access: &DirectoryAccess,
    status: StatusCode,
    user: &User,
    ticks: &Ticks,
    error: &str,
) -> Result<Response, PageError> {
    let page = Page {
        after: String::new(),
        limit: MAX_BOXES,
    };
    let mut roles: Vec<RoleName> = user.roles.clone();
    let others = access.directory().roles(&page).await?.items;
    roles.extend(others.into_iter().map(|role| role.name));
    roles.sort();
    roles.dedup();
    let boxes = roles.iter().map(|role| {
        let has = user.roles.contains(role);
        ticks.tick_box(role.as_str(), "", has)
    });
    let page = UserPage {
        frame: visitor.frame(),
        path: &below(PATH, user.username.as_str()),
        name: Text::of(user.username.as_str()),
        email: Text::of(user.email.as_str()),
        is_active: user.is_active(),
        created: visitor.language.instant(user.created_at),
        scopes: user.scopes.to_string(),
        boxes: boxes.collect(),
        error: Text::of(error),
    };
    Ok(answer::page(status, &page))
}
