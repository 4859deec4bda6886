//! How a policy finds the route of a request, step by step: for explanations.

use std::sync::Arc;

use super::host::{HostName, HostPattern};
use super::path::{Necessity, PathSegment, Segments};
use super::table::{HostTables, Leaves};
use super::{Host, Matched, Policy, Route, Target, TargetError, Wanted};

/// The way from a request to its route. What it shows is what [`Policy::route`] does.
#[derive(Debug)]
pub struct Trace<'p> {
    /// The host as it is compared: lower case, without port and trailing dot.
    pub host: Box<str>,
    pub table: AnsweringTable,
    /// Each way to read the path; one, unless the policy lets paths have several.
    pub readings: Vec<TracedReading<'p>>,
}

/// Whose routes answer the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnsweringTable {
    /// Those without `hosts`: no route names this host.
    Default,
    /// Those that name the host by this pattern, before those without `hosts`.
    Named(HostPattern),
    /// Those that name the host by this pattern, alone, because of `closed_hosts`.
    Closed(HostPattern),
}

/// One way to read the path, and the templates that match it.
#[derive(Debug)]
pub struct TracedReading<'p> {
    /// The path, decoded as far as this reading decodes it.
    pub path: Box<[u8]>,
    /// Whether a route must match it; otherwise the reading counts only where one does.
    pub is_required: bool,
    /// The templates that match, the most specific first: the first of them decides.
    pub matches: Vec<TemplateMatch<'p>>,
}

/// A template that matches a reading.
#[derive(Debug)]
pub struct TemplateMatch<'p> {
    /// The route that answers the request's method, if the template has one.
    pub answers: Option<&'p Arc<Route>>,
    /// It lets the request through as a CORS preflight.
    pub as_preflight: bool,
    /// Every route with this template in the tables that answer the host.
    pub routes: Vec<&'p Arc<Route>>,
    /// The first segment, counted from 1, in which it is less specific than the first template.
    pub differs_in_segment: Option<usize>,
}

impl Policy {
    /// How the route of `target` is found, or why the target is malformed. Looks at more than the
    /// decision needs.
    pub fn trace(&self, target: &Target<'_>) -> Result<Trace<'_>, TargetError> {
        let Host(raw_host) = target.host;
        let readings = self.look_up(target, |tables, wanted| match wanted {
            Wanted::Asterisk => vec![self.traced_form(tables.asterisk(), target)],
            Wanted::Empty => vec![self.traced_form(tables.empty(), target)],
            Wanted::Plain(path) => vec![self.traced(tables, path, Necessity::Required, target)],
            Wanted::Readings(readings) => readings
                .iter()
                .map(|reading| self.traced(tables, reading.segments(), reading.necessity, target))
                .collect(),
        })?;
        let host = HostName::parse(raw_host)?;
        let table = match self.tables.named(&host) {
            None => AnsweringTable::Default,
            Some((pattern, table)) if table.is_closed() => AnsweringTable::Closed(pattern),
            Some((pattern, _)) => AnsweringTable::Named(pattern),
        };
        Ok(Trace {
            host: String::from_utf8_lossy(host.as_bytes()).into(),
            table,
            readings,
        })
    }

    fn traced_form(&self, leaves: Option<Leaves<'_>>, target: &Target<'_>) -> TracedReading<'_> {
        let matches = leaves.map(|leaves| self.template_match(leaves, leaves, target));
        TracedReading {
            path: target.path.without_query().into(),
            is_required: true,
            matches: matches.into_iter().collect(),
        }
    }

    fn traced(
        &self,
        tables: HostTables<'_>,
        path: impl Segments,
        necessity: Necessity,
        target: &Target<'_>,
    ) -> TracedReading<'_> {
        let all = tables.matching(path);
        let first = all.first().copied();
        let matches = all.into_iter().map(|leaves| {
            let first = first.unwrap_or(leaves);
            self.template_match(leaves, first, target)
        });
        TracedReading {
            path: text_of(path),
            is_required: necessity == Necessity::Required,
            matches: matches.collect(),
        }
    }

    fn template_match(
        &self,
        leaves: Leaves<'_>,
        first: Leaves<'_>,
        target: &Target<'_>,
    ) -> TemplateMatch<'_> {
        let answer = self.answer(leaves, target);
        let (answers, as_preflight) = match answer {
            None => (None, false),
            Some(Matched::Route(route)) => (Some(route), false),
            Some(Matched::Preflight(route)) => (Some(route), true),
        };
        let routes = leaves.routes().into_iter();
        TemplateMatch {
            answers,
            as_preflight,
            routes: routes.filter_map(|index| self.routes.get(index)).collect(),
            differs_in_segment: first.differs_from(leaves),
        }
    }
}

fn text_of(path: impl Segments) -> Box<[u8]> {
    let mut text = Vec::new();
    append(path, &mut text);
    if text.is_empty() {
        text.push(b'/');
    }
    text.into()
}

fn append(path: impl Segments, text: &mut Vec<u8>) {
    // As deep as the path has segments, of which there is a bound.
    if let Some((segment, rest)) = path.split_first() {
        let (PathSegment::Named(bytes) | PathSegment::Opaque(bytes)) = segment;
        text.push(b'/');
        text.extend_from_slice(bytes);
        append(rest, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Method, Path, Routed};
    use crate::problem::Source;

    const POLICY: &str = "version: 1
closed_hosts: ['*.closed.example']
paths: {merge_slashes: true}
routes:
  - {name: literal, methods: [GET], path: /a/b, access: public}
  - {name: verb, methods: [GET], path: '/a/{x}:go', access: public}
  - {name: parameter, methods: [GET, POST], path: '/a/{x}', access: authenticated}
  - {name: rest, methods: [GET], path: '/{*rest}', access: nobody}
  - {name: named, hosts: ['*.shop.example'], methods: [POST], path: /a/b, access: nobody}
  - {name: own-rest, hosts: [x.closed.example], methods: [GET], path: '/{*rest}', access: public}
";

    fn policy() -> Policy {
        Policy::compile(&[Source {
            name: "policy.yaml".to_owned(),
            text: POLICY.to_owned(),
        }])
        .unwrap()
    }

    fn target<'a>(method: &'a str, host: &'a str, path: &'a str) -> Target<'a> {
        Target {
            method: Method(method.as_bytes()),
            host: Host(host.as_bytes()),
            path: Path(path.as_bytes()),
            preflight: None,
            grpc: false,
        }
    }

    fn shown(trace: &Trace<'_>) -> String {
        let readings = trace.readings.iter().map(|reading| {
            let matches = reading.matches.iter().map(|found| {
                let routes: Vec<_> = found.routes.iter().map(|route| &*route.name).collect();
                let mark = if found.answers.is_some() { "" } else { "!" };
                let segment = found.differs_in_segment.map(|at| format!("@{at}"));
                format!("{mark}{}{}", routes.join("+"), segment.unwrap_or_default())
            });
            let path = String::from_utf8_lossy(&reading.path);
            format!("{path}: {}", matches.collect::<Vec<_>>().join(" "))
        });
        readings.collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn every_template_that_matches_is_shown_in_order() {
        let policy = policy();
        for (method, host, path, expected) in [
            ("GET", "a", "/a/b", "/a/b: literal parameter@2 rest@1"),
            ("GET", "A:80", "/a/c:go", "/a/c:go: verb parameter@2 rest@1"),
            ("POST", "a", "/a/c:go", "/a/c:go: !verb parameter@2 !rest@1"),
            (
                "GET",
                "a.shop.example",
                "/a/b",
                "/a/b: named+literal parameter@2 rest@1",
            ),
            ("GET", "x.closed.example", "/a/b", "/a/b: own-rest"),
            ("GET", "a", "/b", "/b: rest"),
            ("GET", "a", "/", "/: "),
        ] {
            let trace = policy.trace(&target(method, host, path)).unwrap();
            assert_eq!(shown(&trace), expected, "{method} {host} {path}");
        }
        let trace = policy.trace(&target("GET", "a", "/a//b")).unwrap();
        let shown = shown(&trace);
        assert!(
            shown.contains("/a/b: literal parameter@2 rest@1"),
            "{shown}"
        );
        assert!(shown.contains("/a//b: rest"), "{shown}");
    }

    #[test]
    fn the_table_that_answers_is_named() {
        let policy = policy();
        let below = |name: &str| HostPattern::Below(name.into());
        for (host, expected) in [
            ("elsewhere", AnsweringTable::Default),
            (
                "A.Shop.Example.:443",
                AnsweringTable::Named(below("shop.example")),
            ),
            (
                "y.closed.example",
                AnsweringTable::Closed(below("closed.example")),
            ),
            (
                "x.closed.example",
                AnsweringTable::Closed(HostPattern::Exact("x.closed.example".into())),
            ),
        ] {
            let trace = policy.trace(&target("GET", host, "/a")).unwrap();
            assert_eq!(trace.table, expected, "{host}");
        }
    }

    #[test]
    fn the_first_template_is_the_one_that_decides() {
        let policy = policy();
        for method in ["GET", "POST", "PUT"] {
            for host in [
                "a",
                "b.shop.example",
                "x.closed.example",
                "y.closed.example",
            ] {
                for path in ["/", "/a", "/a/b", "/a/b:go", "/a/b/c", "/c", "/a/:go"] {
                    let target = target(method, host, path);
                    let (trace, routed) = (policy.trace(&target), policy.route(&target));
                    let decided = routed.map(|routed| match routed {
                        Routed::Unlisted | Routed::UnlistedInShadow { .. } => None,
                        Routed::One(route) | Routed::Preflight(route) => Some(route.index),
                        Routed::Every(_) => panic!("one reading has one route"),
                    });
                    let first = trace.map(|trace| {
                        let first = trace.readings[0].matches.first()?;
                        Some(first.answers?.index)
                    });
                    assert_eq!(first, decided, "{method} {host} {path}");
                }
            }
        }
    }
}
