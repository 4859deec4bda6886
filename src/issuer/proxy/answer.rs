//! What the proxy answers, as far as a page shows it.

use std::pin::Pin;

use http::{HeaderMap, HeaderName, Response, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use serde::{Deserialize, Serialize};
use tokio::time::Sleep;

/// The most of a body that is read, in bytes: more than a page shows.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The most that is kept of the value of one header, in bytes.
const MAX_VALUE_BYTES: usize = 512;

/// The most lines of one header that are kept; an API that challenges with more is shown by the first ones.
const MAX_LINES: usize = 4;

/// What stands in the place of the token.
const HIDDEN: &[u8] = b"[token]";

/// A shorter beginning of a token says nothing: all of them begin alike.
const MIN_PART_BYTES: usize = 8;

/// The headers that say why an answer is what it is, and what to do next.
static SHOWN: [HeaderName; 9] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::WWW_AUTHENTICATE,
    header::LOCATION,
    header::RETRY_AFTER,
    header::ALLOW,
    header::ETAG,
    header::LAST_MODIFIED,
    HeaderName::from_static("x-request-id"),
];

/// An answer, shortened.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::issuer) struct ProxyAnswer {
    pub(in crate::issuer) status: u16,
    /// Those that matter, in the order of a list of ours.
    pub(in crate::issuer) headers: Vec<(String, String)>,
    pub(in crate::issuer) body: AnswerBody,
}

/// The beginning of a body.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::issuer) struct AnswerBody {
    pub(in crate::issuer) bytes: Vec<u8>,
    pub(in crate::issuer) end: BodyEnd,
}

/// How reading a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::issuer) enum BodyEnd {
    Whole,
    /// There is more than was read.
    TooLong,
    /// The rest did not arrive in time.
    TimedOut,
    /// The connection ended before the body did.
    Broken,
}

impl ProxyAnswer {
    /// Reads as much of the body as is kept, until `deadline`. The connection ends with it. Where the API
    /// repeats `token`, it is left out.
    pub(super) async fn read(
        response: Response<Incoming>,
        deadline: Pin<&mut Sleep>,
        token: Option<&str>,
    ) -> Self {
        let token = Token(token.unwrap_or_default().as_bytes());
        let (head, body) = response.into_parts();
        let mut body = AnswerBody::read(body, deadline).await;
        body.bytes = token.hidden_in(&body.bytes);
        if body.end != BodyEnd::Whole {
            token.cut_from_the_end_of(&mut body.bytes);
        }
        Self {
            status: head.status.as_u16(),
            headers: shown(&head.headers, &token),
            body,
        }
    }
}

impl AnswerBody {
    async fn read(
        mut body: impl Body<Data = bytes::Bytes> + Unpin,
        mut deadline: Pin<&mut Sleep>,
    ) -> Self {
        let mut bytes = Vec::new();
        let end = loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = &mut deadline => break BodyEnd::TimedOut,
            };
            let data = match frame {
                None => break BodyEnd::Whole,
                Some(Err(_)) => break BodyEnd::Broken,
                Some(Ok(frame)) => frame.into_data(),
            };
            // Trailers say nothing that is shown.
            let Ok(data) = data else { continue };
            let room = MAX_BODY_BYTES - bytes.len();
            bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
            if data.len() > room {
                break BodyEnd::TooLong;
            }
        };
        Self { bytes, end }
    }
}

/// What must not be shown; nothing where it is empty.
struct Token<'a>(&'a [u8]);

impl Token<'_> {
    /// The text without it.
    fn hidden_in(&self, text: &[u8]) -> Vec<u8> {
        let (mut left, mut rest) = (Vec::with_capacity(text.len()), text);
        while let Some((first, after)) = rest.split_first() {
            match rest.strip_prefix(self.0) {
                Some(after) if !self.0.is_empty() => {
                    left.extend_from_slice(HIDDEN);
                    rest = after;
                }
                _ => {
                    left.push(*first);
                    rest = after;
                }
            }
        }
        left
    }

    /// A text that was cut off may end within it.
    fn cut_from_the_end_of(&self, text: &mut Vec<u8>) {
        let cut = (MIN_PART_BYTES..self.0.len())
            .rev()
            .filter_map(|length| self.0.get(..length))
            .find(|part| text.ends_with(part));
        if let Some(part) = cut {
            text.truncate(text.len() - part.len());
        }
    }
}

fn shown(headers: &HeaderMap, token: &Token<'_>) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    for name in &SHOWN {
        for value in headers.get_all(name).iter().take(MAX_LINES) {
            // Before it is cut, which would leave a part of the token.
            let value = token.hidden_in(value.as_bytes());
            let kept = value.get(..MAX_VALUE_BYTES).unwrap_or(&value);
            let value = String::from_utf8_lossy(kept).into_owned();
            shown.push((name.as_str().to_owned(), value));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_token_is_left_out_whole_and_in_part() {
        let token = Token(b"eyJhbGciOi.eyJpc3Mi.c2ln");
        let text =
            b"a eyJhbGciOi.eyJpc3Mi.c2ln eyJ eyJhbGciOi.eyJpc3Mi.c2lneyJhbGciOi.eyJpc3Mi.c2ln";
        assert_eq!(token.hidden_in(text), b"a [token] eyJ [token][token]");
        for (text, expected) in [
            (&b"it is eyJhbGciOi.eyJ"[..], &b"it is "[..]),
            (b"it is eyJhb", b"it is eyJhb"),
            (b"eyJhbGciOi.eyJpc3Mi.c2l", b""),
            (
                b"it is eyJhbGciOi.eyJpc3Mi.d",
                b"it is eyJhbGciOi.eyJpc3Mi.d",
            ),
        ] {
            let mut cut = text.to_vec();
            token.cut_from_the_end_of(&mut cut);
            assert_eq!(cut, expected);
        }
        assert_eq!(Token(b"").hidden_in(b"abc"), b"abc");
    }

    #[test]
    fn headers_that_matter_are_shown_shortened_and_without_the_token() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("set-cookie", "a=b".to_owned()),
            ("location", format!("{}token-token", "x".repeat(506))),
            ("www-authenticate", "Bearer token-token".to_owned()),
            ("www-authenticate", "Basic".to_owned()),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let shown = shown(&headers, &Token(b"token-token"));
        let expected = [
            ("www-authenticate", "Bearer [token]".to_owned()),
            ("www-authenticate", "Basic".to_owned()),
            ("location", format!("{}[token", "x".repeat(506))),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(shown, expected);
    }

    #[test]
    fn of_many_lines_of_a_header_a_few_are_shown() {
        let mut headers = HeaderMap::new();
        for number in 0..200 {
            let value = format!("Bearer realm=\"{number}\"");
            headers.append(header::WWW_AUTHENTICATE, value.parse().unwrap());
        }
        headers.append(header::LOCATION, HeaderValue::from_static("/elsewhere"));
        let shown = shown(&headers, &Token(b""));
        assert_eq!(shown.len(), MAX_LINES + 1);
        assert_eq!(shown[0].1, "Bearer realm=\"0\"");
        assert_eq!(shown[MAX_LINES].0, "location");
    }
}
