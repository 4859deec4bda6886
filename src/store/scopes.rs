//! Scopes.

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};

use super::columns;
use super::connections::Transaction;
use super::made::LAST;
use super::statement::{assembled, chunks, placeholders};
use super::{Change, Created, Listing, Page, Store, StoreError, created};
use crate::clock::UnixSeconds;
use crate::identity::{Description, RoleName, Scope, ScopeName, ScopeSet};

const SELECT: &str = "SELECT s.name, s.description FROM scopes s";

/// One look into the index for each scope, however many roles have it.
pub(super) fn of_roles_text() -> String {
    format!("{SELECT} WHERE EXISTS (SELECT 1 FROM role_scopes r WHERE r.scope = s.name)")
}

impl Store {
    /// Adds a scope; one that exists keeps its description.
    pub async fn add_scope(
        &self,
        scope: &ScopeName,
        description: &str,
    ) -> Result<Created, StoreError> {
        let mut change = self.change(UnixSeconds(0)).await?;
        let created = change.add_scope(scope, description).await?;
        // A scope that nobody has takes nothing away.
        let _ = change.commit().await?;
        Ok(created)
    }

    /// The scope of this name.
    pub async fn scope(&self, name: &ScopeName) -> Result<Option<Scope>, StoreError> {
        named(&self.reader, name).await
    }

    pub async fn scopes(&self, page: &Page) -> Result<Listing<Scope>, StoreError> {
        let text = format!("{SELECT} WHERE s.name > $1 ORDER BY s.name LIMIT $2");
        let rows = sqlx::query(assembled(text))
            .bind(&*page.after)
            .bind(page.rows())
            .fetch_all(&self.reader)
            .await?;
        let scopes = rows.iter().map(read).collect::<Result<_, _>>()?;
        let name = |scope: &Scope| scope.name.as_str().to_owned();
        Ok(Listing::of(scopes, page, name))
    }

    /// The scopes that some role has.
    pub async fn scopes_of_roles(&self) -> Result<ScopeSet, StoreError> {
        let select = sqlx::query(assembled(of_roles_text()));
        let rows = select.fetch_all(&self.reader).await?;
        rows.iter().map(|row| Ok(read(row)?.name)).collect()
    }
}

impl Change {
    /// Adds a scope; one that exists keeps its description.
    pub async fn add_scope(
        &mut self,
        scope: &ScopeName,
        description: &str,
    ) -> Result<Created, StoreError> {
        self.count_made().await?;
        let text = format!(
            "INSERT INTO scopes (name, description, made) VALUES ($1, $2, {LAST}) \
             ON CONFLICT (name) DO NOTHING"
        );
        let texts = [scope.as_str(), description].map(str::to_owned);
        Ok(match self.execute(assembled(text), &texts, &[]).await? {
            0 => Created::NameTaken,
            _ => Created::Yes,
        })
    }

    /// Whether there are more scopes than so many.
    pub async fn has_more_scopes(&mut self, than: u32) -> Result<bool, StoreError> {
        let text = "SELECT name FROM scopes LIMIT 1 OFFSET $1";
        has_more(&mut self.transaction, text, than).await
    }

    /// The scope of this name.
    pub async fn scope(&mut self, name: &ScopeName) -> Result<Option<Scope>, StoreError> {
        named(&mut *self.transaction, name).await
    }

    /// One of `scopes` that does not exist.
    pub async fn missing_scope(
        &mut self,
        scopes: &ScopeSet,
    ) -> Result<Option<ScopeName>, StoreError> {
        let mut found = Vec::new();
        let names: Vec<&ScopeName> = scopes.iter().collect();
        // In pieces: a caller may name more than one statement can.
        for some in chunks(&names) {
            let among = placeholders(1, some.len());
            let text = format!("{SELECT} WHERE s.name IN ({among})");
            let mut query = sqlx::query(assembled(text));
            for scope in some {
                query = query.bind(scope.as_str());
            }
            for row in query.fetch_all(&mut *self.transaction).await? {
                found.push(read(&row)?.name);
            }
        }
        let found: ScopeSet = found.into_iter().collect();
        Ok(scopes.without(&found).iter().next().cloned())
    }

    /// Says in other words what a scope allows.
    pub async fn describe_scope(
        &mut self,
        scope: &ScopeName,
        description: &Description,
    ) -> Result<(), StoreError> {
        let texts = [scope.as_str(), description.as_str()].map(str::to_owned);
        let text = "UPDATE scopes SET description = $2 WHERE name = $1";
        self.execute(text, &texts, &[]).await?;
        Ok(())
    }

    /// Gives a scope another name. Where the name is taken the change is over.
    pub async fn rename_scope(
        &mut self,
        scope: &ScopeName,
        name: &ScopeName,
    ) -> Result<Created, StoreError> {
        self.touch_roles_with(scope).await?;
        let renamed = sqlx::query("UPDATE scopes SET name = $2 WHERE name = $1")
            .bind(scope.as_str())
            .bind(name.as_str())
            .execute(&mut *self.transaction)
            .await;
        created(renamed.map(|_| ()))
    }

    /// How many apps have a scope in their list.
    pub async fn count_apps_with(&mut self, scope: &ScopeName) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS apps FROM app_scopes WHERE scope = $1")
            .bind(scope.as_str())
            .fetch_one(&mut *self.transaction)
            .await?;
        Ok(row.try_get("apps")?)
    }

    /// Deletes a scope, from roles and apps as well.
    pub async fn delete_scope(&mut self, scope: &ScopeName) -> Result<(), StoreError> {
        // Before it goes from the roles: afterwards nobody could say who has lost it.
        self.touch_roles_with(scope).await?;
        let texts = [scope.as_str().to_owned()];
        self.execute("DELETE FROM scopes WHERE name = $1", &texts, &[])
            .await?;
        Ok(())
    }

    /// The roles that have the scope, in the order of their names.
    pub async fn roles_with(&mut self, scope: &ScopeName) -> Result<Vec<RoleName>, StoreError> {
        let rows = sqlx::query("SELECT role FROM role_scopes WHERE scope = $1 ORDER BY role")
            .bind(scope.as_str())
            .fetch_all(&mut *self.transaction)
            .await?;
        rows.iter().map(|row| columns::role(row, "role")).collect()
    }

    async fn touch_roles_with(&mut self, scope: &ScopeName) -> Result<(), StoreError> {
        for role in self.roles_with(scope).await? {
            self.touched.role(&mut self.transaction, &role).await?;
        }
        Ok(())
    }
}

/// Whether a statement that skips so many rows finds another one.
pub(super) async fn has_more(
    transaction: &mut Transaction,
    text: &'static str,
    than: u32,
) -> Result<bool, StoreError> {
    let row = sqlx::query(text)
        .bind(i64::from(than))
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(row.is_some())
}

async fn named(
    database: impl Executor<'_, Database = Any>,
    name: &ScopeName,
) -> Result<Option<Scope>, StoreError> {
    let row = sqlx::query(assembled(format!("{SELECT} WHERE s.name = $1")))
        .bind(name.as_str())
        .fetch_optional(database)
        .await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<Scope, StoreError> {
    let unreadable = StoreError::Unreadable("scope");
    let Ok(name) = ScopeName::parse(row.try_get("name")?) else {
        return Err(unreadable);
    };
    // Descriptions of earlier releases had no bound.
    let text: &str = row.try_get("description")?;
    let text: String = text
        .chars()
        .filter(|one| !one.is_control())
        .take(256)
        .collect();
    let description = Description::parse(&text).map_err(|_| unreadable)?;
    Ok(Scope { name, description })
}
