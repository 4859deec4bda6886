//! What is around each page: name, menu, who is logged in, and what was just done.

use super::assets::STYLE_PATH;
use super::told::Told;
use super::visitor::Visitor;
use super::words::Words;
use super::{access, account, apps, panel, trial};
use crate::identity::{ScopeSet, SecretDigest};
use crate::issuer::http::text::Text;

/// What the template of every page has.
pub(super) struct Frame<'a> {
    pub(super) words: &'static Words,
    pub(super) language: &'static str,
    pub(super) brand: Text<'a>,
    /// The name of whoever is logged in.
    pub(super) user: Option<Text<'a>>,
    /// What each form carries back.
    pub(super) csrf: String,
    pub(super) menu: Vec<Entry>,
    /// What was just done.
    pub(super) done: Option<&'static str>,
    pub(super) style: &'static str,
}

/// A page that the user may open.
pub(super) struct Entry {
    pub(super) label: &'static str,
    pub(super) path: &'static str,
    pub(super) is_current: bool,
}

impl<'a> Frame<'a> {
    pub(super) fn of(visitor: &'a Visitor) -> Self {
        let words = visitor.words();
        let user = visitor.user.as_deref();
        let menu = user.map(|user| menu(words, &user.scopes, &visitor.path));
        Self {
            words,
            language: visitor.language.tag(),
            brand: Text::of(visitor.issuer.settings.portal.title.as_str()),
            user: user.map(|user| Text::of(user.username.as_str())),
            csrf: visitor
                .browser
                .form_token()
                .as_ref()
                .map(SecretDigest::to_text)
                .unwrap_or_default(),
            menu: menu.unwrap_or_default(),
            done: match visitor.told.as_deref() {
                Some(Told::Done(done)) => Some(done.say(words)),
                Some(Told::Secret(_) | Told::Tried(_)) | None => None,
            },
            style: STYLE_PATH.as_str(),
        }
    }
}

/// What somebody with these scopes may open. It shows, and the policy decides.
fn menu(words: &'static Words, scopes: &ScopeSet, path: &str) -> Vec<Entry> {
    let own = [
        ("consumer.app", words.menu_apps, apps::PATH),
        ("consumer.app", words.trial.try_it, trial::PATH),
        ("consumer.account", words.access, access::PATH),
        ("consumer.account", words.account, account::PATH),
    ];
    let own = own
        .into_iter()
        .filter(|(scope, ..)| scopes.contains(scope))
        .map(|(_, label, path)| (label, path));
    let parts = panel::parts(words).into_iter();
    let parts = parts
        .filter(|part| part.is_open_to(scopes))
        .map(|part| (part.label, part.path));
    let entries = own.chain(parts).map(|(label, entry)| Entry {
        label,
        path: entry,
        is_current: path == entry
            || path
                .strip_prefix(entry)
                .is_some_and(|rest| rest.starts_with('/')),
    });
    entries.collect()
}
