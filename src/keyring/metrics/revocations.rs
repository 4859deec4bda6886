//! What is known of revocations, and how current that is.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::IssuerLabel;
use crate::keyring::{FeedOverview, IssuerKeys, Keyring};
use crate::revocation::RevocationStatistics;

/// Reads lists and feeds when Prometheus asks.
pub(super) struct RevocationMetrics(pub(super) Arc<Keyring>);

impl std::fmt::Debug for RevocationMetrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RevocationMetrics")
    }
}

impl Collector for RevocationMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut issuers = Issuers {
            overview: self.0.overview(),
            encoder: &mut encoder,
        };
        issuers.lists("revocation_entries", "Revocations held", |list| {
            list.entries as u64
        })?;
        let help = "Memory used by the revocation list";
        issuers.lists("revocation_bytes", help, |list| list.bytes as u64)?;
        let help = "Position reached in the issuer's revocation log";
        issuers.lists("revocation_position", help, |list| list.position.0)?;
        let help = "Age of the known revocations in seconds; NaN if none are known";
        issuers.gauge("revocation_age_seconds", help, |issuer| {
            issuer.revocations?;
            Some(seconds(issuer.age))
        })?;
        let help = "1 if the issuer's feed is connected, else 0";
        issuers.gauge("feed_connected", help, |issuer| {
            let feed = issuer.feed.as_ref()?;
            Some(f64::from(u8::from(feed.state.connected)))
        })?;
        let help = "Age of the feed's last news in seconds; NaN before the first";
        issuers.gauge("feed_age_seconds", help, |issuer| {
            Some(seconds(issuer.feed.as_ref()?.age))
        })?;
        let help = "Expiry time of the certificate that the gate shows to the issuer's feed, in seconds \
                    since 1970";
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        issuers.gauge(
            "feed_certificate_expiry_timestamp_seconds",
            help,
            |issuer| {
                let validity = issuer.feed.as_ref()?.certificate?;
                Some(validity.not_after.0 as f64)
            },
        )?;
        let help = "Connections to the issuer's feed";
        issuers.feeds("feed_connections", help, |feed| feed.state.connections)?;
        let help = "Connections to the issuer's feed that ended or failed";
        issuers.feeds("feed_failures", help, |feed| feed.state.failures)?;
        let help = "Times that what the feed brought could not be written to the snapshot file";
        issuers.feeds("feed_save_failures", help, |feed| feed.state.save_failures)?;
        let help = "Revocations of a kind unknown to this release, applied to everyone";
        let not_understood = |feed: &FeedOverview| feed.state.not_understood;
        issuers.feeds("feed_rows_not_understood", help, not_understood)
    }
}

struct Issuers<'a, 'e> {
    overview: Vec<IssuerKeys>,
    encoder: &'a mut DescriptorEncoder<'e>,
}

impl Issuers<'_, '_> {
    fn lists(
        &mut self,
        name: &str,
        help: &str,
        value: impl Fn(RevocationStatistics) -> u64,
    ) -> Result<(), std::fmt::Error> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a gauge is a float; positions stay below 2^53 until the year 2255"
        )]
        self.gauge(name, help, |issuer| Some(value(issuer.revocations?) as f64))
    }

    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        value: impl Fn(&IssuerKeys) -> Option<f64>,
    ) -> Result<(), std::fmt::Error> {
        let family = Family::<IssuerLabel, Gauge<f64, AtomicU64>>::default();
        for issuer in &self.overview {
            if let Some(value) = value(issuer) {
                family.get_or_create(&label(issuer)).set(value);
            }
        }
        let metric = self
            .encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        family.encode(metric)
    }

    fn feeds(
        &mut self,
        name: &str,
        help: &str,
        value: impl Fn(&FeedOverview) -> u64,
    ) -> Result<(), std::fmt::Error> {
        let family = Family::<IssuerLabel, Counter>::default();
        for issuer in &self.overview {
            if let Some(feed) = &issuer.feed {
                family.get_or_create(&label(issuer)).inc_by(value(feed));
            }
        }
        let metric = self
            .encoder
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        family.encode(metric)
    }
}

/// What is not known is visible as that, and is not mistaken for fresh.
fn seconds(age: Option<Duration>) -> f64 {
    age.map_or(f64::NAN, |age| age.as_secs_f64())
}

fn label(issuer: &IssuerKeys) -> IssuerLabel {
    IssuerLabel {
        issuer: issuer.issuer.clone(),
    }
}
