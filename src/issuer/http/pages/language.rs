//! The languages of the pages, and which one a reader wants.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

use super::words::{ENGLISH, GERMAN, Words};
use crate::issuer::http::browser::Browser;

/// So many entries of a header are read.
const MAX_RANGES: usize = 20;

/// A language that the pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::issuer::http) enum Language {
    English,
    German,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::English, Self::German];

    /// The one that was chosen in this browser, else the one that it prefers.
    pub(in crate::issuer::http) fn of(browser: &Browser, headers: &HeaderMap) -> Self {
        let chosen = browser.language().and_then(Self::of_tag);
        chosen.unwrap_or_else(|| Self::preferred(headers))
    }

    /// The one that a browser prefers (RFC 9110 section 12.5.4); English where it says nothing of either.
    fn preferred(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT_LANGUAGE).iter();
        let ranges = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
        let mut best = (Self::English, 0);
        for range in ranges.take(MAX_RANGES) {
            let mut parts = range.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Self::of_range) else {
                continue;
            };
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(1000, thousandths);
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }

    fn of_range(range: &str) -> Option<Self> {
        let primary = range.split('-').next()?;
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            _ => None,
        }
    }

    /// Its tag in HTML (RFC 5646).
    pub(in crate::issuer::http) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The one with this tag.
    pub(super) fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// What it is called in itself.
    pub(super) fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// What the pages say in it.
    pub(in crate::issuer::http) fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }

    pub(super) fn in_this(self, [english, german]: [&'static str; 2]) -> &'static str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    /// A part of a number.
    pub(super) fn part(self, part: u64, whole: u64) -> String {
        match self {
            Self::English => format!("{part} of {whole}"),
            Self::German => format!("{part} von {whole}"),
        }
    }

    /// How long something took, as exactly as it matters.
    pub(super) fn lapse(self, time: Duration) -> String {
        let (seconds, milliseconds) = (time.as_secs(), time.subsec_millis());
        let point = match self {
            Self::English => '.',
            Self::German => ',',
        };
        match seconds {
            0 => format!("{milliseconds} ms"),
            1..60 => format!("{seconds}{point}{} s", milliseconds / 100),
            60..3600 => format!("{} min", seconds / 60),
            _ => format!("{} h", seconds / 3600),
        }
    }

    /// How long something lasts, in the largest unit that leaves no rest.
    pub(super) fn duration(self, seconds: u32) -> String {
        const UNITS: [(u32, [&str; 2], [&str; 2]); 4] = [
            (86_400, ["day", "days"], ["Tag", "Tage"]),
            (3600, ["hour", "hours"], ["Stunde", "Stunden"]),
            (60, ["minute", "minutes"], ["Minute", "Minuten"]),
            (1, ["second", "seconds"], ["Sekunde", "Sekunden"]),
        ];
        let fits = |(length, ..): &&(u32, [&str; 2], [&str; 2])| seconds.is_multiple_of(*length);
        let Some((length, english, german)) = UNITS.iter().find(fits) else {
            return seconds.to_string();
        };
        let [one, several] = match self {
            Self::English => english,
            Self::German => german,
        };
        self.counted(i64::from(seconds / length), one, several)
    }

    pub(super) fn counted(self, count: i64, one: &str, several: &str) -> String {
        let what = if count == 1 { one } else { several };
        format!("{} {what}", self.number(count))
    }

    /// That there are more than so many.
    pub(super) fn more_than(self, number: i64) -> String {
        let before = self.in_this(["more than ", "mehr als "]);
        format!("{before}{}", self.number(number))
    }

    /// A number, its digits in groups of three.
    pub(super) fn number(self, number: i64) -> String {
        let mut text = number.to_string();
        let digits = text.trim_start_matches('-').len();
        let ends = (1..digits).rev().filter(|rest| rest % 3 == 0);
        let places: Vec<usize> = ends.map(|rest| text.len() - rest).collect();
        for place in places.into_iter().rev() {
            text.insert_str(place, self.in_this([",", "."]));
        }
        text
    }
}

/// A quality value, in thousandths; what is not one is the least wanted.
fn thousandths(text: &str) -> u32 {
    let weight: f32 = text.parse().unwrap_or_default();
    if (0.0..=1.0).contains(&weight) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1000"
        )]
        let thousandths = (weight * 1000.0) as u32;
        thousandths
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_language_with_the_greatest_weight_is_taken() {
        use Language::{English, German};
        let rows = [
            (None, English),
            (Some(""), English),
            (Some("de"), German),
            (Some("de-AT,de;q=0.9,en;q=0.8"), German),
            (Some("fr-CH, fr;q=0.9, de;q=0.5, en;q=0.4"), German),
            (Some("en-GB,en;q=0.9,de;q=0.8"), English),
            (Some("de;q=0, en;q=0.1"), English),
            (Some("de;q=2, fr"), English),
            (Some("DE"), German),
            (Some("den"), English),
            (Some("*"), English),
        ];
        for (header, expected) in rows {
            let mut headers = HeaderMap::new();
            if let Some(text) = header {
                headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(text));
            }
            assert_eq!(Language::preferred(&headers), expected, "{header:?}");
        }
    }

    #[test]
    fn numbers_are_grouped_as_the_reader_does() {
        for (number, english, german) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1000, "1,000", "1.000"),
            (-123_456, "-123,456", "-123.456"),
            (1_234_567, "1,234,567", "1.234.567"),
        ] {
            assert_eq!(Language::English.number(number), english);
            assert_eq!(Language::German.number(number), german);
        }
    }

    #[test]
    fn what_took_longer_is_written_more_roughly() {
        for (milliseconds, english, german) in [
            (0, "0 ms", "0 ms"),
            (999, "999 ms", "999 ms"),
            (1000, "1.0 s", "1,0 s"),
            (59_999, "59.9 s", "59,9 s"),
            (60_000, "1 min", "1 min"),
            (3_599_000, "59 min", "59 min"),
            (7_200_000, "2 h", "2 h"),
        ] {
            let time = Duration::from_millis(milliseconds);
            assert_eq!(Language::English.lapse(time), english);
            assert_eq!(Language::German.lapse(time), german);
        }
    }

    #[test]
    fn durations_are_written_in_the_largest_unit_that_fits() {
        for (seconds, english, german) in [
            (3600, "1 hour", "1 Stunde"),
            (5400, "90 minutes", "90 Minuten"),
            (61, "61 seconds", "61 Sekunden"),
            (60, "1 minute", "1 Minute"),
            (172_800, "2 days", "2 Tage"),
        ] {
            assert_eq!(Language::English.duration(seconds), english);
            assert_eq!(Language::German.duration(seconds), german);
        }
    }
}
