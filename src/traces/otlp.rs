//! The messages of OTLP, as far as they are used here: `opentelemetry/proto/collector/trace/v1` and what it
//! imports, version 1 of the protocol.

use prost::Message;

use super::Traced;
use crate::gate::{CheckSpan, SpanStep, SpanSubject};
use crate::labels::Label;

/// The kinds of spans: one that answers a remote caller, and one within a process.
const SERVER: i32 = 2;
const INTERNAL: i32 = 1;

/// The status of a span whose check we could not carry out.
const ERROR: i32 = 2;

/// In the flags of a span: it is known whether its parent is in another process, and it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// The methods that are values of `http.request.method`; others are `_OTHER` there.
const METHODS: [&str; 10] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
];

#[derive(Clone, PartialEq, Message)]
struct ExportTraceServiceRequest {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<InstrumentationScope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct InstrumentationScope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[expect(clippy::struct_field_names, reason = "the names are the protocol's")]
#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    trace_state: String,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

/// What a collector answers.
#[derive(Clone, PartialEq, Message)]
struct ExportTraceServiceResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
}

/// What all messages of a process have in common.
#[derive(Debug)]
pub(super) struct Envelope {
    resource: Resource,
}

impl Envelope {
    pub(super) fn new(service_name: &str) -> Self {
        let attributes = vec![
            text("service.name", service_name),
            text("service.version", env!("CARGO_PKG_VERSION")),
        ];
        Self {
            resource: Resource { attributes },
        }
    }

    /// A message with these spans and those of their steps.
    pub(super) fn message(&self, traced: &[Traced]) -> (Vec<u8>, u64) {
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let spans = traced.iter().flat_map(|traced| {
            let steps = traced.span.steps.iter();
            let steps = steps.zip(1..).map(|(step, nth)| child(traced, *step, nth));
            std::iter::once(span(traced)).chain(steps)
        });
        let spans: Vec<Span> = spans.collect();
        let count = spans.len() as u64;
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope),
                    spans,
                }],
            }],
        };
        (request.encode_to_vec(), count)
    }
}

/// How many spans a collector's answer says that it did not take; none where it is no collector's answer.
pub(super) fn rejected(answer: &[u8]) -> Option<u64> {
    let answer = ExportTraceServiceResponse::decode(answer).ok()?;
    let rejected = answer.partial_success.map(|partial| partial.rejected_spans);
    Some(rejected.map_or(0, |count| u64::try_from(count).unwrap_or(0)))
}

fn span(traced: &Traced) -> Span {
    let Traced {
        context,
        answered,
        span,
    } = traced;
    let is_remote = context.parent.map_or(0, |_| HAS_IS_REMOTE | IS_REMOTE);
    Span {
        trace_id: context.trace_id.to_vec(),
        span_id: context.span_id.to_vec(),
        trace_state: context.state.clone(),
        parent_span_id: context.parent.map(Vec::from).unwrap_or_default(),
        name: match &span.route {
            Some(route) => format!("check {route}"),
            None => "check".to_owned(),
        },
        kind: SERVER,
        start_time_unix_nano: began(traced),
        end_time_unix_nano: *answered,
        attributes: attributes(span),
        status: span
            .status
            .filter(|status| *status >= 500)
            .map(|_| Status { code: ERROR }),
        flags: u32::from(context.flags) | is_remote,
    }
}

/// The span of a step. Its id follows from that of its check, so that none has to be drawn.
fn child(traced: &Traced, step: SpanStep, nth: u64) -> Span {
    let context = &traced.context;
    let id = u64::from_be_bytes(context.span_id).wrapping_add(nth);
    let began = began(traced);
    Span {
        trace_id: context.trace_id.to_vec(),
        // Zero would mean that there is none.
        span_id: id.max(1).to_be_bytes().to_vec(),
        trace_state: context.state.clone(),
        parent_span_id: context.span_id.to_vec(),
        name: step.kind.label().to_owned(),
        kind: INTERNAL,
        start_time_unix_nano: began.saturating_add(nanos(step.from)),
        end_time_unix_nano: began.saturating_add(nanos(step.until)),
        attributes: Vec::new(),
        status: None,
        flags: u32::from(context.flags) | HAS_IS_REMOTE,
    }
}

fn began(traced: &Traced) -> u64 {
    traced.answered.saturating_sub(nanos(traced.span.latency))
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Under the names of the semantic conventions, where there are such.
fn attributes(span: &CheckSpan) -> Vec<KeyValue> {
    let known = |method: &&String| METHODS.contains(&method.as_str());
    let method = span.method.as_ref();
    let other = method.filter(|method| !known(method));
    let subject = span.subject.as_ref().map(|subject| match subject {
        SpanSubject::Digest(name) => text("enduser.pseudo.id", name),
        SpanSubject::Plain(name) => text("enduser.id", name),
    });
    let optional = |key, value: Option<&str>| value.map(|value| text(key, value));
    let told = [
        optional(
            "http.request.method",
            method.map(|method| if known(&method) { method } else { "_OTHER" }),
        ),
        optional("http.request.method_original", other.map(String::as_str)),
        optional("server.address", span.host.as_deref()),
        optional("url.path", span.path.as_deref()),
        optional("url.template", span.template.as_deref()),
        optional("http.route", span.route.as_deref()),
        span.status
            .map(|status| number("http.response.status_code", i64::from(status))),
        Some(text("portcullis.decision", span.decision)),
        Some(text("portcullis.reason", span.reason)),
        optional("portcullis.detail", span.detail),
        Some(text("portcullis.decision.id", &span.decision_id)),
        optional("portcullis.issuer.name", span.issuer.as_deref()),
        optional("portcullis.request.id", span.request_id.as_deref()),
        subject,
    ];
    told.into_iter().flatten().collect()
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::Text(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::Number(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
    }
}
