//! The known word that a misspelt one probably means.

/// The candidate nearest to `word`, if it is near enough to be meant.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Longer words are not compared: the cost is the product of the lengths.
    const MAX_BYTES: usize = 128;
    if word.is_empty() || word.len() > MAX_BYTES {
        return None;
    }
    let tolerance = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word && candidate.len() <= MAX_BYTES)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `left` into `right`, with
/// case ignored (optimal string alignment).
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().flat_map(char::to_lowercase).collect();
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut before_previous: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, &from) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(previous.len());
        current.push(row + 1);
        for (column, &to) in right.iter().enumerate() {
            let at = |costs: &[usize], column: usize| {
                costs.get(column).copied().unwrap_or(usize::MAX / 2)
            };
            let replaced = at(&previous, column) + usize::from(from != to);
            let mut cost = replaced
                .min(at(&previous, column + 1) + 1)
                .min(at(&current, column) + 1);
            if row > 0
                && column > 0
                && left.get(row - 1) == Some(&to)
                && right.get(column - 1) == Some(&from)
            {
                cost = cost.min(at(&before_previous, column - 1) + 1);
            }
            current.push(cost);
        }
        before_previous = previous;
        previous = current;
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits_and_swaps() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("get", "GET", 0),
            ("PSOT", "POST", 1),
            ("DELTE", "DELETE", 1),
            ("orders.raed", "orders.read", 1),
            ("kitten", "sitting", 3),
            ("caf\u{e9}", "cafe", 1),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
            assert_eq!(distance(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn closest_prefers_the_nearest_and_refuses_the_far() {
        let known = ["orders.read", "orders.write", "users.read"];
        assert_eq!(closest("orders.raed", known), Some("orders.read"));
        assert_eq!(closest("order.write", known), Some("orders.write"));
        assert_eq!(closest("payments.refund", known), None);
        assert_eq!(closest("", known), None);
        assert_eq!(closest(&"x".repeat(1000), known), None);
    }
}
