//! The date and the time of day of an instant, in UTC.

use std::fmt;

use super::UnixSeconds;

/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

/// An instant as people write it, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
}

impl UnixSeconds {
    /// This time of this day, which must exist.
    pub fn at([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3]) -> Self {
        let days = days_from(year, month, day);
        Self(days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    /// Its date and time; none before 1970 and after 9999.
    pub fn calendar(self) -> Option<Calendar> {
        let seconds = self.0;
        if !(0..=LAST).contains(&seconds) {
            return None;
        }
        let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date_of(days);
        Some(Calendar {
            year,
            month,
            day,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
        })
    }
}

/// As RFC 3339 writes it; a time before 1970 or after 9999 as a number of seconds.
impl fmt::Display for UnixSeconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Calendar {
            year,
            month,
            day,
            hour,
            minute,
            second,
        }) = self.calendar()
        else {
            return write!(formatter, "{} seconds after 1970", self.0);
        };
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Year, month and day of a number of days after 1970-01-01, or before it. Counts years from March, so
/// that the leap day comes last, in eras of 400 years (Howard Hinnant, "chrono-compatible low-level
/// date algorithms").
pub fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The inverse of [`date_of`], for dates that exist.
pub fn days_from(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_in_rfc_3339() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_491_167_236, "2017-04-02T21:07:16Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "253402300800 seconds after 1970"),
            (-1, "-1 seconds after 1970"),
        ] {
            assert_eq!(UnixSeconds(seconds).to_string(), expected);
        }
    }

    #[test]
    fn a_date_and_a_time_lead_back_to_their_instant() {
        // Every day of four centuries, each at another time.
        for day in 0..146_097 {
            let instant = UnixSeconds(day * 86_400 + day % 86_400);
            let Calendar {
                year,
                month,
                day,
                hour,
                minute,
                second,
            } = instant.calendar().unwrap();
            assert_eq!(
                UnixSeconds::at([year, month, day], [hour, minute, second]),
                instant
            );
        }
        let before_1970 = UnixSeconds::at([1969, 12, 31], [23, 59, 59]);
        assert_eq!(before_1970, UnixSeconds(-1));
    }

    #[test]
    fn days_and_dates_are_each_other_s_inverse() {
        let mut before = date_of(-720_000);
        for days in -719_999..2_950_000 {
            let date = date_of(days);
            assert!(date > before, "{days}");
            assert_eq!(days_from(date.0, date.1, date.2), days);
            before = date;
        }
        assert_eq!(date_of(0), (1970, 1, 1));
        assert_eq!(date_of(-719_162), (1, 1, 1));
        assert_eq!(date_of(2_932_896), (9999, 12, 31));
    }
}
