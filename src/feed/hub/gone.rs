//! The gates that were connected and are not: one that hangs, or is cut off, goes on answering its proxy.

use std::collections::VecDeque;
use std::sync::Arc;

use super::gates::Gate;
use crate::clock::UnixSeconds;

/// How long one is kept.
const KEPT_SECONDS: i64 = 12 * 3600;

/// How many are kept, the latest of them.
const MAX_GONE: usize = 256;

/// Those that left without saying that they end, and since when they are away.
#[derive(Default)]
pub(super) struct GoneGates(VecDeque<(Arc<Gate>, UnixSeconds)>);

impl GoneGates {
    /// A gate has lost its connection.
    pub(super) fn add(&mut self, gate: Arc<Gate>, now: UnixSeconds) {
        let report = gate.last_report();
        let ends = report.as_ref().is_some_and(|report| report.about.leaving);
        // Nothing would ever tell that it is back.
        let is_unknown = gate.instance.is_none() && report.is_none();
        if ends || is_unknown {
            return;
        }
        self.drop_old(now);
        self.0.push_back((gate, now));
        if self.0.len() > MAX_GONE {
            self.0.pop_front();
        }
    }

    /// The process of a gate has subscribed once more.
    pub(super) fn returned(&mut self, gate: &Gate) {
        if gate.instance.is_some() {
            self.0.retain(|(gone, _)| gone.instance != gate.instance);
        }
    }

    /// A gate has told its name. The one of that name that left last has come back in another process: several may
    /// run on one host, and only one of them has.
    pub(super) fn introduced(&mut self, gate: &Gate) {
        let name = |gate: &Gate| gate.last_report().map(|report| report.about.name);
        let own = name(gate).filter(|own| !own.is_empty());
        let is_same = |(gone, _): &(Arc<Gate>, _)| own.is_some() && name(gone) == own;
        if let Some(place) = self.0.iter().rposition(is_same) {
            self.0.remove(place);
        }
    }

    pub(super) fn drop_old(&mut self, now: UnixSeconds) {
        self.0.retain(|(_, at)| now.since(*at) <= KEPT_SECONDS);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Arc<Gate>, UnixSeconds)> {
        self.0.iter().map(|(gate, at)| (gate, *at))
    }
}
