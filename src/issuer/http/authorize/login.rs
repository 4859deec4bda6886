//! `POST /authorization/login` and `/authorization/logout`: who the browser's user is.

use axum::response::Response;

use super::page::{self, FormOrigin};
use super::{OwnForm, PageError, Verified, Visit, page_url};
use crate::identity::{Assurance, SecondFactor};
use crate::issuer::credentials::FirstStep;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::browser::SetCookie;
use crate::issuer::http::extract::FormBody;
use crate::issuer::http::pages::{self, Onward, Visitor};

/// What a right password leads to.
enum AfterPassword {
    /// A session, whose secret the browser keeps.
    LoggedIn(Option<SetCookie>),
    /// Something else is asked of this user.
    More(FirstStep),
}

/// `POST /authorization/login`
pub(in crate::issuer::http) async fn login(
    visit: Visit,
    form: Result<FormBody, EndpointError>,
) -> Response {
    let outcome = visit.log_in(form).await;
    visit.answer(outcome).await
}

impl PageError {
    /// What kept the portal from going on with the login, which it has logged.
    fn of_the_portal(error: pages::PageError) -> Self {
        match error {
            pages::PageError::Endpoint(error) if error.status().is_server_error() => {
                EndpointError::TimedOut.into()
            }
            pages::PageError::Endpoint(_) => EndpointError::NotFound.into(),
            pages::PageError::ForeignForm
            | pages::PageError::LoggedOut
            | pages::PageError::Lacking(_)
            | pages::PageError::Unproven(_) => Self::ForeignForm,
        }
    }
}

/// Where the login leads on.
pub(super) fn onward(verified: &Verified) -> Onward {
    Onward {
        path: page_url(&verified.request),
        targets: page::onward_targets(verified.request.back().uri()),
    }
}

/// `POST /authorization/logout`
pub(in crate::issuer::http) async fn logout(
    visit: Visit,
    form: Result<FormBody, EndpointError>,
) -> Response {
    let outcome = visit.log_out(form).await;
    // Whatever was in the way, also of looking up the app: who has clicked believes otherwise that all is over. The
    // cookie stays, which it takes to try again.
    let outcome = outcome.map_err(|error| match error {
        PageError::Endpoint(error) if error.status().is_server_error() => {
            PageError::StillLoggedIn(error)
        }
        other => other,
    });
    visit.answer(outcome).await
}

impl Visit {
    async fn log_in(&self, form: Result<FormBody, EndpointError>) -> Result<Response, PageError> {
        let OwnForm { form, verified } = self.own_form(form).await?;
        if form.get("method") == Some("passkey") {
            let visitor = self.visitor();
            let page = pages::alone(&visitor, onward(&verified));
            return page.await.map_err(PageError::of_the_portal);
        }
        let username = form.get("username").unwrap_or_default();
        let password = form.get("password").unwrap_or_default().to_owned();
        match self.first_step(username, password).await {
            Ok(AfterPassword::LoggedIn(cookie)) => {
                Ok(page::go(&page_url(&verified.request), cookie))
            }
            Ok(AfterPassword::More(first)) => {
                let visitor = self.visitor();
                let page = pages::after_password(&visitor, first, onward(&verified));
                page.await.map_err(PageError::of_the_portal)
            }
            // The same page again with the same request: what was typed as the name stays, and the
            // password does not.
            Err(error @ (EndpointError::BadLogin | EndpointError::Throttled { .. })) => {
                let token = self.browser.form_token();
                let token = token.ok_or(PageError::ForeignForm)?;
                let origin = FormOrigin {
                    request: &verified.request,
                    token: &token,
                };
                Ok(page::login(
                    self.surroundings(),
                    &origin,
                    &verified.app,
                    self.by_passkey(),
                    Some(page::FailedLogin { username, error }),
                ))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Checks a password, and begins the session where that is all.
    async fn first_step(
        &self,
        username: &str,
        password: String,
    ) -> Result<AfterPassword, EndpointError> {
        let credentials = &self.issuer.credentials;
        let first = credentials.first_step(username, password).await?;
        if first.next != SecondFactor::None {
            return Ok(AfterPassword::More(first));
        }
        match self
            .sessions()
            .begin(&first.user, Assurance::Password)
            .await
        {
            // Its first passkey was made while the password was checked.
            Err(EndpointError::SecondFactorNeeded) => Ok(AfterPassword::More(FirstStep {
                next: SecondFactor::Asked,
                ..first
            })),
            begun => Ok(AfterPassword::LoggedIn(begun?)),
        }
    }

    /// The same browser at the pages of the portal, where a login continues.
    fn visitor(&self) -> Visitor {
        Visitor::from_outside(&self.issuer, &self.headers)
    }

    async fn log_out(&self, form: Result<FormBody, EndpointError>) -> Result<Response, PageError> {
        let OwnForm { verified, .. } = self.own_form(form).await?;
        let cookie = self.sessions().end().await?;
        Ok(page::go(&page_url(&verified.request), cookie))
    }
}
