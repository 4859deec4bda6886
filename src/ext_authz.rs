//! The front end for Envoy: `CheckRequest` in, `CheckResponse` out. Translation only.
//!
//! Nothing that a caller sends may end as a gRPC error: Envoy's `failure_mode_allow` would let the
//! request through. What cannot be read, judged or answered becomes a refusal.

mod answer;
mod gate;
mod message;
mod protobuf;
mod request;
mod service;
mod wire;

pub use answer::{Allowed, Answer, AnswerStyle};
pub use gate::Gate;
pub use request::{Check, Dialect, HeaderView, MalformedCheck};
pub use service::{CheckBody, CheckLimits, CheckService, SERVICE_NAME, is_check};
pub use wire::{HeaderForm, HeaderVisitor, HttpAttributes, WireError, read_check_request};
