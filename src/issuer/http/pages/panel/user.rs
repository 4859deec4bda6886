//! `/panel/users/{username}`: roles, status, password and log-ins of one user.

mod access;

use askama::Template;
use axum::response::Response;

use super::roles_of_user::{self, RoleBox};
use super::users::{PATH, RoleLink};
use super::{apps, audit, below, who, with_values};
use crate::identity::{AppStatus, SecondFactor, User};
use crate::issuer::directory::{AppSearch, DirectoryError, MAX_APPS, UserUpdate};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::boxes::Ticks;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::sign_ins;
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::Page;

pub(in crate::issuer::http::pages) use access::{
    change_status, delete, replace_password, show_delete, show_password, show_status,
};

#[derive(Template)]
#[template(path = "pages/user.html")]
struct UserPage<'a> {
    frame: Frame<'a>,
    path: &'a str,
    /// The mark of the user, for forms.
    seen: &'a str,
    name: Text<'a>,
    email: Text<'a>,
    is_active: bool,
    created: Timed,
    roles: Vec<RoleLink>,
    scopes: String,
    /// What the user has: how many sessions as well.
    concerned: String,
    passkeys: i64,
    /// Whether it administers by nothing until it has one.
    needs_passkey: bool,
    /// Those of the user; none where the reader may not see apps.
    apps: Option<Vec<AppRow<'a>>>,
    apps_path: String,
    audit_path: String,
    /// For those who may ask about users.
    who_path: Option<String>,
    may_revoke: bool,
    boxes: Vec<RoleBox>,
    rows: Vec<sign_ins::Row>,
    /// The link for a password that was just made.
    link: Option<Text<'a>>,
    /// Until when.
    link_until: Timed,
    error: Text<'a>,
}

/// An app of the user.
struct AppRow<'a> {
    path: String,
    name: Text<'a>,
    is_active: bool,
    used: Timed,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let user = access.directory().user(&name).await?;
    page(&visitor, &access, &user, &Ticks::none(), &Remark::none()).await
}

/// `POST`: roles.
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let ticks = Ticks::of(&form);
    match roles_of_user::question(&visitor, &access, &name, &form).await {
        Ok(Some(question)) => return Ok(question),
        Ok(None) => {}
        Err(error) => return again(&visitor, &access, &name, &ticks, error).await,
    }
    let update = UserUpdate {
        add_roles: Some(ticks.added.clone()),
        remove_roles: Some(ticks.removed.clone()),
        ..UserUpdate::default()
    };
    let directory = access.after_login()?;
    let updated = directory.update_user(form.named(&name), &update);
    match updated.await {
        Ok(changed) => {
            let (path, held) = (below(PATH, &name), &access.caller.scopes);
            visitor.done_at_gates(&path, Done::UserChanged, changed.position, held)
        }
        Err(error) => again(&visitor, &access, &name, &ticks, error).await,
    }
}

/// The page of whoever has the name, which says why nothing was done.
async fn again(
    visitor: &Visitor,
    access: &DirectoryAccess,
    name: &str,
    ticks: &Ticks,
    error: DirectoryError,
) -> Result<Response, PageError> {
    // What was ticked was meant for somebody else then.
    let nothing = matches!(error, DirectoryError::Replaced { .. }).then(Ticks::none);
    let remark = visitor.remark(error)?;
    let user = access.directory().user(name).await?;
    page(
        visitor,
        access,
        &user,
        nothing.as_ref().unwrap_or(ticks),
        &remark,
    )
    .await
}

/// Whether a user must have a passkey and has none.
pub(super) fn needs_passkey(access: &DirectoryAccess, user: &User) -> bool {
    let required = access.issuer.settings.passkeys.required_for;
    SecondFactor::of(user, required) == SecondFactor::ToBeMade
}

async fn page(
    visitor: &Visitor,
    access: &DirectoryAccess,
    user: &User,
    ticks: &Ticks,
    remark: &Remark,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let boxes = roles_of_user::boxes(visitor, access, user, ticks).await?;
    let (user, reach) = directory.user_with_reach(user.username.as_str()).await?;
    let (name, held) = (user.username.as_str(), &access.caller.scopes);
    let owned = if held.contains("backend.app") {
        let all = Page::first(MAX_APPS.into());
        Some(
            directory
                .apps(&AppSearch::of_owner(name), &all)
                .await?
                .items,
        )
    } else {
        None
    };
    let rows = owned.iter().flatten().map(|owned| AppRow {
        path: below(apps::PATH, owned.app.key.as_str()),
        name: Text::of(owned.app.name.as_str()),
        is_active: owned.app.status == AppStatus::Active,
        used: visitor.last_use(owned.app.last_used_at),
    });
    let rows: Vec<AppRow<'_>> = rows.collect();
    let page = UserPage {
        frame: visitor.frame(),
        path: &below(PATH, name),
        seen: &directory.mark_of_user(&user),
        name: Text::of(name),
        email: Text::of(user.email.as_str()),
        is_active: user.is_active(),
        created: visitor.language.instant(user.created_at),
        roles: RoleLink::of(&user, held),
        scopes: user.scopes.to_string(),
        concerned: visitor.language.held(reach),
        passkeys: user.passkeys,
        needs_passkey: needs_passkey(access, &user),
        apps: owned.is_some().then_some(rows),
        apps_path: with_values(apps::PATH, &[("owner", name)]),
        audit_path: audit::about("user", name),
        who_path: who::is_open_about("user", held).then(|| who::about("user", name)),
        may_revoke: held.contains("backend.token"),
        boxes,
        rows: sign_ins::rows(visitor, access, &user).await?,
        link: visitor.told_secret().map(Text::of),
        link_until: visitor.told_until(),
        error: Text::of(&*remark.text),
    };
    Ok(answer::page(remark.status, &page))
}
