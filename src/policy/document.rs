//! A policy file as it is written; `compile` says what it means.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::yaml::{Entries, Located, present};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyDocument {
    #[serde(default, deserialize_with = "present")]
    pub(super) version: Option<Located<u64>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) scopes: Option<Entries<Located<String>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) paths: Option<Located<PathsDocument>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) closed_hosts: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) issuers: Option<Located<Vec<Located<String>>>>,
    /// The types of claims that conditions read.
    #[serde(default, deserialize_with = "present")]
    pub(super) claims: Option<Entries<Located<ClaimTypeDocument>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) parent_scopes: Option<Located<bool>>,
    /// What several routes ask, by name.
    #[serde(default, deserialize_with = "present")]
    pub(super) requirements: Option<Entries<Located<RequirementDocument>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) mode: Option<Located<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) routes: Option<Vec<Located<RouteDocument>>>,
}

/// One entry of `routes`. Everything is optional here, so that all that is missing is told at once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteDocument {
    #[serde(default, deserialize_with = "present")]
    pub(super) name: Option<Located<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) hosts: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) methods: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) path: Option<Located<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) access: Option<Located<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) scopes: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) any_scope: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) issuers: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) requires: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) when: Option<Located<WhenDocument>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) preflight: Option<Located<bool>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) mode: Option<Located<String>>,
}

/// One entry of `requirements`: what a route can ask as well.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequirementDocument {
    #[serde(default, deserialize_with = "present")]
    pub(super) access: Option<Located<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) scopes: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) any_scope: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) issuers: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) when: Option<Located<WhenDocument>>,
}

/// One condition, or a list of conditions that must all hold.
#[derive(Debug)]
pub(super) enum WhenDocument {
    One(String),
    All(Vec<Located<String>>),
}

impl<'de> Deserialize<'de> for WhenDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WhenVisitor;

        impl<'de> Visitor<'de> for WhenVisitor {
            type Value = WhenDocument;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a condition, or a list of conditions")
            }

            fn visit_str<E>(self, text: &str) -> Result<WhenDocument, E> {
                Ok(WhenDocument::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<WhenDocument, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(WhenDocument::All(all))
            }
        }

        deserializer.deserialize_any(WhenVisitor)
    }
}

/// A type's name, or a list of one such name for lists of that type.
#[derive(Debug)]
pub(super) struct ClaimTypeDocument {
    /// How many lists are around the name.
    pub(super) lists: usize,
    pub(super) names: Vec<String>,
}

impl<'de> Deserialize<'de> for ClaimTypeDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TypeVisitor;

        impl<'de> Visitor<'de> for TypeVisitor {
            type Value = ClaimTypeDocument;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter
                    .write_str("a type, such as `string`, or a list of one, such as `[string]`")
            }

            fn visit_str<E>(self, name: &str) -> Result<ClaimTypeDocument, E> {
                Ok(ClaimTypeDocument {
                    lists: 0,
                    names: vec![name.to_owned()],
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<ClaimTypeDocument, A::Error> {
                let mut names = Vec::new();
                let mut lists = 0;
                while let Some(item) = items.next_element::<ClaimTypeDocument>()? {
                    lists = lists.max(item.lists);
                    names.extend(item.names);
                }
                Ok(ClaimTypeDocument {
                    lists: lists + 1,
                    names,
                })
            }
        }

        deserializer.deserialize_any(TypeVisitor)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PathsDocument {
    #[serde(default, deserialize_with = "present")]
    pub(super) merge_slashes: Option<Located<bool>>,
    /// A boolean or a word: what counts is how it is written.
    #[serde(default, deserialize_with = "present")]
    pub(super) encoded_slashes: Option<Located<IgnoredAny>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) path_parameters: Option<Located<bool>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) trailing_slash: Option<Located<bool>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) encoded_delimiters: Option<Located<bool>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) ignore_case: Option<Located<bool>>,
}
