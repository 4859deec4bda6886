//! A policy file as it is written; `compile` says what it means.

use serde::Deserialize;
use serde::de::IgnoredAny;

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
    pub(super) preflight: Option<Located<bool>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) mode: Option<Located<String>>,
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
