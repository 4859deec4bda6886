//! What the issuer counts of its answers. Labels come from closed sets.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::throttle::{Claimant, Limit};

/// The counters of one issuer.
#[derive(Debug, Default)]
pub(super) struct IssuerMetrics {
    requests: Family<RequestLabels, Counter>,
    tokens: Family<GrantLabel, Counter>,
    logins: Family<OutcomeLabel, Counter>,
    clients: Family<OutcomeLabel, Counter>,
    throttled: Family<LimitLabel, Counter>,
    refresh_replays: Counter,
    store_errors: Counter,
}

/// By what tokens were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenGrant {
    ClientCredentials,
    RefreshToken,
    AuthorizationCode,
    Password,
    Login,
    LoginRefresh,
}

/// How somebody's attempt to prove who it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptOutcome {
    Succeeded,
    Failed,
    /// Not even looked at.
    Throttled,
    /// Nothing was found out: the store, the queue or the rest of the request was at fault.
    Unsettled,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    endpoint: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GrantLabel {
    grant: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    limit: &'static str,
}

impl TokenGrant {
    const ALL: [Self; 6] = [
        Self::ClientCredentials,
        Self::RefreshToken,
        Self::AuthorizationCode,
        Self::Password,
        Self::Login,
        Self::LoginRefresh,
    ];

    fn label(self) -> GrantLabel {
        let grant = match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::AuthorizationCode => "authorization_code",
            Self::Password => "password",
            Self::Login => "login",
            Self::LoginRefresh => "login_refresh",
        };
        GrantLabel { grant }
    }
}

impl AttemptOutcome {
    const ALL: [Self; 4] = [
        Self::Succeeded,
        Self::Failed,
        Self::Throttled,
        Self::Unsettled,
    ];

    /// The name that metrics and log have.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Throttled => "throttled",
            Self::Unsettled => "unsettled",
        }
    }

    fn label(self) -> OutcomeLabel {
        OutcomeLabel {
            outcome: self.name(),
        }
    }
}

fn limit_label(limit: Limit) -> LimitLabel {
    LimitLabel {
        limit: limit.label(),
    }
}

impl IssuerMetrics {
    /// Counters whose labels are all there from the start.
    pub(super) fn new() -> Self {
        let metrics = Self::default();
        for grant in TokenGrant::ALL {
            metrics.tokens.get_or_create(&grant.label()).inc_by(0);
        }
        for outcome in AttemptOutcome::ALL {
            metrics.logins.get_or_create(&outcome.label()).inc_by(0);
            metrics.clients.get_or_create(&outcome.label()).inc_by(0);
        }
        for limit in Limit::ALL {
            metrics
                .throttled
                .get_or_create(&limit_label(limit))
                .inc_by(0);
        }
        metrics
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "issuer_requests",
            "Answers of the issuer, by endpoint and class of status",
            self.requests.clone(),
        );
        registry.register(
            "issuer_tokens_issued",
            "Access tokens issued, by grant",
            self.tokens.clone(),
        );
        registry.register(
            "issuer_logins",
            "Checks of a user's password, by outcome",
            self.logins.clone(),
        );
        registry.register(
            "issuer_client_authentications",
            "Checks of an app's secret, by outcome",
            self.clients.clone(),
        );
        registry.register(
            "issuer_throttled",
            "Requests answered with 429, by the limit that was reached",
            self.throttled.clone(),
        );
        registry.register(
            "issuer_refresh_replays",
            "Refresh tokens that were used twice, which ended their grant",
            self.refresh_replays.clone(),
        );
        registry.register(
            "issuer_store_errors",
            "Requests that failed because the store did",
            self.store_errors.clone(),
        );
    }

    /// Counts an answer; `endpoint` is a path as it is in the table of routes.
    pub(super) fn request(&self, endpoint: &str, status: u16) {
        let status = match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let endpoint = endpoint.to_owned();
        let labels = RequestLabels { endpoint, status };
        self.requests.get_or_create(&labels).inc();
    }

    pub(super) fn token_issued(&self, grant: TokenGrant) {
        self.tokens.get_or_create(&grant.label()).inc();
    }

    pub(super) fn attempt(&self, claimant: Claimant<'_>, outcome: AttemptOutcome) {
        let family = match claimant {
            Claimant::User(_) | Claimant::Nobody(_) => &self.logins,
            Claimant::App(_) => &self.clients,
        };
        family.get_or_create(&outcome.label()).inc();
    }

    pub(super) fn throttled(&self, limit: Limit) {
        self.throttled.get_or_create(&limit_label(limit)).inc();
    }

    pub(super) fn refresh_replayed(&self) {
        self.refresh_replays.inc();
    }

    pub(super) fn store_failed(&self) {
        self.store_errors.inc();
    }
}
