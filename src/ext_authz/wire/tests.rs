//! Held against envoy-types, and against what real Envoys sent (`tests/fixtures/`).

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use prost::Message;

use super::{HeaderForm, HeaderVisitor, HttpAttributes, WireError, read_check_request};

type Header = (Vec<u8>, Vec<u8>);

#[derive(Debug, Default, PartialEq)]
struct Headers {
    merged: Vec<Header>,
    listed: Vec<Header>,
}

impl<'a> HeaderVisitor<'a> for Headers {
    fn header(&mut self, form: HeaderForm, name: &'a [u8], value: &'a [u8]) {
        let header = (name.to_vec(), value.to_vec());
        match form {
            HeaderForm::Merged => self.merged.push(header),
            HeaderForm::Listed => self.listed.push(header),
        }
    }
}

fn read(message: &[u8]) -> Result<(HttpAttributes<'_>, Headers), WireError> {
    let mut headers = Headers::default();
    let attributes = read_check_request(message, &mut headers)?;
    headers.merged.sort();
    Ok((attributes, headers))
}

/// What is read in place is what envoy-types decodes.
fn assert_read_alike(message: &[u8]) -> HttpRequest {
    let decoded = CheckRequest::decode(message).unwrap();
    let http = decoded.attributes.unwrap().request.unwrap().http.unwrap();
    let (attributes, headers) = read(message).unwrap();
    assert_eq!(attributes.method, http.method.as_bytes());
    assert_eq!(attributes.path, http.path.as_bytes());
    assert_eq!(attributes.host, http.host.as_bytes());
    assert_eq!(attributes.query, http.query.as_bytes());
    assert_eq!(attributes.fragment, http.fragment.as_bytes());
    let merged = http.headers.iter();
    let mut merged: Vec<Header> = merged
        .map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes()))
        .collect();
    merged.sort();
    assert_eq!(headers.merged, merged);
    let listed = http.header_map.iter().flat_map(|map| &map.headers);
    let listed: Vec<Header> = listed
        .map(|header| {
            let value = match header.raw_value.as_slice() {
                [] => header.value.as_bytes(),
                raw => raw,
            };
            (header.key.clone().into_bytes(), value.to_vec())
        })
        .collect();
    assert_eq!(headers.listed, listed);
    http
}

const RAW: &[u8] = include_bytes!("../../../tests/fixtures/check_envoy_1.40.0_raw_headers.bin");
const MERGED: &[u8] =
    include_bytes!("../../../tests/fixtures/check_envoy_1.40.0_merged_headers.bin");
const RAW_OLD: &[u8] =
    include_bytes!("../../../tests/fixtures/check_envoy_1.36.4_raw_headers_http2.bin");
const MERGED_OLD: &[u8] =
    include_bytes!("../../../tests/fixtures/check_envoy_1.36.4_merged_headers_http2.bin");

#[test]
fn what_envoy_sent_is_read() {
    for (message, form) in [
        (RAW, HeaderForm::Listed),
        (RAW_OLD, HeaderForm::Listed),
        (MERGED, HeaderForm::Merged),
        (MERGED_OLD, HeaderForm::Merged),
    ] {
        let http = assert_read_alike(message);
        assert_eq!(http.path, "/orders/1?as=/products/1");
        let (_, headers) = read(message).unwrap();
        let (used, unused) = match form {
            HeaderForm::Listed => (headers.listed, headers.merged),
            HeaderForm::Merged => (headers.merged, headers.listed),
        };
        assert_eq!(unused, []);
        let is_path = |(name, value): &&Header| name == b":path" && *value == http.path.as_bytes();
        assert_eq!(used.iter().filter(is_path).count(), 1);
        let posing = used.iter().filter(|(name, _)| name == b"x-auth-subject");
        let lines = if form == HeaderForm::Listed { 4 } else { 1 };
        assert_eq!(
            posing.count(),
            lines,
            "every line is seen where headers are listed"
        );
    }
}

#[test]
fn every_shorter_message_is_refused() {
    for message in [RAW, MERGED, RAW_OLD, MERGED_OLD] {
        for length in 0..message.len() {
            read(&message[..length]).unwrap_err();
        }
    }
}

/// A length-delimited field of a message.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encode_length_delimiter(value.len(), &mut bytes).unwrap();
    bytes.extend_from_slice(value);
    bytes
}

/// A `CheckRequest` around these fields of `HttpRequest`.
fn around(http: &[u8]) -> Vec<u8> {
    field(1, &field(4, &field(2, http)))
}

#[test]
fn a_field_that_must_stand_once_may_not_stand_twice() {
    let good = [field(2, b"GET"), field(4, b"/a"), field(5, b"h")].concat();
    assert!(read(&around(&good)).is_ok());
    for number in [2, 4, 5, 7, 8] {
        let twice = [field(number, b"a"), good.clone(), field(number, b"a")].concat();
        assert_eq!(read(&around(&twice)).unwrap_err(), WireError::RepeatedField);
    }
    let http = field(2, &good);
    for twice in [
        [around(&good), around(&good)].concat(),
        field(1, &[field(4, &http), field(4, &http)].concat()),
        field(1, &field(4, &[http.clone(), http].concat())),
    ] {
        assert_eq!(read(&twice).unwrap_err(), WireError::RepeatedField);
    }
}

#[test]
fn a_message_without_http_attributes_is_refused() {
    for message in [
        vec![],
        field(1, b""),
        field(1, &field(4, b"")),
        field(2, b""),
    ] {
        assert_eq!(read(&message).unwrap_err(), WireError::NoHttpAttributes);
    }
}

#[test]
fn what_is_not_protobuf_is_refused() {
    for junk in [
        &b"\x0b\x0c"[..],                                    // a group
        b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", // a length without end
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",     // a length of 2^64 - 1
        b"\x02\x00",                                         // field number 0
        b"\x0f",                                             // wire type 7
    ] {
        assert_eq!(read(junk).unwrap_err(), WireError::NotProtobuf, "{junk:?}");
    }
}

/// Fields that no release has, of each wire type.
const UNKNOWN: &[u8] = b"\xf8\x07\x96\x01\xf9\x07abcdefgh\xfa\x07\x03abc\xfd\x07abcd";

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..20)
}

prop_compose! {
    fn http_request()(
        texts in vec(any::<String>(), 8),
        headers in hash_map(any::<String>(), any::<String>(), 0..6),
        listed in proptest::option::of(vec((any::<String>(), any::<String>(), bytes()), 0..6)),
        raw_body in bytes(),
        size in any::<i64>(),
    ) -> HttpRequest {
        let header_map = listed.map(|listed| HeaderMap {
            headers: listed
                .into_iter()
                .map(|(key, value, raw_value)| HeaderValue { key, value, raw_value })
                .collect(),
        });
        let [id, method, path, host, scheme, query, fragment, body] = texts.try_into().unwrap();
        HttpRequest {
            id, method, headers, header_map, path, host, scheme, query, fragment, size, body,
            raw_body, protocol: "HTTP/1.1".to_owned(),
        }
    }
}

fn encode(http: HttpRequest) -> Vec<u8> {
    let request = Request {
        http: Some(http),
        ..Request::default()
    };
    let attributes = AttributeContext {
        request: Some(request),
        ..AttributeContext::default()
    };
    CheckRequest {
        attributes: Some(attributes),
    }
    .encode_to_vec()
}

proptest! {
    #[test]
    fn what_envoy_types_writes_is_read_back(http in http_request()) {
        assert_read_alike(&encode(http));
    }

    #[test]
    fn unknown_fields_change_nothing(http in http_request()) {
        let http = http.encode_to_vec();
        let within = [UNKNOWN, &field(2, &[UNKNOWN, &http, UNKNOWN].concat()), UNKNOWN].concat();
        let message = [UNKNOWN, &field(1, &[UNKNOWN, &field(4, &within), UNKNOWN].concat())].concat();
        let plain = around(&http);
        let (attributes, headers) = read(&message).unwrap();
        let (expected, expected_headers) = read(&plain).unwrap();
        prop_assert_eq!(attributes.path, expected.path);
        prop_assert_eq!(attributes.method, expected.method);
        prop_assert_eq!(headers, expected_headers);
    }

    #[test]
    fn any_bytes_are_read_or_refused(message in vec(any::<u8>(), 0..200)) {
        let _ = read(&message);
        let _ = read(&around(&message));
    }

    #[test]
    fn a_changed_byte_is_read_or_refused(at in 0..RAW.len(), byte in any::<u8>()) {
        let mut message = RAW.to_vec();
        message[at] = byte;
        let _ = read(&message);
    }
}
