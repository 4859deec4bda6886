//! Finds what may be a secret in text that a person wrote, and removes it from reports of problems.

use std::ops::Range;

/// Replaces what is left out.
pub(super) const CONCEALED: &str = "***";

/// How much of its sources a report shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy<'a> {
    /// Everything but credentials in URLs: the files of a policy.
    Public,
    /// Only keys, and values of keys that never hold a secret: the configuration.
    Private,
    /// Everything but these bytes and credentials in URLs: a configuration that could be read, so that
    /// each of its keys is known.
    Known(&'a [Range<usize>]),
}

/// Keys whose values can be shown. The values of other keys and of misspelt ones, and text that spans
/// several lines, may be a password.
const PLAIN_KEYS: [&str; 20] = [
    "algorithm",
    "algorithms",
    "allowed",
    "audiences",
    "burst",
    "drain_seconds",
    "format",
    "grants",
    "level",
    "on_stale",
    "plain_text",
    "policy",
    "realm",
    "reflection",
    "scope_claim",
    "strip_token",
    "subject",
    "threads",
    "types",
    "version",
];

/// What the backticks of a message stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    /// Each pair encloses something that the message quotes.
    Pairs,
    /// Some may be part of a quoted value, so that nobody can tell where a quotation ends.
    Unclear,
}

impl Marks {
    /// Those of messages that quote values of this text, which may be escaped in it.
    pub(super) fn of(text: &str) -> Self {
        if text.contains(['`', '\\']) {
            Self::Unclear
        } else {
            Self::Pairs
        }
    }
}

/// A message, or a URL as it is, without the credentials and the queries of its URLs.
pub(crate) fn conceal(text: &str) -> String {
    without(text, &credentials(text, &['`', '"', '\'', '\n']))
}

/// Secrets are in files of their own, but for what a URL holds: the user's password before its `@`, and
/// the query. What should be a URL and is none may hold them anywhere.
pub(crate) fn may_hold_a_password(value: &str) -> bool {
    value.contains(['@', '?']) || value.contains('#') && !is_colour(value)
}

/// Whether it is `#` and six hex digits, by itself or behind a key.
fn is_colour(value: &str) -> bool {
    let value = value.trim_end_matches('"');
    value.rsplit_once('#').is_some_and(|(before, digits)| {
        let starts = ["", "\""].contains(&before) || before.ends_with(": ");
        starts
            && !before.contains('#')
            && digits.len() == 6
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// A message about a configuration, without its quotations that are more than a word.
pub(super) fn conceal_quoted(message: &str, marks: Marks) -> String {
    let is_more = |quoted: &str| quoted.contains([':', '/', '@', '=', '?']);
    conceal(&without_quotations(message, marks, is_more))
}

/// The same without quotations that are, or should have been, addresses with credentials or a query.
pub(super) fn conceal_addresses(message: &str, marks: Marks) -> String {
    let message = conceal(message);
    without_quotations(&message, marks, |quoted| {
        let is_cut = quoted.ends_with("...");
        // The placeholders in our own hints, and what is left of an address by now.
        let rest = quoted
            .replace("USER@HOST", "")
            .replace("://***@", "")
            .replace("?***", "");
        may_hold_a_password(&rest) || is_cut && quoted.contains([':', '/'])
    })
}

fn without_quotations(message: &str, marks: Marks, is_left_out: impl Fn(&str) -> bool) -> String {
    if marks == Marks::Unclear {
        // From the first backtick to the last one, everything may be of one value.
        let Some((before, rest)) = message.split_once('`') else {
            return message.to_owned();
        };
        let (all, after) = rest.rsplit_once('`').unwrap_or((rest, ""));
        return if is_left_out(all) {
            format!("{before}`{CONCEALED}`{after}")
        } else {
            message.to_owned()
        };
    }
    let parts = message.split('`').enumerate();
    let parts: Vec<&str> = parts
        .map(|(position, part)| {
            if position % 2 == 1 && is_left_out(part) {
                CONCEALED
            } else {
                part
            }
        })
        .collect();
    parts.join("`")
}

/// The parts of a source's line that a report leaves out; it begins at `offset` of the source.
pub(super) fn secrets(line: &str, offset: usize, secrecy: Secrecy<'_>) -> Vec<Range<usize>> {
    match secrecy {
        Secrecy::Public => credentials(line, &['\n']),
        Secrecy::Private => {
            let value = value_start(line);
            let end = line.trim_end().len();
            if value < end {
                std::iter::once(value..end).collect()
            } else {
                Vec::new()
            }
        }
        Secrecy::Known(hidden) => {
            let within = hidden.iter().map(|range| {
                let start = range.start.saturating_sub(offset);
                start..range.end.saturating_sub(offset).min(line.len())
            });
            let within = within.filter(|range| range.start < range.end);
            merged(within.chain(credentials(line, &['\n'])).collect())
        }
    }
}

/// The same bytes in ranges that are sorted and do not overlap.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// `text` without the ranges, which must be sorted and must not overlap.
pub(super) fn without(text: &str, ranges: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        shown.push_str(text.get(from..range.start).unwrap_or_default());
        shown.push_str(CONCEALED);
        from = range.end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

/// The position of `offset` after the ranges are left out.
pub(super) fn moved(offset: usize, ranges: &[Range<usize>]) -> usize {
    let mut removed = 0;
    let mut added = 0;
    for range in ranges.iter().filter(|range| range.start <= offset) {
        if offset < range.end {
            return range.start + added - removed;
        }
        removed += range.len();
        added += CONCEALED.len();
    }
    offset + added - removed
}

/// The user information and the query of each URL. A URL extends to the next of these marks: a password
/// that should have been encoded may hold anything else.
fn credentials(text: &str, marks: &[char]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(mark) = text.get(from..).and_then(|rest| rest.find("://")) {
        let start = from + mark + "://".len();
        let rest = text.get(start..).unwrap_or_default();
        let length = rest.find(marks).unwrap_or(rest.len());
        let url = rest.get(..length).unwrap_or_default();
        let host = match url.rfind('@') {
            // The placeholder in our own hints.
            Some(at) if url.get(..at) == Some("USER") => at + 1,
            Some(at) => {
                found.push(start..start + at);
                at + 1
            }
            None => 0,
        };
        let after = url.get(host..).unwrap_or_default();
        if let Some(query) = after.find('?') {
            let query_start = start + host + query + 1;
            let query = text.get(query_start..start + length).unwrap_or_default();
            let query_length = query.find(char::is_whitespace).unwrap_or(query.len());
            from = query_start + query_length;
            found.push(query_start..from);
        } else {
            from = start + length;
        }
    }
    found
}

/// Where the hidden part of a line begins: after the key, or at the end of the line if all of it may
/// be shown.
fn value_start(line: &str) -> usize {
    let indented = line.trim_start_matches([' ', '-']);
    let key_start = line.len() - indented.len();
    let is_key = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let key_length = indented.find(|character| !is_key(character));
    let Some(key_length) = key_length.filter(|length| *length > 0) else {
        return key_start;
    };
    let (key, rest) = indented.split_at_checked(key_length).unwrap_or_default();
    let Some(value) = rest.trim_start().strip_prefix(':') else {
        return key_start;
    };
    let plain =
        |character: char| character.is_ascii_alphanumeric() || " ,.-_[]\"'".contains(character);
    if is_plain_key(key) && value.chars().all(plain) {
        return line.len();
    }
    let value_length = value.trim_start().len();
    line.len() - value_length
}

fn is_plain_key(key: &str) -> bool {
    let units = ["_seconds", "_ms", "_bytes", "_lines"];
    PLAIN_KEYS.contains(&key)
        || key.starts_with("max_")
        || units.iter().any(|unit| key.ends_with(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_queries_of_urls_are_left_out() {
        for (text, expected) in [
            ("no URL, just a@b and c?d", "no URL, just a@b and c?d"),
            ("https://id.shop.example/a", "https://id.shop.example/a"),
            ("postgres://u:p@h/db", "postgres://***@h/db"),
            ("`https://token@h:9` is wrong", "`https://***@h:9` is wrong"),
            ("a://u:p@s@w@h/db", "a://***@h/db"),
            ("a://u:p w@h/db", "a://***@h/db"),
            ("a://h/db?password=pw&x=y z", "a://h/db?*** z"),
            ("a://u:p@h/db?password=pw", "a://***@h/db?***"),
            ("`a://u@h`, `b://v@i?k`", "`a://***@h`, `b://***@i?***`"),
            (
                "write `postgres://USER@HOST/DB`",
                "write `postgres://USER@HOST/DB`",
            ),
        ] {
            assert_eq!(conceal(text), expected);
        }
    }

    #[test]
    fn what_a_message_quotes_is_a_word_or_left_out() {
        for (message, expected) in [
            ("unknown key `stoer`", "unknown key `stoer`"),
            ("unknown key `store:postgres://u:p...`", "unknown key `***`"),
            (
                "the key `postgres//u:p@h` appears twice",
                "the key `***` appears twice",
            ),
            (
                "anchors (`&`) and aliases (`*`)",
                "anchors (`&`) and aliases (`*`)",
            ),
        ] {
            assert_eq!(conceal_quoted(message, Marks::Pairs), expected);
        }
    }

    #[test]
    fn quotations_that_may_hold_a_password_are_left_out() {
        let cut = format!("`https//u:{}...` is not a URL", "p".repeat(50));
        for (message, expected) in [
            (
                "`issuer.url`: `https//u:hunter2@h` is not a URL",
                "`issuer.url`: `***` is not a URL",
            ),
            ("`u:hunter2@h` has no `://`", "`***` has no `://`"),
            ("`h?hunter2`, `h#hunter2`", "`***`, `***`"),
            (&cut, "`***` is not a URL"),
            (
                "`a.accent: #7fbde6` is pale, `\"#7fbde7\"` is not",
                "`a.accent: #7fbde6` is pale, `\"#7fbde7\"` is not",
            ),
            ("`u:#7fbde6`, `h#7fbde6`, `#7fbde`", "`***`, `***`, `***`"),
            (
                "`https://u:hunter2@h/a?b` is not `https`",
                "`https://***@h/a?***` is not `https`",
            ),
            (
                "write `postgres://USER@HOST/DATABASE`, not `localhost:1`",
                "write `postgres://USER@HOST/DATABASE`, not `localhost:1`",
            ),
        ] {
            assert_eq!(conceal_addresses(message, Marks::Pairs), expected);
        }
    }

    /// A quotation does not end at a backtick that belongs to its value.
    #[test]
    fn a_backtick_in_a_value_shows_nothing_of_it() {
        for value in [
            "u:hunter2`x@h",
            "u`:hunter2@h",
            "`u:hunter2@h`",
            "a` hunter2 `b@h",
            "a://u:`hunter2@h",
        ] {
            let source = format!("issuer:\n  url: \"{value}\"\n");
            let message = format!("`issuer.url`: `{value}` is not a URL");
            let said = conceal_addresses(&message, Marks::of(&source));
            assert_eq!(said, "`***` is not a URL", "{value}");
            let said = conceal_quoted(&message, Marks::of(&source));
            assert!(!said.contains("hunter2"), "{said}");
            let line = format!("  url: a://{value}");
            let shown = without(&line, &secrets(&line, 0, Secrecy::Public));
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let escaped = r#"url: "a\x60b""#;
        assert_eq!(Marks::of(escaped), Marks::Unclear);
        let harmless = "`drain_seconds: 99999` is out of bounds: from 0 to 3600";
        assert_eq!(conceal_addresses(harmless, Marks::Unclear), harmless);
    }

    #[test]
    fn every_url_of_a_line_loses_its_credentials_and_its_query() {
        for (line, expected) in [
            ("[a://h?x, b://i?k]", "[a://h?*** b://i?***"),
            ("[a://h, b://u:p@i?k]", "[a://***@i?***"),
            ("a://u:p'w\"x`y@h", "a://***@h"),
        ] {
            assert_eq!(without(line, &secrets(line, 0, Secrecy::Public)), expected);
        }
    }

    #[test]
    fn of_the_configuration_only_keys_and_harmless_values_are_shown() {
        for (line, expected) in [
            ("drain_seconds: many", "drain_seconds: many"),
            ("  - algorithms: [ES256, XY]", "  - algorithms: [ES256, XY]"),
            ("  store: postgres://u:p@h/db", "  store: ***"),
            ("  store:postgres://u:p@h/db", "  store:***"),
            ("  stoer: hunter2", "  stoer: ***"),
            ("  postgres://u:p@h/db", "  postgres:***"),
            ("  hunter2", "  ***"),
            ("\"hunter2", "***"),
            ("issuer: {store: \"postgres://u:p@h\"}", "issuer: ***"),
            ("threads: {store: hunter2}", "threads: ***"),
            ("issuer:", "issuer:"),
            ("", ""),
        ] {
            let ranges = secrets(line, 0, Secrecy::Private);
            assert_eq!(without(line, &ranges), expected);
        }
    }

    #[test]
    fn known_secrets_are_left_out_and_the_rest_is_shown() {
        // Of a text in which the line begins at 100.
        let line = "store: hunter2, url: a://u:p@h/db # x";
        for (hidden, expected) in [
            (vec![], "store: hunter2, url: a://***@h/db # x"),
            (vec![107..114, 0..1], "store: ***, url: a://***@h/db # x"),
            (vec![121..131, 107..114], "store: ***, url: ***db # x"),
            (
                vec![90..107, 133..900, 0..50],
                "***hunter2, url: a://***@h/db***",
            ),
        ] {
            let ranges = secrets(line, 100, Secrecy::Known(&hidden));
            assert_eq!(without(line, &ranges), expected, "{hidden:?}");
        }
    }

    #[test]
    fn places_move_with_what_is_left_out() {
        let ranges = [2..10, 12..13];
        for (offset, expected) in [(0, 0), (2, 2), (5, 2), (9, 2), (10, 5), (12, 7), (13, 10)] {
            assert_eq!(moved(offset, &ranges), expected, "{offset}");
        }
    }
}
