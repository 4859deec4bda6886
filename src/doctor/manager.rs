//! A connection manager: its filters in their order, and how it reads paths and headers.

use regex::RegexBuilder;

use super::clusters::Clusters;
use super::field::{at, field, is_true, items, message, text};
use super::filter::{self, Gate};
use super::routes;
use super::{Assumptions, Report, Trouble};
use crate::yaml::Tree;

/// The most memory of a compiled expression.
const MAX_EXPRESSION_BYTES: usize = 1 << 20;

pub(super) struct Manager<'t> {
    pub(super) tree: &'t Tree,
    pub(super) place: String,
    /// Nothing where they are not in the document.
    pub(super) routes: Option<&'t Tree>,
}

impl Manager<'_> {
    pub(super) fn examine(
        &self,
        clusters: &Clusters<'_>,
        assumptions: &Assumptions,
        report: &mut Report,
    ) {
        let filters = items(self.tree, &["http_filters"]);
        let gates = filter::gates(filters, assumptions);
        let Some(routes) = self.routes else {
            report.add(Trouble::RoutesElsewhere, &self.place);
            if gates.is_empty() {
                self.examine_absence(filters, report);
            } else {
                self.examine_gates(&gates, filters, clusters, assumptions, report);
            }
            return;
        };
        // A listener that answers by itself has nothing to protect.
        if !routes::lead_somewhere(routes) {
            return;
        }
        if gates.is_empty() {
            self.examine_absence(filters, report);
            return;
        }
        self.examine_gates(&gates, filters, clusters, assumptions, report);
        routes::examine(routes, &gates, &self.place, assumptions, report);
    }

    fn examine_absence(&self, filters: &[Tree], report: &mut Report) {
        let unknown = filters
            .iter()
            .find(|one| field(one, "config_discovery").is_some());
        match unknown {
            Some(unknown) => report.add_with(
                Trouble::FilterElsewhere,
                &self.place,
                text(unknown, &["name"]).unwrap_or("(without a name)"),
            ),
            None => report.add(Trouble::GateNotAsked, &self.place),
        }
    }

    fn examine_gates(
        &self,
        gates: &[Gate<'_>],
        filters: &[Tree],
        clusters: &Clusters<'_>,
        assumptions: &Assumptions,
        report: &mut Report,
    ) {
        for gate in gates {
            gate.examine(&self.place, report);
            if let Some(cluster) = gate.cluster() {
                clusters.examine(cluster, report);
            }
        }
        self.examine_reading(report);
        self.examine_early_removal(assumptions, report);
        let first = gates
            .iter()
            .map(|gate| gate.position)
            .min()
            .unwrap_or_default();
        filter::examine_before(
            filters.get(..first).unwrap_or_default(),
            &self.place,
            report,
        );
        let last = gates
            .iter()
            .map(|gate| gate.position)
            .max()
            .unwrap_or_default();
        let after = filters.get(last + 1..).unwrap_or_default();
        filter::examine_after(after, &self.place, assumptions, report);
    }

    /// How paths and headers are read before anybody is asked.
    fn examine_reading(&self, report: &mut Report) {
        let place = || &self.place;
        if !is_true(self.tree, &["normalize_path"]) {
            report.add(Trouble::PathNotNormalized, place());
        }
        if !is_true(self.tree, &["merge_slashes"]) {
            report.add(Trouble::SlashesNotMerged, place());
        }
        match text(self.tree, &["path_with_escaped_slashes_action"]) {
            Some("REJECT_REQUEST") => {}
            Some("UNESCAPE_AND_FORWARD") => report.add(Trouble::SlashesUnescaped, place()),
            other => {
                let action = other.unwrap_or("not set");
                report.add_with(Trouble::EscapedSlashesKept, place(), action);
            }
        }
        let underscores = [
            "common_http_protocol_options",
            "headers_with_underscores_action",
        ];
        if !matches!(
            text(self.tree, &underscores),
            Some("DROP_HEADER" | "REJECT_REQUEST")
        ) {
            report.add(Trouble::UnderscoresAllowed, place());
        }
        if at(
            self.tree,
            &["http2_protocol_options", "max_concurrent_streams"],
        )
        .is_none()
        {
            report.add(Trouble::StreamsUnbounded, place());
        }
    }

    fn examine_early_removal(&self, assumptions: &Assumptions, report: &mut Report) {
        let extensions = items(self.tree, &["early_header_mutation_extensions"]).iter();
        let messages = extensions.filter_map(|one| message(field(one, "typed_config")?));
        let mutations: Vec<&Tree> = messages
            .flat_map(|(_, one)| items(one, &["mutations"]))
            .collect();
        let is_removed = |name: &str| mutations.iter().any(|one| removes(one, name));
        let names = assumptions.identity.iter();
        let kept: Vec<&str> = names.filter(|name| !is_removed(name)).collect();
        if !kept.is_empty() {
            report.add_with(
                Trouble::IdentityNotRemovedEarly,
                &self.place,
                kept.join(", "),
            );
        }
    }
}

/// Whether a mutation removes the header of this name, by name or by expression.
fn removes(mutation: &Tree, name: &str) -> bool {
    if let Some(removed) = text(mutation, &["remove"]) {
        return removed.eq_ignore_ascii_case(name);
    }
    let Some(matcher) = at(mutation, &["remove_on_match", "key_matcher"]) else {
        return false;
    };
    if let Some(exact) = text(matcher, &["exact"]) {
        return exact.eq_ignore_ascii_case(name);
    }
    let by_prefix = text(matcher, &["prefix"]).is_some_and(|prefix| name.starts_with(prefix));
    by_prefix
        || text(matcher, &["safe_regex", "regex"]).is_some_and(|expression| {
            // The whole name has to match.
            RegexBuilder::new(&format!("^(?:{expression})$"))
                .size_limit(MAX_EXPRESSION_BYTES)
                .build()
                .is_ok_and(|expression| expression.is_match(name))
        })
}
