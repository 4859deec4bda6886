//! How long the proxy waits for the gate, and with which status it answers when the gate does not.

use super::{Report, Trouble};

/// The longest sensible timeout, in seconds.
const LONG_SECONDS: f64 = 1.0;

/// `timeout` is in seconds.
pub(super) fn examine_timeout(timeout: Option<f64>, place: &str, report: &mut Report) {
    match timeout {
        None => report.add(Trouble::TimeoutMissing, place),
        Some(timeout) if timeout > LONG_SECONDS => {
            report.add_with(Trouble::TimeoutLong, place, format!("{timeout} s"));
        }
        Some(_) => {}
    }
}

/// `status` is 403 where none is set.
pub(super) fn examine_status(status: Option<f64>, place: &str, report: &mut Report) {
    if status.is_none_or(|status| (402.5..403.5).contains(&status)) {
        report.add(Trouble::ErrorLooksLikeRefusal, place);
    }
}
