//! `/panel/who`: may this caller send that request? It says what `/backend/who` answers, in words.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::{apps, below, roles, users, with_values};
use crate::identity::{Form, ScopeSet};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::backend::who::{About, AskedRequest, Known, NoAnswer, is_too_long};
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::reasons::of_grant;
use crate::issuer::http::pages::verdict::Verdict;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;
use crate::policy::RequiredScopes;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/who";

/// What is asked about.
const KINDS: [&str; 4] = ["user", "app", "role", "nobody"];

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
    /// Where somebody can change what it is refused for: the page, what it does and whose it is.
    onward: Option<(String, &'static str, Text<'a>)>,
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
    About::of(kind, "").is_some_and(|about| about.lacking(held).is_none())
}

/// The page, to be asked about this.
pub(in crate::issuer::http::pages) fn about(kind: &str, name: &str) -> String {
    with_values(PATH, &[("kind", kind), ("name", name)])
}

impl Question<'_> {
    /// The page of whoever is asked about, who may be given more there.
    fn onward(&self, words: &'static Words) -> Option<(String, &'static str, Text<'_>)> {
        let name = self.name;
        let (path, label) = match (self.kind, name.split_once('/')) {
            ("user", _) => (below(users::PATH, name), words.panel.change_user),
            ("role", _) => (below(roles::PATH, name), words.panel.change_role),
            ("app", None) => (below(apps::PATH, name), words.panel.who_see_app),
            ("app", Some((owner, _))) => {
                let owner = [("owner", owner.trim())];
                (with_values(apps::PATH, &owner), words.panel.who_see_app)
            }
            _ => return None,
        };
        Some((path, label, Text::of(name)))
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
        let mut long = fields.iter().filter(|(text, _)| is_too_long(text));
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
    let about = About::of(question.kind, question.name);
    if let Some(scope) = about.and_then(|about| about.lacking(&access.caller.scopes)) {
        return Err(lacking(scope));
    }
    // A link may say half of a question.
    if question.path.is_empty() || question.kind.is_empty() {
        return Ok(page(&visitor, &access, StatusCode::OK, &question, None, ""));
    }
    if question.name.is_empty() && question.kind != "nobody" {
        let (status, text) = (StatusCode::BAD_REQUEST, words.panel.who_nameless);
        return Ok(page(&visitor, &access, status, &question, None, text));
    }
    // The answer for somebody else would be taken for that for whoever was meant.
    let about = about.ok_or(EndpointError::Parameter("kind"))?;
    let refused = |status, text: &str| Ok(page(&visitor, &access, status, &question, None, text));
    match Known::about(&access, about).await {
        Ok(known) => {
            let answer = answer_of(&visitor, &known, &question);
            let status = StatusCode::OK;
            Ok(page(&visitor, &access, status, &question, Some(answer), ""))
        }
        Err(NoAnswer::NoGate) => refused(StatusCode::NOT_FOUND, words.panel.no_gate),
        Err(NoAnswer::Unknown(error)) => {
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            refused(error.status(), &text)
        }
        Err(NoAnswer::Lacking(scope)) => Err(lacking(scope)),
        Err(NoAnswer::Failed(error)) => Err(error.into()),
    }
}

fn lacking(scope: &'static str) -> PageError {
    PageError::Lacking(RequiredScopes::new([scope.into()].into(), Box::default()))
}

fn answer_of(visitor: &Visitor, known: &Known<'_>, question: &Question<'_>) -> Answer {
    let (words, language) = (&visitor.words().panel, visitor.language);
    let request = AskedRequest::of(question.method, question.host, question.path);
    let verdict = Verdict::of(&known.judge(&request), words.who_lacks_fix, language);
    let sentence = match (known.no_token(), question.kind) {
        (None, _) => verdict.sentence,
        // The reason would tell to give the user another role.
        (Some(_), "role") => words.who_role_without.to_owned(),
        (Some(reason), _) => format!("{} {}.", words.who_no_token, of_grant(language, reason)),
    };
    Answer {
        passes: verdict.passes,
        sentence: Text::of(sentence),
        route: Text::of(verdict.route),
        needs: Text::of(verdict.needs),
        has: Text::of(known.scopes().to_string()),
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
        .into_iter()
        .filter(|kind| is_open_about(kind, &access.caller.scopes));
    let kinds: Vec<(&str, &str)> = open.map(|kind| (kind, label(kind))).collect();
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
        onward: verdict
            .as_ref()
            .filter(|verdict| !verdict.passes)
            .and_then(|_| question.onward(words)),
        verdict,
    };
    answer::page(status, &page)
}
