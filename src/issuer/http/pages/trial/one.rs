//! The page of one operation: its form, the command, and what came of a call.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::asked::{Asked, CONTENT_TYPES, Call, PARAMETER};
use super::callers::Callers;
use super::command::{command, public_origin};
use super::described::Description;
use super::operation::{Operation, has_body, is_rest};
use super::outcome::{Shown, shown};
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::apps::UNKNOWN_API;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::issuer::proxy::Proxy;

#[derive(Template)]
#[template(path = "pages/trial_one.html")]
struct OperationPage<'a> {
    frame: Frame<'a>,
    error: Text<'a>,
    name: Text<'a>,
    title: Text<'a>,
    request: Text<'a>,
    needs: Text<'a>,
    has_condition: bool,
    /// Why nothing is sent from here; none where it is.
    unsent: Option<&'static str>,
    /// What a description says of it.
    description: Option<Description<'a>>,
    callers: Callers,
    methods: Vec<Choice>,
    /// Whether some of them have a body and others have none.
    is_body_optional: bool,
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
    hint: Text<'a>,
}

struct BodyField<'a> {
    text: Text<'a>,
    content_types: Vec<Choice>,
}

/// What a page of an operation is made of.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) visitor: &'v Visitor,
    pub(super) access: &'v DirectoryAccess,
    pub(super) operation: &'v Operation<'v>,
    pub(super) asked: &'v Asked<'v>,
    /// Whether somebody has filled in the form: until then it has the examples of the description.
    pub(super) is_filled: bool,
}

impl<'v> View<'v> {
    /// The page, after a call or before.
    pub(super) async fn shown(self) -> Result<Response, PageError> {
        let call = self.asked.call(self.operation)?;
        let mut error = String::new();
        if let (Err(wrong), true) = (&call, self.is_filled) {
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
        proxy_for(self.visitor, self.operation)
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
        // Beside an error it would look like what came of the call that was not made.
        let tried = visitor.told_trial(operation.name());
        let tried = tried.filter(|_| error.is_empty());
        // Until the form is sent, it has examples which the command would not have.
        let call = call.filter(|_| self.is_filled || operation.described().is_none());
        let page = OperationPage {
            frame: visitor.frame(),
            error: Text::of(error),
            name: Text::of(operation.name()),
            title: Text::of(operation.title()),
            request: Text::of(operation.request()),
            needs: Text::of(words.needs(&operation.route.requirement)),
            has_condition: !operation.route.conditions.is_empty(),
            unsent: self.proxy().err(),
            description: operation.described().map(|one| Description::of(one, words)),
            callers: Callers::of(self.access, operation, asked.caller, words).await?,
            methods: choices(&operation.methods, asked.method),
            is_body_optional: !operation.methods.iter().all(|method| has_body(method)),
            parameters: self.parameters(),
            query: self.query(),
            body: operation.may_have_body().then(|| self.body()),
            command: call.map(|call| Text::of(command(call, asked.caller, &origin))),
            is_unknown_api: origin == UNKNOWN_API,
            tried: tried.map(|tried| shown(tried, words.trial)),
        };
        Ok(answer::page(status, &page))
    }

    fn parameters(self) -> Vec<Field<'v>> {
        let words = &self.visitor.words().trial;
        let parameters = self.operation.parameters().into_iter();
        let fields = parameters.map(|(parameter, name)| {
            let described = self.operation.described();
            let described = described.and_then(|one| one.parameter(parameter.name));
            let hint = match described {
                Some(described) if !described.text.is_empty() => &*described.text,
                _ if is_rest(&parameter) => words.rest_hint,
                _ => "",
            };
            Field {
                id: format!("{PARAMETER}{}", parameter.name),
                label: Text::of(name),
                value: if self.is_filled {
                    Text::of(self.asked.value(parameter.name))
                } else {
                    Text::of(self.operation.example(parameter.name))
                },
                hint: Text::of(hint),
            }
        });
        fields.collect()
    }

    fn query(self) -> Text<'v> {
        if self.is_filled {
            Text::of(self.asked.query)
        } else {
            Text::of(self.operation.example_query())
        }
    }

    fn body(self) -> BodyField<'v> {
        let described = self.operation.described();
        let example = described.and_then(|one| one.parts.body.as_ref());
        let (text, content_type) = match example.filter(|_| !self.is_filled) {
            Some(example) => (&*example.text, offered_type(&example.content_type)),
            None => (self.asked.body, self.asked.content_type),
        };
        BodyField {
            text: Text::of(text),
            content_types: choices(&CONTENT_TYPES, content_type),
        }
    }
}

/// The proxy, if requests of the operation can go there; else why not.
pub(super) fn proxy_for<'v>(
    visitor: &'v Visitor,
    operation: &Operation<'_>,
) -> Result<&'v Proxy, &'static str> {
    let words = &visitor.words().trial;
    let proxy = visitor.issuer.proxy.as_ref().ok_or(words.not_sent)?;
    if !operation.is_at(proxy.origin().authority()) {
        return Err(words.other_host);
    }
    // The gate would see the issuer in the place of the user, and could let through whom it refuses.
    if operation.route.conditions.read_source() {
        return Err(words.by_source);
    }
    Ok(proxy)
}

/// The one of [`CONTENT_TYPES`] that stands for a type of a description; empty, which is the first, where none does.
fn offered_type(described: &str) -> &'static str {
    let kind = |text: &str| {
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_lowercase()
    };
    let mut offered = CONTENT_TYPES.into_iter();
    let found = offered.find(|offered| kind(offered) == kind(described));
    found.unwrap_or_default()
}

/// All values, the first chosen unless another is.
fn choices(values: &[&str], chosen: &str) -> Vec<Choice> {
    let choices = values.iter().enumerate().map(|(position, value)| Choice {
        value: Text::of((*value).to_owned()),
        is_chosen: *value == chosen || (chosen.is_empty() && position == 0),
    });
    choices.collect()
}
