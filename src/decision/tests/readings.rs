//! Paths with several readings: all must be allowed, and together they may cost what one may.

use super::*;
use crate::condition::Cause;

#[test]
fn every_reading_must_be_allowed_and_the_strictest_grants() {
    let routes = routes();
    let every = |routes: &[&'static str], known: &Routes| -> Vec<Arc<Route>> {
        let all = [
            &known.public,
            &known.authenticated,
            &known.read,
            &known.read_and_write,
            &known.read_or_write,
            &known.nobody,
        ];
        let find = |name: &&str| {
            all.iter()
                .find(|route| *route.name == **name)
                .copied()
                .cloned()
        };
        routes.iter().map(|name| find(name).unwrap()).collect()
    };
    let rows: [(&[&'static str], [&str; 7]); 4] = [
        (
            &["public", "read"],
            [
                "deny no_token read",
                "deny bad_token read",
                "deny keys_not_loaded read",
                "deny scopes_missing read",
                "allow scopes read",
                "allow scopes read",
                "deny scopes_missing read",
            ],
        ),
        (
            &["read-and-write", "authenticated", "public"],
            [
                "deny no_token read-and-write",
                "deny bad_token read-and-write",
                "deny keys_not_loaded read-and-write",
                "deny scopes_missing read-and-write",
                "deny scopes_missing read-and-write",
                "allow scopes read-and-write",
                "deny scopes_missing read-and-write",
            ],
        ),
        (&["public", "nobody"], ["deny nobody nobody"; 7]),
        (
            &["public", "authenticated"],
            [
                "deny no_token authenticated",
                "deny bad_token authenticated",
                "deny keys_not_loaded authenticated",
                "allow authenticated authenticated",
                "allow authenticated authenticated",
                "allow authenticated authenticated",
                "allow authenticated authenticated",
            ],
        ),
    ];
    for (names, expected) in rows {
        let named = every(names, &routes);
        check(&[(&Routed::Every(named.iter().collect()), expected)]);
    }
    check(&[(&Routed::Every(Vec::new()), ["deny unlisted -"; 7])]);
}

#[test]
fn the_verdict_over_every_reading_does_not_depend_on_their_order() {
    let routes = routes();
    let all = [
        &routes.public,
        &routes.authenticated,
        &routes.read,
        &routes.nobody,
    ];
    let holder = token("read");
    for evidence in [Evidence::Absent, Evidence::Verified(&holder)] {
        for first in all {
            for second in all {
                let allows = |routes: Vec<_>| {
                    matches!(
                        decided(&Routed::Every(routes), evidence),
                        Decision::Allow(_)
                    )
                };
                let forth = allows(vec![first, second]);
                assert_eq!(forth, allows(vec![second, first]), "{first:?} {second:?}");
                let alone =
                    |route| matches!(decided(&Routed::One(route), evidence), Decision::Allow(_));
                assert_eq!(forth, alone(first) && alone(second), "{first:?} {second:?}");
            }
        }
    }
}

/// Steps grow with the square of the number of items.
const STEPS: &str = "version: 1
routes:
  - {name: steps, methods: [GET], path: '/steps/{id}', access: authenticated,
     when: 'token.many.all(x, token.many.all(y, x != \"\" && y != \"\"))'}
";

#[test]
fn the_readings_of_one_path_share_the_steps_of_a_check() {
    let policy = policy(STEPS);
    let target = target("/steps/1");
    let circumstances = Circumstances {
        policy: &policy,
        target: &target,
        attributes: &NoAttributes,
        now: UnixSeconds(NOW),
    };
    let Routed::One(route) = policy.route(&target).unwrap() else {
        panic!("one reading")
    };
    let with_items = |count: usize, routed: &Routed<'_>| {
        let many = vec!["x"; count];
        let token = token_with(json!({"sub": "a", "many": many}));
        match decide(routed, Evidence::Verified(&token), &circumstances) {
            Decision::Allow(_) => None,
            Decision::Deny(Denial::ConditionFailed { fault, .. }) => Some(fault.cause),
            Decision::Deny(denial) => panic!("{denial:?}"),
        }
    };
    let one = Routed::One(route);
    // What takes more than half of the steps.
    let most = (1..200).take_while(|count| with_items(*count, &one).is_none());
    let most = most.last().unwrap();
    assert!((10..199).contains(&most), "{most}");
    assert_eq!(with_items(most + 1, &one), Some(Cause::TooManySteps));
    let both = Routed::Every(vec![route, route]);
    assert_eq!(with_items(most / 2, &both), None);
    assert_eq!(with_items(most, &both), Some(Cause::TooManySteps));
}
