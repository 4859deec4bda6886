//! From a decision to a `CheckResponse`.
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
use super::request::{Dialect, HeaderView};
use crate::decision::Permit;
use crate::gate::{IdentityHeaders, Refusal, RefusalBody};
use crate::token::VerifiedToken;

/// An encoded `CheckResponse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(Vec<u8>);

/// How answers are dressed. Made once per configuration.
#[derive(Debug)]
pub struct AnswerStyle {
    identity: IdentityHeaders,
    /// The protection space that challenges name (RFC 9110 section 11.5).
    realm: String,
    /// Fields of `OkHttpResponse` for a caller that nobody knows: every identity header removed.
    anonymous: Vec<u8>,
    /// `headers_to_remove` for copies of identity headers that the proxy may have held back.
    hidden: Vec<u8>,
    /// `headers_to_remove` for the credential, where the upstream shall not see it.
    strip_token: Vec<u8>,
}

/// What an allowed request is answered with.
#[derive(Debug)]
pub struct Allowed<'a> {
    /// The proof that it may pass.
    pub permit: Permit<'a>,
    /// The caller, where a token proved one.
    pub caller: Option<&'a VerifiedToken>,
    /// Headers of the caller's to be removed.
    pub aliases: &'a [&'a [u8]],
    /// Whether there may be more of them.
    pub view: HeaderView,
    /// Names this decision in logs and metadata.
    pub decision_id: &'a str,
}

impl AnswerStyle {
    /// A style with these identity headers; `strip_token` keeps `Authorization` from the upstream.
    pub fn new(identity: IdentityHeaders, realm: String, strip_token: bool) -> Self {
        let remove = |names: &mut dyn Iterator<Item = &str>| {
            OkHttpResponse {
                headers_to_remove: names.map(str::to_owned).collect(),
                ..OkHttpResponse::default()
            }
            .encode_to_vec()
        };
        let anonymous = remove(&mut identity.names());
        let hidden = remove(&mut identity.folded().iter().map(String::as_str));
        let strip_token = if strip_token {
            remove(&mut std::iter::once("authorization"))
        } else {
            Vec::new()
        };
        Self {
            identity,
            realm,
            anonymous,
            hidden,
            strip_token,
        }
    }

    /// The identity headers.
    pub fn identity(&self) -> &IdentityHeaders {
        &self.identity
    }

    /// The answer that lets a request through.
    pub fn allow(&self, allowed: Allowed<'_>) -> Answer {
        let Allowed {
            permit,
            caller,
            aliases,
            view,
            decision_id,
        } = allowed;
        let mut writer = Writer::with_capacity(1024);
        // `status` stays unset, which means code 0.
        writer.message(3, |ok| {
            match caller {
                Some(caller) => self.identify(ok, caller),
                None => ok.encoded(&self.anonymous),
            }
            ok.encoded(&self.strip_token);
            if view == HeaderView::Filtered {
                ok.encoded(&self.hidden);
            }
            for alias in aliases {
                // The name came as a string or as raw bytes; what is not UTF-8 cannot be named.
                if std::str::from_utf8(alias).is_ok() {
                    ok.bytes(REMOVE, alias);
                }
            }
        });
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
                    push_escaped(text, caller.scopes_text());
                });
            }
        });
        Answer(writer.into_bytes())
    }

    /// Sets the headers that name the caller, and removes those for which it has no value.
    fn identify(&self, ok: &mut Writer, caller: &VerifiedToken) {
        let identity = &self.identity;
        set_header(ok, &identity.subject, |text| {
            push_escaped(text, caller.subject());
        });
        match caller.client() {
            Some(client) => set_header(ok, &identity.client, |text| push_escaped(text, client)),
            None => ok.bytes(REMOVE, identity.client.as_bytes()),
        }
        if caller.scopes_text().is_empty() {
            // An empty value would be dropped by the proxy, leaving the caller's own.
            ok.bytes(REMOVE, identity.scopes.as_bytes());
        } else {
            set_header(ok, &identity.scopes, |text| {
                push_escaped(text, caller.scopes_text());
            });
        }
        set_header(ok, &identity.issuer, |text| {
            push_escaped(text, caller.issuer());
        });
        for (header, claim) in &identity.claims {
            match caller.claim_at(claim).and_then(claim_text) {
                Some(value) => set_header(ok, header, |text| push_escaped(text, &value)),
                None => ok.bytes(REMOVE, header.as_bytes()),
            }
        }
    }

    /// The answer that turns away a request, of this caller where a token proved one.
    pub fn deny(
        &self,
        refusal: &Refusal<'_>,
        dialect: Dialect,
        caller: Option<&VerifiedToken>,
        decision_id: &str,
    ) -> Answer {
        let status = refusal.status();
        let RefusalBody {
            content_type,
            text: body,
        } = refusal.body(dialect, decision_id);
        let mut headers = vec![header("cache-control", "no-store")];
        if let Some(challenge) = refusal.challenge(&self.realm) {
            headers.push(header("www-authenticate", &challenge));
        }
        if let Some(seconds) = refusal.retry_after_seconds() {
            headers.push(header("retry-after", &seconds.to_string()));
        }
        if dialect == Dialect::Grpc {
            headers.push(header("grpc-status", &status.grpc_code().to_string()));
            headers.push(header("grpc-message", refusal.title()));
        } else {
            headers.push(header("content-type", content_type));
        }
        let response = CheckResponse {
            status: Some(Status {
                code: status.grpc_code().get(),
                message: refusal.title().to_owned(),
                details: Vec::new(),
            }),
            dynamic_metadata: Some(refusal_metadata(refusal, caller, decision_id)),
            http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
                status: Some(HttpStatus {
                    code: i32::from(status.http_code()),
                }),
                headers,
                body,
            })),
        };
        Answer(response.encode_to_vec())
    }
}

impl Answer {
    /// The encoded `CheckResponse`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `OkHttpResponse.headers_to_remove`.
const REMOVE: u8 = 5;

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
fn header(name: &str, value: &str) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: value.to_owned(),
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

fn refusal_metadata(
    refusal: &Refusal<'_>,
    caller: Option<&VerifiedToken>,
    decision_id: &str,
) -> Struct {
    let entries = [
        ("reason", Some(refusal.label())),
        ("detail", refusal.detail()),
        ("route", refusal.route_name()),
        ("subject", caller.map(VerifiedToken::subject)),
        ("client", caller.and_then(VerifiedToken::client)),
        ("decision_id", Some(decision_id)),
    ];
    let fields = entries.into_iter().filter_map(|(key, value)| {
        let kind = Kind::StringValue(value?.to_owned());
        Some((key.to_owned(), Value { kind: Some(kind) }))
    });
    Struct {
        fields: fields.collect(),
    }
}

/// Appends a value so that different values stay different on their way through HTTP: bytes that
/// a header cannot hold or that proxies trim become `%XX`, and so does `%` itself.
fn push_escaped(text: &mut Vec<u8>, value: &str) {
    let bytes = value.as_bytes();
    let plain = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'%';
    if bytes.trim_ascii().len() == bytes.len() && bytes.iter().all(|&byte| plain(byte)) {
        text.extend_from_slice(bytes);
        return;
    }
    let last = bytes.len().saturating_sub(1);
    for (at, &byte) in bytes.iter().enumerate() {
        let is_edge = at == 0 || at == last;
        if plain(byte) && !(byte == b' ' && is_edge) {
            text.push(byte);
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
            text.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// The text of a claim that can stand in a header; objects and null cannot. The items of an array
/// stand there with commas in between, unless one of them is no text, or has a comma itself: then two
/// arrays would look alike.
fn claim_text(claim: &serde_json::Value) -> Option<String> {
    let serde_json::Value::Array(items) = claim else {
        return plain_text(claim);
    };
    let items = items.iter().map(|item| {
        let text = plain_text(item);
        text.filter(|text| !text.contains(',') && text.trim() == text)
    });
    let items: Vec<String> = items.collect::<Option<_>>()?;
    (!items.is_empty()).then(|| items.join(","))
}

/// Of numbers only integers from -2^63 to 2^64 - 1 can be forwarded: all others were rounded when the
/// token was read, so that two of them may have become one.
fn plain_text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) if text.is_empty() => None,
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) if number.is_f64() => None,
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(value) => Some(value.to_string()),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests;
