//! From where an issuer's keys are said to be to the keys themselves, or what fetches them.

use std::path::Path;
use std::sync::Arc;

use super::issuers::Keys;
use super::remote::{EarlierKeys, Remote};
use super::{KeySource, Keyring, KeyringError, TrustedIssuer};
use crate::feed::{self, FeedClient, FeedHost, FeedSettings, GateView};
use crate::jwks::{RemoteKeySettings, warn_of_skipped};
use crate::token::{IssuerRules, KeySet, SkippedKey, secret_in_file};
use crate::{certificates, files};

impl Keyring {
    /// Reads the keys, or prepares to fetch them, unless they are `fetched` already for this issuer or
    /// another one. The `earlier` keys of the issuer go on serving until the first fetch.
    pub(super) fn keys(
        self: &Arc<Self>,
        rules: &IssuerRules,
        source: &KeySource,
        earlier: Option<&Keys>,
        fetched: &[Remote],
    ) -> Result<Keys, KeyringError> {
        match source {
            KeySource::File(path) => key_file(rules, path).map(Keys::Fixed),
            KeySource::HmacSecret(path) => secret_file(rules, path).map(Keys::Fixed),
            KeySource::Companion => Ok(Keys::Companion(Arc::clone(&self.companion))),
            KeySource::Feed(settings) => self.subscribe(rules, settings, earlier),
            KeySource::Remote(settings) => self.remote(rules, settings, earlier, fetched),
        }
    }

    fn remote(
        self: &Arc<Self>,
        rules: &IssuerRules,
        settings: &RemoteKeySettings,
        earlier: Option<&Keys>,
        fetched: &[Remote],
    ) -> Result<Keys, KeyringError> {
        let pem = settings
            .ca_file
            .as_ref()
            .map(|path| files::read_public_keys(path));
        // Read anew at each reload, and compared by content: a certificate authority is replaced under
        // the same name.
        let ca_pem = pem.transpose().map_err(|source| KeyringError::File {
            issuer: rules.issuer.to_string(),
            key: "jwks_ca_file",
            source,
        })?;
        let earlier = match earlier {
            Some(Keys::Remote(remote)) => remote.as_earlier(),
            Some(Keys::Fixed(_) | Keys::Companion(_) | Keys::Feed(_)) | None => {
                EarlierKeys::default()
            }
        };
        // One fetch for entries that name the same place: the issuer is asked once, and its keys change
        // for all of them at once.
        let mut shared = fetched
            .iter()
            .filter_map(|remote| remote.shared(rules, settings, ca_pem.as_deref()));
        let remote = match shared.next() {
            Some(remote) => remote.with_earlier(earlier),
            None => self.fetch(rules, settings, ca_pem, earlier)?,
        };
        Ok(Keys::Remote(remote))
    }

    fn subscribe(
        self: &Arc<Self>,
        rules: &IssuerRules,
        settings: &FeedSettings,
        earlier: Option<&Keys>,
    ) -> Result<Keys, KeyringError> {
        let feed_error = |source| KeyringError::Feed {
            issuer: rules.issuer.to_string(),
            source,
        };
        let earlier = match earlier {
            Some(Keys::Feed(feed)) => Some(feed),
            Some(Keys::Fixed(_) | Keys::Companion(_) | Keys::Remote(_)) | None => None,
        };
        if let Some(feed) = earlier
            && feed
                .serves(&rules.algorithms, settings)
                .map_err(feed_error)?
        {
            // A reload that does not concern the feed must not interrupt it: meanwhile the gate would
            // not hear of revocations.
            return Ok(Keys::Feed(Arc::clone(feed)));
        }
        // The keyring owns the feed. A strong reference back would keep both alive, and the
        // subscription with them.
        let keyring = Arc::downgrade(self);
        // The feed begins before there is a gate to be seen.
        let gate = Arc::clone(&self.gate);
        let host = FeedHost {
            runtime: self.runtime.clone(),
            clock: Arc::clone(&self.clock),
            instance: self.instance.clone(),
            on_keys: Box::new(move || {
                if let Some(keyring) = keyring.upgrade() {
                    keyring.publish();
                }
            }),
            gate: GateView::new(move || gate.get()?.look()),
        };
        let earlier = earlier.map(|feed| &**feed);
        let (name, algorithms) = (&rules.issuer, &rules.algorithms);
        let feed = FeedClient::start(name, algorithms, settings.clone(), earlier, host);
        Ok(Keys::Feed(Arc::new(feed.map_err(feed_error)?)))
    }
}

/// What a start would find wrong with the files of an entry; what they hold is dropped. Where nothing is,
/// the keys that it would leave out.
pub fn check_files(trusted: &TrustedIssuer) -> Result<Vec<SkippedKey>, KeyringError> {
    let TrustedIssuer { rules, keys } = trusted;
    match keys {
        KeySource::File(path) => return read_key_file(rules, path).map(|(_, skipped)| skipped),
        KeySource::HmacSecret(path) => drop(secret_file(rules, path)?),
        KeySource::Remote(settings) => check_remote_files(rules, settings)?,
        KeySource::Feed(settings) => {
            feed::check_files(settings).map_err(|source| KeyringError::Feed {
                issuer: rules.issuer.to_string(),
                source,
            })?;
        }
        KeySource::Companion => {}
    }
    Ok(Vec::new())
}

fn check_remote_files(
    rules: &IssuerRules,
    settings: &RemoteKeySettings,
) -> Result<(), KeyringError> {
    let issuer = || rules.issuer.to_string();
    let file = |key| {
        move |source| KeyringError::File {
            issuer: issuer(),
            key,
            source,
        }
    };
    if let Some(path) = &settings.ca_file {
        let pem = files::read_public_keys(path).map_err(file("jwks_ca_file"))?;
        certificates::configured_roots(&pem).map_err(|error| KeyringError::Remote {
            issuer: issuer(),
            source: error.into(),
        })?;
    }
    if let Some(path) = &settings.token_file {
        files::read_token(path).map_err(file("jwks_token_file"))?;
    }
    Ok(())
}

fn key_file(rules: &IssuerRules, path: &Path) -> Result<KeySet, KeyringError> {
    let (keys, skipped) = read_key_file(rules, path)?;
    warn_of_skipped(&rules.issuer, &skipped);
    Ok(keys)
}

fn read_key_file(
    rules: &IssuerRules,
    path: &Path,
) -> Result<(KeySet, Vec<SkippedKey>), KeyringError> {
    let issuer = || rules.issuer.to_string();
    let json = files::read_public_keys(path).map_err(|source| KeyringError::File {
        issuer: issuer(),
        key: "jwks_file",
        source,
    })?;
    // A common mistake, for which the library's message would be about the first character of what is
    // no JSON.
    if json.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return Err(KeyringError::Pem {
            issuer: issuer(),
            path: path.to_owned(),
        });
    }
    let read = KeySet::from_jwks(&json, &rules.algorithms);
    read.map_err(|source| KeyringError::Keys {
        issuer: issuer(),
        key: "jwks_file",
        path: path.to_owned(),
        source,
    })
}

fn secret_file(rules: &IssuerRules, path: &Path) -> Result<KeySet, KeyringError> {
    let key = "hmac_secret_file";
    let secret = files::read_secret(path).map_err(|source| KeyringError::File {
        issuer: rules.issuer.to_string(),
        key,
        source,
    })?;
    let keys = KeySet::from_hmac_secret(secret_in_file(&secret), &rules.algorithms);
    keys.map_err(|source| KeyringError::Keys {
        issuer: rules.issuer.to_string(),
        key,
        path: path.to_owned(),
        source,
    })
}
