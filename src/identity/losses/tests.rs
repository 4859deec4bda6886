use super::*;

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

/// Such as: `user alice, access of owner alice`.
fn told(differences: &[Difference]) -> String {
    let losses = losses(differences);
    let words = losses.iter().map(|loss| {
        let (kind, name) = (loss.target().kind(), loss.target().name());
        match loss {
            Loss::All(_) => format!("{kind} {name}"),
            Loss::AccessTokens(_) => format!("access of {kind} {name}"),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

fn user_state() -> UserState {
    UserState {
        username: Username::parse("alice").unwrap(),
        status: Status::Active,
        password: PasswordState::Kept,
        roles: ["reading", "sales"].map(role).into(),
        apps: 2,
        app_secrets: 3,
    }
}

fn user(before: UserState, after: Option<UserState>) -> Difference {
    Difference::User {
        id: UserId::known("alice"),
        before,
        after,
    }
}

/// What was done; what ends where the user has apps; and where it has none.
struct UserRow {
    done: &'static str,
    act: fn(&mut UserState),
    with_apps: &'static str,
    without: &'static str,
}

fn row(
    done: &'static str,
    act: fn(&mut UserState),
    with_apps: &'static str,
    without: &'static str,
) -> UserRow {
    UserRow {
        done,
        act,
        with_apps,
        without,
    }
}

#[test]
fn what_ends_with_a_change_of_a_user() {
    let rows = [
        row("nothing", |_| {}, "", ""),
        row(
            "disabled",
            |after| after.status = Status::Disabled,
            "user alice, owner alice",
            "user alice",
        ),
        row(
            "renamed",
            |after| after.username = Username::parse("alicia").unwrap(),
            "user alice",
            "user alice",
        ),
        row(
            "another password",
            |after| after.password = PasswordState::Replaced,
            "user alice",
            "user alice",
        ),
        row(
            "another password, the apps end",
            |after| {
                after.password = PasswordState::Replaced;
                after.app_secrets = 0;
            },
            "user alice, owner alice",
            "user alice",
        ),
        row("some secrets end", |after| after.app_secrets = 1, "", ""),
        row(
            "a role lost",
            |after| after.roles = [role("sales")].into(),
            "user alice, access of owner alice",
            "user alice",
        ),
        row(
            "a role got",
            |after| after.roles.extend([role("more")]),
            "",
            "",
        ),
        row(
            "one lost, another got",
            |after| after.roles = ["reading", "more"].map(role).into(),
            "user alice, access of owner alice",
            "user alice",
        ),
        row(
            "a role lost and disabled",
            |after| {
                after.roles.clear();
                after.status = Status::Disabled;
            },
            "user alice, owner alice",
            "user alice",
        ),
        row(
            "a role lost and renamed",
            |after| {
                after.roles.clear();
                after.username = Username::parse("alicia").unwrap();
            },
            "user alice, access of owner alice",
            "user alice",
        ),
        row("an app more", |after| after.apps = 3, "", ""),
    ];
    for UserRow {
        done,
        act,
        with_apps,
        without,
    } in rows
    {
        let before = user_state();
        let mut after = before.clone();
        act(&mut after);
        assert_eq!(told(&[user(before, Some(after))]), with_apps, "{done}");
        let before = UserState {
            apps: 0,
            app_secrets: 0,
            ..user_state()
        };
        let mut after = before.clone();
        act(&mut after);
        after.app_secrets = 0;
        let told = told(&[user(before, Some(after))]);
        assert_eq!(told, without, "{done}, no apps");
    }
    assert_eq!(told(&[user(user_state(), None)]), "user alice, owner alice");
    let disabled = UserState {
        status: Status::Disabled,
        ..user_state()
    };
    let enabled = user(disabled.clone(), Some(user_state()));
    assert_eq!(told(&[enabled]), "", "enabled");
    let still = user(disabled.clone(), Some(disabled));
    assert_eq!(told(&[still]), "", "still disabled");
}

#[test]
fn what_ends_with_a_change_of_an_app() {
    let secrets = |digests: &[&str]| digests.iter().map(|one| (*one).to_owned()).collect();
    let before = || AppState {
        status: Status::Active,
        scopes: set("a b"),
        secret: Some("second".to_owned()),
        accepted_secrets: secrets(&["first", "second"]),
    };
    let rows: [(&str, AppState, &str); 8] = [
        ("nothing", before(), ""),
        (
            "disabled",
            AppState {
                status: Status::Disabled,
                ..before()
            },
            "app shop",
        ),
        (
            "a scope lost",
            AppState {
                scopes: set("b"),
                ..before()
            },
            "app shop",
        ),
        (
            "a scope got",
            AppState {
                scopes: set("a b c"),
                ..before()
            },
            "",
        ),
        (
            "one lost, another got",
            AppState {
                scopes: set("b c"),
                ..before()
            },
            "app shop",
        ),
        (
            "another secret, with an overlap",
            AppState {
                secret: Some("third".to_owned()),
                accepted_secrets: secrets(&["second", "third"]),
                ..before()
            },
            "",
        ),
        (
            "another secret at once",
            AppState {
                secret: Some("third".to_owned()),
                accepted_secrets: secrets(&["third"]),
                ..before()
            },
            "app shop",
        ),
        (
            "no secret",
            AppState {
                secret: None,
                accepted_secrets: secrets(&[]),
                ..before()
            },
            "app shop",
        ),
    ];
    let app = |before, after| Difference::App {
        key: AppKey::known("shop"),
        before,
        after,
    };
    for (done, after, expected) in rows {
        assert_eq!(told(&[app(before(), Some(after))]), expected, "{done}");
    }
    assert_eq!(told(&[app(before(), None)]), "app shop", "deleted");
}

#[test]
fn what_ends_with_a_change_of_a_role() {
    let state = |name: &str, scopes: &str| RoleState {
        name: role(name),
        scopes: set(scopes),
    };
    let lost = "access of role sales, access of role ";
    let rows = [
        (
            "nothing",
            state("sales", "a b"),
            Some(state("sales", "a b")),
            "",
        ),
        (
            "a scope lost",
            state("sales", "a b"),
            Some(state("sales", "b")),
            lost,
        ),
        (
            "a scope got",
            state("sales", "a"),
            Some(state("sales", "a b")),
            "",
        ),
        (
            "a scope renamed",
            state("sales", "a"),
            Some(state("sales", "b")),
            lost,
        ),
        (
            "renamed",
            state("sales", "a"),
            Some(state("selling", "a")),
            lost,
        ),
        (
            "renamed without scopes",
            state("sales", ""),
            Some(state("selling", "")),
            lost,
        ),
        ("deleted", state("sales", "a"), None, lost),
        ("deleted without scopes", state("sales", ""), None, lost),
    ];
    for (done, before, after, expected) in rows {
        assert_eq!(
            told(&[Difference::Role { before, after }]),
            expected,
            "{done}"
        );
    }
}

#[test]
fn several_differences_end_what_each_ends_and_unnamed_roles_once() {
    let lost = |name: &str| Difference::Role {
        before: RoleState {
            name: role(name),
            scopes: set("a"),
        },
        after: None,
    };
    let deleted = user(user_state(), None);
    assert_eq!(
        told(&[lost("sales"), deleted, lost("reading")]),
        "access of role sales, user alice, owner alice, access of role reading, access of role "
    );
    assert_eq!(told(&[]), "");
}
