//! By how many roles and apps scopes are used, and which names are scopes at all.

use std::collections::HashMap;

use sqlx::Row;

use super::statement::{assembled, chunks, placeholders};
use super::{Store, StoreError};
use crate::identity::ScopeName;

/// By what a scope is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScopeCounts {
    /// How many roles have it.
    pub roles: i64,
    /// How many apps have it in a list of their own.
    pub apps: i64,
}

impl Store {
    /// By what each of these scopes is used; without those that do not exist.
    pub async fn count_scope_uses(
        &self,
        scopes: &[&str],
    ) -> Result<HashMap<String, ScopeCounts>, StoreError> {
        let mut counts = HashMap::new();
        for some in chunks(scopes) {
            let among = placeholders(1, some.len());
            let text = format!(
                "SELECT s.name, (SELECT COUNT(*) FROM role_scopes r WHERE r.scope = s.name) AS roles, \
                 (SELECT COUNT(*) FROM app_scopes a WHERE a.scope = s.name) AS apps \
                 FROM scopes s WHERE s.name IN ({among})"
            );
            let mut select = sqlx::query(assembled(text));
            for scope in some {
                select = select.bind(*scope);
            }
            for row in select.fetch_all(&self.reader).await? {
                let of_scope = ScopeCounts {
                    roles: row.try_get("roles")?,
                    apps: row.try_get("apps")?,
                };
                counts.insert(row.try_get("name")?, of_scope);
            }
        }
        Ok(counts)
    }

    /// Those of these names that no scope has, in their order. A name that no scope can have is one of them.
    pub async fn unknown_scopes<'n>(&self, names: &[&'n str]) -> Result<Vec<&'n str>, StoreError> {
        let possible: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| ScopeName::parse(name).is_ok())
            .collect();
        let mut known = Vec::new();
        for some in chunks(&possible) {
            let among = placeholders(1, some.len());
            let text = format!("SELECT name FROM scopes WHERE name IN ({among})");
            let mut select = sqlx::query(assembled(text));
            for name in some {
                select = select.bind(*name);
            }
            for row in select.fetch_all(&self.reader).await? {
                known.push(row.try_get::<String, _>("name")?);
            }
        }
        let mut unknown = names.to_vec();
        unknown.retain(|name| !known.iter().any(|known| known == name));
        Ok(unknown)
    }
}
