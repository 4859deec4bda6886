//! The languages of the pages, and which one a reader wants.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

use super::words::{ENGLISH, GERMAN, Words};
use crate::clock::UnixSeconds;
use crate::store::Reach;

/// So many entries of a header are read.
const MAX_RANGES: usize = 20;

/// A language that the pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::issuer::http) enum Language {
    English,
    German,
}

/// What is counted: one of it, and several.
struct Noun {
    english: [&'static str; 2],
    german: [&'static str; 2],
}

const USERS: Noun = Noun {
    english: ["user", "users"],
    german: ["Benutzer", "Benutzer"],
};

const APPS: Noun = Noun {
    english: ["app", "apps"],
    german: ["App", "Apps"],
};

const GRANTS: Noun = Noun {
    english: ["grant", "grants"],
    german: ["Zugriff", "Zugriffe"],
};

const SESSIONS: Noun = Noun {
    english: ["session", "sessions"],
    german: ["Sitzung", "Sitzungen"],
};

impl Language {
    /// The one that a browser prefers (RFC 9110 section 12.5.4); English where it says nothing of either.
    pub(in crate::issuer::http) fn preferred(headers: &HeaderMap) -> Self {
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

    /// What the pages say in it.
    pub(in crate::issuer::http) fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }

    /// Whom a change concerns.
    pub(super) fn concerned(self, users: i64, apps: i64) -> String {
        self.listed(&[("", users, &USERS), ("", apps, &APPS)])
    }

    /// Whom a change concerns, and what of theirs ends.
    pub(super) fn reached(self, reach: Reach) -> String {
        let least = self.in_this(["at least ", "mindestens "]);
        let more = self.in_this(["more than ", "mehr als "]);
        let about = |is_not_exact: bool, words| if is_not_exact { words } else { "" };
        let mut counts = vec![
            (about(reach.has_more_users, least), reach.users, &USERS),
            ("", reach.apps, &APPS),
            (about(reach.has_more_grants, more), reach.grants, &GRANTS),
        ];
        if reach.sessions > 0 {
            counts.push(("", reach.sessions, &SESSIONS));
        }
        self.listed(&counts)
    }

    fn in_this(self, [english, german]: [&'static str; 2]) -> &'static str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    /// Numbers, each with what is said before it.
    fn listed(self, counts: &[(&str, i64, &Noun)]) -> String {
        let counted = |(before, count, noun): &(&str, i64, &Noun)| {
            let [one, several] = match self {
                Self::English => noun.english,
                Self::German => noun.german,
            };
            format!("{before}{}", self.counted(*count, one, several))
        };
        let there = counts.iter().filter(|(_, count, _)| *count > 0);
        let mut counts: Vec<String> = there.map(counted).collect();
        let Some(last) = counts.pop() else {
            return self.nobody().to_owned();
        };
        let (and, start) = match self {
            Self::English => ("and", "This concerns"),
            Self::German => ("und", "Das betrifft"),
        };
        if counts.is_empty() {
            return format!("{start} {last}.");
        }
        format!("{start} {} {and} {last}.", counts.join(", "))
    }

    fn nobody(self) -> &'static str {
        match self {
            Self::English => "This concerns nobody at the moment.",
            Self::German => "Das betrifft im Moment niemanden.",
        }
    }

    /// How many of the gates that are connected refuse what was revoked, do not yet, and do not say; empty where there
    /// is none.
    pub(super) fn arrivals(self, refusing: usize, late: usize, silent: usize) -> String {
        let all = refusing + late + silent;
        if all == 0 {
            return String::new();
        }
        let labels = match self {
            Self::English => ["Connected", "Refusing", "Not yet", "Without an answer"],
            Self::German => ["Verbunden", "Lehnen ab", "Noch nicht", "Ohne Auskunft"],
        };
        // The first two in any case: that none refuses is to be seen.
        let counts = [
            Some(all),
            Some(refusing),
            over_zero(late),
            over_zero(silent),
        ];
        let told = labels.iter().zip(counts).filter_map(|(label, count)| {
            let count = count?;
            Some(format!("{label}: {count}."))
        });
        told.collect::<Vec<_>>().join(" ")
    }

    /// How many gates have another policy than the gate beside the site; empty where none has.
    pub(super) fn other_policies(self, gates: usize) -> String {
        match (self, gates) {
            (_, 0) => String::new(),
            (Self::English, 1) => {
                "1 gate has another policy in force than this process.".to_owned()
            }
            (Self::English, _) => {
                format!("{gates} gates have another policy in force than this process.")
            }
            (Self::German, 1) => {
                "1 Gate hat eine andere Policy in Kraft als dieser Prozess.".to_owned()
            }
            (Self::German, _) => {
                format!("{gates} Gates haben eine andere Policy in Kraft als dieser Prozess.")
            }
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

    fn counted(self, count: i64, one: &str, several: &str) -> String {
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

    /// A time of today, to the second, in UTC.
    pub(super) fn time(self, instant: UnixSeconds) -> String {
        let second = instant.0.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let uhr = match self {
            Self::English => "",
            Self::German => " Uhr",
        };
        format!("{hour:02}:{minute:02}:{second:02}{uhr} UTC")
    }

    /// A day and a time, in UTC.
    pub(super) fn instant(self, instant: UnixSeconds) -> String {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let Some(at) = instant.calendar() else {
            return instant.0.to_string();
        };
        let (hour, minute) = (at.hour, at.minute);
        match self {
            Self::English => {
                let month = usize::try_from(at.month - 1).ok();
                let month = month.and_then(|index| MONTHS.get(index)).copied();
                let (month, day, year) = (month.unwrap_or_default(), at.day, at.year);
                format!("{day} {month} {year}, {hour:02}:{minute:02} UTC")
            }
            Self::German => {
                let (month, day, year) = (at.month, at.day, at.year);
                format!("{day}.{month}.{year}, {hour:02}:{minute:02} UTC")
            }
        }
    }
}

fn over_zero(count: usize) -> Option<usize> {
    (count > 0).then_some(count)
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
    fn whom_a_change_concerns_is_counted_in_words() {
        let reach = |sessions| Reach {
            users: 1,
            apps: 2,
            grants: 0,
            sessions,
            ..Reach::default()
        };
        let told = Language::English.reached(reach(0));
        assert_eq!(told, "This concerns 1 user and 2 apps.");
        let told = Language::German.reached(reach(1));
        let german = "Das betrifft 1 Benutzer, 2 Apps und 1 Sitzung.";
        assert_eq!(told, german);
        let told = Language::English.concerned(2, 1);
        assert_eq!(told, "This concerns 2 users and 1 app.");
        let told = Language::German.concerned(0, 1);
        assert_eq!(told, "Das betrifft 1 App.");
        let told = Language::English.concerned(0, 0);
        assert_eq!(told, "This concerns nobody at the moment.");
        let many = Reach {
            grants: 10_000,
            has_more_users: true,
            has_more_grants: true,
            ..reach(0)
        };
        let told = Language::English.reached(many);
        let english = "This concerns at least 1 user, 2 apps and more than 10,000 grants.";
        assert_eq!(told, english);
        let german = "Das betrifft mindestens 1 Benutzer, 2 Apps und mehr als 10.000 Zugriffe.";
        assert_eq!(Language::German.reached(many), german);
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
    fn gates_are_counted_in_words() {
        use Language::{English, German};
        assert_eq!(English.arrivals(0, 0, 0), "");
        assert_eq!(English.arrivals(2, 0, 0), "Connected: 2. Refusing: 2.");
        let told = "Verbunden: 3. Lehnen ab: 0. Noch nicht: 1. Ohne Auskunft: 2.";
        assert_eq!(German.arrivals(0, 1, 2), told);
        assert_eq!(English.other_policies(0), "");
        for (language, one, two) in [
            (English, "1 gate has ", "2 gates have "),
            (German, "1 Gate hat ", "2 Gates haben "),
        ] {
            assert!(language.other_policies(1).starts_with(one));
            assert!(language.other_policies(2).starts_with(two));
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

    #[test]
    fn instants_are_written_as_the_reader_does() {
        let instant = UnixSeconds(1_709_218_800);
        let english = Language::English.instant(instant);
        assert_eq!(english, "29 Feb 2024, 15:00 UTC");
        assert_eq!(Language::German.instant(instant), "29.2.2024, 15:00 UTC");
        assert_eq!(Language::English.time(instant.plus(-1)), "14:59:59 UTC");
        assert_eq!(Language::German.time(instant), "15:00:00 Uhr UTC");
    }
}
