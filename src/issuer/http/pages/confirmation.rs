//! The page that says what something does before it is done.

use askama::Template;
use axum::response::Response;

use super::answer;
use super::form::PageForm;
use super::frame::Frame;
use super::messages::Remark;
use super::visitor::Visitor;
use crate::issuer::directory::WhenUsed;
use crate::issuer::http::text::Text;

/// The field of a form that was confirmed.
const CONFIRMED: &str = "confirmed";

/// The field of a form whose page has said that others lose something.
const USED: &str = "used";

/// What is to be confirmed.
pub(super) struct Confirmation<'a> {
    pub(super) title: String,
    /// What would happen, and whom that concerns.
    pub(super) texts: Vec<String>,
    /// What it says on the button.
    pub(super) button: &'static str,
    /// What is sent with the confirmation.
    pub(super) fields: Vec<(&'a str, &'a str)>,
    /// The page to go back to instead.
    pub(super) cancel: &'a str,
}

#[derive(Template)]
#[template(path = "pages/confirmation.html")]
struct ConfirmationPage<'a> {
    frame: Frame<'a>,
    title: Text<'a>,
    texts: Vec<Text<'a>>,
    button: &'static str,
    action: Text<'a>,
    /// Not `Text`, which replaces characters: nobody reads them, and they come back as they are.
    fields: Vec<(&'a str, &'a str)>,
    cancel: Text<'a>,
    error: Text<'a>,
}

/// Whether a form was sent from such a page.
pub(super) fn is_confirmed(form: &PageForm) -> bool {
    form.text(CONFIRMED) == "yes"
}

/// What others lose goes on where the form was confirmed.
pub(super) fn when_confirmed(form: &PageForm) -> WhenUsed {
    if is_confirmed(form) {
        WhenUsed::GoOn
    } else {
        WhenUsed::Refuse
    }
}

/// What the form of a page has that says who loses something, if somebody does.
pub(super) fn told_use(is_used: bool) -> Option<(&'static str, &'static str)> {
    is_used.then_some((USED, "yes"))
}

/// What has come into use since the page was shown stays.
pub(super) fn when_used(form: &PageForm) -> WhenUsed {
    if form.text(USED) == "yes" {
        WhenUsed::GoOn
    } else {
        WhenUsed::Refuse
    }
}

impl Confirmation<'_> {
    /// Asks; the answer comes to the path of this page.
    pub(super) fn ask(self, visitor: &Visitor) -> Response {
        self.ask_again(visitor, &Remark::none())
    }

    /// Asks again, and says why it was not done.
    pub(super) fn ask_again(self, visitor: &Visitor, remark: &Remark) -> Response {
        let fields = self.fields.into_iter().chain([(CONFIRMED, "yes")]);
        let page = ConfirmationPage {
            frame: visitor.frame(),
            title: Text::of(self.title),
            texts: self.texts.into_iter().map(Text::of).collect(),
            button: self.button,
            action: Text::of(&*visitor.path),
            fields: fields.collect(),
            cancel: Text::of(self.cancel),
            error: Text::of(&*remark.text),
        };
        answer::page(remark.status, &page)
    }
}
