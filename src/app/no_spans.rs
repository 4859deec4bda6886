//! What stands in for the export of spans in a binary without it.

use std::convert::Infallible;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::config::Config;
use crate::gate::SpanRecorder;

/// Where spans go; there is no such place.
pub(super) enum Collector {}

/// A configuration that names one was refused.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same signature as where spans are sent"
)]
pub(super) fn collector(config: &Config) -> Result<Option<Collector>, Infallible> {
    match &config.traces {
        None => Ok(None),
        Some(settings) => match *settings {},
    }
}

/// An export of spans; there is none.
pub(super) enum Spans {}

impl Spans {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the same signature as where spans are sent"
    )]
    pub(super) fn start(
        collector: Collector,
        _: &Arc<dyn Clock>,
        _: &mut Registry,
        _: &Handle,
    ) -> (Self, Arc<dyn SpanRecorder>) {
        match collector {}
    }

    #[expect(
        clippy::unused_async,
        reason = "the same signature as where spans are sent"
    )]
    pub(super) async fn flush(self) {
        match self {}
    }
}
