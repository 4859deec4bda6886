//! From an outcome to a `CheckResponse`.
//!
//! Envoy takes an answer whose status code is 0 for an allow, whatever else it holds. So an
//! [`Answer`] is made in two ways only: by a permit, or by a [`Refusal`], whose status is an enum
//! without a zero.

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{BoolValue, Struct, Value};
use envoy_types::pb::google::rpc::Status;
use prost::Message;

use super::protobuf::Writer;
use crate::gate::{
    Allowed, FrontEnd, GateSettings, HeaderText, HeaderView, IdentityHeader, Outcome, Refused,
    likely_spellings,
};
use crate::token::VerifiedToken;

/// An encoded `CheckResponse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(Vec<u8>);

/// Writes answers. What is the same in each of them is encoded beforehand.
#[derive(Debug)]
pub(super) struct AnswerStyle {
    /// Fields of `OkHttpResponse` for a caller that nobody knows: every identity header removed.
    anonymous: Vec<u8>,
    /// `headers_to_remove` for copies of identity headers that the proxy may have held back.
    hidden: Vec<u8>,
    /// `headers_to_remove` for the credential, where the upstream shall not see it.
    strip_token: Vec<u8>,
}

impl AnswerStyle {
    pub(super) fn new(settings: &GateSettings) -> Self {
        let identity = &settings.identity_headers;
        let remove = |names: &mut dyn Iterator<Item = &str>| {
            OkHttpResponse {
                headers_to_remove: names.map(str::to_owned).collect(),
                ..OkHttpResponse::default()
            }
            .encode_to_vec()
        };
        let token_headers = || settings.token_headers.iter().map(|name| &**name);
        let stripped = settings.strip_token.then(token_headers);
        let authorization = settings.strip_token.then_some("authorization");
        let mut stripped = authorization
            .into_iter()
            .chain(stripped.into_iter().flatten());
        let hidden = token_headers().flat_map(likely_spellings);
        let hidden: Vec<String> = identity.folded().into_iter().chain(hidden).collect();
        Self {
            anonymous: remove(&mut identity.names()),
            hidden: remove(&mut hidden.iter().map(String::as_str)),
            strip_token: remove(&mut stripped),
        }
    }

    fn allow(&self, allowed: Allowed<'_>) -> Answer {
        let mut writer = Writer::with_capacity(1024);
        // `status` stays unset, which means code 0.
        writer.message(3, |ok| {
            match allowed.identity() {
                Some(headers) => identify(ok, headers),
                None => ok.encoded(&self.anonymous),
            }
            ok.encoded(&self.strip_token);
            if allowed.view == HeaderView::Filtered {
                ok.encoded(&self.hidden);
            }
            for alias in allowed.aliases {
                // The name came as a string or as raw bytes; what is not UTF-8 cannot be named.
                if std::str::from_utf8(alias).is_ok() {
                    ok.bytes(REMOVE, alias);
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
}

impl FrontEnd for AnswerStyle {
    type Answer = Answer;

    fn render(&self, outcome: Outcome<'_>) -> Answer {
        match outcome {
            Outcome::Allow(allowed) => self.allow(allowed),
            Outcome::Refuse(refused) => refuse(&refused),
        }
    }
}

fn refuse(refused: &Refused<'_>) -> Answer {
    let status = refused.refusal.status();
    let headers = refused
        .headers()
        .map(|(name, value)| header(name, value.into_owned()));
    let response = CheckResponse {
        status: Some(Status {
            code: status.grpc_code().get(),
            message: refused.refusal.title().to_owned(),
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

/// Sets the headers that name the caller, and removes those for which it has no value.
fn identify<'a>(ok: &mut Writer, headers: impl Iterator<Item = IdentityHeader<'a>>) {
    for IdentityHeader { name, value } in headers {
        match value {
            Some(value) => set_header(ok, name, |text| value.append_to(text)),
            None => ok.bytes(REMOVE, name.as_bytes()),
        }
    }
}

fn set_header(ok: &mut Writer, name: &str, fill: impl FnOnce(&mut Vec<u8>)) {
    ok.message(2, |option| {
        option.message(1, |header| {
            header.bytes(1, name.as_bytes());
            header.text(2, fill);
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
