//! What a description says of an operation, as its page shows it.

use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;
use crate::openapi::{DescribedOperation, DescribedParameter, ParameterPlace};

/// The texts of an operation.
pub(super) struct Description<'a> {
    /// The title of the description.
    pub(super) api: Text<'a>,
    pub(super) text: Text<'a>,
    /// Those that are not fields of the form.
    pub(super) parameters: Vec<ParameterRow<'a>>,
}

pub(super) struct ParameterRow<'a> {
    pub(super) name: Text<'a>,
    /// Where requests have it, and whether they must.
    pub(super) place: String,
    pub(super) text: Text<'a>,
    pub(super) example: Text<'a>,
}

impl<'a> Description<'a> {
    pub(super) fn of(operation: &'a DescribedOperation, words: &'static Words) -> Self {
        let parameters = operation.parts.parameters.iter();
        let others = parameters.filter(|one| one.place != ParameterPlace::Path);
        Self {
            api: Text::of(&*operation.api),
            text: Text::of(&*operation.parts.text),
            parameters: others.map(|one| ParameterRow::of(one, words)).collect(),
        }
    }
}

impl<'a> ParameterRow<'a> {
    fn of(parameter: &'a DescribedParameter, words: &'static Words) -> Self {
        let words = &words.trial;
        let place = match parameter.place {
            ParameterPlace::Path | ParameterPlace::Query => words.in_query,
            ParameterPlace::Header => words.in_header,
            ParameterPlace::Cookie => words.in_cookie,
        };
        let needed = if parameter.is_required {
            words.is_required
        } else {
            ""
        };
        Self {
            name: Text::of(&*parameter.name),
            place: format!("{place}{needed}"),
            text: Text::of(&*parameter.text),
            example: Text::of(parameter.example.as_deref().unwrap_or_default()),
        }
    }
}
