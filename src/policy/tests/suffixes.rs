//! Text behind a parameter, within its segment.

use super::*;

const JOBS: &str = r#"
version: 1
routes:
  - {name: job, methods: [GET], path: "/jobs/{id}", access: public}
  - {name: cancel, methods: [POST], path: "/jobs/{id}:cancel", access: nobody}
  - {name: describe, methods: [POST], path: "/jobs/{id}:describe", access: public}
  - {name: seven, methods: [POST], path: "/jobs/7:cancel", access: public}
  - {name: log, methods: [GET], path: "/jobs/{id}:cancel/log", access: public}
  - {name: any-log, methods: [GET], path: "/jobs/{id}/log", access: authenticated}
  - {name: json, methods: [GET], path: "/reports/{name}.json", access: public}
  - {name: min-json, methods: [GET], path: "/reports/{name}.min.json", access: authenticated}
  - {name: report, methods: [GET], path: "/reports/{name}", access: nobody}
  - {name: cafe, methods: [GET], path: "/menus/{day}-café", access: public}
  - {name: menus, methods: [GET], path: "/menus/{*rest}", access: authenticated}
  - {name: dot, methods: [GET], path: "/dots/{name}.", access: public}
"#;

fn check_post(rows: &[(&str, &str)]) {
    let policy = compiled(JOBS);
    for (path, expected) in rows {
        let target = Target {
            method: Method(b"POST"),
            ..get(path.as_bytes())
        };
        assert_eq!(outcome(&policy, &target), *expected, "{path}");
    }
}

#[test]
fn a_verb_belongs_to_its_route() {
    check_post(&[
        ("/jobs/8:cancel", "cancel"),
        ("/jobs/8:describe", "describe"),
        ("/jobs/7:cancel", "seven"),
        ("/jobs/8:cancel:describe", "describe"),
        ("/jobs/8:describe:cancel", "cancel"),
        // `{id}` alone has no POST.
        ("/jobs/8:unknown", "unlisted"),
        ("/jobs/8:cancelx", "unlisted"),
        ("/jobs/8:Cancel", "unlisted"),
        ("/jobs/8", "unlisted"),
        // A parameter is never empty.
        ("/jobs/:cancel", "400 path_bare_verb"),
        ("/jobs/8:cancel/x", "unlisted"),
    ]);
}

#[test]
fn the_longer_text_is_more_specific_and_a_literal_most() {
    check(
        &compiled(JOBS),
        &[
            ("/jobs/8", "job"),
            ("/jobs/:cancel", "400 path_bare_verb"),
            // The path has a route of its own, which has no GET: nothing falls through to a wider one.
            ("/jobs/8:cancel", "unlisted"),
            ("/jobs/8:cancel/log", "log"),
            ("/jobs/8:describe/log", "any-log"),
            ("/reports/a.json", "json"),
            ("/reports/a.min.json", "min-json"),
            ("/reports/.min.json", "json"),
            ("/reports/.json", "report"),
            ("/reports/a.xml", "report"),
            ("/menus/today-café", "cafe"),
            ("/menus/today-caf%C3%A9", "cafe"),
            ("/menus/today-cafe", "menus"),
            ("/menus/é", "menus"),
            ("/dots/a.", "dot"),
            ("/dots/a..", "dot"),
            ("/dots/..", "400 path_dot_segment"),
        ],
    );
}

/// Who encodes the verb, or a part of what is before it, gets by neither of the two routes alone.
#[test]
fn an_encoded_verb_is_read_in_both_ways() {
    check_post(&[
        // To a server that does not decode it is `{id}`, which has no POST.
        ("/jobs/8%3Acancel", "unlisted"),
        ("/jobs/8:%63ancel", "unlisted"),
        ("/jobs/%38:cancel", "cancel"),
        ("/jobs/a%3Ab:cancel", "cancel"),
        ("/jobs/%37:cancel", "cancel and seven"),
    ]);
    check(
        &compiled(JOBS),
        &[
            ("/reports/a%3A.json", "json"),
            ("/reports/a.jso%6E", "json and report"),
            ("/reports/a.min%2Ejson", "400 path_encoded_dot"),
            ("/jobs/8%3Acancel/log", "any-log and log"),
        ],
    );
}

const VERBS: &str = r#"
routes:
  - {name: open, methods: [POST], path: "/dep/{*rest}", access: public}
  - {name: one, methods: [POST], path: "/dep/{id}", access: public}
  - {name: start, methods: [POST], path: "/dep/{id}:start", access: nobody}
  - {name: wipe, methods: [POST], path: "/dep:wipe", access: nobody}
  - {name: dep, methods: [POST], path: /dep, access: nobody}
  - {name: secret, methods: [POST], path: /dep/secret, access: nobody}
"#;

fn check_verbs(paths: &str, rows: &[(&str, &str)]) {
    let policy = compiled(&format!("version: 1\npaths: {{{paths}}}\n{VERBS}"));
    for (path, expected) in rows {
        let target = Target {
            method: Method(b"POST"),
            ..get(path.as_bytes())
        };
        assert_eq!(outcome(&policy, &target), *expected, "{paths} {path}");
    }
}

/// Envoy's gRPC-JSON transcoder cuts a verb off at the last colon, and then drops empty segments at
/// the end: `/dep/x/:start` is `/dep/x:start` to it.
#[test]
fn a_verb_with_nothing_before_it_is_malformed() {
    check_verbs(
        "",
        &[
            ("/dep/x:start", "start"),
            ("/dep/x/:start", "400 path_bare_verb"),
            ("/dep/:wipe", "400 path_bare_verb"),
            ("/:wipe", "400 path_bare_verb"),
            ("/dep/x/%3Astart", "400 path_bare_verb"),
            ("/dep/x/%3astart", "400 path_bare_verb"),
            ("/dep/x/:st%61rt", "400 path_bare_verb"),
            ("/dep/x/:st%3Aart", "400 path_bare_verb"),
            ("/dep/x/:start%3Bv", "400 path_bare_verb"),
            ("/dep/x/:", "400 path_bare_verb"),
            ("/dep/x/:start?y", "400 path_bare_verb"),
            ("/dep/x/:start/", "400 path_empty_segment"),
            ("/dep/x//:start", "400 path_bare_verb"),
            // Not at the end, or not alone: there is no verb, or something is before it.
            ("/dep/:start/x", "open"),
            ("/dep/%3Astart/x", "open"),
            ("/dep/::1", "one"),
            ("/dep/%3A%3A1", "one"),
            ("/dep/::start", "start"),
        ],
    );
    check_verbs(
        "trailing_slash: true, merge_slashes: true",
        &[
            ("/dep/x:start/", "open and start"),
            ("/dep/x/:start/", "400 path_bare_verb"),
            ("/dep/x/:start//", "400 path_bare_verb"),
            ("/dep/x//:start", "400 path_bare_verb"),
            ("/dep//:wipe", "400 path_bare_verb"),
        ],
    );
    for paths in ["encoded_slashes: true", "encoded_slashes: kept"] {
        check_verbs(
            paths,
            &[
                ("/dep/x%2F:start", "400 path_bare_verb"),
                ("/dep/x%2F%3Astart", "400 path_bare_verb"),
            ],
        );
    }
    check_verbs(
        "path_parameters: true, encoded_delimiters: true",
        &[
            ("/dep/x/:start;v=1", "400 path_bare_verb"),
            ("/dep/x/:start;v:1", "400 path_bare_verb"),
            ("/dep/x/:start%3F:", "400 path_bare_verb"),
            ("/dep/x/:start%23", "400 path_bare_verb"),
        ],
    );
}

/// With `match_unregistered_custom_verb`, that transcoder takes the empty verb, too, and so none.
#[test]
fn a_colon_at_the_end_is_read_as_absent_and_as_it_stands() {
    check_verbs(
        "",
        &[
            ("/dep/x:", "one"),
            ("/dep/secret:", "one and secret"),
            ("/dep/secret%3A", "one and secret"),
            ("/dep/secret%3a", "one and secret"),
            ("/dep:", "unlisted"),
            ("/dep/:smile:", "one"),
            ("/dep/%3Asmile%3A", "one"),
            ("/dep/secret:/x", "open"),
        ],
    );
    check_verbs(
        "trailing_slash: true",
        &[("/dep/secret:/", "one and open and secret")],
    );
}

/// What is left of `/:go:` without its empty verb is a name that a template can match, too.
#[test]
fn what_an_empty_verb_leaves_is_judged_though_it_looks_like_a_verb() {
    let policy = compiled(
        r#"
version: 1
routes:
  - {name: head, methods: [HEAD], path: "/{x}o", access: public}
  - {name: rest, methods: [GET], path: "/{*r}", access: public}
"#,
    );
    check(
        &policy,
        &[
            ("/:go:", "unlisted"),
            ("/%3Ago%3A", "unlisted"),
            ("/:run:", "rest"),
            ("/:go", "400 path_bare_verb"),
        ],
    );
}

/// A server that does not decode sees the verb behind what stays encoded, even where the decoded path
/// has a route that is more specific.
#[test]
fn the_text_behind_an_encoded_part_counts() {
    let policy = compiled(
        r#"
version: 1
routes:
  - {name: open, methods: [GET], path: "/Ax:go/{y}", access: public}
  - {name: closed, methods: [GET], path: "/{x}:go/{y}", access: nobody}
"#,
    );
    check(
        &policy,
        &[
            ("/Ax:go/1", "open"),
            ("/%41x:go/1", "closed and open"),
            ("/Bx:go/1", "closed"),
        ],
    );
}

#[test]
fn hosts_compare_texts_like_other_segments() {
    let policy = compiled(
        r#"
version: 1
routes:
  - {name: default, methods: [GET], path: "/{x}:go", access: public}
  - {name: default-longer, methods: [GET], path: "/{x}a:go", access: public}
  - {name: own, hosts: [api.shop.example], methods: [GET], path: "/{x}:go", access: nobody}
  - {name: own-any, hosts: [api.shop.example], methods: [GET], path: "/{x}", access: nobody}
"#,
    );
    check(
        &policy,
        &[
            ("/b:go", "own"),
            ("/aa:go", "default-longer"),
            ("/b", "own-any"),
        ],
    );
}

#[test]
fn many_texts_cost_one_lookup_for_each_length() {
    let mut text = "version: 1\nroutes:\n".to_owned();
    for verb in 0..2000 {
        writeln!(
            text,
            "  - {{name: r{verb}, methods: [GET], path: \"/{{x}}:v{verb}\", access: public}}"
        )
        .unwrap();
    }
    let policy = compiled(&text);
    check(
        &policy,
        &[
            ("/a:v1234", "r1234"),
            ("/a:v12345", "unlisted"),
            ("/a:v7", "r7"),
        ],
    );
}
