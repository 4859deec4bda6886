//! Concurrent parts of Portcullis, under every interleaving of their threads.
#![cfg(test)]

#[path = "../../src/revocation/floored.rs"]
mod floored;

use floored::Floored;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

/// Where the one row stands in the log, and the floor that replaces it.
const REVOKED_AT: u64 = 1;

/// A token from before.
const GIVEN_OUT: u64 = 0;

/// Whether the row is there.
struct Rows(AtomicBool);

impl Rows {
    fn lists(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn drop(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Judges the token while the floor takes over from its row.
fn judge(refuses: impl Fn(&Floored<Rows>) -> bool + Copy + Send + Sync + 'static) {
    loom::model(move || {
        let floored = Arc::new(Floored::new(Rows(AtomicBool::new(true))));
        let shared = Arc::clone(&floored);
        let writer = thread::spawn(move || shared.raise_and_drop(REVOKED_AT, Rows::drop));
        assert!(refuses(&floored), "a revoked token passed");
        writer.join().unwrap();
        assert!(refuses(&floored), "a revoked token passed afterwards");
    });
}

#[test]
fn a_revoked_token_is_refused_whenever_it_is_judged() {
    judge(|floored| floored.refuses(GIVEN_OUT, Rows::lists));
}

/// Shows that the model finds what it is there to find.
#[test]
#[should_panic(expected = "a revoked token passed")]
fn the_other_order_lets_it_through() {
    judge(|floored| GIVEN_OUT < floored.floor() || floored.rows().lists());
}

#[test]
fn a_row_that_raises_the_floor_is_never_taken_back() {
    loom::model(|| {
        let floored = Arc::new(Floored::new(Rows(AtomicBool::new(false))));
        let shared = Arc::clone(&floored);
        let other = thread::spawn(move || shared.raise(REVOKED_AT));
        floored.raise(REVOKED_AT + 1);
        other.join().unwrap();
        assert_eq!(floored.floor(), REVOKED_AT + 1);
    });
}
