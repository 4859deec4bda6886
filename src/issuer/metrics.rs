//! What the issuer counts of the tokens that it gives out. Labels come from closed sets.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The counters of one issuer.
#[derive(Debug, Default)]
pub(super) struct IssuerMetrics {
    tokens: Family<GrantLabel, Counter>,
    refresh_replays: Counter,
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GrantLabel {
    grant: &'static str,
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

impl IssuerMetrics {
    /// Counters whose labels are all there from the start.
    pub(super) fn new() -> Self {
        let metrics = Self::default();
        for grant in TokenGrant::ALL {
            metrics.tokens.get_or_create(&grant.label()).inc_by(0);
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
            self.refresh_replays.clone(),
        );
    }

    pub(super) fn token_issued(&self, grant: TokenGrant) {
        self.tokens.get_or_create(&grant.label()).inc();
    }

    pub(super) fn refresh_replayed(&self) {
        self.refresh_replays.inc();
    }
}
