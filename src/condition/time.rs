//! Points in time and durations: RFC 3339, the calendar, and fixed offsets from UTC.

use super::function::TimePart;
use crate::clock::{UnixSeconds, date_of, days_from};

const NANOS: i128 = 1_000_000_000;
const DAY: i64 = 86_400;
/// The first second of the year 1 and the last of 9999, since 1970.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

/// A point in time from the year 1 to 9999, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i128);

/// A difference between points in time, of at most 292 years, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Duration(i128);

impl Timestamp {
    /// An instant of the clock; the first or last one that there is where it is beyond those.
    pub fn at(UnixSeconds(seconds): UnixSeconds) -> Self {
        Self(i128::from(seconds.clamp(FIRST, LAST)) * NANOS)
    }

    /// Nothing outside of the years 1 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        Self::new(i128::from(seconds) * NANOS)
    }

    fn new(nanos: i128) -> Option<Self> {
        let range = i128::from(FIRST) * NANOS..=i128::from(LAST) * NANOS + NANOS - 1;
        range.contains(&nanos).then_some(Self(nanos))
    }

    pub(super) fn unix_seconds(self) -> i64 {
        i64::try_from(self.0.div_euclid(NANOS)).unwrap_or(i64::MAX)
    }

    pub(super) fn plus(self, duration: Duration) -> Option<Self> {
        Self::new(self.0 + duration.0)
    }

    pub(super) fn minus(self, duration: Duration) -> Option<Self> {
        Self::new(self.0 - duration.0)
    }

    pub(super) fn since(self, earlier: Self) -> Option<Duration> {
        Duration::new(self.0 - earlier.0)
    }

    /// Reads RFC 3339 section 5.6.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut digits = Digits(text);
        let year = digits.number(4)?;
        let month = digits.skip("-")?.number(2)?;
        let day = digits.skip("-")?.number(2)?;
        let hour = digits.skip("T")?.number(2)?;
        let minute = digits.skip(":")?.number(2)?;
        let second = digits.skip(":")?.number(2)?;
        let nanos = digits.fraction()?;
        let offset = offset(digits.0)?;
        let valid = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !valid {
            return None;
        }
        let seconds = days_from(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
        Self::new(i128::from(seconds - i64::from(offset)) * NANOS + i128::from(nanos))
    }

    /// A part of the date or the time of day, `offset` seconds east of UTC.
    pub(super) fn part(self, part: TimePart, offset: i32) -> i64 {
        let seconds = self.unix_seconds() + i64::from(offset);
        let days = seconds.div_euclid(DAY);
        let (year, month, date) = date_of(days);
        match part {
            TimePart::FullYear => year,
            TimePart::Month => month - 1,
            TimePart::Date => date,
            // 1 January 1970 was a Thursday.
            TimePart::DayOfWeek => (days + 4).rem_euclid(7),
            TimePart::Hours => seconds.rem_euclid(DAY) / 3600,
            TimePart::Minutes => seconds.rem_euclid(3600) / 60,
        }
    }

    /// RFC 3339 in UTC.
    pub(super) fn text(self) -> String {
        let seconds = self.unix_seconds();
        let (year, month, day) = date_of(seconds.div_euclid(DAY));
        let time = seconds.rem_euclid(DAY);
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        let fraction = fraction_text(self.0.rem_euclid(NANOS));
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
    }
}

impl Duration {
    fn new(nanos: i128) -> Option<Self> {
        let range = i128::from(i64::MIN)..=i128::from(i64::MAX);
        range.contains(&nanos).then_some(Self(nanos))
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        Self::new(self.0 + other.0)
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        Self::new(self.0 - other.0)
    }

    pub(super) fn negated(self) -> Option<Self> {
        Self::new(-self.0)
    }

    /// Reads numbers with units, such as `1h30m` or `-1.5s`. There is no unit longer than the hour.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sign, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut sum: i128 = 0;
        while !rest.is_empty() {
            let (nanos, after) = component(rest)?;
            sum = sum.checked_add(nanos)?;
            rest = after;
        }
        Self::new(sign * sum)
    }

    /// In seconds, such as `1.5s`.
    pub(super) fn text(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.abs();
        let (seconds, fraction) = (nanos / NANOS, fraction_text(nanos % NANOS));
        format!("{sign}{seconds}{fraction}s")
    }
}

/// The nanoseconds of the first number with its unit, and what follows it.
fn component(text: &str) -> Option<(i128, &str)> {
    const MAX_DIGITS: usize = 18;
    let number_end = text.find(|one: char| !one.is_ascii_digit() && one != '.')?;
    let (number, rest) = text.split_at_checked(number_end)?;
    let unit_end = rest.find(|one: char| one.is_ascii_digit() || one == '.');
    let (unit, rest) = rest.split_at_checked(unit_end.unwrap_or(rest.len()))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + fraction.len() == 0 || whole.len().max(fraction.len()) > MAX_DIGITS {
        return None;
    }
    let nanos: i128 = match unit {
        "h" => 3600 * NANOS,
        "m" => 60 * NANOS,
        "s" => NANOS,
        "ms" => 1_000_000,
        "us" | "µs" | "μs" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let read = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<i128>().ok(),
    };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let sum = read(whole)?.checked_mul(nanos)? + read(fraction)?.checked_mul(nanos)? / scale;
    Some((sum, rest))
}

/// `Z`, `+02:00` or `-08:00`, as seconds east of UTC.
fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text {
        "Z" => return Some(0),
        _ => match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+')?),
        },
    };
    let mut digits = Digits(rest);
    let hours = digits.number(2)?;
    let minutes = digits.skip(":")?.number(2)?;
    let valid = hours < 24 && minutes < 60 && digits.0.is_empty();
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    valid.then_some(sign * seconds)
}

/// The fixed offsets that a part of a timestamp can be asked for: `UTC`, `+02:00`, `02:00`.
pub(super) fn zone_offset(zone: &str) -> Option<i32> {
    match zone {
        "UTC" => Some(0),
        "Z" => None,
        _ if zone.starts_with(|first: char| first.is_ascii_digit()) => offset(&format!("+{zone}")),
        _ => offset(zone),
    }
}

struct Digits<'t>(&'t str);

impl Digits<'_> {
    fn number(&mut self, length: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number)
    }

    fn skip(&mut self, separator: &str) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(separator)?;
        Some(self)
    }

    /// One to nine digits behind a dot, or nothing; in nanoseconds.
    fn fraction(&mut self) -> Option<u32> {
        let Some(rest) = self.0.strip_prefix('.') else {
            return Some(0);
        };
        let end = rest.find(|one: char| !one.is_ascii_digit())?;
        let (digits, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        if !(1..=9).contains(&digits.len()) {
            return None;
        }
        format!("{digits:0<9}").parse().ok()
    }
}

fn fraction_text(nanos: i128) -> String {
    if nanos == 0 {
        return String::new();
    }
    let digits = format!("{nanos:09}");
    format!(".{}", digits.trim_end_matches('0'))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
