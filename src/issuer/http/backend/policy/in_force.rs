//! The policy in force at the gate beside the issuer, held against the roles and scopes of the issuer.

use std::sync::Arc;

use crate::authorizer::Snapshot;
use crate::identity::Role;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::routes::{MAX_SEARCH_BYTES, asked_for, matching};
use crate::policy::{Policy, Requirement, Route};
use crate::store::{Listing, Page};

/// So many roles are looked at.
const MAX_ROLES: usize = 1000;

/// So many scopes that are missing in the catalogue are named.
const MAX_UNKNOWN: usize = 50;

/// What is in force, and what the issuer knows about it.
pub(in crate::issuer::http) struct InForce {
    snapshot: Arc<Snapshot>,
    /// What the gate's `trust` calls the issuer; none where it is not trusted.
    names: Vec<String>,
    roles: Listing<Role>,
    /// Scopes that the policy asks for and the catalogue does not have.
    unknown: Vec<String>,
    has_more_unknown: bool,
}

/// Who passes a route.
pub(in crate::issuer::http) enum Passing<'r> {
    /// With or without a token.
    Everybody,
    Nobody,
    /// Tokens of the site do not count there, whatever their scopes.
    NobodyHere,
    EveryUser,
    /// Users of these roles, of those that were looked at.
    Roles(Vec<&'r Role>),
}

impl InForce {
    /// What is in force at this moment; none where the issuer runs without a gate beside it.
    pub(in crate::issuer::http) async fn now(
        access: &DirectoryAccess,
    ) -> Result<Option<Self>, EndpointError> {
        let Some(snapshot) = access.issuer.in_force() else {
            return Ok(None);
        };
        let roles = access.directory().roles(&Page::first(MAX_ROLES)).await?;
        let asked = asked_for(snapshot.policy());
        let mut unknown = access.issuer.store.unknown_scopes(&asked).await?;
        let has_more_unknown = unknown.len() > MAX_UNKNOWN;
        unknown.truncate(MAX_UNKNOWN);
        let names = snapshot.trust().names_of(&access.issuer.settings.url);
        Ok(Some(Self {
            names: names.map(str::to_owned).collect(),
            unknown: unknown.into_iter().map(str::to_owned).collect(),
            has_more_unknown,
            roles,
            snapshot,
        }))
    }

    pub(in crate::issuer::http) fn policy(&self) -> &Policy {
        self.snapshot.policy()
    }

    /// A page of the routes whose name, path or scopes hold `search`, in the order of their names.
    pub(in crate::issuer::http) fn routes(
        &self,
        search: &str,
        page: &Page,
    ) -> Result<Listing<&Route>, EndpointError> {
        if search.len() > MAX_SEARCH_BYTES {
            return Err(EndpointError::Parameter("search"));
        }
        let found = matching(self.policy(), search);
        let found = found.filter(|route| *route.name > *page.after);
        let mut items: Vec<&Route> = found.take(page.limit.saturating_add(1)).collect();
        let has_more = items.len() > page.limit;
        items.truncate(page.limit);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|route| route.name.to_string());
        Ok(Listing { items, next })
    }

    /// Who passes a route of the policy.
    pub(in crate::issuer::http) fn passing(&self, route: &Route) -> Passing<'_> {
        let is_for_others = !self.names.iter().any(|name| route.issuers.include(name));
        match &route.requirement {
            Requirement::Public => Passing::Everybody,
            Requirement::Nobody => Passing::Nobody,
            Requirement::Authenticated | Requirement::Scopes(_) if is_for_others => {
                Passing::NobodyHere
            }
            Requirement::Authenticated => Passing::EveryUser,
            Requirement::Scopes(required) => {
                let roles = self.roles.items.iter();
                let open =
                    roles.filter(|role| required.are_met(|scope| role.scopes.contains(scope)));
                Passing::Roles(open.collect())
            }
        }
    }

    /// Whether there are roles that nobody looked at.
    pub(in crate::issuer::http) fn has_more_roles(&self) -> bool {
        self.roles.next.is_some()
    }

    /// The first scopes that the policy asks for and the catalogue does not have.
    pub(in crate::issuer::http) fn unknown_scopes(&self) -> &[String] {
        &self.unknown
    }

    pub(in crate::issuer::http) fn has_more_unknown_scopes(&self) -> bool {
        self.has_more_unknown
    }
}
