//! What one subscription has told, and whether it may count yet.

use super::knowledge::Knowledge;
use super::reached::{Reached, ViolationError};
use super::wire::{Heartbeat, Keys, Kind, Revocations};

/// Keys and the cursor wait until a heartbeat shows that they are not older than what is known
/// already: an issuer that has lost its database would otherwise bring back keys that were withdrawn.
/// Revocations count at once, because they only refuse.
#[derive(Default)]
pub(super) struct Held {
    keys: Option<Keys>,
    /// Nothing before all rows have come.
    reached: Option<Reached>,
    /// Whether a heartbeat has shown it. From then on what comes counts at once: one issuer does not
    /// become older.
    is_current: bool,
}

impl Held {
    /// Takes what a frame holds.
    pub(super) fn receive(
        &mut self,
        frame: Kind,
        knowledge: &Knowledge,
    ) -> Result<(), ViolationError> {
        match frame {
            Kind::Keys(written) => {
                self.keys = Some(written);
                self.release(knowledge);
            }
            Kind::Revocations(frame) => self.receive_rows(frame, knowledge),
            Kind::Heartbeat(heartbeat) => return self.hear(heartbeat, knowledge),
            // Said twice.
            Kind::Hello(_) => {}
        }
        Ok(())
    }

    fn receive_rows(&mut self, frame: Revocations, knowledge: &Knowledge) {
        let complete = Reached::by(&frame);
        let position = complete.as_ref().map(|reached| reached.position);
        self.reached = complete.or(self.reached.take());
        if self.is_current {
            knowledge.apply(&frame);
        } else {
            // Without the cursor, which the journal would bring back after a restart.
            knowledge.apply(&Revocations {
                revocations: frame.revocations,
                ..Revocations::default()
            });
        }
        // Whether or not the cursor counts: from here on they are refused.
        if let Some(position) = position {
            knowledge.taken.note(position);
        }
        self.release(knowledge);
    }

    fn hear(&mut self, heartbeat: Heartbeat, knowledge: &Knowledge) -> Result<(), ViolationError> {
        let Some(reached) = &self.reached else {
            // Of rows that are still coming it says nothing.
            return knowledge.tolerate(heartbeat);
        };
        // The issuer has sent rows that never came: to go on would mean to let revoked tokens through.
        if heartbeat.position > reached.position.0 {
            return Err(ViolationError::Gap);
        }
        self.is_current |= knowledge.is_not_newer_than(heartbeat);
        if self.is_current {
            // Before the knowledge counts as new: a key that was withdrawn must not serve as one that is
            // known to be good.
            self.release(knowledge);
            knowledge.confirm_by(heartbeat);
        }
        // Also where the issuer is to be left: what it told may be newer than all that is known.
        knowledge.tolerate(heartbeat)?;
        knowledge.hear(heartbeat);
        Ok(())
    }

    /// The cursor and the keys count now, if they may.
    fn release(&mut self, knowledge: &Knowledge) {
        if let (true, Some(reached)) = (self.is_current, &self.reached) {
            knowledge.reach(reached);
            if let Some(keys) = self.keys.take() {
                knowledge.adopt(keys);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::FutureExt;
    use tokio::sync::mpsc;

    use super::*;
    use crate::clock::{SystemClock, UnixSeconds};
    use crate::feed::knowledge::Origin;
    use crate::feed::settings::FeedSettings;
    use crate::feed::wire::{Everyone, Revocation, RevokedTokens};
    use crate::revocation::OnStale;
    use crate::token::LogPosition;

    /// What was known when nothing had happened, a second ago.
    fn knowledge() -> Knowledge {
        let settings = FeedSettings {
            addresses: Vec::new(),
            token_file: None,
            ca_file: None,
            identity: None,
            max_staleness: Duration::from_secs(30),
            on_stale: OnStale::Serve,
            start_wait: Duration::ZERO,
            snapshot_file: None,
            max_revocations: 10,
            report: true,
        };
        let origin = Origin {
            issuer: "https://id".into(),
            algorithms: Vec::new(),
            clock: Arc::new(SystemClock),
            instance: Bytes::new(),
            on_keys: Box::new(|| {}),
        };
        let knowledge = Knowledge::new(origin, &settings);
        let saved = knowledge.save();
        knowledge.take_over(&saved, Duration::from_secs(1));
        knowledge
    }

    fn row(position: u64) -> Kind {
        let row = Revocation {
            position,
            expires_at: i64::MAX,
            subject: Some(RevokedTokens::Everyone(Everyone {})),
        };
        Kind::Revocations(Revocations {
            revocations: vec![row],
            position,
            cursor: Bytes::from(position.to_string()),
        })
    }

    fn heartbeat(position: u64, behind_ms: u64) -> Kind {
        Kind::Heartbeat(Heartbeat {
            position,
            issuer_time: UnixSeconds(1_800_000_000).0,
            behind_ms,
        })
    }

    #[test]
    fn a_restart_does_not_count_what_was_held() {
        let (knowledge, mut held) = (knowledge(), Held::default());
        let (sender, mut journal) = mpsc::channel(8);
        knowledge.keep_journal(sender);
        let mut written = |frame: Kind| {
            held.receive(frame, &knowledge).unwrap();
            let written = journal.try_recv().ok();
            let cursor = written.map(|frame| frame.cursor);
            (cursor, knowledge.cursor())
        };
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        // The rows are on the disk, and what would let others be left out is not.
        assert_eq!(written(row(5)), (Some(bytes("")), bytes("")));
        assert_eq!(written(heartbeat(5, 20_000)), (None, bytes("")));
        assert_eq!(written(row(6)), (Some(bytes("")), bytes("")));
        assert_eq!(written(heartbeat(6, 0)), (None, bytes("6")));
        assert_eq!(written(row(7)), (Some(bytes("7")), bytes("7")));
        assert_eq!(knowledge.list.statistics().floor, LogPosition(7));
    }

    #[test]
    fn what_was_replaced_learns_nothing_more() {
        let (earlier, later) = (knowledge(), knowledge());
        let mut held = Held::default();
        for frame in [row(5), heartbeat(5, 0)] {
            held.receive(frame, &earlier).unwrap();
        }
        later.succeed(&earlier);
        for frame in [row(6), heartbeat(6, 0)] {
            held.receive(frame, &earlier).unwrap();
        }
        for knowledge in [earlier, later] {
            assert_eq!(knowledge.cursor(), "5");
            assert_eq!(knowledge.list.statistics().floor, LogPosition(5));
        }
    }

    #[test]
    fn a_heartbeat_before_all_rows_confirms_nothing() {
        let (knowledge, mut held) = (knowledge(), Held::default());
        held.receive(heartbeat(9, 0), &knowledge).unwrap();
        assert!(knowledge.age() >= Some(Duration::from_secs(1)));
        assert!(!knowledge.state.borrow().heard);
        let end = held.receive(heartbeat(9, 31_000), &knowledge);
        assert_eq!(end, Err(ViolationError::Behind));
    }
    /// A process that ends waits until nothing is on its way to the disk: what it has refused must be.
    #[test]
    fn what_is_refused_is_on_its_way_to_the_disk() {
        const ROWS: u64 = 500;
        let knowledge = knowledge();
        let (sender, _journal) = mpsc::channel(usize::try_from(ROWS).unwrap());
        knowledge.keep_journal(sender);
        let floor = || knowledge.list.statistics().floor.0;
        let (taken, mut missing) = (AtomicU64::new(0), 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for position in 1..=ROWS {
                    let mut held = Held::default();
                    held.receive(row(position), &knowledge).unwrap();
                    while taken.load(Ordering::Acquire) < position {
                        std::thread::yield_now();
                    }
                }
            });
            for position in 1..=ROWS {
                while floor() < position {
                    std::hint::spin_loop();
                }
                missing += u64::from(knowledge.all_saved().now_or_never().is_some());
                knowledge.saved(1);
                taken.store(position, Ordering::Release);
            }
        });
        assert_eq!(missing, 0);
    }
}
