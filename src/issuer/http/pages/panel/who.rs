//! `/panel/who`: may this caller send that request? The gate in the same process answers, as it would answer
//! the proxy: it judges a token that is made for the question and given to nobody.

mod caller;

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::with_values;
use crate::authorizer::Authorizer;
use crate::identity::{Form, ScopeSet};
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
use crate::policy::RequiredScopes;

use caller::{Caller, NoCaller};

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/who";

/// What the host is where nobody says.
const ANY_HOST: &str = "localhost";

const MAX_BYTES: usize = 1024;

/// What is asked about: the value, and what the panel needs for it beside what opens the page.
const KINDS: [(&str, Option<&str>); 4] = [
    ("user", Some("backend.user")),
    ("app", Some("backend.app")),
    ("role", None),
    ("nobody", None),
];

#[derive(Template)]
#[template(path = "pages/who.html")]
struct WhoPage<'a> {
    frame: Frame<'a>,
    kinds: Vec<(&'static str, &'static str)>,
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

/// Whether somebody with these scopes may ask about such things.
pub(in crate::issuer::http::pages) fn is_open_about(kind: &str, held: &ScopeSet) -> bool {
    let mut kinds = KINDS.iter();
    let known = kinds.find(|(name, _)| *name == kind);
    let may = known.is_some_and(|(_, needed)| needed.is_none_or(|scope| held.contains(scope)));
    may && held.contains("backend.role")
}

/// The page, to be asked about this.
pub(in crate::issuer::http::pages) fn about(kind: &str, name: &str) -> String {
    with_values(PATH, &[("kind", kind), ("name", name)])
}

impl Question<'_> {
    /// What somebody with these scopes lacks to ask it.
    fn lacking(&self, held: &ScopeSet) -> Option<&'static str> {
        let mut kinds = KINDS.iter();
        let (_, needed) = kinds.find(|(kind, _)| *kind == self.kind)?;
        needed.filter(|scope| !held.contains(scope))
    }

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
        return Ok(page(&visitor, &access, status, &question, None, &error));
    }
    if let Some(scope) = question.lacking(&access.caller.scopes) {
        let needed = RequiredScopes::new([scope.into()].into(), Box::default());
        return Err(PageError::Lacking(needed));
    }
    // A link may say half of a question.
    if question.path.is_empty() || question.kind.is_empty() {
        return Ok(page(&visitor, &access, StatusCode::OK, &question, None, ""));
    }
    if question.name.is_empty() && question.kind != "nobody" {
        let (status, text) = (StatusCode::BAD_REQUEST, words.panel.who_nameless);
        return Ok(page(&visitor, &access, status, &question, None, text));
    }
    let Some(gate) = visitor.issuer.gate.get() else {
        let status = StatusCode::NOT_FOUND;
        return Ok(page(
            &visitor,
            &access,
            status,
            &question,
            None,
            words.panel.no_gate,
        ));
    };
    let (caller, without) = match Caller::of(&access, question.kind, question.name).await {
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
            return Ok(page(
                &visitor,
                &access,
                error.status(),
                &question,
                None,
                &text,
            ));
        }
        Err(NoCaller::Failed(error)) => return Err(error),
    };
    let mut verdict = judge(gate, &question, &caller, visitor.language);
    if let Some(reason) = without {
        let reason = of_grant(visitor.language, reason);
        verdict.sentence = match question.kind {
            // The reason would tell to give the user another role.
            "role" => Text::of(words.panel.who_role_without),
            _ => Text::of(format!("{} {reason}.", words.panel.who_no_token)),
        };
    }
    Ok(page(
        &visitor,
        &access,
        StatusCode::OK,
        &question,
        Some(verdict),
        "",
    ))
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
    access: &DirectoryAccess,
    status: StatusCode,
    question: &Question<'_>,
    verdict: Option<Answer>,
    error: &str,
) -> Response {
    let words = visitor.words();
    let label = |kind: &str| match kind {
        "user" => words.panel.who_user,
        "app" => words.panel.who_app,
        "role" => words.panel.who_role,
        _ => words.panel.who_without,
    };
    let open = KINDS
        .iter()
        .filter(|(kind, _)| is_open_about(kind, &access.caller.scopes));
    let kinds: Vec<(&str, &str)> = open.map(|(kind, _)| (*kind, label(kind))).collect();
    let page = WhoPage {
        frame: visitor.frame(),
        kind: Text::of(if question.kind.is_empty() {
            kinds.first().map_or("", |(kind, _)| *kind)
        } else {
            question.kind
        }),
        kinds,
        name: Text::of(question.name),
        method: Text::of(if_empty(question.method, "GET")),
        host: Text::of(question.host),
        path: Text::of(question.path),
        error: Text::of(error),
        verdict,
    };
    answer::page(status, &page)
}
