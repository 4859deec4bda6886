//! `/portal/apps/new`: an app is made, and its secret shown once.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::OnceCell;

use super::choices::{Choices, Chosen};
use super::once::Made;
use super::{first_wrong, path_of};
use crate::identity::{PlainSecret, SecretDigest};
use crate::issuer::directory::{AppsOf, DirectoryError, MAX_APPS, NewApp};
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::{CSRF, PageForm};
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::{Fields, Remark};
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Told;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::issuer::random;
use crate::store::Page;

#[derive(Template)]
#[template(path = "pages/app_new.html")]
struct NewAppPage<'a> {
    frame: Frame<'a>,
    name: Text<'a>,
    description: Text<'a>,
    link: Text<'a>,
    redirect_uris: Text<'a>,
    /// Tells this form from others.
    once: Text<'a>,
    choices: Choices,
    /// How many apps there are, where there can be no more.
    full: Option<usize>,
    error: Text<'a>,
    wrong: Fields,
    /// The field that has the focus.
    focus: &'static str,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
) -> Result<Response, PageError> {
    let chosen = Chosen::of_app(None);
    let once = PlainSecret::from_random(random()?);
    let most = usize::from(MAX_APPS);
    let own = access
        .directory()
        .own_apps(&access.caller.user, &Page::first(most))
        .await?;
    let count = own.items.len();
    let page = NewAppPage {
        frame: visitor.frame(),
        name: Text::of(""),
        description: Text::of(""),
        link: Text::of(""),
        redirect_uris: Text::of(""),
        once: Text::of(once.reveal()),
        choices: Choices::of(visitor.language, &access, None, &chosen).await?,
        full: (count >= most).then_some(count),
        error: Text::of(""),
        wrong: Fields::none(),
        focus: first_wrong(&Fields::none()),
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
        description: form.trimmed("description"),
        link: form.trimmed("link"),
        redirect_uris: form.lines("redirect_uris"),
        scopes: (!chosen.follows).then(|| chosen.ticks.added.clone()),
    };
    let remark = match chosen.fault(None, visitor.words()) {
        Some(fault) => Remark::wrong(fault),
        None => match make(&visitor, &access, &form, &wanted).await? {
            Ok(response) => return Ok(response),
            Err(remark) => remark,
        },
    };
    let page = NewAppPage {
        frame: visitor.frame(),
        name: Text::of(wanted.name),
        description: Text::of(wanted.description),
        link: Text::of(wanted.link),
        redirect_uris: Text::of(form.text("redirect_uris")),
        once: Text::of(form.text("once")),
        choices: Choices::of(visitor.language, &access, None, &chosen).await?,
        full: None,
        error: Text::of(remark.text),
        focus: first_wrong(&remark.fields),
        wrong: remark.fields,
    };
    Ok(answer::page(remark.status, &page))
}

/// The answer where the app is made, else what the form says of it.
async fn make(
    visitor: &Visitor,
    access: &DirectoryAccess,
    form: &PageForm,
    wanted: &NewApp,
) -> Result<Result<Response, Remark>, PageError> {
    let directory = access.after_login()?;
    let made = made_by(visitor, access, form).await?;
    let app = made.get_or_try_init(|| async {
        let made = directory.add_app(&access.caller.user, wanted).await?;
        Ok::<_, DirectoryError>(Made {
            path: path_of(made.app.app.key.as_str()),
            secret: made.secret.reveal().to_owned(),
            key: made.app.app.key,
        })
    });
    match app.await {
        Ok(made) => {
            let told = Told::Secret(made.secret.clone());
            Ok(Ok(visitor.go_to_be_told(&made.path, &told)?))
        }
        Err(error) => {
            // Somebody may be making it in another tab right now, and has it all the same.
            visitor.issuer.made_apps.forget(&made);
            let remark = visitor.remark(error)?;
            Ok(Err(remark.of_uris(visitor.language, &wanted.redirect_uris)))
        }
    }
}

/// What the form has made already, where it was sent twice.
async fn made_by(
    visitor: &Visitor,
    access: &DirectoryAccess,
    form: &PageForm,
) -> Result<Arc<OnceCell<Made>>, PageError> {
    if form.text("once").is_empty() {
        return Ok(Arc::default());
    }
    // Of this session alone. With all that it says: whoever goes back and fills it in otherwise makes another one.
    let mut said = vec![("", form.text(CSRF))];
    said.extend(form.repeatable());
    let form = SecretDigest::of(format!("{said:?}").as_bytes());
    let (user, now) = (&access.caller.user, visitor.issuer.clock.now());
    let made_apps = &visitor.issuer.made_apps;
    let made = made_apps.by(&user.id, &form, now);
    let Some(before) = made.get() else {
        return Ok(made);
    };
    let own = AppsOf::User(user);
    let found = access.directory().app(before.key.as_str(), own).await;
    match found {
        // Deleted since then.
        Err(DirectoryError::NotFound(_)) => {
            made_apps.forget(&made);
            Ok(made_apps.by(&user.id, &form, now))
        }
        found => found.map(|_| made).map_err(PageError::from),
    }
}
