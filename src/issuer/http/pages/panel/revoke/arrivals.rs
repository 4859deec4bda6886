//! How far the gates are with a revocation.

use crate::feed::{Arrival, ListedGate};
use crate::issuer::Issuer;
use crate::issuer::http::backend::gate::own_gate;
use crate::issuer::http::pages::language::Language;
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::visitor::Visitor;
use crate::token::LogPosition;

/// So many gates are listed, those first that a person may have to look after.
const MAX_GATES: usize = 100;

/// What has become of a revocation at the gates that are connected now, and at those that were some hours ago.
pub(super) struct Arrivals {
    /// The page for another look.
    pub(super) path: String,
    /// How many gates refuse, in words; empty where none is connected.
    pub(super) summary: String,
    pub(super) gates: Vec<GateArrival>,
    pub(super) has_more: bool,
    /// Whether the gate in this process refuses; none where there is no gate.
    pub(super) own: Option<bool>,
}

/// A gate, and how far it is.
pub(super) struct GateArrival {
    /// Empty where the gate does not tell it.
    pub(super) name: String,
    /// Empty where it is not known.
    pub(super) address: String,
    pub(super) state: GateState,
    /// Empty where it is not known.
    pub(super) took: String,
    /// Since when it is not connected; empty where it is.
    pub(super) gone: Option<Timed>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GateState {
    Late,
    Silent,
    Refuses,
}

impl Arrivals {
    pub(super) fn of(visitor: &Visitor, issuer: &Issuer, position: LogPosition) -> Self {
        let connected = issuer.feed().gates_with(position);
        let mut gates: Vec<GateArrival> = connected
            .iter()
            .map(|gate| GateArrival::of(gate, visitor.language))
            .collect();
        let count = |state| gates.iter().filter(|gate| gate.state == state).count();
        let summary = visitor.language.arrivals(
            count(GateState::Refuses),
            count(GateState::Late),
            count(GateState::Silent),
            gates.iter().filter(|gate| gate.gone.is_some()).count(),
        );
        gates.sort_by_key(|gate| gate.state);
        let has_more = gates.len() > MAX_GATES;
        gates.truncate(MAX_GATES);
        Self {
            path: format!("{}?position={}", super::PATH, position.0),
            summary,
            gates,
            has_more,
            own: own_gate(issuer).map(|own| own.position >= position),
        }
    }
}

impl GateArrival {
    fn of(gate: &ListedGate, language: Language) -> Self {
        let (state, took) = match gate.arrival {
            None | Some(Arrival::NotTold) => (GateState::Silent, None),
            Some(Arrival::NotYet) => (GateState::Late, None),
            Some(Arrival::Arrived(took)) => (GateState::Refuses, took),
        };
        let name = gate.report.as_ref().map(|report| report.about.name.clone());
        let address = gate.address.map(|address| address.to_string());
        Self {
            name: name.unwrap_or_default(),
            address: address.unwrap_or_default(),
            state,
            took: took.map(|took| language.lapse(took)).unwrap_or_default(),
            gone: gate.gone_at.map(|at| language.instant(at)),
        }
    }
}
