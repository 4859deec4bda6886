//! What each extractor takes, and what it answers for the rest.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

fn request(uri: &str, content_type: &str, body: &str) -> Request {
    let request = Request::post(uri).header(CONTENT_TYPE, content_type);
    request.body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn a_form_with_credentials_comes_in_the_body_alone() {
    // The URL; the content type; the body; what is wrong, or the value of `token`.
    let rows = [
        ("/a", FORM, "token=t", Ok("t")),
        ("/a", FORM, "token=%C3%A4", Ok("ä")),
        ("/a", FORM, "other=t", Ok("")),
        (
            "/a?token=t",
            FORM,
            "token=t",
            Err(EndpointError::ParametersInUrl),
        ),
        ("/a?", FORM, "token=t", Err(EndpointError::ParametersInUrl)),
        (
            "/a",
            "application/json",
            "{}",
            Err(EndpointError::ContentType(FORM)),
        ),
    ];
    for (uri, content_type, body, expected) in rows {
        let read = ClientForm::from_request(request(uri, content_type, body), &()).await;
        let token = read.map(|read| read.form.get("token").unwrap_or_default().to_owned());
        let expected = expected.map(str::to_owned);
        let shown =
            |result: Result<String, EndpointError>| result.map_err(|error| error.to_string());
        assert_eq!(shown(token), shown(expected), "{uri} {content_type} {body}");
    }
}

/// The head is kept: the credentials of an app may be in it.
#[tokio::test]
async fn a_form_with_credentials_brings_the_head() {
    let mut request = request("/a", FORM, "");
    let value = "Basic YTpi".parse().unwrap();
    request.headers_mut().insert("authorization", value);
    let read = ClientForm::from_request(request, &()).await;
    assert_eq!(read.ok().unwrap().headers["authorization"], "Basic YTpi");
}

#[tokio::test]
async fn a_body_that_may_be_absent_is_the_default() {
    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    struct Wanted {
        number: u8,
    }
    let empty = Request::post("/a").body(Body::empty()).unwrap();
    let read = OptionalJsonBody::<Wanted>::from_request(empty, &()).await;
    assert_eq!(read.ok().unwrap().0, Wanted::default());
    let body = request("/a", "application/json", "{\"number\": 3}");
    let read = OptionalJsonBody::<Wanted>::from_request(body, &()).await;
    assert_eq!(read.ok().unwrap().0, Wanted { number: 3 });
    let broken = request("/a", "application/json", "{\"number\": 300}");
    let read = OptionalJsonBody::<Wanted>::from_request(broken, &()).await;
    assert!(matches!(read, Err(EndpointError::Json(_))));
}

/// A private endpoint that nothing guards must not be served.
#[tokio::test]
async fn without_a_guard_there_is_no_caller() {
    let (mut parts, _) = request("/a", FORM, "").into_parts();
    let caller = Caller::from_request_parts(&mut parts, &()).await;
    assert!(matches!(caller, Err(EndpointError::Unguarded)));
}
