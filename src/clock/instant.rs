//! Days and instants that people ask for, in UTC.

use super::{UnixSeconds, date_of, days_from};

const DAY: i64 = 86_400;

/// A day, or a second of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    /// By its first second.
    Day(UnixSeconds),
    Second(UnixSeconds),
}

impl Instant {
    /// Reads `2026-11-23`, or `2026-11-23T10:00:00Z` as RFC 3339 and this program write it; also without the
    /// seconds or the `Z`, as forms of browsers send it.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once(['T', 't', ' ']) {
            None => (text, None),
            Some((date, time)) => (date, Some(time.strip_suffix(['Z', 'z']).unwrap_or(time))),
        };
        let date = numbers(date, '-', [4, 2, 2])?;
        let [year, month, day] = date;
        if year < 1970
            || !(1..=12).contains(&month)
            || date_of(days_from(year, month, day)) != (year, month, day)
        {
            return None;
        }
        let Some(time) = time else {
            return Some(Self::Day(UnixSeconds::at(date, [0, 0, 0])));
        };
        let time = match time.len() {
            5 => numbers(&format!("{time}:00"), ':', [2, 2, 2])?,
            _ => numbers(time, ':', [2, 2, 2])?,
        };
        let [hour, minute, second] = time;
        let exists = hour < 24 && minute < 60 && second < 60;
        exists.then(|| Self::Second(UnixSeconds::at(date, time)))
    }

    /// Its first second.
    pub fn begins(self) -> UnixSeconds {
        match self {
            Self::Day(at) | Self::Second(at) => at,
        }
    }

    /// The first second after it.
    pub fn ends(self) -> UnixSeconds {
        match self {
            Self::Day(at) => at.plus(DAY),
            Self::Second(at) => at.plus(1),
        }
    }
}

/// Three numbers of so many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between).zip(digits).map(|(part, digits)| {
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    (text.matches(between).count() == 2).then_some(three)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants_are_read_as_they_are_written() {
        for (text, begins, lasts) in [
            ("2027-01-15", "2027-01-15T00:00:00Z", DAY),
            ("2024-02-29", "2024-02-29T00:00:00Z", DAY),
            ("2027-01-15T08:00:09Z", "2027-01-15T08:00:09Z", 1),
            ("2027-01-15t08:00:09z", "2027-01-15T08:00:09Z", 1),
            ("2027-01-15T23:59", "2027-01-15T23:59:00Z", 1),
            ("2027-01-15 08:00", "2027-01-15T08:00:00Z", 1),
        ] {
            let instant = Instant::parse(text).unwrap();
            assert_eq!(instant.begins().to_string(), begins, "{text}");
            assert_eq!(instant.ends().since(instant.begins()), lasts, "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2027",
            "2027-1-15",
            "2027-01-15-01",
            "2027-13-01",
            "2027-00-01",
            "2027-02-29",
            "2027-01-00",
            "1969-12-31",
            "+027-01-15",
            "2027-01-15T",
            "2027-01-15T24:00:00Z",
            "2027-01-15T08:60:00Z",
            "2027-01-15T08:00:60Z",
            "2027-01-15T08:00:00+01:00",
            "2027-01-15T08",
            "1800000000",
        ] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }
}
