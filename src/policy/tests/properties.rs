//! What holds of every policy and every request, compared with a matcher that is too simple to be
//! wrong: it compares all templates with the path, one after another.

use std::cmp::Reverse;

use proptest::prelude::*;

use std::fmt::Write as _;

use super::*;

/// A route as the simple matcher sees it.
#[derive(Debug, Clone)]
struct Simple {
    host: Option<&'static str>,
    methods: Vec<&'static str>,
    segments: Vec<&'static str>,
}

const SEGMENTS: [&str; 8] = [
    "a",
    "b",
    "a:go",
    "caf%C3%A9",
    "{x}",
    "{x}:go",
    "{x}o",
    "{*r}",
];
const NAMES_IN_PATHS: [&str; 9] = ["a", "b", "café", "z", "a:go", "z:go", ":go", "go", "o"];
const METHODS: [&str; 4] = ["GET", "HEAD", "PUT", "*"];
const PATTERNS: [&str; 4] = ["a.example", "*.example", "*.b.example", "c.b.example"];
const NAMES: [&str; 6] = [
    "a.example",
    "d.example",
    "b.example",
    "c.b.example",
    "d.b.example",
    "",
];

fn simple_route() -> impl Strategy<Value = Simple> {
    route_of(&SEGMENTS)
}

fn route_of(templates: &'static [&'static str]) -> impl Strategy<Value = Simple> {
    let segments = prop::collection::vec(0..templates.len(), 0..4);
    let host = prop::option::of(0..PATTERNS.len());
    let methods = prop::sample::subsequence(&METHODS[..3], 1..3);
    (host, prop::bool::weighted(0.2), methods, segments).prop_map(
        move |(host, every, methods, segments)| {
            let mut segments: Vec<&str> = segments.into_iter().map(|one| templates[one]).collect();
            // The rest is the last segment.
            if let Some(rest) = segments.iter().position(|one| *one == "{*r}") {
                segments.truncate(rest + 1);
            }
            Simple {
                host: host.map(|host| PATTERNS[host]),
                methods: if every { vec!["*"] } else { methods },
                segments,
            }
        },
    )
}

impl Simple {
    fn written(&self, name: usize) -> String {
        let hosts = self
            .host
            .map(|host| format!("hosts: [\"{host}\"], "))
            .unwrap_or_default();
        let methods: Vec<String> = self.methods.iter().map(|one| format!("{one:?}")).collect();
        // Each parameter of a path has a name of its own.
        let segments = self.segments.iter().zip(["{p}", "{q}", "{s}", "{t}"]);
        let segments: Vec<String> = segments.map(|(one, own)| one.replace("{x}", own)).collect();
        format!(
            "  - {{name: r{name}, {hosts}methods: [{}], path: \"/{}\", access: public}}\n",
            methods.join(", "),
            segments.join("/")
        )
    }

    fn answers(&self, method: &str) -> bool {
        self.methods
            .iter()
            .any(|one| *one == "*" || *one == method || (*one == "GET" && method == "HEAD"))
    }

    fn kinds(&self) -> Vec<(u8, usize)> {
        let kind = |segment: &&str| match segment.strip_prefix("{x}") {
            _ if *segment == "{*r}" => (0, 0),
            Some(text) => (1, text.len()),
            None => (2, 0),
        };
        self.segments.iter().map(kind).collect()
    }

    fn conflicts(&self, other: &Self) -> bool {
        self.host == other.host
            && self.segments == other.segments
            && ["GET", "HEAD", "PUT", "other"]
                .iter()
                .any(|method| self.answers(method) && other.answers(method))
    }

    fn matches(&self, path: &[&str]) -> bool {
        let mut path = path.iter();
        for segment in &self.segments {
            if *segment == "{*r}" {
                return path.next().is_some();
            }
            let matched = match (path.next(), segment.strip_prefix("{x}")) {
                (None, _) => false,
                (Some(one), Some(text)) => one.len() > text.len() && one.ends_with(text),
                (Some(one), None) => *one == segment.replace("%C3%A9", "é"),
            };
            if !matched {
                return false;
            }
        }
        path.next().is_none()
    }
}

/// The routes without those that conflict with an earlier one.
fn without_conflicts(routes: Vec<Simple>) -> Vec<Simple> {
    let mut kept: Vec<Simple> = Vec::new();
    for route in routes {
        if !kept.iter().any(|one| one.conflicts(&route)) {
            kept.push(route);
        }
    }
    kept
}

fn policy_of(routes: &[Simple]) -> Policy {
    let mut text = "version: 1\nroutes:\n".to_owned();
    for (index, route) in routes.iter().enumerate() {
        text.push_str(&route.written(index));
    }
    if routes.is_empty() {
        text = "version: 1\nroutes: []\n".to_owned();
    }
    compiled(&text)
}

/// What the simple matcher answers, by the words of the design.
fn simply(routes: &[Simple], host: &str, method: &str, path: &[&str]) -> String {
    let is_below = |pattern: &str| {
        let suffix = pattern.strip_prefix('*');
        suffix.is_some_and(|suffix| host.ends_with(suffix) && host.len() > suffix.len())
    };
    let patterns = routes.iter().filter_map(|route| route.host);
    let exact = patterns.clone().find(|pattern| *pattern == host);
    let below = || {
        patterns
            .filter(|pattern| is_below(pattern))
            .max_by_key(|pattern| pattern.len())
    };
    let own = exact.or_else(below);
    let mut matching: Vec<(usize, &Simple)> = routes
        .iter()
        .enumerate()
        .filter(|(_, route)| route.host.is_none() || route.host == own)
        .filter(|(_, route)| route.matches(path))
        .collect();
    matching.sort_by_key(|(_, route)| (Reverse(route.kinds()), route.host.is_none()));
    let Some(best) = matching.first().map(|(_, route)| route.kinds()) else {
        return "unlisted".to_owned();
    };
    let mut answers = matching
        .into_iter()
        .filter(|(_, route)| route.kinds() == best && route.answers(method));
    // Among routes of one table, a listed method wins over `*`, but the two conflict.
    answers
        .next()
        .map_or("unlisted".to_owned(), |(index, _)| format!("r{index}"))
}

/// How Envoy's gRPC-JSON transcoder reads a path (`ExtractRequestParts` of
/// grpc-httpjson-transcoding), with the verb back in its place.
fn transcoded(path: &str, takes: fn(&str) -> bool) -> Vec<String> {
    let (before, last) = path.rsplit_once('/').unwrap();
    let verb = last.rsplit_once(':').filter(|(_, verb)| takes(verb));
    let name = verb.map_or(last, |(name, _)| name);
    let path = format!("{before}/{name}");
    let mut parts: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
    while parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    if let Some((_, verb)) = verb.filter(|(_, verb)| !verb.is_empty()) {
        let name = parts.pop().unwrap_or_default();
        parts.push(format!("{name}:{verb}"));
    }
    parts
}

/// Refused, or no more open than the route that answers `path` as some server reads it.
fn covers(answer: &str, routes: &[Simple], path: &[&str]) -> bool {
    let route = simply(routes, "api.shop.example", "GET", path);
    answer.starts_with("400 ")
        || answer == "unlisted"
        || answer.split(" and ").any(|name| name == route)
}

proptest! {
    #[test]
    fn what_a_transcoder_runs_is_judged(
        routes in prop::collection::vec(simple_route(), 1..14),
        parts in prop::collection::vec(
            prop::sample::select(&["/", "/", "a", "b", "z", ":", ":go", "go"][..]), 1..7
        ),
        trailing_slash in any::<bool>(),
    ) {
        let routes = without_conflicts(routes);
        let text: String = routes.iter().enumerate().map(|(index, route)| route.written(index)).collect();
        let policy = compiled(&format!(
            "version: 1\npaths: {{trailing_slash: {trailing_slash}}}\nroutes:\n{text}"
        ));
        let path = format!("/{}", parts.concat());
        let answer = outcome(&policy, &get(path.as_bytes()));
        for takes in [|verb: &str| verb == "go", |_: &str| true] {
            let read = transcoded(&path, takes);
            let read: Vec<&str> = read.iter().map(String::as_str).collect();
            prop_assert!(covers(&answer, &routes, &read), "{} {} {:?}", path, answer, read);
        }
    }

    /// Whichever of its letters a server folds.
    #[test]
    fn letters_that_any_server_folds_are_judged(
        routes in prop::collection::vec(
            route_of(&["é", "дé", "a", "{x}", "{x}é", "{x}дé", "{*r}"]), 1..14
        ),
        letters in prop::collection::vec(
            (prop::sample::select(&["/", "é", "É", "Д", "д", "a", "A"][..]), any::<bool>()), 1..8
        ),
    ) {
        let routes = without_conflicts(routes);
        let text: String = routes.iter().enumerate().map(|(index, route)| route.written(index)).collect();
        let policy = compiled(&format!("version: 1\npaths: {{ignore_case: true}}\nroutes:\n{text}"));
        let path: String = letters.iter().map(|(letter, _)| *letter).collect();
        let answer = outcome(&policy, &get(format!("/{path}").as_bytes()));
        let read: String = letters
            .iter()
            .map(|(letter, folds)| if *folds { letter.to_lowercase() } else { letter.to_ascii_lowercase() })
            .collect();
        let read: Vec<&str> = read.split('/').collect();
        prop_assert!(covers(&answer, &routes, &read), "{} {} {:?}", path, answer, read);
    }

    #[test]
    fn the_tables_answer_like_the_simple_matcher(
        routes in prop::collection::vec(simple_route(), 0..14),
        host in prop::sample::select(&NAMES[..]),
        method in prop::sample::select(&["GET", "HEAD", "PUT", "POST"][..]),
        paths in prop::collection::vec(
            prop::collection::vec(prop::sample::select(&NAMES_IN_PATHS[..]), 0..5), 8
        ),
    ) {
        let routes = without_conflicts(routes);
        let policy = policy_of(&routes);
        for path in paths {
            let raw = format!("/{}", path.join("/"));
            let target = Target {
                method: Method(method.as_bytes()),
                host: Host(host.as_bytes()),
                ..get(raw.as_bytes())
            };
            let expected = match path.last() {
                Some(&":go") => "400 path_bare_verb".to_owned(),
                _ => simply(&routes, host, method, &path),
            };
            prop_assert_eq!(outcome(&policy, &target), expected, "{}", raw);
        }
    }

    #[test]
    fn conflicts_are_found_and_only_they(
        routes in prop::collection::vec(simple_route(), 0..10),
    ) {
        let mut text = "version: 1\nroutes:\n  - {name: other, methods: [X], path: /x, access: public}\n".to_owned();
        for (index, route) in routes.iter().enumerate() {
            text.push_str(&route.written(index));
        }
        let kept = without_conflicts(routes.clone());
        prop_assert_eq!(Policy::compile(&[source(&text)]).is_ok(), kept.len() == routes.len());
    }

    #[test]
    fn the_order_of_routes_and_files_means_nothing(
        routes in prop::collection::vec(simple_route(), 1..10),
        seed in prop::collection::vec(0_usize..100, 10),
        raw in "(/(a|b|caf%C3%A9|z)){1,4}",
    ) {
        let routes = without_conflicts(routes);
        let mut written: Vec<(usize, String)> = routes
            .iter()
            .enumerate()
            .map(|(index, route)| (seed[index], route.written(index)))
            .collect();
        let together = policy_of(&routes);
        written.sort();
        let sources: Vec<Source> = written
            .iter()
            .map(|(order, text)| Source {
                name: format!("{order}.yaml"),
                text: format!("version: 1\nroutes:\n{text}"),
            })
            .collect();
        let apart = Policy::compile(&sources).unwrap();
        let reversed: Vec<Source> = sources.iter().rev().cloned().collect();
        prop_assert_eq!(apart.routes(), together.routes());
        let reversed = Policy::compile(&reversed).unwrap();
        prop_assert_eq!(reversed.digest(), apart.digest());
        let target = get(raw.as_bytes());
        let expected = outcome(&together, &target);
        prop_assert_eq!(outcome(&apart, &target), expected.clone());
        prop_assert_eq!(outcome(&reversed, &target), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(
        path in prop::collection::vec(prop::sample::select(&b"/.;%25ecCfFaA3Bb#?\\*\xc3\xa9 \0:{}"[..]), 0..40),
        host in prop::collection::vec(prop::sample::select(&b"aA.:[]10-_*,@ \0\xff"[..]), 0..20),
        method in prop::collection::vec(any::<u8>(), 0..5),
        any_bytes in prop::collection::vec(any::<u8>(), 0..40),
        grpc in any::<bool>(),
        rules in 0_u8..64,
        slashes in prop::sample::select(&["false", "true", "kept"][..]),
    ) {
        let flag = |bit: u8| rules & bit != 0;
        let policy = compiled(&format!(
            "version: 1\npaths: {{merge_slashes: {}, encoded_slashes: {slashes}, path_parameters: {}, \
             trailing_slash: {}, encoded_delimiters: {}, ignore_case: {}}}\nroutes:\n  \
             - {{name: all, methods: [\"*\"], path: \"/{{*r}}\", access: public}}\n  \
             - {{name: end, methods: [\"*\"], path: \"/{{x}}:go/{{y}}é\", access: public}}\n",
            flag(1), flag(4), flag(8), flag(16), flag(32),
        ));
        for (path, host) in [(&path, &host), (&any_bytes, &host), (&path, &any_bytes)] {
            for path in [path.clone(), [b"/".as_slice(), path].concat()] {
                let target = Target { method: Method(b"GET"), host: Host(host), path: Path(&path), preflight: Some(Method(&method)), grpc };
                let _ = policy.route(&target);
                let _ = policy.route(&Target { method: Method(&method), preflight: None, ..target });
            }
        }
    }

    #[test]
    fn ignoring_case_is_having_all_in_lower_case(
        routes in prop::collection::vec((simple_route(), any::<bool>()), 1..10),
        path in prop::collection::vec(
            (prop::sample::select(&NAMES_IN_PATHS[..]), any::<bool>()), 0..5
        ),
    ) {
        let (routes, raised): (Vec<_>, Vec<_>) = routes.into_iter().unzip();
        let routes = without_conflicts(routes);
        let lower = policy_of(&routes);
        let mut text = "version: 1\npaths: {ignore_case: true}\nroutes:\n".to_owned();
        for (index, (route, raised)) in routes.iter().zip(raised).enumerate() {
            let written = route.written(index);
            let (before, path) = written.split_once("path: \"").unwrap();
            let (path, after) = path.split_once('"').unwrap();
            let path = if raised { path.to_ascii_uppercase() } else { path.to_owned() };
            write!(text, "{before}path: \"{path}\"{after}").unwrap();
        }
        let ignoring = compiled(&text);
        let names = |raised: bool| {
            let names = path.iter().map(|(name, raise)| {
                if *raise && raised { name.to_ascii_uppercase() } else { (*name).to_owned() }
            });
            format!("/{}", names.collect::<Vec<_>>().join("/"))
        };
        prop_assert_eq!(
            outcome(&ignoring, &get(names(true).as_bytes())),
            outcome(&lower, &get(names(false).as_bytes())),
            "{}", names(true)
        );
    }

    /// A kept `%2F` is a character of its segment like any other.
    #[test]
    fn a_kept_slash_is_like_a_letter(
        routes in prop::collection::vec(simple_route(), 1..10),
        parts in prop::collection::vec(
            prop::sample::select(&["/", "/", "a", "b", "z", "%2F", "%2f", ":go", "o", "%3A"][..]), 1..9
        ),
    ) {
        let routes = without_conflicts(routes);
        let strict = policy_of(&routes);
        let text: String = routes.iter().enumerate().map(|(index, route)| route.written(index)).collect();
        let kept = compiled(&format!("version: 1\npaths: {{encoded_slashes: kept}}\nroutes:\n{text}"));
        let path = format!("/{}", parts.concat());
        let with_letters = path.replace("%2F", "x").replace("%2f", "x");
        let answer = outcome(&kept, &get(path.as_bytes()));
        prop_assert!(
            answer.starts_with("400 ") || answer == outcome(&strict, &get(with_letters.as_bytes())),
            "{} {}", path, answer
        );
    }

    /// Whatever is allowed never shows a dot segment to a server that decodes once, splits at
    /// slashes and cuts parameters.
    #[test]
    fn what_is_matched_hides_no_dot_segment(
        parts in prop::collection::vec(
            prop::sample::select(&["/", ".", "..", ";", "%2e", "%2F", "%3B", "%25", "2e", "a", "%5c", "//", "%61"][..]),
            1..9,
        ),
        rules in 0_u8..64,
        encoded_slashes in prop::sample::select(
            &[EncodedSlashes::Refused, EncodedSlashes::Both, EncodedSlashes::Kept][..]
        ),
    ) {
        let flag = |bit: u8| rules & bit != 0;
        let rules = PathRules {
            merge_slashes: flag(1),
            encoded_slashes,
            path_parameters: flag(4),
            trailing_slash: flag(8),
            encoded_delimiters: flag(16),
            ignore_case: flag(32),
        };
        let path = format!("/{}", parts.concat());
        if RequestPath::parse(path.as_bytes(), rules).is_ok() {
            let mut decoded = path;
            for (code, character) in [("%2e", "."), ("%2F", "/"), ("%3B", ";"), ("%61", "a"), ("%25", "%")] {
                decoded = decoded.replace(code, character);
            }
            for segment in decoded.split('/') {
                let name = segment.split(';').next().unwrap();
                prop_assert!(name != "." && name != "..", "{}", decoded);
            }
            prop_assert!(!decoded.contains("%2e"), "{}", decoded);
        }
    }

    #[test]
    fn encoding_unreserved_characters_changes_nothing_where_no_literal_is_meant(
        path in "/(products|orders|public)(/[a-zA-Z0-9_~-]{1,8}){0,3}",
        encode in prop::collection::vec(any::<bool>(), 60),
    ) {
        let policy = compiled(SHOP);
        let mut encoded = String::new();
        for (character, encode) in path.chars().zip(encode) {
            if encode && character != '/' {
                write!(encoded, "%{:02x}", u32::from(character)).unwrap();
            } else {
                encoded.push(character);
            }
        }
        prop_assert_eq!(
            outcome(&policy, &get(encoded.as_bytes())),
            outcome(&policy, &get(path.as_bytes())),
            "{}", encoded
        );
    }

    #[test]
    fn any_policy_text_compiles_or_tells_why(text in "[a-z0-9:{}\\[\\]\"'*&!|>#,\n \u{e9}-]{0,80}") {
        for text in [text.clone(), format!("version: 1\nroutes:\n  - {text}\n")] {
            let sources = [source(&text)];
            if let Err(problems) = Policy::compile(&sources) {
                prop_assert!(!problems.0.is_empty());
                prop_assert!(problems.render(&sources, crate::problem::Colour::Plain).contains("error: "));
            }
        }
    }
}
