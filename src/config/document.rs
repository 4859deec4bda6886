//! The configuration file as it is written.

use std::path::PathBuf;

use serde::Deserialize;

use super::issuer::IssuerDocument;
use super::listeners::ListenersDocument;
use super::traces::TracesDocument;
use crate::gate::IdentityHeaders;
use crate::keyring::TrustedIssuerDocument;
use crate::telemetry::LogDocument;
use crate::yaml::present;

/// The keys of the file's own mapping.
pub(super) const SECTIONS: [&str; 13] = [
    "version",
    "policy",
    "shadow_policy",
    "drain_seconds",
    "realm",
    "listeners",
    "trust",
    "strip_token",
    "identity_headers",
    "cache",
    "log",
    "traces",
    "issuer",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigDocument {
    pub(super) version: u64,
    #[serde(default)]
    pub(super) policy: Vec<PathBuf>,
    #[serde(default, deserialize_with = "present")]
    pub(super) shadow_policy: Option<Vec<PathBuf>>,
    #[serde(default = "default_drain_seconds")]
    pub(super) drain_seconds: u64,
    #[serde(default = "default_realm")]
    pub(super) realm: String,
    #[serde(default)]
    pub(super) listeners: ListenersDocument,
    #[serde(default)]
    pub(super) trust: Vec<TrustedIssuerDocument>,
    #[serde(default)]
    pub(super) strip_token: bool,
    #[serde(default)]
    pub(super) identity_headers: IdentityHeaders,
    #[serde(default)]
    pub(super) cache: CacheDocument,
    #[serde(default)]
    pub(super) log: LogDocument,
    #[serde(default, deserialize_with = "present")]
    pub(super) traces: Option<TracesDocument>,
    #[serde(default, deserialize_with = "present")]
    pub(super) issuer: Option<IssuerDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CacheDocument {
    pub(super) max_entries: u64,
    pub(super) max_bytes: u64,
}

impl Default for CacheDocument {
    fn default() -> Self {
        Self {
            max_entries: 100_000,
            max_bytes: 33_554_432,
        }
    }
}

fn default_drain_seconds() -> u64 {
    5
}

fn default_realm() -> String {
    "portcullis".to_owned()
}

#[cfg(all(feature = "issuer", feature = "traces"))]
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value, json};

    use super::*;

    /// A key that nothing has.
    const UNKNOWN: &str = "no_such_key";

    /// How to come to a part of the document.
    #[derive(Clone)]
    enum Step {
        Key(String),
        Item,
    }

    /// The keys that are known at a place, by what is said of one that is not.
    fn known_at(path: &[Step]) -> BTreeSet<String> {
        let document = path
            .iter()
            .rev()
            .fold(json!({UNKNOWN: 1}), |value, step| match step {
                Step::Key(key) => json!({key: value}),
                Step::Item => json!([value]),
            });
        let error = serde_json::from_value::<ConfigDocument>(document).unwrap_err();
        let said = error.to_string();
        let (_, expected) = said
            .split_once("expected ")
            .unwrap_or_else(|| panic!("{said}"));
        let words = expected.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect()
    }

    fn check(schema: &Map<String, Value>, path: &[Step], count: &mut usize) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            if let Some(items) = schema.get("items").and_then(Value::as_object) {
                check(items, &[path, &[Step::Item]].concat(), count);
            }
            return;
        };
        let written: BTreeSet<String> = properties.keys().cloned().collect();
        assert_eq!(known_at(path), written);
        *count += written.len();
        for (key, value) in properties {
            let below = [path, &[Step::Key(key.clone())]].concat();
            check(value.as_object().unwrap(), &below, count);
        }
    }

    #[test]
    fn the_schema_has_the_keys_that_the_configuration_has() {
        let schema: Value =
            serde_json::from_str(include_str!("../../schema/config.schema.json")).unwrap();
        let mut count = 0;
        check(schema.as_object().unwrap(), &[], &mut count);
        assert!(count > 100, "{count}");
    }

    #[test]
    fn the_sections_are_the_keys_of_the_file() {
        assert_eq!(known_at(&[]), SECTIONS.map(str::to_owned).into());
    }
}
