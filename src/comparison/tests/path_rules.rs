//! Changes of the section `paths`.

use super::*;

#[test]
fn rules_of_paths_are_differences_of_their_own() {
    let routes = "
  - {name: files, methods: [GET], path: '/files/{*rest}', access: public}
";
    let strict = policy(routes);
    let relaxed = |rules: &str| compiled(&format!("{HEAD}{routes}paths: {{{rules}}}\n"));
    for (rules, expected) in [
        (
            "merge_slashes: true",
            "more_open: paths.merge_slashes: - -> files; GET other.example/files//1",
        ),
        (
            "trailing_slash: true",
            "more_open: paths.trailing_slash: - -> files; GET other.example/files/1/",
        ),
        (
            "path_parameters: true",
            "more_open: paths.path_parameters: - -> files; GET other.example/files/1;v=1",
        ),
        (
            "encoded_slashes: true",
            "more_open: paths.encoded_slashes: - -> files; GET other.example/files/1%2Fx",
        ),
        (
            "encoded_delimiters: true",
            "more_open: paths.encoded_delimiters: - -> files; GET other.example/files/1%3Fx",
        ),
        (
            "ignore_case: true",
            "more_open: GET /files/{*rest} on every host: - -> files; GET other.example/FILES/1",
        ),
    ] {
        let lines = shown(&strict, &relaxed(rules));
        assert!(lines.starts_with(expected), "{rules}: {lines}");
        let back = shown(&relaxed(rules), &strict);
        assert!(!back.starts_with("more_open"), "{rules}: {back}");
    }
}

/// Nobody gains what is refused as malformed, whether or not a route answered it.
#[test]
fn a_rule_of_paths_that_is_gone_opens_nothing() {
    let routes = "  - {name: root, methods: [GET], path: /, access: public}\n";
    let relaxed = compiled(&format!("{HEAD}{routes}paths: {{encoded_slashes: true}}\n"));
    let lines = shown(&relaxed, &policy(routes));
    let expected = "more_closed: paths.encoded_slashes: - -> -; ; gained by nobody, lost by nobody";
    assert_eq!(lines, expected);
    let lines = shown(&policy(routes), &relaxed);
    assert!(
        lines.starts_with("cannot_tell: paths.encoded_slashes"),
        "{lines}"
    );
}
