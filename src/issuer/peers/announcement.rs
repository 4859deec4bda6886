//! What an issuer says of itself to the others on its store, and how two of them differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;
use crate::coding::hex;
use crate::identity::RequiredFor;
use crate::issuer::{BucketSettings, IssuerSettings, Registration};

pub(super) const URL_SETTING: &str = "issuer.url";

/// Who an issuer is, and by which settings it judges. Of another release, it may have others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Announcement {
    host: String,
    version: String,
    started_at: i64,
    seen_at: i64,
    settings: BTreeMap<String, String>,
}

/// A setting that another issuer on the store has otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Disagreement {
    pub setting: String,
    pub own: String,
    pub other: String,
    /// Where the other runs.
    pub host: String,
}

impl Announcement {
    /// Of an issuer that starts.
    pub(super) fn of(settings: &IssuerSettings, now: UnixSeconds) -> Self {
        Self {
            host: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now.0,
            seen_at: now.0,
            settings: shared(settings),
        }
    }

    pub(super) fn seen_at(&self, now: UnixSeconds) -> Self {
        Self {
            seen_at: now.0,
            ..self.clone()
        }
    }

    pub(super) fn last_seen(&self) -> UnixSeconds {
        UnixSeconds(self.seen_at)
    }

    pub(super) fn to_text(&self) -> String {
        // Texts and numbers alone.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Nothing where a later release writes it in another way.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The settings that others have otherwise; those that only one of two releases knows are left out.
    pub(super) fn disagreements(&self, others: &[Self]) -> BTreeSet<Disagreement> {
        let of = |other: &Self| {
            let differing = self.settings.iter().filter_map(|(setting, own)| {
                let theirs = other.settings.get(setting)?;
                (own != theirs).then(|| Disagreement {
                    setting: setting.clone(),
                    own: own.clone(),
                    other: theirs.clone(),
                    host: other.host.clone(),
                })
            });
            differing.collect::<Vec<_>>()
        };
        others.iter().flat_map(of).collect()
    }
}

/// The settings by which issuers on one store must judge alike. No secrets: they are written to the store, the
/// log and `/status`.
fn shared(settings: &IssuerSettings) -> BTreeMap<String, String> {
    let refresh = &settings.refresh_token;
    let throttle = &settings.throttle;
    let rows = [
        ("url", settings.url.clone()),
        (
            "audiences",
            list(settings.audiences.iter().map(String::as_str)),
        ),
        (
            "access_token_seconds",
            settings.access_token_seconds.to_string(),
        ),
        ("algorithm", settings.algorithm.name().to_owned()),
        ("keys", keys(settings)),
        (
            "keys.rotate_seconds",
            settings.keys.rotate_seconds.to_string(),
        ),
        ("grants", list(settings.grants.names())),
        (
            "user_credentials_at_token_endpoint",
            settings.user_credentials_at_token_endpoint.to_string(),
        ),
        (
            "registration",
            registration(settings.registration).to_owned(),
        ),
        (
            "passkeys.required_for",
            required(settings.passkeys.required_for).to_owned(),
        ),
        (
            "password_words",
            digest(&format!("{:?}", settings.password_words)),
        ),
        (
            "sessions.idle_seconds",
            settings.sessions.idle_seconds.to_string(),
        ),
        (
            "sessions.max_seconds",
            settings.sessions.max_seconds.to_string(),
        ),
        (
            "fresh_login_seconds",
            settings.fresh_login_seconds.to_string(),
        ),
        (
            "secret_overlap_seconds",
            settings.secret_overlap_seconds.to_string(),
        ),
        ("audit_seconds", settings.audit_seconds.to_string()),
        (
            "refresh_token.lifetime_seconds",
            refresh.lifetime_seconds.to_string(),
        ),
        (
            "refresh_token.retry_window_seconds",
            refresh.retry_window_seconds.to_string(),
        ),
        (
            "refresh_token.with_client_credentials",
            refresh.with_client_credentials.to_string(),
        ),
        ("refresh_token.max_grants", refresh.max_grants.to_string()),
        (
            "max_revocations_per_user",
            settings.max_revocations_per_user.to_string(),
        ),
        (
            "max_revocations_per_app",
            settings.max_revocations_per_app.to_string(),
        ),
        (
            "throttle.account_at_address",
            bucket(throttle.account_at_address),
        ),
        ("throttle.account", bucket(throttle.account)),
        ("throttle.app_at_address", bucket(throttle.app_at_address)),
        ("throttle.app", bucket(throttle.app)),
        ("throttle.address", bucket(throttle.address)),
        ("throttle.registration", bucket(throttle.registration)),
    ];
    let named = rows.into_iter();
    named
        .map(|(name, value)| (format!("issuer.{name}"), value))
        .collect()
}

fn list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    texts.collect::<Vec<_>>().join(" ")
}

fn keys(settings: &IssuerSettings) -> String {
    match settings.keys.files.len() {
        0 => "in the store".to_owned(),
        // Where they are may differ, and which they are shows at the next token.
        count => format!("in {count} files"),
    }
}

fn registration(registration: Registration) -> &'static str {
    match registration {
        Registration::Open => "open",
        Registration::Closed => "closed",
    }
}

fn required(required: RequiredFor) -> &'static str {
    match required {
        RequiredFor::Nobody => "nobody",
        RequiredFor::Administrators => "administrators",
    }
}

fn bucket(bucket: BucketSettings) -> String {
    let BucketSettings {
        burst,
        refill_seconds,
    } = bucket;
    format!("burst {burst}, refill_seconds {refill_seconds}")
}

/// Of what is long, or says more about a site than others need to know.
fn digest(text: &str) -> String {
    let digest = blake3::hash(text.as_bytes());
    let first = digest.as_bytes().first_chunk::<8>();
    format!("digest {}", hex(first.map_or(&[], |first| first)))
}

/// What Linux calls this machine, or this container.
fn host_name() -> String {
    let read = fs::read_to_string("/proc/sys/kernel/hostname");
    let name = read.unwrap_or_default().trim().to_owned();
    if name.is_empty() {
        "unknown".to_owned()
    } else {
        name
    }
}
