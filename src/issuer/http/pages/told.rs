//! What a page tells once: the answer to a form, after the redirect that follows it.
//!
//! It travels in a cookie for the page that is next, sealed with a key that the issuers of a store share. So
//! a secret is in no URL, no log and no history, its page can be reloaded for a minute, and whichever issuer
//! the browser meets next can show it.

mod done;
mod earlier;

use std::io::{self, Read, Write};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue, Method};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use super::tried::Tried;
use crate::clock::UnixSeconds;
use crate::identity::{PlainSecret, SecretDigest};
use crate::issuer::http::browser::SetCookie;
use crate::token::CryptographyError;

pub(super) use done::Done;
pub(super) use earlier::{EarlierLine, ToldLogIn};

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
    /// That somebody has logged in, with what is known of the log-in before.
    LoggedIn(ToldLogIn),
    /// The same of what gates have to hear of, with its position of the revocation log.
    Ended(Done, u64),
    /// The secret of an app that was just made.
    Secret(String),
    /// The same of an app that got another one.
    Replaced(String),
    /// What came of a call.
    Tried(Box<Tried>),
}

/// What a page tells, and until when it can be reloaded for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Telling {
    pub(super) told: Told,
    pub(super) until: UnixSeconds,
    /// Whether it was told before.
    was_told: bool,
}

/// What is sealed: also since when, because whoever has the cookie need not forget it.
#[derive(Serialize, Deserialize)]
struct Sealed {
    told: Told,
    at: i64,
    #[serde(default)]
    was_told: bool,
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
        let sealed = Sealed {
            told: told.clone(),
            at: now.0,
            was_told: false,
        };
        self.sealed(&sealed, to, url, now)
    }

    /// What becomes of a cookie once its page is shown: what has been done is told once, and after one reload.
    /// None where it stays.
    pub(super) fn after(
        &self,
        telling: &Telling,
        to: Addressee<'_>,
        url: &str,
        now: UnixSeconds,
    ) -> Result<Option<SetCookie>, CryptographyError> {
        if !telling.told.is_news() {
            return Ok(None);
        }
        if telling.was_told {
            return cookie_of("", to, url, 0).map(Some);
        }
        let sealed = Sealed {
            told: telling.told.clone(),
            at: telling.until.plus(-i64::from(SECONDS)).0,
            was_told: true,
        };
        self.sealed(&sealed, to, url, now).map(Some)
    }

    fn sealed(
        &self,
        sealed: &Sealed,
        to: Addressee<'_>,
        url: &str,
        now: UnixSeconds,
    ) -> Result<SetCookie, CryptographyError> {
        let left = i64::from(SECONDS) - now.since(UnixSeconds(sealed.at));
        let mut sealed = sealed.written().map_err(|_| CryptographyError)?;
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(to.bytes()), &mut sealed)
            .map_err(|_| CryptographyError)?;
        let text = URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat());
        cookie_of(&text, to, url, left.clamp(0, i64::from(SECONDS)))
    }

    /// What the cookies of a request tell to the addressee. Several may have the name, for pages whose paths
    /// begin alike.
    pub(super) fn read(
        &self,
        headers: &HeaderMap,
        to: Addressee<'_>,
        now: UnixSeconds,
    ) -> Option<Telling> {
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
            .then(|| Telling {
                told: sealed.told,
                until: UnixSeconds(sealed.at).plus(i64::from(SECONDS)),
                was_told: sealed.was_told,
            })
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

/// A cookie for the page of the addressee.
fn cookie_of(
    text: &str,
    to: Addressee<'_>,
    url: &str,
    seconds: i64,
) -> Result<SetCookie, CryptographyError> {
    let (name, secure) = if url.starts_with("https:") {
        (SECURE_COOKIE_NAME, "; Secure")
    } else {
        (COOKIE_NAME, "")
    };
    let path = to.path;
    let cookie =
        format!("{name}={text}; Path={path}; HttpOnly; SameSite=Strict{secure}; Max-Age={seconds}");
    let cookie = HeaderValue::try_from(cookie).map_err(|_| CryptographyError)?;
    Ok(SetCookie::new(cookie))
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

    /// Whether it is told once; all else can be read for as long as its cookie lasts.
    fn is_news(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Ended(..) | Self::LoggedIn(_))
    }

    /// Whether a cookie can hold it.
    fn has_room(&self) -> bool {
        let sealed = Sealed {
            told: self.clone(),
            at: i64::MAX,
            was_told: false,
        };
        let added = NONCE_LEN + AES_256_GCM.tag_len();
        let length = sealed.written().map(|text| text.len() + added);
        length.is_ok_and(|length| length.div_ceil(3) * 4 <= MAX_COOKIE_BYTES)
    }
}

impl Telling {
    /// Whether the answer to such a request tells it: what has been done is no news where something is asked.
    pub(super) fn is_for(&self, method: &Method) -> bool {
        method != Method::POST || !self.told.is_news()
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

#[cfg(test)]
mod tests;
