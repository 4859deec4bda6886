//! An app is disabled or enabled: what its owner and administrators are asked, and what they send.

use axum::response::Response;

use super::confirmation::Confirmation;
use super::form::PageForm;
use super::messages::Remark;
use super::told::Done;
use super::visitor::Visitor;
use crate::identity::{App, Status};
use crate::issuer::directory::AppUpdate;

/// The field with the status that the app is to have.
pub(super) const FIELD: &str = "status";

/// What an app is to become.
pub(super) struct Switch<'a> {
    pub(super) app: &'a App,
    pub(super) wanted: Status,
    /// What would happen, and whom that concerns.
    pub(super) texts: Vec<String>,
    /// The page of the app.
    pub(super) cancel: &'a str,
}

impl Switch<'_> {
    /// Asks whether that is to be.
    pub(super) fn ask(self, visitor: &Visitor) -> Response {
        let words = &visitor.words().panel;
        let (title, button) = match self.wanted {
            Status::Disabled => (words.disable_app, words.disable),
            Status::Active => (words.enable_app, words.enable),
        };
        let confirmation = Confirmation {
            title: format!("{title} {}", self.app.name.as_str()),
            texts: self.texts,
            button,
            fields: vec![(FIELD, self.wanted.name())],
            cancel: self.cancel,
        };
        match self.wanted {
            Status::Disabled => confirmation.ask(visitor),
            Status::Active => confirmation.ask_to_give(visitor, &Remark::none()),
        }
    }
}

/// What such a form wants.
pub(super) fn update(form: &PageForm) -> AppUpdate {
    AppUpdate {
        status: Some(form.text(FIELD).to_owned()),
        ..AppUpdate::default()
    }
}

/// What such a form has done.
pub(super) fn done(form: &PageForm) -> Done {
    if form.text(FIELD) == Status::Active.name() {
        Done::AppEnabled
    } else {
        Done::AppDisabled
    }
}
