//! What a form of the page says, and the request that it makes of an operation.

use axum::http::{HeaderValue, Method};

use super::PATH;
use super::operation::{Operation, Operations, has_body};
use crate::coding::{push_escape, push_percent_encoded};
use crate::identity::Form;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::pages::language::Language;
use crate::issuer::http::pages::reasons::of_target;
use crate::issuer::http::pages::verdict::Question;
use crate::issuer::http::pages::words::Words;
use crate::policy::{FillError, Routed, TargetError};

/// What the fields of parameters begin with.
pub(super) const PARAMETER: &str = "p:";

/// What the value for an app begins with.
pub(super) const APP: &str = "app:";
pub(super) const ME: &str = "me";
pub(super) const WITHOUT: &str = "nobody";

/// The longest path with its query, in bytes: it is repeated in the URL of the page.
const MAX_TARGET_BYTES: usize = 1000;

const MAX_BODY_BYTES: usize = 16 * 1024;

/// The longest name of an operation, and the longest text for a caller, in bytes: no operation and no app has a
/// longer one.
const MAX_OPERATION_BYTES: usize = 300;
const MAX_CALLER_BYTES: usize = 80;

/// What a body can be.
pub(super) const CONTENT_TYPES: [&str; 3] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain; charset=utf-8",
];

/// A form, or the query that repeats it.
pub(super) struct Asked<'f> {
    pub(super) operation: &'f str,
    pub(super) caller: Option<AskedCaller<'f>>,
    /// The same as it was written.
    pub(super) caller_text: &'f str,
    pub(super) method: &'f str,
    pub(super) query: &'f str,
    pub(super) body: &'f str,
    pub(super) content_type: &'f str,
    form: &'f Form,
}

/// Who is to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedCaller<'f> {
    /// Whoever is logged in.
    Me,
    /// The app with this key.
    App(&'f str),
    Without,
}

/// A request of an operation.
pub(super) struct Call {
    pub(super) method: String,
    /// The path, with its query.
    pub(super) target: String,
    /// With its content type.
    pub(super) body: Option<(&'static str, String)>,
}

/// Why there is no request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CallError {
    Path(FillError),
    TargetTooLong,
    BodyTooLong,
    NoBodyHere,
}

/// Why a request is not one of its operation.
pub(super) enum Astray {
    /// Whoever sends it is refused.
    Malformed(TargetError),
    /// It is for the route of this name, which is shown as well.
    Elsewhere(String),
    /// It is for none, not for one alone, or for one that is not shown.
    Nowhere,
}

impl<'f> Asked<'f> {
    pub(super) fn of(form: &'f Form) -> Result<Self, EndpointError> {
        let text = |name| form.get(name).unwrap_or_default();
        let (operation, caller_text) = (text("operation"), text("caller"));
        if operation.len() > MAX_OPERATION_BYTES {
            return Err(EndpointError::Parameter("operation"));
        }
        if caller_text.len() > MAX_CALLER_BYTES {
            return Err(EndpointError::Parameter("caller"));
        }
        let caller = match (caller_text, caller_text.strip_prefix(APP)) {
            ("", _) => None,
            (_, Some(key)) => Some(AskedCaller::App(key)),
            (ME, _) => Some(AskedCaller::Me),
            (WITHOUT, _) => Some(AskedCaller::Without),
            _ => return Err(EndpointError::Parameter("caller")),
        };
        Ok(Self {
            operation,
            caller,
            caller_text,
            method: text("method"),
            query: text("query").trim(),
            body: text("body"),
            content_type: text("content_type"),
            form,
        })
    }

    /// The value of a parameter; empty where there is none.
    pub(super) fn value(&self, parameter: &str) -> &'f str {
        let value = self.form.get(&format!("{PARAMETER}{parameter}"));
        value.unwrap_or_default().trim()
    }

    /// The request that it makes of this operation.
    pub(super) fn call(
        &self,
        operation: &Operation<'_>,
    ) -> Result<Result<Call, CallError>, EndpointError> {
        let method = match self.method {
            "" => operation.methods.first(),
            method => operation.methods.iter().find(|known| **known == method),
        };
        let method = *method.ok_or(EndpointError::Parameter("method"))?;
        let content_type = match self.content_type {
            "" => CONTENT_TYPES.first(),
            written => CONTENT_TYPES.iter().find(|known| **known == written),
        };
        let content_type = *content_type.ok_or(EndpointError::Parameter("content_type"))?;
        Ok(self.call_by(operation, method, content_type))
    }

    fn call_by(
        &self,
        operation: &Operation<'_>,
        method: &str,
        content_type: &'static str,
    ) -> Result<Call, CallError> {
        let path = operation.path_with(|name| Some(self.value(name)));
        let mut target = path.map_err(CallError::Path)?;
        if !self.query.is_empty() {
            target.push('?');
            push_query(&mut target, self.query);
        }
        if target.len() > MAX_TARGET_BYTES {
            return Err(CallError::TargetTooLong);
        }
        // As it was typed: browsers send lines with CR.
        let body = self.body.replace("\r\n", "\n");
        if body.len() > MAX_BODY_BYTES {
            return Err(CallError::BodyTooLong);
        }
        if !body.is_empty() && !has_body(method) {
            return Err(CallError::NoBodyHere);
        }
        Ok(Call {
            method: method.to_owned(),
            target,
            body: (!body.is_empty()).then_some((content_type, body)),
        })
    }

    /// The page with the same values, but for the body.
    pub(super) fn link(&self, operation: &Operation<'_>) -> String {
        let parameters: Vec<(String, &str)> = operation
            .parameters()
            .into_iter()
            .map(|(one, _)| (format!("{PARAMETER}{}", one.name), self.value(one.name)))
            .collect();
        let mut pairs = vec![
            ("operation", operation.name()),
            ("caller", self.caller_text),
            ("method", self.method),
            ("query", self.query),
        ];
        pairs.extend(parameters.iter().map(|(name, value)| (&**name, *value)));
        link(&pairs)
    }
}

impl Call {
    pub(super) fn http_method(&self) -> Option<Method> {
        Method::from_bytes(self.method.as_bytes()).ok()
    }

    pub(super) fn content_type(&self) -> Option<HeaderValue> {
        let (content_type, _) = self.body.as_ref()?;
        Some(HeaderValue::from_static(content_type))
    }

    /// Whether it is for this operation, at this host, and for no other: what is sent are requests that the
    /// policy lists, and nothing else.
    pub(super) fn belongs(
        &self,
        operation: &Operation<'_>,
        shown: &Operations<'_>,
        host: &str,
    ) -> Result<(), Astray> {
        let question = Question {
            method: &self.method,
            host,
            path: &self.target,
            token: None,
            fix: "",
        };
        match shown.policy().route(&question.target()) {
            Err(malformed) => Err(Astray::Malformed(malformed)),
            Ok(Routed::One(route)) if route.index == operation.route.index => Ok(()),
            Ok(Routed::One(route)) if shown.of_route(route).is_some() => {
                Err(Astray::Elsewhere(route.name.to_string()))
            }
            // Of a route that is not shown, the name is not told either.
            Ok(
                Routed::One(_)
                | Routed::Every(_)
                | Routed::Preflight(_)
                | Routed::Unlisted
                | Routed::UnlistedInShadow { .. },
            ) => Err(Astray::Nowhere),
        }
    }
}

impl CallError {
    pub(super) fn say(&self, words: &'static Words) -> String {
        let words = &words.trial;
        match self {
            Self::Path(FillError::Missing(name)) => format!("{} {name}.", words.value_missing),
            Self::Path(FillError::Segment(name)) => format!("{} {name}.", words.value_segment),
            Self::TargetTooLong => words.target_too_long.to_owned(),
            Self::BodyTooLong => words.body_over_limit.to_owned(),
            Self::NoBodyHere => words.no_body_here.to_owned(),
        }
    }
}

impl Astray {
    pub(super) fn say(&self, language: Language) -> String {
        let words = language.words();
        match self {
            Self::Malformed(rule) => {
                let rule = of_target(language, *rule);
                format!("{} {rule}.", words.panel.who_malformed)
            }
            Self::Elsewhere(name) => format!("{} {name}.", words.trial.other_operation),
            Self::Nowhere => words.trial.no_operation.to_owned(),
        }
    }
}

/// The address of the page with these fields, of which empty ones are left out.
pub(super) fn link(pairs: &[(&str, &str)]) -> String {
    let mut link = PATH.to_owned();
    let mut sign = '?';
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        link.push(sign);
        push_percent_encoded(&mut link, name);
        link.push('=');
        push_percent_encoded(&mut link, value);
        sign = '&';
    }
    link
}

/// Appends a query as somebody has typed it: what is encoded stays so, and what no query has is encoded (RFC
/// 3986 section 3.4). So is the apostrophe, which ends a word in shells.
fn push_query(target: &mut String, query: &str) {
    let bytes = query.as_bytes();
    for (position, byte) in bytes.iter().enumerate() {
        let digits = bytes.get(position + 1..position + 3).unwrap_or_default();
        let is_escape =
            *byte == b'%' && digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit);
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~!$&()*+,;=:@/?".contains(byte);
        if is_plain || is_escape {
            target.push(char::from(*byte));
        } else {
            push_escape(target, *byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_nothing_that_ends_it_or_a_word_of_a_shell() {
        for (typed, expected) in [
            ("a=b&c=d%20e", "a=b&c=d%20e"),
            ("a=1 2#x", "a=1%202%23x"),
            ("it's=%zz%4", "it%27s=%25zz%254"),
            ("a\r\nhost: evil", "a%0D%0Ahost:%20evil"),
            ("\u{e9}\\`\"", "%C3%A9%5C%60%22"),
        ] {
            let mut target = String::new();
            push_query(&mut target, typed);
            assert_eq!(target, expected);
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_the_language_of_the_page() {
        for (language, malformed, limits) in [
            (
                Language::English,
                "the path has an encoded \u{201c}?\u{201d} or \u{201c}#\u{201d}.",
                ["1,000 bytes", "16 KiB"],
            ),
            (
                Language::German,
                "der Pfad enth\u{e4}lt ein kodiertes \u{201e}?\u{201c} oder \u{201e}#\u{201c}.",
                ["1.000 Bytes", "16 KiB"],
            ),
        ] {
            let said = Astray::Malformed(TargetError::PathEncodedDelimiter).say(language);
            assert!(said.ends_with(malformed), "{said}");
            let errors = [CallError::TargetTooLong, CallError::BodyTooLong];
            for (error, limit) in errors.iter().zip(limits) {
                let said = error.say(language.words());
                assert!(said.contains(limit), "{said}");
            }
        }
        // What the texts say.
        assert_eq!((MAX_TARGET_BYTES, MAX_BODY_BYTES), (1000, 16 << 10));
    }

    #[test]
    fn a_link_repeats_what_is_there() {
        let pairs = [
            ("operation", "read order"),
            ("query", ""),
            ("p:id", "a&b=c"),
        ];
        assert_eq!(
            link(&pairs),
            "/portal/try?operation=read%20order&p%3Aid=a%26b%3Dc"
        );
        assert_eq!(link(&[]), PATH);
    }

    #[test]
    fn what_a_link_names_has_bounds() {
        for (name, prefix, most) in [
            ("operation", "", MAX_OPERATION_BYTES),
            ("caller", APP, MAX_CALLER_BYTES),
        ] {
            for (length, expected) in [(most, true), (most + 1, false)] {
                let value = format!("{prefix}{}", "x".repeat(length - prefix.len()));
                let form = Form::parse(format!("{name}={value}").as_bytes()).unwrap();
                assert_eq!(Asked::of(&form).is_ok(), expected, "{name} {length}");
            }
        }
    }

    #[test]
    fn a_caller_is_one_of_three_kinds() {
        for (text, expected) in [
            ("", Some(None)),
            ("caller=me", Some(Some(AskedCaller::Me))),
            ("caller=nobody", Some(Some(AskedCaller::Without))),
            ("caller=app%3Aa1", Some(Some(AskedCaller::App("a1")))),
            ("caller=alice", None),
        ] {
            let form = Form::parse(text.as_bytes()).unwrap();
            let caller = Asked::of(&form).ok().map(|asked| asked.caller);
            assert_eq!(caller, expected, "{text}");
        }
    }
}
