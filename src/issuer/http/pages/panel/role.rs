//! `/panel/roles/{name}`: one role. What takes something away says first whom that concerns.

use askama::Template;
use axum::response::Response;

use super::roles::{OF_USERS, PATH};
use super::{audit, below, users, who, with_values};
use crate::identity::Role;
use crate::issuer::directory::{DirectoryError, RoleUpdate, WhenUsed, is_role_in_use};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::boxes::{ScopeBoxes, Ticks};
use crate::issuer::http::pages::confirmation::{
    Confirmation, Offer, is_confirmed, told_use, when_confirmed, when_used,
};
use crate::issuer::http::pages::form::{PageForm, SEEN};
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::issuer::own::ADMINISTRATOR_ROLE;
use crate::store::Reach;

/// The box that adds it to a role which is to be the default.
const ADD_OWN: &str = "add_own";

#[derive(Template)]
#[template(path = "pages/role.html")]
struct RolePage<'a> {
    frame: Frame<'a>,
    path: &'a str,
    /// The mark of the role, for forms.
    seen: &'a str,
    title: Text<'a>,
    name: Text<'a>,
    is_default: bool,
    /// Whether it is the issuer's, which nobody deletes.
    is_own: bool,
    concerned: String,
    /// Who has it; for those who may see users.
    users_path: Option<String>,
    who_path: String,
    audit_path: Option<String>,
    boxes: ScopeBoxes,
    error: Text<'a>,
    is_name_wrong: bool,
}

/// What is on the page of a role.
struct Shown<'a> {
    seen: &'a Seen,
    /// As it is in the form.
    name: &'a str,
    ticks: &'a Ticks,
}

/// A role as a page is made about it.
struct Seen {
    mark: String,
    role: Role,
    reach: Reach,
}

impl Seen {
    async fn named(access: &DirectoryAccess, name: &str) -> Result<Self, DirectoryError> {
        let directory = access.directory();
        let mark = directory.mark_of_role(name).await?;
        let (role, reach) = directory.role_with_reach(name).await?;
        Ok(Self { mark, role, reach })
    }
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let seen = Seen::named(&access, &name).await?;
    let shown = Shown {
        name: seen.role.name.as_str(),
        seen: &seen,
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
    let update = RoleUpdate {
        name: is_renamed.then(|| wanted_name.clone()),
        scopes: None,
        add_scopes: Some(ticks.added.clone()),
        remove_scopes: Some(ticks.removed.clone()),
    };
    let asks = takes_away && !is_confirmed(&form);
    let done = if asks && is_role_in_use(directory.role_with_reach(&name).await?.1) {
        // What is refused anyway is not worth a question.
        directory
            .check_role_update(form.named(&name), &update)
            .await
            .map(|()| None)
    } else {
        let directory = access.after_login()?;
        let updated = directory.update_role(form.named(&name), &update, when_confirmed(&form));
        updated.await.map(Some)
    };
    match done {
        Ok(None) | Err(DirectoryError::InUse(_)) => {
            let (role, reach) = directory.role_with_reach(&name).await?;
            Ok(ask(&visitor, &role, reach, &ticks, is_renamed, &form))
        }
        Ok(Some(changed)) => {
            visitor.done(&below(PATH, changed.role.name.as_str()), Done::RoleChanged)
        }
        Err(error) => {
            // What was filled in was meant for another role then.
            let is_other = matches!(error, DirectoryError::Replaced { .. });
            let remark = visitor.remark(error)?;
            let seen = Seen::named(&access, &name).await?;
            let (present, nothing) = (seen.role.name.as_str(), Ticks::none());
            let shown = Shown {
                seen: &seen,
                name: if is_other { present } else { &wanted_name },
                ticks: if is_other { &nothing } else { &ticks },
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
    let directory = access.directory();
    let mark = directory.mark_of_role(&name).await?;
    let role = directory.role(&name).await?;
    let present = directory.default_role().await?;
    let wanted = (&role, mark.as_str());
    Ok(ask_for_default(
        &visitor,
        wanted,
        present.as_ref(),
        &Remark::none(),
    ))
}

/// `POST {name}/default`: new users get this role from now on.
pub(in crate::issuer::http::pages) async fn choose_default(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let path = below(PATH, &name);
    let directory = access.after_login()?;
    let role = directory.role(&name).await?;
    let missing = lacks_own(&role);
    let added = if form.text(ADD_OWN) == "on" && !missing.is_empty() {
        let names = missing.iter().map(|scope| (*scope).to_owned());
        let update = RoleUpdate {
            add_scopes: Some(names.collect()),
            ..RoleUpdate::default()
        };
        let added = directory.update_role(form.named(&name), &update, WhenUsed::Refuse);
        added.await.map(|_| ())
    } else {
        Ok(())
    };
    let chosen = match added {
        Ok(()) => {
            let chosen = directory.set_default_role(form.named(&name));
            chosen.await.map(|_| ())
        }
        Err(error) => Err(error),
    };
    match chosen {
        Ok(()) => visitor.done(&path, Done::DefaultRoleChanged),
        Err(error) => {
            let remark = visitor.remark(error)?;
            let mark = directory.mark_of_role(&name).await?;
            let role = directory.role(&name).await?;
            let present = access.directory().default_role().await?;
            let wanted = (&role, mark.as_str());
            Ok(ask_for_default(&visitor, wanted, present.as_ref(), &remark))
        }
    }
}

/// What opens the portal to a user, of that what a role does not have.
fn lacks_own(role: &Role) -> Vec<&'static str> {
    let missing = OF_USERS.iter().filter(|scope| !role.scopes.contains(scope));
    missing.copied().collect()
}

/// Says first which role it replaces, `present`, and what new users could not do.
fn ask_for_default(
    visitor: &Visitor,
    (role, mark): (&Role, &str),
    present: Option<&Role>,
    remark: &Remark,
) -> Response {
    let (words, missing) = (&visitor.words().panel, lacks_own(role).join(", "));
    let replaced = present.filter(|present| present.name != role.name);
    let replaced =
        replaced.map(|present| format!("{} {}.", words.replaces_default, present.name.as_str()));
    let mut texts: Vec<String> = replaced.into_iter().collect();
    texts.push(words.default_sentence.to_owned());
    texts.push(format!("{} {}", words.has, role.scopes));
    if !missing.is_empty() {
        texts.push(format!(
            "{} {missing}. {}",
            words.default_lacks, words.default_closed
        ));
    }
    let confirmation = Confirmation {
        title: words.make_default.replace("{}", role.name.as_str()),
        texts,
        button: words.make_default_button,
        fields: vec![(SEEN, mark)],
        cancel: &below(PATH, role.name.as_str()),
    };
    if missing.is_empty() {
        return confirmation.ask_to_give(visitor, remark);
    }
    let offer = Offer {
        name: ADD_OWN,
        label: format!("{} {missing}", words.default_add),
    };
    confirmation.ask_with_offer(visitor, remark, offer)
}

/// `GET {name}/delete`
pub(in crate::issuer::http::pages) async fn show_delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let checked = directory.check_role_deletion(&name).await;
    let seen = Seen::named(&access, &name).await?;
    match checked {
        Ok(()) => Ok(deletion(&visitor, &seen, &below(PATH, &name)).ask(&visitor)),
        // What is refused anyway is not worth a question.
        Err(error) => {
            let remark = visitor.remark(error)?;
            let shown = Shown {
                name: seen.role.name.as_str(),
                seen: &seen,
                ticks: &Ticks::none(),
            };
            page(&visitor, &access, &shown, &remark).await
        }
    }
}

/// `POST {name}/delete`
pub(in crate::issuer::http::pages) async fn delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let deleted = directory.delete_role(form.named(&name), when_used(&form));
    match deleted.await {
        Ok(_) => visitor.done(PATH, Done::RoleDeleted),
        Err(error) => {
            let remark = visitor.remark(error)?;
            let seen = Seen::named(&access, &name).await?;
            let path = below(PATH, &name);
            let confirmation = deletion(&visitor, &seen, &path);
            Ok(confirmation.ask_again(&visitor, &remark))
        }
    }
}

fn deletion<'a>(visitor: &Visitor, seen: &'a Seen, cancel: &'a str) -> Confirmation<'a> {
    let words = visitor.words();
    let Seen { mark, role, reach } = seen;
    Confirmation {
        title: format!("{} {}", words.panel.delete_role, role.name.as_str()),
        texts: vec![
            visitor.language.reached(*reach),
            words.panel.tokens_end.to_owned(),
        ],
        button: words.delete,
        fields: told_use(is_role_in_use(*reach))
            .into_iter()
            .chain([(SEEN, mark.as_str())])
            .collect(),
        cancel,
    }
}

async fn page(
    visitor: &Visitor,
    access: &DirectoryAccess,
    shown: &Shown<'_>,
    remark: &Remark,
) -> Result<Response, PageError> {
    let Seen { mark, role, reach } = shown.seen;
    let boxes = shown
        .ticks
        .scope_boxes(visitor, access, &role.scopes)
        .await?;
    let (name, sees_users) = (
        role.name.as_str(),
        access.caller.scopes.contains("backend.user"),
    );
    let page = RolePage {
        frame: visitor.frame(),
        path: &below(PATH, name),
        seen: mark,
        title: Text::of(name),
        name: Text::of(shown.name),
        is_default: role.is_default,
        is_own: role.name.as_str() == ADMINISTRATOR_ROLE,
        users_path: sees_users.then(|| with_values(users::PATH, &[("role", name)])),
        who_path: who::about("role", name),
        audit_path: sees_users.then(|| audit::about("role", name)),
        concerned: visitor.language.used(*reach),
        boxes,
        error: Text::of(&*remark.text),
        is_name_wrong: remark.fields.has("name"),
    };
    Ok(answer::page(remark.status, &page))
}
