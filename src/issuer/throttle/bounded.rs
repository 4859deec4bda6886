//! How a map of instants makes room.

use std::collections::HashMap;

use governor::nanos::Nanos;

/// Forgets the quarter with the earliest instants: seldom, so that one more entry costs little.
pub(super) fn forget_earliest_quarter(entries: &mut HashMap<u64, Nanos>) {
    let mut instants: Vec<Nanos> = entries.values().copied().collect();
    if instants.is_empty() {
        return;
    }
    let quarter = instants.len() / 4;
    let (_, limit, _) = instants.select_nth_unstable(quarter);
    let limit = *limit;
    // Among equals, so many as are needed.
    let mut left = quarter + 1;
    entries.retain(|_, instant| {
        let forgotten = *instant <= limit && left > 0;
        left -= usize::from(forgotten);
        !forgotten
    });
}
