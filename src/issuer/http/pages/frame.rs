//! What is around each page: name, menu, who is logged in, and what was just done.

use super::assets::{ICON_PATH, SCRIPT_PATH, logo_path};
use super::language_choice::LanguageChoice;
use super::told::{EarlierLine, Told};
use super::visitor::Visitor;
use super::words::Words;
use super::{access, account, apps, panel, passkeys, sessions, trial};
use crate::identity::{ScopeName, ScopeSet, SecretDigest};
use crate::issuer::http::text::Text;

/// Pages whose entry has another path, and that path.
const ELSEWHERE: [(&str, &str); 5] = [
    (sessions::PATH, account::PATH),
    (passkeys::PATH, account::PATH),
    (panel::roles::NEW_PATH, panel::roles::PATH),
    (panel::users::NEW_PATH, panel::users::PATH),
    (panel::scopes::NEW_PATH, panel::scopes::PATH),
];

/// What the template of every page has.
pub(super) struct Frame<'a> {
    pub(super) words: &'static Words,
    pub(super) language: &'static str,
    pub(super) brand: Text<'a>,
    /// The path of the picture in its place.
    pub(super) logo: Option<String>,
    /// The path of the icon of a site without one.
    pub(super) icon: &'static str,
    /// The name of whoever is logged in.
    pub(super) user: Option<Text<'a>>,
    /// Whether nobody is.
    pub(super) is_strangers: bool,
    /// What each form carries back.
    pub(super) csrf: String,
    /// The pages of the user's own, and the way to the panel.
    pub(super) menu: Vec<Entry>,
    /// The parts of the panel, on its pages alone: nobody else's pages have room for so many.
    pub(super) parts: Vec<Entry>,
    /// What was just done.
    pub(super) done: Option<&'static str>,
    /// Of a log-in that was just done: what is known of the one before.
    pub(super) earlier: Option<EarlierLine<'a>>,
    /// None where the page cannot be opened again.
    pub(super) choice: Option<LanguageChoice<'a>>,
    /// The page that shows how far the gates are with it.
    pub(super) at_gates: Option<String>,
    pub(super) style: &'a str,
    /// For pages with script.
    pub(super) script: &'static str,
}

/// A page that the user may open.
pub(super) struct Entry {
    pub(super) label: &'static str,
    pub(super) path: &'static str,
    /// What `aria-current` says of it, where it is the page that is shown or that is below it.
    pub(super) current: Option<&'static str>,
}

impl<'a> Frame<'a> {
    pub(super) fn of(visitor: &'a Visitor) -> Self {
        let words = visitor.words();
        let user = visitor.user.as_deref();
        let menus = user.map(|user| menus(words, &user.scopes, &visitor.path));
        let (menu, parts) = menus.unwrap_or_default();
        Self {
            words,
            language: visitor.language.tag(),
            brand: Text::of(visitor.issuer.settings.portal.title.as_str()),
            icon: ICON_PATH.as_str(),
            logo: visitor.issuer.logo().as_deref().map(logo_path),
            user: user.map(|user| Text::of(user.username.as_str())),
            is_strangers: visitor.is_known && user.is_none(),
            csrf: visitor
                .browser
                .form_token()
                .as_ref()
                .map(SecretDigest::to_text)
                .unwrap_or_default(),
            menu,
            parts,
            done: match visitor.told() {
                Some(Told::Done(done) | Told::Ended(done, _)) => Some(done.say(words)),
                Some(Told::Replaced(_)) => Some(words.done.secret_replaced),
                Some(Told::LoggedIn(_) | Told::Secret(_) | Told::Tried(_)) | None => None,
            },
            earlier: visitor
                .told_log_in()
                .map(|told| EarlierLine::of(visitor, told)),
            choice: LanguageChoice::at(visitor.address.as_ref(), visitor.language),
            at_gates: match visitor.told() {
                Some(Told::Ended(_, position)) => {
                    Some(format!("{}?position={position}", panel::revoke::PATH))
                }
                Some(_) | None => None,
            },
            style: visitor.issuer.look.style_path(),
            script: SCRIPT_PATH.as_str(),
        }
    }

    /// Whether the menu leads to the panel.
    pub(super) fn has_panel(&self) -> bool {
        self.menu.iter().any(|entry| entry.path == panel::PATH)
    }
}

/// What somebody with these scopes may open: the menu of each page, and that of the panel. They show, and the policy
/// decides.
fn menus(words: &'static Words, scopes: &ScopeSet, path: &str) -> (Vec<Entry>, Vec<Entry>) {
    let own = [
        ("consumer.app", words.menu_apps, apps::PATH),
        ("consumer.app", words.trial.try_it, trial::PATH),
        ("consumer.account", words.access, access::PATH),
    ];
    let own = own.into_iter().filter(|(scope, ..)| scopes.contains(scope));
    let mut menu: Vec<Entry> = own
        .map(|(_, label, entry)| Entry::of(label, entry, path))
        .collect();
    // Of whoever gets a token for this site.
    if scopes.iter().any(ScopeName::is_own) {
        menu.push(Entry::of(words.account, account::PATH, path));
    }
    let parts = panel::parts(words).into_iter();
    let mut parts: Vec<Entry> = parts
        .filter(|part| part.is_open_to(scopes))
        .map(|part| Entry::of(part.label, part.path, path))
        .collect();
    if !parts.is_empty() {
        let panel = Entry::of(words.panel.administration, panel::PATH, path);
        if panel.current.is_none() {
            parts.clear();
        }
        menu.push(panel);
    }
    (menu, parts)
}

impl Entry {
    fn of(label: &'static str, entry: &'static str, path: &str) -> Self {
        let mut elsewhere = ELSEWHERE.iter().filter(|(_, of)| *of == entry);
        let current = if path == entry {
            Some("page")
        } else if is_within(path, entry) || elsewhere.any(|(page, _)| is_within(path, page)) {
            Some("true")
        } else {
            None
        };
        Self {
            label,
            path: entry,
            current,
        }
    }
}

/// Whether this is the page or below it.
fn is_within(path: &str, page: &str) -> bool {
    let rest = path.strip_prefix(page);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
