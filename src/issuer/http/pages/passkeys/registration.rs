//! A new passkey: from what the browser has made to the row of its user.

use super::exchange::new_passkey;
use super::ticket::Ticket;
use crate::identity::{Assurance, PasskeyName, PlainSecret, User};
use crate::issuer::credentials::RegistrationOutcome;
use crate::issuer::directory::{AddedPasskey, DirectoryError, FreshDirectory};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::visitor::Visitor;

/// Who makes a passkey, and by what that was proved.
pub(super) struct Registrant<'a> {
    pub(super) user: &'a User,
    pub(super) assurance: Assurance,
    pub(super) directory: FreshDirectory<'a>,
}

/// Why there is no new passkey.
pub(super) enum NotRegistered {
    /// It is not what was asked for.
    Refused,
    Because(DirectoryError),
}

impl Registrant<'_> {
    /// Gives the user the passkey that a form brings; with the first one recovery codes.
    pub(super) async fn register(
        &self,
        visitor: &Visitor,
        ticket: &Ticket,
        form: &PageForm,
    ) -> Result<Vec<PlainSecret>, NotRegistered> {
        let registered = self.add(visitor, ticket, form).await;
        let outcome = match &registered {
            Ok(_) => RegistrationOutcome::Added,
            Err(NotRegistered::Because(
                DirectoryError::Store(_) | DirectoryError::Cryptography(_),
            )) => RegistrationOutcome::Unsettled,
            Err(_) => RegistrationOutcome::Refused,
        };
        visitor.issuer.credentials.count_registration(outcome);
        registered
    }

    async fn add(
        &self,
        visitor: &Visitor,
        ticket: &Ticket,
        form: &PageForm,
    ) -> Result<Vec<PlainSecret>, NotRegistered> {
        let (Ok(party), Some(challenge)) = (visitor.party(), ticket.challenge()) else {
            return Err(NotRegistered::Refused);
        };
        let made = new_passkey(party, form, &challenge).ok_or(NotRegistered::Refused)?;
        let name = PasskeyName::parse(form.text("name"));
        let name = name.map_err(|error| NotRegistered::Because(error.into()))?;
        let added = AddedPasskey {
            name: &name,
            made: &made,
            challenge: &ticket.answered(challenge),
        };
        let added = self
            .directory
            .add_passkey(self.user, &added, self.assurance);
        added.await.map_err(NotRegistered::Because)
    }
}
