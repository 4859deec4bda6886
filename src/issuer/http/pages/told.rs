//! What a page tells once: the answer to a form, after the redirect that follows it.
//!
//! It travels in a cookie for the page that is next, sealed with a key that the issuers of a store share. So
//! a secret is in no URL, no log and no history, its page can be reloaded for a minute, and whichever issuer
//! the browser meets next can show it.

use std::io::{self, Read, Write};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use super::tried::Tried;
use super::words::Words;
use crate::clock::UnixSeconds;
use crate::identity::{PlainSecret, SecretDigest};
use crate::issuer::http::browser::SetCookie;
use crate::token::CryptographyError;

const COOKIE_NAME: &str = "portcullis-told";

/// Over TLS. Not `__Host-`: it is for the path of one page (RFC 6265bis section 4.1.3).
const SECURE_COOKIE_NAME: &str = "__Secure-portcullis-told";

/// How long the next page tells it.
const SECONDS: u32 = 60;

/// Clocks of issuers on one store differ a little.
const LEEWAY_SECONDS: i64 = 5;

/// Longer cookies are not ours: browsers keep 4,096 bytes of one (RFC 6265 section 6.1), with its name.
const MAX_COOKIE_BYTES: usize = 3800;

/// How much of the body of an answer is shown, in bytes, if a cookie has room for it; else less.
const SHOWN_BYTES: [usize; 7] = [8192, 4096, 2048, 1024, 512, 128, 0];

/// The same beside what was sent.
const SHOWN_WITH_BODY: &[usize] = &[8192, 4096, 2048, 1024];

/// What begins a sealed text that is compressed; others begin with a brace.
const COMPRESSED: u8 = b'z';

/// More than is ever sealed.
const MAX_SEALED_BYTES: u64 = 64 * 1024;

/// The key that seals it.
#[derive(Clone)]
pub(in crate::issuer) struct ToldKey(Arc<RandomizedNonceKey>);

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Told {
    /// What has been done.
    Done(Done),
    /// The secret of an app that was just made, or got another one.
    Secret(String),
    /// What came of a call.
    Tried(Box<Tried>),
}

/// What has been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Done {
    SignedUp,
    LoggedOut,
    AppChanged,
    AppDeleted,
    Changed,
    Made,
    Deleted,
    AccessEnded,
    SessionsEnded,
    Revoked,
}

/// What is sealed: also since when, because whoever has the cookie need not forget it.
#[derive(Serialize, Deserialize)]
struct Sealed {
    told: Told,
    at: i64,
}

/// For whom something is sealed: one session, one page.
#[derive(Clone, Copy)]
pub(super) struct Addressee<'a> {
    pub(super) session: Option<&'a SecretDigest>,
    pub(super) path: &'a str,
}

impl ToldKey {
    /// The key that is made of a secret.
    pub(in crate::issuer) fn new(secret: &PlainSecret) -> Result<Self, CryptographyError> {
        let bytes = digest(&SHA256, secret.reveal().as_bytes());
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.as_ref());
        Ok(Self(Arc::new(key.map_err(|_| CryptographyError)?)))
    }

    /// A cookie that tells it on the page of the addressee. `url` is the issuer's.
    pub(super) fn cookie(
        &self,
        told: &Told,
        to: Addressee<'_>,
        url: &str,
        now: UnixSeconds,
    ) -> Result<SetCookie, CryptographyError> {
        let mut sealed = Sealed {
            told: told.clone(),
            at: now.0,
        }
        .written()
        .map_err(|_| CryptographyError)?;
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(to.bytes()), &mut sealed)
            .map_err(|_| CryptographyError)?;
        let text = URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat());
        let (name, secure) = if url.starts_with("https:") {
            (SECURE_COOKIE_NAME, "; Secure")
        } else {
            (COOKIE_NAME, "")
        };
        let path = to.path;
        let cookie = format!(
            "{name}={text}; Path={path}; HttpOnly; SameSite=Strict{secure}; Max-Age={SECONDS}"
        );
        let cookie = HeaderValue::try_from(cookie).map_err(|_| CryptographyError)?;
        Ok(SetCookie::new(cookie))
    }

    /// What the cookies of a request tell to the addressee. Several may have the name, for pages whose paths
    /// begin alike.
    pub(super) fn read(
        &self,
        headers: &HeaderMap,
        to: Addressee<'_>,
        now: UnixSeconds,
    ) -> Option<Told> {
        let lines = headers.get_all(COOKIE).iter();
        let pairs = lines.flat_map(|line| line.to_str().unwrap_or_default().split(';'));
        let mut values = pairs
            .filter_map(|pair| pair.trim().split_once('='))
            // Whichever it is: nobody else can seal one.
            .filter(|(name, _)| [COOKIE_NAME, SECURE_COOKIE_NAME].contains(name))
            .filter(|(_, value)| value.len() <= MAX_COOKIE_BYTES);
        let sealed = values.find_map(|(_, value)| self.open(value, to))?;
        let age = now.since(UnixSeconds(sealed.at));
        (-LEEWAY_SECONDS..=i64::from(SECONDS))
            .contains(&age)
            .then_some(sealed.told)
    }

    fn open(&self, text: &str, to: Addressee<'_>) -> Option<Sealed> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let aad = Aad::from(to.bytes());
        let opened = self.0.open_in_place(nonce, aad, &mut sealed).ok()?;
        Sealed::read(opened)
    }
}

impl Told {
    /// What came of a call, as much of it as a cookie can hold. A browser drops a longer one, and the page would say
    /// nothing of a call that was made.
    pub(super) fn tried(mut tried: Tried) -> Self {
        // What was sent is worth more than the end of a long answer, and less than its beginning.
        if let Some(told) = Self::fitting(&tried, SHOWN_WITH_BODY) {
            return told;
        }
        tried.lose_body();
        if let Some(told) = Self::fitting(&tried, &SHOWN_BYTES) {
            return told;
        }
        tried.shorten_to_the_least();
        Self::Tried(Box::new(tried))
    }

    /// Whether a cookie can hold what has to be told of a call, whatever is answered. To be asked before it is sent.
    pub(super) fn can_tell(tried: &Tried) -> bool {
        let mut least = tried.clone();
        least.shorten_to_the_least();
        Self::Tried(Box::new(least)).has_room()
    }

    /// With as much of the answer as there is room for, of these lengths.
    fn fitting(tried: &Tried, lengths: &[usize]) -> Option<Self> {
        let mut tried = tried.clone();
        let mut told = lengths.iter().map(|most| {
            tried.shorten(*most);
            Self::Tried(Box::new(tried.clone()))
        });
        told.find(Self::has_room)
    }

    /// Whether a cookie can hold it.
    fn has_room(&self) -> bool {
        let sealed = Sealed {
            told: self.clone(),
            at: i64::MAX,
        };
        let added = NONCE_LEN + AES_256_GCM.tag_len();
        let length = sealed.written().map(|text| text.len() + added);
        length.is_ok_and(|length| length.div_ceil(3) * 4 <= MAX_COOKIE_BYTES)
    }
}

impl Sealed {
    /// Compressed where it is long, which a secret is not: its length must not tell of it.
    fn written(&self) -> io::Result<Vec<u8>> {
        let text = serde_json::to_vec(self)?;
        if !matches!(self.told, Told::Tried(_)) {
            return Ok(text);
        }
        let mut encoder = DeflateEncoder::new(vec![COMPRESSED], Compression::best());
        encoder.write_all(&text)?;
        encoder.finish()
    }

    fn read(written: &[u8]) -> Option<Self> {
        let Some(compressed) = written.strip_prefix(&[COMPRESSED]) else {
            return serde_json::from_slice(written).ok();
        };
        let mut text = Vec::new();
        let mut decoder = DeflateDecoder::new(compressed).take(MAX_SEALED_BYTES);
        decoder.read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

impl Addressee<'_> {
    fn bytes(self) -> Vec<u8> {
        let session = self.session.map(SecretDigest::to_text);
        format!("{}\n{}", session.unwrap_or_default(), self.path).into_bytes()
    }
}

impl Done {
    pub(super) fn say(self, words: &'static Words) -> &'static str {
        match self {
            Self::SignedUp => words.told_signed_up,
            Self::LoggedOut => words.told_logged_out,
            Self::AppChanged => words.told_app_changed,
            Self::AppDeleted => words.told_app_deleted,
            Self::Changed => words.told_changed,
            Self::Made => words.told_made,
            Self::Deleted => words.told_deleted,
            Self::AccessEnded => words.told_access_ended,
            Self::Revoked => words.told_revoked,
            Self::SessionsEnded => words.told_sessions_ended,
        }
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(key.read(&headers, to, NOW), Some(told));
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
        assert_eq!(key.read(&headers, to, NOW), Some(told));
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
}
