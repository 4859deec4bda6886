//! `/panel`: what administrators do. Each part is for those who have its scope.

pub(super) mod app;
pub(super) mod apps;
pub(super) mod audit;
pub(super) mod components;
pub(super) mod gates;
pub(super) mod keys;
pub(super) mod policy;
pub(super) mod revoke;
pub(super) mod role;
pub(super) mod roles;
mod roles_of_user;
pub(super) mod scope;
pub(super) mod scopes;
pub(super) mod user;
pub(super) mod users;
pub(super) mod who;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::frame::Frame;
use super::language::Language;
use super::page_error::PageError;
use super::visitor::Visitor;
use super::words::Words;
use crate::coding::push_percent_encoded;
use crate::identity::ScopeSet;
use crate::issuer::attention::Attention;
use crate::issuer::directory::Days;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::of_apps::{SECRET_DAYS, UNUSED_DAYS};
use crate::store::Counted;

pub(super) const PATH: &str = "/panel";

#[derive(Template)]
#[template(path = "pages/panel.html")]
struct PanelPage<'a> {
    frame: Frame<'a>,
    concerns: Vec<Concern>,
    parts: Vec<Part>,
}

/// Something that a person should look at, and where.
struct Concern {
    sentence: String,
    path: String,
    link: &'static str,
}

/// A part of the panel.
pub(super) struct Part {
    /// What opens it: all of them.
    pub(super) scopes: &'static [&'static str],
    pub(super) path: &'static str,
    pub(super) label: &'static str,
    pub(super) sentence: &'static str,
}

impl Part {
    /// Whether somebody with these scopes may open it.
    pub(super) fn is_open_to(&self, scopes: &ScopeSet) -> bool {
        self.scopes.iter().all(|scope| scopes.contains(scope))
    }
}

/// All parts.
pub(super) fn parts(words: &'static Words) -> [Part; 10] {
    [
        Part {
            scopes: &["backend.role"],
            path: roles::PATH,
            label: words.panel.roles,
            sentence: words.panel.roles_sentence,
        },
        Part {
            scopes: &["backend.user"],
            path: users::PATH,
            label: words.panel.users,
            sentence: words.panel.users_sentence,
        },
        Part {
            scopes: &["backend.scope"],
            path: scopes::PATH,
            label: words.panel.scopes,
            sentence: words.panel.scopes_sentence,
        },
        Part {
            scopes: &["backend.app"],
            path: apps::PATH,
            label: words.panel.all_apps,
            sentence: words.panel.all_apps_sentence,
        },
        Part {
            scopes: &["backend.role"],
            path: policy::PATH,
            label: words.panel.policy,
            sentence: words.panel.policy_sentence,
        },
        Part {
            scopes: &["backend.user"],
            path: audit::PATH,
            label: words.panel.audit,
            sentence: words.panel.audit_sentence,
        },
        Part {
            scopes: &["backend.token"],
            path: revoke::PATH,
            label: words.panel.revoke,
            sentence: words.panel.revoke_sentence,
        },
        Part {
            scopes: &["backend.token"],
            path: keys::PATH,
            label: words.panel.keys,
            sentence: words.panel.keys_sentence,
        },
        Part {
            scopes: &["backend.token"],
            path: gates::PATH,
            label: words.panel.gates,
            sentence: words.panel.gates_sentence,
        },
        Part {
            scopes: &["backend.role"],
            path: who::PATH,
            label: words.panel.who_may,
            sentence: words.panel.who_sentence,
        },
    ]
}

/// `GET`
pub(super) async fn show(visitor: Visitor, access: DirectoryAccess) -> Result<Response, PageError> {
    let (words, scopes) = (visitor.words(), &access.caller.scopes);
    let attention = access.issuer.attention(&access.directory(), scopes).await?;
    let parts = parts(words).into_iter();
    let page = PanelPage {
        frame: visitor.frame(),
        concerns: concerns(visitor.language, &attention),
        parts: parts.filter(|part| part.is_open_to(scopes)).collect(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// What is to be looked at, most urgent first.
fn concerns(language: Language, attention: &Attention) -> Vec<Concern> {
    let words = &language.words().panel;
    let mut concerns = Vec::new();
    if let Some(gates) = &attention.gates {
        let of_gates = |count: usize, sentence| {
            (count > 0).then(|| Concern {
                sentence: format!("{sentence} {count}"),
                path: gates::PATH.to_owned(),
                link: words.gates,
            })
        };
        concerns.extend(of_gates(gates.lagging, words.concern_lagging));
        concerns.extend(of_gates(gates.gone, words.concern_gone));
        concerns.extend(of_gates(gates.other_policies, words.concern_policy));
    }
    if let Some(count) = attention.without_passkey.filter(|count| *count > 0) {
        concerns.push(Concern {
            sentence: format!("{} {}", words.concern_passkeys, language.number(count)),
            path: users::PATH.to_owned(),
            link: words.users,
        });
    }
    if let Some(closed) = &attention.closed_routes
        && closed.count > 0
    {
        let more = if closed.count > closed.names.len() {
            ", …"
        } else {
            ""
        };
        let (count, names) = (closed.count, closed.names.join(", "));
        concerns.push(Concern {
            sentence: format!("{} {count} ({names}{more})", words.concern_closed),
            path: policy::PATH.to_owned(),
            link: words.policy,
        });
    }
    if let Some(apps) = &attention.apps {
        let of_apps = |counted, sentence, filter: &str, days: Days| {
            let count = match counted {
                Counted::Exactly(0) => return None,
                Counted::Exactly(count) => language.number(count),
                Counted::MoreThan(bound) => language.more_than(bound),
            };
            Some(Concern {
                sentence: format!("{sentence} {count}"),
                path: format!("{}?status=active&{filter}={}", apps::PATH, days.count()),
                link: words.all_apps,
            })
        };
        let unused = (apps.unused, words.concern_unused);
        let old = (apps.old_secrets, words.concern_old_secrets);
        concerns.extend(of_apps(unused.0, unused.1, UNUSED_DAYS, Days::UNUSED));
        concerns.extend(of_apps(old.0, old.1, SECRET_DAYS, Days::OLD_SECRET));
    }
    concerns
}

/// The page of something by its name.
fn below(path: &str, name: &str) -> String {
    let mut path = format!("{path}/");
    push_percent_encoded(&mut path, name);
    path
}

/// A page with values in its query.
fn with_values(path: &str, values: &[(&str, &str)]) -> String {
    let mut path = path.to_owned();
    for (index, (name, value)) in values.iter().enumerate() {
        path.push(if index == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        push_percent_encoded(&mut path, value);
    }
    path
}

/// The next page of a list, of which `filter` is asked.
fn next_page(path: &str, filter: (&str, &str), after: Option<&str>) -> Option<String> {
    next_page_of(path, &[filter], after)
}

/// The same of a list with several filters.
fn next_page_of(path: &str, filters: &[(&str, &str)], after: Option<&str>) -> Option<String> {
    let mut next = format!("{path}?after=");
    push_percent_encoded(&mut next, after?);
    for (name, value) in filters.iter().filter(|(_, value)| !value.is_empty()) {
        next.push('&');
        next.push_str(name);
        next.push('=');
        push_percent_encoded(&mut next, value);
    }
    Some(next)
}
