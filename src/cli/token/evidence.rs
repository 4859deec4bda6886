//! What the gate of a configuration judges tokens by, collected by another process: keys from where the gate
//! has them, and what their issuers have revoked. Nothing is written.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::authorizer::CurrentTrust;
use crate::clock::SystemClock;
use crate::config::{Config, Overrides};
use crate::keyring::{IssuerKeys, KeySource, Keyring};
use crate::token::Trust;

/// The longest that keys are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What tokens are judged by, and what could not be found out.
pub struct Evidence {
    current_trust: CurrentTrust,
    /// By the name of the entry in `trust`: one issuer may have several, each with keys of its own.
    gaps: BTreeMap<Box<str>, Gap>,
}

/// What is not known of an issuer, and why.
#[derive(Debug, Default, Clone)]
pub(in crate::cli) struct Gap {
    /// Why there are no keys.
    pub(in crate::cli) keys: Option<String>,
    /// Why it is not known what was revoked.
    pub(in crate::cli) revocations: Option<String>,
}

impl Evidence {
    /// Collects what the gate of this configuration would know. What cannot be had in time is a gap.
    pub fn load(config: &Path) -> anyhow::Result<Self> {
        let mut config = Config::load(config, &Overrides::default())?;
        for issuer in &mut config.trust {
            // These files belong to the gate that runs.
            match &mut issuer.keys {
                KeySource::Feed(feed) => feed.snapshot_file = None,
                KeySource::Remote(remote) => remote.cache_file = None,
                KeySource::File(_) | KeySource::HmacSecret(_) | KeySource::Companion => {}
            }
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let keyring = Keyring::new(runtime.handle().clone(), Arc::new(SystemClock));
        let mut gaps = runtime.block_on(companion::supply(&mut config, &keyring));
        let issuers = keyring.prepare(&config.trust)?;
        keyring.commit(issuers.clone(), || {});
        // An issuer that does not answer has no keys; the verdict on its tokens says so.
        let _ = runtime.block_on(async { timeout(PATIENCE, keyring.loaded()).await });
        for issuer in keyring.overview() {
            if issuer.keys.is_none() {
                let reason = why_no_keys(&issuer);
                let gap = gaps.entry(issuer.name).or_default();
                let reasons = [gap.keys.take(), reason];
                gap.keys = Some(reasons.into_iter().flatten().collect::<Vec<_>>().join(": "));
            }
        }
        Ok(Self {
            current_trust: issuers.current_trust(),
            gaps,
        })
    }

    /// What tokens are judged by.
    pub(in crate::cli) fn current_trust(&self) -> &CurrentTrust {
        &self.current_trust
    }

    /// Why there are no keys, of each issuer that has none.
    pub(in crate::cli) fn gaps_in_keys(&self) -> impl Iterator<Item = &str> {
        self.gaps.values().filter_map(|gap| gap.keys.as_deref())
    }

    /// What is not known of the issuer of the entry with this name.
    pub(in crate::cli) fn gap(&self, name: &str) -> Option<&Gap> {
        self.gaps.get(name)
    }
}

/// Trust in issuers that revoke nothing, with nothing missing.
impl From<Trust> for Evidence {
    fn from(trust: Trust) -> Self {
        Self {
            current_trust: trust.into(),
            gaps: BTreeMap::new(),
        }
    }
}

fn why_no_keys(issuer: &IssuerKeys) -> Option<String> {
    let remote = issuer.remote.as_ref();
    let fetch = remote.and_then(|state| state.last_failure.as_ref());
    let feed = issuer.feed.as_ref();
    let feed = feed.and_then(|feed| feed.state.last_failure.clone());
    let failure = fetch.map(|failure| failure.message.clone()).or(feed);
    let waited = remote.is_some() || issuer.feed.is_some();
    let late = || format!("nothing came within {} seconds", PATIENCE.as_secs());
    failure.or_else(|| waited.then(late))
}

#[cfg(not(feature = "issuer"))]
mod companion {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::Gap;
    use crate::config::Config;
    use crate::keyring::Keyring;

    /// There is no companion in this build.
    #[expect(clippy::unused_async, reason = "the other build waits for a store")]
    pub(super) async fn supply(_: &mut Config, _: &Arc<Keyring>) -> BTreeMap<Box<str>, Gap> {
        BTreeMap::new()
    }
}

#[cfg(feature = "issuer")]
mod companion {
    use std::collections::BTreeMap;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::sync::Arc;

    use tokio::time::timeout;

    use super::{Gap, PATIENCE};
    use crate::clock::{Clock, SystemClock};
    use crate::config::{Config, IssuerSettings};
    use crate::issuer::{Published, published};
    use crate::jwks::{JwksAddress, KeyLocation, PlainText, RemoteKeySettings};
    use crate::keyring::{KeySource, Keyring, TrustedIssuer};

    /// Gives the keyring what the issuer of this configuration has in its store. Where that cannot be read,
    /// the keys that the running server publishes take its place in `config`; what was revoked is then
    /// not known.
    pub(super) async fn supply(
        config: &mut Config,
        keyring: &Arc<Keyring>,
    ) -> BTreeMap<Box<str>, Gap> {
        let mut gaps = BTreeMap::new();
        let Some(settings) = &config.issuer else {
            return gaps;
        };
        let is_companion = |issuer: &&mut TrustedIssuer| issuer.keys == KeySource::Companion;
        let Some(entry) = config.trust.iter_mut().find(is_companion) else {
            return gaps;
        };
        let reading = timeout(PATIENCE, published(settings, SystemClock.now()));
        let reason = match reading.await {
            Ok(Ok(Published { keys, revocations })) => {
                keyring.set_companion_keys(keys);
                keyring.set_companion_revocations(revocations);
                return gaps;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!(
                "`issuer.store`: it has not answered for {} seconds",
                PATIENCE.as_secs()
            ),
        };
        let uri = jwks_uri(settings);
        gaps.insert(
            entry.rules.name.clone(),
            Gap {
                keys: Some(format!("{reason}; nor from the running server at `{uri}`")),
                revocations: Some(reason),
            },
        );
        // Its own listener, or the URL that the configuration has found sound.
        if let Ok(address) = JwksAddress::parse(&uri, PlainText::Refused) {
            let location = KeyLocation::Address(address);
            entry.keys = KeySource::Remote(RemoteKeySettings::new(location));
        }
        gaps
    }

    /// Where the running server publishes its keys: at its listener if that is on this machine, else under
    /// its own name.
    fn jwks_uri(settings: &IssuerSettings) -> String {
        let ip = match settings.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let port = settings.address.port();
        let server = if ip.is_loopback() && port != 0 {
            format!("http://{}", SocketAddr::new(ip, port))
        } else {
            settings.url.clone()
        };
        format!("{server}/.well-known/jwks.json")
    }
}
