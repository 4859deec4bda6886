//! The form of an operation is sent: the call goes to the proxy, and the page tells what came of it.

use axum::http::StatusCode;
use axum::response::Response;

use super::asked::{Asked, AskedCaller, Call};
use super::callers::{Need, apps_get_tokens};
use super::one::View;
use super::operation::Operations;
use crate::identity::{AppWithOwner, ScopeSet};
use crate::issuer::directory::AppsOf;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::TrialRequest;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::apps;
use crate::issuer::http::pages::form::{PageForm, SECRET};
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Told;
use crate::issuer::http::pages::tried::{Tried, TriedAnswer, TriedBody, TriedOutcome};
use crate::issuer::http::pages::verdict::{Question, Verdict};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::proxy::{Proxy, Trial, TrialBody, TrialError};

/// Who calls, and with what.
struct Caller {
    /// What the page calls it.
    name: String,
    token: Option<String>,
    /// Who can add what it lacks.
    fix: String,
}

/// Why there is no caller.
enum NoCaller {
    /// What the page says of the form.
    Wrong(StatusCode, String),
    Failed(PageError),
}

impl<E: Into<PageError>> From<E> for NoCaller {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let asked = Asked::of(&form.0)?;
    let in_force = visitor.issuer.in_force().ok_or(EndpointError::NotFound)?;
    let catalogue = visitor.issuer.described();
    let operations = Operations::of(&visitor.issuer, &in_force, &catalogue);
    let operation = operations.named(asked.operation, |name| Some(asked.value(name)));
    let operation = operation.ok_or(EndpointError::NotFound)?;
    let view = View {
        visitor: &visitor,
        access: &access,
        operation: &operation,
        asked: &asked,
        is_filled: true,
    };
    let proxy = match view.proxy() {
        Ok(proxy) => proxy,
        Err(reason) => return view.refused(StatusCode::NOT_FOUND, reason).await,
    };
    if asked.caller.is_none() {
        let missing = visitor.words().trial.caller_missing;
        return view.refused(StatusCode::BAD_REQUEST, missing).await;
    }
    let call = match view.call(proxy, &operations)? {
        Ok(call) => call,
        Err(wrong) => return view.refused(StatusCode::BAD_REQUEST, &wrong).await,
    };
    // Before a secret is looked at, and whatever becomes of the call.
    let user = &access.caller.user;
    visitor
        .issuer
        .credentials
        .attempts()
        .admit_trial(&user.id)?;
    let caller = match view.caller(form.text(SECRET)).await {
        Ok(caller) => caller,
        Err(NoCaller::Wrong(status, wrong)) => return view.refused(status, &wrong).await,
        Err(NoCaller::Failed(error)) => return Err(error),
    };
    let mut tried = view.unsent(proxy, &call, &caller)?;
    if !Told::can_tell(&tried) {
        let words = &visitor.words().trial;
        return view
            .refused(StatusCode::BAD_REQUEST, words.too_long_to_tell)
            .await;
    }
    tried.outcome = view.outcome(proxy, &call, caller.token.as_deref()).await;
    let told = Told::tried(tried);
    Ok(visitor.go_to_be_told(&asked.link(&operation), &told)?)
}

impl View<'_> {
    /// The request, or what is wrong with the form.
    fn call(
        self,
        proxy: &Proxy,
        shown: &Operations<'_>,
    ) -> Result<Result<Call, String>, EndpointError> {
        let words = self.visitor.words();
        let call = match self.asked.call(self.operation)? {
            Ok(call) => call,
            Err(wrong) => return Ok(Err(wrong.say(words))),
        };
        let host = proxy.origin().authority();
        Ok(match call.belongs(self.operation, shown, host) {
            Ok(()) => Ok(call),
            Err(astray) => Err(astray.say(self.visitor.language)),
        })
    }

    async fn caller(self, secret: &str) -> Result<Caller, NoCaller> {
        let (user, words) = (&self.access.caller.user, self.visitor.words());
        match self.asked.caller {
            Some(AskedCaller::Without) => Ok(self.named(words.trial.without, None, None)),
            Some(AskedCaller::App(key)) => {
                let app = self.app(key, secret).await?;
                let token = self.token(Some(&app)).await?;
                let scopes = app.scopes();
                Ok(self.named(app.app.name.as_str(), Some(token), Some(&scopes)))
            }
            Some(AskedCaller::Me) => {
                // What the user may do with the API is more than what the session is for: as where a secret is made.
                self.access.after_login()?;
                let token = self.token(None).await?;
                Ok(self.named(user.username.as_str(), Some(token), Some(&user.scopes)))
            }
            None => Err(EndpointError::Missing("caller").into()),
        }
    }

    /// The user's own app that has this secret.
    async fn app(self, key: &str, secret: &str) -> Result<AppWithOwner, NoCaller> {
        let words = &self.visitor.words().trial;
        let user = &self.access.caller.user;
        // First: of others' apps nobody learns whether a secret is right.
        self.access.directory().app(key, AppsOf::User(user)).await?;
        if !apps_get_tokens(self.access) {
            return Err(NoCaller::wrong(words.no_secrets));
        }
        if secret.is_empty() {
            return Err(NoCaller::wrong(words.secret_missing));
        }
        let credentials = &self.visitor.issuer.credentials;
        match credentials.typed_app(key, secret.trim()).await {
            Ok(app) if app.owner.id == user.id => Ok(app),
            Ok(_) | Err(EndpointError::BadClient) => Err(NoCaller::Wrong(
                StatusCode::FORBIDDEN,
                words.secret_wrong.to_owned(),
            )),
            Err(other) => Err(other.into()),
        }
    }

    async fn token(self, app: Option<&AppWithOwner>) -> Result<String, NoCaller> {
        let user = &self.access.caller.user;
        // An app has not logged in.
        let login = self.access.caller.authenticated_at();
        let session = self.visitor.browser.session();
        let request = TrialRequest {
            user: app.map_or(&**user, |found| &found.owner),
            app,
            authenticated_at: login.filter(|_| app.is_none()),
            route: self.operation.route,
            session: &session.ok_or(EndpointError::CallerChanged)?,
        };
        match self.visitor.issuer.grants.trial_token(&request).await {
            Ok(token) => Ok(token),
            Err(EndpointError::NothingGranted(_)) => {
                let words = &self.visitor.words().trial;
                let roles = apps::role_names(user);
                Err(NoCaller::wrong(&format!("{} {roles}.", words.no_scopes)))
            }
            Err(other) => Err(other.into()),
        }
    }

    fn named(self, name: &str, token: Option<String>, scopes: Option<&ScopeSet>) -> Caller {
        let need = Need {
            requirement: &self.operation.route.requirement,
            user: &self.access.caller.user,
            words: self.visitor.words(),
        };
        Caller {
            name: name.to_owned(),
            token,
            fix: need.fix(&need.standing(scopes)),
        }
    }

    /// What is told of the call, with what the gate makes of it, as if it had failed.
    fn unsent(self, proxy: &Proxy, call: &Call, caller: &Caller) -> Result<Tried, EndpointError> {
        let verdict = self.judged(proxy, call, caller)?;
        let body = call.body.clone();
        Ok(Tried {
            operation: self.operation.name().to_owned(),
            call: format!("{} {}", call.method, call.target),
            caller: caller.name.clone(),
            outcome: TriedOutcome::Failed(TrialError::Target),
            passes: verdict.passes,
            why: verdict.sentence,
            body: body.map_or(TriedBody::None, |(content_type, text)| TriedBody::Kept {
                content_type: content_type.to_owned(),
                text,
            }),
        })
    }

    /// Sends the call.
    async fn outcome(self, proxy: &Proxy, call: &Call, token: Option<&str>) -> TriedOutcome {
        let outcome = match self.sent(proxy, call, token).await {
            Ok(answer) => TriedOutcome::Answered(answer),
            Err(error) => TriedOutcome::Failed(error),
        };
        self.log(&outcome);
        outcome
    }

    async fn sent(
        self,
        proxy: &Proxy,
        call: &Call,
        token: Option<&str>,
    ) -> Result<TriedAnswer, TrialError> {
        let body = call.body.as_ref().zip(call.content_type());
        let trial = Trial {
            user: &self.access.caller.user.id,
            method: call.http_method().ok_or(TrialError::Target)?,
            target: &call.target,
            body: body.map(|((_, text), content_type)| TrialBody {
                content_type,
                text: text.clone(),
            }),
            token,
        };
        Ok(proxy.send(trial).await?.into())
    }

    fn judged(self, proxy: &Proxy, call: &Call, caller: &Caller) -> Result<Verdict, EndpointError> {
        let gate = self.visitor.issuer.gate.get();
        let question = Question {
            method: &call.method,
            host: proxy.origin().authority(),
            path: &call.target,
            token: caller.token.as_deref(),
            fix: &caller.fix,
        };
        let gate = gate.ok_or(EndpointError::NotFound)?;
        Ok(question.judge(gate, self.visitor.language))
    }

    /// What the log tells: neither path nor answer, which are the user's.
    fn log(self, outcome: &TriedOutcome) {
        let status = match outcome {
            TriedOutcome::Answered(answer) => Some(answer.status),
            TriedOutcome::Failed(_) => None,
        };
        let (route, user) = (&self.operation.route.name, &self.access.caller.user);
        self.visitor.issuer.audit.tried(user, route, status);
    }
}

impl NoCaller {
    fn wrong(text: &str) -> Self {
        Self::Wrong(StatusCode::BAD_REQUEST, text.to_owned())
    }
}
