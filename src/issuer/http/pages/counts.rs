//! How many people and things: whom a change concerns, and what gates have heard of it.

use super::language::Language;
use crate::identity::Failures;
use crate::store::Reach;

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

/// What is said around what is counted.
struct Around {
    before: [&'static str; 2],
    /// Where there is nothing.
    nothing: [&'static str; 2],
}

const CONCERNED: Around = Around {
    before: ["This concerns", "Das betrifft"],
    nothing: [
        "This concerns nobody at the moment.",
        "Das betrifft im Moment niemanden.",
    ],
};

const USED: Around = Around {
    before: ["It is used by", "Sie gilt für"],
    nothing: [
        "Nobody uses it at the moment.",
        "Sie gilt im Moment für niemanden.",
    ],
};

const HELD: Around = Around {
    before: ["The user has", "Der Benutzer hat"],
    nothing: [
        "The user has no apps, grants or sessions.",
        "Der Benutzer hat weder Apps noch Zugriffe noch Sitzungen.",
    ],
};

impl Language {
    /// Whom a change concerns.
    pub(super) fn concerned(self, users: i64, apps: i64) -> String {
        self.listed(&CONCERNED, &[("", users, &USERS), ("", apps, &APPS)])
    }

    /// Whom a change concerns, and what of theirs ends.
    pub(super) fn reached(self, reach: Reach) -> String {
        self.counts(&CONCERNED, reach)
    }

    /// Who uses a role or a scope, where nothing changes.
    pub(super) fn used(self, reach: Reach) -> String {
        self.counts(&USED, reach)
    }

    /// What a user has, where nothing changes.
    pub(super) fn held(self, reach: Reach) -> String {
        let of_one = Reach {
            users: 0,
            has_more_users: false,
            ..reach
        };
        self.counts(&HELD, of_one)
    }

    fn counts(self, around: &Around, reach: Reach) -> String {
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
        self.listed(around, &counts)
    }

    /// Numbers, each with what is said before it.
    fn listed(self, around: &Around, counts: &[(&str, i64, &Noun)]) -> String {
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
            return self.in_this(around.nothing).to_owned();
        };
        let (and, start) = (self.in_this(["and", "und"]), self.in_this(around.before));
        if counts.is_empty() {
            return format!("{start} {last}.");
        }
        format!("{start} {} {and} {last}.", counts.join(", "))
    }

    /// How many attempts to log in have failed since some time.
    pub(super) fn failures(self, failures: Failures) -> String {
        let (least, count) = match failures {
            Failures::Exactly(count) => ("", count),
            Failures::AtLeast(count) => (self.in_this(["at least ", "mindestens "]), count),
        };
        match (self, count) {
            (Self::English, 0) => "No failed attempts since then.".to_owned(),
            (Self::German, 0) => "Seitdem keine Fehlversuche.".to_owned(),
            (Self::English, _) => {
                let counted = self.counted(count, "failed attempt", "failed attempts");
                format!("Since then {least}{counted}.")
            }
            (Self::German, _) => {
                let counted = self.counted(count, "Fehlversuch", "Fehlversuche");
                format!("Seitdem {least}{counted}.")
            }
        }
    }

    /// How many of the gates refuse what was revoked, do not yet, and do not say, and how many of them are not
    /// connected any more; empty where there is none.
    pub(super) fn arrivals(
        self,
        refusing: usize,
        late: usize,
        silent: usize,
        gone: usize,
    ) -> String {
        let all = refusing + late + silent;
        if all == 0 {
            return String::new();
        }
        let labels = match self {
            Self::English => [
                "Connected",
                "Refusing",
                "Not yet",
                "Without an answer",
                "Not connected any more",
            ],
            Self::German => [
                "Verbunden",
                "Lehnen ab",
                "Noch nicht",
                "Ohne Auskunft",
                "Nicht mehr verbunden",
            ],
        };
        // The first two in any case: that none refuses is to be seen.
        let counts = [
            Some(all.saturating_sub(gone)),
            Some(refusing),
            over_zero(late),
            over_zero(silent),
            over_zero(gone),
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
}

fn over_zero(count: usize) -> Option<usize> {
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let told = Language::English.used(reach(1));
        assert_eq!(told, "It is used by 1 user, 2 apps and 1 session.");
        let told = Language::German.used(Reach::default());
        assert_eq!(told, "Sie gilt im Moment für niemanden.");
        let told = Language::English.held(reach(1));
        assert_eq!(told, "The user has 2 apps and 1 session.");
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
    fn failures_are_counted_in_words() {
        use Failures::{AtLeast, Exactly};
        use Language::{English, German};
        assert_eq!(
            English.failures(Exactly(0)),
            "No failed attempts since then."
        );
        assert_eq!(English.failures(Exactly(1)), "Since then 1 failed attempt.");
        assert_eq!(German.failures(Exactly(2)), "Seitdem 2 Fehlversuche.");
        assert_eq!(
            German.failures(AtLeast(1)),
            "Seitdem mindestens 1 Fehlversuch."
        );
    }

    #[test]
    fn gates_are_counted_in_words() {
        use Language::{English, German};
        assert_eq!(English.arrivals(0, 0, 0, 0), "");
        assert_eq!(English.arrivals(2, 0, 0, 0), "Connected: 2. Refusing: 2.");
        let told = "Verbunden: 3. Lehnen ab: 0. Noch nicht: 1. Ohne Auskunft: 2.";
        assert_eq!(German.arrivals(0, 1, 2, 0), told);
        let told = "Connected: 1. Refusing: 1. Not yet: 1. Not connected any more: 1.";
        assert_eq!(English.arrivals(1, 1, 0, 1), told);
        assert_eq!(English.other_policies(0), "");
        for (language, one, two) in [
            (English, "1 gate has ", "2 gates have "),
            (German, "1 Gate hat ", "2 Gates haben "),
        ] {
            assert!(language.other_policies(1).starts_with(one));
            assert!(language.other_policies(2).starts_with(two));
        }
    }
}
