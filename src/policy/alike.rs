//! Whether one request may have several readings of which two templates match one each.

use super::Policy;
use super::path::{EncodedSlashes, PathRules, decoded};

/// Templates of more pairs of segments than these are not compared.
const MAX_PAIRS: usize = 64 * 64;
/// The most segments of a path.
const MAX_SEGMENTS: usize = 128;

/// Which templates of a policy may match two readings of one request. Says so where in doubt.
#[derive(Debug)]
pub struct SharedReadings {
    rules: PathRules,
    /// Whether a parameter of some template can be the segment at this position.
    has_parameter: Vec<bool>,
    /// How many segments the longest path has that a template matches.
    longest: usize,
}

impl SharedReadings {
    /// Of the requests that this policy does not refuse as unlisted.
    pub fn of(policy: &Policy) -> Self {
        if policy.is_in_shadow() {
            // It refuses none as unlisted.
            return Self {
                rules: policy.path_rules(),
                has_parameter: vec![true; MAX_SEGMENTS],
                longest: usize::MAX,
            };
        }
        let mut has_parameter: Vec<bool> = Vec::new();
        let mut longest = 0;
        for route in policy.routes() {
            let segments = segments_of(&route.path).enumerate();
            for (position, segment) in segments.filter(|(_, segment)| segment.starts_with('{')) {
                let end = if segment.starts_with("{*") {
                    longest = usize::MAX;
                    MAX_SEGMENTS
                } else {
                    position + 1
                };
                has_parameter.resize(has_parameter.len().max(end), false);
                let matched = has_parameter.get_mut(position..end).unwrap_or_default();
                matched.fill(true);
            }
            longest = longest.max(segments_of(&route.path).count());
        }
        Self {
            rules: policy.path_rules(),
            has_parameter,
            longest,
        }
    }

    /// Whether a request may have a reading that the template `one` matches and another one that `other`
    /// does.
    pub fn may_be_of(&self, one: &str, other: &str) -> bool {
        if !one.starts_with('/') || !other.starts_with('/') {
            // `*` and what `CONNECT` asks for have one reading.
            return one == other;
        }
        // Such readings are the same, which has one answer.
        if one == other && !one.contains('{') {
            return false;
        }
        let (one, other) = (segments(one, self.rules), segments(other, self.rules));
        let pairs = Pairs {
            of: self,
            one: &one,
            other: &other,
        };
        (one.len() + 1) * (other.len() + 1) > MAX_PAIRS || pairs.meet()
    }

    /// Whether the path may be cut at its segment of this number, counted from 1, and not be unlisted. A raw
    /// `;` does it where the rules let paths have it. An encoded one, or a `?`, is part of a name as well,
    /// which a template has to match.
    fn can_cut_at(&self, number: usize) -> bool {
        let rules = self.rules;
        let has_other_positions =
            rules.merge_slashes || rules.encoded_slashes == EncodedSlashes::Both;
        let has_parameter = || match number.checked_sub(1) {
            // Of the whole it may be a segment further behind, or further in front.
            _ if has_other_positions => self.has_parameter.contains(&true),
            Some(position) => self.has_parameter.get(position) == Some(&true),
            None => self.has_parameter.first() == Some(&true),
        };
        rules.path_parameters || has_parameter()
    }
}

/// Paths that may have such readings once a part of them is encoded, or something is inserted.
pub fn shared_paths(one: &str, other: &str) -> Vec<String> {
    let split = |path| -> Vec<&str> { segments_of(path).collect() };
    let (mut longer, mut shorter) = (split(one), split(other));
    if longer.len() < shorter.len() {
        std::mem::swap(&mut longer, &mut shorter);
    }
    // The shorter one may be the beginning of the path, or its end.
    let ahead = longer.len() - shorter.len();
    let path = |skipped: usize| -> String {
        let segments = longer.iter().enumerate().map(|(place, long)| {
            let place = place.checked_sub(skipped);
            format!(
                "/{}",
                narrower(long, place.and_then(|place| shorter.get(place).copied()))
            )
        });
        segments.collect()
    };
    let mut paths = vec![path(0), path(ahead)];
    paths.dedup();
    paths
}

/// A segment that both of these match, if there is one.
fn narrower(one: &str, other: Option<&str>) -> String {
    let end = |segment: &str| -> Option<String> {
        let inner = segment.strip_prefix('{')?;
        Some(inner.split_once('}')?.1.to_owned())
    };
    let other = other.unwrap_or("{}");
    match (end(one), end(other)) {
        (None, None) => one.to_owned(),
        (None, Some(end)) => ending_in(one, &end),
        (Some(end), None) => ending_in(other, &end),
        (Some(one), Some(other)) => {
            format!("1{}", if one.len() > other.len() { one } else { other })
        }
    }
}

/// A segment that is this literal to some servers and ends so for others.
fn ending_in(literal: &str, end: &str) -> String {
    if literal.ends_with(end) {
        literal.to_owned()
    } else {
        format!("{literal}%3Bv{end}")
    }
}

enum Segment {
    /// Decoded, without a colon at the end, as an empty verb is cut off.
    Literal(Vec<u8>),
    Parameter,
}

impl Segment {
    fn may_be(&self, other: &Self, rules: PathRules) -> bool {
        match (self, other) {
            (Self::Literal(one), Self::Literal(other)) => {
                // Which letters beyond ASCII are the same, servers disagree about.
                one == other || rules.ignore_case && !(one.is_ascii() && other.is_ascii())
            }
            _ => true,
        }
    }

    fn is_parameter(&self) -> bool {
        matches!(self, Self::Parameter)
    }
}

fn segments_of(path: &str) -> impl Iterator<Item = &str> {
    let segments = path.split('/').skip(1);
    segments.filter(|segment| !segment.is_empty())
}

fn segments(path: &str, rules: PathRules) -> Vec<Segment> {
    let read = |segment: &str| {
        if segment.starts_with('{') {
            return Segment::Parameter;
        }
        let mut name = decoded(segment.as_bytes());
        while name.last() == Some(&b':') {
            name.pop();
        }
        if rules.ignore_case {
            name.make_ascii_lowercase();
        }
        Segment::Literal(name)
    };
    segments_of(path).map(read).collect()
}

/// The ways through two templates at once.
struct Pairs<'s> {
    of: &'s SharedReadings,
    one: &'s [Segment],
    other: &'s [Segment],
}

impl Pairs<'_> {
    fn meet(&self) -> bool {
        let width = self.other.len() + 1;
        let mut seen = vec![false; (self.one.len() + 1) * width];
        let mut next = vec![(0, 0)];
        if self.of.rules.merge_slashes {
            // A server may take what follows `//` for a host. Where nothing is left to have in common, a
            // template has to match the whole.
            let all = self.one.len() + self.other.len();
            let most = |count: usize| count - usize::from(all > self.of.longest && count > 0);
            next.extend((1..=most(self.one.len())).map(|left| (left, 0)));
            next.extend((1..=most(self.other.len())).map(|right| (0, right)));
        }
        while let Some((left, right)) = next.pop() {
            let Some(is_seen) = seen.get_mut(left * width + right) else {
                continue;
            };
            if std::mem::replace(is_seen, true) {
                continue;
            }
            match (self.one.get(left), self.other.get(right)) {
                (Some(one), Some(other)) => {
                    let steps = self.steps(one, other).into_iter().flatten();
                    next.extend(steps.map(|(more, also)| (left + more, right + also)));
                }
                (None, _) if self.may_end(self.one, self.other, right) => return true,
                (_, None) if self.may_end(self.other, self.one, left) => return true,
                (None, _) | (_, None) => {}
            }
        }
        false
    }

    /// Whether what follows in the template that is `longer` may be missing in the other reading.
    fn may_end(&self, ended: &[Segment], longer: &[Segment], from: usize) -> bool {
        let rest = longer.get(from..).unwrap_or_default();
        let rules = self.of.rules;
        let is_merged = rules.merge_slashes || rules.trailing_slash && rest.len() == 1;
        if rest.is_empty() || is_merged && rest.iter().all(Segment::is_parameter) {
            return true;
        }
        // Without a segment in front, what is cut off begins in the first one, and no literal begins so.
        let is_first_cut = ended.is_empty() && !rules.merge_slashes;
        let begins_so = rest.first().is_some_and(Segment::is_parameter);
        (begins_so || !is_first_cut) && self.of.can_cut_at(ended.len())
    }

    /// How many segments of each may stand for the same part of a path.
    fn steps(&self, one: &Segment, other: &Segment) -> [Option<(usize, usize)>; 3] {
        // A segment that is empty is not there in another reading; `a%2Fb` is one segment or two.
        let is_skipped = |segment: &Segment| self.of.rules.merge_slashes && segment.is_parameter();
        let is_longer = |segment: &Segment| {
            self.of.rules.encoded_slashes == EncodedSlashes::Both && segment.is_parameter()
        };
        [
            one.may_be(other, self.of.rules).then_some((1, 1)),
            (is_skipped(one) || is_longer(other)).then_some((1, 0)),
            (is_skipped(other) || is_longer(one)).then_some((0, 1)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a parameter at each of these positions, and no path that is longer than four segments.
    fn check_with(parameters: &[bool], rules: PathRules, one: &str, other: &str, expected: bool) {
        let shared = SharedReadings {
            rules,
            has_parameter: parameters.to_vec(),
            longest: 4,
        };
        for (one, other) in [(one, other), (other, one)] {
            assert_eq!(shared.may_be_of(one, other), expected, "{one} {other}");
        }
    }

    fn check(rules: PathRules, one: &str, other: &str, expected: bool) {
        check_with(&[], rules, one, other, expected);
    }

    #[test]
    fn literals_tell_templates_apart() {
        let strict = PathRules::default();
        check(strict, "/a/{x}", "/{y}/b", true);
        check(strict, "/a/{x}", "/b/{x}", false);
        check(strict, "/caf%C3%A9", "/café", true);
        check(strict, "/a:", "/a", true);
        check(strict, "/A", "/a", false);
        check(strict, "*", "/{*rest}", false);
        // Readings by one name are one reading.
        check(strict, "/a", "/a", false);
        check(strict, "/{x}", "/{x}", true);
    }

    /// `/a%3B/b` is `/a` to some, and `/a;/b` to others: unlisted where no template matches that.
    #[test]
    fn a_path_is_cut_where_a_template_matches_the_whole() {
        let strict = PathRules::default();
        check(strict, "/a", "/a/b", false);
        check_with(&[true], strict, "/a", "/a/b", true);
        check_with(&[false, true], strict, "/a", "/a/{x}", false);
        check_with(&[false, true], strict, "/a/{x}", "/a/{x}/b", true);
        check_with(&[true], strict, "/", "/a/b", false);
        check_with(&[true], strict, "/", "/{x}/b", true);
        check_with(&[true], strict, "/b", "/a/b", false);
        let raw = PathRules {
            path_parameters: true,
            ..strict
        };
        check(raw, "/a", "/a/b", true);
        check(raw, "/", "/a/b", false);
    }

    #[test]
    fn paths_of_two_templates_are_those_of_the_narrower_segments() {
        for (one, other, expected) in [
            ("/{x}/b", "/a/{y}", &["/a/b"][..]),
            ("/a/{id}:go", "/{*rest}", &["/a/1:go"]),
            ("/a", "/{x}/b/a", &["/a/b/a", "/1/b/a"]),
            ("/", "/{x}", &["/1"]),
            ("/b/{x}", "/{y}:go/a", &["/b%3Bv:go/a"]),
        ] {
            assert_eq!(shared_paths(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn each_rule_brings_other_readings() {
        let strict = PathRules::default();
        let merging = PathRules {
            merge_slashes: true,
            ..strict
        };
        // `//b/a` is `/a` to some.
        check(merging, "/{x}/b/a", "/a", true);
        check(merging, "/b/a", "/a", true);
        check(merging, "/a/{x}/b", "/a/b", true);
        check(merging, "/a/c/b", "/a/b", false);
        check(merging, "/b/a", "/c/b", false);
        check_with(&[true], merging, "/b/a", "/c/b", true);
        check_with(&[true], merging, "/", "/a/b", true);
        let slashes = PathRules {
            encoded_slashes: EncodedSlashes::Both,
            ..strict
        };
        check(slashes, "/p/{id}/x", "/p/a/b/x", true);
        check(slashes, "/p/a/x", "/p/a/b/x", false);
        let caseless = PathRules {
            ignore_case: true,
            ..strict
        };
        check(caseless, "/A", "/a", true);
        check(caseless, "/a", "/b", false);
        check(caseless, "/é", "/É", true);
        let trailing = PathRules {
            trailing_slash: true,
            ..strict
        };
        check(trailing, "/a", "/a/{x}", true);
        check(trailing, "/a", "/a/b", false);
        check(trailing, "/a", "/a/{x}/{y}", false);
        check(trailing, "/a/{x}", "/b/{x}", false);
        let delimiters = PathRules {
            encoded_delimiters: true,
            ..strict
        };
        check(delimiters, "/a", "/a/b", false);
        check_with(&[true], delimiters, "/a", "/a/b", true);
    }
}
