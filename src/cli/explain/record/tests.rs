//! What is read of lines of the log.

use super::*;
use crate::cli::rehearsal::{Denied, Disposition};

const LINE: &str = r#"{"decision":"deny","reason":"scopes_missing","route.name":"place-order",
    "request.method":"POST","request.host":"shop.example","request.path":"/orders",
    "issuer.name":"staff","token.scopes":"orders.read","policy.digest":"abcdef"}"#;

#[test]
fn a_line_is_read_whatever_stands_in_front_of_it() {
    let line = format!("2026-11-30T05:00:00Z stderr F {}", LINE.replace('\n', " "));
    let record = Record::parse(&line).unwrap();
    let request = record.request().unwrap();
    assert_eq!(request.line(), "POST https://shop.example/orders");
    assert_eq!(
        record.summary(),
        "deny by the route `place-order` (scopes_missing)"
    );
    assert_eq!(record.is_of_policy("abcdef0123"), Some(true));
    assert_eq!(record.is_of_policy("bbcdef0123"), Some(false));
}

#[test]
fn what_is_no_line_about_a_request_is_told_as_such() {
    for (line, expected) in [
        ("", "not a log line in JSON"),
        ("{", "not valid JSON"),
        (r#"{"message":"serving"}"#, "not about a decision"),
        (
            r#"{"decision":"deny","reason":"defect"}"#,
            "names no method or no path",
        ),
        (
            r#"{"decision":"deny","reason":"no_token","request.method":"GET","request.path":"/a..."}"#,
            "too long or may go on with a secret",
        ),
        (
            r#"{"decision":"deny","reason":"no_token","request.method":"GET","request.path":"/\\xff"}"#,
            "not UTF-8",
        ),
    ] {
        let read = Record::parse(line).and_then(|record| record.request());
        let error = format!("{:#}", read.unwrap_err());
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn escapes_of_the_log_are_taken_back() {
    for (logged, plain) in [
        ("/orders/1", "/orders/1"),
        ("/a\\\\b", "/a\\b"),
        ("/a\\u{1b}[31m\\n", "/a\u{1b}[31m\n"),
        ("/b\u{fc}cher", "/b\u{fc}cher"),
    ] {
        assert_eq!(unescaped(logged).unwrap(), plain);
    }
}

#[test]
fn what_was_logged_is_compared_as_far_as_it_says_enough() {
    let answer = |disposition| Answer {
        disposition,
        route: Some("orders".to_owned()),
        status: 200,
        message: None,
        grpc_code: 0,
        headers: Vec::new(),
        body: None,
        upstream_headers: Vec::new(),
    };
    let denied = Denied {
        reason: Reason::NoToken,
        detail: None,
    };
    let refused = answer(Disposition::Refused(denied));
    let shadowed = answer(Disposition::InShadow(denied));
    for (decision, reason, answer, expected) in [
        ("deny", "no_token", &refused, Some(true)),
        ("deny", "nobody", &refused, Some(false)),
        ("would_deny", "no_token", &refused, Some(false)),
        ("would_deny", "no_token", &shadowed, Some(true)),
        ("would_deny", "nobody", &shadowed, Some(false)),
        ("deny", "no_token", &shadowed, Some(false)),
        ("would_deny", "bad_token", &shadowed, None),
        ("deny", "bad_token", &refused, None),
        ("deny", "keys_due", &refused, None),
        ("deny", "overload", &refused, None),
        ("deny", "condition_failed", &refused, None),
        ("deny", "oversized_check", &refused, None),
        ("deny", "several_credentials", &refused, None),
        ("allow", "scopes", &refused, None),
        ("allow", "preflight", &refused, None),
    ] {
        let line = serde_json::json!({
            "decision": decision, "reason": reason, "route.name": "orders",
        });
        let record = Record::parse(&line.to_string()).unwrap();
        assert_eq!(record.agrees_with(answer), expected, "{line}");
    }
}
