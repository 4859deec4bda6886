//! The keys `throttle` and `trusted_proxies` of the section `issuer`.

use std::num::NonZeroU32;

use serde::Deserialize;

use super::address::TrustedProxies;
use crate::problem::Faults;

/// How much is tried before somebody must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Failures of one account from one address.
    pub account_at_address: BucketSettings,
    /// Failures of one account from addresses where it has not lately been let in.
    pub account: BucketSettings,
    /// Failures of one app from one address.
    pub app_at_address: BucketSettings,
    /// Failures of one app from all addresses together.
    pub app: BucketSettings,
    /// Failures from one address, whatever the account.
    pub address: BucketSettings,
    /// Registrations from one address, however they end.
    pub registration: BucketSettings,
    /// Requests that the portal sends for one user.
    pub trial: BucketSettings,
    /// Of each kind, so many are kept in memory: some 22 bytes each, in ten tables.
    pub max_entries: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSettings {
    /// So many at once.
    pub burst: NonZeroU32,
    /// Then one more in this time.
    pub refill_seconds: NonZeroU32,
}

/// Changes of the directory and revocations by one user who administers others: as much as a script does that cleans
/// up, and too little to keep others out by ending what they get again and again.
pub(super) const REVOCATIONS: BucketSettings = BucketSettings {
    burst: NonZeroU32::MIN.saturating_add(999),
    refill_seconds: NonZeroU32::MIN,
};

/// The key as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::issuer) struct ThrottleDocument {
    account_at_address: BucketDocument,
    account: BucketDocument,
    app_at_address: BucketDocument,
    app: BucketDocument,
    address: BucketDocument,
    registration: BucketDocument,
    trial: BucketDocument,
    max_entries: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct BucketDocument {
    burst: u64,
    refill_seconds: u64,
}

/// Passwords are guessed, app secrets of 256 bits are not: their limits are about load. NIST SP
/// 800-63B section 5.2.2 allows an account a hundred failures in a row.
impl Default for ThrottleDocument {
    fn default() -> Self {
        let bucket = |burst, refill_seconds| BucketDocument {
            burst,
            refill_seconds,
        };
        Self {
            account_at_address: bucket(10, 10),
            account: bucket(100, 10),
            app_at_address: bucket(20, 1),
            app: bucket(200, 1),
            address: bucket(200, 1),
            registration: bucket(60, 60),
            trial: bucket(30, 2),
            max_entries: 50_000,
        }
    }
}

impl ThrottleDocument {
    pub(in crate::issuer) fn build(&self, faults: &mut Faults) -> Option<ThrottleSettings> {
        let key = "issuer.throttle.max_entries";
        faults.within(key, self.max_entries, 64, 10_000_000);
        let mut build = |name, bucket: BucketDocument| bucket.build(name, faults);
        let account_at_address = build("account_at_address", self.account_at_address);
        let account = build("account", self.account);
        let app_at_address = build("app_at_address", self.app_at_address);
        let app = build("app", self.app);
        let address = build("address", self.address);
        let registration = build("registration", self.registration);
        let trial = build("trial", self.trial);
        Some(ThrottleSettings {
            account_at_address: account_at_address?,
            account: account?,
            app_at_address: app_at_address?,
            app: app?,
            address: address?,
            registration: registration?,
            trial: trial?,
            max_entries: usize::try_from(self.max_entries).ok()?,
        })
    }
}

impl BucketDocument {
    fn build(self, name: &str, faults: &mut Faults) -> Option<BucketSettings> {
        let key = |part| format!("issuer.throttle.{name}.{part}");
        faults.within(&key("burst"), self.burst, 1, 100_000);
        faults.within(&key("refill_seconds"), self.refill_seconds, 1, 3600);
        let number = |value: u64| NonZeroU32::new(u32::try_from(value).ok()?);
        Some(BucketSettings {
            burst: number(self.burst)?,
            refill_seconds: number(self.refill_seconds)?,
        })
    }
}

pub(in crate::issuer) fn trusted_proxies(ranges: &[String], faults: &mut Faults) -> TrustedProxies {
    let ranges = ranges.iter().enumerate();
    let read = ranges.filter_map(|(position, range)| match range.parse() {
        Ok(network) => Some(network),
        Err(error) => {
            let at = format!("issuer.trusted_proxies[{position}]");
            faults.add(at, format!("`issuer.trusted_proxies`: {error}"));
            None
        }
    });
    TrustedProxies(read.collect())
}
