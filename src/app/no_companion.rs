//! What stands in for the issuer in a binary without it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::loaded::Core;
use super::serving::Serving;
use crate::admin::{ServedFeed, StoreProbe};
use crate::authorizer::Authorizer;
use crate::clock::Clock;
use crate::config::{Config, IssuerSettings};
use crate::feed::GateView;
use crate::reload::PortalFiles;
use crate::telemetry::SubjectNames;

/// How many threads an issuer gets.
pub(super) fn threads(settings: Option<&IssuerSettings>) -> Option<usize> {
    settings.map(|settings| match *settings {})
}

/// An issuer; there is none.
pub(super) enum Companion {}

impl Companion {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same signature as that of the issuer's companion"
    )]
    pub(super) fn open(
        config: &Config,
        _: &Handle,
        _: &Core,
        _: &SubjectNames,
        _: Arc<dyn Clock>,
    ) -> anyhow::Result<Option<Self>> {
        match &config.issuer {
            None => Ok(None),
            Some(settings) => match *settings {},
        }
    }

    pub(super) fn subject_names(&self) -> SubjectNames {
        match *self {}
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        match *self {}
    }

    pub(super) fn register_metrics(&self, _: &mut Registry) {
        match *self {}
    }

    pub(super) fn set_gate(&self, _: &Arc<Authorizer>, _: &PortalFiles, _: GateView) {
        match *self {}
    }

    pub(super) fn store_probe(&self) -> StoreProbe {
        match *self {}
    }

    pub(super) fn feed_address(&self) -> Option<SocketAddr> {
        match *self {}
    }

    pub(super) fn served_feed(&self) -> Option<Box<dyn Fn() -> ServedFeed + Send + Sync>> {
        match *self {}
    }

    pub(super) fn serve(self, _: &Handle, _: &Serving) -> anyhow::Result<Vec<JoinHandle<()>>> {
        match self {}
    }
}
