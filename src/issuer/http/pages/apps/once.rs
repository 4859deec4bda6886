//! A form that makes an app, sent twice: the second answer is that of the first, which the browser may never
//! have shown, with the secret that is shown once.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::clock::UnixSeconds;
use crate::identity::SecretDigest;

/// How long a second form is one that was sent twice.
const SECONDS: i64 = 60;

/// So many are remembered; the oldest make room.
const MAX_FORMS: usize = 256;

/// An app that a form has made.
pub(super) struct Made {
    /// The path of its page.
    pub(super) path: String,
    pub(super) secret: String,
}

/// The forms of the last minute, and what each has made in this process.
#[derive(Default)]
pub(in crate::issuer) struct MadeApps(Mutex<VecDeque<Entry>>);

struct Entry {
    form: SecretDigest,
    since: UnixSeconds,
    made: Arc<OnceCell<Made>>,
}

impl MadeApps {
    /// What this form has made, or will have.
    pub(super) fn by(&self, form: &SecretDigest, now: UnixSeconds) -> Arc<OnceCell<Made>> {
        let mut entries = self.0.lock();
        entries.retain(|entry| now.since(entry.since) < SECONDS);
        if let Some(entry) = entries.iter().find(|entry| entry.form.matches(form)) {
            return Arc::clone(&entry.made);
        }
        if entries.len() >= MAX_FORMS {
            entries.pop_front();
        }
        let made = Arc::new(OnceCell::new());
        entries.push_back(Entry {
            form: form.clone(),
            since: now,
            made: Arc::clone(&made),
        });
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_remembered_for_a_minute_and_few_of_them() {
        let (made, now) = (MadeApps::default(), UnixSeconds(1_800_000_000));
        let form = |number: usize| SecretDigest::of(&number.to_be_bytes());
        let first = made.by(&form(0), now);
        assert!(Arc::ptr_eq(&first, &made.by(&form(0), now.plus(59))));
        assert!(!Arc::ptr_eq(&first, &made.by(&form(1), now)));
        assert!(!Arc::ptr_eq(&first, &made.by(&form(0), now.plus(60))));
        for number in 0..2 * MAX_FORMS {
            made.by(&form(number), now);
        }
        assert_eq!(made.0.lock().len(), MAX_FORMS);
    }
}
