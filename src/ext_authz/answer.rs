//! From an outcome to a `CheckResponse`.
//!
//! Envoy takes an answer whose status code is 0 for an allow, whatever else it holds. So an
//! [`Answer`] is made in two ways only: by a permit, or by a [`Refusal`], whose status is an enum
//! without a zero.

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{BoolValue, Struct, Value};
use envoy_types::pb::google::rpc::Status;
use prost::Message;

use super::protobuf::Writer;
use crate::gate::{Allowed, FrontEnd, HeaderEdit, HeaderText, Outcome, Refused};
use crate::token::VerifiedToken;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(Vec<u8>);

/// Writes answers for Envoy.
#[derive(Debug)]
pub(super) struct EnvoyAnswers;

impl FrontEnd for EnvoyAnswers {
    type Answer = Answer;

    fn render(&self, outcome: Outcome<'_>) -> Answer {
        match outcome {
            Outcome::Allow(allowed) => allow(allowed),
            Outcome::Refuse(refused) => refuse(&refused),
        }
    }
}

fn allow(allowed: Allowed<'_>) -> Answer {
    let mut writer = Writer::with_capacity(1024);
    // `status` stays unset, which means code 0.
    writer.message(3, |ok| {
        for edit in allowed.edits() {
            match edit {
                HeaderEdit::Set { name, value } => set_header(ok, name, &value),
                HeaderEdit::Remove { name } => ok.bytes(REMOVE, name.as_bytes()),
            }
        }
    });
    let Allowed {
        permit,
        caller,
        decision_id,
        ..
    } = allowed;
    writer.message(4, |metadata| {
        string_entry(metadata, "route", permit.route().name.as_bytes());
        string_entry(metadata, "reason", permit.label().as_bytes());
        if let Some(denial) = permit.shadowed() {
            string_entry(metadata, "would_deny", denial.label().as_bytes());
            if let Some(detail) = denial.detail() {
                string_entry(metadata, "detail", detail.as_bytes());
            }
        }
        string_entry(metadata, "decision_id", decision_id.as_bytes());
        if let Some(caller) = caller {
            string_entry(metadata, "subject", caller.subject().as_bytes());
            if let Some(client) = caller.client() {
                string_entry(metadata, "client", client.as_bytes());
            }
            text_entry(metadata, "scopes", |text| {
                HeaderText::from(caller.scopes_text()).append_to(text);
            });
        }
    });
    Answer(writer.into_bytes())
}

fn refuse(refused: &Refused<'_>) -> Answer {
    let status = refused.refusal.status();
    let headers = refused
        .headers()
        .map(|(name, value)| header(name, value.into_owned()));
    let response = CheckResponse {
        status: Some(Status {
            code: status.grpc_code().get(),
            message: refused.refusal.message().into_owned(),
            details: Vec::new(),
        }),
        dynamic_metadata: Some(refusal_metadata(refused)),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus {
                code: i32::from(status.http_code()),
            }),
            headers: headers.collect(),
            body: refused.body(),
        })),
    };
    Answer(response.encode_to_vec())
}

impl Answer {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `OkHttpResponse.headers_to_remove`.
const REMOVE: u8 = 5;

fn set_header(ok: &mut Writer, name: &str, value: &HeaderText<'_>) {
    ok.message(2, |option| {
        option.message(1, |header| {
            header.bytes(1, name.as_bytes());
            header.text(2, |text| value.append_to(text));
        });
        // `append` false and the action: between them every release of Envoy, and other
        // proxies, replace what the caller sent.
        option.bytes(2, &[]);
        option.small(3, OVERWRITE);
    });
}

/// `OVERWRITE_IF_EXISTS_OR_ADD`; a test holds it against the generated enum.
const OVERWRITE: u8 = 2;

/// A header of a denied answer.
#[expect(
    deprecated,
    reason = "`append` alone decides on some releases of Envoy"
)]
fn header(name: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value,
            raw_value: Vec::new(),
        }),
        append: Some(BoolValue { value: false }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}

fn string_entry(metadata: &mut Writer, key: &str, value: &[u8]) {
    text_entry(metadata, key, |text| text.extend_from_slice(value));
}

/// An entry of `google.protobuf.Struct.fields` whose value is a string.
fn text_entry(metadata: &mut Writer, key: &str, fill: impl FnOnce(&mut Vec<u8>)) {
    metadata.message(1, |entry| {
        entry.bytes(1, key.as_bytes());
        entry.message(2, |value| value.text(3, fill));
    });
}

fn refusal_metadata(refused: &Refused<'_>) -> Struct {
    let Refused {
        refusal, caller, ..
    } = refused;
    let entries = [
        ("reason", Some(refusal.label())),
        ("detail", refusal.detail()),
        ("route", refusal.route_name()),
        ("subject", caller.map(VerifiedToken::subject)),
        ("client", caller.and_then(VerifiedToken::client)),
        ("decision_id", Some(refused.decision_id)),
    ];
    // An absent entry is left out and not empty: access logs tell the two apart, and so do filters that
    // look for the key.
    let fields = entries.into_iter().filter_map(|(key, value)| {
        let kind = Kind::StringValue(value?.to_owned());
        Some((key.to_owned(), Value { kind: Some(kind) }))
    });
    Struct {
        fields: fields.collect(),
    }
}

#[cfg(test)]
mod tests;
