//! The roles of one user: their boxes, and what is asked before they change.

use axum::response::Response;

use super::users::PATH;
use super::{below, roles};
use crate::identity::{Role, RoleName, ScopeName, ScopeSet, User};
use crate::issuer::directory::{DirectoryError, MAX_ROLES_OF_USER};
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::boxes::{MAX_BOXES, TickBox, Ticks};
use crate::issuer::http::pages::confirmation::{Confirmation, is_confirmed};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::visitor::Visitor;
use crate::store::{Page, Reach};

/// So many scopes of a role are named below its name.
const GIVEN: usize = 6;

/// What opens somebody's own pages.
const OWN_PAGES: &str = "consumer.account";

/// A box for a role.
pub(super) struct RoleBox {
    pub(super) tick: TickBox,
    /// The page of the role, for those who may see roles.
    pub(super) path: Option<String>,
}

/// A box for each role, with what it gives.
pub(super) async fn boxes(
    visitor: &Visitor,
    access: &DirectoryAccess,
    user: &User,
    ticks: &Ticks,
) -> Result<Vec<RoleBox>, PageError> {
    let sees_roles = access.caller.scopes.contains("backend.role");
    let first = Page::first(MAX_BOXES);
    let known = access.directory().roles(&first).await?.items;
    let mut names: Vec<&RoleName> = user
        .roles
        .iter()
        .chain(known.iter().map(|role| &role.name))
        .collect();
    names.sort();
    names.dedup();
    let boxes = names.into_iter().map(|name| {
        let known = known.iter().find(|role| role.name == *name);
        let gives = known.map(|role| gives(visitor, role)).unwrap_or_default();
        RoleBox {
            tick: ticks.tick_box(name.as_str(), &gives, user.roles.contains(name)),
            path: sees_roles.then(|| below(roles::PATH, name.as_str())),
        }
    });
    Ok(boxes.collect())
}

/// What a role gives, in a few words.
fn gives(visitor: &Visitor, role: &Role) -> String {
    let words = &visitor.words().panel;
    let names: Vec<&str> = role.scopes.iter().map(ScopeName::as_str).collect();
    let some: Vec<&str> = names.iter().take(GIVEN).copied().collect();
    if names.is_empty() {
        return words.gives_nothing.to_owned();
    }
    let more = visitor.words().and_more(names.len() - some.len());
    format!("{} {}{more}", words.gives, some.join(", "))
}

/// What is asked before the roles of a user change as they are ticked: where it loses one, or gets scopes of
/// administrators. None where nothing is to be asked, or it was.
pub(super) async fn question(
    visitor: &Visitor,
    access: &DirectoryAccess,
    name: &str,
    form: &PageForm,
) -> Result<Option<Response>, DirectoryError> {
    let ticks = Ticks::of(form);
    if is_confirmed(form) || (ticks.added.is_empty() && ticks.removed.is_empty()) {
        return Ok(None);
    }
    let (user, reach) = access.directory().user_with_reach(form.named(name)).await?;
    let left = left(access, &user, &ticks).await?;
    let change = RoleChange {
        gained: left.without(&user.scopes),
        lost: user.scopes.without(&left),
        ticks,
    };
    let takes = !change.ticks.removed.is_empty();
    if !takes && change.gained.administrative().is_empty() {
        return Ok(None);
    }
    let words = visitor.words();
    let confirmation = Confirmation {
        title: format!("{} {}", words.panel.change_user, user.username.as_str()),
        texts: change.texts(visitor, reach),
        button: words.save,
        fields: form.repeatable().collect(),
        cancel: &below(PATH, name),
    };
    Ok(Some(if takes {
        confirmation.ask(visitor)
    } else {
        confirmation.ask_to_give(visitor, &Remark::none())
    }))
}

/// What a user has when the boxes are ticked and cleared as they are. What does not exist gives nothing.
async fn left(
    access: &DirectoryAccess,
    user: &User,
    ticks: &Ticks,
) -> Result<ScopeSet, DirectoryError> {
    let kept = user.roles.iter().map(RoleName::as_str);
    let kept = kept.filter(|role| !ticks.removed.iter().any(|removed| removed == role));
    let mut scopes = Vec::new();
    // Nobody gets more roles, whatever a form says.
    let wanted = kept.chain(ticks.added.iter().map(String::as_str));
    for name in wanted.take(MAX_ROLES_OF_USER) {
        match access.directory().role(name).await {
            Ok(role) => scopes.extend(role.scopes.iter().cloned()),
            Err(DirectoryError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(scopes.into_iter().collect())
}

/// A change of the roles of a user.
struct RoleChange {
    ticks: Ticks,
    /// The scopes that the user has afterwards and did not have before.
    gained: ScopeSet,
    lost: ScopeSet,
}

impl RoleChange {
    /// What it does, and whom it concerns.
    fn texts(&self, visitor: &Visitor, reach: Reach) -> Vec<String> {
        let words = &visitor.words().panel;
        let mut texts = Vec::new();
        if !self.ticks.added.is_empty() {
            texts.push(format!("{} {}", words.gets, self.ticks.added.join(", ")));
            if !self.gained.is_empty() {
                texts.push(format!("{} {}", words.gains_scopes, listed(&self.gained)));
            }
            if !self.gained.administrative().is_empty() {
                texts.push(words.administers.to_owned());
            }
        }
        if !self.ticks.removed.is_empty() {
            texts.push(format!("{} {}", words.loses, self.ticks.removed.join(", ")));
            if !self.lost.is_empty() {
                texts.push(format!("{} {}", words.loses_scopes, listed(&self.lost)));
            }
            texts.push(visitor.language.reached(reach));
            texts.push(words.tokens_end.to_owned());
            if self.lost.contains(OWN_PAGES) {
                texts.push(words.loses_own_pages.to_owned());
            }
        }
        texts
    }
}

fn listed(scopes: &ScopeSet) -> String {
    let names: Vec<&str> = scopes.iter().map(ScopeName::as_str).collect();
    names.join(", ")
}
