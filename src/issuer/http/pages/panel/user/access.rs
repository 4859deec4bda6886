//! `/panel/users/{username}/status`, `/delete` and `/password`: whether and how a user gets in.

use axum::response::Response;

use crate::identity::{Status, User};
use crate::issuer::directory::{UserUpdate, is_user_in_use};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::confirmation::{Confirmation, told_use, when_used};
use crate::issuer::http::pages::form::{PageForm, SEEN};
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::panel::below;
use crate::issuer::http::pages::panel::users::PATH;
use crate::issuer::http::pages::told::{Done, Told};
use crate::issuer::http::pages::visitor::Visitor;
use crate::store::Reach;

/// Where somebody changes its own password.
const OWN_PASSWORD_PATH: &str = "/portal/account/password";

/// `GET {username}/status`
pub(in crate::issuer::http::pages) async fn show_status(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let (user, reach) = directory.user_with_reach(&name).await?;
    let (path, seen) = (below(PATH, &name), directory.mark_of_user(&user));
    let confirmation = status_confirmation(&visitor, &user, reach, (&path, &seen));
    Ok(ask_for_status(
        confirmation,
        &visitor,
        &user,
        &Remark::none(),
    ))
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
    let directory = access.after_login()?;
    let updated = directory.update_user(form.named(&name), &update);
    match updated.await {
        Ok(changed) => {
            let held = &access.caller.scopes;
            visitor.done_at_gates(&path, Done::UserChanged, changed.position, held)
        }
        Err(error) => {
            let remark = visitor.remark(error)?;
            let directory = access.directory();
            let (user, reach) = directory.user_with_reach(&name).await?;
            let seen = directory.mark_of_user(&user);
            let confirmation = status_confirmation(&visitor, &user, reach, (&path, &seen));
            Ok(ask_for_status(confirmation, &visitor, &user, &remark))
        }
    }
}

fn ask_for_status(
    confirmation: Confirmation<'_>,
    visitor: &Visitor,
    user: &User,
    remark: &Remark,
) -> Response {
    match user.status {
        Status::Active => confirmation.ask_again(visitor, remark),
        Status::Disabled => confirmation.ask_to_give(visitor, remark),
    }
}

fn status_confirmation<'a>(
    visitor: &Visitor,
    user: &User,
    reach: Reach,
    (cancel, seen): (&'a str, &'a str),
) -> Confirmation<'a> {
    let (words, name) = (visitor.words(), user.username.as_str());
    let (title, sentence, button, wanted) = match user.status {
        Status::Active => (
            words.panel.disable_user,
            words.panel.disable_user_sentence,
            words.panel.disable,
            Status::Disabled,
        ),
        Status::Disabled => (
            words.panel.enable_user,
            words.panel.enable_user_sentence,
            words.panel.enable,
            Status::Active,
        ),
    };
    Confirmation {
        title: format!("{title} {name}"),
        texts: vec![sentence.to_owned(), visitor.language.reached(reach)],
        button,
        fields: vec![("status", wanted.name()), (SEEN, seen)],
        cancel,
    }
}

/// `GET {username}/delete`
pub(in crate::issuer::http::pages) async fn show_delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let (user, reach) = directory.user_with_reach(&name).await?;
    let (path, seen) = (below(PATH, &name), directory.mark_of_user(&user));
    Ok(deletion(&visitor, &user, reach, (&path, &seen)).ask(&visitor))
}

/// `POST {username}/delete`
pub(in crate::issuer::http::pages) async fn delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let deleted = access
        .directory()
        .delete_user(form.named(&name), when_used(&form))
        .await;
    match deleted {
        Ok(()) => visitor.done(PATH, Done::UserDeleted),
        Err(error) => {
            let remark = visitor.remark(error)?;
            let directory = access.directory();
            let (user, reach) = directory.user_with_reach(&name).await?;
            let (path, seen) = (below(PATH, &name), directory.mark_of_user(&user));
            let confirmation = deletion(&visitor, &user, reach, (&path, &seen));
            Ok(confirmation.ask_again(&visitor, &remark))
        }
    }
}

fn deletion<'a>(
    visitor: &Visitor,
    user: &User,
    reach: Reach,
    (cancel, seen): (&'a str, &'a str),
) -> Confirmation<'a> {
    let words = visitor.words();
    Confirmation {
        title: format!("{} {}", words.panel.delete_user, user.username.as_str()),
        texts: vec![
            words.panel.delete_user_sentence.to_owned(),
            visitor.language.reached(reach),
        ],
        button: words.delete,
        fields: told_use(is_user_in_use(reach))
            .into_iter()
            .chain([(SEEN, seen)])
            .collect(),
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
    if user.id == access.caller.user.id {
        return Ok(answer::go(OWN_PASSWORD_PATH));
    }
    Ok(ask_for_link(&visitor, &access, &user, &Remark::none()))
}

/// `POST {username}/password`: by a link, so that the administrator never knows the password.
pub(in crate::issuer::http::pages) async fn replace_password(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let directory = access.after_login()?;
    let user = directory.user(&name).await?;
    if user.id == access.caller.user.id {
        return Ok(answer::go(OWN_PASSWORD_PATH));
    }
    match directory.replace_password_by_link(form.named(&name)).await {
        Ok(link) => Ok(visitor.go_to_be_told(&below(PATH, &name), &Told::Secret(link))?),
        Err(error) => {
            let remark = visitor.remark(error)?;
            Ok(ask_for_link(&visitor, &access, &user, &remark))
        }
    }
}

fn ask_for_link(
    visitor: &Visitor,
    access: &DirectoryAccess,
    user: &User,
    remark: &Remark,
) -> Response {
    let (words, name) = (&visitor.words().panel, user.username.as_str());
    let seen = access.directory().mark_of_user(user);
    let confirmation = Confirmation {
        title: format!("{}: {name}", words.reset_password),
        texts: vec![words.reset_password_sentence.to_owned()],
        button: words.reset_password,
        fields: vec![(SEEN, &*seen)],
        cancel: &below(PATH, name),
    };
    confirmation.ask_again(visitor, remark)
}
