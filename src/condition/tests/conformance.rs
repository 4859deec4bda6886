//! The conformance tests of the CEL specification that the subset accepts: those that have neither
//! variables nor messages and whose result is true, false or an error. From the package
//! `@bufbuild/cel-spec` 0.6.1 (Apache-2.0), in `tests/fixtures/cel_spec.json`.

use serde_json::Value as Json;

use super::Scene;
use crate::condition::ClaimTypes;

const TESTS: &str = include_str!("../../../tests/fixtures/cel_spec.json");

#[test]
fn what_the_specification_says_holds() {
    let tests: Vec<(String, String, Json)> = serde_json::from_str(TESTS).unwrap();
    assert_eq!(tests.len(), 223);
    let scene = Scene::new();
    for (name, text, expected) in &tests {
        let condition = match scene.compile(text, &ClaimTypes::default()) {
            Ok(condition) => condition,
            Err(problems) => panic!("{name}: {problems}"),
        };
        // Whatever the error: the specification says only that there is one.
        let got = scene.evaluate(&condition).ok();
        assert_eq!(got, expected.as_bool(), "{name}: {text}");
    }
}
