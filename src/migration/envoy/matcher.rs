//! Envoy's matchers of texts, headers and paths.

use std::rc::Rc;

use crate::doctor::field::{field, items, text};
use crate::migration::Notes;
use crate::migration::formula::{Formula, HostView, Test};
use crate::migration::template::PathTest;
use crate::migration::text::{Reason, TextMatch, TextTest, is_quotable, literal};
use crate::problem::quoted;
use crate::yaml::Tree;

/// A matcher of texts, as far as it can be said.
pub(in crate::migration) enum TextMatcher {
    Text(TextTest),
    /// By an expression whose matches begin so.
    Expression {
        prefix: String,
        written: String,
    },
}

/// The first key of a message that is not among these, its type apart.
pub(super) fn unknown_key(tree: &Tree, known: &[&str]) -> Option<String> {
    let entries = tree.entries().iter();
    let mut names = entries
        .filter(|(_, value)| *value != Tree::Null)
        .map(|(name, _)| snake_case(name));
    names.find(|name| name != "@type" && !known.contains(&name.as_str()))
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// A `StringMatcher`.
pub(super) fn text_matcher(tree: &Tree) -> Result<TextMatcher, String> {
    const KNOWN: [&str; 6] = [
        "exact",
        "prefix",
        "suffix",
        "contains",
        "safe_regex",
        "ignore_case",
    ];
    if let Some(key) = unknown_key(tree, &KNOWN) {
        return Err(format!("`{key}` has no equal"));
    }
    if let Some(expression) = field(tree, "safe_regex") {
        return Ok(expression_matcher(expression));
    }
    let of = |key: &str, how: fn(String) -> TextMatch| {
        text(tree, &[key]).map(|text| how(text.to_owned()))
    };
    let how = of("exact", TextMatch::Exact)
        .or_else(|| of("prefix", TextMatch::Prefix))
        .or_else(|| of("suffix", TextMatch::Suffix))
        .or_else(|| of("contains", TextMatch::Contains))
        .ok_or("the matcher is empty")?;
    let test = TextTest::new(how);
    match field(tree, "ignore_case") {
        None | Some(Tree::Bool(false) | Tree::Null) => Ok(TextMatcher::Text(test)),
        Some(Tree::Bool(true)) if test.operand().is_ascii() => {
            Ok(TextMatcher::Text(test.ignoring_case()))
        }
        Some(_) => Err("`ignore_case` has no equal here".to_owned()),
    }
}

/// A `RegexMatcher`, which has to match the whole text. What is only a literal text, or one with anything
/// behind it, is understood.
pub(super) fn expression_matcher(tree: &Tree) -> TextMatcher {
    let written = text(tree, &["regex"]).unwrap_or_default();
    let expression = written.strip_prefix('^').unwrap_or(written);
    let expression = expression.strip_suffix('$').unwrap_or(expression);
    let unknown = |prefix: String| TextMatcher::Expression {
        prefix,
        written: written.to_owned(),
    };
    if expression.contains('|') {
        return unknown(String::new());
    }
    let mut prefix = String::new();
    let mut rest = expression.chars();
    loop {
        let behind = rest.as_str();
        match rest.next() {
            None => return TextMatcher::Text(TextTest::new(TextMatch::Exact(prefix))),
            Some('.') if behind == ".*" => {
                return TextMatcher::Text(TextTest::new(TextMatch::Prefix(prefix)));
            }
            Some('\\') => match rest.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => prefix.push(escaped),
                _ => return unknown(prefix),
            },
            Some('?' | '*' | '{' | '+') => {
                prefix.pop();
                return unknown(prefix);
            }
            Some('.' | '(' | ')' | '[' | ']' | '}' | '^' | '$') => return unknown(prefix),
            Some(plain) => prefix.push(plain),
        }
    }
}

fn no_expression(written: &str) -> Reason {
    format!(
        "a policy has no regular expressions for paths: {}",
        quoted(written)
    )
    .into()
}

/// A matcher of the path without its query.
pub(super) fn path_test(matcher: TextMatcher) -> PathTest {
    match matcher {
        TextMatcher::Text(test) => PathTest::text(test),
        TextMatcher::Expression { prefix, written } => PathTest::Some {
            prefix,
            reason: no_expression(&written),
        },
    }
}

/// A path as the header `:path` has it, with its query.
fn path_with_query(matcher: TextMatcher) -> PathTest {
    let reason: Reason = "`:path` has the query as well; `url_path` has not".into();
    match matcher {
        TextMatcher::Text(test) => match &test.how {
            TextMatch::Prefix(prefix) if !prefix.contains(['?', '#']) => PathTest::text(test),
            TextMatch::Prefix(path) | TextMatch::Exact(path) if !test.ignore_case => {
                let prefix = path.split(['?', '#', '%']).next().unwrap_or_default();
                PathTest::Some {
                    prefix: prefix.to_owned(),
                    reason,
                }
            }
            _ => PathTest::Some {
                prefix: String::new(),
                reason,
            },
        },
        TextMatcher::Expression { prefix, .. } => PathTest::Some { prefix, reason },
    }
}

/// A `HeaderMatcher`.
pub(super) fn header(tree: &Tree, hosts: HostView, place: &str, notes: &mut Notes) -> Formula {
    match header_formula(tree, hosts) {
        Ok(formula) => formula,
        Err(reason) => notes.unknown(place, &reason),
    }
}

fn header_formula(tree: &Tree, hosts: HostView) -> Result<Formula, String> {
    const KNOWN: [&str; 9] = [
        "name",
        "string_match",
        "exact_match",
        "prefix_match",
        "suffix_match",
        "contains_match",
        "present_match",
        "invert_match",
        "safe_regex_match",
    ];
    let name = text(tree, &["name"]).ok_or("the header has no name")?;
    let name = name.to_ascii_lowercase();
    if let Some(key) = unknown_key(tree, &KNOWN) {
        return Err(format!("header {}: `{key}` has no equal", quoted(&name)));
    }
    let matcher = header_matcher(tree)?;
    match field(tree, "invert_match") {
        None | Some(Tree::Bool(false) | Tree::Null) => named_header(&name, matcher, hosts),
        // Envoy does not let a request pass a matcher of a header that it lacks, inverted or not.
        Some(_) => Err(format!(
            "header {}: `invert_match` has no equal",
            quoted(&name)
        )),
    }
}

/// A matcher of the header of a name in lower case.
fn named_header(
    name: &str,
    matcher: Option<TextMatcher>,
    hosts: HostView,
) -> Result<Formula, String> {
    match (name, matcher) {
        (":method", Some(TextMatcher::Text(test))) => Ok(Formula::Test(Test::Method(test))),
        (":path", Some(matcher)) => Ok(Formula::path(path_with_query(matcher))),
        (":authority" | "host", Some(TextMatcher::Text(test)))
            if test.ignore_case
                || !test.operand().bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            let ignores_case = test.ignore_case;
            let view = HostView {
                ignores_case,
                ..hosts
            };
            Ok(Formula::host_seen(test, view))
        }
        (":method" | ":path" | ":authority" | "host", None) => Ok(Formula::True),
        (name, _) if name.starts_with(':') || name == "host" => Err(format!(
            "header {}: this matcher has no equal",
            quoted(name)
        )),
        (name, matcher) => header_condition(name, matcher),
    }
}

/// Nothing where the header only has to be there.
fn header_matcher(tree: &Tree) -> Result<Option<TextMatcher>, String> {
    match field(tree, "present_match") {
        None | Some(Tree::Null) => {}
        Some(Tree::Bool(true)) => return Ok(None),
        Some(_) => return Err("`present_match: false` has no equal".to_owned()),
    }
    if let Some(matcher) = field(tree, "string_match") {
        return text_matcher(matcher).map(Some);
    }
    if let Some(expression) = field(tree, "safe_regex_match") {
        return Ok(Some(expression_matcher(expression)));
    }
    let of = |key: &str, how: fn(String) -> TextMatch| {
        text(tree, &[key]).map(|text| TextMatcher::Text(TextTest::new(how(text.to_owned()))))
    };
    Ok(of("exact_match", TextMatch::Exact)
        .or_else(|| of("prefix_match", TextMatch::Prefix))
        .or_else(|| of("suffix_match", TextMatch::Suffix))
        .or_else(|| of("contains_match", TextMatch::Contains)))
}

/// A condition on a header of the request.
pub(in crate::migration) fn header_condition(
    name: &str,
    matcher: Option<TextMatcher>,
) -> Result<Formula, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > 100 || !name.bytes().all(is_token) {
        return Err(format!("{} is not the name of a header", quoted(name)));
    }
    let is_there = format!("{} in request.headers", literal(name));
    let test = match matcher {
        None => return Ok(Formula::condition(is_there)),
        Some(TextMatcher::Text(test)) => test,
        Some(TextMatcher::Expression { written, .. }) => {
            return Err(format!(
                "header {}: regular expressions are not carried over: {}",
                quoted(name),
                quoted(&written)
            ));
        }
    };
    if !is_quotable(test.operand()) || !test.operand().is_ascii() {
        return Err(format!(
            "header {}: its value cannot be written in a condition",
            quoted(name)
        ));
    }
    let value = format!("request.headers[{}]", literal(name));
    Ok(Formula::condition(format!(
        "{is_there} && {}",
        test.condition(&value)
    )))
}

/// A `RouteMatch`, of routes and of the rules of `jwt_authn`.
pub(super) fn route_match(tree: &Tree, hosts: HostView, place: &str, notes: &mut Notes) -> Formula {
    const KNOWN: [&str; 7] = [
        "prefix",
        "path",
        "safe_regex",
        "path_separated_prefix",
        "case_sensitive",
        "headers",
        "connect_matcher",
    ];
    let mut all = Vec::new();
    if let Some(key) = unknown_key(tree, &KNOWN) {
        all.push(notes.unknown(place, &format!("`{key}` in `match` has no equal")));
    }
    if field(tree, "connect_matcher").is_some() {
        // Other requests are sure not to match.
        all.push(Formula::Between {
            surely: Rc::new(Formula::False),
            perhaps: Rc::new(Formula::Test(Test::Method(TextTest::new(
                TextMatch::Exact("CONNECT".to_owned()),
            )))),
        });
        return Formula::All(all);
    }
    all.push(match path_of(tree) {
        Ok(test) => {
            if let PathTest::Some { reason, .. } = &test {
                notes.add(place, format!("not carried over: {reason}"));
            }
            Formula::path(test)
        }
        Err(reason) => notes.unknown(place, &reason),
    });
    for matcher in items(tree, &["headers"]) {
        all.push(header(matcher, hosts, place, notes));
    }
    Formula::All(all)
}

fn path_of(tree: &Tree) -> Result<PathTest, String> {
    let ignores_case = match field(tree, "case_sensitive") {
        None | Some(Tree::Bool(true) | Tree::Null) => false,
        Some(Tree::Bool(false)) => true,
        Some(_) => return Err("`case_sensitive` is not a boolean".to_owned()),
    };
    let cased = |how: TextMatch| {
        let test = TextTest::new(how);
        if ignores_case {
            test.ignoring_case()
        } else {
            test
        }
    };
    if let Some(path) = text(tree, &["path"]) {
        return Ok(PathTest::text(cased(TextMatch::Exact(path.to_owned()))));
    }
    if let Some(prefix) = text(tree, &["prefix"]) {
        return Ok(PathTest::text(cased(TextMatch::Prefix(prefix.to_owned()))));
    }
    if let Some(prefix) = text(tree, &["path_separated_prefix"]) {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        return Ok(
            match PathTest::text(cased(TextMatch::Prefix(prefix.to_owned()))) {
                PathTest::Text(test) => PathTest::Separated(test),
                other => other,
            },
        );
    }
    if let Some(expression) = field(tree, "safe_regex") {
        let matcher = expression_matcher(expression);
        return Ok(if ignores_case {
            PathTest::Some {
                prefix: String::new(),
                reason: no_expression(text(expression, &["regex"]).unwrap_or_default()),
            }
        } else {
            path_test(matcher)
        });
    }
    Err("this `match` has no path that a policy can have".to_owned())
}
