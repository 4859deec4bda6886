//! What is warned about, and what is not.

use crate::condition::{Caller, ClaimTypes, Condition, Names, Type};

/// The messages of the warnings.
fn warned(text: &str, caller: Caller) -> Vec<String> {
    let mut claims = ClaimTypes::default();
    claims.declare("plan", Type::Text);
    let names = Names {
        parameters: &["user_id"],
        claims: &claims,
        caller,
    };
    let (_, warnings) = Condition::compile(text, names).unwrap();
    let shown = super::shown(text, &warnings);
    shown.lines().map(str::to_owned).collect()
}

#[test]
fn what_lets_in_when_a_claim_is_not_what_was_expected_is_warned_about() {
    let negation = "does not have the expected type";
    let empty = "holds for every text when";
    let middle = "in the middle of the text";
    for (text, message) in [
        ("token.role != \"guest\"", negation),
        ("!(token.role == \"guest\")", negation),
        ("!(token.role in [\"guest\"])", negation),
        ("!(\"guest\" in token.roles)", negation),
        ("!token.roles.exists(r, token.kind == r)", negation),
        ("token.role == \"guest\" ? false : true", negation),
        ("(token.role == \"guest\") == false", negation),
        ("token[\"role\"] != path.user_id", negation),
        ("request.path.startsWith(token.prefix)", empty),
        ("request.path.endsWith(token[\"suffix\"])", empty),
        ("request.path.contains(token.a + token.b)", empty),
        (
            "token.prefix != \"\" || request.path.startsWith(token.prefix)",
            empty,
        ),
        ("request.path.matches(\"health\")", middle),
        ("request.path.matches(\"^/a|/b$\")", middle),
        ("request.path.matches(\"^(?m)/a$\")", middle),
        ("request.path.matches(r\"^/a\\$\")", middle),
    ] {
        let warnings = warned(text, Caller::Verified);
        assert!(
            warnings.iter().any(|line| line.contains(message)),
            "{text}: {warnings:?}"
        );
    }
}

#[test]
fn what_refuses_when_a_claim_is_not_what_was_expected_is_not_warned_about() {
    for text in [
        "token.role == \"admin\"",
        "token.sub != \"guest\"",
        "token.plan != \"free\"",
        "!(token.sub in [\"mallory\"])",
        "!!(token.role == \"admin\")",
        "!has(token.suspended)",
        "!token.suspended",
        "token.tenant != null && token.tenant == path.user_id",
        "request.path.startsWith(\"/users/\" + token.tenant)",
        "request.path.startsWith(path.user_id)",
        "token.plan != \"\" && request.path.startsWith(token.plan)",
        "size(token.prefix) > 3 && request.path.startsWith(token.prefix)",
        "request.path.matches(\"^/(a|b)$\")",
        "request.path.matches(r\"\\A/[^|]+\\z\")",
    ] {
        assert_eq!(
            warned(text, Caller::Verified),
            Vec::<String>::new(),
            "{text}"
        );
    }
}

#[test]
fn a_token_that_may_be_absent_is_to_be_asked_for() {
    for (text, is_warned) in [
        ("token.sub == path.user_id", true),
        ("issuer == \"staff\"", true),
        (
            "request.method == \"GET\" || token.sub == path.user_id",
            true,
        ),
        ("has(token.sub) && token.sub == path.user_id", false),
        ("\"sub\" in token && token.sub == path.user_id", false),
        ("request.method == \"GET\"", false),
    ] {
        let warnings = warned(text, Caller::PerhapsUnknown);
        assert_eq!(!warnings.is_empty(), is_warned, "{text}: {warnings:?}");
        assert!(warned(text, Caller::Verified).is_empty(), "{text}");
    }
}
