//! The rules of an `AuthorizationPolicy`.

use std::rc::Rc;

use super::authentication::Issuers;
use super::scope::Object;
use crate::migration::Notes;
use crate::migration::envoy::{TextMatcher, claim_subject, header_condition, in_list};
use crate::migration::formula::{Formula, HostView, Test};
use crate::migration::template::{PathTest, Segment, Template};
use crate::migration::text::{TextMatch, TextTest, is_quotable, literal};
use crate::problem::quoted;
use crate::yaml::Tree;

/// What Envoy's templates let stand for `{*}`, decoded; with the slash between segments.
const TEMPLATE_CHARACTERS: &str = "request.path.matches(\"^[-A-Za-z0-9._~!$&'()+,;:@=/]*$\")";
/// Claims of which Istio makes lists of words.
const SPLIT_CLAIMS: [&str; 2] = ["scope", "permission"];

pub(super) struct Reader<'r> {
    pub(super) issuers: &'r Issuers,
    pub(super) notes: &'r mut Notes,
    pub(super) rules: &'r mut usize,
}

impl Reader<'_> {
    /// What the rules of a policy match.
    pub(super) fn policy(&mut self, object: &Object<'_>, place: &str) -> Formula {
        const KNOWN: [&str; 6] = [
            "selector",
            "targetRef",
            "targetRefs",
            "rules",
            "action",
            "provider",
        ];
        let spec = object
            .tree
            .get("spec")
            .map(Tree::entries)
            .unwrap_or_default();
        if let Some((key, _)) = spec.iter().find(|(key, _)| !KNOWN.contains(&key.as_str())) {
            return self.notes.unknown(place, &format!("`{key}` has no equal"));
        }
        let rules = object.spec(&["rules"]);
        if rules.is_some_and(|rules| !matches!(rules, Tree::List(_) | Tree::Null)) {
            return self.notes.unknown(place, "`rules` is not a list");
        }
        let rules = rules
            .map(Tree::items)
            .unwrap_or_default()
            .iter()
            .enumerate();
        let rules =
            rules.map(|(index, rule)| self.rule(rule, &format!("{place}, rule {}", index + 1)));
        Formula::Any(rules.collect())
    }

    fn rule(&mut self, rule: &Tree, place: &str) -> Formula {
        *self.rules += 1;
        let mut all = Vec::new();
        for (key, value) in rule.entries() {
            if *value == Tree::Null {
                continue;
            }
            let Tree::List(list) = value else {
                all.push(
                    self.notes
                        .unknown(place, &format!("{} is not a list", quoted(key))),
                );
                continue;
            };
            // An empty list is as none.
            if list.is_empty() {
                continue;
            }
            all.push(match key.as_str() {
                "from" => self.any_of(list, "source", place),
                "to" => self.any_of(list, "operation", place),
                "when" => Formula::All(list.iter().map(|one| self.when(one, place)).collect()),
                _ => self
                    .notes
                    .unknown(place, &format!("{} has no equal", quoted(key))),
            });
        }
        if !matches!(rule, Tree::Map(_)) {
            all.push(self.notes.unknown(place, "it is not a mapping"));
        }
        Formula::All(all)
    }

    fn any_of(&mut self, list: &[Tree], kind: &str, place: &str) -> Formula {
        let any = list
            .iter()
            .map(|one| match one.get(kind).map(Tree::entries) {
                Some(fields) if !fields.is_empty() && one.entries().len() == 1 => {
                    let all = fields
                        .iter()
                        .map(|(name, values)| self.field(name, values, place));
                    Formula::All(all.collect())
                }
                _ => self
                    .notes
                    .unknown(place, &format!("it has no `{kind}` that says something")),
            });
        Formula::Any(any.collect())
    }

    /// A field of a source or an operation, such as `paths` or `notPaths`.
    fn field(&mut self, name: &str, values: &Tree, place: &str) -> Formula {
        let (kind, is_negated) = match name.strip_prefix("not") {
            Some(rest) => (rest.to_ascii_lowercase(), true),
            None => (name.to_ascii_lowercase(), false),
        };
        let Some(values) = texts(values) else {
            return self
                .notes
                .unknown(place, &format!("{} is not a list of texts", quoted(name)));
        };
        if values.is_empty() {
            return Formula::True;
        }
        let each = values.iter();
        let each: Vec<Formula> = match kind.as_str() {
            "paths" => each.map(|value| self.path(value, place)).collect(),
            "methods" => each
                .map(|value| Formula::Test(Test::Method(TextTest::with_stars(value))))
                .collect(),
            "hosts" => each.map(|value| self.host(value, &values, place)).collect(),
            "requestprincipals" => each
                .map(|value| self.issuers.principal(&TextTest::with_stars(value)))
                .collect(),
            _ => return self.notes.unknown(place, &no_equal(name, &kind)),
        };
        if is_negated {
            Formula::not(Formula::Any(each))
        } else {
            Formula::Any(each)
        }
    }

    /// One of the hosts of an operation.
    fn host(&mut self, value: &str, all: &[&str], place: &str) -> Formula {
        // The two together are the host with any port. With a star, `:*` is part of the pattern.
        let has_ports = !value.contains('*') && all.contains(&format!("{value}:*").as_str());
        let view = HostView {
            removes_port: has_ports,
            removes_dot: has_ports,
            ignores_case: true,
        };
        match Formula::host_seen(TextTest::with_stars(value), view) {
            Formula::Unknown(reason) => self.notes.unknown(place, &reason),
            other => other,
        }
    }

    fn path(&mut self, value: &str, place: &str) -> Formula {
        if value.contains(['{', '}']) {
            return self.template(value, place);
        }
        let test = PathTest::text(TextTest::with_stars(value));
        if let PathTest::Some { reason, .. } = &test {
            self.notes.add(place, format!("not carried over: {reason}"));
        }
        Formula::path(test)
    }

    fn template(&mut self, value: &str, place: &str) -> Formula {
        let Some(template) = path_template(value) else {
            let reason = format!("the template {} has no equal", quoted(value));
            self.notes.add(place, format!("not carried over: {reason}"));
            let prefix = value.split(['{', '%']).next().unwrap_or_default();
            return Formula::path(PathTest::Some {
                prefix: prefix.to_owned(),
                reason: reason.into(),
            });
        };
        let mut paths = vec![Formula::path(PathTest::Segments(template.clone()))];
        // `{**}` may be empty as well; below the root that leaves a slash at the end.
        if template == Template::everything() {
            let root = TextTest::new(TextMatch::Exact("/".to_owned()));
            paths.push(Formula::path(PathTest::Text(root)));
        }
        let paths = Rc::new(Formula::Any(paths));
        // The template's `{*}` takes fewer characters than a parameter of a route.
        Formula::Between {
            surely: Rc::new(Formula::All(vec![
                Formula::Shared(Rc::clone(&paths)),
                Formula::condition(TEMPLATE_CHARACTERS),
            ])),
            perhaps: paths,
        }
    }

    fn when(&mut self, condition: &Tree, place: &str) -> Formula {
        const KNOWN: [&str; 3] = ["key", "values", "notValues"];
        let known = |(key, _): &(String, Tree)| KNOWN.contains(&key.as_str());
        let key = condition.get("key").and_then(Tree::text);
        let (Some(key), true) = (key, condition.entries().iter().all(known)) else {
            return self
                .notes
                .unknown(place, "a condition of `when` that cannot be read");
        };
        let lists = ["values", "notValues"].map(|name| {
            let list = condition.get(name).map_or_else(|| Some(Vec::new()), texts);
            list.map(|list| {
                list.iter()
                    .map(|value| (*value).to_owned())
                    .collect::<Vec<_>>()
            })
        });
        let [Some(values), Some(not_values)] = lists else {
            return self.notes.unknown(
                place,
                &format!("the values of {} are not texts", quoted(key)),
            );
        };
        if values.is_empty() && not_values.is_empty() {
            return self
                .notes
                .unknown(place, &format!("{} without values", quoted(key)));
        }
        let mut all = Vec::new();
        for (values, is_negated) in [(values, false), (not_values, true)] {
            if values.is_empty() {
                continue;
            }
            let each = values.iter().map(|value| {
                self.attribute(key, &TextTest::with_stars(value))
                    .unwrap_or_else(|reason| self.notes.unknown(place, &reason))
            });
            let any = Formula::Any(each.collect());
            all.push(if is_negated { Formula::not(any) } else { any });
        }
        Formula::All(all)
    }

    /// That an attribute of the request meets a test.
    fn attribute(&self, key: &str, test: &TextTest) -> Result<Formula, String> {
        if !is_quotable(test.operand()) {
            return Err(format!(
                "a value of {} cannot be written in a condition",
                quoted(key)
            ));
        }
        if let Some(name) = key.strip_prefix("request.headers") {
            let name = bracketed(name).filter(|names| names.len() == 1);
            let name = name.and_then(|names| names.first().map(|name| name.to_ascii_lowercase()));
            let name = name.ok_or_else(|| format!("{} names no header", quoted(key)))?;
            if name.starts_with(':') || name == "host" {
                return Err(format!("the header {} has no equal here", quoted(&name)));
            }
            return match test.how {
                TextMatch::Present => {
                    let value = format!("request.headers[{}]", literal(&name));
                    // Whether an empty value counts, the source leaves open.
                    let is_there = header_condition(&name, None)?;
                    Ok(Formula::Between {
                        surely: Rc::new(Formula::condition(format!(
                            "{} in request.headers && {value} != \"\"",
                            literal(&name)
                        ))),
                        perhaps: Rc::new(is_there),
                    })
                }
                _ => header_condition(&name, Some(TextMatcher::Text(test.clone()))),
            };
        }
        if let Some(names) = key.strip_prefix("request.auth.claims") {
            let names =
                bracketed(names).ok_or_else(|| format!("{} names no claim", quoted(key)))?;
            return self.claim(&names, test);
        }
        match (key, &test.how) {
            ("request.auth.principal", _) => Ok(self.issuers.principal(test)),
            ("request.auth.presenter", _) => self.claim(&["azp"], test),
            ("request.auth.audiences", TextMatch::Exact(audience)) => Ok(self.issuers.with_claim(
                Formula::condition(format!("{} in token.aud", literal(audience))),
            )),
            _ => Err(format!("{} has no equal", quoted(key))),
        }
    }

    /// A claim is a text or a list of texts.
    fn claim(&self, names: &[&str], test: &TextTest) -> Result<Formula, String> {
        let subject = claim_subject(names)?;
        let is_split = matches!(names, [only] if SPLIT_CLAIMS.contains(only));
        let as_text = if is_split {
            in_list(&subject, test, true)
        } else {
            test.condition(&subject).to_string()
        };
        let as_list = in_list(&subject, test, false);
        Ok(self
            .issuers
            .with_claim(Formula::condition(format!("{as_text} || {as_list}"))))
    }
}

/// Why a field, whose kind is in lower case, is not carried over.
fn no_equal(name: &str, kind: &str) -> String {
    let reason = match kind {
        "principals" | "namespaces" | "serviceaccounts" => {
            "is about the client's certificate, which the gate does not check"
        }
        "ipblocks" | "remoteipblocks" => "is about addresses, which routes do not tell apart",
        "ports" => "is about ports, which routes do not tell apart",
        _ => "has no equal",
    };
    format!("`{name}` {reason}")
}

fn texts(tree: &Tree) -> Option<Vec<&str>> {
    match tree {
        Tree::List(list) => list.iter().map(Tree::text).collect(),
        Tree::Null => Some(Vec::new()),
        _ => None,
    }
}

/// The names of `[a][b]`.
fn bracketed(text: &str) -> Option<Vec<&str>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let names: Vec<&str> = inner.split("][").collect();
    let are_names = names
        .iter()
        .all(|name| !name.is_empty() && !name.contains(['[', ']']));
    are_names.then_some(names)
}

/// A template of Istio 1.22: `{*}` is one segment, `{**}` at the end are some.
fn path_template(text: &str) -> Option<Template> {
    let mut segments = Vec::new();
    let written: Vec<&str> = text.strip_prefix('/')?.split('/').collect();
    for (position, segment) in written.iter().enumerate() {
        segments.push(match *segment {
            "{*}" => Segment::Parameter,
            "{**}" if position + 1 == written.len() => Segment::Rest,
            literal => {
                // The rules for literal paths hold for each segment.
                Template::of_plain(&format!("/{literal}")).filter(|_| !literal.is_empty())?;
                Segment::Literal(literal.to_owned())
            }
        });
    }
    Template::new(segments)
}
