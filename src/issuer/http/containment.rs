//! Whatever a handler does, its caller gets an answer in time, and in the form of all others.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::issuer::endpoint_error::EndpointError;

/// The longest that an answer may take: longer than a body may take to arrive, and than passwords
/// wait for their turn.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// Answers for handlers that panic or do not end.
pub(super) async fn contain(request: Request, next: Next) -> Response {
    contained(ANSWER_PATIENCE, next.run(request)).await
}

async fn contained(patience: Duration, answering: impl Future<Output = Response>) -> Response {
    // What a handler shares with others is guarded by locks that outlive a panic.
    let answering = AssertUnwindSafe(answering).catch_unwind();
    match tokio::time::timeout(patience, answering).await {
        Ok(Ok(response)) => response,
        // The panic hook has told the log where it was.
        Ok(Err(_)) => {
            tracing::error!("a handler of the issuer panicked; the caller got 500");
            EndpointError::Panicked.into_response()
        }
        Err(_) => {
            tracing::warn!("a handler of the issuer took too long; the caller got 503");
            EndpointError::TimedOut.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::Value;

    use super::*;

    async fn answer(patience: Duration, answering: impl Future<Output = Response>) -> (u16, Value) {
        let response = contained(patience, answering).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn panics_and_endless_handlers_are_answered_for() {
        let (status, body) = answer(ANSWER_PATIENCE, async { panic!("a defect") }).await;
        assert_eq!((status, &body["error"]), (500, &"server_error".into()));
        assert!(!body.to_string().contains("defect"));
        let endless = std::future::pending();
        let (status, body) = answer(Duration::ZERO, endless).await;
        assert_eq!(
            (status, &body["error"]),
            (503, &"temporarily_unavailable".into())
        );
    }
}
