//! `POST /authorization/login` and `/authorization/logout`: who the browser's user is.

use axum::response::Response;

use super::page::{self, FormOrigin};
use super::{OwnForm, PageError, Visit, page_url};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::FormBody;

/// `POST /authorization/login`
pub(in crate::issuer::http) async fn login(
    visit: Visit,
    form: Result<FormBody, EndpointError>,
) -> Response {
    let outcome = visit.log_in(form).await;
    visit.answer(outcome).await
}

/// `POST /authorization/logout`
pub(in crate::issuer::http) async fn logout(
    visit: Visit,
    form: Result<FormBody, EndpointError>,
) -> Response {
    let outcome = visit.log_out(form).await;
    visit.answer(outcome).await
}

impl Visit {
    async fn log_in(&self, form: Result<FormBody, EndpointError>) -> Result<Response, PageError> {
        let OwnForm { form, verified } = self.own_form(form).await?;
        let username = form.get("username").unwrap_or_default();
        let password = form.get("password").unwrap_or_default().to_owned();
        let session = async {
            let credentials = &self.issuer.credentials;
            let user = credentials.user_with_password(username, password).await?;
            self.sessions().begin(&user).await
        };
        match session.await {
            Ok(cookie) => Ok(page::go(&page_url(&verified.request), cookie)),
            // The same page again with the same request: what was typed as the name stays, and the
            // password does not.
            Err(EndpointError::BadLogin) => {
                let token = self.browser.form_token();
                let token = token.ok_or(PageError::ForeignForm)?;
                let origin = FormOrigin {
                    request: &verified.request,
                    token: &token,
                };
                Ok(page::login(
                    self.language,
                    &origin,
                    &verified.app,
                    Some(username),
                ))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn log_out(&self, form: Result<FormBody, EndpointError>) -> Result<Response, PageError> {
        let OwnForm { verified, .. } = self.own_form(form).await?;
        let cookie = self.sessions().end().await?;
        Ok(page::go(&page_url(&verified.request), cookie))
    }
}
