//! What there is to tell of a refusal, in the log and to whoever asks for it by its id.

use std::borrow::Cow;
use std::collections::VecDeque;

use parking_lot::Mutex;
use serde::{Serialize, Serializer};

use super::text::{bounded, trace_id};
use super::{DecisionLog, RefusalEntry};
use crate::authorizer::Diagnosis;
use crate::decision::Denial;
use crate::gate::refusal::Refusal;
use crate::gate::request::RequestSummary;
use crate::labels::Label;
use crate::policy::Path;
use crate::telemetry::LoggedPath;
use crate::token::{Offence, OffendingMember, VerifiedToken};

/// The most that a line shows of what a caller wrote, in bytes.
const MAX_METHOD_BYTES: usize = 32;
const MAX_HOST_BYTES: usize = 253;
const MAX_PATH_BYTES: usize = 256;
const MAX_ID_BYTES: usize = 128;
const MAX_SCOPES_BYTES: usize = 512;
const MAX_MEMBER_BYTES: usize = 128;
pub(super) const MAX_CONDITION_BYTES: usize = 512;

/// What begins a fragment or path parameters, or an encoded query, fragment or parameter: the log shows nothing of a
/// path behind it. Some upstreams take them for a query; parameters may be the id of a session (`;jsessionid=`).
/// Those with `%25` are for whoever decodes twice.
pub(crate) const HIDDEN_MARKS: [&str; 12] = [
    "#", "%3F", "%3f", "%23", ";", "%3B", "%3b", "%253F", "%253f", "%2523", "%253B", "%253b",
];

/// How much of a policy's digest a line has: enough to tell the policies of one gate apart.
const DIGEST_CHARS: usize = 12;

/// How many refusals are remembered; of some hundred bytes each, and never more than two thousand.
const MAX_REMEMBERED: usize = 1024;

/// A refusal, under the names that its log line has. Never a token, a query or another header.
#[derive(Debug, Clone, Serialize)]
pub struct RefusalLine {
    pub(super) decision: &'static str,
    pub(super) status: u16,
    #[serde(rename = "route.name", skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<Box<str>>,
    pub(super) reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<&'static str>,
    #[serde(rename = "request.method", skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<String>,
    #[serde(rename = "request.host", skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<String>,
    #[serde(rename = "request.path", skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    #[serde(rename = "request.id", skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<String>,
    #[serde(rename = "trace.id", skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    #[serde(rename = "token.issuer", skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<Box<str>>,
    #[serde(rename = "issuer.name", skip_serializing_if = "Option::is_none")]
    pub(super) issuer_name: Option<Box<str>>,
    /// The condition that does not hold, as the policy has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<String>,
    /// The part of it that cannot be evaluated.
    #[serde(rename = "condition.part", skip_serializing_if = "Option::is_none")]
    pub(super) condition_part: Option<String>,
    /// The member of a refused token that offends, and what it says. Only where the log has a line of its own.
    #[serde(flatten, serialize_with = "as_field")]
    offending: Option<(OffendingMember, String)>,
    /// The scopes of the token, where they did not suffice.
    #[serde(rename = "token.scopes", skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<String>,
    #[serde(rename = "decision.id")]
    pub(super) decision_id: Box<str>,
    #[serde(rename = "policy.digest", skip_serializing_if = "Option::is_none")]
    pub(super) policy_digest: Option<Box<str>>,
}

impl RefusalLine {
    pub(super) fn of(entry: &RefusalEntry<'_>, log: &DecisionLog) -> Self {
        let RefusalEntry {
            refusal,
            request,
            caller,
            ..
        } = entry;
        let caller = *caller;
        let condition = refusal.condition();
        let bounded_text = |text: &str| bounded(text.as_bytes(), MAX_CONDITION_BYTES);
        Self {
            decision: "deny",
            status: refusal.status().http_code(),
            route: refusal.route_name().map(Into::into),
            reason: refusal.label(),
            detail: refusal.detail(),
            method: method(*request),
            host: host(*request),
            path: match log.settings.path {
                LoggedPath::Full => path(*request),
                LoggedPath::Route => refusal.route().map(|route| route.path.to_string()),
                LoggedPath::None => None,
            },
            request_id: request_id(*request),
            trace_id: trace_id(request.traceparent).map(Into::into),
            subject: caller.map(|token| log.name(token)),
            issuer: caller.map(|token| token.issuer().into()),
            issuer_name: caller.map(|token| token.issuer_name().into()),
            condition: condition.map(|(condition, _)| bounded_text(condition.text())),
            condition_part: condition.and_then(|(_, part)| part).map(bounded_text),
            offending: None,
            scopes: caller.and_then(|token| scopes_in_question(refusal, token)),
            decision_id: entry.decision_id.into(),
            policy_digest: entry.policy_digest.and_then(digest).map(Into::into),
        }
    }
}

impl RefusalLine {
    /// Adds what a diagnosis found out of the token. Bounded: it comes from a token that nobody has signed,
    /// and may be anything of any length.
    pub(super) fn add(&mut self, diagnosis: &Diagnosis<'_>) {
        let Offence { issuer, member } = &diagnosis.offence;
        let member = member.as_ref();
        self.offending =
            member.map(|(member, value)| (*member, bounded(value.as_bytes(), MAX_MEMBER_BYTES)));
        if self.issuer_name.is_none() {
            self.issuer_name = issuer.map(|rules| rules.name.clone());
        }
    }

    /// What the token says in this member, if that is what offends.
    pub(super) fn offending(&self, member: OffendingMember) -> Option<&str> {
        let (offending, value) = self.offending.as_ref()?;
        (*offending == member).then_some(value)
    }
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn as_field<S: Serializer>(
    offending: &Option<(OffendingMember, String)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let field = offending
        .iter()
        .map(|(member, value)| (format!("token.{}", member.label()), value));
    serializer.collect_map(field)
}

/// As much of a policy's digest as a line has.
pub(super) fn digest(whole: &str) -> Option<&str> {
    whole.get(..DIGEST_CHARS)
}

pub(super) fn method(request: RequestSummary<'_>) -> Option<String> {
    shown(request.method, MAX_METHOD_BYTES)
}

/// The host without what a URL may have before it: a name and a password.
pub(super) fn host(request: RequestSummary<'_>) -> Option<String> {
    let is_at = |byte: &u8| *byte == b'@';
    match request.host.rsplit(is_at).next() {
        Some(host) if host.len() < request.host.len() => {
            Some(format!("***@{}", bounded(host, MAX_HOST_BYTES)))
        }
        _ => shown(request.host, MAX_HOST_BYTES),
    }
}

/// The path without its query and its parameters, which may hold secrets.
pub(super) fn path(request: RequestSummary<'_>) -> Option<String> {
    let path = without_user(Path(request.path).without_query());
    let path = &*path;
    match hidden_query(path) {
        // It is shown that there was something: the rest alone would be another request.
        Some((start, mark)) => {
            let before = bounded(path.get(..start).unwrap_or_default(), MAX_PATH_BYTES);
            Some(format!("{}{mark}...", before.trim_end_matches("...")))
        }
        None => shown(path, MAX_PATH_BYTES),
    }
}

/// The path without the name and password of a URL's authority, where it has one: in absolute form
/// (RFC 9112 section 3.2.2), or after two slashes, which some read so. Of what has neither a slash nor a
/// scheme in front, nothing before the last `@` is shown: it may be an authority alone, as `CONNECT` has it
/// (section 3.2.3), and where that ends is a guess.
fn without_user(path: &[u8]) -> Cow<'_, [u8]> {
    let slashes = path.windows(2).position(|pair| pair == b"//");
    let start = match slashes {
        Some(at) if at == 0 || is_scheme(path.get(..at).unwrap_or_default()) => at + 2,
        _ if path.starts_with(b"/") => return Cow::Borrowed(path),
        _ => 0,
    };
    let (before, authority) = path.split_at_checked(start).unwrap_or((path, b""));
    let end = authority.iter().position(|byte| *byte == b'/' && start > 0);
    let end = end.unwrap_or(authority.len());
    let user = authority.iter().take(end).rposition(|byte| *byte == b'@');
    match user.and_then(|at| authority.get(at..)) {
        Some(rest) => Cow::Owned([before, b"***", rest].concat()),
        None => Cow::Borrowed(path),
    }
}

/// `http:`, as it stands in front of the two slashes of a URL.
fn is_scheme(before: &[u8]) -> bool {
    let name = before.strip_suffix(b":").unwrap_or_default();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    !name.is_empty() && name.iter().all(is_plain)
}

/// Where something that the log hides begins, and with which mark.
fn hidden_query(path: &[u8]) -> Option<(usize, &'static str)> {
    let starts = (0..path.len()).filter_map(|start| Some((start, path.get(start..)?)));
    let mut found = starts.filter_map(|(start, rest)| {
        let mark = HIDDEN_MARKS
            .iter()
            .find(|mark| rest.starts_with(mark.as_bytes()))?;
        Some((start, *mark))
    });
    found.next()
}

pub(super) fn request_id(request: RequestSummary<'_>) -> Option<String> {
    shown(request.request_id, MAX_ID_BYTES)
}

/// What a caller wrote, if it wrote something.
fn shown(bytes: &[u8], max_bytes: usize) -> Option<String> {
    (!bytes.is_empty()).then(|| bounded(bytes, max_bytes))
}

fn scopes_in_question(refusal: &Refusal<'_>, caller: &VerifiedToken) -> Option<String> {
    match refusal {
        Refusal::Denied(Denial::ScopesMissing { .. }) => {
            Some(bounded(caller.scopes_text().as_bytes(), MAX_SCOPES_BYTES))
        }
        _ => None,
    }
}

/// The last refusals of this process.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<VecDeque<RefusalLine>>);

impl Remembered {
    pub(super) fn add(&self, line: RefusalLine) {
        let mut lines = self.0.lock();
        if lines.len() >= MAX_REMEMBERED {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn find(&self, decision_id: &str) -> Option<RefusalLine> {
        let lines = self.0.lock();
        let mut latest_first = lines.iter().rev();
        let found = latest_first.find(|line| *line.decision_id == *decision_id);
        found.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_before_an_at_sign_are_hidden() {
        for (path, shown) in [
            ("/orders/alice@shop.example", "/orders/alice@shop.example"),
            ("//alice:s3cret@t.example/x", "//***@t.example/x"),
            (
                "http://alice:s3cret@t.example/x@y",
                "http://***@t.example/x@y",
            ),
            ("http://t.example/x@y", "http://t.example/x@y"),
            ("alice:s3cret@t.example", "***@t.example"),
            ("alice:s3cret@t.example:443", "***@t.example:443"),
            ("alice:s3cret@t.example/x", "***@t.example/x"),
            ("alice:s3/cret@t.example", "***@t.example"),
            ("alice:s3//cret@t.example", "***@t.example"),
            ("x//alice:s3cret@t.example", "***@t.example"),
            ("t.example:443", "t.example:443"),
            ("*", "*"),
        ] {
            let hidden = without_user(path.as_bytes());
            assert_eq!(String::from_utf8_lossy(&hidden), shown, "{path}");
        }
    }
}
