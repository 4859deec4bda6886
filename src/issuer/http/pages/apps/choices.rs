//! The scopes among which somebody chooses for an app, as sentences.

use crate::identity::{App, RoleName, ScopeName, ScopeSet, ScopesFrom, User};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::boxes::{MAX_BOXES, TickBox, Ticks};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::language::Language;
use crate::issuer::http::pages::own_scopes::sentence;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;
use crate::store::Page;

/// All boxes, and what surrounds them.
pub(super) struct Choices {
    /// Whether the app follows its owner.
    pub(super) follows: bool,
    pub(super) api: Vec<TickBox>,
    /// Those that open the issuer itself.
    pub(super) own: Vec<TickBox>,
    /// Those of the catalogue that the owner does not have: name and sentence.
    pub(super) others: Vec<(Text<'static>, Text<'static>)>,
    /// Whether there are scopes without a box.
    pub(super) has_more: bool,
    /// The owner's roles.
    pub(super) roles: Text<'static>,
}

/// What is chosen.
pub(super) struct Chosen {
    pub(super) follows: bool,
    pub(super) ticks: Ticks,
}

impl Chosen {
    /// Before anybody has chosen anything.
    pub(super) fn of_app(app: Option<&App>) -> Self {
        Self {
            follows: app.is_none_or(|app| app.scopes_from == ScopesFrom::Owner),
            ticks: Ticks::none(),
        }
    }

    /// What a form says, which must say whether the app follows its owner: what is left out must not give
    /// it more.
    pub(super) fn of_form(form: &PageForm) -> Result<Self, EndpointError> {
        Ok(Self {
            follows: match form.text("extent") {
                "all" => true,
                "list" => false,
                _ => return Err(EndpointError::Parameter("extent")),
            },
            ticks: Ticks::of(form),
        })
    }

    /// What is wrong with it: what is ticked and not meant, or an app that could do nothing where it could before.
    pub(super) fn fault(&self, app: Option<&App>, words: &'static Words) -> Option<&'static str> {
        let ticks = &self.ticks;
        if self.follows {
            return (!ticks.added.is_empty()).then_some(words.extent_both);
        }
        let had = match app {
            Some(app) if app.scopes_from == ScopesFrom::List => app.scopes.clone(),
            Some(_) | None => ScopeSet::default(),
        };
        // Of an app with a list, what the form did not show stays.
        let keeps = had
            .iter()
            .any(|name| !ticks.removed.iter().any(|one| one == name.as_str()));
        let was_empty = app.is_some_and(|app| app.scopes.is_empty());
        let is_empty = ticks.added.is_empty() && !keeps;
        (is_empty && !was_empty).then_some(words.extent_none)
    }
}

impl Choices {
    /// `app` is the app that is to be changed, if it is there already. What it has comes first: its owner
    /// may have lost it.
    pub(super) async fn of(
        language: Language,
        access: &DirectoryAccess,
        app: Option<&App>,
        chosen: &Chosen,
    ) -> Result<Self, PageError> {
        let (owner, store) = (&access.caller.user, &access.issuer.store);
        let listed = app.filter(|app| app.scopes_from == ScopesFrom::List);
        let held = listed.map(|app| app.scopes.clone()).unwrap_or_default();
        let more = owner.scopes.without(&held);
        let all: Vec<&ScopeName> = held.iter().chain(more.iter()).collect();
        let mut choices = Self {
            follows: chosen.follows,
            api: Vec::new(),
            own: Vec::new(),
            others: Vec::new(),
            has_more: all.len() > MAX_BOXES,
            roles: Text::of(role_names(owner)),
        };
        let shown: ScopeSet = all.iter().take(MAX_BOXES).copied().cloned().collect();
        for (name, description) in store.describe_scopes(&shown).await? {
            let list = if name.is_own() {
                &mut choices.own
            } else {
                &mut choices.api
            };
            let has = held.contains(name.as_str());
            let sentence = sentence(language, name.as_str(), &description);
            list.push(chosen.ticks.tick_box(name.as_str(), sentence, has));
        }
        let catalogue = access.directory().scopes(&Page::first(MAX_BOXES)).await?;
        for scope in catalogue.items {
            let name = scope.name.as_str();
            let has = owner.scopes.contains(name) || held.contains(name);
            // Somebody who may not have them is not told what administrators can do.
            if !has && !scope.name.is_own() {
                let sentence = scope.description.as_str().trim().to_owned();
                choices
                    .others
                    .push((Text::of(name.to_owned()), Text::of(sentence)));
            }
        }
        Ok(choices)
    }
}

/// The names of somebody's roles.
pub(in crate::issuer::http::pages) fn role_names(user: &User) -> String {
    let names: Vec<&str> = user.roles.iter().map(RoleName::as_str).collect();
    names.join(", ")
}
