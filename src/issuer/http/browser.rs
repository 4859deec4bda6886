//! The browser in front of a page: its cookies, and the proof that a form is from one of our own pages.

use axum::http::HeaderValue;
use axum::http::header::{COOKIE, HeaderMap, HeaderName};

use crate::identity::{PlainSecret, SecretDigest};

/// Set by browsers (W3C Fetch Metadata section 2.3) and by nobody else.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Longer cookies are not ours.
const MAX_COOKIE_BYTES: usize = 128;

/// How long a chosen language is kept: a year.
const LANGUAGE_SECONDS: u32 = 31_536_000;

/// So long is the beginning of the secret of a session, which stays the same while the rest is replaced.
const LINEAGE_BYTES: usize = 43;

/// What a browser sent to recognise it by.
pub(super) struct Browser {
    names: CookieNames,
    /// Random, and the browser's alone: what our forms carry is derived from it.
    secret: Option<PlainSecret>,
    session: Option<PlainSecret>,
    /// The tag of the language that was chosen in it.
    language: Option<String>,
}

/// A cookie to be set.
pub(super) struct SetCookie(HeaderValue);

/// RFC 6265bis section 4.1.3.2: nobody but this host can set a `__Host-` cookie, and over TLS alone.
#[derive(Clone, Copy)]
struct CookieNames {
    browser: &'static str,
    session: &'static str,
    language: &'static str,
    secure: &'static str,
}

const OVER_TLS: CookieNames = CookieNames {
    browser: "__Host-portcullis-browser",
    session: "__Host-portcullis-session",
    language: "__Host-portcullis-language",
    secure: "; Secure",
};

/// For an issuer on this machine, where browsers would drop the others.
const IN_CLEAR: CookieNames = CookieNames {
    browser: "portcullis-browser",
    session: "portcullis-session",
    language: "portcullis-language",
    secure: "",
};

impl Browser {
    /// Reads the cookies that an issuer at `url` has set.
    pub(super) fn read(headers: &HeaderMap, url: &str) -> Self {
        let names = if url.starts_with("https:") {
            OVER_TLS
        } else {
            IN_CLEAR
        };
        Self {
            names,
            secret: cookie(headers, names.browser).map(PlainSecret::claimed),
            session: cookie(headers, names.session).map(PlainSecret::claimed),
            language: cookie(headers, names.language).map(str::to_owned),
        }
    }

    /// What was chosen as the language of the pages.
    pub(super) fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// Has it keep the language with this tag, which is no secret and outlives sessions.
    pub(super) fn choose_language(&self, tag: &str) -> Option<SetCookie> {
        let age = format!("; Max-Age={LANGUAGE_SECONDS}");
        self.cookie(self.names.language, tag, &age)
    }

    /// The session that it claims to be.
    pub(super) fn session(&self) -> Option<SecretDigest> {
        self.session.as_ref().map(PlainSecret::digest)
    }

    /// What the session that it claims to be has in common with those in whose place it was put. It tells whether
    /// two secrets are of one login in one browser, and opens nothing.
    pub(super) fn lineage(&self) -> Option<SecretDigest> {
        let beginning = beginning(self.session.as_ref()?);
        Some(SecretDigest::of(beginning.as_bytes()))
    }

    /// The secret of a session that takes the place of the present one: whoever has an earlier one can end this
    /// one by it, and nothing else.
    pub(super) fn next_session(&self, fresh: &PlainSecret) -> Option<PlainSecret> {
        let beginning = beginning(self.session.as_ref()?);
        let text = format!("{beginning}{}", fresh.reveal());
        Some(PlainSecret::claimed(&text))
    }

    /// Gives a browser without secret this one, and returns the cookie that it needs for that.
    pub(super) fn introduce(&mut self, secret: PlainSecret) -> Option<SetCookie> {
        if self.secret.is_some() {
            return None;
        }
        let cookie = self.cookie(self.names.browser, secret.reveal(), "");
        self.secret = Some(secret);
        cookie
    }

    /// The same browser once it has this session.
    pub(super) fn with_session(&self, session: &PlainSecret) -> Self {
        let copy = |secret: &PlainSecret| PlainSecret::claimed(secret.reveal());
        Self {
            names: self.names,
            secret: self.secret.as_ref().map(copy),
            session: Some(copy(session)),
            language: self.language.clone(),
        }
    }

    /// The cookie of a new session, which holds for so many seconds at most.
    pub(super) fn begin_session(&self, secret: &PlainSecret, seconds: u32) -> Option<SetCookie> {
        let age = format!("; Max-Age={seconds}");
        self.cookie(self.names.session, secret.reveal(), &age)
    }

    /// Takes the cookie of the session away.
    pub(super) fn end_session(&self) -> Option<SetCookie> {
        self.cookie(self.names.session, "", "; Max-Age=0")
    }

    /// What our forms carry: it tells nothing of the cookies, and holds until one of them changes.
    pub(super) fn form_token(&self) -> Option<SecretDigest> {
        let secret = self.secret.as_ref()?.reveal();
        let session = self.session.as_ref().map_or("", PlainSecret::reveal);
        Some(SecretDigest::of(format!("{secret} {session}").as_bytes()))
    }

    /// Whether a form with this token is from a page that we gave to this very browser.
    pub(super) fn has_sent(&self, headers: &HeaderMap, token: Option<&str>) -> bool {
        let expected = self.form_token();
        let sent = token.and_then(SecretDigest::from_text);
        !is_foreign(headers)
            && matches!((expected, sent), (Some(expected), Some(sent)) if expected.matches(&sent))
    }

    /// `Lax`: a browser that a client sends here brings its session along; a form from elsewhere
    /// does not.
    fn cookie(&self, name: &str, value: &str, age: &str) -> Option<SetCookie> {
        let secure = self.names.secure;
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::try_from(text).ok().map(SetCookie)
    }
}

impl SetCookie {
    /// Whatever cookie it is.
    pub(super) fn new(value: HeaderValue) -> Self {
        Self(value)
    }

    pub(super) fn into_value(self) -> HeaderValue {
        self.0
    }
}

/// Whether a browser says that a request comes from a page of another site or origin. `Origin` says nothing here: it is
/// `null` under `Referrer-Policy: no-referrer`.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.any(|site| site == "cross-site" || site == "same-site")
}

/// The part of the secret of a session that stays. All of it is where the session has not been renewed.
fn beginning(session: &PlainSecret) -> &str {
    let text = session.reveal();
    text.get(..LINEAGE_BYTES).unwrap_or(text)
}

/// The cookie's value if it comes once; two are a browser that somebody has tossed cookies at.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.to_str().unwrap_or_default().split(';'));
    let mut values = pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    // Two of one name come from two paths or domains, and another host of the domain may have set one
    // of them. Which is ours nobody knows.
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let ours = (1..=MAX_COOKIE_BYTES).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    ours.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://id.example";

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn cookies_are_read_once_or_not_at_all() {
        let rows: [(&[&str], Option<&str>); 9] = [
            (&["a=1; __Host-portcullis-session=abc; b=2"], Some("abc")),
            (&["a=1", "__Host-portcullis-session=abc"], Some("abc")),
            (
                &["__Host-portcullis-session=abc; __Host-portcullis-session=abc"],
                None,
            ),
            (
                &[
                    "__Host-portcullis-session=abc",
                    "__Host-portcullis-session=d",
                ],
                None,
            ),
            (&["__Host-portcullis-session="], None),
            (&["__Host-portcullis-session=a b"], None),
            (&["__host-portcullis-session=abc"], None),
            (&["portcullis-session=abc"], None),
            (&[], None),
        ];
        for (lines, expected) in rows {
            let lines: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
            let session = Browser::read(&headers(&lines), URL).session();
            let expected = expected.map(|text| SecretDigest::of(text.as_bytes()));
            assert_eq!(session, expected, "{lines:?}");
        }
    }

    #[test]
    fn a_lineage_goes_on_from_secret_to_secret() {
        let secret = |byte| PlainSecret::from_random([byte; 32]);
        let with = |session: &PlainSecret| {
            let browser = Browser::read(&HeaderMap::new(), URL);
            browser.with_session(session)
        };
        let first = with(&secret(1));
        assert_eq!(first.lineage(), first.session(), "of a first session");
        let second = with(&first.next_session(&secret(2)).unwrap());
        let third = with(&second.next_session(&secret(3)).unwrap());
        for later in [&second, &third] {
            assert_eq!(later.lineage(), first.lineage());
            let bytes = later.session.as_ref().unwrap().reveal().len();
            assert!((LINEAGE_BYTES + 1..=MAX_COOKIE_BYTES).contains(&bytes));
        }
        assert!(second.session() != third.session() && second.session() != first.session());
        assert_ne!(with(&secret(4)).lineage(), first.lineage());
        let nobody = Browser::read(&HeaderMap::new(), URL);
        assert!(nobody.lineage().is_none() && nobody.next_session(&secret(1)).is_none());
    }

    #[test]
    fn a_form_is_ours_if_browser_and_session_are_the_same() {
        let page = "__Host-portcullis-browser=b; __Host-portcullis-session=s";
        let token = Browser::read(&headers(&[("cookie", page)]), URL).form_token();
        let token = token.unwrap().to_text();
        let other = "__Host-portcullis-browser=c; __Host-portcullis-session=s";
        let rows: [(&'static str, &'static str, Option<&str>, bool); 10] = [
            (page, "same-origin", Some(&token), true),
            (page, "none", Some(&token), true),
            (page, "cross-site", Some(&token), false),
            (page, "same-site", Some(&token), false),
            (page, "same-origin", None, false),
            (page, "same-origin", Some(""), false),
            (page, "same-origin", Some("b"), false),
            (other, "same-origin", Some(&token), false),
            (
                "__Host-portcullis-browser=b",
                "same-origin",
                Some(&token),
                false,
            ),
            ("", "same-origin", Some(&token), false),
        ];
        for (cookies, site, token, expected) in rows {
            let headers = headers(&[("cookie", cookies), ("sec-fetch-site", site)]);
            let browser = Browser::read(&headers, URL);
            assert_eq!(
                browser.has_sent(&headers, token),
                expected,
                "{cookies} {site}"
            );
        }
    }

    #[test]
    fn cookies_are_as_strict_as_the_scheme_allows() {
        let rows = [
            (
                URL,
                "__Host-portcullis-session=s; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=3600",
            ),
            (
                "http://127.0.0.1:8080",
                "portcullis-session=s; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600",
            ),
        ];
        for (url, expected) in rows {
            let browser = Browser::read(&HeaderMap::new(), url);
            let cookie = browser
                .begin_session(&PlainSecret::claimed("s"), 3600)
                .unwrap();
            assert_eq!(cookie.into_value(), expected);
        }
    }
}
