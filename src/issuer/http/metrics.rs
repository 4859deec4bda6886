//! What is counted of answers. All series are there from the start.

use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::labels::{Label, closed_set};

closed_set! {
    /// The class of a status (RFC 9110 section 15).
    enum StatusClass {
        Success = "2xx",
        Redirection = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
    }
}

/// The counters of one issuer's endpoints.
#[derive(Debug, Default)]
pub(super) struct RequestMetrics {
    requests: Family<RequestLabels, Counter>,
    store_errors: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    /// A path as it is in the table of routes.
    endpoint: String,
    status: &'static str,
}

impl StatusClass {
    fn of(status: StatusCode) -> Self {
        match status.as_u16() / 100 {
            // No endpoint answers 1xx.
            0..=2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

impl RequestMetrics {
    pub(super) fn new<'e>(endpoints: impl Iterator<Item = &'e str>) -> Self {
        let metrics = Self::default();
        for endpoint in endpoints {
            for class in StatusClass::ALL {
                metrics.of(endpoint, *class).inc_by(0);
            }
        }
        metrics
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "issuer_requests",
            "Answers of the issuer, by endpoint and class of status",
            self.requests.clone(),
        );
        registry.register(
            "issuer_store_errors",
            "Requests that failed because the store did",
            self.store_errors.clone(),
        );
    }

    pub(super) fn answered(&self, endpoint: &str, status: StatusCode) {
        self.of(endpoint, StatusClass::of(status)).inc();
    }

    pub(super) fn store_failed(&self) {
        self.store_errors.inc();
    }

    fn of(&self, endpoint: &str, class: StatusClass) -> Counter {
        let labels = RequestLabels {
            endpoint: endpoint.to_owned(),
            status: class.label(),
        };
        self.requests.get_or_create_owned(&labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_class() {
        for (status, expected) in [
            (200, "2xx"),
            (204, "2xx"),
            (299, "2xx"),
            (303, "3xx"),
            (400, "4xx"),
            (499, "4xx"),
            (500, "5xx"),
            (503, "5xx"),
            (999, "5xx"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(StatusClass::of(status).label(), expected, "{status}");
        }
    }
}
