//! `/panel/who`: may this caller send that request? The gate in the same process answers, as it would answer
//! the proxy: it judges a token that is made for the question and given to nobody.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::reasons::{of_grant, of_target};
use crate::authorizer::Authorizer;
use crate::decision::{Decision, Denial};
use crate::identity::{AppKey, Form, GrantError, ScopeSet};
use crate::issuer::directory::{DirectoryError, Thing};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::language::Language;
use crate::issuer::http::pages::messages;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;
use crate::policy::{Host, Method, Path, Route, Target};
use crate::token::{Credential, VerifiedToken};

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/who";

/// What the host is where nobody says.
const ANY_HOST: &str = "localhost";

const MAX_BYTES: usize = 1024;

#[derive(Template)]
#[template(path = "pages/who.html")]
struct WhoPage<'a> {
    frame: Frame<'a>,
    kinds: [(&'static str, &'static str); 3],
    kind: Text<'a>,
    name: Text<'a>,
    method: Text<'a>,
    host: Text<'a>,
    path: Text<'a>,
    error: Text<'a>,
    verdict: Option<Verdict>,
}

/// What the gate says.
struct Verdict {
    passes: bool,
    /// Why.
    sentence: Text<'static>,
    route: Text<'static>,
    /// What the route asks for, and what the caller has of the API.
    needs: Text<'static>,
    has: Text<'static>,
}

/// A question, as it is in the query.
struct Question<'q> {
    kind: &'q str,
    name: &'q str,
    method: &'q str,
    host: &'q str,
    path: &'q str,
}

impl Question<'_> {
    /// What the page calls the first field that is too long.
    fn too_long(&self, words: &'static Words) -> Option<&'static str> {
        let fields = [
            (self.kind, words.panel.who_caller),
            (self.name, words.panel.who_name),
            (self.method, words.panel.who_method),
            (self.host, words.panel.who_host),
            (self.path, words.panel.who_path),
        ];
        let mut long = fields.iter().filter(|(text, _)| text.len() > MAX_BYTES);
        long.next().map(|(_, label)| *label)
    }
}

/// Who asks: with what token, and what it has.
struct Caller {
    bearer: Option<String>,
    scopes: ScopeSet,
}

/// Why there is no caller.
enum NoCaller {
    /// It gets no token, and so passes where nobody needs one.
    NoToken(GrantError),
    /// Nothing has the name.
    Unknown(DirectoryError),
    Failed(PageError),
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    let text = |name| query.get(name).unwrap_or_default().trim();
    let question = Question {
        kind: text("kind"),
        name: text("name"),
        method: text("method"),
        host: text("host"),
        path: text("path"),
    };
    let words = visitor.words();
    if let Some(label) = question.too_long(words) {
        let (status, text) = (StatusCode::BAD_REQUEST, words.panel.who_too_long);
        let error = format!("{label}: {text}.");
        return Ok(page(&visitor, status, &question, None, &error));
    }
    if question.path.is_empty() {
        return Ok(page(&visitor, StatusCode::OK, &question, None, ""));
    }
    let Some(gate) = visitor.issuer.gate.get() else {
        let status = StatusCode::NOT_FOUND;
        return Ok(page(&visitor, status, &question, None, words.panel.no_gate));
    };
    let (caller, without) = match caller(&access, &question).await {
        Ok(caller) => (caller, None),
        Err(NoCaller::NoToken(reason)) => {
            let nobody = Caller {
                bearer: None,
                scopes: ScopeSet::default(),
            };
            (nobody, Some(reason))
        }
        Err(NoCaller::Unknown(error)) => {
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            return Ok(page(&visitor, error.status(), &question, None, &text));
        }
        Err(NoCaller::Failed(error)) => return Err(error),
    };
    let mut verdict = judge(gate, &question, &caller, visitor.language);
    if let Some(reason) = without {
        let reason = of_grant(visitor.language, reason);
        verdict.sentence = Text::of(format!("{} {reason}.", words.panel.who_no_token));
    }
    Ok(page(&visitor, StatusCode::OK, &question, Some(verdict), ""))
}

/// The token that somebody would get for the API.
async fn caller(access: &DirectoryAccess, question: &Question<'_>) -> Result<Caller, NoCaller> {
    let issuer = &access.issuer;
    let failed = |error: EndpointError| NoCaller::Failed(error.into());
    let (user, app) = match question.kind {
        "user" => {
            let user = access.directory().user(question.name).await;
            (user.map_err(NoCaller::of)?, None)
        }
        "app" => {
            let (key, now) = (AppKey::known(question.name), issuer.clock.now());
            let app = issuer.store.app(&key, now).await;
            let app = app.map_err(|error| failed(error.into()))?;
            let app = app.ok_or(NoCaller::Unknown(DirectoryError::NotFound(Thing::App)))?;
            (app.owner.clone(), Some(app))
        }
        _ => {
            return Ok(Caller {
                bearer: None,
                scopes: ScopeSet::default(),
            });
        }
    };
    let made = issuer.grants.sample_token(&user, app.as_ref());
    let (token, scopes) = made
        .map_err(|error| failed(error.into()))?
        .map_err(NoCaller::NoToken)?;
    Ok(Caller {
        bearer: Some(format!("Bearer {token}")),
        scopes,
    })
}

impl NoCaller {
    fn of(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound(_) => Self::Unknown(error),
            other => Self::Failed(other.into()),
        }
    }
}

fn judge(
    gate: &Authorizer,
    question: &Question<'_>,
    caller: &Caller,
    language: Language,
) -> Verdict {
    let words = language.words();
    let host = if_empty(question.host, ANY_HOST);
    let target = Target {
        method: Method(question.method.as_bytes()),
        host: Host(host.as_bytes()),
        path: Path(question.path.as_bytes()),
        preflight: None,
        grpc: false,
    };
    let credential = Credential::read(caller.bearer.as_deref().map(str::as_bytes).into_iter());
    let snapshot = gate.snapshot();
    let judgement = gate.judge(&snapshot, &target, credential);
    let token = judgement.caller.as_deref();
    let reason = |denial: &Denial<'_>| reason(denial, token, language);
    let (passes, sentence, route) = match &judgement.decision {
        Decision::Allow(permit) => {
            let sentence = match permit.shadowed() {
                None => words.panel.who_yes.to_owned(),
                Some(denial) => format!("{} {}", words.panel.who_shadow, reason(&denial)),
            };
            (true, sentence, Some(permit.route()))
        }
        Decision::Deny(denial) => (false, reason(denial), denial.route()),
    };
    Verdict {
        passes,
        sentence: Text::of(sentence),
        route: Text::of(
            route
                .map(|route| route.name.to_string())
                .unwrap_or_default(),
        ),
        needs: Text::of(
            route
                .map(|route| words.needs(&route.requirement))
                .unwrap_or_default(),
        ),
        has: Text::of(caller.scopes.to_string()),
    }
}

fn if_empty<'t>(text: &'t str, otherwise: &'t str) -> &'t str {
    if text.is_empty() { otherwise } else { text }
}

fn reason(denial: &Denial<'_>, token: Option<&VerifiedToken>, language: Language) -> String {
    let words = language.words();
    match denial {
        Denial::MalformedTarget(rule) => {
            let rule = of_target(language, *rule);
            format!("{} {rule}.", words.panel.who_malformed)
        }
        Denial::SeveralCredentials | Denial::BadToken { .. } => {
            words.panel.who_bad_token.to_owned()
        }
        Denial::NoToken { .. } => words.panel.who_needs_token.to_owned(),
        Denial::ScopesMissing { route } => lack(route, token, words),
        Denial::Nobody { .. } => words.panel.who_nobody.to_owned(),
        Denial::ConditionNotMet { .. } | Denial::ConditionFailed { .. } => {
            words.panel.who_condition.to_owned()
        }
        Denial::Unlisted => words.panel.who_unlisted.to_owned(),
        Denial::KeysNotLoaded { .. } | Denial::RevocationsStale { .. } => {
            words.panel.who_not_now.to_owned()
        }
    }
}

/// Which scopes of a route are missing, and where to add them.
fn lack(route: &Route, token: Option<&VerifiedToken>, words: &'static Words) -> String {
    let has = |scope: &str| token.is_some_and(|token| token.has_scope(scope));
    let required = route.requirement.scopes();
    let missing = required.and_then(|required| required.missing(has));
    let missing = missing.map(|missing| missing.phrase(words.of_scopes()));
    let missing = missing.unwrap_or_default();
    format!(
        "{} {missing}. {}",
        words.panel.who_lacks, words.panel.who_lacks_fix
    )
}

fn page(
    visitor: &Visitor,
    status: StatusCode,
    question: &Question<'_>,
    verdict: Option<Verdict>,
    error: &str,
) -> Response {
    let words = visitor.words();
    let page = WhoPage {
        frame: visitor.frame(),
        kinds: [
            ("user", words.panel.who_user),
            ("app", words.panel.who_app),
            ("nobody", words.panel.who_without),
        ],
        kind: Text::of(if_empty(question.kind, "user")),
        name: Text::of(question.name),
        method: Text::of(if_empty(question.method, "GET")),
        host: Text::of(question.host),
        path: Text::of(question.path),
        error: Text::of(error),
        verdict,
    };
    answer::page(status, &page)
}
