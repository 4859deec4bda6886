//! Routes in shadow: what they deny passes and is told, and nothing else passes because of them.

use super::*;

fn in_shadow(route: &Arc<Route>) -> Arc<Route> {
    Arc::new(Route {
        mode: Mode::Shadow,
        ..Route::clone(route)
    })
}

#[test]
fn a_route_in_shadow_lets_through_what_it_denies_and_says_so() {
    let routes = routes();
    let (poor, good) = (token("other"), token("read"));
    for evidence in [
        Evidence::Absent,
        Evidence::Refused(TokenError::Expired),
        Evidence::Refused(TokenError::KeysNotLoaded(IssuerIndex(0))),
        Evidence::Verified(&poor),
        Evidence::Verified(&good),
    ] {
        for route in [&routes.authenticated, &routes.read, &routes.nobody] {
            let shadow = in_shadow(route);
            let enforced = match decided(&Routed::One(route), evidence) {
                Decision::Deny(denial) => Some(denial.kind()),
                Decision::Allow(_) => None,
            };
            let Decision::Allow(permit) = decided(&Routed::One(&shadow), evidence) else {
                panic!("{route:?} {evidence:?}")
            };
            let would_deny = permit.shadowed().map(|denial| denial.kind());
            assert_eq!(would_deny, enforced, "{route:?} {evidence:?}");
            assert_eq!(permit.label() == "shadow", enforced.is_some());
        }
    }
}

#[test]
fn a_reading_in_shadow_does_not_open_one_that_is_enforced() {
    let routes = routes();
    let shadow = in_shadow(&routes.read);
    for (other, expected) in [
        (&routes.nobody, "deny nobody nobody"),
        (&routes.authenticated, "deny no_token authenticated"),
        (&routes.public, "allow shadow read"),
    ] {
        for readings in [[&shadow, other], [other, &shadow]] {
            let found = outcome(&Routed::Every(readings.to_vec()), Evidence::Absent);
            assert_eq!(found, expected, "{readings:?}");
        }
    }
    let stand_in = in_shadow(&routes.nobody);
    let unlisted = Routed::UnlistedInShadow {
        stand_in: &stand_in,
        listed: vec![&shadow],
    };
    let poor = token("");
    for (evidence, expected) in [
        (Evidence::Absent, "no_token"),
        (Evidence::Verified(&poor), "unlisted"),
    ] {
        let Decision::Allow(permit) = decided(&unlisted, evidence) else {
            panic!("{evidence:?}")
        };
        assert_eq!(permit.shadowed().unwrap().label(), expected);
    }
    let enforced = Routed::UnlistedInShadow {
        stand_in: &stand_in,
        listed: vec![&shadow, &routes.nobody],
    };
    let found = outcome(&enforced, Evidence::Verified(&poor));
    assert_eq!(found, "deny nobody nobody");
}

const CONDITIONS: &str = r#"version: 1
mode: shadow
routes:
  - {name: held, methods: [GET], path: /held, access: public, when: 'request.method == "GET"'}
  - {name: unmet, methods: [GET], path: /unmet, access: public, when: 'request.method == "PUT"'}
  - {name: failed, methods: [GET], path: /failed, access: public, when: 'request.query.code == "x"'}
  - {name: public, methods: [GET], path: /public, access: public}
  - {name: enforced, methods: [GET], path: /enforced, access: public, mode: enforce,
     when: 'request.method == "PUT"'}
"#;

#[test]
fn a_condition_in_shadow_is_told_and_lets_pass() {
    let policy = policy(CONDITIONS);
    for (path, expected) in [
        ("/held", ["allow", "public", "-", "-"]),
        ("/unmet", ["allow", "shadow", "condition_not_met", "-"]),
        (
            "/failed",
            ["allow", "shadow", "condition_failed", "missing"],
        ),
        ("/public", ["allow", "public", "-", "-"]),
        ("/enforced", ["deny", "condition_not_met", "-", "-"]),
    ] {
        let target = target(path);
        let circumstances = Circumstances {
            policy: &policy,
            target: &target,
            attributes: &NoAttributes,
            now: UnixSeconds(NOW),
        };
        let routed = policy.route(&target).unwrap();
        let found = match decide(&routed, Evidence::Absent, &circumstances) {
            Decision::Deny(denial) => ["deny", denial.label(), "-", "-"],
            Decision::Allow(permit) => {
                let shadowed = permit.shadowed();
                let denial = shadowed.map_or("-", |denial| denial.label());
                let detail = shadowed.and_then(|denial| denial.detail());
                ["allow", permit.label(), denial, detail.unwrap_or("-")]
            }
        };
        assert_eq!(found, expected, "{path}");
    }
}

/// Of the public ones those with a condition, which alone can refuse.
#[test]
fn a_public_route_with_a_condition_counts_as_in_shadow() {
    let policy = policy(CONDITIONS);
    let names: Vec<&str> = policy
        .routes_in_shadow()
        .map(|route| &*route.name)
        .collect();
    assert_eq!(names, ["failed", "held", "unmet"]);
}
