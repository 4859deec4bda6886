//! The known word that a misspelt one probably means.

use strsim::osa_distance;

/// The candidate nearest to `written`, whatever its case, if it is near enough to be meant.
pub(crate) fn closest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Longer words are not compared: the cost is the product of the lengths.
    const MAX_BYTES: usize = 128;
    if written.is_empty() || written.len() > MAX_BYTES {
        return None;
    }
    let word = written.to_lowercase();
    let tolerance = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != written && candidate.len() <= MAX_BYTES)
        .map(|candidate| (osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The same for a word that may be right as it is: only a candidate that is a slip or two away.
pub(crate) fn slip_of<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const MOST_SLIPS: usize = 2;
    let near = closest(written, candidates)?;
    let distance = osa_distance(&written.to_lowercase(), &near.to_lowercase());
    (distance <= MOST_SLIPS).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closest_prefers_the_nearest_and_refuses_the_far() {
        let known = ["orders.read", "orders.write", "users.read"];
        assert_eq!(closest("orders.raed", known), Some("orders.read"));
        assert_eq!(closest("ORDERS.RAED", known), Some("orders.read"));
        assert_eq!(closest("order.write", known), Some("orders.write"));
        assert_eq!(closest("payments.refund", known), None);
        assert_eq!(closest("", known), None);
        assert_eq!(slip_of("orders.raed", known), Some("orders.read"));
        assert_eq!(closest("orders.grant", known), Some("orders.read"));
        assert_eq!(slip_of("orders.grant", known), None);
        assert_eq!(closest(&"x".repeat(1000), known), None);
    }
}
