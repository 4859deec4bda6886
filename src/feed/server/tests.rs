//! Who is admitted, and what becomes of those that do not read.

use futures_util::StreamExt;
use tonic::Code;

use super::*;
use crate::clock::{ManualClock, UnixSeconds};
use crate::revocation::{Revocation, RevocationList};
use crate::token::LogPosition;

const ISSUER: &str = "https://id.shop.example";

fn service(token: Option<&[u8]>, max_subscribers: usize) -> FeedService {
    let list = Arc::new(RevocationList::new(100));
    let clock = Arc::new(ManualClock::new(UnixSeconds(0)));
    let hub = Hub::new(ISSUER.to_owned(), "log", list, clock);
    let access = FeedAccess {
        token: token.map(blake3::hash),
    };
    FeedService::new(Arc::new(hub), &access, max_subscribers)
}

fn request(
    version: u32,
    issuer: &str,
    authorization: Option<&str>,
) -> tonic::Request<SubscribeRequest> {
    let mut request = tonic::Request::new(SubscribeRequest {
        protocol_version: version,
        issuer: issuer.to_owned(),
        cursor: Bytes::new(),
        instance: Bytes::new(),
    });
    if let Some(authorization) = authorization {
        let value = authorization.parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    request
}

#[tokio::test]
async fn only_the_right_callers_are_admitted() {
    let right = Some("Bearer a-token-for-gates");
    for (version, issuer, authorization, expected) in [
        (PROTOCOL_VERSION, ISSUER, right, None),
        (PROTOCOL_VERSION, ISSUER, None, Some(Code::Unauthenticated)),
        (
            PROTOCOL_VERSION,
            ISSUER,
            Some("Bearer "),
            Some(Code::Unauthenticated),
        ),
        (
            PROTOCOL_VERSION,
            ISSUER,
            Some("Bearer a-token-for-gate"),
            Some(Code::Unauthenticated),
        ),
        (
            PROTOCOL_VERSION,
            ISSUER,
            Some("Bearer a-token-for-gates "),
            Some(Code::Unauthenticated),
        ),
        (
            PROTOCOL_VERSION,
            ISSUER,
            Some("Basic a-token-for-gates"),
            Some(Code::Unauthenticated),
        ),
        (
            PROTOCOL_VERSION,
            ISSUER,
            Some("a-token-for-gates"),
            Some(Code::Unauthenticated),
        ),
        (
            PROTOCOL_VERSION - 1,
            ISSUER,
            right,
            Some(Code::FailedPrecondition),
        ),
        (
            PROTOCOL_VERSION + 1,
            ISSUER,
            right,
            Some(Code::FailedPrecondition),
        ),
        (
            PROTOCOL_VERSION,
            "https://id.shop.example/",
            right,
            Some(Code::FailedPrecondition),
        ),
        (PROTOCOL_VERSION, "", right, Some(Code::FailedPrecondition)),
        // Who has no token learns nothing of the rest.
        (PROTOCOL_VERSION + 1, "", None, Some(Code::Unauthenticated)),
    ] {
        let service = service(Some(b"a-token-for-gates"), 1);
        let answer = service
            .subscribe(request(version, issuer, authorization))
            .await;
        let code = answer.err().map(|status| status.code());
        assert_eq!(code, expected, "{version} {issuer} {authorization:?}");
    }
}

#[tokio::test]
async fn there_are_as_many_places_as_there_are() {
    let service = service(None, 1);
    let subscribe = || {
        service
            .clone()
            .subscribe(request(PROTOCOL_VERSION, ISSUER, None))
    };
    let first = subscribe().await.unwrap();
    let refused = subscribe().await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(service.hub.statistics().refused, 1);
    drop(first);
    while subscribe().await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_does_not_read_is_cut_and_costs_no_more() {
    let service = service(None, 10);
    let answer = service
        .clone()
        .subscribe(request(PROTOCOL_VERSION, ISSUER, None))
        .await;
    let mut frames = answer.unwrap().into_inner();
    for position in 1..5000 {
        let row = Revocation {
            position: LogPosition(position),
            mark: None,
            expires_at: UnixSeconds(0),
        };
        service.hub.append(&[row], row.position);
        tokio::task::yield_now().await;
    }
    let mut read = 0;
    while let Some(frame) = frames.next().await {
        read += usize::from(frame.is_ok());
    }
    assert!(read < 100, "{read}");
    let statistics = service.hub.statistics();
    assert_eq!((statistics.cut, statistics.subscribers), (1, 0));
}
