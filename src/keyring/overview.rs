//! What is known of the issuers' keys, for `/status` and metrics.

use std::time::Duration;

use super::issuers::{Issuers, Keys};
use crate::certificates::Validity;
use crate::feed::FeedState;
use crate::jwks::RemoteKeyState;
use crate::revocation::{Freshness, RevocationList, RevocationStatistics};
use crate::token::{IssuerRules, KeySet};

/// What is known of one issuer's keys.
#[derive(Debug, Clone)]
pub struct IssuerKeys {
    /// What the configuration calls the entry.
    pub name: Box<str>,
    /// Its `iss`, with the name of the entry where there are several for it.
    pub issuer: String,
    /// Usable keys; none where nothing was loaded yet.
    pub keys: Option<usize>,
    /// The state of the fetches, where the keys are remote.
    pub remote: Option<RemoteKeyState>,
    /// What it has revoked, where this is known.
    pub revocations: Option<RevocationStatistics>,
    /// How old that is; nothing where it is not known.
    pub age: Option<Duration>,
    /// Whether it is older than it may be.
    pub is_stale: bool,
    /// The state of its feed, where it has one.
    pub feed: Option<FeedOverview>,
}

impl IssuerKeys {
    fn tell_of(&mut self, list: &RevocationList) {
        self.revocations = Some(list.statistics());
        self.age = list.freshness().and_then(Freshness::age);
        self.is_stale = list.freshness().is_some_and(Freshness::is_stale);
    }
}

/// The state of a feed.
#[derive(Debug, Clone)]
pub struct FeedOverview {
    pub state: FeedState,
    /// How old what is known is; nothing where nothing is.
    pub age: Option<Duration>,
    /// When the certificate holds that this gate shows, where it has one.
    pub certificate: Option<Validity>,
}

impl Issuers {
    /// The `iss`. Where it has several entries the name tells them apart: two metrics with the same
    /// labels are none.
    fn label(&self, entry: &IssuerRules) -> String {
        let IssuerRules { issuer, name, .. } = entry;
        if self.has_several(entry) {
            format!("{issuer} ({name})")
        } else {
            issuer.to_string()
        }
    }

    pub(super) fn overview(&self) -> Vec<IssuerKeys> {
        let overview = self.iter().map(|(rules, keys)| {
            let mut overview = IssuerKeys {
                name: rules.name.clone(),
                issuer: self.label(rules),
                keys: None,
                remote: None,
                revocations: None,
                age: None,
                is_stale: false,
                feed: None,
            };
            match keys {
                Keys::Fixed(keys) => overview.keys = Some(keys.len()),
                Keys::Companion(companion) => {
                    overview.keys = companion.keys.lock().as_ref().map(KeySet::len);
                    // One lock after the other and never two at once.
                    let list = companion.revocations.lock();
                    if let Some(list) = &*list {
                        overview.tell_of(list);
                    }
                }
                Keys::Remote(remote) => {
                    overview.keys = remote.keys().as_ref().map(KeySet::len);
                    overview.remote = Some(remote.state());
                }
                Keys::Feed(feed) => {
                    overview.keys = feed.keys().usable().map(KeySet::len);
                    overview.tell_of(feed.revocations());
                    overview.feed = Some(FeedOverview {
                        state: feed.state(),
                        age: overview.age,
                        certificate: feed.certificate_validity(),
                    });
                }
            }
            overview
        });
        overview.collect()
    }
}
