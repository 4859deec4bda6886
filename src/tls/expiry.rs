//! Warns of certificates that are about to end.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crate::certificates::Validity;
use crate::clock::{Clock, UnixSeconds};
use crate::labels::Label;
use crate::problem::Problem;

use super::{ServerTls, TlsListener};

const HOUR: i64 = 3600;

const DAY: i64 = 24 * HOUR;

/// A certificate is renewed well before its end; what is left when it should have been is at most this,
/// and less of one that never holds for long.
const MAX_NOTICE: i64 = 7 * DAY;

/// Of the time that a certificate holds, the part that is left when it should have been renewed. What
/// renews them does so at a third or at half.
const NOTICE_PARTS: i64 = 5;

/// How often the log repeats itself.
const REMIND: i64 = 6 * HOUR;

/// How often the certificates are looked at.
const LOOK: Duration = Duration::from_mins(1);

/// What is to be said of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    /// It ends in so many seconds.
    Ending(i64),
    Ended,
    NotYet,
}

impl Validity {
    fn standing(self, now: UnixSeconds) -> Standing {
        let left = self.not_after.since(now);
        // By how long it is valid: certificates of a day are renewed every day, and a notice of weeks
        // would never end.
        let notice = self.not_after.since(self.not_before) / NOTICE_PARTS;
        if left < 0 {
            Standing::Ended
        } else if now < self.not_before {
            Standing::NotYet
        } else if left < notice.min(MAX_NOTICE) {
            Standing::Ending(left)
        } else {
            Standing::Good
        }
    }
}

/// Looks at the certificates of the listeners now and then.
pub struct ExpiryWatch {
    certificates: Vec<Arc<ServerTls>>,
    clock: Arc<dyn Clock>,
    /// What was logged last.
    told: BTreeMap<TlsListener, Told>,
}

/// What was logged of a certificate, and when.
struct Told {
    validity: Validity,
    standing: Standing,
    at: UnixSeconds,
}

impl Told {
    /// Whether the same was told of this certificate a short time ago.
    fn covers(&self, validity: Validity, standing: Standing, now: UnixSeconds) -> bool {
        self.validity == validity
            && mem::discriminant(&self.standing) == mem::discriminant(&standing)
            && now.since(self.at) < REMIND
    }
}

impl ExpiryWatch {
    pub fn new(certificates: Vec<Arc<ServerTls>>, clock: Arc<dyn Clock>) -> Self {
        Self {
            certificates,
            clock,
            told: BTreeMap::new(),
        }
    }

    /// Warns now, and for as long as it is polled.
    pub async fn run(mut self) {
        loop {
            self.look();
            tokio::time::sleep(LOOK).await;
        }
    }

    fn look(&mut self) {
        let now = self.clock.now();
        let certificates = self.certificates.iter();
        let certificates = certificates.filter_map(|tls| Some((tls.listener(), tls.validity()?)));
        for (listener, validity) in certificates.collect::<Vec<_>>() {
            if let Some(standing) = self.news(listener, validity, now) {
                warn(listener, validity, standing);
            }
        }
    }

    /// What is to be logged of this certificate, if it was not a short time ago.
    fn news(
        &mut self,
        listener: TlsListener,
        validity: Validity,
        now: UnixSeconds,
    ) -> Option<Standing> {
        let standing = validity.standing(now);
        if standing == Standing::Good {
            self.told.remove(&listener);
            return None;
        }
        let told = self.told.get(&listener);
        if told.is_some_and(|told| told.covers(validity, standing, now)) {
            return None;
        }
        let told = Told {
            validity,
            standing,
            at: now,
        };
        self.told.insert(listener, told);
        Some(standing)
    }
}

fn warn(listener: TlsListener, validity: Validity, standing: Standing) {
    let listener = listener.label();
    let Validity {
        not_before,
        not_after,
    } = validity;
    match standing {
        Standing::Good => {}
        Standing::Ending(left) => tracing::warn!(
            tls.listener = listener,
            certificate.not_after = %not_after,
            certificate.seconds_left = left,
            "the listener's certificate expires soon: renew it; the files are read again when they \
             change"
        ),
        Standing::Ended => tracing::error!(
            tls.listener = listener,
            certificate.not_after = %not_after,
            "the listener's certificate has expired, and clients refuse it: renew it; the files are read \
             again when they change"
        ),
        Standing::NotYet => tracing::error!(
            tls.listener = listener,
            certificate.not_before = %not_before,
            "the listener's certificate is not valid yet, and clients refuse it: is the clock right?"
        ),
    }
}

/// What is to be said of the certificate of a setting before it serves.
pub(super) fn remark(key: &str, validity: Validity, now: UnixSeconds) -> Option<Problem> {
    let Validity {
        not_before,
        not_after,
    } = validity;
    let (message, help) = match validity.standing(now) {
        Standing::Good => return None,
        Standing::Ending(_) => (
            format!("the certificate of `{key}` expires soon, at {not_after}"),
            "renew it; a running process reads the files again when they change",
        ),
        Standing::Ended => (
            format!("the certificate of `{key}` has expired at {not_after}, and clients refuse it"),
            "renew it",
        ),
        Standing::NotYet => (
            format!(
                "the certificate of `{key}` is not valid before {not_before}, and clients refuse it"
            ),
            "is the clock right?",
        ),
    };
    Some(Problem::new(message).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_certificate_is_due_a_week_before_its_end_or_in_the_last_fifth_of_a_short_one() {
        let start = 1_700_000_000;
        for (holds, after, expected) in [
            (90 * DAY, 0, Standing::Good),
            (90 * DAY, 83 * DAY, Standing::Good),
            (90 * DAY, 83 * DAY + 1, Standing::Ending(7 * DAY - 1)),
            (90 * DAY, 90 * DAY, Standing::Ending(0)),
            (90 * DAY, 90 * DAY + 1, Standing::Ended),
            (90 * DAY, -1, Standing::NotYet),
            // As a mesh makes them: renewed after half of the time.
            (DAY, DAY / 2, Standing::Good),
            (DAY, DAY - 4 * HOUR, Standing::Ending(4 * HOUR)),
            (-1, 0, Standing::Ended),
        ] {
            let validity = Validity {
                not_before: UnixSeconds(start),
                not_after: UnixSeconds(start + holds),
            };
            let standing = validity.standing(UnixSeconds(start + after));
            assert_eq!(standing, expected, "{holds} {after}");
        }
    }

    #[test]
    fn each_change_of_standing_is_told_at_once_and_the_same_one_every_six_hours() {
        let validity = Validity {
            not_before: UnixSeconds(0),
            not_after: UnixSeconds(90 * DAY),
        };
        let renewed = Validity {
            not_before: UnixSeconds(0),
            not_after: UnixSeconds(90 * DAY + 2 * HOUR),
        };
        let mut watch = ExpiryWatch::new(Vec::new(), Arc::new(SystemClock));
        for (of, at, expected) in [
            (validity, -1, Some(Standing::NotYet)),
            (validity, 60, None),
            (validity, 90 * DAY - HOUR, Some(Standing::Ending(HOUR))),
            (validity, 90 * DAY - 60, None),
            (validity, 90 * DAY + 60, Some(Standing::Ended)),
            (validity, 90 * DAY + 120, None),
            (validity, 90 * DAY + 60 + REMIND, Some(Standing::Ended)),
            // Another one that ends soon.
            (renewed, 90 * DAY + HOUR, Some(Standing::Ending(HOUR))),
        ] {
            let found = watch.news(TlsListener::Authz, of, UnixSeconds(at));
            assert_eq!(found, expected, "{at}");
            // Each listener for itself.
            let other = watch.told.get(&TlsListener::Admin);
            assert!(other.is_none());
        }
    }

    #[test]
    fn a_check_tells_of_what_clients_refuse() {
        let validity = Validity {
            not_before: UnixSeconds(1_700_000_000),
            not_after: UnixSeconds(1_700_000_000 + 100 * DAY),
        };
        for (after, expected) in [
            (-1, "is not valid before "),
            (1, ""),
            (95 * DAY, "expires soon, at "),
            (101 * DAY, "has expired at "),
        ] {
            let now = UnixSeconds(1_700_000_000 + after);
            let said = remark("listeners.authz.tls.cert_file", validity, now);
            let said = said.map(|problem| problem.message).unwrap_or_default();
            assert_eq!(said.is_empty(), expected.is_empty(), "{said}");
            assert!(said.contains(expected), "{said}");
        }
    }
}
