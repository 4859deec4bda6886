//! Writes to the store who has logged in, or tried to.

use std::sync::Arc;

use crate::issuer::sign_ins::{INTERVAL, SignIns};
use crate::store::Store;

/// Writes what is remembered of log-ins at one issuer.
pub(in crate::issuer) struct SignInWriter {
    pub(in crate::issuer) store: Store,
    pub(in crate::issuer) sign_ins: Arc<SignIns>,
}

impl SignInWriter {
    /// Writes again and again; never ends by itself.
    pub(super) async fn run(&self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            if self.sign_ins.is_empty() {
                continue;
            }
            if let Err(error) = self.sign_ins.write(&self.store).await {
                tracing::warn!(%error, "who has logged in cannot be written to the store");
            }
        }
    }
}
