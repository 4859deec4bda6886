//! From a route to a request that it answers: its path, with values for the parameters.

use super::host::HostName;
use super::template::{Template, TemplateSegment};
use super::{Host, HostPattern, Route};
use crate::coding::{push_escape, push_percent_encoded};

/// A parameter of a route's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathParameter<'r> {
    pub name: &'r str,
    pub extent: ParameterExtent,
}

/// How much of the path a parameter stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterExtent {
    /// One segment, or the beginning of one.
    Segment,
    /// One or more segments, at the end.
    Rest,
}

/// Why a path cannot be made. Each names the parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    #[error("the parameter `{0}` has no value")]
    Missing(String),
    /// It would leave its place: `.`, `..`, or nothing between two slashes.
    #[error(
        "the value of the parameter `{0}` would be another path: it has an empty, `.` or `..` segment"
    )]
    Segment(String),
}

/// The path of a route, with what it takes to make a request of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillablePath(Vec<TemplateSegment>);

impl Route {
    /// The path, to be filled in; none where requests for it have no path.
    pub fn fillable_path(&self) -> Option<FillablePath> {
        // As it was compiled: what is written was read once already.
        FillablePath::parse(&self.path)
    }

    /// Whether its `hosts` have this one, which may have a port. Another table may answer it all the same.
    pub fn names_host(&self, host: Host<'_>) -> bool {
        let Ok(host) = HostName::parse(host.0) else {
            return false;
        };
        let names = |pattern: &HostPattern| match pattern {
            HostPattern::Exact(name) => name.as_bytes() == host.as_bytes(),
            HostPattern::Below(name) => host.parents().any(|parent| parent == name.as_bytes()),
        };
        self.hosts.is_empty() || self.hosts.iter().any(names)
    }
}

impl FillablePath {
    /// The path of a template that no route has; none where no route could have it.
    pub fn parse(template: &str) -> Option<Self> {
        match Template::parse(template) {
            Ok(Template::Path(segments)) => Some(Self(segments)),
            Ok(Template::Asterisk | Template::Empty) | Err(_) => None,
        }
    }

    /// The parameters, in the order of the path.
    pub fn parameters(&self) -> impl Iterator<Item = PathParameter<'_>> {
        self.0.iter().filter_map(|segment| {
            let (name, extent) = match segment {
                TemplateSegment::Literal(_) => return None,
                TemplateSegment::Suffixed { name, .. } | TemplateSegment::Parameter(name) => {
                    (name, ParameterExtent::Segment)
                }
                TemplateSegment::Rest(name) => (name, ParameterExtent::Rest),
            };
            Some(PathParameter { name, extent })
        })
    }

    /// The path of a request with these values. Whatever they are, it has the segments of the template: what
    /// a value has beyond unreserved characters is encoded.
    pub fn with<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, FillError> {
        let present = |name: &str| {
            let value = value(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| FillError::Missing(name.to_owned()))
        };
        let mut path = String::new();
        for segment in &self.0 {
            match segment {
                TemplateSegment::Literal(text) => {
                    path.push('/');
                    push_literal(&mut path, text);
                }
                TemplateSegment::Suffixed { name, suffix } => {
                    push_value(&mut path, name, present(name)?, suffix)?;
                }
                TemplateSegment::Parameter(name) => {
                    push_value(&mut path, name, present(name)?, b"")?;
                }
                TemplateSegment::Rest(name) => {
                    for part in present(name)?.split('/') {
                        push_value(&mut path, name, part, b"")?;
                    }
                }
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        Ok(path)
    }

    /// The values that a path has for the parameters. None where it is not of this template, or where what it has
    /// would have to be decoded.
    pub fn values_of<'p>(&self, path: &'p str) -> Option<Vec<(&str, &'p str)>> {
        let mut rest = path.strip_prefix('/').filter(|rest| !rest.is_empty());
        let mut values = Vec::new();
        for segment in &self.0 {
            let all = rest?;
            let (first, others) = match all.split_once('/') {
                Some((first, others)) => (first, Some(others)),
                None => (all, None),
            };
            rest = others;
            match segment {
                TemplateSegment::Literal(text) if **text == *first.as_bytes() => {}
                TemplateSegment::Parameter(name) => values.push((&**name, first)),
                TemplateSegment::Rest(name) => {
                    values.push((&**name, all));
                    rest = None;
                }
                TemplateSegment::Literal(_) | TemplateSegment::Suffixed { .. } => return None,
            }
        }
        let is_plain = |(_, value): &(&str, &str)| !value.is_empty() && !value.contains('%');
        (rest.is_none() && values.iter().all(is_plain)).then_some(values)
    }

    /// Whether both make the same paths, whatever they call their parameters.
    pub fn makes_paths_of(&self, other: &Self) -> bool {
        use TemplateSegment::{Literal, Parameter, Rest, Suffixed};
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|pair| match pair {
                (Literal(one), Literal(other))
                | (Suffixed { suffix: one, .. }, Suffixed { suffix: other, .. }) => one == other,
                (Parameter(_), Parameter(_)) | (Rest(_), Rest(_)) => true,
                _ => false,
            })
    }
}

/// Appends the segment that a value makes, with what the template has behind it.
fn push_value(path: &mut String, name: &str, value: &str, suffix: &[u8]) -> Result<(), FillError> {
    // Encoding does not help: servers read `%2E` as a dot.
    if matches!(
        [value.as_bytes(), suffix].concat().as_slice(),
        b"" | b"." | b".."
    ) {
        return Err(FillError::Segment(name.to_owned()));
    }
    path.push('/');
    push_percent_encoded(path, value);
    push_literal(path, suffix);
    Ok(())
}

/// Appends text of a template, which is decoded: what a segment may have as it is stays so (RFC 3986 section
/// 3.3), because an upstream may tell `:` from `%3A`. But for the apostrophe, which ends a word in shells.
fn push_literal(path: &mut String, text: &[u8]) {
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~!$&()*+,;=:@".contains(byte) {
            path.push(char::from(*byte));
        } else {
            push_escape(path, *byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Method, Path, Policy, Routed, Target};
    use crate::problem::Source;

    #[test]
    fn values_are_read_from_a_path_and_make_it_again() {
        for (template, path, expected) in [
            ("/orders/{id}", "/orders/1", Some("id=1")),
            (
                "/orders/{id}/lines/{line}",
                "/orders/1/lines/2",
                Some("id=1 line=2"),
            ),
            ("/files/{*rest}", "/files/a/b", Some("rest=a/b")),
            ("/orders", "/orders", Some("")),
            ("/", "/", Some("")),
            ("/orders/{id}", "/orders", None),
            ("/orders/{id}", "/orders/", None),
            ("/orders/{id}", "/orders/1/lines", None),
            ("/orders/{id}", "/orders/a%20b", None),
            ("/orders/{id}", "/others/1", None),
            ("/orders/{id}:close", "/orders/1:close", None),
            ("/", "/orders", None),
        ] {
            let template = FillablePath::parse(template).unwrap();
            let values = template.values_of(path);
            let told = values.as_ref().map(|values| {
                let pairs = values.iter().map(|(name, value)| format!("{name}={value}"));
                pairs.collect::<Vec<_>>().join(" ")
            });
            assert_eq!(told.as_deref(), expected, "{path}");
            if let Some(values) = values {
                let value = |name: &str| {
                    values
                        .iter()
                        .find(|(one, _)| *one == name)
                        .map(|(_, value)| *value)
                };
                assert_eq!(template.with(value).unwrap(), path);
            }
        }
    }

    #[test]
    fn templates_are_alike_whatever_they_call_their_parameters() {
        let path = |text| FillablePath::parse(text).unwrap();
        for (one, other, expected) in [
            ("/orders/{id}", "/orders/{order_id}", true),
            ("/orders/{*id}", "/orders/{*rest}", true),
            ("/orders/{id}:close", "/orders/{order}:close", true),
            ("/orders/{id}", "/orders/{*rest}", false),
            ("/orders/{id}", "/orders/{id}/lines", false),
            ("/orders/{id}", "/others/{id}", false),
            ("/orders/{id}:close", "/orders/{id}:open", false),
        ] {
            assert_eq!(
                path(one).makes_paths_of(&path(other)),
                expected,
                "{one} {other}"
            );
        }
    }

    /// A policy of one route.
    fn policy(route: &str) -> Policy {
        let text = format!("version: 1\nroutes:\n  - {{name: it, access: public, {route}}}\n");
        let name = "policy.yaml".to_owned();
        Policy::compile(&[Source { name, text }]).unwrap()
    }

    fn filled(policy: &Policy, values: &[(&str, &str)]) -> Result<String, FillError> {
        let find = |name: &str| {
            let found = values.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        policy.routes()[0].fillable_path().unwrap().with(find)
    }

    fn leads_to_the_route(policy: &Policy, path: &str) -> bool {
        let target = Target {
            method: Method(b"GET"),
            host: Host(b"api.shop.example"),
            path: Path(path.as_bytes()),
            preflight: None,
            grpc: false,
        };
        matches!(policy.route(&target), Ok(Routed::One(_)))
    }

    #[test]
    fn a_filled_path_is_one_of_its_route() {
        for (template, values, expected) in [
            ("/", &[][..], "/"),
            ("/orders", &[], "/orders"),
            ("/orders/{id}", &[("id", "1")], "/orders/1"),
            (
                "/orders/{id}/lines",
                &[("id", "a b")],
                "/orders/a%20b/lines",
            ),
            (
                "/orders/{id}:ship",
                &[("id", "\u{e9}?")],
                "/orders/%C3%A9%3F:ship",
            ),
            ("/orders/{id}.json", &[("id", "..")], "/orders/...json"),
            ("/files/{*rest}", &[("rest", "a/b c/d")], "/files/a/b%20c/d"),
            ("/\u{e9}/a%20b/it's", &[], "/%C3%A9/a%20b/it%27s"),
            ("/a@b:c", &[], "/a@b:c"),
        ] {
            let policy = policy(&format!("methods: [GET], path: \"{template}\""));
            let path = filled(&policy, values).unwrap();
            assert_eq!(path, expected, "{template}");
            // An encoded `?` is malformed in this policy.
            let leads = leads_to_the_route(&policy, &path);
            assert_eq!(leads, !path.contains("%3F"), "{path}");
        }
    }

    #[test]
    fn no_value_leaves_its_place() {
        let missing = |name: &str| Err(FillError::Missing(name.to_owned()));
        let segment = |name: &str| Err(FillError::Segment(name.to_owned()));
        let one = policy("methods: [GET], path: \"/orders/{id}\"");
        assert_eq!(filled(&one, &[]), missing("id"));
        assert_eq!(filled(&one, &[("id", "")]), missing("id"));
        assert_eq!(filled(&one, &[("id", ".")]), segment("id"));
        assert_eq!(filled(&one, &[("id", "..")]), segment("id"));
        let dotted = policy("methods: [GET], path: \"/orders/{id}./x\"");
        assert_eq!(filled(&dotted, &[("id", ".")]), segment("id"));
        let rest = policy("methods: [GET], path: \"/files/{*rest}\"");
        for value in ["/", "a//b", "../b", "a/..", "a/./b", "a/"] {
            assert_eq!(
                filled(&rest, &[("rest", value)]),
                segment("rest"),
                "{value}"
            );
        }
        for value in [
            "/",
            "../internal",
            "%2e%2e",
            "a\\b",
            "a\r\nhost: x",
            "a#b",
            "a;b",
            "@evil",
        ] {
            let path = filled(&one, &[("id", value)]).unwrap();
            assert_eq!(path.matches('/').count(), 2, "{path}");
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte);
            assert!(path.bytes().all(is_plain), "{path}");
        }
    }

    #[test]
    fn a_route_names_its_hosts_and_all_where_it_names_none() {
        for (hosts, host, expected) in [
            ("", "api.shop.example", true),
            ("", "a..b", false),
            ("hosts: [api.shop.example],", "API.shop.example:8443", true),
            ("hosts: [api.shop.example],", "shop.example", false),
            ("hosts: [\"*.shop.example\"],", "a.b.shop.example", true),
            ("hosts: [\"*.shop.example\"],", "shop.example", false),
        ] {
            let policy = policy(&format!("{hosts} methods: [GET], path: /"));
            let named = policy.routes()[0].names_host(Host(host.as_bytes()));
            assert_eq!(named, expected, "{hosts} {host}");
        }
    }

    #[test]
    fn a_path_says_its_parameters_and_what_has_none_has_no_path() {
        use ParameterExtent::{Rest, Segment};
        let policy_ = policy("methods: [GET], path: \"/a/{b}/{c}:d/{*e}\"");
        let path = policy_.routes()[0].fillable_path().unwrap();
        let parameters: Vec<_> = path
            .parameters()
            .map(|one| (one.name, one.extent))
            .collect();
        assert_eq!(parameters, [("b", Segment), ("c", Segment), ("e", Rest)]);
        let asterisk = policy("methods: [OPTIONS], path: \"*\"");
        assert_eq!(asterisk.routes()[0].fillable_path(), None);
    }
}
