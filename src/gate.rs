//! The gate: what every front end shares.

mod decision_log;
mod identity_headers;
mod metrics;
mod refusal;
mod turn;

pub use decision_log::DecisionLog;
pub use identity_headers::{AliasFinder, FromCaller, IdentityHeaderError, IdentityHeaders};
pub use metrics::GateMetrics;
pub use refusal::{Refusal, RefusalBody, RefusalStatus};
pub use turn::{KeyRefresh, Turn, Verifications};

pub(crate) use turn::TooLate;
