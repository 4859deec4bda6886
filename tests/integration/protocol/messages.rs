//! Messages that no proxy should send.

use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use tonic::transport::Channel;

use super::client::{
    Client, allowed, denied, get, metadata, status, with_headers, with_raw_headers, with_token,
};
use crate::test_app::{Setup, TestApp};

#[tokio::test]
async fn messages_without_http_attributes_are_refused() {
    let mut client = Client::start().await;
    let without_http = CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request::default()),
            ..AttributeContext::default()
        }),
    };
    let without_request = CheckRequest {
        attributes: Some(AttributeContext::default()),
    };
    for request in [CheckRequest::default(), without_request, without_http] {
        let response = client.ask(request).await;
        assert_eq!(status(&response), 400);
        assert_eq!(metadata(&response)["detail"], "no_http_attributes");
    }
    let response = client.http(HttpRequest::default()).await;
    assert_eq!(status(&response), 400, "an empty method is no method");
}

#[tokio::test]
#[expect(clippy::type_complexity, reason = "a table")]
async fn raw_headers_are_read_and_repeated_credentials_are_seen() {
    let mut client = Client::start().await;
    let token = client.gate.issuer.token("alice", "orders.read");
    let bearer = format!("Bearer {token}").into_bytes();
    let one = with_raw_headers(get("/orders/1"), &[("authorization", &bearer)]);
    allowed(&client.http(one).await);
    let rows: &[(&[(&str, &[u8])], i32)] = &[
        (
            &[("authorization", &bearer), ("authorization", &bearer)],
            400,
        ),
        (
            &[("Authorization", &bearer), ("authorization", b"Basic YTpi")],
            400,
        ),
        (&[("authorization", b"Bearer \x80\xff")], 401),
        (&[("x-other", b"\x80\xff"), ("authorization", &bearer)], 0),
        (&[("x-other", b"a\0b"), ("authorization", &bearer)], 400),
        (
            &[("x-other", b"a\r\nx: y"), ("authorization", &bearer)],
            400,
        ),
    ];
    for (headers, expected) in rows {
        let response = client
            .http(with_raw_headers(get("/orders/1"), headers))
            .await;
        if *expected == 0 {
            allowed(&response);
        } else {
            assert_eq!(status(&response), *expected, "{headers:?}");
        }
    }
    let both = with_headers(
        with_raw_headers(get("/orders/1"), &[("authorization", &bearer)]),
        &[("authorization", "Bearer other.token.here")],
    );
    let response = client.http(both).await;
    assert_eq!(metadata(&response)["detail"], "headers_at_odds");
}

#[tokio::test]
async fn query_and_fragment_must_agree_with_the_path() {
    let mut client = Client::start().await;
    let mut agreeing = get("/products/1?a=b");
    agreeing.query = "a=b".to_owned();
    allowed(&client.http(agreeing).await);
    let mut other_query = get("/products/1?a=b");
    other_query.query = "a=c".to_owned();
    assert_eq!(status(&client.http(other_query).await), 400);
    let mut fragment = get("/products/1");
    fragment.fragment = "x".to_owned();
    assert_eq!(status(&client.http(fragment).await), 400);
}

/// Envoy's transcoder would run the verb of what is before it.
#[tokio::test]
async fn a_verb_with_nothing_before_it_is_malformed() {
    let mut client = Client::start().await;
    for path in ["/products/:buy", "/products/%3Abuy", "/products/1/:buy"] {
        let response = client.http(get(path)).await;
        assert_eq!(status(&response), 400, "{path}");
        assert_eq!(metadata(&response)["detail"], "path_bare_verb", "{path}");
    }
}

#[tokio::test]
async fn what_is_megabytes_large_is_refused_and_the_gate_goes_on() {
    let setup = Setup {
        authz_extra: ", max_message_bytes: 65536".to_owned(),
        ..Setup::default()
    };
    let mut client = Client::with(&setup).await;
    let long = "a".repeat(1 << 20);
    for http in [
        get(&format!("/products/{long}")),
        with_headers(get("/products/1"), &[("x-long", &long)]),
        with_token("/orders/1", &long),
        HttpRequest {
            body: long.clone(),
            ..get("/products/1")
        },
    ] {
        let response = client.http(http).await;
        assert_eq!(status(&response), 400);
        assert_eq!(metadata(&response)["reason"], "oversized_check");
        let body = &denied(&response).body;
        assert!(
            body.contains("the request is too large to be checked"),
            "{body}"
        );
    }
    allowed(&client.http(get("/products/1")).await);
    let mut roomy = Client::start().await;
    assert_eq!(
        status(&roomy.http(get(&format!("/products/{long}"))).await),
        400
    );
    assert_eq!(
        status(&roomy.http(with_token("/orders/1", &long)).await),
        401
    );
    let many: Vec<(String, String)> = (0..5000)
        .map(|n| (format!("x-{n}"), n.to_string()))
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    allowed(&roomy.http(with_headers(get("/products/1"), &many)).await);
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused() {
    // Through a raw codec, since no client of the protocol could send them.
    let gate = TestApp::start();
    let channel = Channel::from_shared(gate.authz_url())
        .unwrap()
        .connect()
        .await
        .unwrap();
    for message in [
        &b"\xff\xff\xff"[..],
        b"\x0a\x05\x01",
        b"\x0b",
        b"\x0a\x00\x0a\x00",
    ] {
        let mut grpc = tonic::client::Grpc::new(channel.clone());
        grpc.ready().await.unwrap();
        let path =
            http::uri::PathAndQuery::from_static("/envoy.service.auth.v3.Authorization/Check");
        let request = tonic::Request::new(bytes::Bytes::copy_from_slice(message));
        let response = grpc.unary(request, path, RawCodec).await;
        let response: CheckResponse = response.unwrap().into_inner();
        assert_eq!(status(&response), 400, "{message:?}");
    }
}

/// Sends bytes as they are, reads answers as usual.
struct RawCodec;

impl tonic::codec::Codec for RawCodec {
    type Encode = bytes::Bytes;
    type Decode = CheckResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl tonic::codec::Encoder for RawCodec {
    type Item = bytes::Bytes;
    type Error = tonic::Status;

    fn encode(
        &mut self,
        item: bytes::Bytes,
        buffer: &mut tonic::codec::EncodeBuf<'_>,
    ) -> Result<(), tonic::Status> {
        bytes::BufMut::put(buffer, item);
        Ok(())
    }
}

impl tonic::codec::Decoder for RawCodec {
    type Item = CheckResponse;
    type Error = tonic::Status;

    fn decode(
        &mut self,
        buffer: &mut tonic::codec::DecodeBuf<'_>,
    ) -> Result<Option<CheckResponse>, tonic::Status> {
        let message = prost::Message::decode(buffer);
        message
            .map(Some)
            .map_err(|error| tonic::Status::internal(error.to_string()))
    }
}
