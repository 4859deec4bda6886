use futures_util::FutureExt;

use super::*;

const COOLDOWN: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_nanos(1);

fn key(name: &str) -> KeyHint {
    KeyHint::of(Some(name))
}

fn flight() -> (Flight, Instant) {
    (Flight::new(COOLDOWN), Instant::now())
}

fn join(flight: &Flight, key: KeyHint, now: Instant) -> Seat {
    flight.join(key, Presence::Missing, now)
}

/// The fetch of this number, which answers what was asked.
fn fetch_of(number: u64) -> Seat {
    Seat::Fetch(Awaited {
        number,
        answered_by: number,
    })
}

/// A whole fetch, as the task makes it.
fn fetch(flight: &Flight, now: Instant, ending: Ending) {
    flight.start();
    flight.begin(now);
    flight.finish(ending);
}

#[test]
fn callers_share_the_fetch_that_is_underway() {
    let (flight, now) = flight();
    assert_eq!(join(&flight, key("a"), now), fetch_of(1));
    assert_eq!(join(&flight, key("a"), now), fetch_of(1));
    assert_eq!(join(&flight, key("b"), now + COOLDOWN * 2), fetch_of(1));
    assert!(flight.is_underway());
    flight.begin(now);
    flight.finish(Ending::Fetched);
    assert!(!flight.is_underway());
}

#[test]
fn a_key_is_missing_once_the_issuer_was_asked_after_it_was_named() {
    let (flight, now) = flight();
    assert_eq!(join(&flight, key("a"), now), fetch_of(1));
    flight.begin(now);
    // Named when the request was already on its way: its answer says nothing about this one.
    let after = Awaited {
        number: 1,
        answered_by: 2,
    };
    assert_eq!(join(&flight, key("b"), now), Seat::Fetch(after));
    flight.finish(Ending::Fetched);
    assert!(!flight.has_answered(after));
    assert!(flight.is_answered(key("a"), now));
    assert_eq!(join(&flight, key("a"), now), Seat::Answered);
    assert!(!flight.is_answered(key("b"), now));
    assert_eq!(
        join(&flight, key("b"), now + MOMENT),
        Seat::Due(COOLDOWN.saturating_sub(MOMENT))
    );
    assert_eq!(flight.due(now), Some(now + COOLDOWN));
    // The fetch that follows by itself answers it.
    let later = now + COOLDOWN;
    fetch(&flight, later, Ending::Fetched);
    assert_eq!(flight.due(later), None);
    assert!(flight.has_answered(after));
    assert_eq!(join(&flight, key("b"), later + MOMENT), Seat::Answered);
    assert_eq!(
        join(&flight, key("c"), later + MOMENT),
        Seat::Due(COOLDOWN.saturating_sub(MOMENT))
    );
}

#[test]
fn what_is_missing_is_asked_for_again_after_the_cooldown() {
    let (flight, now) = flight();
    join(&flight, key("a"), now);
    flight.begin(now);
    flight.finish(Ending::Fetched);
    assert_eq!(
        join(&flight, key("a"), now + COOLDOWN.saturating_sub(MOMENT)),
        Seat::Answered
    );
    assert!(!flight.is_answered(key("a"), now + COOLDOWN));
    assert_eq!(join(&flight, key("a"), now + COOLDOWN), fetch_of(2));
}

#[test]
fn a_failed_fetch_answers_nothing() {
    let (flight, now) = flight();
    join(&flight, key("a"), now);
    flight.begin(now);
    flight.finish(Ending::Failed);
    assert!(!flight.is_answered(key("a"), now));
    assert_eq!(join(&flight, key("a"), now), Seat::Due(COOLDOWN));
    assert_eq!(flight.due(now), Some(now + COOLDOWN));
}

#[test]
fn a_scheduled_fetch_answers_what_was_asked_before_it_and_starts_no_cooldown_of_its_own() {
    let (flight, now) = flight();
    fetch(&flight, now, Ending::Fetched);
    assert_eq!(join(&flight, key("a"), now), fetch_of(2));
    flight.begin(now);
    flight.finish(Ending::Fetched);
    assert_eq!(join(&flight, key("b"), now), Seat::Due(COOLDOWN));
    // A refresh within the cooldown.
    fetch(&flight, now + MOMENT, Ending::Fetched);
    assert_eq!(join(&flight, key("b"), now + MOMENT), Seat::Answered);
    assert_eq!(flight.rest(now + MOMENT), COOLDOWN.saturating_sub(MOMENT));
}

/// Where the fetch outlasts the cooldown, what it brought counts for all who waited, even if one of
/// them has asked for the next one already.
#[test]
fn a_fetch_that_outlasts_the_cooldown_answers_all_who_waited_for_it() {
    let (flight, now) = flight();
    let Seat::Fetch(awaited) = join(&flight, key("a"), now) else {
        panic!("no fetch");
    };
    flight.begin(now);
    let late = now + COOLDOWN * 2;
    assert_eq!(join(&flight, key("a"), late), Seat::Fetch(awaited));
    assert!(!flight.has_answered(awaited));
    flight.finish(Ending::Fetched);
    assert!(flight.has_answered(awaited));
    assert_eq!(join(&flight, key("b"), late), fetch_of(2));
    assert!(!flight.is_answered(key("a"), late));
    assert!(flight.has_answered(awaited));
}

#[test]
fn a_failed_fetch_is_no_answer_and_the_next_one_is() {
    let (flight, now) = flight();
    let Seat::Fetch(awaited) = join(&flight, key("a"), now) else {
        panic!("no fetch");
    };
    flight.begin(now);
    flight.finish(Ending::Failed);
    assert!(!flight.has_answered(awaited));
    fetch(&flight, now + COOLDOWN, Ending::Fetched);
    assert!(flight.has_answered(awaited));
}

#[test]
fn a_caller_shares_a_scheduled_fetch() {
    let (flight, now) = flight();
    flight.start();
    // It has not begun: its answer is as good as that of a fetch of the caller's own.
    assert_eq!(join(&flight, key("a"), now), fetch_of(1));
    flight.begin(now);
    flight.finish(Ending::Fetched);
    assert_eq!(join(&flight, key("a"), now), Seat::Answered);
}

#[test]
fn a_scheduled_start_neither_counts_as_a_second_fetch_nor_ends_the_cooldown() {
    let (flight, now) = flight();
    assert_eq!(join(&flight, key("a"), now), fetch_of(1));
    flight.start();
    assert_eq!(join(&flight, key("a"), now), fetch_of(1));
    flight.begin(now);
    flight.finish(Ending::Fetched);
    assert!(!flight.is_underway());
    assert_eq!(
        join(&flight, key("b"), now + COOLDOWN.saturating_sub(MOMENT)),
        Seat::Due(MOMENT)
    );
    assert_eq!(join(&flight, key("b"), now + COOLDOWN), fetch_of(2));
}

#[test]
fn an_instant_before_the_last_start_is_within_the_cooldown() {
    let (flight, now) = flight();
    join(&flight, key("a"), now + COOLDOWN);
    flight.begin(now + COOLDOWN);
    flight.finish(Ending::Fetched);
    assert_eq!(join(&flight, key("b"), now), Seat::Due(COOLDOWN));
}

#[test]
fn the_keys_that_are_looked_for_are_bounded() {
    let (flight, now) = flight();
    for number in 0..MAX_KEYS_SOUGHT * 3 {
        join(&flight, key(&number.to_string()), now);
    }
    assert_eq!(flight.log().pending.missing.len(), MAX_KEYS_SOUGHT);
    flight.begin(now);
    flight.finish(Ending::Fetched);
    for number in 0..MAX_KEYS_SOUGHT * 3 {
        join(&flight, key(&format!("more {number}")), now);
    }
    fetch(&flight, now, Ending::Fetched);
    assert_eq!(flight.log().answered.missing.len(), MAX_KEYS_SOUGHT);
}

#[test]
fn a_key_that_the_set_has_is_answered_however_many_are_made_up() {
    let (flight, now) = flight();
    for ending in [Ending::Failed, Ending::Fetched, Ending::Fetched] {
        for number in 0..MAX_KEYS_SOUGHT * 2 {
            join(&flight, key(&format!("{ending:?} {number}")), now);
        }
        flight.join(key("real"), Presence::Present, now);
        fetch(&flight, now, ending);
    }
    assert!(flight.is_answered(key("real"), now));
}

#[tokio::test]
async fn a_caller_wakes_the_task_and_a_schedule_does_not() {
    let (flight, now) = flight();
    flight.start();
    assert!(flight.asked().now_or_never().is_none());
    flight.begin(now);
    flight.finish(Ending::Fetched);
    join(&flight, key("a"), now);
    assert!(flight.asked().now_or_never().is_some());
    assert!(flight.asked().now_or_never().is_none());
}
