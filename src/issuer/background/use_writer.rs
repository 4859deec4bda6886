//! Writes to the store when apps were last used.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, UnixSeconds};
use crate::issuer::app_uses::{AppUses, SECONDS};
use crate::store::Store;

/// How often it is asked whether there is something to write.
const POLL: Duration = Duration::from_secs(1);

/// Writes the uses of apps of one issuer.
pub(in crate::issuer) struct UseWriter {
    pub(in crate::issuer) store: Store,
    pub(in crate::issuer) uses: Arc<AppUses>,
    pub(in crate::issuer) clock: Arc<dyn Clock>,
}

impl UseWriter {
    /// Writes again and again, at most once a minute; never ends by itself.
    pub(super) async fn run(&self) {
        let mut written: Option<UnixSeconds> = None;
        loop {
            tokio::time::sleep(POLL).await;
            let now = self.clock.now();
            if !is_due(written, now) || self.uses.is_empty() {
                continue;
            }
            written = Some(now);
            if let Err(error) = self.uses.write(&self.store).await {
                tracing::warn!(%error, "when apps were last used cannot be written to the store");
            }
        }
    }
}

/// Whether it may be written again, also where the clock has gone back.
fn is_due(written: Option<UnixSeconds>, now: UnixSeconds) -> bool {
    !written.is_some_and(|at| (0..SECONDS).contains(&now.since(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_once_a_minute() {
        let at = UnixSeconds(1_800_000_030);
        assert!(is_due(None, at));
        for (later, due) in [
            (0, false),
            (59, false),
            (60, true),
            (3600, true),
            (-1, true),
        ] {
            assert_eq!(is_due(Some(at), at.plus(later)), due, "{later}");
        }
    }
}
