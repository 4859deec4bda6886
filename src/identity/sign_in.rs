//! Log-ins of a user, and attempts to log in as one: what users are shown of them.

use crate::clock::UnixSeconds;
use crate::labels::{Label, closed_set};

const DAY_SECONDS: i64 = 86_400;

closed_set! {
    /// How it ended.
    pub enum SignInOutcome {
        Succeeded = "succeeded",
        /// The password was right, and more than that is asked of the user.
        SecondFactorMissing = "second_factor_missing",
        /// Wrong, or too often wrong before to be looked at.
        Failed = "failed",
    }
}

closed_set! {
    /// By what somebody said who it is.
    pub enum SignInMethod {
        Password = "password",
        Passkey = "passkey",
        RecoveryCode = "recovery_code",
        /// A link for a forgotten password.
        Link = "link",
    }
}

closed_set! {
    /// Where.
    pub enum SignInEndpoint {
        /// The pages of the issuer.
        Portal = "portal",
        /// The login for an app in the browser.
        Authorize = "authorize",
        /// `/consumer/login`
        Login = "login",
        /// `/authorization/token`
        Token = "token",
        /// A change of the own account that takes the password.
        Account = "account",
    }
}

/// What is counted together within a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignInKind {
    pub outcome: SignInOutcome,
    pub method: SignInMethod,
    pub endpoint: SignInEndpoint,
    /// Empty where there were many, or where it is not known.
    pub address: String,
}

/// Log-ins or attempts of one day that differ in nothing but the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    pub kind: SignInKind,
    pub attempts: i64,
    pub first_at: UnixSeconds,
    pub last_at: UnixSeconds,
}

impl SignIn {
    /// One, now.
    pub fn once(kind: SignInKind, now: UnixSeconds) -> Self {
        Self {
            kind,
            attempts: 1,
            first_at: now,
            last_at: now,
        }
    }

    /// The day, since 1970.
    pub fn day(&self) -> i64 {
        self.first_at.0.div_euclid(DAY_SECONDS)
    }

    /// Whether both are counted together.
    pub fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind && self.day() == other.day()
    }

    /// Counts another of the kind and day with this one.
    pub fn add(&mut self, other: &Self) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
    }
}

/// The member of a closed set that has this name, if one has.
pub fn labelled<L: Label>(label: &str) -> Option<L> {
    L::ALL.iter().copied().find(|known| known.label() == label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_within_a_day_is_counted_together() {
        let kind = SignInKind {
            outcome: SignInOutcome::Failed,
            method: SignInMethod::Password,
            endpoint: SignInEndpoint::Portal,
            address: String::new(),
        };
        let at = |seconds| SignIn::once(kind.clone(), UnixSeconds(10 * DAY_SECONDS + seconds));
        let mut first = at(100);
        assert!(first.is_like(&at(0)) && first.is_like(&at(DAY_SECONDS - 1)));
        assert!(!first.is_like(&at(DAY_SECONDS)) && !first.is_like(&at(-1)));
        first.add(&at(300));
        first.add(&at(5));
        let seen = (first.attempts, first.first_at, first.last_at);
        assert_eq!(seen, (3, at(5).first_at, at(300).last_at));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for outcome in SignInOutcome::ALL {
            assert_eq!(labelled(outcome.label()), Some(*outcome));
        }
        assert_eq!(labelled::<SignInMethod>("telepathy"), None);
    }
}
