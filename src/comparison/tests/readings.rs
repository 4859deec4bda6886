//! Requests whose path has several readings, where the classes of plain paths say nothing of them.

mod opaque;

use super::*;

/// The lines of what becomes more open or cannot be told.
#[track_caller]
fn check_opened(old: &str, new: &str, expected: &[&str]) {
    let said = shown(&compiled(old), &compiled(new));
    let opened = |line: &&str| {
        ["more_open", "changed", "cannot_tell"]
            .iter()
            .any(|effect| line.starts_with(effect))
    };
    assert_eq!(said.lines().filter(opened).collect::<Vec<_>>(), expected);
}

fn with_rules(rules: &str, routes: &str) -> String {
    format!("version: 1\nscopes: {{read: Read}}\npaths: {{{rules}}}\nroutes:\n{routes}")
}

const LIST: &str = "  - {name: list, methods: [GET], path: /orders, access: public}\n";
const ONE: &str = "  - {name: one, methods: [GET], path: '/orders/{id}', scopes: [read]}\n";

#[test]
fn a_route_that_is_gone_refused_another_reading_of_its_neighbour() {
    for (rules, path) in [
        ("trailing_slash: true", "/orders/"),
        ("merge_slashes: true, trailing_slash: true", "/orders/"),
    ] {
        check_opened(
            &with_rules(rules, &format!("{LIST}{ONE}")),
            &with_rules(rules, LIST),
            &[&format!(
                "more_open: readings of /orders: one -> list; GET other.example{path}; gained by anybody, lost by nobody"
            )],
        );
        check_opened(
            &with_rules(rules, LIST),
            &with_rules(rules, &format!("{LIST}{ONE}")),
            &[
                "more_open: GET /orders/{id} on every host: - -> one; GET other.example/orders/1; gained by any[read], lost by nobody",
            ],
        );
    }
    // Without the rule there is no such reading.
    check_opened(
        &with_rules("", &format!("{LIST}{ONE}")),
        &with_rules("", LIST),
        &[],
    );
}

/// Encoded letters, parameters and empty segments need no rule of their own, or one.
#[test]
fn a_route_for_all_that_is_gone_refused_what_no_literal_is() {
    let all = "  - {name: all, methods: ['*'], path: '/{*rest}', access: nobody}\n";
    for (rules, path) in [
        ("", "/%6Frders"),
        ("path_parameters: true", "/%6Frders"),
        ("merge_slashes: true", "//orders"),
    ] {
        check_opened(
            &with_rules(rules, &format!("{LIST}{all}")),
            &with_rules(rules, LIST),
            &[&format!(
                "more_open: readings of /orders: all -> list; GET other.example{path}; gained by anybody, lost by nobody"
            )],
        );
    }
    // It still matches them.
    let public = all.replace("nobody", "authenticated");
    check_opened(
        &with_rules("", &format!("{LIST}{all}")),
        &with_rules("", &format!("{LIST}{public}")),
        &[
            "more_open: every method /{*rest} on every host: all -> all; GET other.example/1; gained by any[], lost by nobody",
        ],
    );
}

/// A template that has not the method refuses as well.
#[test]
fn a_template_without_the_method_is_gone() {
    let other = "  - {name: change, methods: [PUT], path: '/orders/{id}', scopes: [read]}\n";
    check_opened(
        &with_rules("trailing_slash: true", &format!("{LIST}{other}")),
        &with_rules("trailing_slash: true", LIST),
        &[
            "more_open: readings of /orders: - -> list; GET other.example/orders/; gained by anybody, lost by nobody",
        ],
    );
}

/// The text behind a parameter is a text of the reading as it came.
#[test]
fn what_the_text_behind_a_parameter_matched_is_gone() {
    let list = LIST.replace("/orders", "/orders:go");
    let one = ONE.replace("/orders/{id}", "/{id}:go");
    check_opened(
        &with_rules("", &format!("{list}{one}")),
        &with_rules("", &list),
        &[
            "more_open: readings of /orders:go: one -> list; GET other.example/%6Frders:go; gained by anybody, lost by nobody",
        ],
    );
}

#[test]
fn readings_of_which_some_were_preflights_are_no_longer_mixed() {
    let put = |name: &str, path: &str, preflight: bool| {
        format!(
            "  - {{name: {name}, methods: [PUT], path: '{path}', scopes: [read], preflight: {preflight}}}\n"
        )
    };
    let options = "  - {name: options, methods: [OPTIONS], path: /a, access: public}\n";
    let any = put("any", "/{x}", true);
    check_opened(
        &with_rules("", &format!("{options}{}{any}", put("a", "/a", false))),
        &with_rules("", &format!("{}{any}", put("a", "/a", true))),
        &[
            "more_open: readings of /a: options -> preflight a; OPTIONS other.example/%61; gained by anybody, lost by nobody",
        ],
    );
    // The reading as a preflight is gone, and the one that the template refuses to other `OPTIONS`.
    check_opened(
        &with_rules("", &format!("{options}{any}")),
        &with_rules("", options),
        &[
            "more_open: readings of /a: - -> options; OPTIONS other.example/%61; gained by anybody, lost by nobody",
            "more_open: readings of /a: preflight any -> options; OPTIONS other.example/%61; gained by anybody, lost by nobody",
        ],
    );
}

/// A token counts where it counts for every reading.
#[test]
fn an_issuer_more_counts_on_a_public_route_beside_one_that_asks_for_a_token() {
    let of = |issuers: &str| {
        format!(
            "version: 1\nroutes:\n  - {{name: a, methods: [GET], path: /a, access: public, issuers: [{issuers}]}}\n  \
             - {{name: x, methods: [GET], path: '/{{x}}', access: authenticated, issuers: [one, two]}}\n"
        )
    };
    check_opened(
        &of("one"),
        &of("one, two"),
        &[
            "more_open: readings of /a: a -> a; GET other.example/%61; gained by two[], lost by nobody",
        ],
    );
    check_opened(&of("one, two"), &of("one"), &[]);
    // The route of the plain path need not be public any more.
    let go = "  - {name: go, methods: ['*'], path: '/{p}:go', access: public, issuers: [one]}\n";
    let any = "  - {name: any, methods: ['*'], path: '/{p}', scopes: [read]}\n";
    check_opened(
        &with_rules("", &format!("{go}{any}")),
        &with_rules("", any),
        &[
            "more_open: readings of /{p}:go: go -> any; GET other.example/1%3Ago; gained by another-issuer[read], lost by nobody",
        ],
    );
    // So it does where the reading for which it did not count is gone.
    let asks =
        "  - {name: a, methods: [GET], path: /a, access: authenticated, issuers: [one, two]}\n";
    let other = "  - {name: x, methods: [GET], path: '/{x}', access: public, issuers: [one]}\n";
    check_opened(
        &with_rules("", &format!("{asks}{other}")),
        &with_rules("", asks),
        &[
            "more_open: readings of /a: x -> a; GET other.example/%61; gained by two[], lost by nobody",
        ],
    );
}

/// Some servers cut a path at a semicolon that they decode, which no rule of `paths` refuses.
#[test]
fn an_issuer_more_counts_where_another_reading_goes_on_behind_a_semicolon() {
    let of = |issuers: &str| {
        format!(
            "version: 1\nroutes:\n  - {{name: a, methods: [GET], path: '/{{a}}', access: public, issuers: [{issuers}]}}\n  \
             - {{name: x, methods: [GET], path: '/{{a}}/{{x}}', access: authenticated, issuers: [one, two]}}\n"
        )
    };
    check_opened(
        &of("one"),
        &of("one, two"),
        &[
            "more_open: readings of /{a}: a -> a; GET other.example/1%3Bv/1; gained by two[], lost by nobody",
        ],
    );
    // No template matches the path as it stands, so that it is unlisted.
    let named = |issuers: &str| {
        of(issuers)
            .replace("'/{a}'", "/a")
            .replace("/{a}/{x}", "/a/{x}")
    };
    check_opened(&named("one"), &named("one, two"), &[]);
}

/// An example is made of both templates, where neither alone shows the other one's reading.
#[test]
fn templates_that_cross_have_an_example() {
    let of = |issuers: &str| {
        format!(
            "version: 1\nroutes:\n  - {{name: a, methods: [GET], path: '/{{x}}/b/{{z}}', access: public, issuers: [{issuers}]}}\n  \
             - {{name: x, methods: [GET], path: '/a/{{y}}/c', access: authenticated, issuers: [one, two]}}\n"
        )
    };
    check_opened(
        &of("one"),
        &of("one, two"),
        &[
            "more_open: readings of /{x}/b/{z}: a -> a; GET other.example/%61/b/c; gained by two[], lost by nobody",
        ],
    );
}

/// `//c//b;/a` has both readings, and the whole falls to `all`. Nothing tries so much.
#[test]
fn what_no_example_shows_cannot_be_told() {
    let of = |issuers: &str| {
        let routes = format!(
            "  - {{name: a, methods: [GET], path: /a, access: public, issuers: [{issuers}]}}\n  \
             - {{name: b, methods: [GET], path: /c/b, access: authenticated, issuers: [one, two]}}\n  \
             - {{name: all, methods: ['*'], path: '/{{*rest}}', access: nobody}}\n"
        );
        with_rules("merge_slashes: true", &routes)
    };
    check_opened(
        &of("one"),
        &of("one, two"),
        &["cannot_tell: readings of /a: a -> a; ; gained by nobody, lost by nobody"],
    );
    // Without a template for the whole it is unlisted.
    let without = |issuers: &str| of(issuers).replace("'/{*rest}'", "/rest");
    check_opened(&without("one"), &without("one, two"), &[]);
}

/// No request has readings of both.
#[test]
fn routes_that_share_no_request_are_not_in_doubt() {
    for rules in [
        "",
        "trailing_slash: true",
        "path_parameters: true",
        "encoded_delimiters: true",
        "ignore_case: true",
        "encoded_slashes: true",
    ] {
        let of = |issuers: &str| {
            let routes = format!(
                "  - {{name: a, methods: [GET], path: '/open/{{x}}', access: public, issuers: [{issuers}]}}\n  \
                 - {{name: x, methods: [GET], path: '/closed/c', scopes: [read], issuers: [one, two]}}\n"
            );
            with_rules(rules, &routes)
        };
        check_opened(&of("one"), &of("one, two"), &[]);
    }
    let put = |path: &str, preflight: bool| {
        format!(
            "  - {{name: {path}, methods: [PUT], path: /{path}, access: public, preflight: {preflight}}}\n"
        )
    };
    let options = "  - {name: options, methods: [OPTIONS], path: /a, access: public}\n";
    check_opened(
        &with_rules(
            "",
            &format!("{options}{}{}", put("a", false), put("b", true)),
        ),
        &with_rules("", &format!("{}{}", put("a", true), put("b", true))),
        &[],
    );
}

/// A condition refuses by a token where that counts for every reading.
#[test]
fn an_issuer_less_opens_what_a_condition_of_another_reading_refuses() {
    let of = |issuers: &str| {
        format!(
            "version: 1\nroutes:\n  - {{name: a, methods: [GET], path: /a, access: public, issuers: [{issuers}]}}\n  \
             - {{name: x, methods: [GET], path: '/{{x}}', access: public, issuers: [one, two], when: '!has(token.ban)'}}\n"
        )
    };
    check_opened(
        &of("one, two"),
        &of("one"),
        &[
            "cannot_tell: readings of /a: a -> a; GET other.example/%61; gained by nobody, lost by nobody",
        ],
    );
}

/// Whom a condition refuses for the token passes without one.
#[test]
fn an_issuer_less_opens_what_a_condition_refuses_by_the_token() {
    let of = |issuers: &str, when: &str| {
        format!(
            "version: 1\nroutes:\n  - {{name: r, methods: [GET], path: /r, access: public, issuers: [{issuers}], when: '{when}'}}\n"
        )
    };
    for when in [
        "!has(token.ban)",
        "has(token.ban) == false",
        "!has(token.ban) || token.sub == \"root\"",
        "has(token.ban) ? false : true",
    ] {
        check_opened(
            &of("a, b", when),
            &of("a", when),
            &[
                "cannot_tell: GET /r on every host: r -> r; GET other.example/r; gained by nobody, lost by nobody",
            ],
        );
    }
    // None of these holds without a token.
    for when in [
        "has(token.role) && token.role == \"admin\"",
        "token.sub != \"root\"",
        "!(token.sub == \"root\")",
        "has(token.ban) || issuer == \"a\"",
    ] {
        let said = shown(&compiled(&of("a, b", when)), &compiled(&of("a", when)));
        assert!(said.starts_with("more_closed"), "{when}: {said}");
    }
}

#[test]
fn a_parent_in_the_place_of_each_of_several_scopes() {
    let of = |parents: bool, scopes: &str| {
        format!(
            "version: 1\nparent_scopes: {parents}\nscopes: {{a: A, a.b: B, a.b.c: C, x: X, x.y: 'Y', x.y.z: Z}}\nroutes:\n  \
             - {{name: r, methods: [GET], path: /r, {scopes}}}\n"
        )
    };
    let said = shown(
        &compiled(&of(false, "any_scope: [a.b.c, x.y.z, a]")),
        &compiled(&of(true, "scopes: [a.b.c, x.y.z]")),
    );
    assert_eq!(
        said,
        "changed: GET /r on every host: r -> r; GET other.example/r; gained by any[a.b x], lost by any[a]"
    );
}
