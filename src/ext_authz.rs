//! The front end for Envoy: `CheckRequest` in, `CheckResponse` out. Translation only.
//!
//! Nothing that a caller sends may end as a gRPC error: Envoy's `failure_mode_allow` would let the
//! request through. What cannot be read, judged or answered becomes a refusal.

mod answer;
mod decision_log;
mod gate;
mod identity;
mod message;
mod protobuf;
mod refusal;
mod request;
mod service;
mod subject;
mod turn;
mod wire;

pub use answer::{Allowed, Answer, AnswerStyle};
pub use decision_log::DecisionLog;
pub use gate::{Gate, KeyRefresh};
pub use identity::{AliasFinder, FromCaller, IdentityHeaderError, IdentityHeaders};
pub use refusal::{Refusal, RefusalBody, RefusalStatus};
pub use request::{Check, Dialect, HeaderView, MalformedCheck};
pub use service::{CheckBody, CheckLimits, CheckService, SERVICE_NAME, is_check};
pub use subject::{SubjectForm, SubjectKeyError, SubjectNames};
pub use turn::{Turn, Verifications};
pub use wire::{HeaderForm, HeaderVisitor, HttpAttributes, WireError, read_check_request};
