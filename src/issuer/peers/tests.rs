use super::*;
use crate::clock::ManualClock;
use crate::issuer::settings::tests::read;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// An issuer on the store with these keys in its section.
fn issuer(store: &Store, clock: &Arc<ManualClock>, keys: &str) -> Peers {
    let settings = read(keys).unwrap();
    Peers::new(store.clone(), &settings, Arc::clone(clock) as _).unwrap()
}

fn settings_of(peers: &Peers) -> Vec<String> {
    let seen = peers.seen().disagreements;
    let told = seen
        .iter()
        .map(|one| format!("{}: {} {}", one.setting, one.own, one.other));
    told.collect()
}

#[tokio::test]
async fn issuers_see_in_what_they_differ_until_one_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let location = crate::store::StoreLocation::Sqlite(folder.path().join("store.db"));
    let store = Store::open(&location).await.unwrap();
    let clock = Arc::new(ManualClock::new(NOW));
    assert_eq!(last_run(&store, NOW).await.unwrap(), LastRun::Unknown);
    let strict = "passkeys: {required_for: administrators}, registration: closed";
    let (first, second) = (issuer(&store, &clock, strict), issuer(&store, &clock, ""));
    first.meet().await.unwrap();
    assert_eq!((first.seen().others, settings_of(&first)), (0, Vec::new()));
    second.meet().await.unwrap();
    first.meet().await.unwrap();
    let expected = [
        "issuer.passkeys.required_for: administrators nobody",
        "issuer.registration: closed open",
    ];
    assert_eq!(settings_of(&first), expected);
    assert_eq!(settings_of(&second).len(), 2);
    let alike = issuer(&store, &clock, strict);
    alike.meet().await.unwrap();
    second.leave().await.unwrap();
    first.meet().await.unwrap();
    assert_eq!((first.seen().others, settings_of(&first)), (1, Vec::new()));
    // One that has died says nothing any more.
    clock.advance(SILENT_AFTER_SECONDS + 1);
    assert_eq!(
        last_run(&store, clock.now()).await.unwrap(),
        LastRun::At(NOW)
    );
    first.meet().await.unwrap();
    assert_eq!(first.seen().others, 0);
    assert_eq!(last_run(&store, clock.now()).await.unwrap(), LastRun::Now);
    clock.advance(FORGOTTEN_AFTER_SECONDS);
    first.meet().await.unwrap();
    assert_eq!(store.instances().await.unwrap().len(), 1);
}

#[test]
fn what_another_release_says_is_compared_as_far_as_both_know_it() {
    let settings = read("").unwrap();
    let own = Announcement::of(&settings, NOW);
    let text = own
        .to_text()
        .replace("issuer.registration", "issuer.enrolment");
    let other = Announcement::read(&text.replace("{\"host\"", "{\"more\":1,\"host\"")).unwrap();
    assert!(own.disagreements(&[other]).is_empty());
    assert!(Announcement::read("{}").is_none());
    let text = own
        .to_text()
        .replace("https://id.shop.example", "https://id.example");
    let other = Announcement::read(&text).unwrap();
    let found = own.disagreements(&[other]);
    let settings: Vec<&str> = found.iter().map(|one| &*one.setting).collect();
    assert_eq!(settings, [URL_SETTING]);
}
