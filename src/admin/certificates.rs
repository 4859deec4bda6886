//! What `/status` tells of the certificates of listeners.

use serde::Serialize;

use super::ErrorStatus;
use crate::labels::Label;
use crate::tls::ServerTls;

/// The certificate of a listener.
#[derive(Debug, Serialize)]
pub(super) struct CertificateStatus {
    pub(super) listener: &'static str,
    pub(super) expires_at_unix_seconds: Option<i64>,
    pub(super) reload_failures: u64,
    /// Why the files are not used as they are now, and since when; null where they are.
    pub(super) reload_error: Option<ErrorStatus>,
}

impl CertificateStatus {
    pub(super) fn of(tls: &ServerTls) -> Self {
        let reloads = tls.reloads();
        Self {
            listener: tls.listener().label(),
            expires_at_unix_seconds: tls.validity().map(|validity| validity.not_after.0),
            reload_failures: reloads.failures,
            reload_error: reloads.error.map(|(since, error)| ErrorStatus {
                since_unix_seconds: since.0,
                error,
            }),
        }
    }
}
