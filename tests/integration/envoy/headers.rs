//! Headers that somebody could read otherwise than the gate did.

use serde_json::{Value, json};

use super::call::{Call, Protocol, call, get};
use super::raw_http2::{self, Field, Outcome};
use super::{Shop, both_encodings};
use crate::client;
use crate::envoy_process::{NEWEST, OLDEST};
use crate::test_app::Setup;

const BOTH_PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

#[tokio::test]
async fn tricks_with_headers_get_by_neither_envoy() {
    tokio::join!(check(NEWEST), check(OLDEST));
}

async fn check(version: &str) {
    let shop = Shop::open(version, &Setup::default(), both_encodings).await;
    for door in ["raw", "merged"] {
        for protocol in BOTH_PROTOCOLS {
            bytes_that_are_no_text(&shop, door, protocol).await;
            one_credential_or_none(&shop, door, protocol).await;
            other_peoples_headers_decide_nothing(&shop, door, protocol).await;
        }
        fields_that_no_library_sends(&shop, door).await;
        connection_cannot_drop_an_identity(&shop, door).await;
        spaces_around_names_and_values(&shop, door).await;
        posing_without_end(&shop, door).await;
    }
    assert_eq!(shop.envoy.count(".error").await, 0);
}

/// CVE-2023-27488: they must not end as an error of the gRPC call.
async fn bytes_that_are_no_text(shop: &Shop, door: &str, protocol: Protocol) {
    let address = shop.envoy.address(door);
    let token = shop.gate.issuer.token("alice", "orders.read");
    for junk in [
        &b"\xff"[..],
        b"\xc0\xae",
        b"a\x80b",
        b"\xed\xa0\x80",
        b"\xf5",
    ] {
        let private = get("/orders/1").header("x-junk", junk);
        assert_eq!(private.send(address, protocol).await.status, 401);
        let private = private.token(&token);
        assert_eq!(private.send(address, protocol).await.status, 200);
        let public = get("/products/1")
            .header("x_auth_subject", junk)
            .header("x-auth-subject", junk);
        let seen = public.send(address, protocol).await.json();
        assert_eq!(seen.get("x_auth_subject"), None);
        assert_eq!(seen.get("x-auth-subject"), None);
        let credential = [b"Bearer ", junk].concat();
        let private = get("/orders/1").header("authorization", credential);
        assert_eq!(private.send(address, protocol).await.status, 401);
    }
}

/// Paths that are not UTF-8. With merged headers Envoy shows the gate `!` for each of their bytes.
const NO_TEXT: &[&[u8]] = &[
    b"/products/\xff",
    b"/products/\xc0\xae\xc0\xae\xc0\xaforders",
    b"/products/1?\xff",
];

const ODD_PATHS: &[&[u8]] = &[
    b"/products/a b",
    b"/products/a\0",
    b"/products/a\r\nx-auth-subject: root",
    b"/products/../orders/1",
    b"/orders/1#",
    b"/products/1\\",
    b"http://shop.example/products/1",
    b"products/1",
    b"*",
    b"",
];

/// Fields after those of a request for a public path.
const ODD_FIELDS: &[Field<'static>] = &[
    (b":path", b"/orders/1"),
    (b":method", b"POST"),
    (b":authority", b"other.example"),
    (b":protocol", b"websocket"),
    (b":unknown", b"x"),
    (b"connection", b"x-auth-subject"),
    (b"transfer-encoding", b"chunked"),
    (b"X-Auth-Subject", b"root"),
    (b"x-auth-subject ", b"root"),
    (b"x-auth-subject", b"root\r\nx-auth-client: root"),
    (b"x-auth-subject", b"ro\0ot"),
    (b"x-auth-subject\xff", b"root"),
    (b"", b"root"),
];

const TUNNELS: &[&[Field<'static>]] = &[
    &[
        (b":method", b"CONNECT"),
        (b":authority", b"shop.example:443"),
    ],
    &[
        (b":method", b"CONNECT"),
        (b":protocol", b"websocket"),
        (b":scheme", b"http"),
        (b":authority", b"shop.example"),
        (b":path", b"/orders/1"),
    ],
    &[
        (b":method", b"CONNECT"),
        (b":protocol", b"connect-udp"),
        (b":scheme", b"http"),
        (b":authority", b"shop.example"),
        (b":path", b"/products/1"),
    ],
];

/// HTTP/1.1 has no such fields in Envoy; HTTP/2 may.
async fn fields_that_no_library_sends(shop: &Shop, door: &str) {
    let address = shop.envoy.address(door);
    let public = raw_http2::get(b"/products/1");
    assert_eq!(raw_http2::send(address, &public).await, Outcome::Passed);
    let before = shop.upstream.seen().len();
    let mut requests: Vec<Vec<Field<'_>>> = Vec::new();
    requests.extend(ODD_PATHS.iter().map(|path| raw_http2::get(path)));
    requests.extend(TUNNELS.iter().map(|tunnel| tunnel.to_vec()));
    let with = |field: &Field<'static>| [public.as_slice(), &[*field]].concat();
    requests.extend(ODD_FIELDS.iter().map(with));
    if door == "raw" {
        requests.extend(NO_TEXT.iter().map(|path| raw_http2::get(path)));
    }
    for request in requests {
        let outcome = raw_http2::send(address, &request).await;
        let shown = request
            .iter()
            .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()));
        let shown: Vec<String> = shown.collect();
        assert_ne!(outcome, Outcome::Passed, "{door} {shown:?}");
    }
    assert_eq!(shop.upstream.seen().len(), before);
}

async fn one_credential_or_none(shop: &Shop, door: &str, protocol: Protocol) {
    let address = shop.envoy.address(door);
    let token = shop.gate.issuer.token("alice", "orders.read");
    let bearer = format!("Bearer {token}");
    let twice = |first: &str, second: &str| {
        get("/orders/1")
            .header("authorization", first)
            .header("Authorization", second)
    };
    for call in [
        twice(&bearer, &bearer),
        twice(&bearer, "Bearer x.y.z"),
        twice("Basic YTpi", &bearer),
        twice(&bearer, "Basic YTpi"),
        get("/orders/1").header("authorization", format!("{bearer}, Bearer x.y.z")),
        get("/orders/1").header("authorization", format!("{bearer},")),
    ] {
        let answer = call.send(address, protocol).await;
        assert_eq!(answer.status, 400, "{door} {call:?}: {answer:?}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_request\""));
    }
    for call in [
        get("/orders/1").header("x-authorization", &bearer),
        get("/orders/1").header("proxy-authorization", &bearer),
        get("/orders/1").header("cookie", format!("authorization={bearer}")),
        get(&format!("/orders/1?access_token={token}")),
        get("/orders/1").header("authorization", format!("Basic {token}")),
        get("/orders/1").header("authorization", format!("Bearer\t{token}")),
        get("/orders/1").header("authorization", &token),
        get("/orders/1").header("authorization", ""),
    ] {
        let answer = call.send(address, protocol).await;
        assert_eq!(answer.status, 401, "{door} {call:?}: {answer:?}");
    }
}

async fn other_peoples_headers_decide_nothing(shop: &Shop, door: &str, protocol: Protocol) {
    let address = shop.envoy.address(door);
    for (name, value) in [
        ("x-envoy-original-path", "/products/1"),
        ("x-envoy-original-method", "GET"),
        ("x-original-url", "/products/1"),
        ("x-rewrite-url", "/products/1"),
        ("x-forwarded-uri", "/products/1"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-forwarded-host", "public.example"),
        ("x-forwarded-prefix", "/products"),
        ("x-http-method-override", "GET"),
        ("x-envoy-auth-partial-body", "true"),
        ("x-envoy-internal", "true"),
        ("x-envoy-expected-rq-timeout-ms", "1"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-ext-authz", "allow"),
        ("grpc-timeout", "1n"),
        ("user-agent", "Envoy/HC"),
    ] {
        for call in [get("/orders/1"), call("POST", "/orders")] {
            let answer = call.header(name, value).send(address, protocol).await;
            assert_eq!(answer.status, 401, "{door} {protocol:?} {name}");
        }
    }
}

async fn connection_cannot_drop_an_identity(shop: &Shop, door: &str) {
    let address = shop.envoy.address(door);
    let token = shop.gate.issuer.token("alice", "orders.read");
    for options in [
        "close, x-auth-subject",
        "x-auth-subject, close",
        "X_Auth_Subject, x-auth-scopes, close",
        "close\r\nConnection: x-auth-subject",
        "keep-alive, te, x-auth-subject",
    ] {
        let call = get("/orders/1").token(&token).header("connection", options);
        let answer = call
            .header("x-auth-subject", "root")
            .send_http1(address)
            .await;
        // Refusing it would do as well.
        if answer.status == 200 {
            let seen = answer.json();
            assert_eq!(seen["x-auth-subject"], json!(["alice"]), "{options}");
            assert_eq!(seen["x-auth-scopes"], json!(["orders.read"]), "{options}");
            let connection = seen["connection"].to_string();
            assert!(!connection.contains("auth"), "{options}: {connection}");
        } else {
            assert_eq!(answer.status, 400, "{options}: {answer:?}");
        }
    }
    for options in ["close, authorization", "authorization, close"] {
        let call = get("/orders/1").token(&token).header("connection", options);
        let answer = call.send_http1(address).await;
        assert!(matches!(answer.status, 200 | 401), "{options}: {answer:?}");
    }
}

async fn spaces_around_names_and_values(shop: &Shop, door: &str) {
    let address = shop.envoy.address(door);
    for line in [
        "x-auth-subject : root",
        " x-auth-subject: root",
        "x-auth-subject\t: root",
        "x-auth-subject\0: root",
        "x-auth subject: root",
        "x-junk: a\r\n x-auth-subject: root",
        "x-junk: a\rx-auth-subject: root",
        "x-junk: a\nx-auth-subject: root",
        "x-auth-subject:root",
        "x-auth-subject:\troot ",
        "x-auth-subject:",
        "X-AUTH-SUBJECT: a\r\nx-auth-subject: b\r\nx-Auth-Subject: c",
        ": root",
    ] {
        let answer = client::request(address, "GET", "/products/1", &[line]).await;
        if answer.status == 200 {
            let seen = answer.json();
            assert_eq!(seen.get("x-auth-subject"), None, "{line:?}: {seen}");
        } else {
            assert_eq!(answer.status, 400, "{line:?}: {answer:?}");
        }
    }
}

/// More lines and spellings than anybody sends by accident, and names longer than any identity's.
async fn posing_without_end(shop: &Shop, door: &str) {
    let address = shop.envoy.address(door);
    let token = shop.gate.issuer.token("alice", "orders.read");
    let spellings = [
        "x_auth_subject",
        "x.auth.subject",
        "x-auth_subject",
        "x-auth-subject",
    ];
    let mut posing: Call = get("/orders/1").token(&token);
    for spelling in spellings {
        for _ in 0..10 {
            posing = posing.header(spelling, "root");
        }
    }
    let seen = posing.send_http1(address).await.json();
    for spelling in spellings {
        let expected = match spelling {
            "x-auth-subject" => json!(["alice"]),
            _ => Value::Null,
        };
        assert_eq!(seen[spelling], expected, "{door}");
    }
    let long = get("/products/1").header(&"x-auth-subject".repeat(10), "root");
    assert_eq!(long.send_http1(address).await.status, 200);
}
