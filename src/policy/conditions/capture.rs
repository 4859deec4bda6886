//! What the parameters of a route's path stand for in a request, for each reading of its path.

use std::borrow::Cow;

use crate::coding::percent_decoded;
use crate::policy::host::HostName;
use crate::policy::path::{PathRules, RequestPath};
use crate::policy::{Host, Path, Policy, Route, Target};

/// Where a parameter is in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum ParameterPlace {
    /// The segment at this position, without the last `suffix` bytes.
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
            let leaves = if self.rules.ignore_case {
                tables.find(reading.in_lower_case().segments())
            } else {
                tables.find(reading.segments())
            };
            let answers = leaves.and_then(|leaves| leaves.answer(target.method.0));
            if answers == Some(route.index) {
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

impl<'t> Capture<'t> {
    /// Of a path that has one reading, in which nothing is encoded.
    fn plain(path: &'t [u8], places: &[ParameterPlace]) -> Option<Self> {
        let path = std::str::from_utf8(path).ok()?;
        let inner = path.strip_prefix('/')?;
        let value = |place: &ParameterPlace| match *place {
            ParameterPlace::Segment { position, suffix } => {
                let segment = inner.split('/').nth(position)?;
                segment.get(..segment.len().checked_sub(suffix)?)
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
                segment
                    .get(..segment.len().checked_sub(suffix)?)
                    .map(str::to_owned)
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
