//! `/panel/revoke`: revoking tokens while users and apps stay what they are, and how long each gate took to refuse
//! them.

mod arrivals;

use askama::Template;
use axum::response::Response;

use crate::identity::ScopesFrom;
use crate::issuer::directory::{AppsOf, DirectoryError, Named, WhatToRevoke};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::backend::may_count;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{ByPosition, ListQuery};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::confirmation::{Confirmation, Typed, is_confirmed};
use crate::issuer::http::pages::form::{PageForm, SEEN};
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;
use crate::store::MAX_COUNTED;
use crate::token::LogPosition;

use arrivals::{Arrivals, GateState};

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/revoke";

/// The value for everybody's tokens, and what has to be typed for them, in any language of the pages.
const EVERYONE: &str = "everyone";
const EVERYONE_TYPED: [&str; 2] = [EVERYONE, "alle"];

/// The field in which it is typed.
const TYPED: &str = "typed";

#[derive(Template)]
#[template(path = "pages/revoke.html")]
struct RevokePage<'a> {
    frame: Frame<'a>,
    /// What can be revoked: the value and what it says.
    kinds: [(&'static str, &'static str); 5],
    kind: Text<'a>,
    name: Text<'a>,
    error: Text<'a>,
    /// How far the gates are with a revocation, where one is asked about.
    arrivals: Option<Arrivals>,
}

fn page(
    visitor: &Visitor,
    form: Option<&PageForm>,
    remark: &Remark,
    arrivals: Option<Arrivals>,
) -> Response {
    let words = visitor.words();
    let text = |name| form.map(|form| form.text(name)).unwrap_or_default();
    let page = RevokePage {
        frame: visitor.frame(),
        kinds: [
            ("user", words.panel.revoke_user),
            ("app", words.panel.revoke_app),
            ("grant", words.panel.revoke_grant),
            ("token", words.panel.revoke_token),
            (EVERYONE, words.panel.revoke_everyone),
        ],
        kind: Text::of(text("kind")),
        name: Text::of(text("name")),
        error: Text::of(&*remark.text),
        arrivals,
    };
    answer::page(remark.status, &page)
}

/// `GET`: after a revocation with its position in the log.
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<ByPosition>, EndpointError>,
) -> Result<Response, PageError> {
    let position = query?.position();
    let arrivals = position.map(|position| Arrivals::of(&visitor, &access.issuer, position));
    Ok(page(&visitor, None, &Remark::none(), arrivals))
}

/// What a form has come to.
enum Step {
    /// What it would do is said first, of a user with its mark.
    Asked(Vec<String>, String),
    /// It is done, at this position of the log.
    Revoked(LogPosition),
}

/// `POST`: says first whom it concerns.
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let words = visitor.words();
    let Some(what) = what(&form) else {
        let remark = Remark::wrong(words.panel.revoke_incomplete);
        return Ok(page(&visitor, Some(&form), &remark, None));
    };
    let is_typed = what != WhatToRevoke::Everyone || is_typed(&form);
    let done = if is_confirmed(&form) && is_typed {
        let seen = form.text(SEEN);
        revoke(&access, what.clone(), seen)
            .await?
            .map(Step::Revoked)
    } else {
        access.admit_change()?;
        let asked = effect(&visitor, &access, &what, form.text(SEEN)).await;
        asked.map(|(texts, mark)| Step::Asked(texts, mark))
    };
    match done {
        // In the URL, so that the page can be looked at again and again.
        Ok(Step::Revoked(position)) => {
            let path = format!("{PATH}?position={}", position.0);
            visitor.done(&path, Done::Revoked)
        }
        Ok(Step::Asked(texts, mark)) => {
            let confirmation = Confirmation {
                title: title(words, &what),
                texts,
                button: words.panel.revoke_button,
                fields: vec![
                    ("kind", form.text("kind")),
                    ("name", form.text("name")),
                    (SEEN, &mark),
                ],
                cancel: PATH,
            };
            if what != WhatToRevoke::Everyone {
                return Ok(confirmation.ask(&visitor));
            }
            Ok(confirmation.ask_for_word(
                &visitor,
                &untyped(&visitor, &form),
                typed(&visitor, &form),
            ))
        }
        Err(
            error @ (DirectoryError::NotFound(_)
            | DirectoryError::Id
            | DirectoryError::Replaced { .. }),
        ) => {
            let remark = Remark::of(visitor.language, &error.into());
            Ok(page(&visitor, Some(&form), &remark, None))
        }
        Err(error) => Err(error.into()),
    }
}

/// Authority first: what is not the caller's to end is neither counted nor charged.
async fn revoke(
    access: &DirectoryAccess,
    what: WhatToRevoke,
    seen: &str,
) -> Result<Result<LogPosition, DirectoryError>, PageError> {
    let directory = access.directory();
    let revocable = match directory.revocable(what).await {
        Ok(revocable) => revocable,
        Err(error) => return Ok(Err(error)),
    };
    access.admit_revocation_of(&revocable)?;
    Ok(directory.revoke(revocable.seen_as(seen)).await)
}

/// Whether the word for everybody's tokens was typed.
pub(super) fn is_typed(form: &PageForm) -> bool {
    let typed = form.trimmed(TYPED).to_lowercase();
    EVERYONE_TYPED.contains(&typed.as_str())
}

/// The field for it.
pub(super) fn typed<'f>(visitor: &Visitor, form: &'f PageForm) -> Typed<'f> {
    Typed {
        name: TYPED,
        label: visitor.words().panel.type_everyone,
        value: Text::of(form.text(TYPED)),
    }
}

/// What is said of a form that was confirmed without it.
pub(super) fn untyped(visitor: &Visitor, form: &PageForm) -> Remark {
    if is_confirmed(form) {
        Remark::wrong(visitor.words().panel.not_typed)
    } else {
        Remark::none()
    }
}

/// What a form says; none where it does not say it, or not by its name.
fn what(form: &PageForm) -> Option<WhatToRevoke> {
    let name = form.trimmed("name");
    if name.is_empty() && form.text("kind") != EVERYONE {
        return None;
    }
    match form.text("kind") {
        "user" => Some(WhatToRevoke::User(name)),
        "app" => Some(WhatToRevoke::App(name)),
        "grant" => Some(WhatToRevoke::Grant(name)),
        "token" => Some(WhatToRevoke::Token(name)),
        EVERYONE => Some(WhatToRevoke::Everyone),
        _ => None,
    }
}

fn title(words: &'static Words, what: &WhatToRevoke) -> String {
    let words = &words.panel;
    match what {
        WhatToRevoke::User(name) => words.revoke_user_title.replace("{}", name),
        WhatToRevoke::App(key) => words.revoke_app_title.replace("{}", key),
        WhatToRevoke::Grant(id) => words.revoke_grant_title.replace("{}", id),
        WhatToRevoke::Token(id) => words.revoke_token_title.replace("{}", id),
        WhatToRevoke::Everyone => words.revoke_everyone_title.to_owned(),
    }
}

/// Whom it concerns, and what goes on: of users, apps and grants no more than the caller could look up. With the
/// mark of a user.
async fn effect(
    visitor: &Visitor,
    access: &DirectoryAccess,
    what: &WhatToRevoke,
    seen: &str,
) -> Result<(Vec<String>, String), DirectoryError> {
    let (words, directory) = (&visitor.words().panel, access.directory());
    let has = |scope: &str| access.caller.scopes.contains(scope);
    let (mut texts, mut mark) = (Vec::new(), String::new());
    match what {
        WhatToRevoke::User(name) => {
            let user = directory.user(name).await?;
            // The page of a user says whom it was made about.
            if !seen.is_empty() {
                directory.check_user(Named::seen(name, seen), &user)?;
            }
            mark = directory.mark_of_user(&user);
            let may_see = has("backend.user");
            if may_see {
                let (name, email) = (user.username.as_str(), user.email.as_str());
                texts.push(format!("{}: {name}, {email}", words.found_user));
            }
            texts.push(words.revoke_user_sentence.to_owned());
        }
        WhatToRevoke::App(key) => {
            let found = directory.app(key, AppsOf::Everybody).await?;
            let may_see = has("backend.app");
            if may_see {
                let (name, owner) = (found.app.name.as_str(), found.owner.as_str());
                texts.push(format!(
                    "{}: {name}, {} {owner}",
                    words.found_app, words.found_owner
                ));
            }
            if may_see && found.app.scopes_from == ScopesFrom::List {
                texts.push(format!("{} {}", words.has, found.app.scopes));
            }
            texts.push(words.revoke_app_sentence.to_owned());
        }
        WhatToRevoke::Grant(_) => texts.push(words.revoke_grant_sentence.to_owned()),
        WhatToRevoke::Token(_) => texts.push(words.revoke_token_sentence.to_owned()),
        WhatToRevoke::Everyone => texts.push(words.revoke_everyone_sentence.to_owned()),
    }
    if !may_count(access, what) {
        directory.check_named(what).await?;
        return Ok((texts, mark));
    }
    let reach = directory.reach_of_revocation(what).await?;
    if !matches!(what, WhatToRevoke::Token(_)) {
        texts.push(visitor.language.reached(reach));
    }
    let counts = [reach.users, reach.apps, reach.grants, reach.sessions];
    if *what == WhatToRevoke::Everyone && counts.contains(&MAX_COUNTED) {
        texts.push(words.at_least.to_owned());
    }
    Ok((texts, mark))
}
