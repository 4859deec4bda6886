//! A collector of spans on loopback. It reads messages by the descriptors that OpenTelemetry publishes, not
//! by what the gate knows of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage, Value as Field};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::jwks_server::Pki;

/// Far more than any step takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_mins(1);

const REQUEST: &str = "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest";
const GRPC_PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// `src/proto/tonic/descriptors.bin` of the crate opentelemetry-proto 0.33.1 (Apache-2.0).
static DESCRIPTORS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let bytes = include_bytes!("../fixtures/otlp_descriptors.bin");
    DescriptorPool::decode(bytes.as_slice()).unwrap()
});

/// What a collector does with spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answering {
    Takes,
    /// Takes all but one of a message.
    RejectsOne,
    /// For the client's fault: another try cannot help.
    Refuses,
    /// For its own: the next try may help. It tells of each as if it were a span.
    IsBusy,
    /// Reads, and never answers.
    Hangs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Http,
}

/// The running collector; it ends when dropped.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    protocol: Protocol,
    answering: Arc<Mutex<Answering>>,
    received: UnboundedReceiver<Value>,
    is_encrypted: bool,
    task: JoinHandle<()>,
}

/// What the connections of a collector share.
#[derive(Clone)]
struct Shared {
    protocol: Protocol,
    answering: Arc<Mutex<Answering>>,
    sender: UnboundedSender<Value>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Collector {
    pub(crate) async fn start(protocol: Protocol, answering: Answering) -> Self {
        Self::start_with(protocol, answering, None).await
    }

    /// One that takes spans over TLS.
    pub(crate) async fn start_tls(protocol: Protocol, pki: &Pki) -> Self {
        let spoken: &[&[u8]] = match protocol {
            Protocol::Grpc => &[b"h2"],
            Protocol::Http => &[b"http/1.1"],
        };
        let acceptor = pki.acceptor(spoken);
        Self::start_with(protocol, Answering::Takes, Some(acceptor)).await
    }

    async fn start_with(
        protocol: Protocol,
        answering: Answering,
        acceptor: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = unbounded_channel();
        let answering = Arc::new(Mutex::new(answering));
        let is_encrypted = acceptor.is_some();
        let shared = Shared {
            protocol,
            answering: Arc::clone(&answering),
            sender,
        };
        let task = tokio::spawn(serve(listener, acceptor, shared));
        Self {
            address,
            protocol,
            answering,
            received,
            is_encrypted,
            task,
        }
    }

    /// The section of a gate's configuration that sends spans here; `more` are further flow entries with a comma
    /// in front.
    pub(crate) fn section(&self, more: &str) -> String {
        let protocol = match self.protocol {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        };
        let address = self.address;
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("traces: {{endpoint: \"{scheme}://{address}\", protocol: {protocol}{more}}}")
    }

    /// From now on it does this.
    pub(crate) fn answers(&self, answering: Answering) {
        *self.answering.lock().unwrap() = answering;
    }

    /// The next span that was received, with the attributes of its resource under `resource`.
    pub(crate) async fn span(&mut self) -> Value {
        let span = tokio::time::timeout(PATIENCE, self.received.recv()).await;
        span.expect("no span in time").unwrap()
    }

    /// The next `count` spans.
    pub(crate) async fn spans(&mut self, count: usize) -> Vec<Value> {
        let mut spans = Vec::new();
        while spans.len() < count {
            spans.push(self.span().await);
        }
        spans
    }
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Shared) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            match acceptor {
                None => serve_connection(stream, shared).await,
                // Who does not trust it goes away.
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve_connection(stream, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    shared: Shared,
) {
    let protocol = shared.protocol;
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(answer(request, &shared).await) }
    });
    let stream = TokioIo::new(stream);
    // Its client may go away at any time.
    let _ = match protocol {
        Protocol::Grpc => {
            let server = http2::Builder::new(TokioExecutor::new());
            server.serve_connection(stream, service).await
        }
        Protocol::Http => {
            let server = http1::Builder::new();
            server.serve_connection(stream, service).await
        }
    };
}

async fn answer(
    request: Request<Incoming>,
    shared: &Shared,
) -> Response<BoxBody<Bytes, Infallible>> {
    let Shared {
        protocol, sender, ..
    } = shared;
    let protocol = *protocol;
    assert_eq!(request.method(), "POST");
    let (path, content_type) = match protocol {
        Protocol::Grpc => (GRPC_PATH, "application/grpc"),
        Protocol::Http => ("/v1/traces", "application/x-protobuf"),
    };
    assert_eq!(request.uri().path(), path);
    assert_eq!(request.headers()["content-type"], content_type);
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let message = match protocol {
        Protocol::Grpc => {
            let (prefix, message) = body.split_at(5);
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            assert_eq!(prefix, [&[0], length.as_slice()].concat());
            message
        }
        Protocol::Http => &body,
    };
    let answering = *shared.answering.lock().unwrap();
    match answering {
        Answering::Hangs => std::future::pending().await,
        Answering::Takes | Answering::RejectsOne => {
            for span in spans(message) {
                let _ = sender.send(span);
            }
        }
        Answering::IsBusy => {
            let _ = sender.send(json!("busy"));
        }
        Answering::Refuses => {}
    }
    match protocol {
        Protocol::Grpc => grpc(answering),
        Protocol::Http => http(answering),
    }
}

/// `partial_success` with one rejected span.
const REJECTED_ONE: &[u8] = &[0x0a, 0x02, 0x08, 0x01];

fn message(answering: Answering) -> &'static [u8] {
    match answering {
        Answering::RejectsOne => REJECTED_ONE,
        _ => &[],
    }
}

fn grpc(answering: Answering) -> Response<BoxBody<Bytes, Infallible>> {
    let status = match answering {
        Answering::Refuses => "3",
        Answering::IsBusy => "14",
        _ => "0",
    };
    let message = message(answering);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let data = [&[0], length.as_slice(), message].concat();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let frames = [Frame::data(Bytes::from(data)), Frame::trailers(trailers)];
    let stream = tokio_stream::iter(frames.map(Ok));
    let mut response = Response::new(StreamBody::new(stream).boxed());
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", content_type);
    response
}

fn http(answering: Answering) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::new(Bytes::from_static(message(answering))).boxed());
    *response.status_mut() = match answering {
        Answering::Refuses => http::StatusCode::BAD_REQUEST,
        Answering::IsBusy => http::StatusCode::SERVICE_UNAVAILABLE,
        _ => http::StatusCode::OK,
    };
    response
}

/// The spans of a message, as JSON.
fn spans(message: &[u8]) -> Vec<Value> {
    let descriptor = DESCRIPTORS.get_message_by_name(REQUEST).unwrap();
    let request = DynamicMessage::decode(descriptor, message).unwrap();
    // What it does not know would be a field with a wrong number.
    assert_eq!(request.unknown_fields().count(), 0);
    let request = object(&request);
    let mut spans = Vec::new();
    for of_resource in request["resource_spans"].as_array().unwrap() {
        let resource = attributes(&of_resource["resource"]);
        for of_scope in of_resource["scope_spans"].as_array().unwrap() {
            for span in of_scope["spans"].as_array().unwrap() {
                let mut span = span.clone();
                span["attributes"] = attributes(&span);
                span["resource"] = resource.clone();
                spans.push(span);
            }
        }
    }
    spans
}

/// A list of keys and values as an object.
fn attributes(of: &Value) -> Value {
    let list = of["attributes"].as_array().cloned().unwrap_or_default();
    let pairs = list.iter().map(|pair| {
        let value = pair["value"].as_object().unwrap().values().next().unwrap();
        (pair["key"].as_str().unwrap().to_owned(), value.clone())
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn object(message: &DynamicMessage) -> Value {
    assert_eq!(message.unknown_fields().count(), 0);
    let fields = message.fields();
    let fields = fields.map(|(field, value)| (field.name().to_owned(), plain(value)));
    let mut object: Map<String, Value> = fields.collect();
    if message.descriptor().name() == "Span" {
        object.entry("parent_span_id").or_insert(json!(""));
    }
    Value::Object(object)
}

/// Bytes as hex digits, numbers as numbers.
fn plain(field: &Field) -> Value {
    match field {
        Field::Bool(value) => json!(value),
        Field::I32(value) | Field::EnumNumber(value) => json!(value),
        Field::I64(value) => json!(value),
        Field::U32(value) => json!(value),
        Field::U64(value) => json!(value),
        Field::String(value) => json!(value),
        Field::Bytes(value) => json!(portcullis::coding::hex(value)),
        Field::Message(message) => object(message),
        Field::List(list) => Value::Array(list.iter().map(plain).collect()),
        other => panic!("no such field in a span: {other:?}"),
    }
}
