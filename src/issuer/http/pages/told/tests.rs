//! What cookies tell, to whom, and how much of it.

use super::*;
use crate::issuer::http::pages::tried::{TriedAnswer, TriedBody, TriedOutcome};
use crate::issuer::proxy::BodyEnd;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

#[test]
fn a_secret_is_told_to_one_session_on_one_page() {
    let key = ToldKey::new(&PlainSecret::claimed("one")).unwrap();
    let other_key = ToldKey::new(&PlainSecret::claimed("two")).unwrap();
    let (session, other) = (SecretDigest::of(b"s"), SecretDigest::of(b"t"));
    let to = Addressee {
        session: Some(&session),
        path: "/portal/apps/a",
    };
    let told = Told::Secret("xyz".to_owned());
    let cookie = key.cookie(&told, to, "https://id.example", NOW).unwrap();
    let cookie = cookie.into_value();
    let cookie = cookie.to_str().unwrap();
    assert!(!cookie.contains("xyz"), "{cookie}");
    assert!(cookie.starts_with("__Secure-portcullis-told="), "{cookie}");
    assert!(cookie.contains("; Path=/portal/apps/a; HttpOnly; SameSite=Strict; Secure; "));
    let (pair, _) = cookie.split_once(';').unwrap();
    let mut headers = HeaderMap::new();
    headers.append(COOKIE, HeaderValue::from_static("portcullis-told=x; a=b"));
    headers.append(COOKIE, HeaderValue::try_from(pair).unwrap());
    for (later, expected) in [(0, true), (60, true), (61, false), (-6, false)] {
        let read = key.read(&headers, to, NOW.plus(later));
        assert_eq!(read.is_some(), expected, "{later}");
    }
    let read = key.read(&headers, to, NOW);
    assert_eq!(read.map(|telling| telling.told), Some(told));
    let path = "/portal/apps/b";
    let session = Some(&other);
    for stranger in [
        Addressee { path, ..to },
        Addressee { session, ..to },
        Addressee {
            session: None,
            ..to
        },
    ] {
        assert_eq!(key.read(&headers, stranger, NOW), None);
    }
    assert_eq!(other_key.read(&headers, to, NOW), None);
}

/// So many bytes that do not get shorter by compression.
fn noise(bytes: u64) -> String {
    // Of a generator of random numbers (Knuth): what is regular would get shorter.
    let text = (0..bytes).scan(1_u64, |state, _| {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        Some(char::from(b'0' + u8::try_from(*state >> 58).unwrap()))
    });
    text.collect()
}

/// A call with a body of so many bytes that do not get shorter.
fn tried(bytes: u64) -> Tried {
    Tried {
        operation: "read-order".to_owned(),
        call: "GET /orders/1".to_owned(),
        caller: "web-shop".to_owned(),
        outcome: TriedOutcome::Answered(TriedAnswer {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            text: Some(noise(bytes)),
            bytes: 1,
            end: BodyEnd::Whole,
            decision: None,
        }),
        passes: true,
        why: "it passes".to_owned(),
        body: TriedBody::None,
    }
}

#[test]
fn what_was_sent_is_kept_where_there_is_room_beside_the_answer() {
    let body = |bytes| TriedBody::Kept {
        content_type: "application/json".to_owned(),
        text: noise(bytes),
    };
    for (answered, sent, is_kept, shown) in [
        (500, 500, true, 500),
        // The end of the answer makes room for it, and its beginning does not.
        (8000, 1000, true, 2048),
        (8000, 6000, false, 2048),
        (10, 16_000, false, 10),
    ] {
        let tried = Tried {
            body: body(sent),
            ..tried(answered)
        };
        let Told::Tried(kept) = Told::tried(tried) else {
            panic!("it is of a call");
        };
        let expected = if is_kept { body(sent) } else { TriedBody::Lost };
        assert_eq!(kept.body, expected, "{answered} {sent}");
        let TriedOutcome::Answered(answer) = kept.outcome else {
            panic!("it was answered");
        };
        assert_eq!(answer.text.unwrap().len(), shown, "{answered} {sent}");
    }
}

#[test]
fn what_no_cookie_can_tell_is_known_before() {
    let call = |bytes| Tried {
        call: format!("GET /{}", noise(bytes)),
        ..tried(8000)
    };
    assert!(Told::can_tell(&call(1000)));
    assert!(!Told::can_tell(&call(6000)));
}

#[test]
fn what_is_long_comes_back_and_what_is_too_long_has_no_room() {
    let key = ToldKey::new(&PlainSecret::claimed("one")).unwrap();
    let session = SecretDigest::of(b"s");
    let to = Addressee {
        session: Some(&session),
        path: "/portal/try",
    };
    let whole = |bytes| Told::Tried(Box::new(tried(bytes)));
    let told = whole(1000);
    assert!(told.has_room() && !whole(8000).has_room());
    let cookie = key.cookie(&told, to, "https://id.example", NOW).unwrap();
    let cookie = cookie.into_value();
    let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
    let mut headers = HeaderMap::new();
    headers.append(COOKIE, HeaderValue::try_from(pair).unwrap());
    let read = key.read(&headers, to, NOW);
    assert_eq!(read.map(|telling| telling.told), Some(told));
    assert!(Told::Secret("x".repeat(64)).has_room());
}

#[test]
fn whatever_an_answer_is_made_of_its_status_has_room() {
    let mut long = tried(8000);
    long.call = format!("GET /orders/{}", noise(1000));
    long.why = noise(5000);
    if let TriedOutcome::Answered(answer) = &mut long.outcome {
        let lines = noise(200 * 64);
        let values = (0..200).filter_map(|line| lines.get(line * 64..(line + 1) * 64));
        let headers = values.map(|value| ("www-authenticate".to_owned(), value.to_owned()));
        answer.headers = headers.collect();
    }
    let told = Told::tried(long.clone());
    assert!(told.has_room());
    let Told::Tried(kept) = told else {
        panic!("{told:?}");
    };
    assert_eq!((&kept.call, kept.passes), (&long.call, true));
    assert!(kept.why.ends_with('\u{2026}'), "{}", kept.why);
    let TriedOutcome::Answered(answer) = kept.outcome else {
        panic!("{:?}", kept.outcome);
    };
    assert_eq!((answer.status, answer.end), (200, BodyEnd::TooLong));
}
