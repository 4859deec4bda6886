use super::*;
use crate::identity::{Username, samples};

fn owned_by(owner: &str) -> OwnedApp {
    let app = samples::app(owner);
    let owner = Username::parse(owner).unwrap();
    OwnedApp { app, owner }
}

/// Whoever deals with its own apps is not told whether others exist.
#[test]
fn an_app_of_somebody_else_is_not_found() {
    let alice = samples::user("alice");
    let known = |of: AppsOf<'_>, found| of.known(found).is_ok();
    assert!(known(AppsOf::User(&alice), Some(owned_by("alice"))));
    assert!(!known(AppsOf::User(&alice), Some(owned_by("bob"))));
    assert!(!known(AppsOf::User(&alice), None));
    assert!(known(AppsOf::Everybody, Some(owned_by("bob"))));
    assert!(!known(AppsOf::Everybody, None));
    let error = |found| AppsOf::User(&alice).known(found).err().unwrap().to_string();
    assert_eq!(error(Some(owned_by("bob"))), error(None));
}

#[test]
fn an_owner_enables_what_no_administrator_has_disabled() {
    use AppStatus::{Active, Disabled, DisabledByOwner};
    let alice = samples::user("alice");
    let (own, all) = (AppsOf::User(&alice), AppsOf::Everybody);
    let rows = [
        (own, Active, Status::Disabled, Some(DisabledByOwner)),
        (
            own,
            DisabledByOwner,
            Status::Disabled,
            Some(DisabledByOwner),
        ),
        (own, Disabled, Status::Disabled, Some(Disabled)),
        (own, Active, Status::Active, Some(Active)),
        (own, DisabledByOwner, Status::Active, Some(Active)),
        (own, Disabled, Status::Active, None),
        (all, Active, Status::Disabled, Some(Disabled)),
        (all, DisabledByOwner, Status::Disabled, Some(Disabled)),
        (all, Disabled, Status::Disabled, Some(Disabled)),
        (all, Active, Status::Active, Some(Active)),
        (all, DisabledByOwner, Status::Active, Some(Active)),
        (all, Disabled, Status::Active, Some(Active)),
    ];
    for (number, (of, before, wanted, expected)) in rows.into_iter().enumerate() {
        let after = of.set_status(before, wanted).ok();
        assert_eq!(after, expected, "row {number}: {before:?} {wanted:?}");
    }
}

#[test]
fn redirect_uris_are_bounded_and_each_is_one() {
    let uris = |count: usize| vec!["https://a.example/back".to_owned(); count];
    assert_eq!(
        redirect_uris(&uris(MAX_REDIRECT_URIS)).unwrap().len(),
        MAX_REDIRECT_URIS
    );
    let many = redirect_uris(&uris(MAX_REDIRECT_URIS + 1));
    assert!(matches!(many, Err(DirectoryError::TooManyRedirectUris)));
    let bad = redirect_uris(&["https://a.example/#top".to_owned()]);
    assert!(matches!(bad, Err(DirectoryError::App(_))));
}

#[test]
fn a_list_of_scopes_is_given_as_a_whole_or_in_part() {
    let update = |json: &str| serde_json::from_str::<AppUpdate>(json).unwrap();
    let both = update(r#"{"scopes": ["a"], "add_scopes": ["b"]}"#);
    assert!(matches!(
        both.scope_update(),
        Err(DirectoryError::AllAndSome("scopes"))
    ));
    let part = update(r#"{"add_scopes": ["b"], "remove_scopes": ["a"]}"#);
    assert!(part.scope_update().is_ok());
    // Null is a value, and no list.
    assert!(serde_json::from_str::<AppUpdate>(r#"{"scopes": null}"#).is_err());
}
