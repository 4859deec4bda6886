use super::*;
use crate::identity::{AppStatus, RequiredFor, samples};

const POSITION: LogPosition = LogPosition(10);

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

fn user(name: &str, scopes: &str) -> User {
    User {
        scopes: set(scopes),
        as_of: LogPosition(20),
        ..samples::user(name)
    }
}

fn app(owner: &User, scopes: &str) -> App {
    App {
        scopes: set(scopes),
        ..samples::app(owner.id.as_str())
    }
}

/// Alice's grant of `a b` to an app of Bob, who has all that the app may have.
struct Case {
    user: Option<User>,
    app: Option<App>,
    owner: User,
}

impl Case {
    fn new() -> Self {
        let owner = user("bobby", "a b c");
        Self {
            user: Some(user("alice", "a b c")),
            app: Some(app(&owner, "a b c")),
            owner,
        }
    }

    fn user(&mut self) -> &mut User {
        self.user.as_mut().unwrap()
    }

    fn app(&mut self) -> &mut App {
        self.app.as_mut().unwrap()
    }

    fn worth(&self, of_app: Option<&AppKey>) -> Result<String, GrantError> {
        let grant = Grant {
            id: GrantId::known("grant"),
            user: UserId::known("alice"),
            app: of_app.cloned(),
            scopes: set("a b"),
            audiences: Audiences::All,
            position: POSITION,
        };
        let parties = Parties {
            user: self.user.as_ref(),
            app: self.app.as_ref().map(|app| (app, &self.owner)),
            required: RequiredFor::Nobody,
        };
        let worth = grant.entitlement().worth(parties);
        worth.map(|scopes| scopes.to_string())
    }
}

/// What has happened since; what a grant to the app is worth; and a login.
struct Row {
    since: &'static str,
    happens: fn(&mut Case),
    to_app: Result<&'static str, GrantError>,
    to_login: Result<&'static str, GrantError>,
}

fn row(
    since: &'static str,
    happens: fn(&mut Case),
    to_app: Result<&'static str, GrantError>,
    to_login: Result<&'static str, GrantError>,
) -> Row {
    Row {
        since,
        happens,
        to_app,
        to_login,
    }
}

#[test]
#[rustfmt::skip]
fn what_a_grant_is_worth_in_every_state_of_user_app_and_owner() {
    use GrantError::{AppDeleted, AppDisabled, NothingLeft, OwnerDisabled, Revoked, UserDeleted, UserDisabled};
    const BEFORE: LogPosition = LogPosition(POSITION.0 - 1);
    const BEYOND: LogPosition = LogPosition(POSITION.0 + 1);
    let nothing_of_user = Err(NothingLeft(NoScopeError::User));
    let rows = [
        row("nothing",                        |_| {},                                          Ok("a b"), Ok("a b")),
        row("the user has less",              |case| case.user().scopes = set("b c"),          Ok("b"), Ok("b")),
        row("the user has nothing",           |case| case.user().scopes = set(""),             nothing_of_user, nothing_of_user),
        row("the user has other scopes",      |case| case.user().scopes = set("c"),            Err(NothingLeft(NoScopeError::Requested)), Err(NothingLeft(NoScopeError::Requested))),
        row("the user has more",              |case| case.user().scopes = set("a b c d"),      Ok("a b"), Ok("a b")),
        row("the user is disabled",           |case| case.user().status = Status::Disabled,    Err(UserDisabled), Err(UserDisabled)),
        row("the user is deleted",            |case| case.user = None,                         Err(UserDeleted), Err(UserDeleted)),
        row("it is another user",             |case| case.user = Some(user("carol", "a b")),   Err(UserDeleted), Err(UserDeleted)),
        row("the user was revoked later",     |case| case.user().revoked_through = BEYOND, Err(Revoked), Err(Revoked)),
        row("the user was revoked before",    |case| case.user().revoked_through = BEFORE, Ok("a b"), Ok("a b")),
        row("the position is the revocation's", |case| case.user().revoked_through = POSITION, Ok("a b"), Ok("a b")),
        row("the app has less",               |case| case.app().scopes = set("a c"),           Ok("a"), Ok("a b")),
        row("the app has nothing",            |case| case.app().scopes = set(""),              Err(NothingLeft(NoScopeError::App)), Ok("a b")),
        row("the app is disabled",            |case| case.app().status = AppStatus::Disabled,  Err(AppDisabled), Ok("a b")),
        row("its owner has disabled the app", |case| case.app().status = AppStatus::DisabledByOwner, Err(AppDisabled), Ok("a b")),
        row("the app is deleted",             |case| case.app = None,                          Err(AppDeleted), Ok("a b")),
        row("it is another app",              |case| case.app().key = AppKey::known("other"),  Err(AppDeleted), Ok("a b")),
        row("the app was revoked later",      |case| case.app().revoked_through = BEYOND, Err(Revoked), Ok("a b")),
        row("the app was revoked before",     |case| case.app().revoked_through = BEFORE, Ok("a b"), Ok("a b")),
        row("the owner has less",             |case| case.owner.scopes = set("b"),             Ok("b"), Ok("a b")),
        row("the owner has nothing",          |case| case.owner.scopes = set(""),              Err(NothingLeft(NoScopeError::App)), Ok("a b")),
        row("the owner is disabled",          |case| case.owner.status = Status::Disabled,     Err(OwnerDisabled), Ok("a b")),
        // What the owner's own tokens lose is not what others got through its app: the log has a row for each.
        row("the owner was revoked later",    |case| case.owner.revoked_through = BEYOND, Ok("a b"), Ok("a b")),
        row("user and app have nothing in common", |case| { case.user().scopes = set("a"); case.app().scopes = set("b"); }, Err(NothingLeft(NoScopeError::App)), Ok("a")),
        row("disabled counts before revoked", |case| { case.user().status = Status::Disabled; case.user().revoked_through = BEYOND; }, Err(UserDisabled), Err(UserDisabled)),
        row("revoked counts before empty",    |case| { case.user().scopes = set(""); case.user().revoked_through = BEYOND; }, Err(Revoked), Err(Revoked)),
    ];
    for Row { since, happens, to_app, to_login } in rows {
        let mut case = Case::new();
        happens(&mut case);
        let worth = case.worth(Some(&AppKey::known("shop")));
        assert_eq!(worth.as_deref().map_err(|error| *error), to_app, "{since}");
        let worth = case.worth(None);
        assert_eq!(worth.as_deref().map_err(|error| *error), to_login, "{since}, login");
    }
}

/// What is left where an app or none, and a user, have these.
fn granted(
    asked: &str,
    app_scopes: Option<&str>,
    user_scopes: &str,
) -> Result<String, NoScopeError> {
    let asked = RequestedScopes::parse((!asked.is_empty()).then_some(asked)).unwrap();
    let alice = user("alice", user_scopes);
    let app = app_scopes.map(|scopes| app(&alice, scopes));
    let owner = User {
        scopes: app_scopes.map(set).unwrap_or_default(),
        ..alice.clone()
    };
    let entitlement = Entitlement {
        user: &alice.id,
        app: app.as_ref().map(|app| &app.key),
        extent: Extent::from(&asked),
        position: alice.as_of,
    };
    let parties = Parties {
        user: Some(&alice),
        app: app.as_ref().map(|app| (app, &owner)),
        required: RequiredFor::Nobody,
    };
    match entitlement.worth(parties) {
        Ok(scopes) => Ok(scopes.to_string()),
        Err(GrantError::NothingLeft(reason)) => Err(reason),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn granted_is_asked_within_app_within_user() {
    let rows = [
        // asked, app, user, granted
        ("", None, "a b", Some("a b")),
        ("", Some("a"), "a b", Some("a")),
        ("", Some("a b c"), "a b", Some("a b")),
        ("a", Some("a b"), "a b", Some("a")),
        ("a c", Some("a b c"), "a b", Some("a")),
        ("c", Some("a b c"), "a b", None),
        ("b", Some("a"), "a b", None),
        ("a", Some(""), "a b", None),
        ("a", None, "", None),
        ("", None, "", None),
        ("A", None, "a", None),
        ("orders", None, "orders.read", None),
        ("a,b", None, "a b", Some("a b")),
        (" a ,, b ", None, "a b", Some("a b")),
        ("a a", None, "a b", Some("a")),
    ];
    for (asked, app, user, expected) in rows {
        let granted = granted(asked, app, user).ok();
        assert_eq!(
            granted.as_deref(),
            expected,
            "{asked:?} of {app:?} of {user}"
        );
    }
}

#[test]
fn nothing_is_granted_for_one_reason_each() {
    let rows = [
        ("a", Some("a"), "", NoScopeError::User),
        ("", None, "", NoScopeError::User),
        ("a", Some(""), "a", NoScopeError::App),
        ("a", Some("b"), "a", NoScopeError::App),
        ("b", Some("a b"), "a", NoScopeError::Requested),
        ("b", None, "a", NoScopeError::Requested),
    ];
    for (asked, app, user, expected) in rows {
        let granted = granted(asked, app, user);
        assert_eq!(granted, Err(expected), "{asked:?} {app:?} {user}");
    }
}

#[test]
fn a_later_request_gets_what_it_asks_for_of_what_is_left() {
    let asked = |text| RequestedScopes::Some(set(text));
    assert_eq!(RequestedScopes::All.among(&set("a b")), Ok(set("a b")));
    assert_eq!(asked("b c").among(&set("a b")), Ok(set("b")));
    assert_eq!(asked("c").among(&set("a b")), Err(NoScopeError::Requested));
}

#[test]
fn ids_of_later_grants_are_greater() {
    let id = |seconds, byte| GrantId::from_random(UnixSeconds(seconds), [byte; 12]);
    assert!(id(1_800_000_000, 255) < id(1_800_000_001, 0));
    assert_ne!(id(1_800_000_000, 1), id(1_800_000_000, 2));
}
