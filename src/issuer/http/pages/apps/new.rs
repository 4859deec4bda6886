//! `/portal/apps/new`: an app is made, and its secret shown once.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::OnceCell;

use super::choices::{Choices, Chosen};
use super::once::Made;
use super::path_of;
use crate::identity::{PlainSecret, SecretDigest};
use crate::issuer::directory::{DirectoryError, NewApp};
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::{CSRF, PageForm};
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Told;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::issuer::random;

#[derive(Template)]
#[template(path = "pages/app_new.html")]
struct NewAppPage<'a> {
    frame: Frame<'a>,
    name: Text<'a>,
    redirect_uris: Text<'a>,
    /// Tells this form from others.
    once: Text<'a>,
    choices: Choices,
    error: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
) -> Result<Response, PageError> {
    let chosen = Chosen::of_app(None);
    let once = PlainSecret::from_random(random()?);
    let page = NewAppPage {
        frame: visitor.frame(),
        name: Text::of(""),
        redirect_uris: Text::of(""),
        once: Text::of(once.reveal()),
        choices: Choices::of(&access, None, &chosen).await?,
        error: Text::of(""),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let chosen = Chosen::of_form(&form)?;
    let wanted = NewApp {
        name: form.trimmed("name"),
        redirect_uris: form.lines("redirect_uris"),
        scopes: (!chosen.follows).then(|| chosen.ticks.added.clone()),
    };
    let directory = access.after_login()?;
    let made = made_by(&visitor, &form);
    let app = made.get_or_try_init(|| async {
        let made = directory.add_app(&access.caller.user, &wanted).await?;
        Ok::<_, DirectoryError>(Made {
            path: path_of(made.app.app.key.as_str()),
            secret: made.secret.reveal().to_owned(),
        })
    });
    match app.await {
        Ok(made) => {
            let told = Told::Secret(made.secret.clone());
            Ok(visitor.go_to_be_told(&made.path, &told)?)
        }
        Err(error) => {
            let remark = visitor.remark(error)?;
            let page = NewAppPage {
                frame: visitor.frame(),
                name: Text::of(wanted.name),
                redirect_uris: Text::of(form.text("redirect_uris")),
                once: Text::of(form.text("once")),
                choices: Choices::of(&access, None, &chosen).await?,
                error: Text::of(remark.text),
            };
            Ok(answer::page(remark.status, &page))
        }
    }
}

/// What the form has made already, where it was sent twice.
fn made_by(visitor: &Visitor, form: &PageForm) -> Arc<OnceCell<Made>> {
    let once = form.text("once");
    if once.is_empty() {
        return Arc::default();
    }
    // Of this session alone.
    let form = SecretDigest::of(format!("{} {once}", form.text(CSRF)).as_bytes());
    let now = visitor.issuer.clock.now();
    visitor.issuer.made_apps.by(&form, now)
}
