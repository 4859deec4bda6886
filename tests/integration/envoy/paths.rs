//! Targets that proxy and upstream may read differently, with nothing normalised on the way.

use super::{Shop, both_encodings};
use crate::client::{self, Answer};
use crate::envoy_process::{NEWEST, OLDEST};
use crate::test_app::Setup;

/// Request lines without version, each of which some upstream reads as one of a private route.
const TRICKS: &[&[u8]] = &[
    b"GET /products/../orders/1",
    b"GET /products/./../orders/1",
    b"GET /products/%2e%2e/orders/1",
    b"GET /products/%2E./orders/1",
    b"GET /products/..%2forders%2f1",
    b"GET /products/..%2Forders%2F1",
    b"GET /products/..%5Corders%5c1",
    b"GET /products/..\\orders\\1",
    b"GET /products%2F..%2Forders%2F1",
    b"GET /products/%252e%252e%252forders",
    b"GET /products/%252e",
    b"GET /products/..;/orders/1",
    b"GET /products/1;/../../orders/1",
    b"GET /products/1;a=b",
    b"GET /products/:buy",
    b"GET /products/%3Abuy",
    b"GET /orders;/1",
    b"GET //orders/1",
    b"GET /products//orders",
    b"GET //shop.example/products/1",
    b"GET /products/1%00",
    b"GET /products/%00/../../orders/1",
    b"GET /products/1%0d%0aX-Auth-Subject:%20root",
    b"GET /products/1%0a",
    b"GET /products/1%7f",
    b"GET /orders/1#/products/1",
    b"GET /products/%zz",
    b"GET /products/%",
    b"GET /products/%c0%ae%c0%ae%c0%aforders",
    b"GET /products/%ff",
    b"GET /products/\xff",
    b"GET /products/\xc0\xae\xc0\xae\xc0\xaforders",
    b"GET /products/a\x01b",
    b"GET /products/a\x7fb",
    b"GET /products/a\tb",
    b"GET http://shop.example/orders/1",
    b"GET http://shop.example/products/../orders/1",
    b"GET https://other.example@shop.example/products/1",
    b"GET products/1",
    b"GET ?/products/1",
    b"GET *",
    b"OPTIONS *",
    b"OPTIONS http://shop.example",
    b"GET /Products/1",
    b"GET /products/",
    b"GET /products/1/",
    b"get /products/1",
    b"PRODUCTS /products/1",
    b"POST /products/1",
    b"TRACE /products/1",
    b"CONNECT shop.example:443",
    b"CONNECT /products/1",
    b"CONNECT *",
];

/// Request lines that Envoy fixes before it asks: what the gate judges is what the upstream gets.
const FIXED: &[&[u8]] = &[
    b"GET /products/1#/orders",
    b"GET /products/1#/../../orders/1",
    b"GET http://shop.example/products/1",
    b"GET http://other.example/products/1",
    b"GET\t/products/1",
];

/// Values of `Host` that are none, and pairs of them.
const HOSTS: &[&[u8]] = &[
    b"Host: shop.example/orders",
    b"Host: shop.example@other.example",
    b"Host: shop.example, other.example",
    b"Host: shop.example#",
    b"Host: shop.example?x",
    b"Host: shop example",
    b"Host: shop.example:99999",
    b"Host: shop.example:1:2",
    b"Host: [::1",
    b"Host: \xff.example",
    b"Host: shop.example\r\nHost: other.example",
];

#[tokio::test]
async fn tricks_with_the_target_get_by_neither_envoy() {
    tokio::join!(check(NEWEST), check(OLDEST));
}

async fn check(version: &str) {
    let shop = Shop::open(version, &Setup::default(), both_encodings).await;
    for door in ["raw", "merged"] {
        for trick in TRICKS {
            let answer = send(&shop, door, trick, b"Host: shop.example").await;
            let refused = matches!(answer.status, 400 | 401 | 403)
                // Envoy's own word for what begins with no slash.
                || (answer.status == 404 && !trick.contains(&b'/'));
            assert!(refused, "{}: {answer:?}", trick.escape_ascii());
        }
        for host in HOSTS {
            let answer = send(&shop, door, b"GET /products/1", host).await;
            assert_eq!(answer.status, 400, "{}", host.escape_ascii());
        }
        assert_eq!(shop.upstream.seen().len(), 0, "{:?}", shop.upstream.seen());
    }
    for door in ["raw", "merged"] {
        for fixed in FIXED {
            let answer = send(&shop, door, fixed, b"Host: shop.example").await;
            assert_eq!(answer.status, 200, "{}", fixed.escape_ascii());
            assert_eq!(answer.json()["path"], "/products/1");
        }
    }
    assert_eq!(shop.envoy.count(".error").await, 0);
}

async fn send(shop: &Shop, door: &str, target: &[u8], host: &[u8]) -> Answer {
    let mut request = target.to_vec();
    request.extend_from_slice(b" HTTP/1.1\r\n");
    request.extend_from_slice(host);
    request.extend_from_slice(b"\r\nConnection: close\r\n\r\n");
    client::exchange(shop.envoy.address(door), &request).await
}
