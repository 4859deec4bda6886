//! Whatever is written as a condition, and whatever it is evaluated over, ends soon and without a
//! panic, on the stack that a worker has.

use proptest::prelude::*;

use super::{Scene, outcome};
use crate::condition::{Budget, Cause, ClaimTypes};

#[test]
fn what_reads_from_where_a_request_comes_is_known() {
    for (text, expected) in [
        ("request.source.address == \"::1\"", true),
        ("true || request.source.principal == \"x\"", true),
        ("has(request.source.address)", true),
        ("request.headers[\"x-forwarded-for\"] == \"::1\"", true),
        ("\"x-envoy-internal\" in request.headers", true),
        ("request.headers[\"x-forwarded-proto\"] == \"https\"", true),
        (
            "request.headers[\"x-envoy-downstream-service-cluster\"] == \"web\"",
            true,
        ),
        ("request.headers[\"true-client-ip\"] == \"::1\"", true),
        ("request.headers[\"x-region\"] == \"eu\"", false),
        ("request.method == \"GET\"", false),
    ] {
        let condition = Scene::new().compile(text, &ClaimTypes::default());
        let condition = condition.unwrap_or_else(|problems| panic!("{text}\n{problems}"));
        assert_eq!(condition.reads_source(), expected, "{text}");
    }
}

/// On a thread with a small stack: the process would abort if it were too small.
fn load_on_a_small_stack(text: String) -> Result<(), String> {
    const STACK_BYTES: usize = 2 << 20;
    let load = move || {
        let scene = Scene::new();
        let condition = scene.compile(&text, &ClaimTypes::default())?;
        // Whatever comes of it.
        let _ = scene.evaluate(&condition);
        Ok(())
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    thread.spawn(load).unwrap().join().unwrap()
}

#[test]
fn deep_and_long_conditions_are_refused_when_they_are_loaded() {
    for text in [
        "1+".repeat(900) + "1 == 1",
        "token.groups".to_owned() + &"[0]".repeat(500),
        "true == ".repeat(200) + "true",
        "token".to_owned() + &".a".repeat(500) + " == 1",
        "true ? 1 : ".repeat(150) + "1",
        "!(".repeat(300) + "true" + &")".repeat(300),
        "(".repeat(900) + "true" + &")".repeat(900),
        "!".repeat(1500) + "true",
        "-".repeat(1500) + "1",
        "[".repeat(900),
        "{".repeat(900),
        "true && ".repeat(255) + "true || ",
        "[1,".to_owned() + &"1,".repeat(600) + "1] == []",
        "has(".repeat(400),
        "token.a.exists(x, ".repeat(80),
        "x".repeat(2049),
    ] {
        assert!(load_on_a_small_stack(text.clone()).is_err(), "{text}");
    }
}

#[test]
fn as_deep_and_long_as_is_allowed_is_loaded_and_evaluated() {
    for text in [
        "1 + ".repeat(20) + "1 == 21",
        "!".repeat(22) + "true",
        "(".repeat(30) + "true" + &")".repeat(30),
        "true && ".repeat(190) + "true",
        "has(token.org) && token".to_owned() + &".org".repeat(20) + " == 1",
        "true ? true : ".repeat(20) + "true",
    ] {
        assert_eq!(load_on_a_small_stack(text.clone()), Ok(()), "{text}");
    }
}

#[test]
fn a_check_takes_a_bounded_number_of_steps() {
    let many: Vec<u32> = (0..300).collect();
    let change = format!("/token/groups={}", serde_json::to_string(&many).unwrap());
    let text = "token.groups.all(x, token.groups.exists(y, x == y))";
    assert_eq!(outcome(text, &[&change]), Err(Cause::TooManySteps));
    // Nothing absorbs it.
    let text = format!("{text} || true");
    assert_eq!(outcome(&text, &[&change]), Err(Cause::TooManySteps));
    let text = "token.sub + \"x\" == path.user_id || true";
    let long = format!("/token/sub={:?}", "x".repeat(70_000));
    assert_eq!(outcome(text, &[&long]), Err(Cause::TooLong));
}

/// Looking for one header walks over all of them.
#[test]
fn headers_are_paid_for_by_their_bytes() {
    let others = format!("/request/headers/x-other={:?}", "x".repeat(60_000));
    for text in [
        "token.groups.all(g, request.headers[\"x-region\"] == \"eu\")",
        "request.headers[\"user-agent\"].split(\"\").all(c, \"x-region\" in request.headers)",
        "request.headers[\"user-agent\"].split(\"\").all(c, request.headers[\"x-region\"] != c)",
    ] {
        assert_eq!(outcome(text, &[]), Ok(true), "{text}");
        let groups = "/token/groups=[1,2,3,4,5,6,7,8,9,10,11,12]";
        assert_eq!(
            outcome(text, &[&others, groups]),
            Err(Cause::TooManySteps),
            "{text}"
        );
    }
    // Once is not too much.
    let text = "request.headers[\"x-region\"] == \"eu\"";
    assert_eq!(outcome(text, &[&others]), Ok(true));
}

/// They lie behind the headers, and a list of the caller's can ask for them again and again.
#[test]
fn what_lies_behind_the_headers_is_paid_for() {
    let numbers: Vec<u32> = (0..100).collect();
    let groups = format!("/token/groups={}", serde_json::to_string(&numbers).unwrap());
    for (text, fits) in [
        ("request.scheme == \"https\"", true),
        ("request.size < 100000", true),
        ("token.groups.all(g, request.scheme != \"\")", false),
        ("token.groups.all(g, request.size >= 0)", false),
    ] {
        let found = outcome(text, &[&groups]);
        assert_eq!(found == Err(Cause::TooManySteps), !fits, "{text} {found:?}");
    }
}

/// The scopes are a text, which is read from its beginning each time.
#[test]
fn scopes_are_paid_for_by_their_bytes() {
    let scopes = format!("/token/scope={:?}", "x".repeat(15_000));
    let numbers: Vec<u32> = (0..100).collect();
    let groups = format!("/token/groups={}", serde_json::to_string(&numbers).unwrap());
    for text in [
        "token.groups.all(g, token.scopes != [])",
        "token.groups.all(g, size(token.scopes) > 0)",
        "[token.scopes].all(x, token.groups.all(g, x.size() > 0))",
        "[[token.scopes]].all(x, token.groups.all(g, x[0].size() > 0))",
        "[[token.scopes]].all(x, token.groups.all(g, x == x))",
    ] {
        assert_eq!(
            outcome(text, &[&scopes, &groups]),
            Err(Cause::TooManySteps),
            "{text}"
        );
    }
    assert_eq!(
        outcome("size(token.scopes) == 1", &[&scopes, &groups]),
        Ok(true)
    );
}

#[test]
fn long_lists_are_compared_item_by_item() {
    let scopes = format!("/token/scope={:?}", "a ".repeat(2_000));
    let groups = format!(
        "/token/groups={}",
        serde_json::to_string(&vec!["a"; 2_000]).unwrap()
    );
    let text = "token.scopes == token.groups && token.groups == token.scopes";
    assert_eq!(outcome(text, &[&scopes, &groups]), Ok(true));
    let last = format!("/token/scope={:?}", "a ".repeat(1_999) + "b");
    assert_eq!(outcome(text, &[&last, &groups]), Ok(false));
}

#[test]
fn conditions_of_one_check_share_its_steps() {
    let scene = Scene::new();
    let text = "token.groups.all(g, g.size() > 0)";
    let condition = scene.compile(text, &ClaimTypes::default()).unwrap();
    let mut budget = Budget::default();
    assert_eq!(scene.evaluate_within(&condition, &mut budget), Ok(true));
    let once = budget.spent();
    assert!((10..40).contains(&once), "{once}");
    let mut times = 1;
    while scene.evaluate_within(&condition, &mut budget) == Ok(true) {
        times += 1;
    }
    assert_eq!(times, 10_000 / once);
}

#[test]
fn patterns_that_compile_to_much_are_refused() {
    let text = "request.path.matches(\"(a{1000}){1000}\")";
    let problem = Scene::new().compile(text, &ClaimTypes::default());
    assert!(problem.unwrap_err().contains("bytes when compiled"));
}

/// Pieces that fit together often enough to get beyond the parser.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "token",
            ".sub",
            ".groups",
            "[",
            "]",
            "(",
            ")",
            "0",
            "-1",
            "2.5",
            "\"eu\"",
            "'",
            "\"",
            "&&",
            "||",
            "!",
            "==",
            "!=",
            "<",
            " in ",
            "+",
            "-",
            "*",
            "/",
            "%",
            "?",
            ":",
            ",",
            ".",
            "has(",
            "size(",
            ".exists(x,",
            ".all(x,",
            ".startsWith(",
            ".matches(",
            "x",
            "now",
            "path.user_id",
            "request.headers",
            "request.query",
            "null",
            "true",
            "timestamp(",
            "duration(",
            "\u{e9}",
            "\\",
            "//",
            "\n",
            "r\"",
            "b'",
            "1u",
            "{",
            "}",
            "9223372036854775808",
            "\"^a|b$\"",
        ][..],
    );
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_loads_or_is_refused_with_its_place(text in prop_oneof![pieces(), ".{0,60}"]) {
        let scene = Scene::new();
        match scene.compile(&text, &ClaimTypes::default()) {
            Ok(condition) => {
                let _ = scene.evaluate(&condition);
            }
            Err(problems) => prop_assert!(problems.contains("when:1:"), "{}", problems),
        }
    }
}
