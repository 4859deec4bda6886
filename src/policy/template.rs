//! Path templates: what a route's `path` says.

use super::MalformedTarget;
use super::path::literal;
use crate::problem::quoted;

/// The longest template, in bytes.
const MAX_BYTES: usize = 2048;
/// The most segments.
const MAX_SEGMENTS: usize = 64;
const MAX_PARAMETER_BYTES: usize = 64;

/// A route's path, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Template {
    /// `*`: the server as a whole (RFC 9112 section 3.2.4).
    Asterisk,
    /// Nothing: what `CONNECT` asks for is in the host (RFC 9112 section 3.2.3).
    Empty,
    /// A path; `/` has no segments.
    Path(Vec<TemplateSegment>),
}

/// A segment of a template, the most specific first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TemplateSegment {
    /// Exactly this, after percent-decoding.
    Literal(Box<[u8]>),
    /// `{name}`: any one segment.
    Parameter(Box<str>),
    /// `{*name}`, at the end: one or more segments.
    Rest(Box<str>),
}

/// Why a path of the policy is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    #[error("the path is longer than {MAX_BYTES} bytes or {MAX_SEGMENTS} segments")]
    TooLong,
    #[error("the path does not begin with a slash")]
    NoLeadingSlash,
    #[error("the path is a URL")]
    Url,
    #[error("the path has a query, which is never compared")]
    Query,
    #[error("no request is answered by a path with an empty segment")]
    EmptySegment,
    #[error("no request is answered by a path that ends in a slash")]
    TrailingSlash,
    #[error("the braces in {} do not enclose a whole segment", quoted(.0))]
    Braces(String),
    #[error("the parameter name {} is not a name", quoted(.0))]
    ParameterName(String),
    #[error("the parameter name {} stands twice in the path", quoted(.0))]
    DuplicateParameter(String),
    #[error("{} is not the last segment", quoted(.0))]
    RestNotLast(String),
    #[error("{} looks like a wildcard of another notation", quoted(.0))]
    ForeignWildcard(String),
    #[error("no request is answered by {}: {why}", quoted(.segment))]
    Unreachable {
        segment: String,
        why: MalformedTarget,
    },
}

impl TemplateError {
    pub(super) fn help(&self) -> String {
        match self {
            Self::TooLong => "use `{*rest}` for the deeper part".to_owned(),
            Self::NoLeadingSlash => "write `/` in front of it".to_owned(),
            Self::Url => "write the path alone, and the host into `hosts`".to_owned(),
            Self::Query => "remove the `?` and what follows it".to_owned(),
            Self::EmptySegment => "write one slash between segments".to_owned(),
            Self::TrailingSlash => {
                "remove the slash; `paths: {trailing_slash: true}` lets requests \
                                    have one"
                    .to_owned()
            }
            Self::Braces(_) => {
                "write `/{name}/` for one segment, `{*name}` at the end for all that \
                                follow, `%7B` and `%7D` for braces themselves"
                    .to_owned()
            }
            Self::ParameterName(_) => format!(
                "a name has letters, digits and `_`, begins with a letter or `_`, and has at most \
                 {MAX_PARAMETER_BYTES} bytes"
            ),
            Self::DuplicateParameter(_) => "give each parameter its own name".to_owned(),
            Self::RestNotLast(_) => {
                "end the path with it, or use `{name}` for one segment".to_owned()
            }
            Self::ForeignWildcard(_) => "write `{name}` for one segment, `{*name}` at the end for \
                                         all that follow, `%2A` or `%3A` for the character itself"
                .to_owned(),
            Self::Unreachable { why, .. } => unreachable_help(*why).to_owned(),
        }
    }
}

fn unreachable_help(why: MalformedTarget) -> &'static str {
    match why {
        MalformedTarget::PathDotSegment | MalformedTarget::PathEncodedDot => {
            "write the path without dot segments and without encoded dots"
        }
        MalformedTarget::PathEncodedSlash => {
            "write `{name}`: with `paths: {encoded_slashes: true}` a parameter may have a slash"
        }
        MalformedTarget::PathEncodedDelimiter => {
            "write `{name}`: with `paths: {encoded_delimiters: true}` a parameter may have a `?` \
             or `#`"
        }
        MalformedTarget::PathParameter => {
            "remove the `;` and what follows it; `paths: {path_parameters: true}` lets requests \
             have it"
        }
        MalformedTarget::PathBadPercent => "write `%25` for the percent sign itself",
        MalformedTarget::PathDoubleEncoding => "encode it once",
        MalformedTarget::PathControl => {
            "write `%20` for a space; requests with control bytes are refused as malformed"
        }
        _ => "remove it: requests with it are refused as malformed",
    }
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        match text {
            "*" => return Ok(Self::Asterisk),
            "" => return Ok(Self::Empty),
            _ => {}
        }
        if text.len() > MAX_BYTES {
            return Err(TemplateError::TooLong);
        }
        if text.contains("://") {
            return Err(TemplateError::Url);
        }
        let rest = text
            .strip_prefix('/')
            .ok_or(TemplateError::NoLeadingSlash)?;
        if text.contains('?') {
            return Err(TemplateError::Query);
        }
        let mut segments = Vec::new();
        let mut names = Vec::new();
        let mut written = rest.split('/').peekable();
        while let Some(segment) = written.next().filter(|_| !rest.is_empty()) {
            if segment.is_empty() {
                return Err(match written.peek() {
                    Some(_) => TemplateError::EmptySegment,
                    None => TemplateError::TrailingSlash,
                });
            }
            let parsed = TemplateSegment::parse(segment)?;
            if let TemplateSegment::Parameter(name) | TemplateSegment::Rest(name) = &parsed {
                if names.contains(name) {
                    return Err(TemplateError::DuplicateParameter(name.to_string()));
                }
                names.push(name.clone());
            }
            if matches!(parsed, TemplateSegment::Rest(_)) && written.peek().is_some() {
                return Err(TemplateError::RestNotLast(segment.to_owned()));
            }
            segments.push(parsed);
        }
        if segments.len() > MAX_SEGMENTS {
            return Err(TemplateError::TooLong);
        }
        Ok(Self::Path(segments))
    }
}

impl TemplateSegment {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        if let Some(inner) = text
            .strip_prefix('{')
            .and_then(|inner| inner.strip_suffix('}'))
        {
            return match inner.strip_prefix('*') {
                Some(name) => parameter_name(name).map(Self::Rest),
                None => parameter_name(inner).map(Self::Parameter),
            };
        }
        if text.contains(['{', '}']) {
            return Err(TemplateError::Braces(text.to_owned()));
        }
        // Many routers use these; read literally, the route would silently match nothing.
        if text.contains('*') || text.starts_with(':') {
            return Err(TemplateError::ForeignWildcard(text.to_owned()));
        }
        let unreachable = |why| TemplateError::Unreachable {
            segment: text.to_owned(),
            why,
        };
        let name = literal(text.as_bytes()).map_err(unreachable)?;
        Ok(Self::Literal(name.into()))
    }
}

fn parameter_name(name: &str) -> Result<Box<str>, TemplateError> {
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_name = begins_well
        && name.len() <= MAX_PARAMETER_BYTES
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name {
        Ok(name.into())
    } else {
        Err(TemplateError::ParameterName(name.to_owned()))
    }
}
