//! Random policies, each pair held against deciding requests that are made of their routes: written otherwise,
//! byte by byte and segment by segment. What opens has to be in a difference that says so.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::spelled::with_other_issuers;
use super::*;

const LITERALS: [&str; 10] = [
    "a",
    "b",
    "@",
    "a@",
    "x@b",
    "x+",
    "%25",
    "A",
    "40b",
    "caf%C3%A9",
];
const PARAMETERS: [&str; 8] = [
    "{x}", "{x}", "{x}@", "{x}@b", "{x}b", "{x}:go", "{x}40b", "{x}+",
];
const GRANTED: [&str; 8] = [
    "access: public",
    "access: public",
    "access: public, issuers: [one]",
    "access: public, issuers: [one, two]",
    "access: authenticated, issuers: [one]",
    "scopes: [r], issuers: [one, two]",
    "scopes: [r]",
    "access: nobody",
];
const WITHHELD: [&str; 6] = [
    "access: nobody",
    "access: nobody",
    "scopes: [w]",
    "access: authenticated, issuers: [two]",
    "access: authenticated",
    "access: public, issuers: [two], when: '!has(token.ban)'",
];
const RULES: [&str; 5] = [
    "merge_slashes",
    "path_parameters",
    "trailing_slash",
    "encoded_slashes",
    "ignore_case",
];
/// What is cut off of a segment where `;` begins a parameter.
const CUT_OFF: [&str; 7] = [";v=1", ";v:go", ";v@b", ";vb", ";v40b", ";V+", "%3Bv"];
/// How many requests of a pair of policies are decided.
const MAX_REQUESTS: usize = 300;

/// Numbers that depend on the seed alone (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }
}

/// Routes of a policy, and those of the one that follows it.
fn pair(dice: &mut Dice) -> [Vec<String>; 2] {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for _ in 0..=dice.below(3) {
        let path = path(dice);
        let methods = dice.of(&["GET", "GET", "GET, PUT", "'*'"]);
        let kept = route(&path, methods, dice.of(&GRANTED));
        old.push(kept.clone());
        new.push(match dice.below(6) {
            0 => with_other_issuers(&kept),
            1 => route(&path, methods, dice.of(&GRANTED)),
            _ => kept,
        });
        // Wider ones beside it, of which most are gone later.
        for _ in 0..dice.below(3) {
            let methods = dice.of(&["GET", "GET", "PUT", "'*'"]);
            let wide = route(&wider(&path, dice), methods, dice.of(&WITHHELD));
            old.push(wide.clone());
            match dice.below(5) {
                0 => new.push(wide),
                1 => new.push(with_other_issuers(&wide)),
                _ => {}
            }
        }
    }
    [old, new]
}

fn path(dice: &mut Dice) -> Vec<String> {
    let count = dice.below(4);
    let segment = |dice: &mut Dice| match dice.below(3) {
        0 => dice.of(&PARAMETERS),
        _ => dice.of(&LITERALS),
    };
    (0..count).map(|_| segment(dice).to_owned()).collect()
}

/// A path that has some of the other one's readings.
fn wider(path: &[String], dice: &mut Dice) -> Vec<String> {
    let mut wide = path.to_vec();
    for segment in &mut wide {
        match dice.below(5) {
            0 => {}
            1 => {
                // Behind the last byte, or the last escape.
                let end = segment.trim_start_matches(|one: char| one != '}');
                let end = end.trim_start_matches('}');
                let end = if end.is_empty() { &**segment } else { end };
                let start = end.len() - if end.contains('%') { 3 } else { 1 };
                *segment = if end.ends_with('}') {
                    "{x}".to_owned()
                } else {
                    format!("{{x}}{}", end.split_at(start).1)
                };
            }
            2 => dice.of(&PARAMETERS).clone_into(segment),
            _ => "{x}".clone_into(segment),
        }
    }
    match dice.below(8) {
        0 => {
            wide.truncate(dice.below(wide.len() + 1));
            wide.push("{*r}".to_owned());
        }
        1 => wide.insert(dice.below(wide.len() + 1), dice.of(&PARAMETERS).to_owned()),
        2 => wide.push(dice.of(&PARAMETERS).to_owned()),
        _ => {}
    }
    wide
}

fn route(path: &[String], methods: &str, access: &str) -> String {
    let names = ["{p", "{q", "{s", "{t", "{u", "{v"];
    let segments = path.iter().zip(names);
    let segments = segments.map(|(segment, name)| segment.replace("{x", name));
    let segments: Vec<String> = segments.collect();
    format!(
        "methods: [{methods}], path: \"/{}\", {access}",
        segments.join("/")
    )
}

/// Segments of a plain path that the template is for.
fn plain(template: &str, dice: &mut Dice) -> Vec<String> {
    let mut segments = Vec::new();
    for segment in template.split('/').skip(1).filter(|one| !one.is_empty()) {
        let filling = dice.of(&["1", "z", "a", "x@", "9+", "b"]);
        match segment.rsplit_once('}') {
            Some((name, _)) if name.starts_with("{*") => {
                segments.extend((0..=dice.below(2)).map(|_| filling.to_owned()));
            }
            Some((_, suffix)) => segments.push(format!("{filling}{suffix}")),
            None => segments.push(segment.to_owned()),
        }
    }
    segments
}

/// The same path written otherwise in one place, in each way.
fn respelled(segments: &[String]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let with = |place: usize, text: String| {
        let mut changed = segments.to_vec();
        changed[place] = text;
        changed
    };
    for (place, segment) in segments.iter().enumerate() {
        for (at, character) in segment.char_indices() {
            let is_escape = (1..=2).any(|back| at >= back && segment.as_bytes()[at - back] == b'%');
            if !character.is_ascii() || character == '%' || character == ';' || is_escape {
                continue;
            }
            let (before, after) = (segment.split_at(at).0, segment.split_at(at + 1).1);
            let code = u32::from(character);
            for escape in BTreeSet::from([format!("%{code:02X}"), format!("%{code:02x}")]) {
                all.push(with(place, format!("{before}{escape}{after}")));
            }
        }
        all.extend(CUT_OFF.map(|end| with(place, format!("{segment}{end}"))));
        all.extend([":", "%3A"].map(|end| with(place, format!("{segment}{end}"))));
        all.push(with(place, segment.to_ascii_uppercase()));
    }
    for place in 1..segments.len() {
        let mut joined = segments.to_vec();
        let last = joined.remove(place);
        joined[place - 1] = format!("{}%2F{last}", joined[place - 1]);
        all.push(joined);
    }
    for place in 0..=segments.len() {
        for text in CUT_OFF.iter().chain(&["", ";"]) {
            let mut longer = segments.to_vec();
            longer.insert(place, (*text).to_owned());
            all.push(longer);
        }
    }
    all
}

/// Paths that are made of the routes: plain, written otherwise, and so once more.
fn requests(policies: [&Policy; 2], dice: &mut Dice) -> BTreeSet<String> {
    let routes = policies.iter().flat_map(|policy| policy.routes());
    let templates: Vec<&str> = routes.map(|route| &*route.path).collect();
    let mut all = BTreeSet::new();
    if templates.is_empty() {
        return all;
    }
    let written = |segments: &[String]| format!("/{}", segments.join("/"));
    for _ in 0..4 * MAX_REQUESTS {
        if all.len() == MAX_REQUESTS {
            break;
        }
        let mut segments = plain(dice.of(&templates), dice);
        for _ in 0..=dice.below(3) {
            let others = respelled(&segments);
            segments = others[dice.below(others.len())].clone();
        }
        all.insert(written(&segments));
    }
    all
}

fn answered(routed: &Routed<'_>) -> Vec<String> {
    name(routed).split(' ').map(str::to_owned).collect()
}

/// Whether the comparison has a difference with this route that opens something, or cannot tell.
fn is_said(comparison: &Comparison<'_>, routes: &[String], is_counted_anew: bool) -> bool {
    comparison.differences.iter().any(|one| match one.effect {
        Effect::Unclear => true,
        Effect::MoreOpen | Effect::Changed => {
            // Of what opens because tokens count for more readings, one request is told.
            is_counted_anew && matches!(one.requests, Requests::Readings { .. })
                || routes.contains(&answer_name(&one.after))
        }
        Effect::MoreClosed | Effect::Identity | Effect::Refusal => false,
    })
}

/// The requests that open, of which some have several readings.
fn check_pair(seed: u64, rules: &[&str], opened: &Cell<usize>) -> Result<(), TestCaseError> {
    let mut dice = Dice(seed);
    let rules: Vec<String> = rules.iter().map(|rule| format!("{rule}: true")).collect();
    let head = format!("paths: {{{}}}\n", rules.join(", "));
    let [old, new] = pair(&mut dice).map(|routes| policy_of(&routes, false, &head));
    let comparison = compare(&old, &new, None).unwrap();
    let scopes = [vec![], vec!["r"], vec!["w"], vec!["r", "w"]];
    let holders = ["one", "two", "three"].into_iter().flat_map(|issuer| {
        scopes
            .iter()
            .map(move |scopes| Some((issuer, scopes.clone())))
    });
    let callers: Vec<Somebody> = std::iter::once(None).chain(holders).collect();
    for (path, method) in requests([&old, &new], &mut dice)
        .iter()
        .flat_map(|path| ["GET", "PUT"].map(|method| (path, method)))
    {
        let target = target("a.example", (method, None), path);
        let (Ok(before), Ok(after)) = (old.route(&target), new.route(&target)) else {
            continue;
        };
        for caller in &callers {
            if !permits(&after, caller) || permits(&before, caller) {
                continue;
            }
            let issuer = caller.as_ref().map(|(issuer, _)| *issuer);
            let is_counted_anew =
                issuer.is_some_and(|issuer| !before.admits(issuer) && after.admits(issuer));
            prop_assert!(
                is_said(&comparison, &answered(&after), is_counted_anew),
                "{method} {path}: {} -> {} by {caller:?}, not in {:#?}\nof {:#?}\nand {:#?}",
                name(&before),
                name(&after),
                comparison.differences,
                old.routes(),
                new.routes()
            );
            opened.set(opened.get() + usize::from(matches!(before, Routed::Every(_))));
        }
    }
    Ok(())
}

/// `PROPTEST_CASES` tries more than the 200 pairs that are always the same.
#[test]
fn what_opens_however_it_is_written_is_said() {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases: u32 = cases.and_then(|cases| cases.parse().ok()).unwrap_or(200);
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::with_cases(cases)
    });
    let opened = Cell::new(0);
    let rules = prop::sample::subsequence(&RULES[..], 0..=RULES.len());
    runner
        .run(&(any::<u64>(), rules), |(seed, rules)| {
            check_pair(seed, &rules, &opened)
        })
        .unwrap();
    assert!(opened.get() > 2_000, "{}", opened.get());
}
