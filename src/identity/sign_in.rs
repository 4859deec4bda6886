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
        /// A change, by somebody who is logged in, that takes the password or a passkey.
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

/// The latest log-in of a user, and what has failed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierLogIn {
    pub at: UnixSeconds,
    /// Empty where there were many, or where it is not known.
    pub address: String,
    pub failed: Failures,
}

/// How many attempts have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failures {
    Exactly(i64),
    /// Those of a day are counted together, and their times are not known one by one.
    AtLeast(i64),
}

impl EarlierLogIn {
    /// None where no log-in is known. `most` is how many rows of failures are kept: there may have been more.
    pub fn among(known: &[SignIn], most: i64) -> Option<Self> {
        let log_ins = known.iter().filter(|sign_in| sign_in.kind.is_log_in());
        let last = log_ins.max_by_key(|sign_in| sign_in.last_at)?;
        let failed = known.iter().filter(|sign_in| {
            sign_in.kind.outcome == SignInOutcome::Failed && sign_in.last_at > last.last_at
        });
        let (mut rows, mut count, mut is_exact) = (0_i64, 0_i64, true);
        for sign_in in failed {
            rows += 1;
            if sign_in.first_at > last.last_at {
                count = count.saturating_add(sign_in.attempts);
            } else {
                // The first came before, the last since, and the others at either time.
                count = count.saturating_add(1);
                is_exact &= sign_in.attempts == 2;
            }
        }
        Some(Self {
            at: last.last_at,
            address: last.kind.address.clone(),
            failed: if is_exact && rows < most {
                Failures::Exactly(count)
            } else {
                Failures::AtLeast(count)
            },
        })
    }
}

impl SignInKind {
    /// Whether somebody was logged in: neither setting a password nor changing the account does that.
    fn is_log_in(&self) -> bool {
        self.outcome == SignInOutcome::Succeeded
            && self.method != SignInMethod::Link
            && self.endpoint != SignInEndpoint::Account
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
    fn failures_are_counted_since_the_latest_log_in() {
        use Failures::{AtLeast, Exactly};
        let row = |outcome, method, attempts, first, last| SignIn {
            kind: SignInKind {
                outcome,
                method,
                endpoint: SignInEndpoint::Portal,
                address: format!("address {last}"),
            },
            attempts,
            first_at: UnixSeconds(first),
            last_at: UnixSeconds(last),
        };
        let log_in = |at| row(SignInOutcome::Succeeded, SignInMethod::Password, 1, at, at);
        let failed = |attempts, first, last| {
            row(
                SignInOutcome::Failed,
                SignInMethod::Password,
                attempts,
                first,
                last,
            )
        };
        let link = row(SignInOutcome::Succeeded, SignInMethod::Link, 1, 500, 500);
        let half = row(
            SignInOutcome::SecondFactorMissing,
            SignInMethod::Password,
            1,
            500,
            500,
        );
        let rows = [
            (vec![log_in(100)], Exactly(0)),
            (vec![log_in(100), log_in(50), failed(3, 60, 90)], Exactly(0)),
            (vec![link.clone(), half.clone(), log_in(100)], Exactly(0)),
            (
                vec![log_in(100), failed(3, 101, 200), failed(2, 300, 300)],
                Exactly(5),
            ),
            (vec![log_in(100), failed(2, 90, 110)], Exactly(1)),
            (
                vec![log_in(100), failed(3, 90, 110), failed(1, 120, 120)],
                AtLeast(2),
            ),
            (
                (0..4)
                    .map(|_| failed(1, 200, 200))
                    .chain([log_in(100)])
                    .collect(),
                AtLeast(4),
            ),
        ];
        for (known, expected) in rows {
            let earlier = EarlierLogIn::among(&known, 4).unwrap();
            assert_eq!((earlier.at, earlier.failed), (UnixSeconds(100), expected));
            assert_eq!(earlier.address, "address 100");
        }
        for known in [vec![], vec![failed(3, 60, 90), link, half]] {
            assert_eq!(EarlierLogIn::among(&known, 4), None);
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for outcome in SignInOutcome::ALL {
            assert_eq!(labelled(outcome.label()), Some(*outcome));
        }
        assert_eq!(labelled::<SignInMethod>("telepathy"), None);
    }
}
