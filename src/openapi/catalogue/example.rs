//! Examples of a description as the text of a request.

use std::fmt::Write as _;

use crate::coding::push_percent_encoded;
use crate::yaml::Tree;

/// The largest whole number that is certain to be the one that was written.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Deeper examples are left out.
const MAX_DEPTH: usize = 32;

/// A value of a parameter; none for what is not one value.
pub(super) fn value(example: &Tree, max_bytes: usize) -> Option<String> {
    let text = match example {
        Tree::Text(text) => text.clone(),
        Tree::Bool(value) => value.to_string(),
        Tree::Number(number) => number_text(*number),
        // A list is separated by commas (OpenAPI 3.1 section 4.8.12.3, `simple` and `form`).
        Tree::List(items) if items.len() <= 32 => {
            let items = items.iter().map(|item| match item {
                Tree::List(_) | Tree::Map(_) => None,
                item => value(item, max_bytes),
            });
            items.collect::<Option<Vec<_>>>()?.join(",")
        }
        Tree::Null | Tree::List(_) | Tree::Map(_) => return None,
    };
    let is_one_line = !text.contains(char::is_control);
    (text.len() <= max_bytes && is_one_line).then_some(text)
}

/// A body of this content type; none where the example is not one, or is too long.
pub(super) fn body(example: &Tree, content_type: &str, max_bytes: usize) -> Option<String> {
    let kind = content_type.split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let text = match (kind.as_str(), example) {
        // As it is: of JSON it may be the text.
        (_, Tree::Text(text)) => text.clone(),
        ("application/x-www-form-urlencoded", Tree::Map(fields)) => form(fields)?,
        (kind, _) if kind == "application/json" || kind.ends_with("+json") => {
            let mut json = Json {
                text: String::new(),
                max_bytes,
            };
            json.push(example, 0)?;
            json.text
        }
        _ => return None,
    };
    (text.len() <= max_bytes).then_some(text)
}

fn form(fields: &[(String, Tree)]) -> Option<String> {
    let mut text = String::new();
    for (name, example) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        push_percent_encoded(&mut text, name);
        text.push('=');
        push_percent_encoded(&mut text, &value(example, usize::MAX)?);
    }
    Some(text)
}

/// Writes JSON, indented, up to a bound.
struct Json {
    text: String,
    max_bytes: usize,
}

impl Json {
    fn push(&mut self, tree: &Tree, depth: usize) -> Option<()> {
        // Aliases of YAML can make a small file a large tree.
        if depth > MAX_DEPTH || self.text.len() > self.max_bytes {
            return None;
        }
        match tree {
            Tree::Null => self.text.push_str("null"),
            Tree::Bool(value) => {
                let _ = write!(self.text, "{value}");
            }
            Tree::Number(number) => self.text.push_str(&number_text(*number)),
            Tree::Text(text) => self.push_text(text),
            Tree::List(items) => {
                let last = items.len().saturating_sub(1);
                self.text.push('[');
                for (position, item) in items.iter().enumerate() {
                    self.line(depth + 1);
                    self.push(item, depth + 1)?;
                    self.end(position == last, depth);
                }
                self.text.push(']');
            }
            Tree::Map(fields) => {
                let last = fields.len().saturating_sub(1);
                self.text.push('{');
                for (position, (name, field)) in fields.iter().enumerate() {
                    self.line(depth + 1);
                    self.push_text(name);
                    self.text.push_str(": ");
                    self.push(field, depth + 1)?;
                    self.end(position == last, depth);
                }
                self.text.push('}');
            }
        }
        Some(())
    }

    fn push_text(&mut self, text: &str) {
        self.text
            .push_str(&serde_json::Value::from(text).to_string());
    }

    fn line(&mut self, depth: usize) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", depth));
    }

    /// What follows a value: a comma, or the end of the line.
    fn end(&mut self, is_last: bool, depth: usize) {
        if is_last {
            self.line(depth);
        } else {
            self.text.push(',');
        }
    }
}

/// A whole number without a fraction, as it was written most likely.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < MAX_WHOLE {
        format!("{number:.0}")
    } else {
        serde_json::Value::from(number).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Source;
    use crate::yaml::parse_foreign;

    fn tree(text: &str) -> Tree {
        let source = Source {
            name: "example.yaml".to_owned(),
            text: text.to_owned(),
        };
        parse_foreign(&source).unwrap().remove(0)
    }

    #[test]
    fn a_parameter_has_one_value() {
        for (text, expected) in [
            ("red", Some("red")),
            ("12", Some("12")),
            ("-1.5", Some("-1.5")),
            ("true", Some("true")),
            ("[a, 2]", Some("a,2")),
            ("[[a]]", None),
            ("{a: b}", None),
            ("null", None),
            ("\"a\\nb\"", None),
            ("much-too-long", None),
        ] {
            assert_eq!(value(&tree(text), 10).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_body_is_in_the_form_of_its_type() {
        let order = "{item: \"it's\", count: 2, tags: [], lines: [{sku: a}, null]}";
        let json = "{\n  \"item\": \"it's\",\n  \"count\": 2,\n  \"tags\": [],\n  \"lines\": [\n    {\n      \
                    \"sku\": \"a\"\n    },\n    null\n  ]\n}";
        for (text, content_type, expected) in [
            (order, "application/json", Some(json)),
            (order, "application/json; charset=utf-8", Some(json)),
            (
                "{a: [b]}",
                "application/vnd.shop+JSON",
                Some("{\n  \"a\": [\n    \"b\"\n  ]\n}"),
            ),
            (
                "{a: 1, \"b c\": x&y}",
                "application/x-www-form-urlencoded",
                Some("a=1&b%20c=x%26y"),
            ),
            ("{a: {b: c}}", "application/x-www-form-urlencoded", None),
            ("{a: b}", "application/xml", None),
            ("\"<a/>\"", "application/xml", Some("<a/>")),
        ] {
            let body = body(&tree(text), content_type, 1000);
            assert_eq!(body.as_deref(), expected, "{text} {content_type}");
        }
    }

    #[test]
    fn what_is_too_long_is_left_out_and_not_cut() {
        let long = format!("[{}]", "abcdefgh,".repeat(100));
        assert_eq!(body(&tree(&long), "application/json", 100), None);
        let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
        assert_eq!(body(&tree(&deep), "application/json", 10_000), None);
        let bomb = "{a: &a [x,x,x,x,x,x,x,x], b: &b [*a,*a,*a,*a,*a,*a], c: [*b,*b,*b,*b,*b,*b]}";
        assert_eq!(body(&tree(bomb), "application/json", 500), None);
    }
}
