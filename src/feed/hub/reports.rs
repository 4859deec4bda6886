//! What gates tell of themselves, as this end keeps it: of the last report all, and of the positions that a gate
//! has taken the latest.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::UnixSeconds;
use crate::feed::about::AboutGate;
use crate::feed::printable::printable;
use crate::feed::taken::MAX_TAKEN;
use crate::feed::wire::GateReport;
use crate::token::LogPosition;

/// The longest text that is kept of a report, in characters: a digest has 64, and a host's name at most 253.
const MAX_CHARACTERS: usize = 253;

/// A gate that reports more often is not listened to. Its own pause is a second, which a slow network shortens.
const MIN_PAUSE: Duration = Duration::from_millis(200);

/// What a gate has told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedGate {
    pub about: AboutGate,
    /// How old what it knew was when it told so; none where it knew nothing.
    pub knowledge_age: Option<Duration>,
    /// Up to where it refuses by the log.
    pub position: LogPosition,
    pub reported_at: UnixSeconds,
}

/// Whether a gate refuses by the log up to a position, as it has told itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It has told nothing.
    NotTold,
    NotYet,
    /// After so long, where that is known: from the moment when this process sent the position to its gates until
    /// the gate had taken it. The way of the report is in it.
    Arrived(Option<Duration>),
}

/// Why a report is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::feed) enum ReportError {
    #[error("no such subscription: subscribe again")]
    UnknownSubscription,
    #[error("a report came a moment ago: report once in a second")]
    TooSoon,
}

/// All that is kept of one gate.
#[derive(Debug, Default)]
pub(super) struct Reports {
    last: Option<(ReportedGate, Instant)>,
    taken: VecDeque<(LogPosition, Instant)>,
    /// Of positions up to here nobody knows when they were taken.
    untimed: LogPosition,
}

impl Reports {
    pub(super) fn take(
        &mut self,
        report: &GateReport,
        now: UnixSeconds,
        at: Instant,
    ) -> Result<(), ReportError> {
        let is_soon = |(_, last): &(_, Instant)| at.duration_since(*last) < MIN_PAUSE;
        if self.last.as_ref().is_some_and(is_soon) {
            return Err(ReportError::TooSoon);
        }
        self.untimed = self.untimed.max(LogPosition(report.untimed));
        for taken in report.taken.iter().take(MAX_TAKEN) {
            self.add(LogPosition(taken.position), taken.ago_ms, at);
        }
        self.last = Some((ReportedGate::of(report, now), at));
        Ok(())
    }

    fn add(&mut self, position: LogPosition, ago_ms: u64, at: Instant) {
        let is_known = self.taken.back().is_some_and(|(last, _)| position <= *last);
        // Where the clock does not go back so far, nothing is known.
        let taken_at = at.checked_sub(Duration::from_millis(ago_ms));
        let Some(taken_at) = taken_at.filter(|_| !is_known) else {
            return;
        };
        self.taken.push_back((position, taken_at));
        if self.taken.len() > MAX_TAKEN
            && let Some((dropped, _)) = self.taken.pop_front()
        {
            self.untimed = self.untimed.max(dropped);
        }
    }

    pub(super) fn last(&self) -> Option<ReportedGate> {
        self.last.as_ref().map(|(report, _)| report.clone())
    }

    /// Whether this position, which was sent then, has arrived.
    pub(super) fn arrival(&self, position: LogPosition, sent: Option<Instant>) -> Arrival {
        let Some((last, _)) = &self.last else {
            return Arrival::NotTold;
        };
        if last.position < position {
            return Arrival::NotYet;
        }
        let mut taken = self.taken.iter();
        let taken = taken.find(|(taken, _)| *taken >= position && position > self.untimed);
        let took = taken.zip(sent);
        // Through another issuer of the same store it may have come before this one had it.
        Arrival::Arrived(took.map(|((_, taken_at), sent)| taken_at.saturating_duration_since(sent)))
    }
}

impl ReportedGate {
    /// How old what it knows is now, as far as it has told: it may know more, which it has not said.
    pub fn knowledge_age_at(&self, now: UnixSeconds) -> Option<Duration> {
        let since = u64::try_from(now.since(self.reported_at)).unwrap_or(0);
        let age = self.knowledge_age?;
        Some(age.saturating_add(Duration::from_secs(since)))
    }

    fn of(report: &GateReport, now: UnixSeconds) -> Self {
        let text = |text: &str| printable(text, MAX_CHARACTERS);
        let policy_age = i64::try_from(report.policy_age_seconds).unwrap_or(i64::MAX);
        let shadow = text(&report.shadow_policy_digest);
        Self {
            about: AboutGate {
                name: text(&report.name),
                version: text(&report.version),
                policy_digest: text(&report.policy_digest),
                policy_since: now.plus(policy_age.saturating_neg()),
                shadow_policy_digest: Some(shadow).filter(|digest| !digest.is_empty()),
                reload_failed: report.reload_failed,
                allowed: report.checks_allowed,
                denied: report.checks_denied,
                leaving: report.leaving,
            },
            knowledge_age: report.knowledge_age_ms.map(Duration::from_millis),
            position: LogPosition(report.position),
            reported_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::wire::Taken;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    fn report(position: u64, untimed: u64, taken: &[(u64, u64)]) -> GateReport {
        let taken = taken
            .iter()
            .map(|&(position, ago_ms)| Taken { position, ago_ms });
        GateReport {
            position,
            untimed,
            taken: taken.collect(),
            ..GateReport::default()
        }
    }

    fn took(milliseconds: u64) -> Arrival {
        Arrival::Arrived(Some(Duration::from_millis(milliseconds)))
    }

    #[test]
    fn a_position_takes_as_long_as_the_first_that_comes_with_it() {
        let sent = Instant::now();
        let later = |seconds| sent + Duration::from_secs(seconds);
        let mut reports = Reports::default();
        let arrival =
            |reports: &Reports, position| reports.arrival(LogPosition(position), Some(sent));
        assert_eq!(arrival(&reports, 1), Arrival::NotTold);
        let told = report(9, 3, &[(5, 4900), (9, 3000), (9, 1000), (7, 10)]);
        reports.take(&told, NOW, later(5)).unwrap();
        for (position, expected) in [
            (3, Arrival::Arrived(None)),
            (4, took(100)),
            (5, took(100)),
            (6, took(2000)),
            (9, took(2000)),
            (10, Arrival::NotYet),
        ] {
            assert_eq!(arrival(&reports, position), expected, "{position}");
        }
        assert_eq!(
            reports.arrival(LogPosition(5), None),
            Arrival::Arrived(None),
            "nobody knows when it was sent"
        );
        // Taken before this process knew it.
        let earlier = report(12, 0, &[(12, 9000)]);
        reports.take(&earlier, NOW, later(6)).unwrap();
        assert_eq!(arrival(&reports, 12), took(0));
    }

    #[test]
    fn what_a_gate_makes_others_keep_is_bounded() {
        let mut reports = Reports::default();
        let begin = Instant::now();
        for round in 0..3_u64 {
            let at = begin + Duration::from_secs(round);
            let taken: Vec<_> = (1..500).map(|number| (round * 500 + number, 0)).collect();
            let told = report(round * 500 + 499, 0, &taken);
            reports.take(&told, NOW, at).unwrap();
        }
        assert_eq!(reports.taken.len(), MAX_TAKEN);
        let forgotten = reports.arrival(LogPosition(500), Some(begin));
        assert_eq!(forgotten, Arrival::Arrived(None));
        let last = begin + Duration::from_secs(2);
        let at_once = reports.take(&GateReport::default(), NOW, last);
        assert_eq!(at_once, Err(ReportError::TooSoon));
        let told = GateReport {
            name: format!("\u{1b}[31m{}", "x".repeat(5000)),
            version: "1\r\n2".to_owned(),
            policy_digest: "\u{202e}".repeat(300),
            policy_age_seconds: u64::MAX,
            knowledge_age_ms: Some(u64::MAX),
            taken: vec![Taken {
                position: u64::MAX,
                ago_ms: u64::MAX,
            }],
            ..GateReport::default()
        };
        reports.take(&told, NOW, last + MIN_PAUSE).unwrap();
        let kept = reports.last().unwrap();
        assert!(kept.about.name.starts_with("?[31mxxx"), "{kept:?}");
        assert_eq!(kept.about.version, "1??2");
        for text in [&kept.about.name, &kept.about.policy_digest] {
            assert_eq!(text.len(), MAX_CHARACTERS);
        }
        assert_eq!(reports.taken.len(), MAX_TAKEN);
    }
}
