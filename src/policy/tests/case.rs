//! `ignore_case`: in front of an upstream that compares paths without case.

use super::*;

const ROUTES: &str = r#"
routes:
  - {name: api, methods: [GET], path: "/Api/{*rest}", access: public}
  - {name: admin, methods: [GET], path: "/api/Admin/{*rest}", access: nobody}
  - {name: kiosk, methods: [GET], path: /api/kiosk, access: authenticated}
  - {name: go, methods: [GET], path: "/jobs/{id}:Go", access: public}
  - {name: cafe, methods: [GET], path: /café, access: public}
"#;

fn ignoring_case() -> Policy {
    compiled(&format!(
        "version: 1\npaths: {{ignore_case: true}}\n{ROUTES}"
    ))
}

#[test]
fn a_path_in_any_case_is_the_same() {
    check(
        &ignoring_case(),
        &[
            ("/api/x", "api"),
            ("/API/X", "api"),
            ("/api/admin/users", "admin"),
            ("/api/Admin/users", "admin"),
            ("/aPI/aDMIN/users", "admin"),
            ("/jobs/7:GO", "go"),
            ("/JOBS/7:go", "go"),
            ("/JOBS/7", "unlisted"),
        ],
    );
    // Without it the wider route answers.
    check(
        &compiled(&format!("version: 1\n{ROUTES}")),
        &[("/Api/admin/users", "api"), ("/api/Admin/users", "admin")],
    );
}

/// Whether or not the upstream decodes first.
#[test]
fn encoded_letters_are_the_same_as_well() {
    check(
        &ignoring_case(),
        &[
            ("/api/%41dmin/users", "admin and api"),
            ("/api/%61DMIN/users", "admin and api"),
            ("/api/ADMIN%2Fusers", "400 path_encoded_slash"),
            ("/api/..%2FAdmin", "400 path_encoded_slash"),
        ],
    );
}

/// Servers differ in which letters beyond ASCII have a case: every route that one of them may mean
/// must allow.
#[test]
fn letters_beyond_ascii_are_folded_and_kept() {
    check(
        &ignoring_case(),
        &[
            ("/api/kiosk", "kiosk"),
            ("/api/Привет", "api"),
            ("/café", "cafe"),
            // To a server that knows ASCII alone it is another name, which no route lists.
            ("/CAFÉ", "unlisted"),
            ("/CAFé", "cafe"),
        ],
    );
}

/// What becomes several characters, or an ASCII letter, or is skipped has more readings than anybody
/// can list.
#[test]
fn characters_that_no_two_servers_fold_alike_are_malformed() {
    let policy = ignoring_case();
    let rows = [
        "/api/\u{212a}iosk",
        "/api/%E2%84%AAiosk",
        "/api/%C5%BFecret/%E2%84%AAiosk",
        "/api/\u{17f}ecret",
        "/api/adm\u{131}n/users",
        "/api/ADM\u{130}N/users",
        "/api/straße",
        "/api/stra%C3%9Fe",
        "/api/STRA\u{1e9e}E",
        "/api/o\u{fb03}ce",
        "/api/ki\u{200c}osk",
        "/api/ki%C2%ADosk",
        "/api/ki\u{200d}osk",
    ];
    check(&policy, &rows.map(|path| (path, "400 path_uncertain_case")));
    // Elsewhere they are characters like others.
    let strict = compiled(&format!("version: 1\n{ROUTES}"));
    for path in rows {
        let path = path.replace("/api/", "/Api/");
        assert_eq!(outcome(&strict, &get(path.as_bytes())), "api", "{path}");
    }
}

/// A server may know the case of one letter and not that of another.
#[test]
fn letters_are_folded_in_every_combination() {
    let text = r#"
version: 1
paths: {ignore_case: true}
routes:
  - {name: open, methods: [GET], path: "/{a}/{b}", access: public}
  - {name: below, methods: [GET], path: "/é/{b}", access: nobody}
  - {name: both, methods: [GET], path: "/é/\u{10d0}", access: public}
  - {name: end, methods: [GET], path: "/{a}é", access: nobody}
  - {name: longer-end, methods: [GET], path: "/{a}\u{10d0}é", access: public}
  - {name: name, methods: [GET], path: "/{a}", access: public}
"#;
    let policy = compiled(&text.replace("\\u{10d0}", "\u{10d0}"));
    check(
        &policy,
        &[
            ("/é/\u{10d0}", "both"),
            ("/é/\u{1c90}", "below and both"),
            ("/É/\u{1c90}", "below and both and open"),
            ("/x\u{10d0}é", "longer-end"),
            ("/x\u{1c90}é", "end and longer-end"),
            ("/x\u{1c90}É", "end and longer-end and name"),
        ],
    );
    let many = format!("/{0}/{0}", "É".repeat(40));
    check(&policy, &[(&many, "400 path_too_ambiguous")]);
}

#[test]
fn a_literal_outranks_a_parameter_in_any_case() {
    let text = r#"
version: 1
paths: {ignore_case: true, encoded_slashes: kept}
routes:
  - {name: any, methods: [GET], path: "/p/{id}", access: public}
  - {name: own, methods: [GET], path: /P/Own, access: nobody}
"#;
    check(
        &compiled(text),
        &[
            ("/p/OWN", "own"),
            ("/P/a%2FB", "any"),
            ("/P/a%2f..%2fOwn", "400 path_dot_segment"),
        ],
    );
}
