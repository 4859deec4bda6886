//! What came of a call that a user has tried out, on its way to the page that shows it.

use serde::{Deserialize, Serialize};

use crate::issuer::proxy::{AnswerBody, BodyEnd, ProxyAnswer, TrialError};

/// What ends a decision id in a text body of a gate, and what is before it.
const TEXT_ID: (&str, &str) = ("(decision ", ")");

/// Longer ones are not of a gate.
const MAX_ID_BYTES: usize = 64;

/// The most that is shown of what the gate says where there is little room, in bytes.
const MAX_WHY_BYTES: usize = 400;

/// A call that was tried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tried {
    /// The name of its route.
    pub(super) operation: String,
    /// Method, path and query.
    pub(super) call: String,
    /// Who called, as the page has it.
    pub(super) caller: String,
    pub(super) outcome: TriedOutcome,
    /// Whether the gate beside the site lets it through, and what it says of it.
    pub(super) passes: bool,
    pub(super) why: String,
    /// What was sent along, so that the form still has it.
    pub(super) body: TriedBody,
}

/// What was sent along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TriedBody {
    None,
    Kept {
        content_type: String,
        text: String,
    },
    /// There was one, which has no room here.
    Lost,
}

/// What the proxy did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TriedOutcome {
    Answered(TriedAnswer),
    Failed(TrialError),
}

/// An answer, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TriedAnswer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// None where it is not text.
    pub(super) text: Option<String>,
    /// How many bytes of the body arrived.
    pub(super) bytes: usize,
    pub(super) end: BodyEnd,
    /// What a gate calls its refusal.
    pub(super) decision: Option<String>,
}

impl Tried {
    /// Shows no more than so many bytes of the body, and little of each header where that is little.
    pub(super) fn shorten(&mut self, max_bytes: usize) {
        let TriedOutcome::Answered(answer) = &mut self.outcome else {
            return;
        };
        if let Some(text) = &mut answer.text
            && text.len() > max_bytes
        {
            text.truncate(text.floor_char_boundary(max_bytes));
            answer.end = match answer.end {
                BodyEnd::Whole => BodyEnd::TooLong,
                other => other,
            };
        }
        for (_, value) in &mut answer.headers {
            let most = max_bytes.max(64);
            value.truncate(value.floor_char_boundary(most));
        }
    }

    /// Forgets what was sent along, but not that something was.
    pub(super) fn lose_body(&mut self) {
        if let TriedBody::Kept { .. } = self.body {
            self.body = TriedBody::Lost;
        }
    }

    /// Shows what must be shown and no more: no body and no header, and of what the gate says the beginning.
    pub(super) fn shorten_to_the_least(&mut self) {
        self.shorten(0);
        self.lose_body();
        if let TriedOutcome::Answered(answer) = &mut self.outcome {
            answer.headers.clear();
        }
        if self.why.len() > MAX_WHY_BYTES {
            self.why
                .truncate(self.why.floor_char_boundary(MAX_WHY_BYTES));
            self.why.push('\u{2026}');
        }
    }
}

impl From<ProxyAnswer> for TriedAnswer {
    fn from(answer: ProxyAnswer) -> Self {
        let ProxyAnswer {
            status,
            headers,
            body: AnswerBody { bytes, end },
        } = answer;
        let is_encoded = headers.iter().any(|(name, _)| name == "content-encoding");
        let text = text_of(&bytes, end).filter(|_| !is_encoded);
        Self {
            status,
            headers,
            decision: text.as_deref().and_then(decision_in),
            bytes: bytes.len(),
            text,
            end,
        }
    }
}

/// A body as text, if it is one.
fn text_of(bytes: &[u8], end: BodyEnd) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // Cut within a character.
        Err(error) if end != BodyEnd::Whole && error.error_len().is_none() => {
            let (text, _) = bytes.split_at_checked(error.valid_up_to())?;
            std::str::from_utf8(text).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |one: char| !one.is_control() || "\t\r\n".contains(one);
    text.chars().all(is_text).then(|| text.to_owned())
}

/// The id in the body with which a gate refuses: problem details, or a line of text.
fn decision_in(text: &str) -> Option<String> {
    let of_json = || {
        let body: serde_json::Value = serde_json::from_str(text).ok()?;
        body.get("decision_id")?.as_str().map(str::to_owned)
    };
    let of_text = || {
        let (_, rest) = text.trim_end().rsplit_once(TEXT_ID.0)?;
        rest.strip_suffix(TEXT_ID.1).map(str::to_owned)
    };
    let id = of_json().or_else(of_text)?;
    let is_id = !id.is_empty()
        && id.len() <= MAX_ID_BYTES
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(bytes: &[u8], end: BodyEnd, headers: &[(&str, &str)]) -> TriedAnswer {
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        TriedAnswer::from(ProxyAnswer {
            status: 200,
            headers: headers.collect(),
            body: AnswerBody {
                bytes: bytes.to_vec(),
                end,
            },
        })
    }

    #[test]
    fn a_body_is_text_or_it_is_not() {
        let whole = |bytes: &[u8]| answered(bytes, BodyEnd::Whole, &[]).text;
        assert_eq!(whole(b"a\r\n\tb").as_deref(), Some("a\r\n\tb"));
        assert_eq!(whole("\u{e4}".as_bytes()).as_deref(), Some("\u{e4}"));
        for bytes in [&b"\0"[..], b"\x1b[2J", b"\xff", b"a\xc3"] {
            assert_eq!(whole(bytes), None, "{bytes:?}");
        }
        let cut = answered(b"a\xc3", BodyEnd::TooLong, &[]);
        assert_eq!(cut.text.as_deref(), Some("a"));
        let encoded = answered(b"abc", BodyEnd::Whole, &[("content-encoding", "br")]);
        assert_eq!((encoded.text, encoded.bytes), (None, 3));
    }

    #[test]
    fn the_id_of_a_refusal_is_found_in_either_form() {
        for (body, expected) in [
            (r#"{"title": "x", "decision_id": "abc123"}"#, Some("abc123")),
            ("a token is required (decision abc123)\n", Some("abc123")),
            (r#"{"decision_id": "<b>"}"#, None),
            (r#"{"decision_id": 1}"#, None),
            ("(decision )", None),
            ("(decision a) and more", None),
            ("", None),
        ] {
            let found = answered(body.as_bytes(), BodyEnd::Whole, &[]).decision;
            assert_eq!(found.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn what_is_shortened_says_so() {
        let mut tried = Tried {
            operation: "read-order".to_owned(),
            call: "GET /orders/1".to_owned(),
            caller: "web-shop".to_owned(),
            outcome: TriedOutcome::Answered(answered(
                "a\u{e4}b".as_bytes(),
                BodyEnd::Whole,
                &[("location", &"x".repeat(100))],
            )),
            passes: true,
            why: "it passes".to_owned(),
            body: TriedBody::None,
        };
        tried.shorten(4);
        let TriedOutcome::Answered(answer) = &tried.outcome else {
            panic!("{tried:?}");
        };
        assert_eq!(
            (answer.text.as_deref(), answer.end),
            (Some("a\u{e4}b"), BodyEnd::Whole)
        );
        tried.shorten(2);
        let TriedOutcome::Answered(answer) = &tried.outcome else {
            panic!("{tried:?}");
        };
        assert_eq!(
            (answer.text.as_deref(), answer.end),
            (Some("a"), BodyEnd::TooLong)
        );
        assert_eq!(answer.headers[0].1.len(), 64);
    }
}
