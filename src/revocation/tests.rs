//! The list: what it refuses, what it keeps, and that its bound lets nothing through.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

fn row(position: u64, mark: u128) -> Revocation {
    Revocation {
        position: LogPosition(position),
        mark: Some(Mark(mark)),
        expires_at: NOW.plus(3600),
    }
}

fn token(position: u64, mark: u128) -> Revocable {
    Revocable::with(LogPosition(position), &[Mark(mark)])
}

fn all(list: &RevocationList) -> Vec<Revocation> {
    list.chunks(3).flatten().collect()
}

#[test]
fn copies_are_made_piece_by_piece() {
    let list = RevocationList::new(100_000);
    let rows: Vec<Revocation> = (1..=20_000_u64)
        .map(|position| {
            row(
                position,
                u128::from(position.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64,
            )
        })
        .collect();
    list.extend(&rows);
    list.extend(&[Revocation {
        mark: None,
        ..row(7, 0)
    }]);
    let mut seen = Vec::new();
    for chunk in list.chunks(1000) {
        assert!(chunk.len() < 1100, "{}", chunk.len());
        seen.extend(chunk);
    }
    let floor = seen.pop().unwrap();
    assert_eq!((floor.mark, floor.position), (None, LogPosition(7)));
    assert!(seen.is_sorted_by_key(|row| row.mark));
    seen.sort_by_key(|row| row.position);
    assert_eq!(seen, rows);
}

#[test]
fn only_tokens_from_before_their_revocation_are_refused() {
    let list = RevocationList::new(100);
    assert!(!list.is_revoked(&token(0, 1)));
    list.extend(&[row(5, 1), row(6, u128::MAX)]);
    let rows = [
        (0, 1, true),
        (4, 1, true),
        (5, 1, false),
        (6, 1, false),
        (5, u128::MAX, true),
        (6, u128::MAX, false),
        (0, 2, false),
    ];
    for (position, mark, expected) in rows {
        let refused = list.is_revoked(&token(position, mark));
        assert_eq!(refused, expected, "{mark} at {position}");
    }
    // Received again, late and out of order: what is revoked stays revoked.
    list.extend(&[row(3, 1), row(5, 1)]);
    assert!(list.is_revoked(&token(4, 1)));
    let statistics = list.statistics();
    assert_eq!(
        (statistics.entries, statistics.position),
        (2, LogPosition(6))
    );
}

#[test]
fn everyone_means_whoever_had_a_token_before() {
    let list = RevocationList::new(100);
    list.extend(&[Revocation {
        mark: None,
        ..row(7, 0)
    }]);
    assert!(list.is_revoked(&token(6, 1)));
    assert!(!list.is_revoked(&token(7, 1)));
    assert_eq!(all(&list).len(), 1);
}

#[test]
fn a_full_list_refuses_more_and_never_less() {
    let list = RevocationList::new(10);
    let rows: Vec<Revocation> = (1..=25)
        .map(|position| row(position, u128::from(position) << 110))
        .collect();
    for row in &rows {
        list.extend(std::slice::from_ref(row));
        assert!(list.statistics().entries <= 10);
    }
    for row in &rows {
        let before = row.position.0 - 1;
        assert!(
            list.is_revoked(&token(before, row.mark.unwrap().0)),
            "{row:?}"
        );
    }
    assert!(
        !list.is_revoked(&token(25, 25 << 110)),
        "what came after it is not concerned"
    );
}

#[test]
fn a_revoked_token_is_refused_while_the_list_overflows() {
    const ROUNDS: u64 = 50;
    let taken_back = token(0, u128::MAX);
    for _ in 0..ROUNDS {
        let list = RevocationList::new(10);
        list.extend(&[row(1, u128::MAX)]);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: [_; 2] = std::array::from_fn(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        assert!(list.is_revoked(&taken_back), "let through");
                    }
                })
            });
            for position in 2..=40 {
                list.extend(&[row(position, u128::from(position) << 110)]);
            }
            done.store(true, Ordering::Release);
            for reader in readers {
                reader.join().unwrap();
            }
        });
    }
}

#[test]
fn what_has_expired_is_swept_and_nothing_else() {
    let list = RevocationList::new(100);
    let short = Revocation {
        expires_at: NOW.plus(10),
        ..row(1, 1)
    };
    list.extend(&[short, row(2, 2), row(3, 1)]);
    list.sweep(NOW.plus(10));
    assert!(list.is_revoked(&token(0, 1)), "a later row prolongs it");
    assert!(list.is_revoked(&token(0, 2)));
    list.sweep(NOW.plus(3600));
    assert_eq!(list.statistics().entries, 0);
    assert!(!list.is_revoked(&token(0, 2)));
}

proptest! {
    /// The shards against a plain map.
    #[test]
    fn the_list_is_a_map(batches in prop::collection::vec(prop::collection::vec((0..50_u64, 0..40_u128), 0..20), 0..20)) {
        let list = RevocationList::new(1000);
        let mut model: HashMap<u128, u64> = HashMap::new();
        for batch in &batches {
            let rows: Vec<Revocation> = batch.iter().map(|(position, mark)| row(*position, mark << 115)).collect();
            list.extend(&rows);
            for (position, mark) in batch {
                let known = model.entry(mark << 115).or_default();
                *known = (*known).max(*position);
            }
        }
        prop_assert_eq!(list.statistics().entries, model.len());
        prop_assert_eq!(all(&list).len(), model.len());
        for (mark, position) in model {
            prop_assert!(!list.is_revoked(&token(position, mark)));
            if position > 0 {
                prop_assert!(list.is_revoked(&token(position - 1, mark)));
            }
        }
    }
}
