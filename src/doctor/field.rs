//! Fields of Envoy's messages, in both of their spellings, and what messages are.

use crate::yaml::Tree;

/// A field by its name in the proto files; JSON may have it in camel case.
pub(crate) fn field<'t>(tree: &'t Tree, name: &str) -> Option<&'t Tree> {
    tree.get(name).or_else(|| tree.get(&camel_case(name)))
}

/// A field within others.
pub(crate) fn at<'t>(tree: &'t Tree, names: &[&str]) -> Option<&'t Tree> {
    names.iter().try_fold(tree, |tree, name| field(tree, name))
}

pub(crate) fn text<'t>(tree: &'t Tree, names: &[&str]) -> Option<&'t str> {
    at(tree, names).and_then(Tree::text)
}

pub(crate) fn items<'t>(tree: &'t Tree, names: &[&str]) -> &'t [Tree] {
    at(tree, names).map(Tree::items).unwrap_or_default()
}

pub(crate) fn is_true(tree: &Tree, names: &[&str]) -> bool {
    at(tree, names).is_some_and(Tree::is_true)
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// A message of any type: the last part of the type's name, and its fields.
pub(crate) fn message(any: &Tree) -> Option<(&str, &Tree)> {
    let kind = text(any, &["@type"])?;
    if kind.ends_with("TypedStruct") {
        let kind = text(any, &["type_url"])?;
        return Some((short(kind), field(any, "value")?));
    }
    Some((short(kind), any))
}

fn short(kind: &str) -> &str {
    kind.rsplit(['.', '/']).next().unwrap_or(kind)
}

/// A duration, in seconds: `0.25s`.
pub(crate) fn seconds(tree: &Tree) -> Option<f64> {
    match tree {
        Tree::Text(text) => text.strip_suffix('s')?.parse().ok(),
        Tree::Number(number) => Some(*number),
        _ => None,
    }
}

/// A duration of Kubernetes and Istio, in seconds: `250ms`, `1m30s`.
pub(crate) fn duration(tree: &Tree) -> Option<f64> {
    let mut rest = tree.text()?;
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, behind) = rest.split_at_checked(end)?;
        let unit = behind
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(behind.len());
        let (unit, left) = behind.split_at_checked(unit)?;
        let number: f64 = number.parse().ok()?;
        total += number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = left;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_two_spellings_and_durations_units() {
        let tree = Tree::Map(vec![("failureModeAllow".to_owned(), Tree::Bool(true))]);
        assert!(is_true(&tree, &["failure_mode_allow"]));
        for (text, expected) in [
            ("250ms", Some(0.25)),
            ("1m30s", Some(90.0)),
            ("10s", Some(10.0)),
            ("x", None),
            ("5", None),
        ] {
            assert_eq!(duration(&Tree::Text(text.to_owned())), expected, "{text}");
        }
        assert_eq!(seconds(&Tree::Text("0.250s".to_owned())), Some(0.25));
    }
}
