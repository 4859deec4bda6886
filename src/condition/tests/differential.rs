//! Conditions made at random, over claims made at random, against another implementation of CEL.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::objects::Key;
use cel::{Context, Env, Value, extensions};
use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::Value as Json;

use super::Scene;
use crate::condition::{Cause, ClaimTypes, Fault};

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib();
    environment.add_extension(extensions::strings).unwrap();
    Arc::new(environment)
});

/// Its own conversion makes unsigned integers of positive numbers.
fn to_cel(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Json::Object(members) => {
            let members = members.iter();
            let members: HashMap<Key, Value> = members
                .map(|(name, value)| (Key::from(name.as_str()), to_cel(value)))
                .collect();
            Value::from(members)
        }
    }
}

/// True, false, or nothing for an error.
fn evaluated_elsewhere(text: &str, scene: &Scene) -> Option<bool> {
    let program = ENVIRONMENT.compile(text).unwrap();
    let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
    for name in ["token", "path", "request"] {
        context.add_variable_from_value(name, to_cel(&scene.0[name]));
    }
    match program.execute(&context) {
        Ok(Value::Bool(value)) => Some(value),
        _ => None,
    }
}

fn one_of(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    prop::sample::select(texts).prop_map(str::to_owned).boxed()
}

/// A choice among templates, in which each of `BISLMAT` is an expression of a kind.
fn grown(templates: &'static [&'static str], kinds: &Kinds) -> BoxedStrategy<String> {
    let kinds = kinds.clone();
    prop::sample::select(templates)
        .prop_flat_map(move |template| {
            let parts = template.split_inclusive(char::is_uppercase);
            let parts: Vec<BoxedStrategy<String>> = parts
                .map(|part| {
                    let last = part.char_indices().last();
                    let kind =
                        last.and_then(|(at, letter)| Some((part.get(..at)?, kinds.of(letter)?)));
                    match kind {
                        Some((before, kind)) => kind
                            .prop_map(move |inner| format!("{before}{inner}"))
                            .boxed(),
                        None => Just(part.to_owned()).boxed(),
                    }
                })
                .collect();
            parts.prop_map(|parts| parts.concat())
        })
        .boxed()
}

/// Expressions that are likely to have a type; claims of the last kind can be anything.
#[derive(Clone)]
struct Kinds {
    truth: BoxedStrategy<String>,
    int: BoxedStrategy<String>,
    text: BoxedStrategy<String>,
    list: BoxedStrategy<String>,
    /// Lists that are no claims: the other implementation adds maps to lists.
    made: BoxedStrategy<String>,
    any: BoxedStrategy<String>,
    time: BoxedStrategy<String>,
}

impl Kinds {
    fn of(&self, letter: char) -> Option<BoxedStrategy<String>> {
        Some(match letter {
            'B' => self.truth.clone(),
            'I' => self.int.clone(),
            'S' => self.text.clone(),
            'L' => self.list.clone(),
            'M' => self.made.clone(),
            'A' => self.any.clone(),
            'T' => self.time.clone(),
            _ => return None,
        })
    }

    fn leaves() -> Self {
        Self {
            truth: one_of(&[
                "true",
                "false",
                "token.flag",
                "has(token.level)",
                "has(token.none)",
                "has(token.org.plan)",
                "\"x-region\" in request.headers",
                "has(token.none.deeper)",
            ]),
            int: one_of(&[
                "0",
                "1",
                "-1",
                "3",
                "token.exp",
                "token.iat",
                "9223372036854775807",
                "-9223372036854775808",
                "2.5",
                "-0.5",
                "1e19",
            ]),
            text: one_of(&[
                "\"\"",
                "\"alice\"",
                "'eu'",
                "token.sub",
                "path.user_id",
                "request.method",
                "request.headers[\"x-region\"]",
                "\"a b c\"",
                "\"\u{fc}\u{1f600}\"",
                "\"12\"",
                "r\"\\d+\"",
            ]),
            list: one_of(&[
                "[]",
                "[1, 2, 3]",
                "['eu', \"us\"]",
                "token.aud",
                "[1, 'a', null, true]",
                "token.groups",
                "[[1], []]",
            ]),
            made: one_of(&["[]", "[1, 2, 3]", "['eu', \"us\"]", "token.aud"]),
            any: one_of(&[
                "token.level",
                "token.tenant",
                "token.groups",
                "token.org",
                "token.org.plan",
                "token.none",
                "token.org.id",
                "null",
                "token.flag",
            ]),
            time: one_of(&[
                "timestamp(1795475000)",
                "timestamp(\"2026-11-30T12:34:56.789Z\")",
                "timestamp(token.exp)",
                "timestamp(\"0001-01-01T00:00:00Z\")",
                "timestamp(\"9999-12-31T23:59:59Z\")",
            ]),
        }
    }

    /// Each kind one level deeper.
    fn grow(&self) -> Self {
        let or = |shallow: &BoxedStrategy<String>, templates| {
            Union::new_weighted(vec![(1, shallow.clone()), (3, grown(templates, self))]).boxed()
        };
        Self {
            truth: or(&self.truth, TRUTH),
            int: or(&self.int, INT),
            text: or(&self.text, TEXT),
            list: or(&self.list, LIST),
            made: or(&self.made, MADE),
            any: or(&self.any, ANY),
            time: or(&self.time, TIME),
        }
    }
}

#[rustfmt::skip]
const TRUTH: &[&str] = &[
    "(B && B)", "(B || B)", "(B || B || B)", "!(B)", "(B ? B : B)", "A == A", "A != A",
    "(A == S)", "(A == I)", "(S == S)", "(S != S)", "(I == I)", "(I < I)", "(I <= I)", "(I > I)",
    "(I >= A)", "(A < A)", "(S < S)", "(T < T)", "(T >= T)", "(T - T < duration('90m'))",
    "(T - duration(\"1h1.5s\") == T)", "(S in L)", "(A in L)", "(I in L)", "(S in A)", "(A in A)",
    "S.startsWith(S)", "S.endsWith(S)", "S.contains(S)", "S.matches('^[a-c]+$')",
    "S.matches(r\"\\d\")", "A.startsWith(S)", "L.exists(x, x == S)", "L.all(x, x != A)",
    "A.exists(x, x == 'eu')", "A.all(x, x > 1)", "L.exists(x, B && x == I)",
    "L.exists(x, L.all(y, x == y))", "(L == L)", "(M + M == L)", "(duration(S) < duration('1h'))",
    "(A ? B : B)", "(A && B)", "(B && A)", "(B || A)",
];
#[rustfmt::skip]
const INT: &[&str] = &[
    "(I + I)", "(I - I)", "(I * I)", "(I / I)", "(I % I)", "(-(I))", "(A + I)", "(I * A)",
    "size(S)", "size(L)", "S.size()", "size(A)", "int(S)", "int(I)", "int(A)", "int(T)",
    "T.getHours()", "T.getHours('+05:30')", "T.getDayOfWeek()", "T.getFullYear()", "T.getMonth()",
    "T.getDate()", "T.getMinutes('-08:00')", "L[I]", "(B ? I : I)",
];
#[rustfmt::skip]
const TEXT: &[&str] = &[
    "(S + S)", "S.lowerAscii()", "string(size(S))", "string(S)", "string(token.exp)",
    "string(has(token.level))", "string(T)", "(B ? S : S)", "(A + S)", "S.split(' ')[I]", "L[I]",
];
#[rustfmt::skip]
const LIST: &[&str] = &[
    "[S, S]", "[I, A]", "S.split(S)", "S.split('')", "(B ? L : L)", "(M + M)", "M",
];
#[rustfmt::skip]
const MADE: &[&str] = &[
    "[S, S]", "[I, A]", "S.split(S)", "(B ? M : M)", "(M + M)",
];
#[rustfmt::skip]
const ANY: &[&str] = &[
    "L[I]", "A[I]", "A.plan", "(A)", "(B ? A : S)", "A[S]", "(A - A)", "(A * A)",
    "(A / A)", "(A % A)", "(-(A))",
];
#[rustfmt::skip]
const TIME: &[&str] = &[
    "(T + duration('36h'))", "(T - duration(\"-2m3ms\"))", "timestamp(I)", "timestamp(string(T))",
    "(B ? T : T)",
];

fn claim() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "",
            "null",
            "true",
            "false",
            "0",
            "1",
            "-3",
            "2.5",
            "3.0",
            "1e300",
            "9223372036854775807",
            "18446744073709551615",
            "\"\"",
            "\"eu\"",
            "\"alice\"",
            "[]",
            "[\"eu\",\"us\"]",
            "[1,2.0,3]",
            "[[1],{\"plan\":1}]",
            "{}",
            "{\"plan\":\"free\",\"id\":7}",
            "{\"eu\":true,\"plan\":null}",
        ][..],
    )
}

fn scene() -> impl Strategy<Value = Scene> {
    let names = ["level", "tenant", "groups", "org", "flag"];
    prop::collection::vec(claim(), names.len()).prop_map(move |values| {
        let changes: Vec<String> = names
            .iter()
            .zip(values)
            .map(|(name, value)| format!("/token/{name}={value}"))
            .collect();
        Scene::with(&changes.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

fn condition() -> BoxedStrategy<String> {
    Kinds::leaves().grow().grow().grow().truth
}

/// Whether it is known that both differ, and which of them is right.
fn is_known_difference(text: &str, fault: Fault) -> bool {
    // Implementations write doubles in different ways, so that ours does not.
    let writes_double = fault.cause == Cause::WrongType
        && text
            .get(fault.span.range())
            .is_some_and(|part| part.starts_with("string("));
    // What ours alone bounds.
    writes_double || !fault.cause.can_be_absorbed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_both_accept_means_the_same(text in condition(), scene in scene()) {
        // What is never right is an error here when it is loaded, and there for every request.
        if let Ok(condition) = scene.compile(&text, &ClaimTypes::default()) {
            let ours = scene.evaluate(&condition);
            if ours.is_err_and(|fault| is_known_difference(&text, fault)) {
                return Ok(());
            }
            let theirs = evaluated_elsewhere(&text, &scene);
            prop_assert_eq!(ours.ok(), theirs, "{} over {} ({:?})", text, scene.0["token"], ours);
        }
    }
}
