//! What the headers of a request say, read the same way for every front end.

use super::aliases::{AliasFinder, Posing};
use super::identity_headers::FromCaller;
use super::malformed::MalformedRequest;
use crate::policy::Method;
use crate::token::{Credential, Credentials, MAX_TOKEN_HEADERS};

/// A caller cannot make the gate keep more header names than this to be removed; a request with more
/// aliases of identity headers is malformed.
const MAX_ALIASES: usize = 64;

/// Reads headers one by one.
#[derive(Debug)]
pub struct HeaderReader<'a, 'f> {
    finder: &'f AliasFinder,
    facts: HeaderFacts<'a>,
    fault: Option<MalformedRequest>,
}

/// What the headers say beside the credential.
#[derive(Debug, Default)]
pub struct HeaderFacts<'a> {
    has_origin: bool,
    content_type: &'a [u8],
    accept: &'a [u8],
    request_id: &'a [u8],
    traceparent: &'a [u8],
    aliases: Vec<&'a [u8]>,
}

/// The values of headers that may come once only. A front end that is given the headers in several
/// forms keeps one of these for each form.
#[derive(Debug, Default, Clone, Copy)]
pub struct SingleHeaders<'a> {
    authorization: Values<'a>,
    requested_method: Values<'a>,
    /// In the order in which the finder has them.
    token_headers: [Values<'a>; MAX_TOKEN_HEADERS],
}

impl<'a, 'f> HeaderReader<'a, 'f> {
    pub fn new(finder: &'f AliasFinder) -> Self {
        Self {
            finder,
            facts: HeaderFacts::default(),
            fault: None,
        }
    }

    /// Reads one header; `singles` are those of the form that it came in.
    pub fn read(&mut self, name: &'a [u8], value: &'a [u8], singles: &mut SingleHeaders<'a>) {
        if has_line_control(value) || has_line_control(name) {
            self.fault = Some(MalformedRequest::HeaderControl);
        }
        match self.finder.find(name) {
            None => {}
            // Only its other spellings pose as something that they are not.
            Some(Posing::AsToken(position)) => {
                if let Some(values) = singles.token_headers.get_mut(position) {
                    values.add(value);
                }
            }
            Some(Posing::AsOther) => {
                // Whatever the answer sets or removes by its exact name need not be removed once more.
                let removes = self.finder.from_caller() == FromCaller::Remove;
                if !(removes && self.finder.is_exact(name)) {
                    self.note_alias(name);
                }
            }
        }
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        // By length first: nearly every header ends there.
        match name.len() {
            6 if is(b"origin") => self.facts.has_origin = true,
            6 if is(b"accept") => self.facts.accept = value,
            10 if is(b"connection") => self.read_connection(name, value),
            11 if is(b"traceparent") => self.facts.traceparent = value,
            12 if is(b"x-request-id") => self.facts.request_id = value,
            // Which of several the upstream trusts is not known. Paths of gRPC have the stricter
            // rules, so one of them is enough.
            12 if is(b"content-type") && !self.facts.is_grpc() => self.facts.content_type = value,
            13 if is(b"authorization") => singles.authorization.add(value),
            29 if is(b"access-control-request-method") => singles.requested_method.add(value),
            _ => {}
        }
    }

    /// What the headers read so far say, even if one of them makes the request malformed.
    pub fn facts(&self) -> &HeaderFacts<'a> {
        &self.facts
    }

    /// What the headers say, unless one of them makes the request malformed.
    pub fn finish(self) -> Result<HeaderFacts<'a>, MalformedRequest> {
        self.fault.map_or(Ok(self.facts), Err)
    }

    fn note_alias(&mut self, name: &'a [u8]) {
        if self.finder.from_caller() == FromCaller::Refuse {
            self.fault = Some(MalformedRequest::IdentityHeader);
        } else if self.facts.aliases.len() >= MAX_ALIASES {
            self.fault = Some(MalformedRequest::TooManyAliases);
        } else {
            self.facts.aliases.push(name);
        }
    }

    /// A header that `Connection` names is dropped on the way to the upstream (RFC 9110 section
    /// 7.6.1). A caller that names an identity header there would take away what the gate sets, so
    /// the naming has to go.
    fn read_connection(&mut self, name: &'a [u8], value: &[u8]) {
        let mut options = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        if options.any(|option| self.finder.is_alias(option)) {
            self.note_alias(name);
        }
    }
}

impl<'a> HeaderFacts<'a> {
    /// Names of headers to be removed, as the caller spelt them: copies of identity headers.
    pub fn aliases(&self) -> &[&'a [u8]] {
        &self.aliases
    }

    /// `x-request-id`, by which proxies name requests; nothing about it is checked.
    pub fn request_id(&self) -> &'a [u8] {
        self.request_id
    }

    /// `traceparent` (W3C Trace Context); nothing about it is checked.
    pub fn traceparent(&self) -> &'a [u8] {
        self.traceparent
    }

    /// Whether the content type says gRPC.
    pub fn is_grpc(&self) -> bool {
        starts_with_ignoring_case(self.content_type, b"application/grpc")
    }

    /// Whether a request with this method is a CORS preflight, if it also asks for a method.
    pub fn may_be_preflight(&self, method: Method<'_>) -> bool {
        method == Method(b"OPTIONS") && self.has_origin
    }

    /// Browsers and people name `text/...` and never JSON.
    pub(super) fn prefers_text(&self) -> bool {
        let accept = self.accept;
        !accept.is_empty() && contains(accept, b"text/") && !contains(accept, b"json")
    }
}

impl<'a> SingleHeaders<'a> {
    /// What the headers hold in which tokens may be; the names of those are the finder's.
    pub fn credentials(&self, finder: &'a AliasFinder) -> Credentials<'a> {
        let authorization = Credential::read(self.authorization.all());
        let mut credentials = Credentials::bearer(authorization);
        for (name, values) in finder.token_headers().zip(self.token_headers) {
            credentials = credentials.with_bare(name, Credential::read_bare(values.all(), name));
        }
        credentials
    }

    /// The method that a preflight asks for.
    pub fn requested_method(&self) -> Result<Option<Method<'a>>, MalformedRequest> {
        match self.requested_method.second {
            Some(_) => Err(MalformedRequest::PreflightMethods),
            None => Ok(self.requested_method.first.map(Method)),
        }
    }
}

/// Enough to tell one value from several.
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

    fn all(self) -> impl Iterator<Item = &'a [u8]> {
        self.first.into_iter().chain(self.second)
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

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_control_is_found_at_every_position() {
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
