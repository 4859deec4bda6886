//! `POST /authorization/login` and `/authorization/logout`: who the browser's user is.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::page::{self, FormOrigin};
use super::{Failure, OwnForm, page_url};
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::EndpointError;

/// `POST /authorization/login`
pub(in crate::issuer) async fn login(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, EndpointError> {
    issuer.offers_codes()?;
    let browser = issuer.browser(&request);
    let outcome = issuer.log_in(request).await;
    Ok(issuer.told(outcome, &browser).await)
}

/// `POST /authorization/logout`
pub(in crate::issuer) async fn logout(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, EndpointError> {
    issuer.offers_codes()?;
    let browser = issuer.browser(&request);
    let outcome = issuer.log_out(request).await;
    Ok(issuer.told(outcome, &browser).await)
}

impl Issuer {
    async fn log_in(&self, request: Request) -> Result<Response, Failure> {
        let OwnForm {
            form,
            browser,
            verified,
        } = self.own_form(request).await?;
        let username = form.get("username").unwrap_or_default();
        let password = form.get("password").unwrap_or_default().to_owned();
        let session = async {
            let user = self.user_with_password(username, password).await?;
            self.begin_session(&browser, &user).await
        };
        match session.await {
            Ok(cookie) => Ok(page::go(&page_url(&verified.request), cookie)),
            Err(EndpointError::BadLogin) => {
                let token = browser.form_token().ok_or(Failure::ForeignForm)?;
                let origin = FormOrigin {
                    request: &verified.request,
                    token: &token,
                };
                Ok(page::login(&origin, &verified.app, Some(username)))
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    async fn log_out(&self, request: Request) -> Result<Response, Failure> {
        let OwnForm {
            browser, verified, ..
        } = self.own_form(request).await?;
        let cookie = self.end_session(&browser).await?;
        Ok(page::go(&page_url(&verified.request), cookie))
    }
}
