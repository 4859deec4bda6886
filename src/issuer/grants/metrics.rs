//! What is counted of grants.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::issuer::grant_types::GrantType;

/// The label of tokens that `POST /consumer/login` issues: it is no grant type of OAuth2.
pub(in crate::issuer) const LOGIN: &str = "login";

/// The same of `PUT`.
pub(in crate::issuer) const LOGIN_REFRESH: &str = "login_refresh";

#[derive(Debug, Default)]
pub(super) struct GrantMetrics {
    tokens: Family<GrantLabel, Counter>,
    replays: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GrantLabel {
    grant: &'static str,
}

impl GrantMetrics {
    /// Counters whose labels are all there from the start.
    pub(super) fn new() -> Self {
        let metrics = Self::default();
        let types = GrantType::ALL.iter().map(|grant_type| grant_type.name());
        for grant in types.chain([LOGIN, LOGIN_REFRESH]) {
            metrics
                .tokens
                .get_or_create(&GrantLabel { grant })
                .inc_by(0);
        }
        metrics
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "issuer_tokens_issued",
            "Access tokens issued, by grant",
            self.tokens.clone(),
        );
        registry.register(
            "issuer_refresh_replays",
            "Refresh tokens that were used twice, which ended their grant",
            self.replays.clone(),
        );
    }

    pub(super) fn issued(&self, grant: &'static str) {
        self.tokens.get_or_create(&GrantLabel { grant }).inc();
    }

    pub(super) fn replayed(&self) {
        self.replays.inc();
    }
}
