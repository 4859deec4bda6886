//! Segments that a server leaves encoded, or that are nothing but a parameter.

use super::*;

/// Old routes of which the second refuses and is gone in the new policy: what opens by that.
#[track_caller]
fn check_dropped(rules: &str, kept: &[&str], gone: &str, expected: &[(&str, &str)]) {
    let kept: Vec<String> = kept
        .iter()
        .enumerate()
        .map(|(index, path)| {
            format!("  - {{name: kept{index}, methods: [GET], path: '{path}', access: public}}\n")
        })
        .collect();
    let kept = kept.concat();
    let gone = format!("  - {{name: gone, methods: [GET], path: '{gone}', access: nobody}}\n");
    let expected: Vec<String> = expected
        .iter()
        .map(|(reading, path)| {
            format!(
                "more_open: readings of {reading}; GET other.example{path}; gained by anybody, lost by nobody"
            )
        })
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_opened(
        &with_rules(rules, &format!("{kept}{gone}")),
        &with_rules(rules, &kept),
        &expected,
    );
}

/// A server may leave characters encoded that are reserved (RFC 3986 section 2.2).
#[test]
fn what_is_reserved_may_stay_encoded() {
    for (kept, gone, reading, path) in [
        ("/u/@", "/u/{id}", "/u/@", "/u/%40"),
        ("/u/{id}@", "/u/{id}", "/u/{id}@", "/u/1%40"),
        ("/u/{id}@b", "/u/{id}b", "/u/{id}@b", "/u/1%40b"),
        ("/u/{id}@b", "/u/{id}40b", "/u/{id}@b", "/u/1%40b"),
        ("/u/{id}Jb", "/u/{id}4ab", "/u/{id}Jb", "/u/1%4ab"),
        ("/+", "/{*rest}", "/+", "/%2B"),
        ("/%25", "/{*rest}", "/%25", "/%25"),
    ] {
        let reading = format!("{reading}: gone -> kept0");
        check_dropped("", &[kept], gone, &[(&*reading, path)]);
    }
}

/// The digits of an encoded byte may belong to the text behind a parameter, and a template of the new policy may
/// match the reading as far as that segment.
#[test]
fn digits_of_what_is_encoded_are_an_end_of_their_own() {
    let kept = "  - {name: kept, methods: [GET], path: '/{id}/@', access: public}\n  \
                - {name: closed, methods: [GET], path: '/{id}40b/@', access: nobody}\n";
    let gone = "  - {name: gone, methods: [GET], path: '/{id}40b/{x}', access: nobody}\n";
    check_opened(
        &with_rules("", &format!("{kept}{gone}")),
        &with_rules("", kept),
        &[
            "more_open: readings of /{id}/@: gone -> kept; GET other.example/1%240b/%40; gained by anybody, lost by nobody",
        ],
    );
}

/// A segment that is only a parameter is nothing to a server that cuts it off.
#[test]
fn a_segment_may_be_nothing_but_a_parameter() {
    let slash = "path_parameters: true, trailing_slash: true";
    let merged = "path_parameters: true, trailing_slash: true, merge_slashes: true";
    for (rules, kept, gone, reading, path) in [
        (
            "path_parameters: true",
            &["/"][..],
            "/{id}",
            "/: gone -> kept0",
            "/;v=1",
        ),
        (
            "path_parameters: true",
            &["/"],
            "/{id}:go",
            "/: gone -> kept0",
            "/;v:go",
        ),
        (
            slash,
            &["/a"],
            "/a/{id}:go",
            "/a: gone -> kept0",
            "/a/;v:go",
        ),
        (
            merged,
            &["/a", "/a/b"],
            "/a/{id}:go/b",
            "/a/b: gone -> kept1",
            "/a/;v:go/b",
        ),
    ] {
        check_dropped(rules, kept, gone, &[(reading, path)]);
    }
    // Without the slash at its end, such a path is malformed.
    check_dropped("path_parameters: true", &["/a"], "/a/{id}:go", &[]);
}
