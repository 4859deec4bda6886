//! Times for people to read.

use crate::clock::UnixSeconds;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How far away it is: `in 5 minutes`, `2 days 3 hours ago`.
pub(in crate::cli) fn distance(instant: UnixSeconds, now: UnixSeconds) -> String {
    let seconds = instant.since(now);
    if seconds == 0 {
        return "now".to_owned();
    }
    let length = length(seconds.unsigned_abs());
    if seconds > 0 {
        format!("in {length}")
    } else {
        format!("{length} ago")
    }
}

/// A number of seconds in its two largest units.
pub(super) fn length(seconds: u64) -> String {
    let units = [
        (seconds / DAY, "day"),
        (seconds % DAY / HOUR, "hour"),
        (seconds % HOUR / MINUTE, "minute"),
        (seconds % MINUTE, "second"),
    ];
    let words: Vec<String> = units
        .into_iter()
        .skip_while(|(number, _)| *number == 0)
        .take(2)
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number} {unit}{}", if number == 1 { "" } else { "s" }))
        .collect();
    if words.is_empty() {
        "0 seconds".to_owned()
    } else {
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_said_in_two_units() {
        let now = UnixSeconds(1_700_000_000);
        for (seconds, expected) in [
            (0, "now"),
            (1, "in 1 second"),
            (-59, "59 seconds ago"),
            (60, "in 1 minute"),
            (-61, "1 minute 1 second ago"),
            (3600, "in 1 hour"),
            (3601, "in 1 hour"),
            (7260, "in 2 hours 1 minute"),
            (-86_400 * 400 - 3700, "400 days 1 hour ago"),
        ] {
            assert_eq!(distance(now.plus(seconds), now), expected);
        }
        let ages = distance(UnixSeconds(i64::MIN), now);
        assert!(ages.ends_with("ago"));
    }
}
