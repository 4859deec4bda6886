//! Truth tables of what somebody may do about its own user and app.

use super::*;
use crate::identity::samples;

/// All `backend.*` scopes.
const ADMINISTRATOR: &str = "backend.app backend.introspect backend.role backend.scope backend.token \
                             backend.user";

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

fn user(name: &str, scopes: &str) -> User {
    User {
        roles: vec![RoleName::parse("clerk").unwrap()],
        scopes: set(scopes),
        ..samples::user(name)
    }
}

fn app(scopes: &str, scopes_from: ScopesFrom) -> App {
    App {
        scopes: set(scopes),
        scopes_from,
        ..samples::app("alice")
    }
}

/// What somebody does with a token of `user` that has `scopes`, through `app` if there is one.
fn with<T>(scopes: &str, app: Option<&App>, user: &User, operation: impl FnOnce(&Actor) -> T) -> T {
    operation(&Actor::Bearer {
        user: Box::new(user.clone()),
        scopes: set(scopes),
        app: app.cloned().map(Box::new),
    })
}

/// The scopes that were lacking; nothing where it was allowed.
fn lacking(result: Result<(), DirectoryError>) -> String {
    match result {
        Ok(()) => String::new(),
        Err(DirectoryError::Beyond(scopes)) => scopes.to_string(),
        Err(DirectoryError::BeyondRoles(role)) => format!("role {role}"),
        Err(DirectoryError::Follower) => "a login".to_owned(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn nobody_makes_its_own_user_more_than_it_is() {
    // What the token has; what its user has; what the user is to have; what it lacks for that.
    let rows = [
        ("backend.user", "a backend.user", "a", ""),
        ("backend.user", "a backend.user", "a b backend.user", "b"),
        // Whoever may do everything could do so anyway.
        (ADMINISTRATOR, "a", "a b", ""),
        ("backend.user", ADMINISTRATOR, "z", "z"),
    ];
    for (has, before, after, expected) in rows {
        let alice = user("alice", before);
        let raised = with(has, None, &alice, |by| {
            by.may_raise(&alice, &alice.roles, &set(after))
        });
        assert_eq!(lacking(raised), expected, "{has}: {before} to {after}");
        let bob = user("bob", before);
        let other = with(has, None, &alice, |by| {
            by.may_raise(&bob, &bob.roles, &set(after))
        });
        assert_eq!(
            lacking(other),
            "",
            "somebody else: {has}: {before} to {after}"
        );
    }
}

#[test]
fn nobody_gives_itself_a_role_that_it_does_not_have_or_the_name_of_one() {
    let role = |name: &str| RoleName::parse(name).unwrap();
    let (alice, bob) = (user("alice", "a"), user("bob", "a"));
    // What the token has; the roles that somebody is to have; what it lacks to have them itself.
    let rows = [
        ("backend.user", "clerk", ""),
        ("backend.user", "clerk vip", "role vip"),
        ("backend.user", "vip", "role vip"),
        (ADMINISTRATOR, "clerk vip", ""),
    ];
    for (has, roles, expected) in rows {
        let roles: Vec<RoleName> = roles.split(' ').map(role).collect();
        let raised = |target: &User| {
            with(has, None, &alice, |by| {
                by.may_raise(target, &roles, &set("a"))
            })
        };
        assert_eq!(lacking(raised(&alice)), expected, "{has}: {roles:?}");
        assert_eq!(lacking(raised(&bob)), "", "somebody else: {has}: {roles:?}");
        let renamed = |from: &str| {
            with(has, None, &alice, |by| {
                by.may_rename_role(&role(from), roles.last().unwrap())
            })
        };
        assert_eq!(lacking(renamed("clerk")), expected, "{has}: {roles:?}");
        assert_eq!(lacking(renamed("other")), "", "{has}: {roles:?}");
    }
}

#[test]
fn nobody_extends_a_role_of_its_own_user_beyond_what_the_user_has() {
    let role = |name: &str| Role {
        name: RoleName::parse(name).unwrap(),
        scopes: set("a"),
        is_default: false,
    };
    let alice = user("alice", "a b backend.role");
    // What the token has; the role; what it is to get; what is lacking.
    let rows = [
        ("backend.role", "clerk", "b", ""),
        ("backend.role", "clerk", "c", "c"),
        ("backend.role", "other", "c", ""),
        (ADMINISTRATOR, "clerk", "c", ""),
    ];
    for (has, name, added, expected) in rows {
        let extended = with(has, None, &alice, |by| {
            by.may_extend(&role(name), &set(added))
        });
        assert_eq!(lacking(extended), expected, "{has}: {name} by {added}");
    }
}

#[test]
fn a_scope_of_its_own_user_gets_no_name_that_could_be_worth_more() {
    let name = |text: &str| ScopeName::parse(text).unwrap();
    // What the token has; what the user has; what is renamed to `z`; what is lacking.
    let rows = [
        ("backend.scope", "a backend.scope", "a", "z"),
        ("backend.scope", "a backend.scope", "b", ""),
        (ADMINISTRATOR, "a", "a", ""),
    ];
    for (has, owns, renamed, expected) in rows {
        let alice = user("alice", owns);
        let result = with(has, None, &alice, |by| {
            by.may_rename(&name(renamed), &name("z"))
        });
        assert_eq!(lacking(result), expected, "{has}: {renamed}");
    }
}

#[test]
fn an_app_is_in_the_hands_of_who_has_all_that_it_is_to_have() {
    use ScopesFrom::{List, Owner};
    let owner = user("alice", "a b consumer.app");
    let (list, follower) = (app("a", List), app("a b", Owner));
    // What the token has; the app through which it calls; the app in question; what it lacks.
    let rows = [
        ("a b consumer.app", None, app("a b", List), ""),
        // A login with all that the owner has is the owner: what the app has beyond that is lost anyway.
        ("a b consumer.app", None, app("a z", List), ""),
        ("a consumer.app", None, app("a", List), ""),
        ("a consumer.app", None, app("a b", List), "b"),
        ("a consumer.app", None, app("", Owner), "a login"),
        ("a b consumer.app", Some(&list), app("a", List), ""),
        ("a b consumer.app", Some(&list), app("z", List), "z"),
        ("a b consumer.app", Some(&list), app("", Owner), "a login"),
        ("a b consumer.app", Some(&follower), app("", Owner), ""),
        ("a consumer.app", Some(&follower), app("", Owner), "a login"),
    ];
    for (has, through, app, expected) in rows {
        let handled = with(has, through, &owner, |by| by.may_handle(&app, &owner));
        assert_eq!(lacking(handled), expected, "{has}: {through:?}: {app:?}");
    }
}
