//! `/panel/keys`: the keys that sign tokens, and new ones.

use std::time::Duration;

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::revoke::{is_typed, typed, untyped};
use crate::identity::Form;
use crate::issuer::Issuer;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::confirmation::Confirmation;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::keys::RotationPace;
use crate::token::{KeyState, PUBLISHED_AHEAD_SECONDS};

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/keys";
pub(in crate::issuer::http::pages) const ROTATE_PATH: &str = "/panel/keys/rotate";

/// The field and parameter that says how soon the new key signs; without it the present one goes on for a while.
const PACE: &str = "pace";
const NOW: &str = "now";

/// How long the answer waits for this process to take over the new key, so that the next page shows it.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Template)]
#[template(path = "pages/keys.html")]
struct KeysPage<'a> {
    frame: Frame<'a>,
    keys: Vec<Row>,
    /// Whether the keys are files, which somebody else rotates.
    are_files: bool,
}

struct Row {
    id: String,
    algorithm: &'static str,
    state: &'static str,
    is_active: bool,
    /// Empty where it is not known, like the next one.
    active_from: Timed,
    until: Timed,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
) -> Response {
    let (words, language) = (&visitor.words().panel, visitor.language);
    let rows = access.issuer.published_keys().into_iter().map(|key| Row {
        id: key.id,
        algorithm: key.algorithm.name(),
        state: match key.state {
            KeyState::Next => words.key_next,
            KeyState::Active => words.key_active,
            KeyState::Retiring | KeyState::Ended => words.key_retiring,
        },
        is_active: key.state == KeyState::Active,
        active_from: key
            .active_from
            .map(|at| language.instant(at))
            .unwrap_or_default(),
        until: key
            .published_until
            .map(|at| language.instant(at))
            .unwrap_or_default(),
    });
    let page = KeysPage {
        frame: visitor.frame(),
        keys: rows.collect(),
        are_files: !access.issuer.settings.keys.files.is_empty(),
    };
    answer::page(StatusCode::OK, &page)
}

/// `GET /panel/keys/rotate`: says what happens; with `?pace=now` for a key that others may know.
pub(in crate::issuer::http::pages) async fn show_rotate(
    visitor: Visitor,
    access: DirectoryAccess,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    let form = PageForm(query.into());
    ask(&visitor, &access, &form, &Remark::none()).await
}

/// `POST /panel/keys/rotate`
pub(in crate::issuer::http::pages) async fn rotate(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let pace = pace(&form);
    if pace == RotationPace::AtOnce && !is_typed(&form) {
        return ask(&visitor, &access, &form, &untyped(&visitor, &form)).await;
    }
    let directory = access.after_login()?;
    match directory.rotate_keys(&access.issuer.settings, pace).await {
        Ok(rotation) => {
            taken_over(&access.issuer, &rotation.key_id).await;
            visitor.done(PATH, Done::KeysRotated)
        }
        Err(error) => ask(&visitor, &access, &form, &visitor.remark(error)?).await,
    }
}

fn pace(form: &PageForm) -> RotationPace {
    if form.text(PACE) == NOW {
        RotationPace::AtOnce
    } else {
        RotationPace::Announced
    }
}

async fn ask(
    visitor: &Visitor,
    access: &DirectoryAccess,
    form: &PageForm,
    remark: &Remark,
) -> Result<Response, PageError> {
    let words = &visitor.words().panel;
    match pace(form) {
        RotationPace::Announced => {
            let ahead = u32::try_from(PUBLISHED_AHEAD_SECONDS).unwrap_or(u32::MAX);
            let confirmation = Confirmation {
                title: words.rotate_title.to_owned(),
                texts: vec![
                    format!(
                        "{} {}.",
                        words.rotate_sentence,
                        visitor.language.duration(ahead)
                    ),
                    words.rotate_keeps.to_owned(),
                ],
                button: words.rotate_button,
                fields: Vec::new(),
                cancel: PATH,
            };
            Ok(confirmation.ask_to_give(visitor, remark))
        }
        RotationPace::AtOnce => {
            let (store, now) = (&access.issuer.store, access.issuer.clock.now());
            let reach = store.reach_of_everyone(now).await?;
            let confirmation = Confirmation {
                title: words.rotate_now_title.to_owned(),
                texts: vec![
                    words.rotate_now_sentence.to_owned(),
                    words.rotate_now_keeps.to_owned(),
                    visitor.language.concerned(reach.users, reach.apps),
                ],
                button: words.rotate_now_button,
                fields: vec![(PACE, NOW)],
                cancel: PATH,
            };
            Ok(confirmation.ask_for_word(visitor, remark, typed(visitor, form)))
        }
    }
}

/// Waits for a while until this process publishes a key. Others follow the store by themselves.
async fn taken_over(issuer: &Issuer, key: &str) {
    let published = async {
        while !issuer.published_keys().iter().any(|known| known.id == key) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // The page says when to look again.
    let _ = tokio::time::timeout(TAKEN_OVER_WITHIN, published).await;
}
