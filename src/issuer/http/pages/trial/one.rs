//! The page of one operation: its form, the command, and what came of a call.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::asked::{Asked, CONTENT_TYPES, Call, PARAMETER};
use super::callers::Callers;
use super::command::{command, public_origin};
use super::operation::Operation;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::apps::UNKNOWN_API;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::tried::{Tried, TriedAnswer, TriedOutcome};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::TrialWords;
use crate::issuer::http::text::Text;
use crate::issuer::proxy::{BodyEnd, Proxy, TrialError};
use crate::policy::ParameterExtent;

#[derive(Template)]
#[template(path = "pages/trial_one.html")]
struct OperationPage<'a> {
    frame: Frame<'a>,
    error: Text<'a>,
    name: Text<'a>,
    request: Text<'a>,
    needs: Text<'a>,
    has_condition: bool,
    /// Why nothing is sent from here; none where it is.
    unsent: Option<&'static str>,
    callers: Callers,
    methods: Vec<Choice>,
    parameters: Vec<Field<'a>>,
    query: Text<'a>,
    /// None where no method has a body.
    body: Option<BodyField<'a>>,
    command: Option<Text<'a>>,
    is_unknown_api: bool,
    tried: Option<Shown<'a>>,
}

struct Choice {
    value: Text<'static>,
    is_chosen: bool,
}

struct Field<'a> {
    id: String,
    label: Text<'a>,
    value: Text<'a>,
    hint: &'static str,
}

struct BodyField<'a> {
    text: Text<'a>,
    content_types: Vec<Choice>,
}

/// What came of a call.
struct Shown<'a> {
    call: Text<'a>,
    caller: Text<'a>,
    passes: bool,
    why: Text<'a>,
    /// What it means that proxy and gate differ.
    at_odds: Option<&'static str>,
    answer: Option<ShownAnswer<'a>>,
    /// Why there is no answer.
    failure: &'static str,
}

struct ShownAnswer<'a> {
    status: u16,
    is_success: bool,
    headers: Vec<(Text<'a>, Text<'a>)>,
    decision: Option<Text<'a>>,
    /// None where there is nothing that could be shown.
    text: Option<Text<'a>>,
    /// What is to be said of the body.
    remark: String,
}

/// What a page of an operation is made of.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) visitor: &'v Visitor,
    pub(super) access: &'v DirectoryAccess,
    pub(super) operation: &'v Operation<'v>,
    pub(super) asked: &'v Asked<'v>,
}

impl<'v> View<'v> {
    /// The page, after a call or before; `is_filled` where somebody has filled in its form.
    pub(super) async fn shown(self, is_filled: bool) -> Result<Response, PageError> {
        let call = self.asked.call(self.operation)?;
        let mut error = String::new();
        if let (Err(wrong), true) = (&call, is_filled) {
            error = wrong.say(self.visitor.words());
        }
        let status = if error.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::BAD_REQUEST
        };
        self.page(status, &error, call.ok().as_ref()).await
    }

    /// The form as it was sent, with what is wrong with it.
    pub(super) async fn refused(
        self,
        status: StatusCode,
        error: &str,
    ) -> Result<Response, PageError> {
        let call = self.asked.call(self.operation)?;
        self.page(status, error, call.ok().as_ref()).await
    }

    /// The proxy, if requests of the operation can go there.
    pub(super) fn proxy(self) -> Result<&'v Proxy, &'static str> {
        let words = &self.visitor.words().trial;
        let proxy = self.visitor.issuer.proxy.as_ref().ok_or(words.not_sent)?;
        if !self.operation.is_at(proxy.origin().authority()) {
            return Err(words.other_host);
        }
        // The gate would see the issuer in the place of the user, and could let through whom it refuses.
        if self.operation.route.conditions.read_source() {
            return Err(words.by_source);
        }
        Ok(proxy)
    }

    async fn page(
        self,
        status: StatusCode,
        error: &str,
        call: Option<&Call>,
    ) -> Result<Response, PageError> {
        let (visitor, asked, operation) = (self.visitor, self.asked, self.operation);
        let words = visitor.words();
        let origin = public_origin(&visitor.issuer.settings.portal, operation);
        let tried = visitor.told_trial(operation.name());
        let page = OperationPage {
            frame: visitor.frame(),
            error: Text::of(error),
            name: Text::of(operation.name()),
            request: Text::of(operation.request()),
            needs: Text::of(words.needs(&operation.route.requirement)),
            has_condition: !operation.route.conditions.is_empty(),
            unsent: self.proxy().err(),
            callers: Callers::of(self.access, operation, asked.caller, words).await?,
            methods: choices(&operation.methods, asked.method),
            parameters: self.parameters(),
            query: Text::of(asked.query),
            body: operation.may_have_body().then(|| BodyField {
                text: Text::of(asked.body),
                content_types: choices(&CONTENT_TYPES, asked.content_type),
            }),
            command: call.map(|call| Text::of(command(call, asked.caller, &origin))),
            is_unknown_api: origin == UNKNOWN_API,
            tried: tried.map(|tried| shown(tried, words.trial)),
        };
        Ok(answer::page(status, &page))
    }

    fn parameters(self) -> Vec<Field<'v>> {
        let words = &self.visitor.words().trial;
        let parameters = self.operation.path.parameters();
        let fields = parameters.map(|parameter| Field {
            id: format!("{PARAMETER}{}", parameter.name),
            label: Text::of(parameter.name),
            value: Text::of(self.asked.value(parameter.name)),
            hint: match parameter.extent {
                ParameterExtent::Segment => "",
                ParameterExtent::Rest => words.rest_hint,
            },
        });
        fields.collect()
    }
}

/// All values, the first chosen unless another is.
fn choices(values: &[&str], chosen: &str) -> Vec<Choice> {
    let choices = values.iter().enumerate().map(|(position, value)| Choice {
        value: Text::of((*value).to_owned()),
        is_chosen: *value == chosen || (chosen.is_empty() && position == 0),
    });
    choices.collect()
}

fn shown<'a>(tried: &'a Tried, words: &'static TrialWords) -> Shown<'a> {
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
