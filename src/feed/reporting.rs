//! What a gate tells its issuer of itself while it listens. The subscription does not depend on it: reports go
//! beside it, one at a time, and what becomes of them ends nothing.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Request, Status};

use super::about::{AboutGate, GateView};
use super::knowledge::Knowledge;
use super::taken::TakenNews;
use super::transport::Connection;
use super::wire::{GateReport, MessageCodec, REPORT_PATH, ReportReply};
use crate::token::LogPosition;

/// A report is sent at least as often.
const EVERY: Duration = Duration::from_secs(10);

/// No two reports come closer than this.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked whether the gate has another policy, or knows anything yet.
const LOOK: Duration = Duration::from_secs(1);

/// The longest that the answer to a report may take.
const ANSWER: Duration = Duration::from_secs(5);

/// The largest answer that is read: an empty message, or one of a newer issuer.
const MAX_REPLY_BYTES: usize = 1024;

/// The reports of one subscription.
pub(super) struct Reporter {
    grpc: Grpc<Connection>,
    /// As the issuer's greeting has it.
    subscription: Bytes,
    credential: Option<MetadataValue<Ascii>>,
    /// What the issuer knows by the last report that it answered.
    told: Option<(State, LogPosition)>,
    /// When the last one was sent.
    sent: Option<Instant>,
    /// Nothing is tried before.
    not_before: Instant,
}

/// What is reported at once when it changes.
#[derive(Clone, PartialEq, Eq)]
struct State {
    /// Whether anything is known of the issuer: the first report may come before that.
    is_known: bool,
    digest: String,
    shadow_digest: Option<String>,
    reload_failed: bool,
    leaving: bool,
}

/// The issuer takes no reports.
struct UnwantedError;

impl Reporter {
    /// Reports over the connection of a subscription.
    pub(super) fn new(
        connection: Connection,
        address: Uri,
        subscription: Bytes,
        credential: Option<MetadataValue<Ascii>>,
    ) -> Self {
        let grpc = Grpc::with_origin(connection, address);
        Self {
            grpc: grpc.max_decoding_message_size(MAX_REPLY_BYTES),
            subscription,
            credential,
            told: None,
            sent: None,
            not_before: Instant::now(),
        }
    }

    /// Reports for as long as it is polled; never ends.
    pub(super) async fn run(mut self, knowledge: &Knowledge, gate: &GateView) -> Infallible {
        // An issuer of an older release has no name for the subscription.
        if !self.subscription.is_empty() {
            while self.report_if_due(knowledge, gate).await.is_ok() {
                tokio::select! {
                    () = knowledge.taken.changed() => {}
                    () = sleep(LOOK) => {}
                }
                sleep_until(self.not_before).await;
            }
        }
        std::future::pending().await
    }

    async fn report_if_due(
        &mut self,
        knowledge: &Knowledge,
        gate: &GateView,
    ) -> Result<(), UnwantedError> {
        let Some(about) = gate.look() else {
            return Ok(());
        };
        let state = State::of(&about, knowledge);
        let told = self.told.as_ref();
        let told_position = told.map_or(LogPosition(0), |(_, position)| *position);
        let news = knowledge.taken.since(told_position);
        let position = news.position;
        let is_new = told.is_none_or(|(told, _)| *told != state) || told_position < position;
        let is_old = self.sent.is_none_or(|sent| sent.elapsed() >= EVERY);
        if !is_new && !is_old {
            return Ok(());
        }
        let report = self.message(about, news, knowledge);
        let now = Instant::now();
        self.sent = Some(now);
        self.not_before = now + MIN_PAUSE;
        match self.send(report).await {
            Ok(()) => self.told = Some((state, position)),
            Err(status) if status.code() == Code::Unimplemented => return Err(UnwantedError),
            Err(status) => {
                // Not a warning: what matters, the subscription, is heard of in its own words.
                tracing::debug!(
                    token.issuer = &*knowledge.origin.issuer,
                    feed.error = %status,
                    "the issuer did not take the report of this gate"
                );
                self.not_before = Instant::now() + EVERY;
            }
        }
        Ok(())
    }

    fn message(&self, about: AboutGate, news: TakenNews, knowledge: &Knowledge) -> GateReport {
        let now = knowledge.origin.clock.now();
        let age = knowledge.age().map(|age| age.as_millis());
        GateReport {
            subscription: self.subscription.clone(),
            policy_age_seconds: u64::try_from(now.since(about.policy_since)).unwrap_or(0),
            name: about.name,
            version: about.version,
            policy_digest: about.policy_digest,
            shadow_policy_digest: about.shadow_policy_digest.unwrap_or_default(),
            reload_failed: about.reload_failed,
            checks_allowed: about.allowed,
            checks_denied: about.denied,
            knowledge_age_ms: age.map(|age| u64::try_from(age).unwrap_or(u64::MAX)),
            position: news.position.0,
            untimed: news.untimed.0,
            taken: news.taken,
            leaving: about.leaving,
        }
    }

    async fn send(&mut self, report: GateReport) -> Result<(), Status> {
        let mut request = Request::new(report);
        if let Some(credential) = &self.credential {
            let metadata = request.metadata_mut();
            metadata.insert("authorization", credential.clone());
        }
        let codec = MessageCodec::<GateReport, ReportReply>::default();
        let path = PathAndQuery::from_static(REPORT_PATH);
        let sending = async {
            let ready = self.grpc.ready().await;
            ready.map_err(|error| Status::unavailable(error.to_string()))?;
            self.grpc.unary(request, path, codec).await
        };
        let answered = timeout(ANSWER, sending).await;
        // Dropping the call resets its stream, so that calls do not pile up on the connection.
        answered.map_err(|_| Status::deadline_exceeded("no answer in time"))??;
        Ok(())
    }
}

impl State {
    fn of(about: &AboutGate, knowledge: &Knowledge) -> Self {
        Self {
            is_known: knowledge.age().is_some(),
            digest: about.policy_digest.clone(),
            shadow_digest: about.shadow_policy_digest.clone(),
            reload_failed: about.reload_failed,
            leaving: about.leaving,
        }
    }
}
