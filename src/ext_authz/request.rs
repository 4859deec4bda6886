//! From a `CheckRequest` to the `Request` that the authorizer judges.

use super::wire::{self, HeaderForm, HeaderVisitor, HttpAttributes, WireError};
use crate::authorizer::Request;
use crate::gate::{AliasFinder, FromCaller};
use crate::policy::Target;
use crate::token::Credential;

/// Header names seen under which the caller may impersonate somebody, at most this many; a request
/// with more is malformed.
const MAX_ALIASES: usize = 64;

/// Why a `CheckRequest` is refused before anything is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCheck {
    /// The message itself.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A header value with NUL, CR or LF.
    #[error("a header holds a control character")]
    HeaderControl,
    /// `query` or `fragment` say something else than `path`.
    #[error("the query or fragment is at odds with the path")]
    QueryAtOdds,
    /// A pseudo-header says something else than the attribute that is judged.
    #[error("the pseudo-headers are at odds with method, host or path")]
    TargetAtOdds,
    /// `headers` and `header_map` carry different credentials.
    #[error("the two forms of the headers are at odds")]
    HeadersAtOdds,
    /// More than one `Access-Control-Request-Method`, or another one in each form of the headers: it
    /// is unclear for which one the upstream answers.
    #[error("the preflight asks for several methods")]
    PreflightMethods,
    /// The caller sent an identity header, and the configuration refuses that.
    #[error("the caller sent an identity header")]
    IdentityHeader,
    /// More impersonating header names than anybody sends by accident.
    #[error("too many headers that pose as identity headers")]
    TooManyAliases,
}

impl MalformedCheck {
    /// The names that [`MalformedCheck::label`] can give.
    pub const LABELS: [&'static str; 10] = [
        "not_protobuf",
        "repeated_field",
        "no_http_attributes",
        "header_control",
        "query_at_odds",
        "target_at_odds",
        "headers_at_odds",
        "preflight_methods",
        "identity_header",
        "too_many_aliases",
    ];

    /// A short name from a closed set, for metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Wire(WireError::NotProtobuf) => "not_protobuf",
            Self::Wire(WireError::RepeatedField) => "repeated_field",
            Self::Wire(WireError::NoHttpAttributes) => "no_http_attributes",
            Self::HeaderControl => "header_control",
            Self::QueryAtOdds => "query_at_odds",
            Self::TargetAtOdds => "target_at_odds",
            Self::HeadersAtOdds => "headers_at_odds",
            Self::PreflightMethods => "preflight_methods",
            Self::IdentityHeader => "identity_header",
            Self::TooManyAliases => "too_many_aliases",
        }
    }
}

/// How a refusal must look for the caller to understand it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// HTTP with a JSON body (RFC 9457).
    #[default]
    Json,
    /// HTTP with a plain text body: the caller prefers text.
    Text,
    /// gRPC: `grpc-status` and `grpc-message`.
    Grpc,
}

/// Whether the proxy shows the caller's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderView {
    /// All of them, as far as the gate can tell.
    Whole,
    /// Some are held back: Envoy shows pseudo-headers unless `allowed_headers` does not list them.
    #[default]
    Filtered,
}

/// A `CheckRequest`, understood.
#[derive(Debug)]
pub struct Check<'a> {
    /// What is judged.
    pub request: Request<'a>,
    /// `Accept`: looked at when a refusal has to be worded.
    accept: &'a [u8],
    /// Names of headers to be removed, as the caller spelt them: copies of identity headers.
    pub aliases: Vec<&'a [u8]>,
    /// Whether there may be more such headers than `aliases`.
    pub view: HeaderView,
}

impl<'a> Check<'a> {
    /// Reads the message of a check.
    pub fn read(message: &'a [u8], finder: &AliasFinder) -> Result<Self, MalformedCheck> {
        let mut headers = Headers::new(finder);
        let http = wire::read_check_request(message, &mut headers)?;
        if let Some(fault) = headers.fault {
            return Err(fault);
        }
        if !headers.pseudo.agrees_with(&http) {
            return Err(MalformedCheck::TargetAtOdds);
        }
        let credential = headers.credential()?;
        let own_query = http.path.iter().position(|&byte| byte == b'?');
        let own_query = own_query.and_then(|at| http.path.get(at + 1..));
        if !http.fragment.is_empty()
            || (!http.query.is_empty() && own_query.is_none_or(|query| query != http.query))
        {
            return Err(MalformedCheck::QueryAtOdds);
        }
        Ok(Self {
            request: Request {
                target: Target {
                    method: http.method,
                    host: http.host,
                    path: http.path,
                    preflight: headers.preflight(http.method)?,
                    grpc: headers.is_grpc(),
                },
                credential,
            },
            accept: headers.accept,
            aliases: headers.aliases,
            view: headers.view,
        })
    }

    /// How a refusal is worded.
    pub fn dialect(&self) -> Dialect {
        if self.request.target.grpc {
            Dialect::Grpc
        } else if prefers_text(self.accept) {
            Dialect::Text
        } else {
            Dialect::Json
        }
    }
}

/// The values in one of the two forms of a header that may come once.
#[derive(Debug, Default, Clone, Copy)]
struct Values<'a> {
    first: Option<&'a [u8]>,
    second: Option<&'a [u8]>,
}

impl<'a> Values<'a> {
    fn add(&mut self, value: &'a [u8]) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.second = Some(value);
        }
    }

    fn credential(self) -> Credential<'a> {
        Credential::read(self.first.into_iter().chain(self.second))
    }
}

/// The pseudo-headers as they came (`header_map`).
///
/// Envoy replaces what is not UTF-8 by `!` in the attributes, and sends the upstream what came.
#[derive(Debug, Default, Clone, Copy)]
struct PseudoHeaders<'a> {
    method: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
}

impl<'a> PseudoHeaders<'a> {
    fn note(&mut self, name: &[u8], value: &'a [u8]) {
        match name {
            b":method" => self.method = Some(value),
            b":authority" => self.host = Some(value),
            b":path" => self.path = Some(value),
            _ => {}
        }
    }

    fn agrees_with(&self, http: &HttpAttributes<'_>) -> bool {
        self.method.is_none_or(|method| method == http.method)
            && self.host.is_none_or(|host| host == http.host)
            && self.path.is_none_or(|path| path == http.path)
    }
}

/// What the headers say that a decision or its answer needs.
struct Headers<'a, 'f> {
    finder: &'f AliasFinder,
    merged: Values<'a>,
    listed: Values<'a>,
    forms: (bool, bool),
    pseudo: PseudoHeaders<'a>,
    origin: bool,
    merged_requested: Values<'a>,
    listed_requested: Values<'a>,
    content_type: &'a [u8],
    accept: &'a [u8],
    aliases: Vec<&'a [u8]>,
    view: HeaderView,
    fault: Option<MalformedCheck>,
}

impl<'a, 'f> Headers<'a, 'f> {
    fn new(finder: &'f AliasFinder) -> Self {
        Self {
            finder,
            merged: Values::default(),
            listed: Values::default(),
            forms: (false, false),
            pseudo: PseudoHeaders::default(),
            origin: false,
            merged_requested: Values::default(),
            listed_requested: Values::default(),
            content_type: &[],
            accept: &[],
            aliases: Vec::new(),
            view: HeaderView::default(),
            fault: None,
        }
    }

    /// The credential; where both forms of the headers came, they must carry the same one.
    fn credential(&self) -> Result<Credential<'a>, MalformedCheck> {
        match self.forms {
            (true, true) => {
                let (merged, listed) = (self.merged.credential(), self.listed.credential());
                if merged != listed {
                    return Err(MalformedCheck::HeadersAtOdds);
                }
                Ok(listed)
            }
            (_, true) => Ok(self.listed.credential()),
            (_, false) => Ok(self.merged.credential()),
        }
    }

    /// The method that a CORS preflight asks for.
    fn preflight(&self, method: &[u8]) -> Result<Option<&'a [u8]>, MalformedCheck> {
        if method != b"OPTIONS" || !self.origin {
            return Ok(None);
        }
        let (merged, listed) = (self.merged_requested, self.listed_requested);
        let is_repeated = merged.second.or(listed.second).is_some();
        match (merged.first, listed.first) {
            _ if is_repeated => Err(MalformedCheck::PreflightMethods),
            (Some(merged), Some(listed)) if merged != listed => {
                Err(MalformedCheck::PreflightMethods)
            }
            (merged, listed) => Ok(listed.or(merged)),
        }
    }

    fn is_grpc(&self) -> bool {
        starts_with_ignoring_case(self.content_type, b"application/grpc")
    }

    fn note_alias(&mut self, name: &'a [u8]) {
        if self.finder.from_caller() == FromCaller::Refuse {
            self.fault = Some(MalformedCheck::IdentityHeader);
        } else if self.aliases.len() >= MAX_ALIASES {
            self.fault = Some(MalformedCheck::TooManyAliases);
        } else {
            self.aliases.push(name);
        }
    }

    /// A header that `Connection` names is dropped on the way to the upstream: where it names an
    /// identity header, the naming has to go.
    fn connection(&mut self, name: &'a [u8], value: &[u8]) {
        let mut options = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        if options.any(|option| self.finder.is_alias(option)) {
            self.note_alias(name);
        }
    }
}

impl<'a> HeaderVisitor<'a> for Headers<'a, '_> {
    fn header(&mut self, form: HeaderForm, name: &'a [u8], value: &'a [u8]) {
        match form {
            HeaderForm::Merged => self.forms.0 = true,
            HeaderForm::Listed => self.forms.1 = true,
        }
        if has_line_control(value) || has_line_control(name) {
            self.fault = Some(MalformedCheck::HeaderControl);
        }
        // The answer sets or removes what is spelt exactly.
        let is_answered = |finder: &AliasFinder| {
            finder.from_caller() == FromCaller::Remove && finder.is_exact(name)
        };
        if self.finder.is_alias(name) && !is_answered(self.finder) {
            self.note_alias(name);
        }
        if name.first() == Some(&b':') {
            self.view = HeaderView::Whole;
            if form == HeaderForm::Listed {
                self.pseudo.note(name, value);
            }
        }
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        match name.len() {
            6 if is(b"origin") => self.origin = true,
            6 if is(b"accept") => self.accept = value,
            10 if is(b"connection") => self.connection(name, value),
            // Whichever of several the upstream believes: the paths of gRPC are the stricter ones.
            12 if is(b"content-type") && !self.is_grpc() => self.content_type = value,
            13 if is(b"authorization") => match form {
                HeaderForm::Merged => self.merged.add(value),
                HeaderForm::Listed => self.listed.add(value),
            },
            29 if is(b"access-control-request-method") => match form {
                HeaderForm::Merged => self.merged_requested.add(value),
                HeaderForm::Listed => self.listed_requested.add(value),
            },
            _ => {}
        }
    }
}

/// NUL, CR or LF, which no header may hold (RFC 9110 section 5.5).
fn has_line_control(bytes: &[u8]) -> bool {
    holds_low_byte(bytes) && bytes.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
}

/// Whether any byte is below 0x20, told eight bytes at a time: this looks at every header of every
/// request, and nearly none holds one.
fn holds_low_byte(bytes: &[u8]) -> bool {
    const LIMIT: u64 = u64::from_ne_bytes([0x20; 8]);
    const TOP: u64 = u64::from_ne_bytes([0x80; 8]);
    // A byte's top bit is set by the subtraction where it borrows, and was not set before.
    let below = |chunk: &[u8; 8]| {
        let word = u64::from_ne_bytes(*chunk);
        word.wrapping_sub(LIMIT) & !word & TOP
    };
    let (chunks, rest) = bytes.as_chunks::<8>();
    // The last eight overlap with those before them, which harms nothing.
    match bytes.last_chunk::<8>() {
        Some(last) => {
            chunks
                .iter()
                .fold(below(last), |any, chunk| any | below(chunk))
                != 0
        }
        None => rest.iter().any(|byte| *byte < 0x20),
    }
}

fn starts_with_ignoring_case(value: &[u8], prefix: &[u8]) -> bool {
    value
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Browsers and people name `text/...` and never JSON.
fn prefers_text(accept: &[u8]) -> bool {
    !accept.is_empty() && contains(accept, b"text/") && !contains(accept, b"json")
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_control_is_seen_wherever_it_stands() {
        for length in 0..40 {
            let plain = vec![b'a'; length];
            assert!(!has_line_control(&plain), "{length}");
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = plain.clone();
                    bytes[at] = byte;
                    let control = matches!(byte, 0 | b'\r' | b'\n');
                    assert_eq!(
                        has_line_control(&bytes),
                        control,
                        "{byte} at {at} of {length}"
                    );
                }
            }
        }
    }
}
