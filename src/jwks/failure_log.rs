//! Which failures are worth a line in the log: a new one, and one that lasts while nothing is loaded.

use std::time::Duration;

use tokio::time::Instant;

use super::fetch::FailedFetch;
use super::source::Serving;

/// While an issuer has no keys at all its tokens are refused, so that is said again and again.
const REPEAT: Duration = Duration::from_mins(1);

/// What was logged last, since the last success.
#[derive(Default)]
pub(super) struct FailureLog(Option<(FailedFetch, Instant)>);

impl FailureLog {
    /// Whether to log this failure; if so, it is taken for logged.
    pub(super) fn admits(&mut self, failed: FailedFetch, serving: Serving, now: Instant) -> bool {
        let admitted = match &self.0 {
            None => true,
            // Another status or address may be another cause, even if the one before is not mended.
            Some((last, _)) if *last != failed => true,
            Some((_, at)) => {
                serving == Serving::NoKeys && now.saturating_duration_since(*at) >= REPEAT
            }
        };
        if admitted {
            self.0 = Some((failed, now));
        }
        admitted
    }

    /// After a success, every failure is a new one.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::fetch::FetchError;
    use crate::jwks::{JwksAddress, PlainText};

    const MOMENT: Duration = Duration::from_nanos(1);

    fn status(status: u16) -> FailedFetch {
        at("https://id.example/keys", status)
    }

    fn at(url: &str, status: u16) -> FailedFetch {
        FailedFetch {
            error: FetchError::BadStatus(status),
            address: JwksAddress::parse(url, PlainText::Refused).unwrap(),
        }
    }

    #[test]
    fn the_same_failure_is_logged_once_while_keys_serve() {
        let (mut log, now) = (FailureLog::default(), Instant::now());
        let serving = Serving::EarlierKeys;
        assert!(log.admits(status(500), serving, now));
        assert!(!log.admits(status(500), serving, now + REPEAT * 100));
        assert!(log.admits(status(503), serving, now + REPEAT * 100));
        assert!(!log.admits(status(503), serving, now + REPEAT * 100));
        log.clear();
        assert!(log.admits(status(503), serving, now + REPEAT * 100));
    }

    #[test]
    fn the_same_failure_of_another_address_is_a_new_one() {
        let (mut log, now) = (FailureLog::default(), Instant::now());
        let serving = Serving::EarlierKeys;
        assert!(log.admits(status(404), serving, now));
        assert!(log.admits(at("https://id.example/moved", 404), serving, now));
    }

    #[test]
    fn a_failure_that_leaves_an_issuer_without_keys_is_repeated_each_minute() {
        let (mut log, now) = (FailureLog::default(), Instant::now());
        let serving = Serving::NoKeys;
        assert!(log.admits(status(500), serving, now));
        assert!(!log.admits(status(500), serving, now + REPEAT - MOMENT));
        assert!(log.admits(status(500), serving, now + REPEAT));
        assert!(!log.admits(status(500), serving, now + REPEAT * 2 - MOMENT));
        assert!(log.admits(status(500), serving, now + REPEAT * 2));
    }
}
