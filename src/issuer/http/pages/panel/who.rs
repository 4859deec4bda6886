//! `/panel/who`: may this caller send that request? The gate in the same process answers, as it would answer
//! the proxy: it judges a token that is made for the question and given to nobody.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::authorizer::Authorizer;
use crate::identity::{AppKey, Form, GrantError, ScopeSet};
use crate::issuer::directory::{DirectoryError, Thing};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::language::Language;
use crate::issuer::http::pages::messages;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::reasons::of_grant;
use crate::issuer::http::pages::verdict;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;

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
    verdict: Option<Answer>,
}

/// What the gate says.
struct Answer {
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
    token: Option<String>,
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
                token: None,
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
        "nobody" | "" => {
            return Ok(Caller {
                token: None,
                scopes: ScopeSet::default(),
            });
        }
        // The answer for somebody else would be taken for that for whoever was meant.
        _ => return Err(failed(EndpointError::Parameter("kind"))),
    };
    let made = issuer.grants.sample_token(&user, app.as_ref());
    let (token, scopes) = made
        .map_err(|error| failed(error.into()))?
        .map_err(NoCaller::NoToken)?;
    Ok(Caller {
        token: Some(token),
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
) -> Answer {
    let words = language.words();
    let verdict = verdict::Question {
        method: question.method,
        host: if_empty(question.host, ANY_HOST),
        path: question.path,
        token: caller.token.as_deref(),
        fix: words.panel.who_lacks_fix,
    }
    .judge(gate, language);
    Answer {
        passes: verdict.passes,
        sentence: Text::of(verdict.sentence),
        route: Text::of(verdict.route),
        needs: Text::of(verdict.needs),
        has: Text::of(caller.scopes.to_string()),
    }
}

fn if_empty<'t>(text: &'t str, otherwise: &'t str) -> &'t str {
    if text.is_empty() { otherwise } else { text }
}

fn page(
    visitor: &Visitor,
    status: StatusCode,
    question: &Question<'_>,
    verdict: Option<Answer>,
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
