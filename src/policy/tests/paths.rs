//! Which templates match which paths, and which paths are malformed.

use super::*;

#[test]
fn templates_match_whole_segments() {
    check(
        &compiled(SHOP),
        &[
            ("/", "root"),
            ("/?", "root"),
            ("/products/1", "browse"),
            ("/products/1?x=/admin", "browse"),
            ("/products/featured", "featured"),
            ("/products/Featured", "browse"),
            ("/products", "unlisted"),
            ("/products/1/2", "unlisted"),
            ("/productsx/1", "unlisted"),
            ("/Products/1", "unlisted"),
            ("/public", "unlisted"),
            ("/public/a", "public"),
            ("/public/a/b/c", "public"),
            ("/publicadmin/a", "unlisted"),
            ("/admin", "admin"),
            ("/admin?x", "admin"),
            ("/admin?", "admin"),
            ("/admin/users/1", "admin-all"),
            ("/products/*", "browse"),
            ("/products/{id}", "browse"),
            ("/orders/a:b", "read-order"),
        ],
    );
}

#[test]
fn paths_that_servers_read_differently_are_malformed() {
    check(
        &compiled(SHOP),
        &[
            // Dot segments: CVE-2019-9901, GHSA-p224-6x5r-fjpm, CVE-2026-42274.
            ("/public/../admin", "400 path_dot_segment"),
            ("/public/./admin", "400 path_dot_segment"),
            ("/public/..", "400 path_dot_segment"),
            ("/public/.", "400 path_dot_segment"),
            ("/.", "400 path_dot_segment"),
            ("/..", "400 path_dot_segment"),
            ("/../admin", "400 path_dot_segment"),
            ("/public/..?x", "400 path_dot_segment"),
            ("/public/...", "public"),
            ("/public/..a", "public"),
            ("/public/.well-known", "public"),
            ("/public/%2e%2e/admin", "400 path_encoded_dot"),
            ("/public/%2E%2E/admin", "400 path_encoded_dot"),
            ("/public/.%2e/admin", "400 path_encoded_dot"),
            ("/public/%2e./admin", "400 path_encoded_dot"),
            ("/public/a%2etxt", "400 path_encoded_dot"),
            ("/user/%2e%2e%2fadmin", "400 path_encoded_dot"),
            // Slashes: CVE-2021-29492, CVE-2021-31920, CVE-2026-42272, CVE-2026-26205.
            ("/public/x%2F..%2Fadmin", "400 path_encoded_slash"),
            ("/public%2fx", "400 path_encoded_slash"),
            ("/public%2Fx", "400 path_encoded_slash"),
            ("/admin%5Cz", "400 path_backslash"),
            ("/admin%5cz", "400 path_backslash"),
            ("/public\\..\\admin", "400 path_backslash"),
            ("\\admin", "400 path_not_origin_form"),
            ("//admin", "400 path_empty_segment"),
            ("//x/admin", "400 path_empty_segment"),
            ("///", "400 path_empty_segment"),
            ("//", "400 path_empty_segment"),
            ("/public//x", "400 path_empty_segment"),
            ("/public/x/", "400 path_empty_segment"),
            ("/admin/", "400 path_empty_segment"),
            ("/admin/?x", "400 path_empty_segment"),
            // Parameters: CVE-2026-73511.
            ("/public;/../admin", "400 path_dot_segment"),
            ("/admin;x=1", "400 path_parameter"),
            ("/..;/admin", "400 path_parameter"),
            ("/public/;", "400 path_parameter"),
            ("/..%3B/admin", "400 path_dot_segment"),
            ("/..%3ba/admin", "400 path_dot_segment"),
            ("/public/%3Bx", "400 path_empty_segment"),
            // Fragments: CVE-2021-32779, CVE-2026-41059.
            ("/admin#/public", "400 path_fragment"),
            ("/public#x", "400 path_fragment"),
            ("/public/x?a#b", "400 path_fragment"),
            ("/public/a%23b", "400 path_encoded_delimiter"),
            ("/public/a%3Fb", "400 path_encoded_delimiter"),
            ("/admin%3Fx", "400 path_encoded_delimiter"),
            ("/admin%3f", "400 path_encoded_delimiter"),
            // Encoding.
            ("/public/%252e%252e/admin", "400 path_double_encoding"),
            ("/public/%252fx", "400 path_double_encoding"),
            ("/public/%25%32%65", "400 path_double_encoding"),
            ("/public/%2%35", "400 path_bad_percent"),
            ("/public/%", "400 path_bad_percent"),
            ("/public/%2", "400 path_bad_percent"),
            ("/public/%zz", "400 path_bad_percent"),
            ("/public/%u002e", "400 path_bad_percent"),
            ("/public/100%25", "public"),
            ("/public/100%25x", "public"),
            ("/public/%c0%ae%c0%ae/admin", "400 path_not_utf8"),
            ("/public/%ff", "400 path_not_utf8"),
            ("/public/%ed%a0%80", "400 path_not_utf8"),
            ("/public/%00", "400 path_control"),
            ("/public/%0a", "400 path_control"),
            ("/public/%0D%0A", "400 path_control"),
            ("/public/%7f", "400 path_control"),
            ("/public/a\tb", "400 path_control"),
            ("/public/a\0b", "400 path_control"),
            ("/public/a b", "400 path_control"),
            ("/public/a%20b", "public"),
            ("/%61dmin", "admin"),
            ("/%61%64%6D%69%6e", "admin"),
            ("/%70ublic/x", "public"),
            ("/café", "cafe"),
            ("/caf%C3%A9", "cafe"),
            ("/caf%c3%a9", "cafe"),
            // Forms of the target: CVE-2026-73547, CVE-2026-33186.
            ("", "400 path_not_origin_form"),
            ("?x", "400 path_not_origin_form"),
            ("*", "400 path_not_origin_form"),
            ("http://evil.example/public/x", "400 path_not_origin_form"),
            (
                "https://api.shop.example/public/x",
                "400 path_not_origin_form",
            ),
            ("api.shop.example:443", "400 path_not_origin_form"),
            ("shop.v1.Shop/Say", "400 path_not_origin_form"),
            (".", "400 path_not_origin_form"),
        ],
    );
}

/// An encoded character counts as what it stands for and as it came.
#[test]
fn encoded_characters_are_read_twice() {
    check(
        &compiled(SHOP),
        &[
            ("/files/a:b", "colon"),
            ("/files/a%3Ab", "colon and file"),
            ("/files/%61:b", "colon and file"),
            ("/files/x%3Ay", "file"),
            ("/%61dmin%3A", "unlisted"),
            ("/admin%3Bx", "unlisted"),
            ("/products/featured%3Bx", "browse and featured"),
            ("/products/1%3Bx", "browse"),
            ("/products/%24", "browse"),
        ],
    );
}

#[test]
fn paths_that_are_too_long_are_malformed() {
    let policy = compiled(SHOP);
    let long = |length: usize| format!("/public/{}", "a".repeat(length - 8));
    let deep = |segments: usize| format!("/public{}", "/a".repeat(segments - 1));
    check(
        &policy,
        &[
            (&long(8192), "public"),
            (&long(8193), "400 path_too_long"),
            (&format!("{}?{}", long(8192), "x".repeat(9000)), "public"),
            (&deep(128), "public"),
            (&deep(129), "400 path_too_long"),
            (&format!("{}%61", long(8192)), "400 path_too_long"),
        ],
    );
}

#[test]
fn bytes_that_are_no_text_are_malformed() {
    let policy = compiled(SHOP);
    for path in [
        &b"/public/\xff"[..],
        b"/public/\xc0\xae",
        b"/\x80",
        b"/public/\xed\xa0\x80",
    ] {
        assert_eq!(
            outcome(&policy, &get(path)),
            "400 path_not_utf8",
            "{path:?}"
        );
    }
}
