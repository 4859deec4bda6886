//! Path templates: what a route's `path` says.

use super::conditions::ParameterPlace;
use super::path::{is_bare_verb, literal};
use super::{TargetError, fold};
use crate::problem::quoted;

/// The longest template, in bytes.
const MAX_BYTES: usize = 2048;
const MAX_SEGMENTS: usize = 64;
const MAX_PARAMETER_BYTES: usize = 64;
/// The longest text after a parameter. Requests are looked up once for each length that a policy
/// uses, so that this bounds what a segment costs.
const MAX_SUFFIX_BYTES: usize = fold::MAX_END_BYTES;

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
    /// `{name}:verb`: any segment that ends so and has something in front of it.
    Suffixed {
        name: Box<str>,
        /// After percent-decoding.
        suffix: Box<[u8]>,
    },
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
    #[error("no request matches a path with an empty segment")]
    EmptySegment,
    #[error("no request matches a path that ends in a slash")]
    TrailingSlash,
    #[error("the braces in {} do not enclose one parameter at the beginning of a segment", quoted(.0))]
    Braces(String),
    #[error("the text after the parameter in {} is longer than {MAX_SUFFIX_BYTES} bytes", quoted(.0))]
    LongSuffix(String),
    #[error("{} has letters that servers compare differently when they ignore case", quoted(.0))]
    UncertainCase(String),
    #[error("the parameter name {} is not a name", quoted(.0))]
    ParameterName(String),
    #[error("the parameter name {} appears twice in the path", quoted(.0))]
    DuplicateParameter(String),
    #[error("{} is not the last segment", quoted(.0))]
    RestNotLast(String),
    #[error("{} looks like a wildcard in another notation", quoted(.0))]
    ForeignWildcard(String),
    #[error("no request matches {}: {why}", quoted(.segment))]
    Unreachable { segment: String, why: TargetError },
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
                "write `/{name}/` for one segment, `/{name}:text/` for one that ends in `:text`, \
                 `{*name}` at the end for all that follow, `%7B` and `%7D` for braces themselves"
                    .to_owned()
            }
            Self::LongSuffix(_) => "write a shorter text, or use `{name}` alone".to_owned(),
            Self::UncertainCase(_) => {
                "write it in lower case, or use `{name}`: with `ignore_case`, servers disagree about \
                 letters beyond ASCII"
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

fn unreachable_help(why: TargetError) -> &'static str {
    match why {
        TargetError::PathDotSegment | TargetError::PathEncodedDot => {
            "write the path without dot segments and without encoded dots"
        }
        TargetError::PathEncodedSlash => {
            "write `{name}`, and `paths: {encoded_slashes: kept}` if the upstream takes `%2F` as part \
             of the parameter"
        }
        TargetError::PathEncodedDelimiter => {
            "write `{name}` as the last segment: with `paths: {encoded_delimiters: true}` it may have \
             a `?` or `#`"
        }
        TargetError::PathParameter => {
            "remove the `;` and what follows it; `paths: {path_parameters: true}` lets requests have \
             it in the last segment"
        }
        TargetError::PathBareVerb => {
            "write `/{name}:text`, or `/name:text`, for a verb; requests that end in `/:text` are \
             refused as malformed"
        }
        TargetError::PathUncertainCase => {
            "write the path without it; with `ignore_case`, requests with such a character are \
             refused as malformed"
        }
        TargetError::PathBadPercent => "write `%25` for the percent sign itself",
        TargetError::PathDoubleEncoding => "encode it once",
        TargetError::PathControl => {
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
            if let Some(name) = parsed.parameter() {
                if names.iter().any(|known| known == name) {
                    return Err(TemplateError::DuplicateParameter(name.to_owned()));
                }
                names.push(name.to_owned());
            }
            if matches!(parsed, TemplateSegment::Rest(_)) && written.peek().is_some() {
                return Err(TemplateError::RestNotLast(segment.to_owned()));
            }
            if written.peek().is_none() && parsed.is_bare_verb() {
                return Err(unreachable(segment, TargetError::PathBareVerb));
            }
            segments.push(parsed);
        }
        if segments.len() > MAX_SEGMENTS {
            return Err(TemplateError::TooLong);
        }
        Ok(Self::Path(segments))
    }

    /// The parameters, in the order of the path, and where they are.
    pub(super) fn parameters(&self) -> Vec<(&str, ParameterPlace)> {
        let Self::Path(segments) = self else {
            return Vec::new();
        };
        let segments = segments.iter().enumerate();
        segments
            .filter_map(|(position, segment)| match segment {
                TemplateSegment::Literal(_) => None,
                TemplateSegment::Suffixed { name, suffix } => {
                    let suffix = String::from_utf8_lossy(suffix).chars().count();
                    Some((&**name, ParameterPlace::Segment { position, suffix }))
                }
                TemplateSegment::Parameter(name) => {
                    let suffix = 0;
                    Some((&**name, ParameterPlace::Segment { position, suffix }))
                }
                TemplateSegment::Rest(name) => Some((&**name, ParameterPlace::Rest { position })),
            })
            .collect()
    }

    /// The same for an upstream that ignores case: what it compares in lower case.
    pub(super) fn ignoring_case(self) -> Result<Self, TemplateError> {
        match self {
            Self::Asterisk | Self::Empty => Ok(self),
            Self::Path(segments) => {
                let segments = segments.into_iter().map(TemplateSegment::ignoring_case);
                Ok(Self::Path(segments.collect::<Result<_, _>>()?))
            }
        }
    }
}

impl TemplateSegment {
    fn parameter(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Suffixed { name, .. } | Self::Parameter(name) | Self::Rest(name) => Some(name),
        }
    }

    fn is_bare_verb(&self) -> bool {
        matches!(self, Self::Literal(name) if is_bare_verb(name))
    }

    fn ignoring_case(mut self) -> Result<Self, TemplateError> {
        if let Self::Literal(text) | Self::Suffixed { suffix: text, .. } = &mut self {
            let written = text.clone();
            text.make_ascii_lowercase();
            // Each table has one spelling of a name. Where servers that ignore case disagree about
            // it, no spelling would be right for all of them.
            let written = String::from_utf8_lossy(&written);
            if fold::is_uncertain(&written) {
                return Err(unreachable(&written, TargetError::PathUncertainCase));
            }
            if !fold::beyond_ascii(text).is_empty() {
                return Err(TemplateError::UncertainCase(written.into_owned()));
            }
        }
        Ok(self)
    }

    fn parse(text: &str) -> Result<Self, TemplateError> {
        if let Some(inner) = text
            .strip_prefix('{')
            .and_then(|inner| inner.strip_suffix('}'))
            .filter(|inner| !inner.contains(['{', '}']))
        {
            return match inner.strip_prefix('*') {
                Some(name) => parameter_name(name).map(Self::Rest),
                None => parameter_name(inner).map(Self::Parameter),
            };
        }
        if let Some((name, suffix)) = text
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
            && !name.starts_with('*')
        {
            return Ok(Self::Suffixed {
                name: parameter_name(name)?,
                suffix: suffix_of(text, suffix)?,
            });
        }
        if text.contains(['{', '}']) {
            return Err(TemplateError::Braces(text.to_owned()));
        }
        // Many routers use these; read literally, the route would silently match nothing.
        if text.contains('*') || text.starts_with(':') {
            return Err(TemplateError::ForeignWildcard(text.to_owned()));
        }
        let name = literal(text.as_bytes()).map_err(|why| unreachable(text, why))?;
        Ok(Self::Literal(name.into()))
    }
}

fn unreachable(segment: &str, why: TargetError) -> TemplateError {
    TemplateError::Unreachable {
        segment: segment.to_owned(),
        why,
    }
}

/// The text after the parameter of `segment`, decoded.
fn suffix_of(segment: &str, suffix: &str) -> Result<Box<[u8]>, TemplateError> {
    if suffix.contains(['{', '}']) {
        return Err(TemplateError::Braces(segment.to_owned()));
    }
    if suffix.contains('*') {
        return Err(TemplateError::ForeignWildcard(segment.to_owned()));
    }
    if suffix.len() > MAX_SUFFIX_BYTES {
        return Err(TemplateError::LongSuffix(segment.to_owned()));
    }
    // A request has something in front of it: `.` alone would be a dot segment.
    let whole = [b"x", suffix.as_bytes()].concat();
    let whole = literal(&whole).map_err(|why| unreachable(segment, why))?;
    Ok(whole.get(1..).unwrap_or_default().into())
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
