use super::*;
use crate::identity::samples;

const CHALLENGE: &str = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SHOP: &str = "https://shop.example/cb";
const ISSUER: &str = "https://id.example";

fn app(redirect_uris: &[&str]) -> App {
    let uris = redirect_uris.iter();
    App {
        key: AppKey::known("key"),
        redirect_uris: uris.map(|uri| RedirectUri::parse(uri).unwrap()).collect(),
        ..samples::app("alice")
    }
}

fn verify(query: &str, app: &App) -> Result<AuthorizeRequest, AuthorizeRequestError> {
    UnverifiedRequest::parse(query)
        .map_err(AuthorizeRequestError::Unanswerable)?
        .verify(app, &["https://a.example/", "urn:x:b"])
}

fn good(rest: &str) -> String {
    format!("client_id=key&response_type=code&{CHALLENGE}&code_challenge_method=S256{rest}")
}

#[test]
fn without_a_proven_address_nobody_is_answered() {
    use UnanswerableError::{BadRedirectUri, Damaged, NoClient, UnknownClient};
    let one = app(&[SHOP]);
    let two = app(&[SHOP, "http://127.0.0.1/cb"]);
    let none = app(&[]);
    let long = good(&format!("&state={}", "x".repeat(MAX_QUERY_BYTES)));
    let rows = [
        (&one, String::new(), NoClient),
        (&one, "client_id=&response_type=code".to_owned(), NoClient),
        (&one, good("&client_id=key"), NoClient),
        (&one, good("&client_id=other"), NoClient),
        (&one, good("").replace("=key", "=Key"), UnknownClient),
        (&one, good("&x=%zz"), Damaged),
        (&one, good("&state=%00"), Damaged),
        (&one, good("&state=%ff"), Damaged),
        (&one, long, Damaged),
        (
            &one,
            good("&redirect_uri=https://evil.example/"),
            BadRedirectUri,
        ),
        (
            &one,
            good(&format!("&redirect_uri={SHOP}&redirect_uri={SHOP}")),
            BadRedirectUri,
        ),
        (&two, good(""), BadRedirectUri),
        (&two, good("&redirect_uri="), BadRedirectUri),
        (&none, good(""), BadRedirectUri),
        (
            &none,
            good(&format!("&redirect_uri={SHOP}")),
            BadRedirectUri,
        ),
    ];
    for (app, query, expected) in rows {
        let fault = verify(&query, app);
        assert_eq!(
            fault,
            Err(AuthorizeRequestError::Unanswerable(expected)),
            "{query}"
        );
    }
}

#[test]
fn other_faults_are_told_to_the_app() {
    let rows = [
        (good("&scope=a&scope=a"), "invalid_request"),
        (good("&response_type=code"), "invalid_request"),
        (
            good("").replace("response_type=code&", ""),
            "invalid_request",
        ),
        (
            good("").replace("=code", "=token"),
            "unsupported_response_type",
        ),
        (
            good("").replace("=code", "=code+token"),
            "unsupported_response_type",
        ),
        (good("&response_mode=fragment"), "invalid_request"),
        (good("").replace(CHALLENGE, ""), "invalid_request"),
        (good("").replace("S256", "plain"), "invalid_request"),
        (
            good("").replace("&code_challenge_method=S256", ""),
            "invalid_request",
        ),
        (good("").replace("-cM", ""), "invalid_request"),
        (good("&scope=%22"), "invalid_scope"),
        (good("&resource=https://b.example/"), "invalid_target"),
        (good("&resource=urn:x:b&resource=c"), "invalid_target"),
    ];
    for (query, code) in rows {
        let query = format!("{query}&state=a%26b");
        let Err(AuthorizeRequestError::Answerable(back, error)) = verify(&query, &app(&[SHOP]))
        else {
            panic!("{query}");
        };
        assert_eq!(error.code(), code, "{query}");
        let location = back.with_error(error, ISSUER);
        let start = format!("{SHOP}?error={code}&error_description=");
        assert!(location.starts_with(&start), "{location}");
        assert!(
            location.ends_with("&state=a%26b&iss=https%3A%2F%2Fid.example"),
            "{location}"
        );
        let plain = |byte: u8| (0x20..0x7f).contains(&byte) && !b"\"\\".contains(&byte);
        assert!(error.to_string().bytes().all(plain), "{error}");
    }
    // Which state would be the app's?
    let repeated = verify(&good("&state=a&state=b"), &app(&[SHOP]));
    let Err(AuthorizeRequestError::Answerable(back, error)) = repeated else {
        panic!("{repeated:?}");
    };
    assert!(!back.with_error(error, ISSUER).contains("state="));
}

#[test]
fn a_request_reads_as_itself_again() {
    let one = app(&[SHOP]);
    let two = app(&[SHOP, "http://127.0.0.1/cb"]);
    let rows = [
        (&one, good(""), SHOP, None),
        (
            &one,
            good("&response_mode=query&nonce=1&nonce=2&scope=&state="),
            SHOP,
            None,
        ),
        (
            &one,
            good(&format!("&redirect_uri={SHOP}&scope=a+b")),
            SHOP,
            Some(SHOP),
        ),
        (
            &one,
            good("&resource=urn:x:b&resource=https://a.example/"),
            SHOP,
            None,
        ),
        (
            &two,
            good("&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2Fcb&state=%22%3E%0D%0A%C3%A4"),
            "http://127.0.0.1:4711/cb",
            Some("http://127.0.0.1:4711/cb"),
        ),
    ];
    for (app, query, uri, asked) in rows {
        let request = verify(&query, app).unwrap();
        assert_eq!(request.back().uri().as_str(), uri);
        assert_eq!(request.asked_redirect_uri().map(RedirectUri::as_str), asked);
        assert_eq!(
            verify(&request.to_query(), app).unwrap(),
            request,
            "{query}"
        );
    }
    let request = verify(&good("&state=1"), &one).unwrap();
    assert_eq!(
        request.back().with_code("abc", ISSUER),
        format!("{SHOP}?code=abc&state=1&iss=https%3A%2F%2Fid.example")
    );
}
