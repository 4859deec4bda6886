//! The issuers with their keys, as one configuration has them.

use std::sync::Arc;

use parking_lot::Mutex;

use super::remote::Remote;
use crate::authorizer::Belief;
use crate::feed::FeedClient;
use crate::revocation::RevocationList;
use crate::token::{DuplicateIssuerError, IssuerIndex, IssuerRules, KeySet, Trust};

/// The keys of one issuer.
#[derive(Clone)]
pub(super) enum Keys {
    Fixed(KeySet),
    /// Those of the issuer in the same process, as they are now.
    Companion(Arc<CompanionKeys>),
    Remote(Arc<Remote>),
    /// They come with what the issuer takes back.
    Feed(Arc<FeedClient>),
}

/// What the issuer in the same process hands over, once it has opened.
#[derive(Default)]
pub(super) struct CompanionKeys {
    pub(super) keys: Mutex<Option<KeySet>>,
    pub(super) revocations: Mutex<Option<Arc<RevocationList>>>,
}

/// The issuers with their keys, as one configuration has them.
#[derive(Clone, Default)]
pub struct Issuers {
    /// Rules without keys: what no fetch changes.
    trust: Trust,
    /// In the order of the trust.
    keys: Vec<Keys>,
}

impl Keys {
    fn present(&self) -> Option<KeySet> {
        match self {
            Self::Fixed(keys) => Some(keys.clone()),
            Self::Companion(companion) => companion.keys.lock().clone(),
            Self::Remote(remote) => remote.latest.lock().clone(),
            Self::Feed(feed) => feed.keys().usable().cloned(),
        }
    }

    fn revocations(&self) -> Option<Arc<RevocationList>> {
        match self {
            Self::Companion(companion) => companion.revocations.lock().clone(),
            Self::Feed(feed) => Some(Arc::clone(feed.revocations())),
            Self::Fixed(_) | Self::Remote(_) => None,
        }
    }

    async fn loaded(&self) {
        match self {
            Self::Remote(remote) => {
                remote.fetcher.loaded().await;
            }
            Self::Feed(feed) => feed.ready().await,
            Self::Fixed(_) | Self::Companion(_) => {}
        }
    }
}

impl Issuers {
    pub(super) fn new(issuers: Vec<(IssuerRules, Keys)>) -> Result<Self, DuplicateIssuerError> {
        let (rules, keys): (Vec<_>, Vec<_>) = issuers.into_iter().unzip();
        let trust = Trust::new(rules.into_iter().map(|rules| (rules, None)).collect())?;
        Ok(Self { trust, keys })
    }

    /// What these issuers have signed is trusted, with their keys as they are now.
    pub fn belief(&self) -> Belief {
        let mut trust = self.trust.clone();
        for (position, keys) in self.keys.iter().enumerate() {
            if let Some(keys) = keys.present() {
                trust = trust.with_keys(IssuerIndex(position), keys);
            }
        }
        Belief::new(trust, self.keys.iter().map(Keys::revocations).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&IssuerRules, &Keys)> {
        let rules = self.trust.issuers().map(|(_, rules)| rules);
        rules.zip(&self.keys)
    }

    pub(super) fn keys_of(&self, issuer: &str) -> Option<&Keys> {
        let mut issuers = self.iter();
        let (_, keys) = issuers.find(|(rules, _)| *rules.issuer == *issuer)?;
        Some(keys)
    }

    pub(super) fn keys(&self, issuer: IssuerIndex) -> Option<&Keys> {
        self.keys.get(issuer.0)
    }

    pub(super) async fn loaded(&self) {
        for keys in &self.keys {
            keys.loaded().await;
        }
    }
}
