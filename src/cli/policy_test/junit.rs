//! Results as `JUnit` XML, which CI systems show.

use std::io::{self, Write};

use super::case::{Case, CaseResult, told};

/// Writes one suite for each file.
pub(super) fn write(
    suites: &[(&str, Vec<(&Case, &CaseResult)>)],
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites>")?;
    for (name, results) in suites {
        let is_failure = |(_, result): &&(&Case, &CaseResult)| !result.differences.is_empty();
        writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">",
            escaped(name),
            results.len(),
            results.iter().filter(is_failure).count(),
        )?;
        for (case, result) in results {
            write_case(case, result, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn write_case(case: &Case, result: &CaseResult, out: &mut dyn Write) -> io::Result<()> {
    let start = format!(
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\"",
        escaped(&case.name),
        escaped(&case.request.line()),
        escaped(&case.place.file),
        case.place.line,
    );
    if result.differences.is_empty() {
        return writeln!(out, "{start}/>");
    }
    writeln!(out, "{start}>")?;
    writeln!(
        out,
        "      <failure message=\"{}\">{}</failure>",
        escaped(&result.differences.join("; ")),
        escaped(&told(&result.answer)),
    )?;
    writeln!(out, "    </testcase>")
}

/// Text for an attribute or an element. What XML 1.0 cannot hold is shown by its number.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.extend(character.escape_unicode()),
            _ if character.is_control() => escaped.extend(character.escape_unicode()),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_can_end_its_attribute() {
        for (text, expected) in [
            ("a<b>&\"c\"", "a&lt;b&gt;&amp;&quot;c&quot;"),
            ("a\nb\0", "a\\u{a}b\\u{0}"),
            ("b\u{fc}cher", "b\u{fc}cher"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
