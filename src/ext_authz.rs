//! The front end for Envoy: `CheckRequest` in, `CheckResponse` out. Translation only; what is done
//! with a request in between is in [`gate`](crate::gate).
//!
//! Nothing that a caller sends may end as a gRPC error: Envoy's `failure_mode_allow` would let the
//! request through. What cannot be read, judged or answered becomes a refusal.

mod answer;
mod attributes;
mod message;
mod protobuf;
mod request;
mod service;
mod wire;

pub use answer::Answer;
pub use service::{CheckBody, CheckLimits, CheckService, ExtAuthz, SERVICE_NAME, is_check};
