//! Looking for apps.

use super::{Directory, DirectoryError};
use crate::clock::UnixSeconds;
use crate::identity::{App, Status, User};
use crate::store::{AppFilter, Listing, LiveSecret, OwnedApp, Page, StaleApps};

/// Up to how many it is counted.
const MAX_COUNTED: u32 = 1000;

/// Which apps somebody looks for: those for which all that is said here holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AppSearch<'a> {
    /// A username.
    pub owner: Option<&'a str>,
    pub status: Option<Status>,
    /// Last used so long ago, or made where they were never used.
    pub unused: Option<Days>,
    /// With a latest secret of at least this age.
    pub secret: Option<Days>,
}

impl<'a> AppSearch<'a> {
    /// All apps of whoever has this username.
    #[must_use]
    pub fn of_owner(username: &'a str) -> Self {
        Self {
            owner: Some(username),
            ..Self::default()
        }
    }
}

/// A number of days, from 1 to [`Days::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u16);

/// A number of days that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number of days is a whole number from 1 to {}", Days::MAX)]
pub struct DaysError;

impl Directory<'_> {
    /// Apps of anybody.
    pub async fn apps(
        &self,
        wanted: &AppSearch<'_>,
        page: &Page,
    ) -> Result<Listing<OwnedApp>, DirectoryError> {
        let owner = match wanted.owner {
            Some(name) => Some(self.user(name).await?.id),
            None => None,
        };
        let filter = AppFilter {
            owner,
            status: wanted.status,
            unused_since: wanted.unused.map(|days| self.ago(days)),
            secret_since: wanted.secret.map(|days| self.ago(days)),
        };
        Ok(self.store.all_apps(&filter, page).await?)
    }

    pub async fn own_apps(
        &self,
        owner: &User,
        page: &Page,
    ) -> Result<Listing<App>, DirectoryError> {
        Ok(self.store.apps(&owner.id, page).await?)
    }

    /// How many active apps were last used `unused` days ago or earlier, and how many have a secret of `secret` days
    /// or more. Either is counted up to a bound.
    pub async fn stale_apps(
        &self,
        unused: Days,
        secret: Days,
    ) -> Result<StaleApps, DirectoryError> {
        let (unused, secret) = (self.ago(unused), self.ago(secret));
        Ok(self.store.stale_apps(unused, secret, MAX_COUNTED).await?)
    }

    /// The secrets of an app that are accepted now, the latest first. The caller has found the app.
    pub async fn secrets_of(&self, app: &App) -> Result<Vec<LiveSecret>, DirectoryError> {
        Ok(self.store.live_secrets(&app.key, self.now).await?)
    }

    fn ago(&self, days: Days) -> UnixSeconds {
        self.now.plus(-i64::from(days.0) * 86_400)
    }
}

impl Days {
    pub const MAX: u16 = 3650;

    /// An app that nobody has used for so long is perhaps not needed any more.
    pub const UNUSED: Self = Self(90);

    /// A secret of this age has perhaps been forgotten.
    pub const OLD_SECRET: Self = Self(365);

    pub fn new(days: u16) -> Result<Self, DaysError> {
        if (1..=Self::MAX).contains(&days) {
            Ok(Self(days))
        } else {
            Err(DaysError)
        }
    }

    /// Reads a number in decimal digits.
    pub fn parse(text: &str) -> Result<Self, DaysError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let days = text.parse().ok().filter(|_| digits);
        days.ok_or(DaysError).and_then(Self::new)
    }

    pub fn count(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_bounded_whole_numbers() {
        for (text, days) in [("1", 1), ("90", 90), ("0365", 365), ("3650", 3650)] {
            let read = Days::parse(text).map(Days::count);
            assert_eq!(read, Ok(days), "{text}");
        }
        for text in ["", "0", "3651", "-1", "+1", "1.5", "a", " 1", "70000"] {
            assert_eq!(Days::parse(text), Err(DaysError), "{text}");
        }
    }
}
