//! `GET /openapi.json`: all endpoints in the words of OpenAPI 3.1.
//!
//! Written by hand, one file for each area. Tests hold it against the table of the routes, and each
//! answer that they get against its schema.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::issuer::{Issuer, IssuerSettings, Registration};

const BASE: &str = include_str!("openapi/base.json");

/// See [`Registration`].
pub(super) const REGISTER: &str = "/consumer/register";

const AREAS: [&str; 6] = [
    include_str!("openapi/authorization.json"),
    include_str!("openapi/backend.json"),
    include_str!("openapi/browser.json"),
    include_str!("openapi/consumer.json"),
    include_str!("openapi/discovery.json"),
    include_str!("openapi/policy.json"),
];

/// The document, in the order in which it is written out; within a member by name.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    openapi: String,
    info: Map<String, Value>,
    servers: Value,
    tags: Value,
    #[serde(default)]
    paths: Map<String, Value>,
    components: Components,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Components {
    security_schemes: Value,
    parameters: Value,
    responses: Value,
    schemas: Map<String, Value>,
}

/// What one file adds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
}

/// All that there may be: all areas together, and this release's version.
pub fn document() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&all()?)
}

/// What there is with these settings.
pub(in crate::issuer) fn served(settings: &IssuerSettings) -> Result<String, serde_json::Error> {
    let mut document = all()?;
    if settings.registration == Registration::Closed {
        document.paths.remove(REGISTER);
        document.components.schemas.remove("Registration");
    }
    serde_json::to_string_pretty(&document)
}

fn all() -> Result<Document, serde_json::Error> {
    let mut document: Document = serde_json::from_str(BASE)?;
    let version = env!("CARGO_PKG_VERSION").into();
    document.info.insert("version".to_owned(), version);
    for area in AREAS {
        let Area { paths, schemas } = serde_json::from_str(area)?;
        document.paths.extend(paths);
        document.components.schemas.extend(schemas);
    }
    Ok(document)
}

pub(super) async fn openapi(State(issuer): State<Arc<Issuer>>) -> Response {
    let head = [
        (CACHE_CONTROL, "public, max-age=300"),
        (CONTENT_TYPE, "application/json"),
    ];
    (head, issuer.openapi.clone()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::settings::tests::read;
    use crate::policy::MAX_SCOPE_NAME_BYTES;

    #[test]
    fn where_nobody_can_register_the_document_does_not_say_how() {
        for (section, expected) in [
            ("registration: open", true),
            ("registration: closed", false),
        ] {
            let document = served(&read(section).unwrap()).unwrap();
            assert_eq!(document.contains(REGISTER), expected, "{section}");
            assert_eq!(document.contains("\"Registration\""), expected, "{section}");
        }
    }

    #[test]
    fn names_of_scopes_and_roles_are_as_long_as_the_rules_allow() {
        let bound = format!("{{1,{MAX_SCOPE_NAME_BYTES}}}$");
        assert_eq!(BASE.matches(&bound).count(), 1, "{bound}");
    }

    #[test]
    fn each_path_is_described_in_one_area() {
        let paths = AREAS.map(|area| serde_json::from_str::<Area>(area).unwrap().paths);
        let count: usize = paths.iter().map(Map::len).sum();
        assert_eq!(all().unwrap().paths.len(), count);
    }
}
