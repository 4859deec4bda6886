use super::*;
use crate::clock::SystemClock;
use crate::issuer::peers::Peers;
use crate::issuer::settings::tests::read;
use crate::store::StoreLocation;
use crate::token::RevocationTarget;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grows_while_it_is_looked_at_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let place = StoreLocation::parse("sqlite:store.db", folder.path()).unwrap();
    let store = Store::open(&place).await.unwrap();
    let url = "https://id.shop.example";
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = read("").unwrap();
    let peers = Peers::new(store.clone(), &settings, Arc::clone(&clock)).unwrap();
    let health = StoreHealth::opened(store.clone(), peers, Arc::clone(&clock));
    let follower = LogFollower::start(
        Arc::new(health),
        url,
        RevocationList::new(1000),
        Arc::new(SteadyClock::new(Arc::clone(&clock))),
        clock,
    );
    let follower = Arc::new(follower.await.unwrap());
    let growing = tokio::spawn({
        let (store, follower) = (store.clone(), Arc::clone(&follower));
        async move {
            for number in 0..300 {
                let token = RevocationTarget::Token(format!("token-{number}"));
                store.revoke(&token, SystemClock.now()).await.unwrap();
                follower.catch_up().await.unwrap();
            }
        }
    });
    while !growing.is_finished() {
        let found = follower.check_log(SystemClock.now()).await;
        assert_eq!(found.unwrap(), Log::Same);
    }
    growing.await.unwrap();
}
