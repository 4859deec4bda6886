//! Random policies, each pair held against deciding requests whose path has several readings.

use super::*;

/// What segments of paths with several readings are.
const SPELLED: [&str; 15] = [
    "a", "b", "%61", "%62", "%7A", "%61:go", "a%3Ago", "z%6F", "a;v", "z;x:go", "a:", "", "a%3Bv",
    "a%2Fb", "A",
];
const RULES: [&str; 5] = [
    "merge_slashes",
    "path_parameters",
    "trailing_slash",
    "encoded_slashes",
    "ignore_case",
];

/// Whatever some request of several readings lets in that was kept out, something is said to open.
fn check_spelled(old: &Policy, new: &Policy) -> Result<(), TestCaseError> {
    let comparison = compare(old, new, None).unwrap();
    if comparison.is_more_open() != Some(false) {
        return Ok(());
    }
    let callers = callers();
    let ones: Vec<String> = SPELLED.iter().map(|name| format!("/{name}")).collect();
    let twos = ones
        .iter()
        .flat_map(|one| ones.iter().map(move |two| format!("{one}{two}")));
    let threes = ones.iter().map(|one| format!("/z{one}/%61"));
    let paths: Vec<String> = twos.chain(threes).chain(ones.iter().cloned()).collect();
    for (host, asked, path) in each_request(&["PUT"], &paths) {
        let target = target(host, asked, path);
        let (Ok(before), Ok(after)) = (old.route(&target), new.route(&target)) else {
            continue;
        };
        let gains = |caller: &&Somebody| permits(&after, caller) && !permits(&before, caller);
        let gained = callers.iter().find(gains);
        prop_assert!(
            gained.is_none(),
            "{asked:?} {host}{path}: {before:?} -> {after:?} by {gained:?}, not in {:?}",
            comparison.differences
        );
    }
    Ok(())
}

pub(super) fn with_other_issuers(route: &str) -> String {
    if route.contains("[one, two]") {
        route.replace("[one, two]", "[one]")
    } else {
        route.replace("issuers: [one]", "issuers: [one, two]")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_opens_by_another_reading_is_said(
        routes in prop::collection::vec((route(), prop::sample::select(&[0, 2, 3, 4][..])), 1..7),
        rules in prop::sample::subsequence(&RULES[..], 0..=RULES.len()),
        head in head(),
    ) {
        let rules: Vec<String> = rules.iter().map(|rule| format!("{rule}: true")).collect();
        let head = format!("{head}paths: {{{}}}\n", rules.join(", "));
        let (old, new) = sides(&routes, Vec::new());
        // Some routes have other issuers in the new policy.
        let has_changed = |route: &&String| routes.iter().any(|(one, side)| one == *route && *side == 4);
        let new: Vec<String> = new.iter().map(|route| if has_changed(&route) {
            with_other_issuers(route)
        } else {
            route.clone()
        }).collect();
        check_spelled(&policy_of(&old, false, &head), &policy_of(&new, false, &head))?;
    }
}
