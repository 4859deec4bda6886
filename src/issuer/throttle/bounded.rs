//! How a map of instants makes room.

use std::cmp::Ordering;
use std::collections::HashMap;

/// Forgets the quarter with the earliest instants: seldom, so that one more entry costs little.
pub(super) fn forget_earliest_quarter(entries: &mut HashMap<u64, u64>) {
    let mut instants: Vec<u64> = entries.values().copied().collect();
    if instants.is_empty() {
        return;
    }
    // A quarter at once, so that whoever fills the table does not have it searched for each new entry.
    let quarter = instants.len() / 4;
    let (_, limit, _) = instants.select_nth_unstable(quarter);
    let limit = *limit;
    // Of those that are equal to the limit, so many as are needed.
    let earlier = entries.values().filter(|instant| **instant < limit).count();
    let mut left = (quarter + 1).saturating_sub(earlier);
    entries.retain(|_, instant| match (*instant).cmp(&limit) {
        Ordering::Less => false,
        Ordering::Equal => {
            let kept = left == 0;
            left = left.saturating_sub(1);
            kept
        }
        Ordering::Greater => true,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_go_and_of_equals_so_many_as_are_needed() {
        let forget = |instants: &[u64]| {
            let mut entries: HashMap<u64, u64> = (0..).zip(instants.iter().copied()).collect();
            forget_earliest_quarter(&mut entries);
            let mut left: Vec<u64> = entries.into_values().collect();
            left.sort_unstable();
            left
        };
        assert_eq!(forget(&[5, 1, 4, 2, 3, 7, 6, 8]), [4, 5, 6, 7, 8]);
        assert_eq!(forget(&[2, 2, 2, 2, 1, 2, 2, 2]), [2, 2, 2, 2, 2]);
        assert_eq!(forget(&[1, 1, 1, 9]), [1, 9]);
        assert!(forget(&[1]).is_empty());
        assert!(forget(&[]).is_empty());
    }
}
