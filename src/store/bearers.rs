//! What those have who would lose something with a role or a scope: a change may need as much.

use sqlx::Row;

use super::statement::{assembled, placeholders};
use super::{Change, StoreError};
use crate::identity::{RoleName, ScopeName, ScopeSet};

/// Whose tokens would end.
#[derive(Debug, Clone, Copy)]
pub enum Bearers<'a> {
    /// Who has this role.
    OfRole(&'a RoleName),
    /// Who has a role with this scope.
    OfScope(&'a ScopeName),
}

impl Change {
    /// Those of `scopes`, few as they are, that a role with this scope has itself.
    pub async fn scopes_beside(
        &mut self,
        scope: &ScopeName,
        scopes: &ScopeSet,
    ) -> Result<ScopeSet, StoreError> {
        let text = |among: &str| {
            format!(
                "SELECT DISTINCT s.scope FROM role_scopes s WHERE s.scope IN ({among}) AND EXISTS \
                 (SELECT 1 FROM role_scopes t WHERE t.role = s.role AND t.scope = $1)"
            )
        };
        self.scopes_among(scope.as_str(), scopes, text).await
    }

    /// Those of `scopes`, few as they are, that somebody among `bearers` has by whatever role.
    pub async fn scopes_of_bearers(
        &mut self,
        bearers: Bearers<'_>,
        scopes: &ScopeSet,
    ) -> Result<ScopeSet, StoreError> {
        let name = match bearers {
            Bearers::OfRole(role) => role.as_str(),
            Bearers::OfScope(scope) => scope.as_str(),
        };
        let text = |among: &str| bearers.text(among);
        self.scopes_among(name, scopes, text).await
    }

    async fn scopes_among(
        &mut self,
        name: &str,
        scopes: &ScopeSet,
        text: impl Fn(&str) -> String,
    ) -> Result<ScopeSet, StoreError> {
        if scopes.is_empty() {
            return Ok(ScopeSet::default());
        }
        let text = text(&placeholders(2, scopes.iter().count()));
        // Planned for these: few have them, and nearly all may have the role that is asked about.
        let mut query = sqlx::query(assembled(text))
            .persistent(false)
            .bind(name.to_owned());
        for scope in scopes.iter() {
            query = query.bind(scope.as_str());
        }
        let rows = query.fetch_all(&mut *self.transaction).await?;
        let found = rows.iter().map(|row| {
            let name = ScopeName::parse(row.try_get("scope")?);
            name.map_err(|_| StoreError::Unreadable("scope"))
        });
        found.collect()
    }
}

impl Bearers<'_> {
    /// From the few who have such a scope to their roles, and not the other way round, where there may be a million: with
    /// a limit PostgreSQL keeps what is asked of each row apart.
    pub(super) fn text(self, among: &str) -> String {
        let is_bearer = match self {
            Self::OfRole(_) => "user_roles m WHERE m.user_id = held.user_id AND m.role = $1",
            Self::OfScope(_) => {
                "user_roles m JOIN role_scopes t ON t.role = m.role \
                 WHERE m.user_id = held.user_id AND t.scope = $1"
            }
        };
        format!(
            "SELECT DISTINCT s.scope FROM role_scopes s WHERE s.scope IN ({among}) AND EXISTS \
             (SELECT 1 FROM user_roles held WHERE held.role = s.role AND EXISTS \
             (SELECT 1 FROM {is_bearer} LIMIT 1 OFFSET 0) LIMIT 1 OFFSET 0)"
        )
    }
}
