//! A request of a class, as a proxy would send it.

use std::fmt::Write as _;

use crate::policy::table::{Segment, Tail, Written};
use crate::policy::{Host, HostPattern, Method, Methods, Path, Route, Target};

/// A request of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleRequest {
    pub method: Box<str>,
    pub host: Box<str>,
    /// As a proxy sends it; characters beyond ASCII are not encoded.
    pub path: Box<str>,
    /// Of a CORS preflight, the method that it asks for.
    pub preflight: Option<Box<str>>,
}

impl ExampleRequest {
    /// A request that the route is for, with the path that `change` makes of a simple one; nothing
    /// where the route has no path.
    pub fn of(route: &Route, change: impl Fn(&str) -> String) -> Option<Self> {
        let parameter = |segment: &str| match segment.strip_prefix('{') {
            Some(inner) => format!("1{}", inner.rsplit_once('}').map_or("", |(_, text)| text)),
            None => segment.to_owned(),
        };
        let written = route.path.strip_prefix('/')?;
        let segments: Vec<String> = written.split('/').map(parameter).collect();
        let host = route.hosts.first();
        let host = host.map_or_else(|| "other.example".into(), HostPattern::example);
        let method = match &route.methods {
            Methods::Every => "GET".into(),
            Methods::Listed(listed) => listed.first()?.clone(),
        };
        Some(Self {
            method,
            host,
            path: change(&format!("/{}", segments.join("/"))).into(),
            preflight: None,
        })
    }

    pub fn target(&self) -> Target<'_> {
        Target {
            method: Method(self.method.as_bytes()),
            host: Host(self.host.as_bytes()),
            path: Path(self.path.as_bytes()),
            preflight: self
                .preflight
                .as_ref()
                .map(|method| Method(method.as_bytes())),
            grpc: false,
        }
    }
}

/// The path of these segments, in which only what a proxy would not send raw is encoded.
pub(super) fn path_of(tail: Option<&Tail>) -> Box<str> {
    let mut path = String::new();
    for segment in Tail::segments(tail) {
        path.push('/');
        path.push_str(&encoded(segment));
    }
    if path.is_empty() {
        path.push('/');
    }
    path.into()
}

/// The path of segments as they are sent.
pub(super) fn path_as_written(segments: &[Written]) -> Box<str> {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        match segment {
            Written::Plain(segment) => path.push_str(&encoded(segment)),
            Written::Encoded(encoded) => {
                path.push_str(&encoded_text(&encoded.before));
                path.push_str(&encoded.escape);
                path.push_str(&encoded_text(&encoded.after));
            }
            Written::Longer(segment, parameter) => {
                path.push_str(&encoded(segment));
                path.push_str(&String::from_utf8_lossy(parameter));
            }
            Written::Parameter(parameter) => path.push_str(&String::from_utf8_lossy(parameter)),
            Written::Empty => {}
        }
    }
    path.into()
}

pub(super) fn encoded(segment: &Segment) -> String {
    encoded_text(&segment.text)
}

fn encoded_text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for character in String::from_utf8_lossy(bytes).chars() {
        if matches!(
            character,
            '\0'..=' ' | '%' | '?' | '#' | '\\' | ';' | '\u{7f}'
        ) {
            let _ = write!(text, "%{:02X}", u32::from(character));
        } else {
            text.push(character);
        }
    }
    text
}
