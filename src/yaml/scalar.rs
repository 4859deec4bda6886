//! Text as YAML that nobody could take for anything else.

/// Plain where that is safe, otherwise in double quotation marks.
pub fn scalar(text: &str) -> String {
    let is_path = text.starts_with('/');
    let is_plain = |character: char| {
        character.is_ascii_alphanumeric()
            || "._-/".contains(character)
            || (is_path && "{}".contains(character))
    };
    let begins_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let is_word = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ]
    .iter()
    .any(|word| text.eq_ignore_ascii_case(word));
    if begins_well && !is_word && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        double_quoted(text)
    }
}

/// A double-quoted scalar. What JSON escapes, YAML does in the same way.
pub fn double_quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A flow list of scalars.
pub fn flow_list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(scalar).collect();
    format!("[{}]", texts.join(", "))
}
