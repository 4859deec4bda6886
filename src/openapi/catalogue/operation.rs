//! What a description says of one operation, besides who may use it.

use super::example;
use crate::openapi::description::{Operation, Reader};
use crate::problem::{Problem, quoted};
use crate::yaml::Tree;

const MAX_SUMMARY_BYTES: usize = 200;
const MAX_TEXT_BYTES: usize = 2000;
const MAX_PARAMETERS: usize = 40;
const MAX_PARAMETER_NAME_BYTES: usize = 100;
const MAX_PARAMETER_TEXT_BYTES: usize = 300;

/// Longer ones are left out: a part of an example is none.
const MAX_VALUE_BYTES: usize = 300;
const MAX_BODY_BYTES: usize = 8 * 1024;

/// The texts, parameters and the example of an operation, within bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// `operationId`.
    pub id: String,
    pub summary: String,
    pub text: String,
    pub parameters: Vec<DescribedParameter>,
    /// The first example of a body.
    pub body: Option<ExampleBody>,
}

/// A parameter of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedParameter {
    pub name: String,
    pub place: ParameterPlace,
    pub is_required: bool,
    pub text: String,
    pub example: Option<String>,
}

/// Where requests have a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterPlace {
    Path,
    Query,
    Header,
    Cookie,
}

/// A body that a request can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleBody {
    /// As it is written.
    pub content_type: String,
    pub text: String,
}

/// What cannot be read, and where it is within the operation.
type Unreadable = (String, Problem);

impl Parts {
    #[expect(clippy::result_large_err, reason = "made once, for a file")]
    pub(super) fn read<'t>(
        reader: &Reader<'t>,
        operation: &Operation<'t>,
    ) -> Result<Self, Unreadable> {
        let written = operation.written;
        let text = |key| written.get(key).and_then(Tree::text).unwrap_or_default();
        Ok(Self {
            id: cut(operation.id.unwrap_or_default(), MAX_SUMMARY_BYTES),
            summary: cut(text("summary").trim(), MAX_SUMMARY_BYTES),
            text: cut(text("description").trim(), MAX_TEXT_BYTES),
            parameters: parameters(reader, operation)?,
            body: body(reader, written)?,
        })
    }
}

/// Those of the operation, then those of its path that it does not replace (OpenAPI 3.1 section 4.8.9).
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn parameters<'t>(
    reader: &Reader<'t>,
    operation: &Operation<'t>,
) -> Result<Vec<DescribedParameter>, Unreadable> {
    let mut parameters: Vec<DescribedParameter> = Vec::new();
    let own = operation.written.get("parameters");
    let lists = own
        .into_iter()
        .chain(operation.shared_parameters.iter().copied());
    for list in lists {
        let Tree::List(items) = list else {
            let problem = Problem::new("`parameters` is not a list");
            return Err(("parameters".to_owned(), problem));
        };
        for (position, item) in items.iter().enumerate() {
            let parameter = parameter(reader, item);
            let parameter =
                parameter.map_err(|problem| (format!("parameters[{position}]"), problem))?;
            let is_known = |known: &DescribedParameter| {
                known.name == parameter.name && known.place == parameter.place
            };
            if !parameters.iter().any(is_known) {
                parameters.push(parameter);
            }
            if parameters.len() > MAX_PARAMETERS {
                let message = format!("an operation has more than {MAX_PARAMETERS} parameters");
                return Err(("parameters".to_owned(), Problem::new(message)));
            }
        }
    }
    Ok(parameters)
}

#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn parameter<'t>(reader: &Reader<'t>, item: &'t Tree) -> Result<DescribedParameter, Problem> {
    let item = reader
        .resolve(item)
        .ok_or_else(|| not_here("the parameter"))?;
    let text = |key| item.get(key).and_then(Tree::text).unwrap_or_default();
    let name = text("name");
    if name.is_empty() || name.len() > MAX_PARAMETER_NAME_BYTES {
        let message = format!("a parameter has no `name` of 1 to {MAX_PARAMETER_NAME_BYTES} bytes");
        return Err(Problem::new(message).help("give it one"));
    }
    let place = match text("in") {
        "path" => ParameterPlace::Path,
        "query" => ParameterPlace::Query,
        "header" => ParameterPlace::Header,
        "cookie" => ParameterPlace::Cookie,
        other => {
            let message = format!(
                "the parameter {} has `in: {other}`, which is not a place of a request",
                quoted(name)
            );
            return Err(Problem::new(message).help("write `path`, `query`, `header` or `cookie`"));
        }
    };
    let example = example_of(reader, item)?;
    let example = example.and_then(|tree| example::value(tree, MAX_VALUE_BYTES));
    Ok(DescribedParameter {
        name: name.to_owned(),
        place,
        is_required: place == ParameterPlace::Path
            || item.get("required").is_some_and(Tree::is_true),
        text: cut(text("description").trim(), MAX_PARAMETER_TEXT_BYTES),
        example,
    })
}

/// The example of the first kind of body that has one.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn body<'t>(reader: &Reader<'t>, operation: &'t Tree) -> Result<Option<ExampleBody>, Unreadable> {
    let Some(body) = operation.get("requestBody") else {
        return Ok(None);
    };
    let at = |problem| ("requestBody".to_owned(), problem);
    let body = reader
        .resolve(body)
        .ok_or_else(|| at(not_here("the body")))?;
    let kinds = body.get("content").map(Tree::entries).unwrap_or_default();
    for (content_type, kind) in kinds {
        let example = example_of(reader, kind).map_err(at)?;
        let text = example.and_then(|tree| example::body(tree, content_type, MAX_BODY_BYTES));
        if let Some(text) = text {
            let content_type = cut(content_type, MAX_PARAMETER_NAME_BYTES);
            return Ok(Some(ExampleBody { content_type, text }));
        }
    }
    Ok(None)
}

/// `example`, the first of `examples`, or what the schema has as such.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn example_of<'t>(reader: &Reader<'t>, item: &'t Tree) -> Result<Option<&'t Tree>, Problem> {
    if let Some(example) = item.get("example") {
        return Ok(Some(example));
    }
    if let Some((_, first)) = item.get("examples").and_then(|all| all.entries().first()) {
        let first = reader
            .resolve(first)
            .ok_or_else(|| not_here("the example"))?;
        // Without it the example is elsewhere (`externalValue`).
        return Ok(first.get("value"));
    }
    // Schemas may be in other files, and without one there is no example.
    let schema = item.get("schema").and_then(|schema| reader.resolve(schema));
    Ok(schema.and_then(|schema| {
        let listed = || schema.get("examples").and_then(|all| all.items().first());
        schema
            .get("example")
            .or_else(listed)
            .or_else(|| schema.get("default"))
    }))
}

fn not_here(what: &str) -> Problem {
    Problem::new(format!(
        "{what} has a `$ref` that does not lead to anything in this file"
    ))
    .help("write it into this file")
}

/// The beginning of a text that is too long.
pub(super) fn cut(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max_bytes);
    format!("{}\u{2026}", text.get(..end).unwrap_or_default())
}
