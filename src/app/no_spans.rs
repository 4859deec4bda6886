//! What stands in for the export of spans in a binary without it.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::config::Config;
use crate::gate::SpanRecorder;

/// An export of spans; there is none.
pub(super) enum Spans {}

impl Spans {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same signature as where spans are sent"
    )]
    pub(super) fn start(
        config: &Config,
        _: &Arc<dyn Clock>,
        _: &mut Registry,
        _: &Handle,
    ) -> anyhow::Result<Option<(Self, Arc<dyn SpanRecorder>)>> {
        match &config.traces {
            None => Ok(None),
            Some(settings) => match *settings {},
        }
    }

    #[expect(
        clippy::unused_async,
        reason = "the same signature as where spans are sent"
    )]
    pub(super) async fn flush(&mut self) {
        match *self {}
    }
}
