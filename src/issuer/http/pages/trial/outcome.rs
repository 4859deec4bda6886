//! What came of a call, as its page shows it.

use crate::issuer::http::pages::tried::{Tried, TriedAnswer, TriedBody, TriedOutcome};
use crate::issuer::http::pages::words::TrialWords;
use crate::issuer::http::text::Text;
use crate::issuer::proxy::{BodyEnd, TrialError};

/// What came of a call.
pub(super) struct Shown<'a> {
    pub(super) call: Text<'a>,
    pub(super) caller: Text<'a>,
    pub(super) passes: bool,
    pub(super) why: Text<'a>,
    /// What it means that proxy and gate differ.
    pub(super) at_odds: Option<&'static str>,
    pub(super) answer: Option<ShownAnswer<'a>>,
    /// Whether what was sent along is not in the form any more.
    pub(super) is_body_lost: bool,
    /// Why there is no answer.
    pub(super) failure: &'static str,
}

pub(super) struct ShownAnswer<'a> {
    pub(super) status: u16,
    pub(super) is_success: bool,
    pub(super) headers: Vec<(Text<'a>, Text<'a>)>,
    pub(super) decision: Option<Text<'a>>,
    /// None where there is nothing that could be shown.
    pub(super) text: Option<Text<'a>>,
    /// What is to be said of the body.
    pub(super) remark: String,
}

pub(super) fn shown<'a>(tried: &'a Tried, words: &'static TrialWords) -> Shown<'a> {
    let (answer, failure) = match &tried.outcome {
        TriedOutcome::Answered(answer) => (Some(answer), ""),
        TriedOutcome::Failed(error) => (None, failed(*error, words)),
    };
    let is_refused = |status: u16| status == 401 || status == 403;
    let at_odds = answer.and_then(|answer| {
        if tried.passes && is_refused(answer.status) {
            Some(words.refused_elsewhere)
        } else if !tried.passes && answer.status < 400 {
            Some(words.passed_elsewhere)
        } else {
            None
        }
    });
    Shown {
        call: Text::of(&*tried.call),
        caller: Text::of(&*tried.caller),
        passes: tried.passes,
        why: Text::of(&*tried.why),
        at_odds,
        answer: answer.map(|answer| shown_answer(answer, words)),
        is_body_lost: tried.body == TriedBody::Lost,
        failure,
    }
}

fn shown_answer<'a>(answer: &'a TriedAnswer, words: &'static TrialWords) -> ShownAnswer<'a> {
    let headers = answer.headers.iter();
    let end = match answer.end {
        BodyEnd::Whole => "",
        BodyEnd::TooLong => words.body_too_long,
        BodyEnd::TimedOut => words.body_timed_out,
        BodyEnd::Broken => words.body_broken,
    };
    let remark = match &answer.text {
        Some(text) if text.is_empty() && answer.end == BodyEnd::Whole => {
            words.body_empty.to_owned()
        }
        Some(_) => end.to_owned(),
        None => format!("{} {}. {end}", words.body_not_text, answer.bytes),
    };
    ShownAnswer {
        status: answer.status,
        is_success: answer.status < 400,
        headers: headers
            .map(|(name, value)| (Text::of(&**name), Text::of(&**value)))
            .collect(),
        decision: answer.decision.as_deref().map(Text::of),
        text: answer
            .text
            .as_deref()
            .filter(|text| !text.is_empty())
            .map(Text::of),
        remark,
    }
}

fn failed(error: TrialError, words: &'static TrialWords) -> &'static str {
    match error {
        TrialError::Busy => words.failed_busy,
        TrialError::BusyWithOwn => words.failed_busy_with_own,
        TrialError::Unreachable => words.failed_unreachable,
        TrialError::Broken => words.failed_broken,
        TrialError::Untrusted => words.failed_untrusted,
        TrialError::TimedOut => words.failed_timed_out,
        TrialError::NotHttp => words.failed_not_http,
        TrialError::Target => words.failed_target,
    }
}
