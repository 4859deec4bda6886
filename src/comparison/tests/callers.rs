//! Who may send requests: issuers, scopes, and whom conditions let in.

use super::*;

#[test]
fn issuers_count_as_callers() {
    let of = |issuers: &str| {
        format!("  - {{name: orders, methods: [GET], path: /orders, scopes: [read]{issuers}}}\n")
    };
    check(
        &of(", issuers: [staff]"),
        &of(", issuers: [staff, customers]"),
        "more_open: GET /orders on every host: orders -> orders; GET other.example/orders; gained by customers[read], lost by nobody",
    );
    check(
        &of(", issuers: [staff]"),
        &of(""),
        "more_open: GET /orders on every host: orders -> orders; GET other.example/orders; gained by another-issuer[read], lost by nobody",
    );
    let (old, new) = (policy(&of(", issuers: [staff]")), policy(&of("")));
    let trusted = ["staff".into()];
    let comparison = compare(&old, &new, Some(&trusted)).unwrap();
    assert!(comparison.differences.is_empty());
    let public = |issuers: &str| {
        format!("  - {{name: orders, methods: [GET], path: /orders, access: public{issuers}}}\n")
    };
    check(
        &public(", issuers: [staff]"),
        &public(", issuers: [customers]"),
        "identity: GET /orders on every host: orders -> orders; GET other.example/orders; gained by nobody, lost by nobody",
    );
}

/// A token that did not count meets no condition that reads the token.
#[test]
fn an_issuer_more_opens_what_a_condition_reads_of_the_token() {
    let of =
        |rest: &str| format!("  - {{name: r, methods: [GET], path: /x, access: public{rest}}}\n");
    let when = ", when: 'has(token.role) && token.role == \"admin\"'";
    let (one, both) = (
        of(&format!(", issuers: [a]{when}")),
        of(&format!(", issuers: [a, b]{when}")),
    );
    let requests = "GET /x on every host: r -> r; GET other.example/x";
    check(
        &one,
        &both,
        &format!("more_open: {requests}; gained by b[], lost by nobody"),
    );
    check(
        &both,
        &one,
        &format!("more_closed: {requests}; gained by nobody, lost by nobody"),
    );
    check(
        &one,
        &of(when),
        &format!("more_open: {requests}; gained by another-issuer[], lost by nobody"),
    );
    check(
        &one,
        &of(&format!(", issuers: [b]{when}")),
        &format!("changed: {requests}; gained by b[], lost by a[]"),
    );
    check(
        &one,
        &both.replace("access: public", "access: authenticated"),
        &format!("changed: {requests}; gained by b[], lost by anybody"),
    );
    // What is not read of the token holds for everybody alike.
    let host = ", when: 'request.host == \"a.example\"'";
    check(
        &of(&format!(", issuers: [a]{host}")),
        &of(&format!(", issuers: [a, b]{host}")),
        &format!("identity: {requests}; gained by nobody, lost by nobody"),
    );
}

#[test]
fn conditions_are_compared_as_expressions() {
    let of = |when: &str| {
        format!(
            "  - {{name: orders, methods: [GET], path: '/orders/{{id}}', scopes: [read]{when}}}\n"
        )
    };
    let (none, own) = (of(""), of(", when: token.sub == path.id"));
    let requests = "GET /orders/{id} on every host: orders -> orders; GET other.example/orders/1";
    check(
        &none,
        &own,
        &format!("more_closed: {requests}; gained by nobody, lost by any[read]"),
    );
    check(
        &own,
        &none,
        &format!("more_open: {requests}; gained by any[read], lost by nobody"),
    );
    check(
        &own,
        &of(", when: token.sub != path.id"),
        &format!("cannot_tell: {requests}; gained by nobody, lost by nobody"),
    );
    check(&own, &own, "");
    // The same words are about another segment.
    let second = own.replace("/orders/{id}", "/orders/{id}/{x}");
    let first = own.replace("/orders/{id}", "/orders/{x}/{id}");
    assert!(shown(&policy(&first), &policy(&second)).starts_with("cannot_tell: "));
}

/// What a claim may be decides whether a condition holds or refuses.
#[test]
fn conditions_are_compared_with_the_types_of_their_claims() {
    let of = |claims: &str| {
        compiled(&format!(
            "version: 1\nclaims: {{{claims}}}\nscopes: {{a: A}}\nroutes:\n  - {{name: r, methods: [GET], \
             path: /r, scopes: [a], when: token.level == token.wanted}}\n"
        ))
    };
    let declared = of("level: int");
    let unclear = "cannot_tell: GET /r on every host: r -> r; GET other.example/r; gained by \
                   nobody, lost by nobody";
    for other in ["level: any", "level: int, wanted: int", "wanted: int"] {
        assert_eq!(shown(&declared, &of(other)), unclear, "{other}");
        assert_eq!(shown(&of(other), &declared), unclear, "{other}");
    }
    // No condition reads it.
    assert_eq!(shown(&declared, &of("level: int, tier: string")), "");
}

#[test]
fn a_parent_counts_where_the_policy_says_so() {
    let of = |parents: bool| {
        compiled(&format!(
            "version: 1\nparent_scopes: {parents}\nscopes: {{a: A, a.b: B}}\nroutes:\n  \
             - {{name: r, methods: [GET], path: /r, scopes: [a.b]}}\n"
        ))
    };
    assert_eq!(
        shown(&of(false), &of(true)),
        "more_open: GET /r on every host: r -> r; GET other.example/r; gained by any[a], lost by nobody"
    );
    assert_eq!(shown(&of(true), &of(true)), "");
}
