//! Times on pages: in UTC, and where there is script, in the reader's own zone.

use std::fmt;

use askama::filters::HtmlSafe;

use super::language::Language;
use crate::clock::{Calendar, UnixSeconds};
use crate::issuer::http::text::Text;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Words of ours with times among them, as HTML. Each time is a `<time>` that says UTC, and by whose `datetime`
/// `script.js` writes it in the zone of the reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Timed(String);

/// Whatever is put in is escaped there.
impl HtmlSafe for Timed {}

impl fmt::Display for Timed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Timed {
    /// Words without a time.
    pub(super) fn words(words: &str) -> Self {
        Self(Text::of(words).to_string())
    }

    /// The same with words around it.
    pub(super) fn within(self, before: &str, after: &str) -> Self {
        Self(format!("{}{self}{}", Text::of(before), Text::of(after)))
    }

    /// From this time to another.
    pub(super) fn to(self, last: &Self) -> Self {
        Self(format!("{self} – {last}"))
    }

    /// `form` says what of it is shown, for `script.js`.
    fn element(instant: UnixSeconds, form: &str, words: &str) -> Self {
        let (form, words) = (Text::of(form), Text::of(words));
        Self(format!(
            "<time datetime=\"{instant}\" data-form=\"{form}\">{words}</time>"
        ))
    }
}

impl Language {
    /// A time of today, to the second.
    pub(super) fn time(self, instant: UnixSeconds) -> Timed {
        let second = instant.0.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let uhr = match self {
            Self::English => "",
            Self::German => " Uhr",
        };
        let words = format!("{hour:02}:{minute:02}:{second:02}{uhr} UTC");
        Timed::element(instant, "time", &words)
    }

    /// A day and a time.
    pub(super) fn instant(self, instant: UnixSeconds) -> Timed {
        match instant.calendar() {
            Some(at) => Timed::element(instant, "day", &self.day_and_time(at)),
            None => Timed::words(&instant.0.to_string()),
        }
    }

    /// The same to the second.
    pub(super) fn second(self, instant: UnixSeconds) -> Timed {
        match instant.calendar() {
            Some(_) => Timed::element(instant, "second", &self.second_in_words(instant)),
            None => Timed::words(&instant.0.to_string()),
        }
    }

    /// The same where no element can be, in UTC.
    pub(super) fn second_in_words(self, instant: UnixSeconds) -> String {
        let second = instant.0.rem_euclid(60);
        let Some(at) = instant.calendar() else {
            return instant.0.to_string();
        };
        self.day_and_time_with(at, &format!(":{second:02}"))
    }

    fn day_and_time(self, at: Calendar) -> String {
        self.day_and_time_with(at, "")
    }

    /// `rest` follows the minute.
    fn day_and_time_with(self, at: Calendar, rest: &str) -> String {
        let (year, month, day, hour, minute) = (at.year, at.month, at.day, at.hour, at.minute);
        match self {
            Self::English => {
                let month = usize::try_from(month - 1).ok();
                let month = month.and_then(|index| MONTHS.get(index)).copied();
                let month = month.unwrap_or_default();
                format!("{day} {month} {year}, {hour:02}:{minute:02}{rest} UTC")
            }
            Self::German => format!("{day}.{month}.{year}, {hour:02}:{minute:02}{rest} UTC"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_reader_does() {
        let instant = UnixSeconds(1_709_218_800);
        let day = |words: &str| {
            let element = "<time datetime=\"2024-02-29T15:00:00Z\" data-form=\"day\">";
            Timed(format!("{element}{words}</time>"))
        };
        let english = Language::English.instant(instant);
        assert_eq!(english, day("29 Feb 2024, 15:00 UTC"));
        let german = Language::German.instant(instant);
        assert_eq!(german, day("29.2.2024, 15:00 UTC"));
        let time = |language: Language| language.time(instant.plus(-1)).to_string();
        let english = time(Language::English);
        let element = "<time datetime=\"2024-02-29T14:59:59Z\" data-form=\"time\">";
        assert_eq!(english, format!("{element}14:59:59 UTC</time>"));
        assert!(time(Language::German).ends_with(">14:59:59 Uhr UTC</time>"));
        let english = Language::English.second(instant.plus(-1)).to_string();
        let element = "<time datetime=\"2024-02-29T14:59:59Z\" data-form=\"second\">";
        assert_eq!(
            english,
            format!("{element}29 Feb 2024, 14:59:59 UTC</time>")
        );
        let german = Language::German.second_in_words(instant.plus(7));
        assert_eq!(german, "29.2.2024, 15:00:07 UTC");
        // Of no calendar.
        let odd = Language::English.instant(UnixSeconds(-1));
        assert_eq!(odd, Timed::words("-1"));
    }

    #[test]
    fn words_around_a_time_are_no_markup() {
        let odd = Timed::words("<b>").within("a & ", "\"");
        assert_eq!(odd.to_string(), "a &amp; &lt;b&gt;&quot;");
    }
}
