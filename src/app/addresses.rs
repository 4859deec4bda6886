//! Where each listener is.

use std::net::SocketAddr;

use super::companion::Companion;
use super::socket::{AdminSockets, AuthzSocket};
use crate::authorizer::Snapshot;
use crate::config::ListenAddress;

/// Where each listener is; the real port where the configuration says 0.
pub(super) struct Addresses {
    pub(super) authz: ListenAddress,
    pub(super) admin: SocketAddr,
    pub(super) plain_admin: Option<SocketAddr>,
    pub(super) issuer: Option<SocketAddr>,
    pub(super) feed: Option<SocketAddr>,
}

impl Addresses {
    pub(super) fn of(
        authz: &AuthzSocket,
        admin: &AdminSockets,
        companion: Option<&Companion>,
    ) -> anyhow::Result<Self> {
        let (admin, plain_admin) = admin.addresses()?;
        Ok(Self {
            authz: authz.address(),
            admin,
            plain_admin,
            issuer: companion.map(Companion::address).transpose()?,
            feed: companion.and_then(Companion::feed_address),
        })
    }

    /// Logs where the gate listens, and by which policy it decides.
    pub(super) fn tell(&self, snapshot: &Snapshot) {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            authz.address = %self.authz,
            admin.address = %self.admin,
            admin.plain_address = self.plain_admin.map(tracing::field::display),
            issuer.address = self.issuer.map(tracing::field::display),
            feed.address = self.feed.map(tracing::field::display),
            policy.digest = snapshot.policy().digest(),
            policy.routes = snapshot.policy().routes().len(),
            shadow.policy.digest = snapshot.shadow().map(|shadow| shadow.policy().digest()),
            "serving"
        );
    }
}
