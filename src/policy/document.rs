//! A policy file as it is written; `compile` says what it means.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::yaml::{Entries, Located, present, schema_of};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = versioned)]
pub(super) struct PolicyDocument {
    /// Always 1.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "version")]
    pub(super) version: Option<Located<u64>>,
    /// The catalogue of scopes, each with its description. A route that asks for another one is an error.
    #[serde(default, deserialize_with = "present")]
    pub(super) scopes: Option<Entries<Located<String>>>,
    /// What paths may have beyond the canonical form; every reading must then be allowed.
    #[serde(default, deserialize_with = "present")]
    pub(super) paths: Option<Located<PathsDocument>>,
    /// Hosts on which only routes that name them answer: `admin.shop.example`, `*.internal.example`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "hosts")]
    pub(super) closed_hosts: Option<Located<Vec<Located<String>>>>,
    /// Whose tokens count, by their names in `trust` of the server's configuration.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "names")]
    pub(super) issuers: Option<Located<Vec<Located<String>>>>,
    /// `shadow`: decide, log and count, but let everything through.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "mode")]
    pub(super) mode: Option<Located<String>>,
    /// The routes, in any order. What none of them lists is refused.
    #[serde(default, deserialize_with = "present")]
    pub(super) routes: Option<Vec<Located<RouteDocument>>>,
}

/// One entry of `routes`. Everything is optional here, so that all that is missing is told at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "Which requests, and what they need.", transform = complete)]
pub(super) struct RouteDocument {
    /// What logs, metrics and `explain` call the route; unique: letters, digits, `.`, `_` and `-`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "route_name")]
    pub(super) name: Option<Located<String>>,
    /// The hosts that the route answers, exact or `*.shop.example`; without it, every host.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "hosts")]
    pub(super) hosts: Option<Located<Vec<Located<String>>>>,
    /// The methods that the route answers, in upper case; `GET` answers `HEAD` too, `["*"]` is every method.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "methods")]
    pub(super) methods: Option<Located<Vec<Located<String>>>>,
    /// The path: `/orders/{order_id}`, `/jobs/{id}:cancel`, `/files/{*rest}`. The most specific path wins.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "path")]
    pub(super) path: Option<Located<String>>,
    /// Who may use the route: everybody (`public`), holders of any valid token (`authenticated`), `nobody`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "access")]
    pub(super) access: Option<Located<String>>,
    /// The scopes that a token needs, all of them.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "names")]
    pub(super) scopes: Option<Located<Vec<Located<String>>>>,
    /// The scopes of which a token needs one at least.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "names")]
    pub(super) any_scope: Option<Located<Vec<Located<String>>>>,
    /// Whose tokens count, by their names in `trust` of the server's configuration.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "names")]
    pub(super) issuers: Option<Located<Vec<Located<String>>>>,
    /// Let CORS preflights for the route's methods through.
    #[serde(default, deserialize_with = "present")]
    pub(super) preflight: Option<Located<bool>>,
    /// `shadow`: decide, log and count, but let everything through.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "mode")]
    pub(super) mode: Option<Located<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PathsDocument {
    /// Paths may have `//`, read as `/` and as it stands.
    #[serde(default, deserialize_with = "present")]
    pub(super) merge_slashes: Option<Located<bool>>,
    /// Paths may have `%2F`: `kept` is part of its segment, `true` may be a slash as well.
    // A boolean or a word: what counts is how it is written.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "encoded_slashes")]
    pub(super) encoded_slashes: Option<Located<IgnoredAny>>,
    /// Paths may have `;`, read with and without what follows it.
    #[serde(default, deserialize_with = "present")]
    pub(super) path_parameters: Option<Located<bool>>,
    /// Paths may end in a slash, read with and without it.
    #[serde(default, deserialize_with = "present")]
    pub(super) trailing_slash: Option<Located<bool>>,
    /// Paths may have `%3F` and `%23`, read as part of a segment and as the end of the path.
    #[serde(default, deserialize_with = "present")]
    pub(super) encoded_delimiters: Option<Located<bool>>,
    /// Paths are compared without case, because the upstream does so.
    #[serde(default, deserialize_with = "present")]
    pub(super) ignore_case: Option<Located<bool>>,
}

/// The schema of a policy file.
pub(super) fn schema() -> Value {
    schema_of::<PolicyDocument>("Policy of Portcullis")
}

/// What a route must have, which the type leaves open so that all that is missing is told at once.
fn complete(schema: &mut Schema) {
    let keys = ["access", "scopes", "any_scope"];
    let one_of_them = keys.map(|key| json!({"required": [key]}));
    schema.insert("required".to_owned(), ["name", "methods", "path"].into());
    schema.insert("anyOf".to_owned(), one_of_them.into());
}

fn versioned(schema: &mut Schema) {
    schema.insert("required".to_owned(), ["version"].into());
}

fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": 1})
}

fn route_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"})
}

fn path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": r"^(|\*|/[^?#]*)$"})
}

fn access(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": ["public", "authenticated", "nobody"]})
}

fn mode(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": ["enforce", "shadow"]})
}

fn encoded_slashes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": [true, false, "kept"]})
}

/// A list as a policy may have it: not empty, and nothing twice.
fn list(item: &Schema) -> Schema {
    json_schema!({"type": "array", "items": item, "minItems": 1, "maxItems": 256, "uniqueItems": true})
}

fn names(_: &mut SchemaGenerator) -> Schema {
    list(&json_schema!({"type": "string", "minLength": 1}))
}

fn hosts(_: &mut SchemaGenerator) -> Schema {
    list(&json_schema!({"type": "string", "pattern": r"^(\*\.)?[^A-Z*/]*[^.A-Z*/]$"}))
}

fn methods(_: &mut SchemaGenerator) -> Schema {
    list(&json_schema!({
        "type": "string",
        "anyOf": [
            {"enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "*"]},
            {"pattern": "^[A-Z][A-Z0-9-]*$"},
        ],
    }))
}
