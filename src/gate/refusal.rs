//! What a caller is told when its request is turned away: one exhaustive mapping from facts to
//! HTTP (RFC 9110), Bearer challenges (RFC 6750 section 3) and gRPC codes.

use std::borrow::Cow;
use std::fmt::Write;
use std::num::NonZeroI32;
use std::time::Duration;

use super::malformed::MalformedRequest;
use super::request::Dialect;
use crate::condition::Condition;
use crate::decision::{Denial, DenialKind};
use crate::labels::{Label, closed_set};
use crate::policy::Route;

/// Why a check ends without letting the request through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal<'p> {
    /// It was judged and denied.
    Denied(Denial<'p>),
    /// The check itself could not be understood.
    Malformed(MalformedRequest),
    /// The front end could not read its message: it is not as its protocol frames it.
    Unreadable,
    /// The message is larger than the front end reads: the proxy sends the caller's body along.
    TooLarge,
    /// Its token asks for a key that the issuer may have made since it was asked last; it is asked
    /// again within this time.
    KeysDue {
        route: Option<&'p Route>,
        after: Duration,
    },
    /// It waited too long to be answered in time.
    Overload,
    /// A defect of ours was caught on the way.
    Defect,
}

/// The status of a refusal. None of them means success, in HTTP or in gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalStatus {
    BadRequest,
    Unauthorized,
    Forbidden,
    Internal,
    Unavailable,
}

closed_set! {
    /// Why a request is refused without having been judged.
    pub(super) enum Unjudged {
        Malformed = "malformed_check",
        Unreadable = "unreadable_check",
        TooLarge = "oversized_check",
        KeysDue = "keys_due",
        Overload = "overload",
        Defect = "defect",
    }
}

impl RefusalStatus {
    pub fn http_code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// The gRPC status code (`google.rpc.Code`).
    pub fn grpc_code(self) -> NonZeroI32 {
        const fn code(code: i32) -> NonZeroI32 {
            match NonZeroI32::new(code) {
                Some(code) => code,
                None => NonZeroI32::MIN,
            }
        }
        match self {
            Self::BadRequest => code(3),
            Self::Unauthorized => code(16),
            Self::Forbidden => code(7),
            Self::Internal => code(13),
            Self::Unavailable => code(14),
        }
    }
}

impl<'p> Refusal<'p> {
    /// A short name from a closed set, for metrics, logs and metadata.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.label(),
            Self::Malformed(_) => Unjudged::Malformed.label(),
            Self::Unreadable => Unjudged::Unreadable.label(),
            Self::TooLarge => Unjudged::TooLarge.label(),
            Self::KeysDue { .. } => Unjudged::KeysDue.label(),
            Self::Overload => Unjudged::Overload.label(),
            Self::Defect => Unjudged::Defect.label(),
        }
    }

    /// The position of [`Refusal::label`] in [`Refusal::reasons`].
    pub(super) fn reason_position(&self) -> usize {
        let unjudged = |reason: Unjudged| DenialKind::ALL.len() + reason.position();
        match self {
            Self::Denied(denial) => denial.kind().position(),
            Self::Malformed(_) => unjudged(Unjudged::Malformed),
            Self::Unreadable => unjudged(Unjudged::Unreadable),
            Self::TooLarge => unjudged(Unjudged::TooLarge),
            Self::KeysDue { .. } => unjudged(Unjudged::KeysDue),
            Self::Overload => unjudged(Unjudged::Overload),
            Self::Defect => unjudged(Unjudged::Defect),
        }
    }

    /// Every label that a refusal can have.
    pub fn reasons() -> impl Iterator<Item = &'static str> {
        let denied = DenialKind::ALL.iter().map(|kind| kind.label());
        denied.chain(Unjudged::ALL.iter().map(|reason| reason.label()))
    }

    /// What exactly was wrong, where the label has several causes.
    pub fn detail(&self) -> Option<&'static str> {
        match self {
            Self::Denied(denial) => denial.detail(),
            Self::Malformed(malformed) => Some(malformed.label()),
            Self::Unreadable
            | Self::TooLarge
            | Self::KeysDue { .. }
            | Self::Overload
            | Self::Defect => None,
        }
    }

    /// The condition that refused, and the part of it that could not be evaluated, if that is why.
    pub(super) fn condition(&self) -> Option<(&'p Condition, Option<&'p str>)> {
        match self {
            Self::Denied(denial) => denial.condition(),
            Self::Malformed(_)
            | Self::Unreadable
            | Self::TooLarge
            | Self::KeysDue { .. }
            | Self::Overload
            | Self::Defect => None,
        }
    }

    pub(super) fn route(&self) -> Option<&'p Route> {
        match self {
            Self::Denied(denial) => denial.route(),
            Self::KeysDue { route, .. } => *route,
            Self::Malformed(_)
            | Self::Unreadable
            | Self::TooLarge
            | Self::Overload
            | Self::Defect => None,
        }
    }

    /// The name of the route that refused, where there is one.
    pub fn route_name(&self) -> Option<&'p str> {
        self.route().map(|route| &*route.name)
    }

    pub fn status(&self) -> RefusalStatus {
        match self {
            Self::Malformed(_) | Self::Unreadable | Self::TooLarge => RefusalStatus::BadRequest,
            Self::KeysDue { .. } | Self::Overload => RefusalStatus::Unavailable,
            Self::Defect => RefusalStatus::Internal,
            Self::Denied(denial) => match denial {
                Denial::MalformedTarget(_) | Denial::SeveralCredentials => {
                    RefusalStatus::BadRequest
                }
                // RFC 6750 section 3.1: 401 says that another token may help, 403 that none of this
                // caller's does, and 503 that the same one may in a moment. Clients act on the
                // difference.
                Denial::NoToken { .. } | Denial::BadToken { .. } => RefusalStatus::Unauthorized,
                Denial::ScopesMissing { .. }
                | Denial::Nobody { .. }
                | Denial::ConditionNotMet { .. }
                | Denial::ConditionFailed { .. }
                | Denial::Unlisted => RefusalStatus::Forbidden,
                Denial::KeysNotLoaded { .. } | Denial::RevocationsStale { .. } => {
                    RefusalStatus::Unavailable
                }
            },
        }
    }

    /// The error code of RFC 6750 section 3.1, where it has one.
    fn oauth_error(&self) -> Option<&'static str> {
        match self {
            Self::Denied(Denial::SeveralCredentials)
            | Self::Malformed(MalformedRequest::HeadersAtOdds) => Some("invalid_request"),
            // Not for a missing token: RFC 6750 section 3.1 has the challenge without an error where
            // the request had no credentials.
            Self::Denied(Denial::BadToken { .. }) => Some("invalid_token"),
            Self::Denied(Denial::ScopesMissing { .. }) => Some("insufficient_scope"),
            Self::Malformed(_)
            | Self::Unreadable
            | Self::TooLarge
            | Self::KeysDue { .. }
            | Self::Overload
            | Self::Defect
            | Self::Denied(
                Denial::MalformedTarget(_)
                | Denial::NoToken { .. }
                | Denial::Nobody { .. }
                | Denial::ConditionNotMet { .. }
                | Denial::ConditionFailed { .. }
                | Denial::Unlisted
                | Denial::KeysNotLoaded { .. }
                | Denial::RevocationsStale { .. },
            ) => None,
        }
    }

    /// What the caller may know of the cause, in one line of ASCII without quotes.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Unreadable => "the request is malformed",
            Self::TooLarge => "the request is too large to be checked",
            Self::KeysDue { .. } => "the token cannot be checked at the moment",
            Self::Overload => "too many requests to check at the moment",
            Self::Defect => "the request could not be checked",
            Self::Denied(denial) => match denial {
                // What exactly is wrong is in `explanation`.
                Denial::MalformedTarget(_) => "the method, host or path is malformed",
                Denial::SeveralCredentials => "more than one credential",
                Denial::NoToken { .. } => "a token is required",
                Denial::BadToken { error, .. } => error.description(),
                Denial::ScopesMissing { .. } => "the token lacks a required scope",
                Denial::Nobody { .. } | Denial::Unlisted => "the operation is not open",
                // Which one is for the log alone: it may name claims and their values.
                Denial::ConditionNotMet { .. } | Denial::ConditionFailed { .. } => {
                    "the request does not meet a condition of the operation"
                }
                Denial::KeysNotLoaded { .. } => "tokens cannot be verified yet",
                Denial::RevocationsStale { .. } => "tokens cannot be verified at the moment",
            },
        }
    }

    /// Which rule a malformed request broke, for whoever wrote the client: ASCII without quotes.
    fn explanation(&self) -> Option<String> {
        match self {
            Self::Denied(Denial::MalformedTarget(rule)) => Some(rule.to_string()),
            Self::Malformed(rule) => Some(rule.to_string()),
            Self::Denied(_)
            | Self::Unreadable
            | Self::TooLarge
            | Self::KeysDue { .. }
            | Self::Overload
            | Self::Defect => None,
        }
    }

    /// The title, and behind it the explanation if there is one.
    pub fn message(&self) -> Cow<'static, str> {
        match self.explanation() {
            Some(explanation) => format!("{}: {explanation}", self.title()).into(),
            None => self.title().into(),
        }
    }

    /// The value of `WWW-Authenticate`, where the answer has one.
    pub fn challenge(&self, realm: &str) -> Option<String> {
        if self.oauth_error().is_none() && self.status() != RefusalStatus::Unauthorized {
            return None;
        }
        let mut challenge = format!("Bearer realm=\"{realm}\"");
        if let Some(error) = self.oauth_error() {
            // Writing to a string cannot fail.
            let _ = write!(
                challenge,
                ", error=\"{error}\", error_description=\"{}\"",
                self.title()
            );
        }
        if let Self::Denied(Denial::ScopesMissing { route }) = self {
            let _ = write!(challenge, ", scope=\"{}\"", required_scopes(route));
        }
        Some(challenge)
    }

    /// After how many seconds another try makes sense.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        if let Self::KeysDue { after, .. } = self {
            let whole = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            return Some(u32::try_from(whole.max(1)).unwrap_or(u32::MAX));
        }
        (self.status() == RefusalStatus::Unavailable).then_some(1)
    }

    /// The body: problem details (RFC 9457) or one line of text.
    pub fn body(&self, dialect: Dialect, decision_id: &str) -> String {
        match dialect {
            Dialect::Json => self.problem_details(decision_id),
            Dialect::Text => format!("{} (decision {decision_id})\n", self.message()),
            // Envoy makes `grpc-message` of a body; ours is set already.
            Dialect::Grpc => self.message().into_owned(),
        }
    }

    fn problem_details(&self, decision_id: &str) -> String {
        let mut members = serde_json::Map::new();
        members.insert("type".to_owned(), "about:blank".into());
        members.insert("title".to_owned(), self.title().into());
        members.insert("status".to_owned(), self.status().http_code().into());
        if let Some(error) = self.oauth_error() {
            members.insert("error".to_owned(), error.into());
        }
        if let Some(explanation) = self.explanation() {
            members.insert("detail".to_owned(), explanation.into());
        }
        members.insert("decision_id".to_owned(), decision_id.into());
        serde_json::Value::Object(members).to_string()
    }
}

/// The scopes that a route asks for, separated by spaces (RFC 6750 section 3). A challenge has no way to
/// say that one of several is enough, so that it lists those as well: with all of them a token passes.
fn required_scopes(route: &Route) -> String {
    match route.requirement.scopes() {
        Some(scopes) => scopes.names().collect::<Vec<_>>().join(" "),
        None => String::new(),
    }
}
