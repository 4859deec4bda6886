//! No request is let in that the strictest operation for it would not let in.

use std::fmt::Write as _;

use super::*;
use crate::policy::{Host, Method, Path, Target};

const OPEN: ImportSettings = ImportSettings {
    allow_public: Publicity::Allow,
    hosts: ServerHosts::LeaveOut,
};

/// What these callers are answered: nobody in particular, and tokens with these scopes.
pub(super) fn answers(
    policy: &Policy,
    host: &str,
    method: &str,
    path: &str,
    scopes: Option<&[&str]>,
) -> bool {
    let target = Target {
        method: Method(method.as_bytes()),
        host: Host(host.as_bytes()),
        path: Path(path.as_bytes()),
        preflight: None,
        grpc: false,
    };
    let lets_in = |requirement: &Requirement| match requirement {
        Requirement::Public => true,
        Requirement::Authenticated => scopes.is_some(),
        Requirement::Nobody => false,
        Requirement::Scopes(asked) => scopes.is_some_and(|own| {
            let missing = asked.missing(|scope| own.contains(&scope));
            missing.is_none()
        }),
    };
    match policy.route(&target) {
        Ok(Routed::One(route)) => lets_in(&route.requirement),
        Ok(Routed::Every(routes)) => routes.iter().all(|route| lets_in(&route.requirement)),
        Ok(_) | Err(_) => false,
    }
}

fn described(paths: &str) -> String {
    format!(
        "openapi: 3.1.0\ncomponents:\n  securitySchemes: {{o: {{type: oauth2}}}}\n  \
         pathItems: {{Common: {{summary: common}}, Read: {{get: {{security: [{{o: [read]}}]}}}}}}\npaths:\n{paths}"
    )
}

#[test]
fn what_is_left_out_is_answered_by_no_wider_route() {
    let public = "  /reports/{id}: {get: {operationId: report, security: []}}\n";
    let read = "  /reports/{id}: {get: {operationId: report, security: [{o: [read]}]}}\n";
    let admin = "{get: {operationId: secret, security: [{o: [admin]}]}}";
    // The wider route, what is left out, a request for it, and whether it is open to the scope `admin`.
    for (wide, narrow, path, is_open) in [
        (public, format!("  /reports/secret-{{id}}: {admin}\n"), "/reports/secret-1", false),
        (public, "  /reports/vault: {$ref: './vault.yaml'}\n".to_owned(), "/reports/vault", false),
        (public, "  /reports/vault: {$ref: '#/nothing'}\n".to_owned(), "/reports/vault", false),
        (public, "  /reports/vault: {get: {$ref: './get.yaml'}}\n".to_owned(), "/reports/vault", false),
        (public, format!("  /reports/vault?x=1: {admin}\n"), "/reports/vault", true),
        (public, format!("  /reports/{{a}}-{{b}}: {admin}\n"), "/reports/1-2", false),
        (public, format!("  /reports/{{path+}}: {admin}\n"), "/reports/1", true),
        (public, format!("  /{{any}}/vault: {admin}\n"), "/reports/vault", true),
        (public, format!("  /reports/{{name}}: {admin}\n"), "/reports/1", true),
        (public, format!("  /reports/va%75lt/: {admin}\n"), "/reports/vault", true),
        (public, format!("  /reports/*: {admin}\n"), "/reports/vault", false),
        (public, "  /reports/{x}: {head: {security: [{o: [admin]}]}}\n".to_owned(), "/reports/1", true),
        (
            read,
            "  /reports/vault: {$ref: '#/components/pathItems/Common', get: {security: [{o: [admin]}]}}\n".to_owned(),
            "/reports/vault",
            true,
        ),
        (
            read,
            "  /reports/vault: {$ref: '#/components/pathItems/Read', get: {security: [{o: [admin, read]}]}}\n".to_owned(),
            "/reports/vault",
            true,
        ),
    ] {
        let text = described(&format!("{wide}{narrow}"));
        let policy = compiled(&read_open(&text));
        let answered = |scopes| answers(&policy, "", "GET", path, scopes);
        assert!(!answered(None) && !answered(Some(&["read"])), "{text}");
        assert_eq!(answered(Some(&["admin", "read"])), is_open, "{text}");
    }
}

fn read_open(text: &str) -> String {
    read(text, OPEN).unwrap().text
}

/// The first one of the file does not win, nor the last one.
#[test]
fn of_operations_with_the_same_requests_what_all_ask_for_is_kept() {
    for (one, other, expected) in [
        ("[{o: [read]}]", "[{o: [admin]}]", "scopes: [admin, read]"),
        ("[]", "[{o: []}]", "access: authenticated"),
        ("[{o: [a]}, {o: [b]}]", "[{o: [a]}]", "scopes: [a]"),
        (
            "[{o: [a]}, {o: [b]}]",
            "[{o: [c]}]",
            "scopes: [c]\n    any_scope: [a, b]",
        ),
        (
            "[{o: [a]}, {o: [b]}]",
            "[{o: [c]}, {o: [d]}]",
            "access: nobody",
        ),
        ("[{unknown: []}]", "[]", "access: nobody"),
    ] {
        for (first, second) in [(one, other), (other, one)] {
            for (path, twin) in [("/users/{id}", "/users/{name}"), ("/pets", "/pets/")] {
                let text = described(&format!(
                    "  {path}: {{get: {{security: {first}}}}}\n  {twin}: {{get: {{security: {second}}}}}\n"
                ));
                let imported = read(&text, OPEN).unwrap();
                assert_eq!(imported.routes, 1, "{}", imported.text);
                assert!(imported.text.contains(expected), "{text}{}", imported.text);
                let notes = imported.notes.join("\n");
                assert!(notes.contains("asks for what both ask for"), "{notes}");
            }
        }
    }
}

/// A table of a host has the routes without hosts as well, and its own win a tie.
#[test]
fn operations_of_one_host_and_of_every_host_are_held_together() {
    let text = described(
        "  /a/{x}: {get: {security: [{o: [admin]}]}}\n  \
         /a/{y}: {servers: [{url: 'https://h.example'}], get: {security: [{o: [read]}]}}\n  \
         /b/{x}: {servers: [{url: 'https://{tenant}.example'}], get: {security: [{o: [admin]}]}}\n  \
         /b/{y}: {servers: [{url: 'https://h.example'}], get: {security: [{o: [read]}]}}\n",
    );
    let settings = ImportSettings {
        hosts: ServerHosts::Keep,
        ..OPEN
    };
    let policy = compiled(&read(&text, settings).unwrap().text);
    for (host, path, scopes, expected) in [
        ("h.example", "/a/1", &["read"][..], false),
        ("h.example", "/a/1", &["admin", "read"], true),
        ("other.example", "/a/1", &["admin"], true),
        ("h.example", "/b/1", &["admin", "read"], false),
    ] {
        assert_eq!(
            answers(&policy, host, "GET", path, Some(scopes)),
            expected,
            "{host}{path} {scopes:?}"
        );
    }
}

/// Operations that ask for the same are as open as they were.
#[test]
fn nothing_is_closed_that_nothing_contradicts() {
    let text = described(
        "  /books/{id}: {get: {security: [{o: [read]}]}, post: {security: [{o: [write]}]}}\n  \
         /{kind}/mine: {get: {security: [{o: [own]}]}}\n  \
         /books/new: {get: {security: []}}\n",
    );
    let policy = compiled(&read_open(&text));
    for (method, path, scopes, expected) in [
        ("GET", "/books/new", &[][..], true),
        ("GET", "/books/1", &["read"], true),
        ("GET", "/films/mine", &["own"], true),
        ("GET", "/books/mine", &["own"], false),
        ("GET", "/books/mine", &["own", "read"], true),
        // The route for what two have in common lists what the wider ones list.
        ("POST", "/books/mine", &["write"], true),
    ] {
        assert_eq!(
            answers(&policy, "", method, path, Some(scopes)),
            expected,
            "{method} {path} {scopes:?}"
        );
    }
}

/// Numbers from a seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.roll(from.len())]
    }
}

const SEGMENTS: [&str; 9] = [
    "a", "b", "v1", "{x}", "{y}", "v{n}", "{x}:go", "{x}-{y}", "{p+}",
];
const METHODS: [&str; 3] = ["get", "head", "post"];

/// Whether a caller with these scopes, or without a token, passes.
type LetsIn = fn(Option<&[&str]>) -> bool;

/// Ways to be let in, and which callers they let in.
const SECURITY: [(&str, LetsIn); 6] = [
    ("[]", |_| true),
    ("[{o: []}]", |scopes| scopes.is_some()),
    ("[{o: [a]}]", |scopes| has(scopes, "a")),
    ("[{o: [b]}]", |scopes| has(scopes, "b")),
    ("[{o: [a, b]}]", |scopes| {
        has(scopes, "a") && has(scopes, "b")
    }),
    ("[{o: [a]}, {o: [b]}]", |scopes| {
        has(scopes, "a") || has(scopes, "b")
    }),
];

fn has(scopes: Option<&[&str]>, scope: &str) -> bool {
    scopes.is_some_and(|own| own.contains(&scope))
}

/// An operation as this test reads it.
struct Read {
    path: String,
    /// Nothing for whatever is in another file.
    method: Option<&'static str>,
    lets_in: fn(Option<&[&str]>) -> bool,
}

/// Whether a path is one of a template.
fn fits(template: &str, path: &str) -> bool {
    let segments = |text: &str| -> Vec<String> {
        text.trim_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect()
    };
    let (template, path) = (segments(template), segments(path));
    for (position, wanted) in template.iter().enumerate() {
        let Some(segment) = path.get(position) else {
            return false;
        };
        if wanted == "{p+}" {
            return true;
        }
        if !segment_fits(wanted, segment) {
            return false;
        }
    }
    template.len() == path.len()
}

fn segment_fits(wanted: &str, segment: &str) -> bool {
    match wanted {
        "{x}" | "{y}" => true,
        "v{n}" => segment.len() > 1 && segment.starts_with('v'),
        "{x}:go" => segment.len() > 3 && segment.ends_with(":go"),
        "{x}-{y}" => segment.trim_matches('-').contains('-'),
        literal => literal == segment,
    }
}

/// How concrete a segment of a template is.
fn rank(segment: &str) -> usize {
    match segment {
        "{p+}" => 0,
        "{x}" | "{y}" => 1,
        partial if partial.contains('{') => 2,
        _ => 3,
    }
}

/// Whether all of one template is more concrete than the other: OpenAPI matches it first.
fn comes_first(one: &str, other: &str) -> bool {
    let ranks =
        |text: &str| -> Vec<usize> { text.trim_matches('/').split('/').map(rank).collect() };
    let (one, other) = (ranks(one), ranks(other));
    let fixed = |ranks: &[usize]| ranks.iter().take_while(|rank| **rank > 0).count();
    if other.contains(&0) {
        let (own, others) = (fixed(&one), fixed(&other));
        let is_longer = own > others || one.contains(&0) && own == others && one != other;
        return is_longer && one.iter().zip(&other).all(|(one, other)| one >= other);
    }
    if one.contains(&0) {
        return false;
    }
    one != other && one.iter().zip(&other).all(|(one, other)| one >= other)
}

fn random_description(dice: &mut Dice) -> (String, Vec<Read>) {
    let mut paths: Vec<String> = Vec::new();
    let (mut written, mut operations) = (String::new(), Vec::new());
    for _ in 0..=dice.roll(5) {
        let mut path = String::new();
        for _ in 0..=dice.roll(3) {
            let segment = dice.pick(&SEGMENTS);
            path = format!("{path}/{segment}");
            if segment == "{p+}" {
                break;
            }
        }
        if dice.roll(8) == 0 {
            path.push('/');
        }
        if paths.contains(&path) {
            continue;
        }
        paths.push(path.clone());
        let _ = writeln!(written, "  '{path}':");
        if dice.roll(8) == 0 {
            written.push_str("    $ref: 'other.yaml'\n");
            operations.push(Read {
                path: path.clone(),
                method: None,
                lets_in: |_| false,
            });
        }
        for method in METHODS {
            if dice.roll(2) == 0 {
                continue;
            }
            let (security, lets_in) = SECURITY[dice.roll(SECURITY.len())];
            let _ = writeln!(written, "    {method}: {{security: {security}}}");
            operations.push(Read {
                path: path.clone(),
                method: Some(method),
                lets_in,
            });
        }
        written.push_str("    summary: one\n");
    }
    (described(&written), operations)
}

/// Whether a caller is let in by each operation for a request but those that a more concrete one precedes;
/// nothing where there is no such operation.
fn strictest(operations: &[Read], method: &str, path: &str, scopes: Option<&[&str]>) -> bool {
    let is_for = |one: &&Read| {
        let is_method = one.method.is_none_or(|known| {
            // GET answers HEAD.
            known.eq_ignore_ascii_case(method) || (method, known) == ("HEAD", "get")
        });
        is_method && fits(&one.path, path)
    };
    let all: Vec<&Read> = operations.iter().filter(is_for).collect();
    let mut least = all
        .iter()
        .filter(|one| !all.iter().any(|other| comes_first(&other.path, &one.path)))
        .peekable();
    least.peek().is_some() && least.all(|one| (one.lets_in)(scopes))
}

#[test]
fn random_descriptions_are_never_imported_wider_than_their_strictest_operation() {
    let mut dice = Dice(20_261_130);
    let segments = ["a", "b", "v1", "v2", "c", "c:go", "v1:go", "1-2", "v-v"];
    let callers: [Option<&[&str]>; 5] = [
        None,
        Some(&[]),
        Some(&["a"]),
        Some(&["b"]),
        Some(&["a", "b"]),
    ];
    let mut let_in = 0;
    for _ in 0..1_500 {
        let (text, operations) = random_description(&mut dice);
        let Ok(imported) = read(&text, OPEN) else {
            continue;
        };
        let policy = compiled(&imported.text);
        for _ in 0..40 {
            let count = 1 + dice.roll(3);
            let path = (0..count).fold(String::new(), |path, _| path + "/" + dice.pick(&segments));
            let method = dice.pick(&["GET", "HEAD", "POST", "PUT"]);
            for scopes in callers {
                if answers(&policy, "", method, &path, scopes) {
                    let_in += 1;
                    assert!(
                        strictest(&operations, method, &path, scopes),
                        "{method} {path} {scopes:?}\n{text}\n{}",
                        imported.text
                    );
                }
            }
        }
    }
    assert!(let_in > 5_000, "{let_in}");
}
