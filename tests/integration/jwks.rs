//! Remote key sets against servers that answer, fail, stall, flood and lie.

mod answers;

use std::future::{Future, poll_fn};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use portcullis::clock::{ManualClock, UnixSeconds};
use portcullis::jwks::{
    Change, FetchOutcome, JwksAddress, KeyLocation, Loaded, PlainText, RefreshAnswer,
    RemoteKeySettings, RemoteKeySource, RemoteKeyState, RemoteKeys, RemoteKeysError,
};
use portcullis::token::{JwksError, KeyHint, KeySetError};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::jwks_server::{Behaviour, JwksServer, PATIENCE, Pki, head, ok, ok_with};

const NEVER: Duration = Duration::from_hours(24);
const SHORT: Duration = Duration::from_millis(100);
/// A fetch is underway.
const SOON: RefreshAnswer = RefreshAnswer::Due(Duration::from_secs(1));
const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

const ISSUER: &str = "https://id.shop.example";

fn address(url: &str) -> JwksAddress {
    JwksAddress::parse(url, PlainText::Refused).unwrap()
}

/// Settings under which nothing happens by itself after the first load.
fn quiet(url: &str) -> RemoteKeySettings {
    let mut settings = RemoteKeySettings::new(KeyLocation::Address(address(url)));
    settings.refresh = NEVER;
    settings.cooldown = NEVER;
    settings.timeout = PATIENCE;
    settings
}

/// Settings that fetch all the time.
fn busy(url: &str) -> RemoteKeySettings {
    let mut settings = quiet(url);
    settings.refresh = SHORT;
    settings.cooldown = SHORT;
    settings
}

/// A key set under test, and the bodies that its sink accepted.
struct KeySet {
    remote: RemoteKeys,
    accepted: Arc<Mutex<Vec<String>>>,
}

impl KeySet {
    fn start(settings: &RemoteKeySettings) -> Self {
        Self::start_trusting(settings, None)
    }

    /// The same with roots in PEM.
    fn start_trusting(settings: &RemoteKeySettings, ca_pem: Option<&[u8]>) -> Self {
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let published = accepted.clone();
        let source = RemoteKeySource::new(ISSUER, settings, ca_pem).expect("roots");
        let clock = Arc::new(ManualClock::new(NOW));
        let sink = move |body: &[u8]| {
            assert_ne!(body, b"panic", "as asked");
            read_keys(body, &mut published.lock().unwrap())
        };
        let remote = RemoteKeys::start(&source, sink, clock, &Handle::current());
        Self { remote, accepted }
    }

    async fn loaded(settings: &RemoteKeySettings) -> Self {
        Self::start(settings).once_loaded().await
    }

    async fn once_loaded(self) -> Self {
        let loaded = tokio::time::timeout(PATIENCE, self.remote.loaded()).await;
        assert!(loaded.expect("the first load"));
        self
    }

    fn published(&self) -> Option<String> {
        self.accepted.lock().unwrap().last().cloned()
    }

    async fn state_where(&self, holds: impl FnMut(&RemoteKeyState) -> bool) -> RemoteKeyState {
        let mut state = self.remote.subscribe();
        let state = tokio::time::timeout(PATIENCE, state.wait_for(holds)).await;
        state.expect("the state").expect("the task").clone()
    }

    async fn failure(&self) -> (FetchOutcome, String) {
        let state = self
            .state_where(|state| state.consecutive_failures > 0)
            .await;
        let failure = state.last_failure.expect("a failure");
        assert_eq!(failure.at, NOW);
        (failure.outcome, failure.message)
    }

    async fn ask(&self) -> RefreshAnswer {
        self.look_for(PATIENCE).await
    }

    /// Looks for one and the same key.
    async fn look_for(&self, wait: Duration) -> RefreshAnswer {
        self.remote.look_for(KeyHint::of(Some("new")), wait).await
    }
}

/// In the place of a JWKS: the word `keys` and a word for each key.
fn read_keys(body: &[u8], published: &mut Vec<String>) -> Result<Loaded, KeySetError> {
    let text = std::str::from_utf8(body).map_err(|_| JwksError::NotAnObject)?;
    let names = text.strip_prefix("keys").ok_or(JwksError::NotAnObject)?;
    let keys = names.split_whitespace().count();
    if keys == 0 {
        return Err(KeySetError::NoUsableKey(Vec::new()));
    }
    let change = match published.last() {
        Some(last) if last == text => Change::Unchanged,
        _ => Change::Changed,
    };
    published.push(text.to_owned());
    Ok(Loaded { keys, change })
}

/// Runs all futures up to their first wait, then does `then`, then awaits them all.
async fn together<F: Future>(futures: Vec<F>, then: impl FnOnce()) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs = Vec::new();
    poll_fn(|context| {
        for future in &mut futures {
            assert!(future.as_mut().poll(context).is_pending());
        }
        Poll::Ready(())
    })
    .await;
    then();
    for future in futures {
        outputs.push(
            tokio::time::timeout(PATIENCE, future)
                .await
                .expect("an answer"),
        );
    }
    outputs
}

#[tokio::test]
async fn keys_are_loaded_at_start() {
    let server = JwksServer::start(ok("keys one two")).await;
    let keys = KeySet::loaded(&quiet(&server.url())).await;
    assert_eq!(keys.published().as_deref(), Some("keys one two"));
    let state = keys.remote.state();
    assert_eq!((state.keys, state.consecutive_failures), (2, 0));
    assert_eq!((state.last_success, state.last_failure), (Some(NOW), None));
    assert_eq!(state.fetches.of(FetchOutcome::Changed), 1);
    let request = server.requests().concat().to_ascii_lowercase();
    assert!(
        request.starts_with("get /jwks.json http/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("accept: application/jwk-set+json, application/json"));
    assert!(request.contains(&format!("host: {}\r\n", server.address())));
}

#[tokio::test]
async fn any_content_type_and_a_body_without_length_are_read() {
    let chunked =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nkeys \r\n3\r\none\r\n0\r\n\r\n";
    let until_close = b"HTTP/1.0 200 OK\r\n\r\nkeys one";
    for answer in [chunked.to_vec(), until_close.to_vec()] {
        let server = JwksServer::start(Behaviour::Answer(answer)).await;
        let keys = KeySet::loaded(&quiet(&server.url())).await;
        assert_eq!(keys.published().as_deref(), Some("keys one"));
    }
}

#[tokio::test]
async fn a_rotation_is_picked_up_behind() {
    let server = JwksServer::start(ok("keys one")).await;
    let keys = KeySet::loaded(&busy(&server.url())).await;
    keys.state_where(|state| state.fetches.of(FetchOutcome::Unchanged) > 0)
        .await;
    server.behave(ok("keys one two"));
    keys.state_where(|state| state.keys == 2).await;
    assert_eq!(keys.published().as_deref(), Some("keys one two"));
}

#[tokio::test]
async fn max_age_shortens_the_refresh() {
    let server =
        JwksServer::start(ok_with("Cache-Control: public, max-age=0\r\n", "keys one")).await;
    let mut settings = quiet(&server.url());
    settings.cooldown = SHORT;
    let _keys = KeySet::loaded(&settings).await;
    server.wait_for_requests(3).await;
}

#[tokio::test]
async fn a_hundred_callers_share_one_fetch_for_a_rotated_key() {
    let server = JwksServer::start(ok("keys one")).await;
    let keys = KeySet::loaded(&quiet(&server.url())).await;
    server.behave(Behaviour::AnswerWhenReleased(
        b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nkeys one two".to_vec(),
    ));
    // The first caller starts the fetch, which cannot end before its release.
    let first = keys.look_for(Duration::ZERO).await;
    assert_eq!(first, SOON);
    server.wait_for_requests(2).await;
    let callers = (0..100).map(|_| keys.ask()).collect();
    let answers = together(callers, || server.release()).await;
    assert!(
        answers
            .iter()
            .all(|&answer| answer == RefreshAnswer::Refreshed),
        "{answers:?}"
    );
    assert_eq!(keys.published().as_deref(), Some("keys one two"));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn callers_beyond_the_bound_are_sent_away() {
    let server = JwksServer::start(Behaviour::Stall).await;
    let keys = KeySet::start(&quiet(&server.url()));
    server.wait_for_requests(1).await;
    let callers = (0..1024).map(|_| keys.look_for(SHORT)).collect();
    let one_too_many = keys.ask();
    let mut answer = None;
    let answers = together(callers, || {
        let mut one_too_many = std::pin::pin!(one_too_many);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        answer = Some(one_too_many.as_mut().poll(&mut context));
    })
    .await;
    assert_eq!(answer, Some(Poll::Ready(SOON)));
    assert!(answers.iter().all(|&answer| answer == SOON));
    // Their seats are free again.
    assert_eq!(keys.look_for(SHORT).await, SOON);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_costs_one_fetch_per_cooldown() {
    let server = JwksServer::start(ok("keys one")).await;
    let mut settings = quiet(&server.url());
    settings.cooldown = SHORT;
    let started = Instant::now();
    let keys = KeySet::loaded(&settings).await;
    let flood = async {
        while server.requests().len() < 5 {
            keys.ask().await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, flood)
        .await
        .expect("three cooldowns");
    assert!(started.elapsed() >= SHORT * 3, "{:?}", started.elapsed());
}

#[tokio::test]
async fn within_the_cooldown_nobody_fetches_and_what_was_asked_is_answered() {
    let server = JwksServer::start(ok("keys one")).await;
    let keys = KeySet::loaded(&quiet(&server.url())).await;
    // That the keys were fetched at the start does not count.
    assert_eq!(keys.ask().await, RefreshAnswer::Refreshed);
    assert!(keys.remote.has_answered(KeyHint::of(Some("new"))));
    for number in 0..1000 {
        assert_eq!(keys.ask().await, RefreshAnswer::Answered);
        let other = KeyHint::of(Some(&format!("other {number}")));
        assert!(!keys.remote.has_answered(other));
        let due = keys.remote.look_for(other, PATIENCE).await;
        assert!(matches!(due, RefreshAnswer::Due(after) if after > NEVER / 2));
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_key_asked_for_within_the_cooldown_is_looked_for_when_it_ends() {
    let server = JwksServer::start(ok("keys one")).await;
    let mut settings = quiet(&server.url());
    settings.cooldown = SHORT;
    let keys = KeySet::loaded(&settings).await;
    assert_eq!(keys.ask().await, RefreshAnswer::Refreshed);
    // On a slow machine the cooldown may be over before somebody asks: then there was another fetch.
    let mut fetches = 2;
    for number in 0.. {
        let late = KeyHint::of(Some(&format!("late {number}")));
        match keys.remote.look_for(late, PATIENCE).await {
            RefreshAnswer::Due(_) => break,
            RefreshAnswer::Refreshed => fetches += 1,
            RefreshAnswer::Answered => panic!("nobody has asked for this key before"),
        }
    }
    // Nobody asks again.
    server.wait_for_requests(fetches + 1).await;
}

#[tokio::test]
async fn a_failed_fetch_starts_a_cooldown_too_and_answers_nothing() {
    let server = JwksServer::start(head("500 Oops")).await;
    let mut settings = quiet(&server.url());
    settings.cooldown = NEVER;
    let keys = KeySet::start(&settings);
    keys.failure().await;
    for _ in 0..2 {
        let due = keys.ask().await;
        assert!(
            matches!(due, RefreshAnswer::Due(after) if after > NEVER / 2),
            "{due:?}"
        );
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_fetch_to_the_others() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nkeys one".to_vec();
    let server = JwksServer::start(Behaviour::AnswerWhenReleased(answer)).await;
    let keys = KeySet::start(&quiet(&server.url()));
    server.wait_for_requests(1).await;
    assert_eq!(keys.look_for(SHORT).await, SOON);
    let dropped = poll_fn(|context| {
        let mut caller = Box::pin(keys.ask());
        Poll::Ready(caller.as_mut().poll(context))
    });
    assert!(dropped.await.is_pending());
    let answers = together(vec![keys.ask()], || server.release()).await;
    // What was on its way before the question says nothing about the key; the next fetch does.
    assert_eq!(answers, [SOON]);
    assert_eq!(keys.ask().await, RefreshAnswer::Refreshed);
    assert_eq!(server.requests().len(), 2);
}

/// An issuer that takes longer to answer than the cooldown lasts is asked once for all who wait.
#[tokio::test]
async fn a_fetch_that_outlasts_the_cooldown_is_not_made_twice() {
    let server = JwksServer::start(ok("keys one")).await;
    let mut settings = quiet(&server.url());
    settings.cooldown = SHORT;
    let keys = KeySet::loaded(&settings).await;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nkeys one new".to_vec();
    server.behave(Behaviour::AnswerWhenReleased(answer));
    let asking = async {
        let first = keys.ask();
        let second = async {
            server.wait_for_requests(2).await;
            keys.ask().await
        };
        let release = async {
            server.wait_for_requests(2).await;
            // The cooldown began before the request came.
            let came = Instant::now();
            while came.elapsed() <= SHORT {
                tokio::task::yield_now().await;
            }
            server.release();
        };
        tokio::join!(first, second, release)
    };
    let (first, second, ()) = asking.await;
    assert_eq!(
        (first, second),
        (RefreshAnswer::Refreshed, RefreshAnswer::Refreshed)
    );
    assert_eq!(keys.published().as_deref(), Some("keys one new"));
    assert_eq!(server.requests().len(), 2);
}

/// Nobody makes a second fetch beside a scheduled one: what it brings may have the key.
#[tokio::test]
async fn a_caller_waits_for_the_scheduled_fetch_that_is_underway() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nkeys new".to_vec();
    let server = JwksServer::start(Behaviour::AnswerWhenReleased(answer)).await;
    let keys = KeySet::start(&quiet(&server.url()));
    server.wait_for_requests(1).await;
    let answers = together(vec![keys.ask(), keys.ask()], || {
        assert_eq!(server.requests().len(), 1);
        server.release();
    });
    // The caller looks its key up again, whatever it is told: the keys are there by then.
    assert_eq!(answers.await, [SOON, SOON]);
    assert_eq!(keys.published().as_deref(), Some("keys new"));
}

#[tokio::test]
async fn a_failure_keeps_the_keys_and_recovers() {
    let server = JwksServer::start(ok("keys one")).await;
    let keys = KeySet::loaded(&busy(&server.url())).await;
    for (behaviour, outcome) in [
        (head("500 Oops"), FetchOutcome::BadStatus),
        (head("204 Nothing"), FetchOutcome::BadStatus),
        (head("304 Same"), FetchOutcome::BadStatus),
        (ok("<html>"), FetchOutcome::Unusable),
        (ok(""), FetchOutcome::Unusable),
        (ok("keys"), FetchOutcome::Unusable),
        (ok("panic"), FetchOutcome::Unusable),
        (Behaviour::Answer(Vec::new()), FetchOutcome::Unreachable),
        (
            Behaviour::Answer(b"SSH-2.0\r\n\r\n".to_vec()),
            FetchOutcome::Unreachable,
        ),
        (
            Behaviour::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nkeys x".to_vec()),
            FetchOutcome::Unreachable,
        ),
    ] {
        let before = keys.remote.state().fetches.of(outcome);
        server.behave(behaviour.clone());
        let state = keys
            .state_where(|state| state.fetches.of(outcome) > before)
            .await;
        assert_eq!(
            (state.keys, state.last_success),
            (1, Some(NOW)),
            "{behaviour:?}"
        );
        assert_eq!(keys.published().as_deref(), Some("keys one"));
        server.behave(ok("keys one"));
        keys.state_where(|state| state.consecutive_failures == 0)
            .await;
    }
}

#[tokio::test]
async fn a_server_that_comes_up_late_is_found() {
    // An address of its own, so that nobody takes the port meanwhile.
    let [low, high, ..] = std::process::id().to_le_bytes();
    let address = (Ipv4Addr::new(127, 91, high, low.max(1)), 0);
    let closed = TcpListener::bind(address).await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let mut settings = quiet(&format!("http://{address}/jwks.json"));
    settings.cooldown = SHORT;
    let keys = KeySet::start(&settings);
    let (outcome, message) = keys.failure().await;
    assert_eq!(outcome, FetchOutcome::Unreachable);
    assert!(message.contains("refused"), "{message}");
    let listener = TcpListener::bind(address).await.unwrap();
    let _server = JwksServer::start_on(listener, ok("keys one"));
    keys.state_where(|state| state.keys == 1).await;
}

#[tokio::test]
async fn the_right_ca_is_accepted() {
    let pki = Pki::new(&["127.0.0.1"]);
    let server = JwksServer::start_tls(ok("keys one"), &pki).await;
    let settings = quiet(&server.https_url());
    let keys = KeySet::start_trusting(&settings, Some(&pki.ca_pem))
        .once_loaded()
        .await;
    assert_eq!(keys.published().as_deref(), Some("keys one"));
}

#[tokio::test]
async fn a_wrong_certificate_is_refused() {
    let (pki, other) = (Pki::new(&["127.0.0.1"]), Pki::new(&["127.0.0.1"]));
    let misnamed = Pki::new(&["id.shop.example"]);
    for (served, trusted) in [
        (&pki, Some(&*other.ca_pem)),
        (&misnamed, Some(&*misnamed.ca_pem)),
        // The roots of the system do not know it.
        (&pki, None),
    ] {
        let server = JwksServer::start_tls(ok("keys stolen"), served).await;
        let settings = quiet(&server.https_url());
        let source = RemoteKeySource::new(ISSUER, &settings, trusted);
        if matches!(source, Err(RemoteKeysError::NoSystemRoots { .. })) {
            continue;
        }
        let keys = KeySet::start_trusting(&settings, trusted);
        let (outcome, message) = keys.failure().await;
        assert_eq!(outcome, FetchOutcome::Unreachable);
        assert!(message.contains("certificate"), "{message}");
        assert!(server.requests().is_empty());
        assert_eq!(keys.published(), None);
    }
}

#[tokio::test]
async fn plain_http_is_not_spoken_to_an_https_url() {
    let server = JwksServer::start(ok("keys stolen")).await;
    let mut settings = busy(&server.https_url());
    settings.timeout = Duration::from_millis(300);
    let ca_pem = Pki::new(&["127.0.0.1"]).ca_pem;
    let keys = KeySet::start_trusting(&settings, Some(&ca_pem));
    keys.failure().await;
    assert_eq!(keys.published(), None);
}

#[tokio::test]
async fn localhost_is_reached_over_plain_http() {
    let server = JwksServer::start(ok("keys one")).await;
    let port = server.address().port();
    KeySet::loaded(&quiet(&format!("http://localhost:{port}/jwks.json"))).await;
}

#[test]
fn plain_http_to_another_machine_is_refused_at_construction() {
    let refused = JwksAddress::parse("http://id.shop.example/jwks.json", PlainText::Refused)
        .expect_err("plain http");
    assert!(refused.to_string().contains("id.shop.example"), "{refused}");
    assert!(refused.to_string().contains("https"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_another_runtime_are_answered() {
    let server = JwksServer::start(ok("keys one")).await;
    let control = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let source = RemoteKeySource::new(ISSUER, &busy(&server.url()), None).unwrap();
    let sink = |body: &[u8]| read_keys(body, &mut Vec::new());
    let clock = Arc::new(ManualClock::new(NOW));
    let remote = RemoteKeys::start(&source, sink, clock, control.handle());
    let caller = tokio::spawn(async move {
        let key = KeyHint::of(Some("new"));
        while remote.look_for(key, PATIENCE).await != RefreshAnswer::Refreshed {
            tokio::task::yield_now().await;
        }
    });
    let answered = tokio::time::timeout(PATIENCE, caller).await;
    answered.unwrap().unwrap();
    control.shutdown_background();
}

#[tokio::test]
async fn once_stopped_the_sink_stays_silent_and_callers_are_answered() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nkeys late".to_vec();
    let server = JwksServer::start(Behaviour::AnswerWhenReleased(answer)).await;
    let keys = KeySet::start(&quiet(&server.url()));
    server.wait_for_requests(1).await;
    let answers = together(vec![keys.ask()], || {
        keys.remote.stop();
        server.release();
    })
    .await;
    assert_eq!(answers, [SOON]);
    server.wait_for_closed(1).await;
    assert_eq!(keys.published(), None);
    assert_eq!(keys.ask().await, SOON);
}

#[tokio::test]
async fn dropping_ends_the_task() {
    let server = JwksServer::start(Behaviour::Stall).await;
    let keys = KeySet::start(&quiet(&server.url()));
    server.wait_for_requests(1).await;
    let mut state = keys.remote.subscribe();
    drop(keys);
    let ended = tokio::time::timeout(PATIENCE, state.changed()).await;
    assert!(ended.expect("the end").is_err());
    server.wait_for_closed(1).await;
}
