//! The scopes among which somebody chooses for an app, as sentences.

use crate::identity::{ScopeSet, User};
use crate::issuer::directory::Directory;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::text::Text;
use crate::store::Page;

/// What the names of the boxes begin with.
pub(super) const PREFIX: &str = "scope:";

/// So many scopes of the catalogue are looked at.
const MAX_SCOPES: usize = 500;

/// A box with a scope.
pub(super) struct Choice {
    pub(super) name: Text<'static>,
    /// What it allows; its name where nobody has said.
    pub(super) sentence: Text<'static>,
    pub(super) is_ticked: bool,
}

/// All boxes.
pub(super) struct Choices {
    /// Whether the app follows its owner.
    pub(super) follows: bool,
    pub(super) api: Vec<Choice>,
    /// Those that open the issuer itself.
    pub(super) own: Vec<Choice>,
    /// Those of the catalogue that the owner does not have.
    pub(super) others: Vec<Choice>,
    /// The owner's roles.
    pub(super) roles: Text<'static>,
}

/// What is chosen before anybody chooses, or was chosen.
pub(super) struct Chosen {
    pub(super) follows: bool,
    pub(super) scopes: Vec<String>,
}

impl Chosen {
    /// What a form says.
    pub(super) fn of(form: &PageForm) -> Self {
        Self {
            follows: form.text("extent") != "list",
            scopes: form.ticked(PREFIX),
        }
    }

    /// What is asked of the directory: a list, or none.
    pub(super) fn list(&self) -> Option<Vec<String>> {
        (!self.follows).then(|| self.scopes.clone())
    }
}

impl Choices {
    /// `held` are the scopes that the app has, which the owner may have lost.
    pub(super) async fn of(
        directory: &Directory<'_>,
        owner: &User,
        held: &ScopeSet,
        chosen: &Chosen,
    ) -> Result<Self, PageError> {
        let page = Page {
            after: String::new(),
            limit: MAX_SCOPES,
        };
        let mut choices = Self {
            follows: chosen.follows,
            api: Vec::new(),
            own: Vec::new(),
            others: Vec::new(),
            roles: Text::of(role_names(owner)),
        };
        for scope in directory.scopes(&page).await?.items {
            let (name, sentence) = (scope.name.as_str(), scope.description.as_str().trim());
            let is_ticked = chosen.scopes.iter().any(|ticked| ticked == name);
            let list = if !owner.scopes.contains(name) && !held.contains(name) {
                // Somebody who may not have them is not told what administrators can do.
                if scope.name.is_own() {
                    continue;
                }
                &mut choices.others
            } else if scope.name.is_own() {
                &mut choices.own
            } else {
                &mut choices.api
            };
            list.push(Choice {
                name: Text::of(name.to_owned()),
                sentence: Text::of(if sentence.is_empty() { name } else { sentence }.to_owned()),
                is_ticked,
            });
        }
        Ok(choices)
    }
}

/// The names of somebody's roles.
pub(in crate::issuer::http::pages) fn role_names(user: &User) -> String {
    let names: Vec<&str> = user
        .roles
        .iter()
        .map(crate::identity::RoleName::as_str)
        .collect();
    names.join(", ")
}
