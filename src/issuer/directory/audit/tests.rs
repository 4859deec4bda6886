//! What the log says of a change, and that it holds nothing that a person has chosen.

use super::*;
use crate::identity::{
    AppDescription, AppLink, AppName, AppStatus, Email, RedirectUri, ScopeSet, Status, Username,
    samples,
};
use crate::token::LogPosition;

/// What is done to it, and what the log says.
struct Row<T>(fn(&mut T), &'static str);

fn user() -> User {
    User {
        roles: vec![RoleName::parse("clerk").unwrap()],
        ..samples::user("alice")
    }
}

fn app() -> App {
    App {
        scopes: ScopeSet::parse("a b").unwrap(),
        ..samples::app("alice")
    }
}

#[test]
fn a_change_of_a_user_says_which_parts_and_never_the_words() {
    let rows: [Row<User>; 7] = [
        Row(|_| {}, ""),
        Row(
            |after| after.username = Username::parse("bobby").unwrap(),
            "username",
        ),
        Row(
            |after| after.email = Email::parse("bobby@a.example").unwrap(),
            "email",
        ),
        Row(|after| after.status = Status::Disabled, "status disabled"),
        Row(|after| after.roles.clear(), "removed roles clerk"),
        Row(
            |after| after.roles.insert(0, RoleName::parse("boss").unwrap()),
            "added roles boss",
        ),
        // What follows from the rest is no change of its own.
        Row(
            |after| {
                after.scopes = ScopeSet::parse("a").unwrap();
                after.as_of = LogPosition(5);
            },
            "",
        ),
    ];
    for Row(act, expected) in rows {
        let mut after = user();
        act(&mut after);
        let changes = user_changes(&user(), &after);
        assert_eq!(changes.join("; "), expected);
        let action = if expected.is_empty() {
            "unchanged"
        } else {
            "changed"
        };
        assert_eq!(updated(&changes), action, "{expected}");
    }
}

#[test]
fn a_change_of_a_role_names_the_scopes_that_came_and_went() {
    let role = |name: &str, scopes: &str| Role {
        name: RoleName::parse(name).unwrap(),
        scopes: ScopeSet::parse(scopes).unwrap(),
        is_default: false,
    };
    let rows = [
        (role("clerk", "a b"), ""),
        (role("boss", "a b"), "name boss"),
        (role("clerk", "a b c"), "added scopes c"),
        (role("clerk", "a"), "removed scopes b"),
        (
            role("boss", "c"),
            "name boss; added scopes c; removed scopes a b",
        ),
    ];
    for (after, expected) in rows {
        let changes = role_changes(&role("clerk", "a b"), &after);
        assert_eq!(changes.join("; "), expected);
    }
}

#[test]
fn a_change_of_an_app_says_what_it_may_have() {
    let rows: [Row<App>; 9] = [
        Row(|_| {}, ""),
        Row(
            |after| after.name = AppName::parse("secret-plan").unwrap(),
            "name",
        ),
        Row(
            |after| {
                after.redirect_uris = vec![RedirectUri::parse("https://a.example/x").unwrap()];
            },
            "redirect_uris",
        ),
        Row(
            |after| after.description = AppDescription::parse("ours").unwrap(),
            "description",
        ),
        Row(
            |after| after.link = AppLink::parse("https://a.example").ok(),
            "link",
        ),
        Row(
            |after| after.status = AppStatus::Disabled,
            "status disabled",
        ),
        Row(
            |after| after.scopes = ScopeSet::parse("a c").unwrap(),
            "added scopes c; removed scopes b",
        ),
        Row(
            |after| after.scopes_from = ScopesFrom::Owner,
            "follows its owner",
        ),
        Row(
            |after| {
                after.status = AppStatus::Disabled;
                after.scopes = ScopeSet::default();
            },
            "status disabled; removed scopes a b",
        ),
    ];
    for Row(act, expected) in rows {
        let mut after = app();
        act(&mut after);
        assert_eq!(app_changes(&app(), &after).join("; "), expected);
    }
}

#[test]
fn what_comes_and_what_goes_says_what_it_may() {
    assert_eq!(user_parts(&user()).join("; "), "roles clerk; status active");
    let bare = User {
        roles: Vec::new(),
        status: Status::Disabled,
        ..user()
    };
    assert_eq!(user_parts(&bare).join("; "), "no roles; status disabled");
    assert_eq!(app_parts(&app()).join("; "), "scopes a b");
    let follower = App {
        scopes: ScopeSet::default(),
        scopes_from: ScopesFrom::Owner,
        ..app()
    };
    assert_eq!(
        app_parts(&follower).join("; "),
        "follows its owner; no scopes"
    );
    let reach = Reach {
        users: 1,
        apps: 0,
        grants: 2,
        sessions: 3,
        ..Reach::default()
    };
    assert_eq!(ended(reach).join("; "), "users 1; grants 2; sessions 3");
}
