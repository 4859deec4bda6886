//! `/panel/roles/{name}`: one role. What takes something away says first whom that concerns.

use askama::Template;
use axum::response::Response;

use super::below;
use super::roles::PATH;
use crate::identity::Role;
use crate::issuer::directory::{DirectoryError, RoleUpdate, is_role_in_use};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::boxes::{ScopeBoxes, Ticks};
use crate::issuer::http::pages::confirmation::{
    Confirmation, is_confirmed, told_use, when_confirmed, when_used,
};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::Reach;

#[derive(Template)]
#[template(path = "pages/role.html")]
struct RolePage<'a> {
    frame: Frame<'a>,
    path: &'a str,
    title: Text<'a>,
    name: Text<'a>,
    is_default: bool,
    concerned: String,
    boxes: ScopeBoxes,
    error: Text<'a>,
}

/// What is on the page of a role.
struct Shown<'a> {
    role: &'a Role,
    reach: Reach,
    /// As it is in the form.
    name: &'a str,
    ticks: &'a Ticks,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let (role, reach) = access.directory().role_with_reach(&name).await?;
    let shown = Shown {
        role: &role,
        reach,
        name: role.name.as_str(),
        ticks: &Ticks::none(),
    };
    page(&visitor, &access, &shown, &Remark::none()).await
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let (ticks, wanted_name) = (Ticks::of(&form), form.trimmed("name"));
    let is_renamed = wanted_name != directory.role(&name).await?.name.as_str();
    let takes_away = is_renamed || !ticks.removed.is_empty();
    if takes_away && !is_confirmed(&form) {
        let (role, reach) = directory.role_with_reach(&name).await?;
        if reach.users > 0 {
            return Ok(ask(&visitor, &role, reach, &ticks, is_renamed, &form));
        }
    }
    let update = RoleUpdate {
        name: is_renamed.then(|| wanted_name.clone()),
        scopes: None,
        add_scopes: Some(ticks.added.clone()),
        remove_scopes: Some(ticks.removed.clone()),
    };
    access.admit_revocation()?;
    let directory = access.after_login()?;
    match directory
        .update_role(&name, &update, when_confirmed(&form))
        .await
    {
        Err(DirectoryError::InUse(_)) => {
            let (role, reach) = directory.role_with_reach(&name).await?;
            Ok(ask(&visitor, &role, reach, &ticks, is_renamed, &form))
        }
        Ok(changed) => visitor.done(&below(PATH, changed.role.name.as_str()), Done::RoleChanged),
        Err(error) => {
            let remark = visitor.remark(error)?;
            let (role, reach) = directory.role_with_reach(&name).await?;
            let shown = Shown {
                role: &role,
                reach,
                name: &wanted_name,
                ticks: &ticks,
            };
            page(&visitor, &access, &shown, &remark).await
        }
    }
}

/// Says what a change of a role does.
fn ask(
    visitor: &Visitor,
    role: &Role,
    reach: Reach,
    ticks: &Ticks,
    is_renamed: bool,
    form: &PageForm,
) -> Response {
    let (words, name) = (visitor.words(), role.name.as_str());
    let mut texts = Vec::new();
    for (what, names) in [
        (words.panel.gets, &ticks.added),
        (words.panel.loses, &ticks.removed),
    ] {
        if !names.is_empty() {
            texts.push(format!("{what} {}", names.join(", ")));
        }
    }
    if is_renamed {
        texts.push(format!(
            "{} {}",
            words.panel.renamed,
            form.text("name").trim()
        ));
    }
    texts.push(visitor.language.reached(reach));
    texts.push(words.panel.tokens_end.to_owned());
    let confirmation = Confirmation {
        title: format!("{} {name}", words.panel.change_role),
        texts,
        button: words.save,
        fields: form.repeatable().collect(),
        cancel: &below(PATH, name),
    };
    confirmation.ask(visitor)
}

/// `GET {name}/default`
pub(in crate::issuer::http::pages) async fn show_default(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let role = access.directory().role(&name).await?;
    Ok(default_confirmation(&visitor, &role, &below(PATH, &name)).ask(&visitor))
}

/// `POST {name}/default`: new users get this role from now on.
pub(in crate::issuer::http::pages) async fn choose_default(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    _: PageForm,
) -> Result<Response, PageError> {
    let path = below(PATH, &name);
    match access.after_login()?.set_default_role(&name).await {
        Ok(_) => visitor.done(&path, Done::DefaultRoleChanged),
        Err(error) => {
            let remark = visitor.remark(error)?;
            let role = access.directory().role(&name).await?;
            let confirmation = default_confirmation(&visitor, &role, &path);
            Ok(confirmation.ask_again(&visitor, &remark))
        }
    }
}

fn default_confirmation<'a>(visitor: &Visitor, role: &Role, cancel: &'a str) -> Confirmation<'a> {
    let words = visitor.words();
    Confirmation {
        title: format!("{} {}", words.panel.make_default, role.name.as_str()),
        texts: vec![
            words.panel.default_sentence.to_owned(),
            format!("{} {}", words.panel.has, role.scopes),
        ],
        button: words.panel.make_default_button,
        fields: Vec::new(),
        cancel,
    }
}

/// `GET {name}/delete`
pub(in crate::issuer::http::pages) async fn show_delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let (role, reach) = access.directory().role_with_reach(&name).await?;
    Ok(deletion(&visitor, &role, reach, &below(PATH, &name)).ask(&visitor))
}

/// `POST {name}/delete`
pub(in crate::issuer::http::pages) async fn delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    access.admit_revocation()?;
    let directory = access.directory();
    match directory.delete_role(&name, when_used(&form)).await {
        Ok(_) => visitor.done(PATH, Done::RoleDeleted),
        Err(error) => {
            let remark = visitor.remark(error)?;
            let (role, reach) = directory.role_with_reach(&name).await?;
            let path = below(PATH, &name);
            let confirmation = deletion(&visitor, &role, reach, &path);
            Ok(confirmation.ask_again(&visitor, &remark))
        }
    }
}

fn deletion<'a>(visitor: &Visitor, role: &Role, reach: Reach, cancel: &'a str) -> Confirmation<'a> {
    let words = visitor.words();
    Confirmation {
        title: format!("{} {}", words.panel.delete_role, role.name.as_str()),
        texts: vec![
            visitor.language.reached(reach),
            words.panel.tokens_end.to_owned(),
        ],
        button: words.delete,
        fields: told_use(is_role_in_use(reach)).into_iter().collect(),
        cancel,
    }
}

async fn page(
    visitor: &Visitor,
    access: &DirectoryAccess,
    shown: &Shown<'_>,
    remark: &Remark,
) -> Result<Response, PageError> {
    let role = shown.role;
    let boxes = shown.ticks.scope_boxes(access, &role.scopes).await?;
    let page = RolePage {
        frame: visitor.frame(),
        path: &below(PATH, role.name.as_str()),
        title: Text::of(role.name.as_str()),
        name: Text::of(shown.name),
        is_default: role.is_default,
        concerned: visitor.language.reached(shown.reach),
        boxes,
        error: Text::of(&*remark.text),
    };
    Ok(answer::page_with_script(remark.status, &page, ""))
}
