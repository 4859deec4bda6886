//! The task that takes spans from the queue and sends them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::metrics::{Lost, TraceMetrics};
use super::otlp::Envelope;
use super::queue::{BATCH_SPANS, SpanQueue};
use super::settings::TracesSettings;
use super::transport::{Failure, Transport};
use crate::backoff::{Backoff, Jitter};

/// How long a span waits for others to be sent with.
const GATHERING: Duration = Duration::from_secs(1);

/// How often spans are sent before they are given up.
const TRIES: u64 = 5;

/// How long the next try waits; the queue takes what comes meanwhile.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));

/// The most that a collector can ask to be left alone.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// How often the log tells at most that spans are lost.
const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);

pub(super) struct Exporter {
    transport: Transport,
    envelope: Envelope,
    queue: Arc<SpanQueue>,
    metrics: TraceMetrics,
    complaints: Complaints,
}

impl Exporter {
    pub(super) fn new(
        settings: &TracesSettings,
        transport: Transport,
        queue: Arc<SpanQueue>,
        metrics: TraceMetrics,
    ) -> Self {
        Self {
            transport,
            envelope: Envelope::new(&settings.service_name),
            queue,
            metrics,
            complaints: Complaints::default(),
        }
    }

    /// Sends spans until `ending` says so, and then what is left.
    pub(super) async fn run(mut self, mut ending: watch::Receiver<bool>) {
        loop {
            let is_last = tokio::select! {
                () = self.queue.has_batch() => false,
                () = tokio::time::sleep(GATHERING) => false,
                _ = ending.wait_for(|ending| *ending) => true,
            };
            loop {
                let spans = self.queue.take();
                if spans.is_empty() {
                    break;
                }
                let (message, count) = self.envelope.message(&spans);
                drop(spans);
                self.deliver(&message, count, &mut ending).await;
                // What is less than a batch can wait for more, unless this is the end.
                if !is_last && self.queue.waiting() < BATCH_SPANS {
                    break;
                }
            }
            // Also of those for which the queue had no room.
            self.complaints.of_lost(&self.metrics);
            if is_last {
                return;
            }
        }
    }

    /// Sends one message, again where that can help.
    async fn deliver(&mut self, message: &[u8], spans: u64, ending: &mut watch::Receiver<bool>) {
        for tries_before in 0..TRIES {
            let is_last_try = tries_before + 1 == TRIES;
            let failure = match self.transport.send(message).await {
                Ok(rejected) => {
                    let rejected = rejected.min(spans);
                    self.metrics.sent(spans - rejected);
                    self.metrics.lost(Lost::Rejected, rejected);
                    self.complaints.settle();
                    if rejected > 0 {
                        self.complaints.note("it rejected some of them".to_owned());
                    }
                    return;
                }
                Err(failure) => failure,
            };
            let pause = match failure {
                Failure::Final(reason) => {
                    self.complaints.note(reason);
                    break;
                }
                Failure::Passing { reason, after } => {
                    self.complaints.note(reason);
                    let delay = BACKOFF.delay(tries_before, Jitter::draw());
                    after.map_or(delay, |after| after.clamp(delay, MAX_PAUSE))
                }
            };
            // A collector that restarts takes the next try, and nothing is lost: that is no news.
            if tries_before > 0 {
                self.complaints.of_lost(&self.metrics);
            }
            if is_last_try || *ending.borrow() {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // One more try, and no pause after it.
                _ = ending.wait_for(|ending| *ending) => {}
            }
        }
        self.metrics.lost(Lost::NotDelivered, spans);
    }
}

/// Tells the log that spans are lost, at most once a minute.
#[derive(Debug, Default)]
struct Complaints {
    last: Option<Instant>,
    /// How many were lost when it was told last.
    told: u64,
    reason: Option<String>,
}

impl Complaints {
    /// Notes why the collector takes none.
    fn note(&mut self, reason: String) {
        self.reason = Some(reason);
    }

    /// The collector takes them again: why it did not is told only where spans were lost by it.
    fn settle(&mut self) {
        self.reason = None;
    }

    fn of_lost(&mut self, metrics: &TraceMetrics) {
        let lost = metrics.lost_so_far();
        let is_news = lost > self.told || self.reason.is_some();
        let is_due = self
            .last
            .is_none_or(|last| last.elapsed() >= COMPLAINT_INTERVAL);
        if is_news && is_due {
            tracing::warn!(
                spans.dropped = lost - self.told,
                error = self.reason.take(),
                "spans do not reach the collector of `traces.endpoint`; checks are answered as ever"
            );
            self.told = lost;
            self.last = Some(Instant::now());
        }
    }
}
