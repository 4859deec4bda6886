//! The page that says what something does before it is done.

use askama::Template;
use axum::response::Response;

use super::answer;
use super::form::PageForm;
use super::frame::Frame;
use super::messages::Remark;
use super::timed::Timed;
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
    /// What is known of it, with times.
    fact: Option<Timed>,
    texts: Vec<Text<'a>>,
    button: &'static str,
    action: Text<'a>,
    /// Not `Text`, which replaces characters: nobody reads them, and they come back as they are.
    fields: Vec<(&'a str, &'a str)>,
    cancel: Text<'a>,
    error: Text<'a>,
    /// Whether there is something to do.
    asks: bool,
    /// Whether it takes something away, which the button shows.
    takes: bool,
    /// What has to be typed.
    typed: Option<Typed<'a>>,
    /// What can be done as well.
    offer: Option<Offer>,
}

/// A box for what should perhaps be done as well; it is ticked.
pub(super) struct Offer {
    /// The field of the form.
    pub(super) name: &'static str,
    pub(super) label: String,
}

/// A word that has to be typed, where everybody loses something.
pub(super) struct Typed<'a> {
    /// The field of the form.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// As it was sent.
    pub(super) value: Text<'a>,
}

/// How it is asked.
enum Asking<'a> {
    /// Not at all: there is nothing to do.
    Nothing,
    /// Something is taken away, of which this is known.
    Taking(Option<Timed>),
    /// Nobody loses anything.
    Giving(Option<Offer>),
    /// Everybody loses something.
    FromEverybody(Typed<'a>),
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

impl<'a> Confirmation<'a> {
    /// Asks; the answer comes to the path of this page.
    pub(super) fn ask(self, visitor: &Visitor) -> Response {
        self.ask_again(visitor, &Remark::none())
    }

    /// Says that there is nothing to do, and has no button.
    pub(super) fn tell(self, visitor: &Visitor) -> Response {
        self.page(visitor, &Remark::none(), Asking::Nothing)
    }

    /// Asks again, and says why it was not done.
    pub(super) fn ask_again(self, visitor: &Visitor, remark: &Remark) -> Response {
        self.page(visitor, remark, Asking::Taking(None))
    }

    /// The same, and says when something happened.
    pub(super) fn ask_after_fact(
        self,
        visitor: &Visitor,
        remark: &Remark,
        fact: Timed,
    ) -> Response {
        self.page(visitor, remark, Asking::Taking(Some(fact)))
    }

    /// The same where nobody loses anything.
    pub(super) fn ask_to_give(self, visitor: &Visitor, remark: &Remark) -> Response {
        self.page(visitor, remark, Asking::Giving(None))
    }

    /// The same with something that can be done as well.
    pub(super) fn ask_with_offer(
        self,
        visitor: &Visitor,
        remark: &Remark,
        offer: Offer,
    ) -> Response {
        self.page(visitor, remark, Asking::Giving(Some(offer)))
    }

    /// The same where everybody loses something, and a word has to be typed.
    pub(super) fn ask_for_word(
        self,
        visitor: &Visitor,
        remark: &Remark,
        typed: Typed<'a>,
    ) -> Response {
        self.page(visitor, remark, Asking::FromEverybody(typed))
    }

    fn page(self, visitor: &Visitor, remark: &Remark, asking: Asking<'a>) -> Response {
        let asks = !matches!(asking, Asking::Nothing);
        let (takes, fact, typed, offer) = match asking {
            Asking::Nothing => (false, None, None, None),
            Asking::Taking(fact) => (true, fact, None, None),
            Asking::Giving(offer) => (false, None, None, offer),
            Asking::FromEverybody(typed) => (true, None, Some(typed), None),
        };
        let fields = self.fields.into_iter().chain([(CONFIRMED, "yes")]);
        let page = ConfirmationPage {
            frame: visitor.frame(),
            title: Text::of(self.title),
            fact,
            texts: self.texts.into_iter().map(Text::of).collect(),
            button: self.button,
            action: Text::of(&*visitor.path),
            fields: fields.collect(),
            cancel: Text::of(self.cancel),
            error: Text::of(&*remark.text),
            asks,
            takes,
            typed,
            offer,
        };
        answer::page(remark.status, &page)
    }
}
