//! `/portal/access`: who may act in the user's name, and ending it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::apps::in_short;
use super::confirmation::Confirmation;
use super::form::PageForm;
use super::frame::Frame;
use super::language::Language;
use super::own_scopes::sentence;
use super::page_error::PageError;
use super::timed::Timed;
use super::told::Done;
use super::visitor::Visitor;
use crate::coding::push_percent_encoded;
use crate::identity::ScopeName;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::list::{ListQuery, Unfiltered};
use crate::issuer::http::text::Text;
use crate::store::Page;

pub(super) const PATH: &str = "/portal/access";
pub(super) const END_ALL_PATH: &str = "/portal/access/end-all";

/// So many are named before all of them end.
const NAMED: usize = 50;

#[derive(Template)]
#[template(path = "pages/access.html")]
struct AccessPage<'a> {
    frame: Frame<'a>,
    grants: Vec<Row<'a>>,
    next: Option<String>,
}

struct Row<'a> {
    path: String,
    /// None for a login.
    app: Option<AppOf<'a>>,
    /// Whether it is the user's own.
    is_own: bool,
    /// Sentence and name of each.
    scopes: Vec<(Text<'a>, Text<'a>)>,
    /// By what it is told from others that look alike: the second in which it began.
    since: Timed,
    /// The same without markup.
    since_in_words: Text<'a>,
    created: Timed,
    used: Timed,
    expires: Timed,
}

/// An app, which may be a stranger's: its words are shown as text, and its link nowhere.
struct AppOf<'a> {
    name: Text<'a>,
    owner: Text<'a>,
    description: Text<'a>,
}

/// `GET`
pub(super) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<Unfiltered>, EndpointError>,
) -> Result<Response, PageError> {
    let (user, language) = (&access.caller.user.id, visitor.language);
    let listing = access.directory().grants(user, &query?.page).await?;
    let mut rows = Vec::new();
    for live in &listing.items {
        let app = match &live.grant.app {
            None => None,
            Some(key) => access.issuer.store.owned_app(key).await?,
        };
        let described = access
            .issuer
            .store
            .describe_scopes(&live.grant.scopes)
            .await?;
        rows.push(Row {
            is_own: app.as_ref().is_some_and(|owned| owned.app.owner == *user),
            path: end_path(live.grant.id.as_str()),
            app: app.map(|owned| AppOf {
                name: Text::of(owned.app.name.as_str().to_owned()),
                owner: Text::of(owned.owner.as_str().to_owned()),
                description: Text::of(in_short(&owned.app.description)),
            }),
            scopes: sentences(language, described),
            since: language.second(live.created_at),
            since_in_words: Text::of(language.second_in_words(live.created_at)),
            created: language.instant(live.created_at),
            used: language.instant(live.last_used_at),
            expires: language.instant(live.expires_at),
        });
    }
    let next = listing.next.map(|after| {
        let mut path = format!("{PATH}?after=");
        push_percent_encoded(&mut path, &after);
        path
    });
    let page = AccessPage {
        frame: visitor.frame(),
        grants: rows,
        next,
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// Scopes as sentences, each with its name.
fn sentences(
    language: Language,
    described: Vec<(ScopeName, String)>,
) -> Vec<(Text<'static>, Text<'static>)> {
    let described = described.into_iter().map(|(name, stored)| {
        let sentence = sentence(language, name.as_str(), &stored).to_owned();
        (Text::of(sentence), Text::of(name.as_str().to_owned()))
    });
    described.collect()
}

/// `GET end-all`: says first what ends.
pub(super) async fn show_end_all(
    visitor: Visitor,
    access: DirectoryAccess,
) -> Result<Response, PageError> {
    let words = visitor.words();
    let user = &access.caller.user.id;
    let listing = access.directory().grants(user, &Page::first(NAMED)).await?;
    let mut names: Vec<String> = Vec::new();
    for live in &listing.items {
        let app = match &live.grant.app {
            None => None,
            Some(key) => access.issuer.store.owned_app(key).await?,
        };
        let name = app.map(|owned| owned.app.name.as_str().to_owned());
        let name = name.unwrap_or_else(|| words.a_login.to_owned());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if listing.next.is_some() {
        names.push("\u{2026}".to_owned());
    }
    let confirmation = Confirmation {
        title: words.end_all_title.to_owned(),
        texts: vec![
            format!("{} {}.", words.end_all_effect, names.join("; ")),
            words.end_all_sentence.to_owned(),
        ],
        button: words.end_all,
        fields: Vec::new(),
        cancel: PATH,
    };
    if names.is_empty() {
        let texts = vec![words.no_access.to_owned()];
        let nothing = Confirmation {
            texts,
            ..confirmation
        };
        return Ok(nothing.tell(&visitor));
    }
    Ok(confirmation.ask(&visitor))
}

/// `POST end-all`
pub(super) async fn end_all(
    visitor: Visitor,
    access: DirectoryAccess,
    _: PageForm,
) -> Result<Response, PageError> {
    access
        .directory()
        .end_grants(&access.caller.user.id)
        .await?;
    visitor.done(PATH, Done::AllAccessEnded)
}

/// `GET {id}/end`: says first whose it is.
pub(super) async fn show_end(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(id): PathName,
) -> Result<Response, PageError> {
    let (words, user) = (visitor.words(), &access.caller.user.id);
    let live = access.directory().grant(user, &id).await?;
    let store = &access.issuer.store;
    let app = match &live.grant.app {
        None => None,
        Some(key) => store.owned_app(key).await?,
    };
    let whose = match &app {
        None => words.a_login.to_owned(),
        Some(owned) => owned.app.name.as_str().to_owned(),
    };
    let owner = app.as_ref().map(|owned| {
        let owner = if owned.app.owner == *user {
            words.own_app
        } else {
            owned.owner.as_str()
        };
        format!("{}: {owner}.", words.panel.owner)
    });
    let described = store.describe_scopes(&live.grant.scopes).await?;
    let scopes = described.iter().map(|(name, stored)| {
        let sentence = sentence(visitor.language, name.as_str(), stored);
        match sentence {
            "" => name.as_str().to_owned(),
            sentence => format!("{sentence} ({})", name.as_str()),
        }
    });
    let scopes: Vec<String> = scopes.collect();
    let language = visitor.language;
    let mut texts: Vec<String> = owner.into_iter().collect();
    texts.push(format!("{}: {}.", words.app_may, scopes.join("; ")));
    texts.push(format!(
        "{}: {}. {}: {}.",
        words.since,
        language.second_in_words(live.created_at),
        words.last_used,
        language.second_in_words(live.last_used_at)
    ));
    texts.push(words.end_access_sentence.to_owned());
    let confirmation = Confirmation {
        title: format!("{} {whose}", words.end_access_title),
        texts,
        button: words.end_access,
        fields: Vec::new(),
        cancel: PATH,
    };
    Ok(confirmation.ask(&visitor))
}

/// `POST {id}/end`
pub(super) async fn end(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(id): PathName,
    _: PageForm,
) -> Result<Response, PageError> {
    let user = &access.caller.user.id;
    access.directory().end_grant(user, &id).await?;
    visitor.done(PATH, Done::AccessEnded)
}

fn end_path(id: &str) -> String {
    let mut path = format!("{PATH}/");
    push_percent_encoded(&mut path, id);
    path.push_str("/end");
    path
}
