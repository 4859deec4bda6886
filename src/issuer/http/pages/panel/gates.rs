//! `/panel/gates`: the gates that are connected to this issuer, and those that were: with which release and policy,
//! and how far behind.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{next_page, policy};
use crate::clock::UnixSeconds;
use crate::feed::{GateState, ListedGate, ReportedGate};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::backend::gate;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{ListQuery, Unfiltered};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::language::Language;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::visitor::Visitor;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/gates";

/// What a gate told longer ago is shown with the time: it reports every ten seconds.
const OLD_SECONDS: i64 = 30;

#[derive(Template)]
#[template(path = "pages/gates.html")]
struct GatesPage<'a> {
    frame: Frame<'a>,
    own: Option<Facts>,
    gates: Vec<Row>,
    /// How many of them have another policy than the gate beside this page; empty where none has.
    other_policies: String,
    next: Option<String>,
}

struct Row {
    /// Empty where it is not known.
    address: String,
    connected: Timed,
    position: u64,
    behind: u64,
    is_untold: bool,
    is_up_to_date: bool,
    /// In words.
    state: &'static str,
    /// Since when; none where that says nothing.
    since: Option<Timed>,
    /// None where the gate tells nothing of itself.
    facts: Option<Facts>,
}

/// What a gate tells of itself.
struct Facts {
    /// Empty where its host does not know.
    name: String,
    version: String,
    /// The beginning of the digest of its policy.
    digest: String,
    has_other_policy: bool,
    reload_failed: bool,
    /// Empty where it knows nothing.
    knowledge_age: String,
    refused: String,
    position: u64,
    /// When it told so, where that is long ago.
    as_of: Option<Timed>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<Unfiltered>, EndpointError>,
) -> Result<Response, PageError> {
    let listing = gate::gates(&access, &query?.page, None)?;
    let own = gate::own_gate(&access.issuer);
    let look = Look {
        language: visitor.language,
        now: access.issuer.clock.now(),
        own: own.as_ref(),
    };
    let others = listing.items.iter();
    let others = others.filter(|gate| gate.state != GateState::Gone);
    let others = others.filter(|gate| look.has_other_policy(gate.report.as_ref()));
    let page = GatesPage {
        other_policies: visitor.language.other_policies(others.count()),
        own: own.as_ref().map(|own| look.facts(own)),
        gates: listing.items.iter().map(|gate| look.row(gate)).collect(),
        next: next_page(PATH, ("", ""), listing.next.as_deref()),
        frame: visitor.frame(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// How gates are looked at.
struct Look<'a> {
    language: Language,
    now: UnixSeconds,
    /// The gate beside this page.
    own: Option<&'a ReportedGate>,
}

impl Look<'_> {
    fn row(&self, gate: &ListedGate) -> Row {
        let (state, since) = self.state(gate);
        Row {
            address: gate
                .address
                .map(|address| address.to_string())
                .unwrap_or_default(),
            connected: self.language.instant(gate.connected_at),
            position: gate.position.0,
            behind: gate.behind,
            is_untold: gate.state == GateState::Untold,
            is_up_to_date: !gate.state.is_bad(),
            state,
            since: since.map(|at| self.language.instant(at)),
            facts: gate.report.as_ref().map(|report| self.facts(report)),
        }
    }

    /// How it is, and since when.
    fn state(&self, gate: &ListedGate) -> (&'static str, Option<UnixSeconds>) {
        let words = &self.language.words().panel;
        match gate.state {
            GateState::UpToDate => (words.gate_up_to_date, None),
            GateState::Untold => (words.gate_not_told, None),
            GateState::Behind => (words.gate_lags, None),
            GateState::Silent => {
                let report = gate.report.as_ref();
                (words.gate_silent, report.map(|report| report.reported_at))
            }
            GateState::Gone => (words.gate_gone, gate.gone_at),
        }
    }

    fn facts(&self, report: &ReportedGate) -> Facts {
        let (language, about) = (self.language, &report.about);
        let age = report.knowledge_age_at(self.now);
        let age = age.map(|age| language.lapse(age));
        let is_old = self.now.since(report.reported_at) > OLD_SECONDS;
        Facts {
            name: about.name.clone(),
            version: about.version.clone(),
            digest: policy::short(&about.policy_digest),
            has_other_policy: self.has_other_policy(Some(report)),
            reload_failed: about.reload_failed,
            knowledge_age: age.unwrap_or_default(),
            refused: language.part(about.denied, about.allowed.saturating_add(about.denied)),
            position: report.position.0,
            as_of: is_old.then(|| language.instant(report.reported_at)),
        }
    }

    fn has_other_policy(&self, report: Option<&ReportedGate>) -> bool {
        gate::has_same_policy(report, self.own) == Some(false)
    }
}
