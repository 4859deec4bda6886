//! When apps last got tokens: remembered as it happens, and written to the store for many at a time.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use crate::clock::UnixSeconds;
use crate::identity::AppKey;
use crate::store::{Store, StoreError};

/// To how many seconds a use is known, and how often uses are written at most.
pub(super) const SECONDS: i64 = 60;

/// So many apps are remembered until they are written; uses of others are lost.
const MAX_APPS: usize = 100_000;

/// The uses that have not been written yet. What is in here when the process ends is lost.
#[derive(Default)]
pub(super) struct AppUses(Mutex<HashMap<AppKey, UnixSeconds>>);

impl AppUses {
    /// Remembers that an app has got a token.
    pub(super) fn note(&self, app: &AppKey, now: UnixSeconds) {
        let minute = UnixSeconds(now.0 - now.0.rem_euclid(SECONDS));
        let mut uses = self.0.lock();
        if let Some(last) = uses.get_mut(app) {
            *last = minute.max(*last);
        } else if uses.len() < MAX_APPS {
            uses.insert(app.clone(), minute);
        }
    }

    /// Whether there is anything to write.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Writes what has been remembered. What cannot be written is remembered again.
    pub(super) async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let uses = std::mem::take(&mut *self.0.lock());
        let mut minutes: BTreeMap<UnixSeconds, Vec<AppKey>> = BTreeMap::new();
        for (app, minute) in uses {
            minutes.entry(minute).or_default().push(app);
        }
        while let Some((minute, apps)) = minutes.pop_first() {
            if let Err(error) = store.note_app_uses(&apps, minute).await {
                minutes.insert(minute, apps);
                self.put_back(minutes);
                return Err(error);
            }
        }
        Ok(())
    }

    fn put_back(&self, minutes: BTreeMap<UnixSeconds, Vec<AppKey>>) {
        for (minute, apps) in minutes {
            for app in apps {
                self.note(&app, minute);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::AppKey;

    fn noted(uses: &AppUses) -> Vec<(String, i64)> {
        let uses = uses.0.lock();
        let mut noted: Vec<_> = uses
            .iter()
            .map(|(app, at)| (app.as_str().to_owned(), at.0))
            .collect();
        noted.sort();
        noted
    }

    #[test]
    fn the_last_minute_of_each_app_is_remembered_and_no_more_than_a_bound() {
        let uses = AppUses::default();
        assert!(uses.is_empty());
        let (shop, other) = (AppKey::known("shop"), AppKey::known("other"));
        for (app, at) in [(&shop, 119), (&shop, 121), (&other, 60), (&shop, 59)] {
            uses.note(app, UnixSeconds(at));
        }
        let expected = [("other".to_owned(), 60), ("shop".to_owned(), 120)];
        assert_eq!(noted(&uses), expected);
        for number in 0..=MAX_APPS {
            uses.note(&AppKey::known(&number.to_string()), UnixSeconds(0));
        }
        assert_eq!(noted(&uses).len(), MAX_APPS);
        uses.note(&shop, UnixSeconds(180));
        assert!(noted(&uses).contains(&("shop".to_owned(), 180)));
    }
}
