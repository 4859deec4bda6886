//! The section `traces` of the configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use serde::Deserialize;

use crate::problem::Faults;
use crate::uri_host::plain_text_fault;
use crate::yaml::present;

/// Where spans go, and those of which checks.
#[derive(Debug, Clone, PartialEq)]
pub struct TracesSettings {
    /// The collector.
    pub endpoint: Uri,
    pub protocol: TraceProtocol,
    /// Of the checks whose request belongs to no trace: the share that begins one, from 0 to 1.
    pub sample_ratio: f64,
    /// `service.name` of the spans.
    pub service_name: String,
    /// The certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The longest that the collector may take to answer.
    pub timeout: Duration,
    /// Spans that may wait to be sent; further ones are dropped and counted.
    pub max_queue_spans: usize,
}

/// How the collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceProtocol {
    /// OTLP over gRPC, which collectors speak on port 4317.
    Grpc,
    /// OTLP as Protobuf over HTTP/1.1, on port 4318.
    Http,
}

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesDocument {
    #[serde(deserialize_with = "present")]
    endpoint: Option<String>,
    protocol: TraceProtocol,
    plain_text: bool,
    #[serde(deserialize_with = "present")]
    ca_file: Option<PathBuf>,
    sample_ratio: f64,
    service_name: String,
    timeout_ms: u64,
    max_queue_spans: u64,
}

impl Default for TracesDocument {
    fn default() -> Self {
        Self {
            endpoint: None,
            protocol: TraceProtocol::Grpc,
            plain_text: false,
            ca_file: None,
            sample_ratio: 0.0,
            service_name: "portcullis".to_owned(),
            timeout_ms: 5000,
            max_queue_spans: 4096,
        }
    }
}

impl TracesDocument {
    /// Checks the section; a relative file is relative to `base`.
    pub fn build(self, base: &Path, faults: &mut Faults) -> Option<TracesSettings> {
        let endpoint = match self.address() {
            Ok(endpoint) => Some(endpoint),
            Err(message) => {
                faults.add("traces.endpoint", message);
                None
            }
        };
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            let ratio = self.sample_ratio;
            let message = format!("`traces.sample_ratio: {ratio}` is out of bounds: from 0 to 1");
            faults.add("traces.sample_ratio", message);
        }
        if self.service_name.is_empty() || self.service_name.len() > 255 {
            faults.add(
                "traces.service_name",
                "`traces.service_name` must have 1 to 255 bytes",
            );
        }
        faults.within("traces.timeout_ms", self.timeout_ms, 10, 60_000);
        let most = self.max_queue_spans;
        faults.within("traces.max_queue_spans", most, 1, 1 << 20);
        Some(TracesSettings {
            endpoint: endpoint?,
            protocol: self.protocol,
            sample_ratio: self.sample_ratio,
            service_name: self.service_name,
            ca_file: self.ca_file.map(|file| base.join(file)),
            timeout: Duration::from_millis(self.timeout_ms),
            max_queue_spans: usize::try_from(most).ok()?,
        })
    }

    fn address(&self) -> Result<Uri, String> {
        let Some(text) = &self.endpoint else {
            return Err(
                "`traces.endpoint` is missing: name the collector, such as `http://127.0.0.1:4317`"
                    .to_owned(),
            );
        };
        let wrong = |fix: &str| format!("`traces.endpoint: {text}` {fix}");
        let shape = || {
            wrong(
                "is not a valid address: write `https://HOST:PORT`, or `http://127.0.0.1:4317` for a \
                 collector on this machine",
            )
        };
        let uri: Uri = text.parse().map_err(|_| shape())?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(shape)?;
        if uri.port_u16().is_none() || uri.query().is_some() || text.contains(['@', '#']) {
            return Err(shape());
        }
        if self.protocol == TraceProtocol::Grpc && !matches!(uri.path(), "" | "/") {
            return Err(wrong("has a path, and gRPC has its own: remove it"));
        }
        let is_plain = match uri.scheme_str() {
            Some("https") => false,
            Some("http") => true,
            _ => return Err(shape()),
        };
        if is_plain && self.ca_file.is_some() {
            return Err(wrong(
                "is plain `http`, and `traces.ca_file` is for TLS: use `https`, or remove the file",
            ));
        }
        let plain_text_fault = (is_plain && !self.plain_text).then(|| plain_text_fault(host));
        if let Some(fault) = plain_text_fault.flatten() {
            return Err(wrong(fault));
        }
        Ok(uri)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn built(document: Value) -> Result<TracesSettings, Vec<String>> {
        let document: TracesDocument = serde_json::from_value(document).unwrap();
        let mut faults = Faults::default();
        let settings = document.build(Path::new("/etc/portcullis"), &mut faults);
        if faults.is_empty() {
            Ok(settings.unwrap())
        } else {
            Err(faults.into_messages())
        }
    }

    #[test]
    fn plain_text_to_another_machine_has_to_be_asked_for() {
        for endpoint in [
            "http://127.0.0.1:4317",
            "http://[::1]:4317/",
            "https://collector.example:4317",
        ] {
            assert!(built(json!({"endpoint": endpoint})).is_ok(), "{endpoint}");
        }
        assert!(built(json!({"endpoint": "http://collector:4317"})).is_err());
        let plain = json!({"endpoint": "http://collector:4317", "plain_text": true});
        assert!(built(plain).is_ok());
        let http = json!({"endpoint": "http://127.0.0.1:4318/otlp/v1/traces", "protocol": "http"});
        assert_eq!(built(http).unwrap().endpoint.path(), "/otlp/v1/traces");
        let files = json!({"endpoint": "https://collector.example:4317", "ca_file": "ca.pem"});
        let file = built(files).unwrap().ca_file.unwrap();
        assert_eq!(file, Path::new("/etc/portcullis/ca.pem"));
    }

    #[test]
    fn what_cannot_be_used_is_told_with_the_fix() {
        let said = |document| built(document).unwrap_err().join("\n");
        insta::assert_snapshot!(said(json!({})), @"`traces.endpoint` is missing: name the collector, such as `http://127.0.0.1:4317`");
        insta::assert_snapshot!(said(json!({"endpoint": "http://collector:4317"})), @"`traces.endpoint: http://collector:4317` is plain text to another machine: use `https`, or `plain_text: true` where something else encrypts");
        insta::assert_snapshot!(said(json!({"endpoint": "http://localhost:4317"})), @"`traces.endpoint: http://localhost:4317` is plain text to a name, which a resolver may take to another machine: write `127.0.0.1` or `[::1]` in place of `localhost`");
        insta::assert_snapshot!(said(json!({"endpoint": "http://127.0.0.1:4317/v1/traces"})), @"`traces.endpoint: http://127.0.0.1:4317/v1/traces` has a path, and gRPC has its own: remove it");
        insta::assert_snapshot!(said(json!({"endpoint": "http://127.0.0.1:4317", "ca_file": "ca.pem"})), @"`traces.endpoint: http://127.0.0.1:4317` is plain `http`, and `traces.ca_file` is for TLS: use `https`, or remove the file");
        for endpoint in [
            "127.0.0.1:4317",
            "https://collector.example",
            "ftp://127.0.0.1:1",
            "grpc://127.0.0.1:4317",
            "",
            "http://:4317",
        ] {
            let message = said(json!({"endpoint": endpoint}));
            assert_eq!(
                message,
                format!(
                    "`traces.endpoint: {endpoint}` is not a valid address: write `https://HOST:PORT`, or \
                     `http://127.0.0.1:4317` for a collector on this machine"
                )
            );
        }
        let bounds = json!({
            "endpoint": "http://127.0.0.1:4317", "sample_ratio": 1.5, "timeout_ms": 1, "max_queue_spans": 0,
            "service_name": "",
        });
        insta::assert_snapshot!(said(bounds), @r"
        `traces.sample_ratio: 1.5` is out of bounds: from 0 to 1
        `traces.service_name` must have 1 to 255 bytes
        `traces.timeout_ms: 1` is out of bounds: from 10 to 60000
        `traces.max_queue_spans: 0` is out of bounds: from 1 to 1048576
        ");
    }
}
