//! The client that asks a gate, and how its answers are read.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::google::protobuf::value::Kind;
use tonic::transport::Channel;

use crate::test_app::{Setup, TestApp};

/// The client of a running gate.
pub(super) struct Client {
    pub(super) gate: TestApp,
    pub(super) client: AuthorizationClient<Channel>,
}

impl Client {
    pub(super) async fn start() -> Self {
        Self::with(&Setup::default()).await
    }

    pub(super) async fn with(setup: &Setup) -> Self {
        let gate = TestApp::with(setup);
        let client = AuthorizationClient::connect(gate.authz_url())
            .await
            .unwrap();
        Self { gate, client }
    }

    /// Asks; a gRPC error fails the test, because a proxy could take it for an allow.
    pub(super) async fn ask(&mut self, request: CheckRequest) -> CheckResponse {
        let response = self.client.check(request).await;
        response
            .expect("a check never ends in a gRPC error")
            .into_inner()
    }

    pub(super) async fn http(&mut self, http: HttpRequest) -> CheckResponse {
        self.ask(check(http)).await
    }
}

pub(super) fn check(http: HttpRequest) -> CheckRequest {
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            ..AttributeContext::default()
        }),
    }
}

pub(super) fn get(path: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        host: "shop.example".to_owned(),
        ..HttpRequest::default()
    }
}

pub(super) fn with_token(path: &str, token: &str) -> HttpRequest {
    with_headers(get(path), &[("authorization", &format!("Bearer {token}"))])
}

pub(super) fn with_headers(mut http: HttpRequest, headers: &[(&str, &str)]) -> HttpRequest {
    for (name, value) in headers {
        http.headers.insert((*name).to_owned(), (*value).to_owned());
    }
    http
}

pub(super) fn with_raw_headers(mut http: HttpRequest, headers: &[(&str, &[u8])]) -> HttpRequest {
    let headers = headers.iter().map(|(name, value)| HeaderValue {
        key: (*name).to_owned(),
        value: String::new(),
        raw_value: value.to_vec(),
    });
    http.header_map = Some(HeaderMap {
        headers: headers.collect(),
    });
    http
}

pub(super) fn denied(response: &CheckResponse) -> &DeniedHttpResponse {
    assert_ne!(
        response.status.as_ref().unwrap().code,
        0,
        "code 0 is an allow"
    );
    match response.http_response.as_ref().unwrap() {
        HttpResponse::DeniedResponse(denied) => denied,
        other => panic!("not denied: {other:?}"),
    }
}

pub(super) fn status(response: &CheckResponse) -> i32 {
    denied(response).status.as_ref().unwrap().code
}

pub(super) fn allowed(response: &CheckResponse) -> &OkHttpResponse {
    assert_eq!(response.status.as_ref().map_or(0, |status| status.code), 0);
    match response.http_response.as_ref().unwrap() {
        HttpResponse::OkResponse(ok) => ok,
        other => panic!("not allowed: {other:?}"),
    }
}

pub(super) fn denied_header<'r>(response: &'r CheckResponse, name: &str) -> Option<&'r str> {
    let headers = denied(response)
        .headers
        .iter()
        .filter_map(|option| option.header.as_ref());
    let mut named = headers.filter(|header| header.key == name);
    named.next().map(|header| header.value.as_str())
}

pub(super) fn metadata(response: &CheckResponse) -> HashMap<&str, &str> {
    let fields = &response.dynamic_metadata.as_ref().unwrap().fields;
    let text = fields
        .iter()
        .map(|(key, value)| match value.kind.as_ref().unwrap() {
            Kind::StringValue(text) => (key.as_str(), text.as_str()),
            other => panic!("no text: {other:?}"),
        });
    text.collect()
}
