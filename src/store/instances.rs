//! Which issuers run on the store: each writes again and again that it does. Rows of the table `settings`.

use sqlx::Row;

use super::{Store, StoreError};

/// How the names of these rows begin.
const PREFIX: &str = "issuer:";

/// What one issuer says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Of this process alone, and of none before.
    pub id: String,
    pub text: String,
}

impl Store {
    /// Writes what an issuer says of itself, in place of what it said before.
    pub async fn announce_instance(&self, row: &InstanceRow) -> Result<(), StoreError> {
        let text = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        sqlx::query(text)
            .bind(name(&row.id))
            .bind(row.text.clone())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// What all issuers say of themselves, of which some may have ended long ago.
    pub async fn instances(&self) -> Result<Vec<InstanceRow>, StoreError> {
        let text = "SELECT name, value FROM settings WHERE substr(name, 1, 7) = $1 ORDER BY name";
        let rows = sqlx::query(text)
            .bind(PREFIX)
            .fetch_all(&self.reader)
            .await?;
        let read = rows.iter().map(|row| {
            let name: &str = row.try_get("name")?;
            Ok(InstanceRow {
                id: name.strip_prefix(PREFIX).unwrap_or(name).to_owned(),
                text: row.try_get("value")?,
            })
        });
        read.collect()
    }

    /// Forgets an issuer that has ended.
    pub async fn forget_instance(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM settings WHERE name = $1")
            .bind(name(id))
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

fn name(id: &str) -> String {
    format!("{PREFIX}{id}")
}
