//! Bodies in and out: bounded, of one type, and never in axum's own words.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use http_body_util::LengthLimitError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::identity::Form;
use crate::issuer::endpoint_error::EndpointError;

/// Larger bodies are refused.
const MAX_BODY_BYTES: usize = 16 * 1024;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads the JSON of a request.
pub(in crate::issuer) async fn json<T: DeserializeOwned>(
    request: Request,
) -> Result<T, EndpointError> {
    let bytes = bytes(request, JSON).await?;
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    let read = if is_object {
        serde_json::from_slice(&bytes)
    } else {
        // serde would take the members from an array as well, by their order.
        not_an_object(&bytes)
    };
    // The message names the place, and of the body at most a member's name.
    read.map_err(|error| {
        let message = error.to_string();
        if message.starts_with("trailing comma") {
            EndpointError::TrailingComma(message)
        } else {
            EndpointError::Json(message)
        }
    })
}

fn not_an_object<T>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match serde_json::from_slice::<Map<String, Value>>(bytes) {
        Ok(_) => Err(serde::de::Error::custom("expected an object")),
        Err(error) => Err(error),
    }
}

/// Reads the JSON of a request that need not have a body.
pub(super) async fn json_if_any<T: DeserializeOwned + Default>(
    request: Request,
) -> Result<T, EndpointError> {
    if request.headers().contains_key(CONTENT_TYPE) {
        return json(request).await;
    }
    if read(request.into_body(), MAX_BODY_BYTES).await?.is_empty() {
        Ok(T::default())
    } else {
        Err(EndpointError::ContentType(JSON))
    }
}

/// Reads the form of a request (RFC 6749 section 3.2).
pub(in crate::issuer) async fn form(request: Request) -> Result<Form, EndpointError> {
    Ok(Form::parse(&bytes(request, FORM).await?)?)
}

async fn bytes(request: Request, expected: &'static str) -> Result<Bytes, EndpointError> {
    check_type(request.headers(), expected)?;
    read(request.into_body(), MAX_BODY_BYTES).await
}

/// Before it is read: a page of another site can send forms and plain text, but not JSON (Fetch standard,
/// CORS-safelisted request headers).
fn check_type(headers: &HeaderMap, expected: &'static str) -> Result<(), EndpointError> {
    if !is_type(headers, expected) {
        return Err(EndpointError::ContentType(expected));
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(EndpointError::ContentEncoding);
    }
    Ok(())
}

/// The same request with a body that has arrived, so that nothing is waited for any more.
pub(super) async fn arrived(request: Request) -> Result<Request, EndpointError> {
    arrived_within(request, MAX_BODY_BYTES).await
}

/// The same within another bound.
pub(super) async fn arrived_within(request: Request, max: usize) -> Result<Request, EndpointError> {
    let (parts, body) = request.into_parts();
    let body = read(body, max).await?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// The form of a request that has arrived within its bound.
pub(super) async fn arrived_form(headers: &HeaderMap, body: Body) -> Result<Form, EndpointError> {
    check_type(headers, FORM)?;
    Ok(Form::parse(&read(body, usize::MAX).await?)?)
}

/// The listener has a body fail that does not arrive in time (`issuer.body_timeout_ms`).
async fn read(body: Body, max: usize) -> Result<Bytes, EndpointError> {
    // Not even begun to be read, and whoever expects 100 (RFC 9110 section 10.1.1) does not send it.
    if body.size_hint().lower() > max as u64 {
        return Err(EndpointError::BodyTooLarge);
    }
    to_bytes(body, max).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        let too_large = source.is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
        if too_large {
            EndpointError::BodyTooLarge
        } else {
            EndpointError::BodyBroken
        }
    })
}

/// Whether there is one media type and it is this one, whatever its parameters.
fn is_type(headers: &HeaderMap, expected: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next();
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(expected))
}

/// An answer in JSON that nothing is wrong with.
pub(in crate::issuer) fn ok(content: &impl Serialize) -> Response {
    answer(StatusCode::OK, content)
}

/// The answer that shows what a request has made.
pub(in crate::issuer) fn created(content: &impl Serialize) -> Response {
    answer(StatusCode::CREATED, content)
}

/// An answer in JSON.
pub(in crate::issuer) fn answer(status: StatusCode, content: &impl Serialize) -> Response {
    match serde_json::to_string(content) {
        Ok(text) => (status, [(header::CONTENT_TYPE, JSON)], text).into_response(),
        // Nothing that is answered has maps with odd keys.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// The member `name` of a body of the content type, or the text of what is wrong with it.
    async fn read(content_type: &[&'static str], body: &str) -> Result<String, String> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Named {
            name: String,
        }
        let mut request = Request::new(Body::from(body.to_owned()));
        for value in content_type {
            let value = HeaderValue::from_static(value);
            request.headers_mut().append(CONTENT_TYPE, value);
        }
        let read = json::<Named>(request).await;
        read.map(|named| named.name)
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn json_is_an_object_of_the_known_members() {
        let good = Ok("a".to_owned());
        assert_eq!(read(&[JSON], " {\"name\": \"a\"}\n").await, good);
        for body in [
            "",
            "[\"a\"]",
            "\"a\"",
            "null",
            "{}",
            "{\"name\": 1}",
            "{\"name\": \"a\", \"other\": 1}",
            "{\"name\": \"a\"} {}",
            "{\"name\": \"a\", \"name\": \"b\"}",
        ] {
            let refused = read(&[JSON], body).await.unwrap_err();
            assert!(refused.starts_with("the JSON of the body"), "{body}");
        }
        let trailing = read(&[JSON], "{\"name\": \"a\",}").await.unwrap_err();
        assert!(trailing.contains("no comma before"), "{trailing}");
    }

    #[tokio::test]
    async fn one_content_type_with_any_parameters_is_read() {
        const BODY: &str = "{\"name\": \"a\"}";
        for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
            assert!(read(&[content_type], BODY).await.is_ok(), "{content_type}");
        }
        let refused = Err(EndpointError::ContentType(JSON).to_string());
        for content_types in [
            &[][..],
            &["text/plain"],
            &["application/jsonx"],
            &[JSON, JSON],
            &[FORM],
        ] {
            let read = read(content_types, BODY).await;
            assert_eq!(read, refused, "{content_types:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused_at_its_bound() {
        let of = |bytes: usize| Request::new(Body::from(vec![b' '; bytes]));
        assert!(arrived(of(MAX_BODY_BYTES)).await.is_ok());
        let refused = arrived(of(MAX_BODY_BYTES + 1)).await;
        assert!(matches!(refused, Err(EndpointError::BodyTooLarge)));
        // Of no known length: counted while it is read.
        let chunks = [vec![b' '; MAX_BODY_BYTES], vec![b' ']];
        let chunks = chunks.map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let refused = arrived(Request::new(body)).await;
        assert!(matches!(refused, Err(EndpointError::BodyTooLarge)));
    }

    #[tokio::test]
    async fn where_a_body_may_be_absent_one_without_a_type_is_refused() {
        let empty = json_if_any::<Map<String, Value>>(Request::new(Body::empty())).await;
        assert!(empty.unwrap().is_empty());
        let untyped = json_if_any::<Map<String, Value>>(Request::new(Body::from("{}"))).await;
        assert!(matches!(untyped, Err(EndpointError::ContentType(JSON))));
    }
}
