//! The measured `CheckRequest`, field for field as Envoy 1.40 sends it.

use std::collections::HashMap;

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use envoy_types::pb::google::protobuf::Timestamp;
use prost::Message;

use crate::fixture::TOKEN_BYTES;

/// Needs a scope.
const SCOPED_PATH: &str = "/orders/8c1d7b3e?expand=lines&currency=EUR";

/// In which of its two forms the headers are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderForm {
    /// A list of raw bytes: `encode_raw_headers: true`, as in `config/envoy.yaml`.
    Listed,
    /// A map of strings: Envoy's default.
    Merged,
}

/// An encoded check whose token can be replaced by another of the same length.
pub(crate) struct Template {
    message: Vec<u8>,
    token_at: Option<usize>,
}

impl Template {
    /// The check of a request that needs a scope.
    pub(crate) fn with_token(form: HeaderForm) -> Self {
        let placeholder = "~".repeat(TOKEN_BYTES);
        let message = check(form, SCOPED_PATH, Some(&placeholder));
        let found = message
            .windows(TOKEN_BYTES)
            .position(|part| part == placeholder.as_bytes());
        Self {
            token_at: Some(found.unwrap()),
            message,
        }
    }

    /// The check of a request to a public route.
    pub(crate) fn without_token(form: HeaderForm) -> Self {
        Self {
            message: check(form, "/products/8c1d7b3e?currency=EUR&page=2", None),
            token_at: None,
        }
    }

    /// The message with this token.
    pub(crate) fn message(&self, token: &str) -> Bytes {
        let mut message = self.message.clone();
        if let Some(start) = self.token_at {
            message[start..start + TOKEN_BYTES].copy_from_slice(token.as_bytes());
        }
        Bytes::from(message)
    }
}

/// The check of a request that needs a scope, with a token of any length.
pub(crate) fn with_token(token: &str) -> Bytes {
    check(HeaderForm::Listed, SCOPED_PATH, Some(token)).into()
}

/// The check of a request for what the path says belongs to this user.
pub(crate) fn for_user(user: &str, token: &str) -> Bytes {
    let path = format!("/orders/{user}?expand=lines&currency=EUR");
    check(HeaderForm::Listed, &path, Some(token)).into()
}

fn check(form: HeaderForm, path: &str, token: Option<&str>) -> Vec<u8> {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let credential = bearer.as_deref().map(|value| ("authorization", value));
    let headers: Vec<_> = headers(path).into_iter().chain(credential).collect();
    let mut http = HttpRequest {
        id: "9315671239078560211".to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        host: "api.shop.example".to_owned(),
        scheme: "https".to_owned(),
        protocol: "HTTP/2".to_owned(),
        ..HttpRequest::default()
    };
    let owned = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    match form {
        HeaderForm::Merged => http.headers = owned.collect::<HashMap<_, _>>(),
        HeaderForm::Listed => {
            let headers = owned.map(|(key, value)| core::HeaderValue {
                key,
                raw_value: value.into_bytes(),
                ..core::HeaderValue::default()
            });
            http.header_map = Some(core::HeaderMap {
                headers: headers.collect(),
            });
        }
    }
    CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(peer("10.1.24.17", 51_344)),
            destination: Some(peer("10.1.9.203", 8443)),
            request: Some(Request {
                time: Some(Timestamp {
                    seconds: 1_785_600_000,
                    nanos: 482_113_000,
                }),
                http: Some(http),
            }),
            metadata_context: Some(core::Metadata::default()),
            route_metadata_context: Some(core::Metadata::default()),
            ..AttributeContext::default()
        }),
    }
    .encode_to_vec()
}

fn headers(path: &str) -> Vec<(&'static str, &str)> {
    vec![
        (":authority", "api.shop.example"),
        (":path", path),
        (":method", "GET"),
        (":scheme", "https"),
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
        ("accept", "application/json, text/plain, */*"),
        ("accept-language", "en-GB,en;q=0.7,de;q=0.3"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("origin", "https://www.shop.example"),
        ("referer", "https://www.shop.example/orders"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-site", "same-site"),
        ("cache-control", "no-cache"),
        ("x-forwarded-for", "203.0.113.77"),
        ("x-forwarded-proto", "https"),
        ("x-envoy-external-address", "203.0.113.77"),
        ("x-request-id", "5c2d7a3e-4f1b-9c8a-b6d0-3e9f7a1c2b4d"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ]
}

fn peer(address: &str, port: u32) -> Peer {
    let socket = core::SocketAddress {
        address: address.to_owned(),
        port_specifier: Some(core::socket_address::PortSpecifier::PortValue(port)),
        ..core::SocketAddress::default()
    };
    let address = core::address::Address::SocketAddress(socket);
    Peer {
        address: Some(core::Address {
            address: Some(address),
        }),
        ..Peer::default()
    }
}
