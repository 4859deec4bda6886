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

/// Servers differ in whether `\u{212a}` (the Kelvin sign) is a `k`: every route that one of them may
/// mean must allow.
#[test]
fn letters_beyond_ascii_are_folded_and_kept() {
    check(
        &ignoring_case(),
        &[
            ("/api/kiosk", "kiosk"),
            ("/api/\u{212a}iosk", "api and kiosk"),
            ("/api/%E2%84%AAiosk", "api and kiosk"),
            ("/api/adm\u{131}n/users", "admin and api"),
            ("/api/ADM\u{130}N/users", "admin and api"),
            ("/api/straße", "api"),
            ("/café", "cafe"),
            // To a server that knows ASCII alone it is another name, which no route lists.
            ("/CAFÉ", "unlisted"),
            ("/CAFé", "cafe"),
        ],
    );
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
