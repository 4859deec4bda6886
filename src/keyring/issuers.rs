//! The issuers with their keys, as one configuration has them.

use std::sync::Arc;

use parking_lot::Mutex;

use super::remote::Remote;
use crate::authorizer::CurrentTrust;
use crate::feed::FeedClient;
use crate::revocation::RevocationList;
use crate::token::{DuplicateIssuerError, IssuerIndex, IssuerRules, KeySet, Trust};

/// The keys of one issuer.
#[derive(Clone)]
pub(super) enum Keys {
    Fixed(KeySet),
    /// Those of the issuer in the same process, as they are now.
    Companion(Arc<CompanionKeys>),
    Remote(Remote),
    /// They come with what the issuer revokes.
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
            Self::Remote(remote) => remote.keys(),
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

    async fn loaded(&self, issuer: &str) {
        match self {
            Self::Remote(remote) => remote.loaded(issuer).await,
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
    pub fn current_trust(&self) -> CurrentTrust {
        let mut trust = self.trust.clone();
        for (position, keys) in self.keys.iter().enumerate() {
            if let Some(keys) = keys.present() {
                trust = trust.with_keys(IssuerIndex(position), keys);
            }
        }
        CurrentTrust::new(trust, |IssuerIndex(position)| {
            self.keys.get(position).and_then(Keys::revocations)
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&IssuerRules, &Keys)> {
        let rules = self.trust.issuers().map(|(_, rules)| rules);
        rules.zip(&self.keys)
    }

    /// The keys that the entry of this name had for its issuer.
    pub(super) fn keys_of(&self, entry: &IssuerRules) -> Option<&Keys> {
        let same = |rules: &IssuerRules| rules.issuer == entry.issuer && rules.name == entry.name;
        self.iter()
            .find(|(rules, _)| same(rules))
            .map(|(_, keys)| keys)
    }

    /// The keys of an issuer that had one entry, whatever its name was.
    pub(super) fn only_keys_of(&self, issuer: &str) -> Option<&Keys> {
        let mut entries = self.iter().filter(|(rules, _)| *rules.issuer == *issuer);
        match (entries.next(), entries.next()) {
            (Some((_, keys)), None) => Some(keys),
            _ => None,
        }
    }

    /// Whether the issuer of this entry has others as well.
    pub(super) fn has_several(&self, entry: &IssuerRules) -> bool {
        let mut entries = self
            .iter()
            .filter(|(rules, _)| rules.issuer == entry.issuer);
        entries.nth(1).is_some()
    }

    /// What is fetched at present, for issuers that ask for the same.
    pub(super) fn remotes(&self) -> Vec<Remote> {
        let remotes = self.keys.iter().filter_map(|keys| match keys {
            Keys::Remote(remote) => Some(remote.clone()),
            Keys::Fixed(_) | Keys::Companion(_) | Keys::Feed(_) => None,
        });
        remotes.collect()
    }

    /// The clients of feeds.
    pub(super) fn feeds(&self) -> impl Iterator<Item = &Arc<FeedClient>> {
        self.keys.iter().filter_map(|keys| match keys {
            Keys::Feed(feed) => Some(feed),
            Keys::Fixed(_) | Keys::Companion(_) | Keys::Remote(_) => None,
        })
    }

    pub(super) async fn loaded(&self) {
        // One after the other: what each may wait for ends at the same time.
        for (rules, keys) in self.iter() {
            keys.loaded(&rules.issuer).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Algorithm;

    fn entry(name: &str, audience: &str) -> IssuerRules {
        IssuerRules::of_access_tokens(name, "https://id", &[audience], &[Algorithm::Hs256])
    }

    fn keys(secret: u8) -> Keys {
        let secret: Vec<u8> = (secret..secret + 64).collect();
        let keys = KeySet::from_hmac_secret(&secret, &[Algorithm::Hs256]);
        Keys::Fixed(keys.unwrap())
    }

    #[test]
    fn entries_of_one_issuer_do_not_take_over_the_keys_of_each_other() {
        let people = (entry("people", "web-shop"), keys(1));
        let services = (entry("services", "orders-api"), keys(2));
        let both = Issuers::new(vec![people.clone(), services]).unwrap();
        let second = both.keys_of(&entry("services", "other"));
        assert_eq!(second.unwrap().present(), keys(2).present());
        assert!(both.keys_of(&entry("robots", "orders-api")).is_none());
        assert!(both.only_keys_of("https://id").is_none());
        // A single entry may have got another name.
        let one = Issuers::new(vec![people]).unwrap();
        assert!(one.keys_of(&entry("staff", "web-shop")).is_none());
        let renamed = one.only_keys_of("https://id");
        assert_eq!(renamed.unwrap().present(), keys(1).present());
    }
}
