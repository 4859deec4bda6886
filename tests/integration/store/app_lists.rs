//! Which apps a list finds, and how many of them somebody should look at.

use portcullis::clock::UnixSeconds;
use portcullis::identity::{App, AppDescription, AppLink, AppStatus, Status, User};
use portcullis::store::{
    AppFilter, Committed, Counted, Holding, Page, StaleApps, Store, StoreLocation,
};

use super::pages::secret;
use super::{NOW, app, scope, user};

const DAY: i64 = 86_400;

/// An instant so many days before now.
fn ago(days: i64) -> UnixSeconds {
    NOW.plus(-days * DAY)
}

/// The keys that a filter finds, of pages with one app each.
async fn found(store: &Store, filter: &AppFilter) -> String {
    let (mut keys, mut after) = (Vec::new(), String::new());
    loop {
        let page = Page { after, limit: 1 };
        let listing = store.all_apps(filter, &page).await.unwrap();
        for owned in &listing.items {
            let key = owned.app.key.as_str();
            keys.push(key.strip_prefix("key-of-").unwrap().to_owned());
        }
        match listing.next {
            Some(next) => after = next,
            None => return keys.join(" "),
        }
    }
}

/// Apps by the names of what they are.
async fn furnish(store: &Store) -> (User, User) {
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let (alice, bobby) = (user("alice"), user("bobby"));
    for owner in [&alice, &bobby] {
        store.add_user(owner, "hash").await.unwrap();
    }
    for (name, owner, made, used) in [
        ("a-old", &alice, 400, None),
        ("b-used", &alice, 400, Some(1)),
        ("c-new", &alice, 1, None),
        ("d-long-unused", &bobby, 400, Some(90)),
        ("e-rotated", &bobby, 400, None),
        ("f-disabled", &bobby, 400, None),
    ] {
        let app = App {
            created_at: ago(made),
            ..app(name, owner)
        };
        store.add_app(&app, &secret(1)).await.unwrap();
        if let Some(used) = used {
            let key = std::slice::from_ref(&app.key);
            store.note_app_uses(key, ago(used)).await.unwrap();
        }
    }
    let mut change = store.change(ago(100)).await.unwrap();
    let rotated = app("e-rotated", &bobby);
    change
        .rotate_secret(&rotated.key, &secret(2), 0)
        .await
        .unwrap();
    let disabled = App {
        status: AppStatus::Disabled,
        ..app("f-disabled", &bobby)
    };
    change.update_app(&disabled).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    (alice, bobby)
}

pub(super) async fn filters(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, bobby) = furnish(&store).await;
    let all = AppFilter::default;
    let (unused, old) = (Some(ago(90)), Some(ago(365)));
    #[rustfmt::skip]
    let rows = [
        (all(), "a-old b-used c-new d-long-unused e-rotated f-disabled"),
        (AppFilter { owner: Some(alice.id.clone()), ..all() }, "a-old b-used c-new"),
        (AppFilter { status: Some(Status::Disabled), ..all() }, "f-disabled"),
        (AppFilter { unused_since: unused, ..all() }, "a-old d-long-unused e-rotated f-disabled"),
        // A second too late.
        (AppFilter { unused_since: Some(ago(90).plus(-1)), ..all() }, "a-old e-rotated f-disabled"),
        (AppFilter { secret_since: old, ..all() }, "a-old b-used d-long-unused f-disabled"),
        (AppFilter { secret_since: Some(ago(100)), ..all() }, "a-old b-used d-long-unused e-rotated f-disabled"),
        (AppFilter { secret_since: Some(ago(401)), ..all() }, ""),
        (AppFilter { unused_since: unused, secret_since: old, status: Some(Status::Active), owner: None }, "a-old d-long-unused"),
        (AppFilter { unused_since: unused, secret_since: old, status: Some(Status::Active), owner: Some(bobby.id.clone()) }, "d-long-unused"),
    ];
    for (filter, expected) in &rows {
        assert_eq!(found(&store, filter).await, *expected, "{filter:?}");
    }
    let [stale, stale_up_to_one] =
        [1000, 1].map(|bound| store.stale_apps(ago(90), ago(365), bound));
    let expected = StaleApps {
        unused: Counted::Exactly(3),
        old_secrets: Counted::Exactly(3),
    };
    assert_eq!(stale.await.unwrap(), expected);
    let expected = StaleApps {
        unused: Counted::MoreThan(1),
        old_secrets: Counted::MoreThan(1),
    };
    assert_eq!(stale_up_to_one.await.unwrap(), expected);
    // An app without a secret has no old one.
    let mut change = store.change(NOW).await.unwrap();
    let held = change.hold_with_apps(&alice.id, Holding::ToChange);
    held.await.unwrap();
    change.end_secrets_of(&alice.id).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let filter = AppFilter {
        secret_since: old,
        ..all()
    };
    assert_eq!(found(&store, &filter).await, "d-long-unused f-disabled");
    let ended = app("a-old", &alice).key;
    let ended = store.owned_app(&ended).await.unwrap().unwrap();
    assert_eq!(ended.app.secret_since, None);
}

pub(super) async fn words(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let shop = App {
        description: AppDescription::parse("Our shop\nsince 1999").unwrap(),
        link: Some(AppLink::parse("https://shop.example/#about").unwrap()),
        ..app("shop", &alice)
    };
    store.add_app(&shop, &secret(1)).await.unwrap();
    let kept = async || store.owned_app(&shop.key).await.unwrap().unwrap().app;
    assert_eq!(kept().await, shop);
    let silent = App {
        description: AppDescription::default(),
        link: None,
        ..shop.clone()
    };
    let mut change = store.change(NOW).await.unwrap();
    change.update_app(&silent).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(kept().await, silent);
}
