//! A form that makes an app, sent twice: the second answer is that of the first, which the browser may never
//! have shown, with the secret that is shown once.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::clock::UnixSeconds;
use crate::identity::{AppKey, SecretDigest, UserId};

/// How long a second form is one that was sent twice.
const SECONDS: i64 = 60;

/// So many are remembered; the oldest make room.
const MAX_FORMS: usize = 256;

/// So many of one user, likewise: nobody pushes out those of others.
const MAX_OF_USER: usize = 8;

/// An app that a form has made.
pub(super) struct Made {
    /// The path of its page.
    pub(super) path: String,
    pub(super) secret: String,
    pub(super) key: AppKey,
}

/// The forms of the last minute, and what each has made in this process.
#[derive(Default)]
pub(in crate::issuer) struct MadeApps(Mutex<VecDeque<Entry>>);

struct Entry {
    user: UserId,
    form: SecretDigest,
    since: UnixSeconds,
    made: Arc<OnceCell<Made>>,
}

impl MadeApps {
    /// What this form of a user has made, or will have.
    pub(super) fn by(
        &self,
        user: &UserId,
        form: &SecretDigest,
        now: UnixSeconds,
    ) -> Arc<OnceCell<Made>> {
        let mut entries = self.0.lock();
        entries.retain(|entry| now.since(entry.since) < SECONDS);
        if let Some(entry) = entries.iter().find(|entry| entry.form.matches(form)) {
            return Arc::clone(&entry.made);
        }
        let own = entries.iter().filter(|entry| entry.user == *user).count();
        if own >= MAX_OF_USER {
            let oldest = entries.iter().position(|entry| entry.user == *user);
            oldest.and_then(|oldest| entries.remove(oldest));
        }
        if entries.len() >= MAX_FORMS {
            entries.pop_front();
        }
        let made = Arc::new(OnceCell::new());
        entries.push_back(Entry {
            user: user.clone(),
            form: form.clone(),
            since: now,
            made: Arc::clone(&made),
        });
        made
    }

    /// Forgets what a form was to make and has not, or what is no longer there.
    pub(super) fn forget(&self, made: &Arc<OnceCell<Made>>) {
        self.0
            .lock()
            .retain(|entry| !Arc::ptr_eq(&entry.made, made));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_remembered_for_a_minute_and_few_of_them() {
        let (made, now) = (MadeApps::default(), UnixSeconds(1_800_000_000));
        let form = |number: usize| SecretDigest::of(&number.to_be_bytes());
        let user = |number: usize| UserId::known(&format!("u{number}"));
        let (alice, eve) = (user(0), user(1));
        let first = made.by(&alice, &form(0), now);
        assert!(Arc::ptr_eq(
            &first,
            &made.by(&alice, &form(0), now.plus(59))
        ));
        assert!(!Arc::ptr_eq(&first, &made.by(&alice, &form(1), now)));
        for number in 2..2 * MAX_FORMS {
            made.by(&eve, &form(number), now);
        }
        assert_eq!(made.0.lock().len(), 2 + MAX_OF_USER);
        assert!(Arc::ptr_eq(&first, &made.by(&alice, &form(0), now)));
        made.forget(&first);
        let second = made.by(&alice, &form(0), now);
        assert!(!Arc::ptr_eq(&first, &second), "it has made nothing");
        assert!(!Arc::ptr_eq(
            &second,
            &made.by(&alice, &form(0), now.plus(60))
        ));
        for number in 0..2 * MAX_FORMS {
            made.by(&user(number), &form(number), now);
        }
        assert_eq!(made.0.lock().len(), MAX_FORMS);
    }
}
