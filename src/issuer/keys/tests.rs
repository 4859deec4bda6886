//! When a key is made, of which algorithm, and from when it signs.

use super::*;
use crate::issuer::settings::tests::read;
use crate::token::MAX_PUBLISHED_KEYS;

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);
const DAY_SECONDS: i64 = 86_400;

fn settings(section: &str) -> IssuerSettings {
    read(section).unwrap()
}

fn key(position: i64, algorithm: Algorithm, active_from: UnixSeconds) -> KeyLife {
    KeyLife {
        position,
        algorithm,
        active_from,
        token_seconds: 3600,
    }
}

fn stored(life: KeyLife) -> StoredKey {
    StoredKey {
        life,
        id: format!("key-{}", life.position),
        private_key: String::new(),
        created_at: NOW,
    }
}

/// Position, algorithm and beginning of the key that is due.
fn made(
    keys: &[KeyLife],
    settings: &IssuerSettings,
    occasion: Occasion,
) -> Option<(i64, Algorithm, UnixSeconds)> {
    let schedule = KeySchedule::new(keys.iter().copied());
    let life = due(&schedule, settings, occasion, NOW)?;
    Some((life.position, life.algorithm, life.active_from))
}

#[test]
fn the_first_key_signs_at_once() {
    let settings = settings("algorithm: EdDSA");
    for occasion in [Occasion::Start, Occasion::Tick] {
        let first = Some((FIRST, Algorithm::EdDsa, NOW));
        assert_eq!(made(&[], &settings, occasion), first);
    }
}

#[test]
fn a_key_is_replaced_when_its_time_has_come_and_its_successor_is_published_first() {
    let settings = settings("keys: {rotate_seconds: 86400}");
    let of_age = |seconds: i64| key(1, Algorithm::Es256, NOW.plus(-seconds));
    let fresh = [of_age(60)];
    assert_eq!(made(&fresh, &settings, Occasion::Tick), None);
    let old = [of_age(DAY_SECONDS)];
    let announced = NOW.plus(PUBLISHED_AHEAD_SECONDS);
    let successor = Some((2, Algorithm::Es256, announced));
    assert_eq!(made(&old, &settings, Occasion::Tick), successor);
    // One that waits for its first use is enough.
    let waiting = [old[0], key(2, Algorithm::Es256, announced)];
    assert_eq!(made(&waiting, &settings, Occasion::Tick), None);
}

#[test]
fn without_rotation_a_key_stays_for_ever() {
    let settings = settings("keys: {rotate_seconds: 0}");
    let old = [key(1, Algorithm::Es256, NOW.plus(-1000 * DAY_SECONDS))];
    assert_eq!(made(&old, &settings, Occasion::Tick), None);
}

#[test]
fn another_algorithm_counts_from_the_next_start() {
    let settings = settings("algorithm: RS256, keys: {rotate_seconds: 86400}");
    let present = [key(1, Algorithm::Es256, NOW.plus(-60))];
    let announced = NOW.plus(PUBLISHED_AHEAD_SECONDS);
    let successor = Some((2, Algorithm::Rs256, announced));
    assert_eq!(made(&present, &settings, Occasion::Start), successor);
    assert_eq!(made(&present, &settings, Occasion::Tick), None);
    // An issuer that was not restarted rotates within the algorithm that the others have chosen.
    let old = [key(1, Algorithm::EdDsa, NOW.plus(-DAY_SECONDS))];
    let rotated = Some((2, Algorithm::EdDsa, announced));
    assert_eq!(made(&old, &settings, Occasion::Tick), rotated);
}

#[test]
fn no_key_is_made_where_verifiers_might_not_take_it() {
    let settings = settings("algorithm: RS256");
    let keys: Vec<KeyLife> = (1..)
        .take(MAX_PUBLISHED_KEYS)
        .map(|position| key(position, Algorithm::Es256, NOW.plus(position - 1000)))
        .collect();
    assert_eq!(made(&keys, &settings, Occasion::Start), None);
}

#[test]
fn a_rotation_by_hand_announces_its_key_or_has_it_sign_at_once() {
    let settings = settings("access_token_seconds: 600");
    let schedule = KeySchedule::new([key(7, Algorithm::Es256, NOW.plus(-60))]);
    let rows = [
        (RotationPace::Announced, NOW.plus(PUBLISHED_AHEAD_SECONDS)),
        (RotationPace::AtOnce, NOW),
    ];
    for (pace, active_from) in rows {
        let life = successor(&schedule, &settings, pace, NOW);
        let expected = KeyLife {
            token_seconds: 600,
            ..key(8, Algorithm::Es256, active_from)
        };
        assert_eq!(life, expected, "{pace:?}");
    }
}

#[test]
fn a_key_that_waits_already_serves_a_rotation_by_hand() {
    let later = NOW.plus(60);
    let present = stored(key(1, Algorithm::Es256, NOW.plus(-60)));
    let next = stored(key(2, Algorithm::Es256, later));
    let found = |keys: &[StoredKey], algorithm| {
        let waiting = waiting(keys, &schedule(keys), algorithm, NOW);
        waiting.map(|key| key.life.position)
    };
    let both = [present.clone(), next];
    assert_eq!(found(&both, Algorithm::Es256), Some(2));
    assert_eq!(found(&both, Algorithm::Rs256), None, "another algorithm");
    assert_eq!(found(&[present], Algorithm::Es256), None, "it signs");
    assert_eq!(found(&[], Algorithm::Es256), None);
}
