//! YAML for people who must not be misunderstood: one document, no surprises, errors with places.
//!
//! The only module that names the YAML library.

mod failure;
mod foreign;
mod outline;
mod recovery;
mod scalar;
mod schema;
mod strict;
mod within;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Location, Options, Spanned};

use crate::problem::{Place, Problem, Source};
use failure::{Failure, Subject};

pub use foreign::{Tree, parse_foreign};
pub use outline::Outline;
pub use recovery::{Damage, Recovered};
pub use scalar::{double_quoted, flow_list, scalar};
pub use schema::schema_of;

/// The largest file that is read, in bytes.
pub const MAX_SOURCE_BYTES: usize = 16 * 1024 * 1024;
/// The deepest nesting; the deepest thing that we define has five levels.
const MAX_DEPTH: usize = 16;
/// The deepest nesting of documents of others.
const MAX_FOREIGN_DEPTH: usize = 100;
/// The most values in one file, enough for 100,000 routes of 40 values each.
const MAX_NODES: usize = 4_000_000;

/// Reads one document strictly: what YAML readers disagree about is an error.
///
/// Refused: duplicate keys, merge keys, anchors, aliases, tags, a second document, an empty file,
/// `yes` for `true`, and an unquoted number, boolean or null where text is meant.
#[expect(clippy::result_large_err, reason = "made once, while a file is loaded")]
pub fn parse<T: DeserializeOwned>(source: &Source) -> Result<T, Problem> {
    read(source).map_err(|failure| failure.problem)
}

/// The same as far as each part can be read, with everything that is wrong with the form of the rest.
/// What is missing from the document may change its meaning: it is good for telling what else is wrong,
/// and for nothing else. An error where nothing can be read.
pub fn parse_in_parts<T: DeserializeOwned>(source: &Source) -> Result<Recovered<T>, Vec<Problem>> {
    recovery::read(source, read, parse_only)
}

#[expect(clippy::result_large_err, reason = "made once, while a file is loaded")]
fn parse_only(source: &Source) -> Result<(), Failure> {
    read::<IgnoredAny>(source).map(|_| ())
}

#[expect(clippy::result_large_err, reason = "made once, while a file is loaded")]
fn read<T: DeserializeOwned>(source: &Source) -> Result<T, Failure> {
    let whole = |problem| Failure::new(problem, Subject::Text);
    if source.text.len() > MAX_SOURCE_BYTES {
        let message = format!("{} is larger than {MAX_SOURCE_BYTES} bytes", source.name);
        let problem = Problem::new(message).help("split it into several files");
        return Err(whole(problem));
    }
    if is_empty(&source.text) {
        let start = Place {
            file: source.name.clone(),
            line: 1,
            column: 1,
            bytes: None,
        };
        return Err(whole(failure::empty().at(start)));
    }
    let parsed = serde_saphyr::from_str_with_options(&source.text, options())
        .map_err(|error| failure::failure(source, &error))?;
    strict::check(source).map_err(|problem| Failure::new(problem, Subject::Value))?;
    Ok(parsed)
}

/// Whether there is nothing but blank lines, comments and document markers, which a reader would
/// take for `null` and that for a document without keys.
fn is_empty(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---" || line == "...")
}

/// Documents of others may be deeper, and have anchors and aliases, which are followed within bounds.
fn foreign_options() -> Options {
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Merge,
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_FOREIGN_DEPTH,
            flow_nesting_limit: MAX_FOREIGN_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_total_scalar_bytes: 2 * MAX_SOURCE_BYTES,
            max_inclusion_depth: 0,
        },
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        no_schema: true,
        reject_unsupported_tags: true,
        reject_tagged_field_names: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: 2 * MAX_DEPTH,
            max_documents: 1,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_total_scalar_bytes: MAX_SOURCE_BYTES,
            max_merge_keys: 0,
            max_inclusion_depth: 0,
        },
    }
}

/// A value and where it stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located<T> {
    pub value: T,
    location: Location,
}

impl<T> Located<T> {
    /// The place of the value in `source`, which must be the file that it was read from.
    pub fn place(&self, source: &Source) -> Place {
        place(source, self.location)
    }

    /// Another value at the same place.
    pub fn with_value<U>(&self, value: U) -> Located<U> {
        Located {
            value,
            location: self.location,
        }
    }

    /// What stands at the value's place, quotation marks included.
    pub fn written<'s>(&self, source: &'s Source) -> &'s str {
        place(source, self.location)
            .bytes
            .and_then(|bytes| source.text.get(bytes))
            .unwrap_or_default()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value,
            location: spanned.referenced,
        })
    }
}

/// A mapping in the order of the file, each key with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries<T>(pub Vec<(Located<String>, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
            type Value = Entries<T>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor(std::marker::PhantomData))
    }
}

/// For `#[serde(default, deserialize_with = "yaml::present")]`: the key may be absent, but where it
/// stands it has a value. Plain `Option` would read `hosts:` without a value as no `hosts` at all.
pub fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A boolean, which only unquoted `true` and `false` are.
#[expect(clippy::result_large_err, reason = "made once, while a file is loaded")]
pub fn flag(source: &Source, value: &Located<bool>) -> Result<bool, Problem> {
    match value.written(source) {
        "true" | "false" => Ok(value.value),
        _ => Err(failure::not_a_boolean().at(value.place(source))),
    }
}

fn place(source: &Source, location: Location) -> Place {
    let span = location.span();
    let bytes = span.byte_offset().zip(span.byte_len());
    Place {
        file: source.name.clone(),
        line: usize::try_from(location.line()).unwrap_or(usize::MAX),
        column: usize::try_from(location.column()).unwrap_or(usize::MAX),
        bytes: bytes.and_then(|(start, length)| {
            let start = usize::try_from(start).ok()?;
            Some(start..start.checked_add(usize::try_from(length).ok()?)?)
        }),
    }
}

#[cfg(test)]
mod tests;
