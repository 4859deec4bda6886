//! What the parameters of a route's path stand for in a request, for each reading of its path.

use std::borrow::Cow;

use crate::coding::percent_decoded;
use crate::policy::host::HostName;
use crate::policy::path::{PathRules, Reading, RequestPath};
use crate::policy::{Host, Path, Policy, Route, Target};

/// Where a parameter is in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum ParameterPlace {
    /// The segment at this position, without the last `suffix` characters. Not bytes: where case is
    /// ignored, the request may have a character of another length there.
    Segment { position: usize, suffix: usize },
    /// All segments from this position on.
    Rest { position: usize },
}

/// One reading of a path.
#[derive(Debug)]
pub(super) struct Capture<'t> {
    pub(super) path: Cow<'t, str>,
    pub(super) parameters: Vec<Cow<'t, str>>,
}

impl Policy {
    /// What each reading of the target's path that leads to `route` says. In the case in which the
    /// path came, also where case is ignored to find the route: to the upstream `Alice` may be
    /// somebody else than `alice`.
    pub(super) fn captures<'t>(
        &self,
        route: &Route,
        target: &Target<'t>,
    ) -> Option<Vec<Capture<'t>>> {
        let Path(whole) = target.path;
        if !route.path.starts_with('/') {
            // `*`, or no path.
            return Some(vec![Capture {
                path: Cow::Borrowed(std::str::from_utf8(whole).ok()?),
                parameters: Vec::new(),
            }]);
        }
        let path = target.path.without_query();
        let as_it_came = PathRules {
            ignore_case: false,
            ..self.rules
        };
        let places = &route.conditions.parameters;
        let readings = match RequestPath::parse(path, as_it_came).ok()? {
            RequestPath::Plain(_) => {
                return Capture::plain(path, places).map(|capture| vec![capture]);
            }
            RequestPath::Readings(readings) => readings,
        };
        let Host(host) = target.host;
        let tables = self.tables.for_host(&HostName::parse(host).ok()?);
        let mut captures = Vec::new();
        for reading in readings {
            let answers = |reading: &Reading| {
                let leaves = tables.find(reading.segments());
                leaves.and_then(|leaves| leaves.answer(target.method.0)) == Some(route.index)
            };
            let leads_here = if self.rules.ignore_case {
                // All those by which the route was found.
                reading.clone().in_every_case().ok()?.iter().any(answers)
            } else {
                answers(&reading)
            };
            if leads_here {
                let texts: Option<Vec<String>> =
                    reading.texts()?.into_iter().map(decoded).collect();
                captures.push(Capture::of_texts(&texts?, places)?);
            }
        }
        Some(captures)
    }
}

/// A segment as a server gets it that decodes once. Readings differ in what they leave encoded to
/// find a route; what a parameter stands for is the same to all of them. A percent sign that was
/// decoded is left alone: no two digits follow it, or the path would have been refused.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    loop {
        let decoded = match rest {
            [b'%', high, low, ..] => percent_decoded(*high, *low),
            _ => None,
        };
        rest = match (decoded, rest) {
            (Some(byte), [_, _, _, after @ ..]) => {
                bytes.push(byte);
                after
            }
            (_, [byte, after @ ..]) => {
                bytes.push(*byte);
                after
            }
            (_, []) => return String::from_utf8(bytes).ok(),
        };
    }
}

/// The text without its last characters; nothing where it has fewer.
fn without_end(text: &str, characters: usize) -> Option<&str> {
    match characters.checked_sub(1) {
        None => Some(text),
        Some(before) => {
            let (end, _) = text.char_indices().nth_back(before)?;
            text.get(..end)
        }
    }
}

impl<'t> Capture<'t> {
    /// Of a path that has one reading, in which nothing is encoded.
    fn plain(path: &'t [u8], places: &[ParameterPlace]) -> Option<Self> {
        let path = std::str::from_utf8(path).ok()?;
        let inner = path.strip_prefix('/')?;
        let value = |place: &ParameterPlace| match *place {
            ParameterPlace::Segment { position, suffix } => {
                let segment = inner.split('/').nth(position)?;
                without_end(segment, suffix)
            }
            ParameterPlace::Rest { position: 0 } => Some(inner),
            ParameterPlace::Rest { position } => {
                let (before, _) = inner.match_indices('/').nth(position - 1)?;
                inner.get(before + 1..)
            }
        };
        let values = places.iter().map(|place| value(place).map(Cow::Borrowed));
        Some(Self {
            path: Cow::Borrowed(path),
            parameters: values.collect::<Option<_>>()?,
        })
    }

    /// Of a path whose segments have these texts.
    fn of_texts(segments: &[String], places: &[ParameterPlace]) -> Option<Self> {
        let value = |place: &ParameterPlace| match *place {
            ParameterPlace::Segment { position, suffix } => {
                let segment = segments.get(position)?;
                without_end(segment, suffix).map(str::to_owned)
            }
            ParameterPlace::Rest { position } => Some(segments.get(position..)?.join("/")),
        };
        let values = places.iter().map(|place| value(place).map(Cow::Owned));
        Some(Self {
            path: Cow::Owned(format!("/{}", segments.join("/"))),
            parameters: values.collect::<Option<_>>()?,
        })
    }
}
