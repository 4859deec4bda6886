//! The clusters: whether the gate can be asked through its own.

use super::field::{at, field, items, message, text};
use super::{Report, Trouble};
use crate::yaml::Tree;

#[derive(Default)]
pub(super) struct Clusters<'t>(pub(super) Vec<&'t Tree>);

impl Clusters<'_> {
    /// Whether the gate can be asked through the cluster of this name.
    pub(super) fn examine(&self, name: &str, report: &mut Report) {
        let mut clusters = self.0.iter();
        let Some(cluster) = clusters.find(|cluster| text(cluster, &["name"]) == Some(name)) else {
            return;
        };
        let place = format!("cluster {name}");
        let options = field(cluster, "typed_extension_protocol_options");
        let options = options.map(Tree::entries).unwrap_or_default().iter();
        let speaks_http2 = options
            .filter_map(|(_, any)| message(any))
            .any(|(_, options)| {
                at(options, &["explicit_http_config", "http2_protocol_options"]).is_some()
            });
        if !speaks_http2 && field(cluster, "http2_protocol_options").is_none() {
            report.add(Trouble::GateClusterHttp1, &place);
        }
        let thresholds = items(cluster, &["circuit_breakers", "thresholds"]);
        if !thresholds
            .iter()
            .any(|one| field(one, "max_requests").is_some())
        {
            report.add(Trouble::ChecksLimited, place);
        }
    }
}
