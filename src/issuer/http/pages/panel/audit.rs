//! `/panel/audit`: who did what to which.

mod phrases;

use std::borrow::Cow;

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::{apps, below, next_page_of, roles, scopes, users, with_values};
use crate::identity::ScopeSet;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::backend::audit;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::ListQuery;
use crate::issuer::http::list::of_audit::parameters;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::{ActorKind, AuditEntry, AuditFilter};

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/audit";
pub(in crate::issuer::http::pages) const EXPORT_PATH: &str = "/panel/audit/export";

/// The length of a day as RFC 3339 writes it.
const DAY_BYTES: usize = 10;

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct AuditPage<'a> {
    frame: Frame<'a>,
    asked: Filled<'a>,
    entries: Vec<Row<'a>>,
    next: Option<String>,
    /// The paths of what is found, as files: CSV, and JSON lines.
    csv: String,
    json_lines: String,
}

/// The form as it was sent.
struct Filled<'a> {
    search: Text<'a>,
    actor: Text<'a>,
    actor_kinds: Vec<Choice<'a>>,
    object: Text<'a>,
    object_kinds: Vec<Choice<'a>>,
    actions: Vec<Choice<'a>>,
    from: String,
    to: String,
    is_empty: bool,
}

/// One of the values of a field.
struct Choice<'a> {
    value: Text<'a>,
    label: Text<'a>,
    is_chosen: bool,
}

struct Row<'a> {
    at: Timed,
    actor: Text<'a>,
    /// Its page, where there is one that the reader may open.
    actor_path: Option<String>,
    action: Text<'a>,
    kind: Text<'a>,
    object: Text<'a>,
    object_path: Option<String>,
    change: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<AuditFilter>, EndpointError>,
) -> Result<Response, PageError> {
    let query = query?;
    let listing = audit::entries(&access, &query).await?;
    let held = &access.caller.scopes;
    let rows = listing.items.iter();
    let given = parameters(&query.filter);
    let filters: Vec<(&str, &str)> = given
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let page = AuditPage {
        frame: visitor.frame(),
        asked: Filled::of(&visitor, &query.filter),
        entries: rows.map(|entry| Row::of(&visitor, held, entry)).collect(),
        next: next_page_of(PATH, &filters, listing.next.as_deref()),
        csv: export_path("csv", &filters),
        json_lines: export_path("jsonl", &filters),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `GET /panel/audit/export`: the file of the endpoint, in a session.
pub(in crate::issuer::http::pages) async fn export(
    _: Visitor,
    access: DirectoryAccess,
    uri: Uri,
) -> Result<Response, PageError> {
    Ok(audit::export(access, uri).await?)
}

/// What was done to something, as a page of the audit.
pub(in crate::issuer::http::pages) fn about(kind: &str, object: &str) -> String {
    with_values(PATH, &[("object_kind", kind), ("object", object)])
}

impl<'a> Filled<'a> {
    fn of(visitor: &Visitor, filter: &'a AuditFilter) -> Self {
        let (language, words) = (visitor.language, visitor.words().audit);
        let kind = filter.actor_kind.map_or("", ActorKind::name);
        let kinds = [
            ("", words.any),
            (ActorKind::User.name(), words.users),
            (ActorKind::Command.name(), words.commands),
        ];
        let all = [("", words.any)];
        let objects = phrases::KINDS.map(|(kind, _)| (kind, phrases::kind(language, kind)));
        let actions =
            phrases::ACTIONS.map(|(action, _)| (action, phrases::action(language, action)));
        let until = filter.until.map(|until| until.plus(-1));
        let [from, to] = [filter.from, until].map(|at| {
            let mut text = at.map(|at| at.to_string()).unwrap_or_default();
            text.truncate(DAY_BYTES);
            text
        });
        Self {
            search: Text::of(filter.search.as_str()),
            actor: Text::of(filter.actor.as_str()),
            actor_kinds: choices(kinds.into_iter(), kind),
            object: Text::of(filter.object.as_str()),
            object_kinds: choices(all.into_iter().chain(objects), &filter.object_kind),
            actions: choices(all.into_iter().chain(actions), &filter.action),
            from,
            to,
            is_empty: *filter == AuditFilter::default(),
        }
    }
}

/// The values of a field; the one that is asked for is among them.
fn choices<'a>(
    known: impl Iterator<Item = (&'static str, &'static str)>,
    asked: &'a str,
) -> Vec<Choice<'a>> {
    let mut choices: Vec<Choice<'a>> = known
        .map(|(value, label)| Choice {
            value: Text::of(value),
            label: Text::of(label),
            is_chosen: value == asked,
        })
        .collect();
    if !choices.iter().any(|choice| choice.is_chosen) {
        choices.push(Choice {
            value: Text::of(asked),
            label: Text::of(asked),
            is_chosen: true,
        });
    }
    choices
}

impl<'a> Row<'a> {
    fn of(visitor: &Visitor, held: &ScopeSet, entry: &'a AuditEntry) -> Self {
        let language = visitor.language;
        let title = entry.object_title.as_ref();
        Self {
            at: visitor.language.second(entry.done_at),
            actor: Text::of(actor(visitor, entry)),
            actor_path: path_of(held, "user", entry.actor_now.as_deref()),
            action: Text::of(phrases::action(language, &entry.action)),
            kind: Text::of(phrases::kind(language, &entry.object_kind)),
            object: Text::of(title.unwrap_or(&entry.object_name).as_str()),
            object_path: path_of(held, &entry.object_kind, entry.object_now.as_deref()),
            change: Text::of(phrases::change(language, &entry.change)),
        }
    }
}

/// Who did it: with the name of then, and that of now where it is another.
fn actor<'a>(visitor: &Visitor, entry: &'a AuditEntry) -> Cow<'a, str> {
    let words = visitor.words();
    let gone = || format!(" {}", words.audit.gone);
    match (&entry.actor, &entry.actor_name) {
        (Some(id), None) => format!("{id}{}", gone()).into(),
        (Some(_), Some(name)) => match &entry.actor_now {
            None => format!("{name}{}", gone()).into(),
            Some(now) if now != name => format!("{name} ({} {now})", words.audit.now_called).into(),
            Some(_) => name.into(),
        },
        // Nobody is called so: a username has no space and no parenthesis.
        (None, Some(name)) => format!("{} ({name})", words.audit.command_line).into(),
        (None, None) => format!("({})", words.audit.command_line).into(),
    }
}

/// The page of something that is still there, for those who may open it.
fn path_of(held: &ScopeSet, kind: &str, name: Option<&str>) -> Option<String> {
    let (scope, path) = match kind {
        "user" | "owner" => ("backend.user", users::PATH),
        "app" => ("backend.app", apps::PATH),
        "role" => ("backend.role", roles::PATH),
        "scope" => ("backend.scope", scopes::PATH),
        _ => return None,
    };
    let name = name.filter(|_| held.contains(scope))?;
    Some(below(path, name))
}

fn export_path(format: &str, filters: &[(&str, &str)]) -> String {
    let values: Vec<(&str, &str)> = [("format", format)]
        .iter()
        .chain(filters)
        .copied()
        .collect();
    with_values(EXPORT_PATH, &values)
}
