//! The life of signing keys: published, then in use, then only verified with, then gone.
//!
//! Whoever reads the same instants and the same clock comes to the same answer, so issuers that
//! share a store agree without talking.

use super::algorithm::Algorithm;
use crate::clock::UnixSeconds;

/// How long verifiers may keep a JWKS that they were given.
pub const JWKS_MAX_AGE_SECONDS: i64 = 300;

/// How long a key is published before its first use: as long as a JWKS without it may be in use
/// somewhere, and a margin for issuers that notice it late and clocks that differ.
pub const PUBLISHED_AHEAD_SECONDS: i64 = JWKS_MAX_AGE_SECONDS + 300;

/// How long a key is published after the end of its last token: the longest leeway that a verifier
/// can be configured to give, and a margin for issuers that stop using it late.
pub const KEPT_BEYOND_SECONDS: i64 = 300 + 60;

/// The most keys of an issuer; far more than rotation needs, and fewer than a verifier takes.
pub const MAX_PUBLISHED_KEYS: usize = 16;

/// The instants of one signing key. Those of its end follow from its successors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLife {
    /// Its number: a later key has a higher one.
    pub position: i64,
    /// What it serves.
    pub algorithm: Algorithm,
    /// From when on it signs, unless a later key does.
    pub active_from: UnixSeconds,
    /// How long the longest-lived token lives that it may have signed.
    pub token_seconds: i64,
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    /// Published, so that verifiers know it when it begins to sign.
    Next,
    /// It signs.
    Active,
    /// It no longer signs, and its tokens may still be about.
    Retiring,
    /// No token of it is about.
    Ended,
}

/// The signing keys of one issuer, in the order of their positions.
#[derive(Debug, Clone, Default)]
pub struct KeySchedule(Vec<KeyLife>);

impl KeySchedule {
    /// Takes the keys in any order.
    pub fn new(keys: impl IntoIterator<Item = KeyLife>) -> Self {
        let mut keys: Vec<KeyLife> = keys.into_iter().collect();
        keys.sort_by_key(|key| key.position);
        Self(keys)
    }

    /// The key that came last, whether it signs yet or not.
    pub fn newest(&self) -> Option<&KeyLife> {
        self.0.last()
    }

    /// The key that signs: the latest that may. A clock that stands before all of them has that one
    /// sign whose turn comes first; without keys there is none.
    pub fn active(&self, now: UnixSeconds) -> Option<&KeyLife> {
        let mut begun = self.0.iter().rev().filter(|key| key.active_from <= now);
        let first = || self.0.iter().min_by_key(|key| key.active_from);
        begun.next().or_else(first)
    }

    /// Where `key`, one of these, is in its life.
    pub fn state(&self, key: &KeyLife, now: UnixSeconds) -> KeyState {
        if self
            .active(now)
            .is_some_and(|active| active.position == key.position)
        {
            return KeyState::Active;
        }
        match self.retired_at(key) {
            Some(retired_at) if retired_at <= now => {
                // A key that another overtook before its first use has signed nothing.
                let signed = key.active_from < retired_at;
                if signed && now < end(key, retired_at) {
                    KeyState::Retiring
                } else {
                    KeyState::Ended
                }
            }
            Some(_) | None => KeyState::Next,
        }
    }

    /// Until when verifiers are told of `key`, one of these; none as long as no later key is to sign in its
    /// place.
    pub fn published_until(&self, key: &KeyLife) -> Option<UnixSeconds> {
        let retired_at = self.retired_at(key)?;
        Some(end(key, retired_at))
    }

    /// When a later key begins to sign in its place.
    fn retired_at(&self, key: &KeyLife) -> Option<UnixSeconds> {
        let later = self.0.iter().filter(|other| other.position > key.position);
        later.map(|other| other.active_from).min()
    }

    /// The keys that verifiers are told of.
    pub fn published(&self, now: UnixSeconds) -> impl Iterator<Item = &KeyLife> {
        let published = move |key: &&KeyLife| self.state(key, now) != KeyState::Ended;
        self.0.iter().filter(published)
    }

    /// The keys that nobody needs any more.
    pub fn ended(&self, now: UnixSeconds) -> impl Iterator<Item = &KeyLife> {
        let ended = move |key: &&KeyLife| self.state(key, now) == KeyState::Ended;
        self.0.iter().filter(ended)
    }

    /// Whether it is time to publish a successor of a key that is to sign for `rotate_seconds`; 0
    /// is for ever. The successor of a key that does not sign yet is never due.
    pub fn rotation_is_due(&self, rotate_seconds: u32, now: UnixSeconds) -> bool {
        rotate_seconds > 0
            && self.newest().is_some_and(|newest| {
                let ends = newest.active_from.plus(i64::from(rotate_seconds));
                newest.active_from <= now && ends <= now.plus(PUBLISHED_AHEAD_SECONDS)
            })
    }

    /// Whether one more key would be too many.
    pub fn is_full(&self, now: UnixSeconds) -> bool {
        self.published(now).count() >= MAX_PUBLISHED_KEYS
    }
}

/// When no token of a key is about any more that stops signing at `retired_at`.
fn end(key: &KeyLife, retired_at: UnixSeconds) -> UnixSeconds {
    retired_at.plus(key.token_seconds.saturating_add(KEPT_BEYOND_SECONDS))
}

impl KeyState {
    /// What JSON has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Ended => "ended",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KeyState::{Active, Ended, Next, Retiring};
    use super::*;

    const TOKEN_SECONDS: i64 = 3600;

    fn key(position: i64, active_from: i64) -> KeyLife {
        KeyLife {
            position,
            algorithm: Algorithm::Es256,
            active_from: UnixSeconds(active_from),
            token_seconds: TOKEN_SECONDS,
        }
    }

    fn states(keys: &[KeyLife], now: i64) -> Vec<KeyState> {
        let schedule = KeySchedule::new(keys.iter().rev().copied());
        let states = keys.iter().map(|key| schedule.state(key, UnixSeconds(now)));
        states.collect()
    }

    #[test]
    fn states_follow_from_the_instants_alone() {
        let one = [key(1, 1000)];
        let two = [key(1, 1000), key(2, 10_000)];
        // Two wait at once, as when a rotation follows on another.
        let three = [key(1, 1000), key(2, 10_000), key(3, 10_300)];
        // The third comes at once, before the second has begun: an emergency.
        let overtaken = [key(1, 1000), key(2, 10_000), key(3, 9500)];
        let end = 10_000 + TOKEN_SECONDS + KEPT_BEYOND_SECONDS;
        let rows: [(&[KeyLife], i64, &[KeyState]); 16] = [
            (&[], 0, &[]),
            (&one, 0, &[Active]),
            (&one, 1000, &[Active]),
            (&one, i64::MAX, &[Active]),
            (&two, i64::MIN, &[Active, Next]),
            (&two, 9999, &[Active, Next]),
            (&two, 10_000, &[Retiring, Active]),
            (&two, end - 1, &[Retiring, Active]),
            (&two, end, &[Ended, Active]),
            (&three, 9999, &[Active, Next, Next]),
            (&three, 10_000, &[Retiring, Active, Next]),
            (&three, 10_300, &[Retiring, Retiring, Active]),
            (&three, end, &[Ended, Retiring, Active]),
            (&overtaken[1..], 0, &[Next, Active]),
            (&overtaken, 9499, &[Active, Next, Next]),
            (&overtaken, 9500, &[Retiring, Ended, Active]),
        ];
        for (keys, now, expected) in rows {
            assert_eq!(states(keys, now), expected, "{keys:?} at {now}");
        }
    }

    #[test]
    fn one_key_signs_at_every_instant() {
        let keys = [key(1, 1000), key(2, 700), key(4, 90_000), key(7, 2000)];
        for now in (0..100_000).step_by(50) {
            let states = states(&keys, now);
            assert_eq!(states.iter().filter(|state| **state == Active).count(), 1);
        }
    }

    #[test]
    fn a_key_is_kept_for_the_longest_of_its_tokens() {
        let short = KeyLife {
            token_seconds: 60,
            ..key(1, 0)
        };
        let end = 10_000 + 60 + KEPT_BEYOND_SECONDS;
        let keys = [short, key(2, 10_000)];
        assert_eq!(states(&keys, end - 1), [Retiring, Active]);
        assert_eq!(states(&keys, end), [Ended, Active]);
    }

    #[test]
    fn a_successor_is_due_early_enough_to_be_known() {
        let day = 86_400;
        let due = |keys: &[KeyLife], seconds, now| {
            KeySchedule::new(keys.iter().copied()).rotation_is_due(seconds, UnixSeconds(now))
        };
        let early = i64::from(day) - PUBLISHED_AHEAD_SECONDS;
        for (seconds, now, expected) in [
            (day, 0, false),
            (day, early - 1, false),
            (day, early, true),
            (day, 10 * i64::from(day), true),
            (0, i64::MAX, false),
        ] {
            assert_eq!(due(&[key(1, 0)], seconds, now), expected, "{seconds} {now}");
        }
        assert!(!due(&[], day, 0));
        let waiting = [key(1, 0), key(2, i64::from(day))];
        assert!(!due(&waiting, day, i64::from(day) - 1), "one waits already");
    }

    #[test]
    fn published_keys_are_bounded() {
        let many = (0..20).map(|position| key(position, 1000 + position));
        let schedule = KeySchedule::new(many);
        assert!(schedule.is_full(UnixSeconds(1000)));
        assert!(!schedule.is_full(UnixSeconds(1_000_000)));
        assert_eq!(schedule.ended(UnixSeconds(1_000_000)).count(), 19);
    }
}
