//! What the YAML library lets pass even in its strict mode, and we do not.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span};

use super::failure;
use crate::problem::{Place, Problem, Source, quoted};

/// Refuses tags of every kind, and words that YAML 1.1 readers take for booleans.
///
/// For a document that was read already, so that its size and depth are known to be bounded.
#[expect(clippy::result_large_err, reason = "made once, while a file is loaded")]
pub(super) fn check(source: &Source) -> Result<(), Problem> {
    for event in Parser::new_from_str(&source.text) {
        // The same parser has just read the same text.
        let (event, span) = event.map_err(|error| Problem::new(error.to_string()))?;
        let problem = match event {
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => failure::tagged(),
            Event::Scalar(text, ScalarStyle::Plain, _, None) if is_old_boolean(&text) => {
                Problem::new(format!(
                    "{} is a boolean to some readers of YAML",
                    quoted(&text)
                ))
                .help("put it in quotation marks if text is meant, else write `true` or `false`")
            }
            _ => continue,
        };
        return Err(problem.at(place(source, &span)));
    }
    Ok(())
}

/// The booleans of YAML 1.1 (`bool` of its type repository) that YAML 1.2 reads as text.
fn is_old_boolean(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
}

pub(super) fn place(source: &Source, span: &Span) -> Place {
    Place {
        file: source.name.clone(),
        line: span.start.line(),
        column: span.start.col() + 1,
        bytes: span.byte_range(),
    }
}
