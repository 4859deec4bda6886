//! Errors in the words of the reader. English is what every caller is told; German is written beside it.

mod fields;
mod german;
mod redirect_uris;

use std::fmt::Display;

use axum::http::StatusCode;

use super::language::Language;
use crate::identity::{AuthorizeError, RedirectUri, UnanswerableError};
use crate::issuer::directory::{DirectoryError, Thing};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::keys::KeyRotationError;

pub(super) use fields::Fields;

/// What a form says of what was sent with it.
pub(super) struct Remark {
    /// Of the answer.
    pub(super) status: StatusCode,
    /// A sentence; empty where there is nothing to say.
    pub(super) text: String,
    /// The fields that it is about.
    pub(super) fields: Fields,
}

impl Remark {
    /// On a form that nobody has sent yet.
    pub(super) fn none() -> Self {
        Self {
            status: StatusCode::OK,
            text: String::new(),
            fields: Fields::none(),
        }
    }

    /// What the page itself finds wrong, in no one field.
    pub(super) fn wrong(text: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            text: text.to_owned(),
            fields: Fields::none(),
        }
    }

    /// The error in the words of the reader.
    pub(super) fn of(language: Language, error: &EndpointError) -> Self {
        Self {
            status: error.status(),
            text: message(language, error),
            fields: Fields::of(error),
        }
    }

    /// With another one, unless it says the same.
    pub(super) fn and(mut self, other: Self) -> Self {
        if !self.text.contains(&other.text) {
            self.text = format!("{} {}", self.text, other.text);
        }
        self.fields.extend(other.fields);
        self
    }

    /// With what is wrong with the first bad one of these addresses, where it is about addresses.
    pub(super) fn of_uris(self, language: Language, uris: &[String]) -> Self {
        if !self.fields.has(fields::REDIRECT_URIS) {
            return self;
        }
        let bad = uris.iter().find(|uri| RedirectUri::parse(uri).is_err());
        match bad {
            Some(uri) => Self {
                text: redirect_uris::what_is_wrong(language, uri),
                ..self
            },
            None => self,
        }
    }
}

/// Whether somebody can put it right in the form that it has sent.
pub(super) fn is_for_the_form(error: &EndpointError) -> bool {
    match error {
        EndpointError::WrongPassword => true,
        EndpointError::Directory(error) => is_about_what_was_sent(error),
        _ => false,
    }
}

fn is_about_what_was_sent(error: &DirectoryError) -> bool {
    match error {
        DirectoryError::NameTaken(_)
        | DirectoryError::Replaced { .. }
        | DirectoryError::Own(_)
        | DirectoryError::Reserved
        | DirectoryError::EverybodyAdministrator
        | DirectoryError::Beyond(_)
        | DirectoryError::BeyondRoles(_)
        | DirectoryError::TooManyRoles
        | DirectoryError::TooManyScopes
        | DirectoryError::TooManyRevocations
        | DirectoryError::ShareUsedUp
        | DirectoryError::Full(_)
        | DirectoryError::BeyondOwner(_)
        | DirectoryError::CannotFollow
        | DirectoryError::UnknownScope(_)
        | DirectoryError::UnknownRole(_)
        | DirectoryError::NotHeld { .. }
        | DirectoryError::Scope(_)
        | DirectoryError::NotAddressable
        | DirectoryError::Description(_)
        | DirectoryError::User(_)
        | DirectoryError::App(_)
        | DirectoryError::Password(_)
        | DirectoryError::LastAdministrator
        | DirectoryError::DefaultRole
        | DirectoryError::KeyRotation(
            KeyRotationError::TooMany | KeyRotationError::Files | KeyRotationError::Contended,
        )
        | DirectoryError::ScopeInUse(_)
        | DirectoryError::InUse(_)
        | DirectoryError::KnownPasswords(_)
        | DirectoryError::TooManyApps
        | DirectoryError::TooManyRedirectUris
        | DirectoryError::PasskeyName(_)
        | DirectoryError::TooManyPasskeys
        | DirectoryError::PasskeyTaken
        | DirectoryError::LastPasskey => true,
        DirectoryError::NotFound(_)
        | DirectoryError::RoleExtended
        | DirectoryError::Follower
        | DirectoryError::DisabledByAdministrator
        | DirectoryError::ListAndOwner
        | DirectoryError::AllAndSome(_)
        | DirectoryError::Status(_)
        | DirectoryError::Changed
        | DirectoryError::NotFresh { .. }
        | DirectoryError::Overlap
        | DirectoryError::SecretReplaced
        | DirectoryError::WhatToRevoke
        | DirectoryError::Id
        | DirectoryError::KeyRotation(_)
        | DirectoryError::Hashing(_)
        | DirectoryError::Store(_)
        | DirectoryError::Cryptography(_) => false,
    }
}

/// An error as a sentence. What is internal goes to the log alone.
pub(in crate::issuer::http) fn message(language: Language, error: &EndpointError) -> String {
    if let EndpointError::Directory(DirectoryError::InUse(_) | DirectoryError::ScopeInUse(_)) =
        error
    {
        // The page beside it says by whom, and has a button instead of `--force`.
        return language.words().panel.used_meanwhile.to_owned();
    }
    if let EndpointError::Directory(DirectoryError::NameTaken(Thing::App)) = error {
        // Only owners name apps on these pages.
        return language.words().app_name_taken.to_owned();
    }
    let english = match error {
        EndpointError::Directory(error) => own_words(error),
        _ => None,
    };
    let english = english.unwrap_or_else(|| sentence(&error.description()));
    let text = match language {
        Language::English => english,
        Language::German => german::of(error).unwrap_or(english),
    };
    in_quotes(language, &text)
}

/// What English pages say otherwise than endpoints, whose callers have tokens and commands.
fn own_words(error: &DirectoryError) -> Option<String> {
    let text = match error {
        DirectoryError::Beyond(scopes) => format!(
            "Your account lacks {scopes}: you cannot give, take or change what you do not have. An administrator who \
             has it can."
        ),
        DirectoryError::KeyRotation(KeyRotationError::TooMany) => {
            "Too many keys are published for verifiers to accept another: wait until some have ended, or withdraw \
             them all at once."
                .to_owned()
        }
        _ => return None,
    };
    Some(text)
}

/// Why a request of an app has no answer. The app may be told of it in English; its user, in its own words.
pub(in crate::issuer::http) trait Reason: Display {
    fn german(&self) -> String;

    /// Without a full stop.
    fn in_words_of(&self, language: Language) -> String {
        match language {
            Language::English => self.to_string(),
            Language::German => self.german(),
        }
    }
}

impl Reason for UnanswerableError {
    fn german(&self) -> String {
        german::of_unanswerable(*self).to_owned()
    }
}

impl Reason for AuthorizeError {
    fn german(&self) -> String {
        german::of_authorize(*self).to_owned()
    }
}

/// With the quotation marks of the language for backticks.
pub(super) fn in_quotes(language: Language, text: &str) -> String {
    let (opening, closing) = match language {
        Language::English => ('\u{201c}', '\u{201d}'),
        Language::German => ('\u{201e}', '\u{201c}'),
    };
    quoted(text, opening, closing)
}

/// With the quotation marks of the language for backticks, which come in pairs.
fn quoted(text: &str, opening: char, closing: char) -> String {
    let mut quoted = String::new();
    for (position, part) in text.split('`').enumerate() {
        if position > 0 {
            quoted.push(if position % 2 == 1 { opening } else { closing });
        }
        quoted.push_str(part);
    }
    quoted
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return String::new();
    };
    let rest = characters.as_str();
    format!("{}{rest}.", first.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;
    use crate::identity::{
        AppError, DescriptionError, FormError, NameError, PasswordError, UserError, Username,
    };
    use crate::issuer::directory::KnownPasswords;

    /// The groups of digits of a text, in their order.
    fn numbers(text: &str) -> Vec<&str> {
        let parts = text.split(|one: char| !one.is_ascii_digit());
        parts.filter(|part| !part.is_empty()).collect()
    }

    /// German repeats by hand what English takes from the constants.
    #[test]
    fn numbers_are_the_same_in_both_languages_and_in_the_same_order() {
        let retry_after_seconds = 77;
        let rows: [EndpointError; 14] = [
            DirectoryError::TooManyApps.into(),
            DirectoryError::TooManyRedirectUris.into(),
            DirectoryError::Id.into(),
            DirectoryError::from(AppError::Name).into(),
            DirectoryError::from(AppError::RedirectUri).into(),
            DirectoryError::from(AppError::Description).into(),
            DirectoryError::from(AppError::Link).into(),
            DirectoryError::from(DescriptionError).into(),
            DirectoryError::from(NameError).into(),
            DirectoryError::from(PasswordError::TooShort).into(),
            DirectoryError::from(PasswordError::TooLong).into(),
            DirectoryError::from(PasswordError::Context).into(),
            DirectoryError::from(UserError::Username).into(),
            EndpointError::Throttled {
                retry_after_seconds,
            },
        ];
        for error in rows {
            let [english, german] =
                [Language::English, Language::German].map(|language| message(language, &error));
            assert_ne!(english, german);
            assert!(!numbers(&english).is_empty(), "{english}");
            assert_eq!(numbers(&english), numbers(&german), "{english} {german}");
        }
    }

    #[test]
    fn what_others_did_in_the_meantime_is_told_in_german() {
        let not_held = |thing| DirectoryError::NotHeld {
            holder: "alice".to_owned(),
            thing,
            name: "clerk".to_owned(),
        };
        for (error, expected) in [
            (
                not_held(Thing::Role),
                "\u{201e}alice\u{201c} hat die Rolle \u{201e}clerk\u{201c} nicht.",
            ),
            (
                not_held(Thing::Scope),
                "\u{201e}alice\u{201c} hat die Berechtigung \u{201e}clerk\u{201c} nicht.",
            ),
            (
                DirectoryError::Replaced {
                    thing: Thing::User,
                    name: "alice".to_owned(),
                },
                "Der Benutzer \u{201e}alice\u{201c} wurde umbenannt oder ersetzt, seit diese Seite gemacht wurde. \
                 Nichts wurde geändert.",
            ),
            (
                DirectoryError::RoleExtended,
                "Die Rolle hat Berechtigungen bekommen oder ist zum Standard geworden, während sie gelöscht wurde. Was sie \
             hatte, ist weg, und sie ist noch da: Lösche sie noch einmal.",
            ),
        ] {
            assert_eq!(message(Language::German, &error.into()), expected);
        }
    }

    #[test]
    fn who_knows_a_password_is_told_in_both_languages() {
        let name = |text: &str| Username::parse(text).unwrap();
        let known = |set_by: Option<&str>, others| {
            let known = KnownPasswords {
                user: name("carol"),
                others,
                set_by: set_by.map(name),
                at: UnixSeconds(1_800_000_000),
            };
            EndpointError::from(DirectoryError::KnownPasswords(known))
        };
        let told = message(Language::English, &known(Some("pat"), 0));
        assert_eq!(
            told,
            "\u{201c}pat\u{201d} has set the password of \u{201c}carol\u{201d} (2027-01-15T08:00:00Z) and lacks these \
             scopes: its user must replace it first, in the account or by a link."
        );
        let told = message(Language::German, &known(None, 2));
        assert_eq!(
            told,
            "Das Passwort von \u{201e}carol\u{201c} und 2 weiteren hat ein Administrator, den es nicht mehr gibt, am \
             2027-01-15T08:00:00Z gesetzt, ohne diese Berechtigungen selbst zu haben: Zuerst muss der Benutzer es \
             ersetzen, in seinem Konto oder über einen Link."
        );
    }

    #[test]
    fn what_is_damaged_is_told_in_german() {
        for error in [FormError::Encoding, FormError::Duplicate] {
            let german = message(Language::German, &error.into());
            assert!(
                german.starts_with("Die Adresse oder das Formular"),
                "{german}"
            );
        }
        let reason = UnanswerableError::UnknownClient.in_words_of(Language::German);
        assert!(reason.starts_with("die App gibt es nicht"), "{reason}");
        let reason = AuthorizeError::NoChallenge.in_words_of(Language::German);
        assert!(reason.contains("`code_challenge`"), "{reason}");
    }

    #[test]
    fn errors_are_sentences_of_the_language() {
        let error = || EndpointError::from(DirectoryError::NameTaken(Thing::User));
        let english = "The username or the e-mail address is already taken.";
        assert_eq!(message(Language::English, &error()), english);
        let german = "Der Benutzername oder die E-Mail-Adresse ist schon vergeben.";
        assert_eq!(message(Language::German, &error()), german);
        let error = EndpointError::from(DirectoryError::UnknownRole("a".to_owned()));
        let english = "There is no role \u{201c}a\u{201d}.";
        assert_eq!(message(Language::English, &error), english);
        let german = "Die Rolle \u{201e}a\u{201c} gibt es nicht.";
        assert_eq!(message(Language::German, &error), german);
    }
}
