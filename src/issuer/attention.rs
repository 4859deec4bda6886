//! What needs a person: found when somebody looks, and kept nowhere.

use super::Issuer;
use super::directory::{Days, Directory, DirectoryError};
use crate::feed::{AboutGate, GateState, ListedGate};
use crate::identity::ScopeSet;
use crate::policy::Route;
use crate::store::StaleApps;

/// So many routes are told by name.
const TOLD_ROUTES: usize = 5;

/// What somebody with certain scopes should look at; none where others see to it.
pub(super) struct Attention {
    /// Active apps unused for [`Days::UNUSED`], and with secrets of [`Days::OLD_SECRET`].
    pub(super) apps: Option<StaleApps>,
    /// So many administrators must have a passkey and have none: they and their apps administer by nothing.
    pub(super) without_passkey: Option<i64>,
    pub(super) gates: Option<GatesToLookAt>,
    /// None as well where the process has no gate.
    pub(super) closed_routes: Option<ClosedRoutes>,
}

/// Gates that do not enforce what this process would.
pub(super) struct GatesToLookAt {
    /// So many do not refuse all that has been revoked, or have been silent for a while.
    pub(super) lagging: usize,
    /// So many were connected some hours ago, and are not.
    pub(super) gone: usize,
    /// So many have told that they have another policy in force than the gate in this process.
    pub(super) other_policies: usize,
}

/// Routes that no user of the site passes, as no role has their scopes.
pub(super) struct ClosedRoutes {
    pub(super) count: usize,
    /// The first of them.
    pub(super) names: Vec<String>,
}

impl Issuer {
    /// What somebody with these scopes should look at, by what they open.
    pub(super) async fn attention(
        &self,
        directory: &Directory<'_>,
        scopes: &ScopeSet,
    ) -> Result<Attention, DirectoryError> {
        let apps = if scopes.contains("backend.app") {
            let stale = directory.stale_apps(Days::UNUSED, Days::OLD_SECRET);
            Some(stale.await?)
        } else {
            None
        };
        let without_passkey = if scopes.contains("backend.user") {
            Some(directory.administrators_without_passkeys().await?)
        } else {
            None
        };
        let gates = scopes.contains("backend.token");
        let gates = gates.then(|| {
            let own = self.own_gate();
            GatesToLookAt::among(&self.feed().gates(), own.as_ref())
        });
        let closed_routes = match self.in_force() {
            Some(snapshot) if scopes.contains("backend.role") => {
                let given = directory.scopes_of_roles().await?;
                let names: Vec<&str> = snapshot.trust().names_of(&self.settings.url).collect();
                let routes = snapshot.policy().routes().iter().map(|route| &**route);
                let counts = |route: &&Route| names.iter().any(|name| route.issuers.include(name));
                Some(ClosedRoutes::among(routes.filter(counts), &given))
            }
            Some(_) | None => None,
        };
        Ok(Attention {
            apps,
            without_passkey,
            gates,
            closed_routes,
        })
    }
}

impl GatesToLookAt {
    /// Those of `gates`, beside which `own` is the one in this process.
    fn among(gates: &[ListedGate], own: Option<&AboutGate>) -> Self {
        let (gone, connected): (Vec<_>, Vec<_>) =
            gates.iter().partition(|gate| gate.state == GateState::Gone);
        let lagging = connected.iter().filter(|gate| gate.state.is_bad());
        let has_other_policy = |gate: &&&ListedGate| {
            let told = gate.report.as_ref().zip(own);
            told.is_some_and(|(told, own)| told.about.policy_digest != own.policy_digest)
        };
        Self {
            lagging: lagging.count(),
            gone: gone.len(),
            other_policies: connected.iter().filter(has_other_policy).count(),
        }
    }
}

impl ClosedRoutes {
    /// Those of `routes` that nobody passes who has no more than the scopes in `given`.
    fn among<'r>(routes: impl Iterator<Item = &'r Route>, given: &ScopeSet) -> Self {
        let closed = routes.filter(|route| {
            let required = route.requirement.scopes();
            required.is_some_and(|required| !required.are_met(|scope| given.contains(scope)))
        });
        let mut names: Vec<String> = closed.map(|route| route.name.to_string()).collect();
        let count = names.len();
        names.truncate(TOLD_ROUTES);
        Self { count, names }
    }
}
