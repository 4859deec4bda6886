//! When apps were last used.

use super::locking::noting_uses;
use super::statement::{assembled, chunks};
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::AppKey;

impl Store {
    /// Notes that these apps were used at this instant, which moves on and never back. An app that somebody is
    /// changing at the moment is left out.
    pub async fn note_app_uses(&self, apps: &[AppKey], at: UnixSeconds) -> Result<(), StoreError> {
        for some in chunks(apps) {
            let text = noting_uses(self.engine, some.len());
            let mut update = sqlx::query(assembled(text)).bind(at.0);
            for app in some {
                update = update.bind(app.as_str());
            }
            update.execute(&self.writer).await?;
        }
        Ok(())
    }
}
