//! What a page gives a browser for the next step: signed, for this browser alone, and kept nowhere here. So
//! nobody fills anything by asking, and whoever is half logged in has no session at all.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;
use crate::identity::{Challenge, PlainSecret, SecretDigest, User, UserId, Verification};
use crate::store::AnsweredChallenge;
use crate::token::LogPosition;

/// How long somebody may take for a step.
pub(super) const SECONDS: i64 = 300;

/// Clocks of issuers on one store differ a little.
const LEEWAY_SECONDS: i64 = 5;

/// Signs and checks tickets.
#[derive(Clone)]
pub(in crate::issuer) struct TicketKey(hmac::Key);

/// What a ticket is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// To log in with a passkey alone.
    LogIn,
    /// To log in after the password.
    SecondStep,
    /// To make the first passkey after the password, which is not enough.
    FirstPasskey,
    /// To make a passkey, logged in.
    Add,
    /// To prove once more, logged in, who somebody is.
    Prove,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    pub(super) purpose: Purpose,
    challenge: String,
    /// Who has given the password, or is logged in.
    user: Option<String>,
    /// How much of the revocation log had happened then.
    position: u64,
    pub(super) onward: Onward,
    at: i64,
}

/// Where a login leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::issuer::http) struct Onward {
    /// One of our own pages.
    pub(in crate::issuer::http) path: String,
    /// Where that page may send a form on to, as a content security policy has it.
    pub(in crate::issuer::http) targets: String,
}

impl Purpose {
    /// Whether the authenticator must check that it is its owner: where no password comes with the passkey.
    pub(super) fn verification(self) -> Verification {
        match self {
            Self::LogIn | Self::Prove => Verification::Required,
            Self::SecondStep | Self::FirstPasskey | Self::Add => Verification::Welcome,
        }
    }
}

impl TicketKey {
    /// The key that is made of a secret.
    pub(in crate::issuer) fn new(secret: &PlainSecret) -> Self {
        let text = format!("tickets {}", secret.reveal());
        Self(hmac::Key::new(HMAC_SHA256, text.as_bytes()))
    }

    /// A ticket as a form carries it; `browser` is what the forms of this browser carry.
    pub(super) fn write(&self, ticket: &Ticket, browser: &SecretDigest) -> String {
        let json = serde_json::to_string(ticket).unwrap_or_default();
        let tag = hmac::sign(&self.0, &signed(&json, browser));
        let (json, tag) = (
            URL_SAFE_NO_PAD.encode(json),
            URL_SAFE_NO_PAD.encode(tag.as_ref()),
        );
        format!("{json}.{tag}")
    }

    /// The ticket of this browser, if it is for one of these purposes and not too old.
    pub(super) fn read(
        &self,
        text: &str,
        browser: &SecretDigest,
        purposes: &[Purpose],
        now: UnixSeconds,
    ) -> Option<Ticket> {
        let (json, tag) = text.split_once('.')?;
        let json = String::from_utf8(URL_SAFE_NO_PAD.decode(json).ok()?).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.0, &signed(&json, browser), &tag).ok()?;
        let ticket: Ticket = serde_json::from_str(&json).ok()?;
        let age = now.since(UnixSeconds(ticket.at));
        let is_good =
            purposes.contains(&ticket.purpose) && (-LEEWAY_SECONDS..=SECONDS).contains(&age);
        is_good.then_some(ticket)
    }
}

fn signed(json: &str, browser: &SecretDigest) -> Vec<u8> {
    format!("{}\n{json}", browser.to_text()).into_bytes()
}

impl Ticket {
    pub(super) fn new(
        purpose: Purpose,
        user: Option<&User>,
        challenge: Challenge,
        onward: Onward,
        now: UnixSeconds,
    ) -> Self {
        Self {
            purpose,
            challenge: challenge.to_text(),
            user: user.map(|user| user.id.as_str().to_owned()),
            position: user.map_or(0, |user| user.as_of.0),
            onward,
            at: now.0,
        }
    }

    /// Another try, which does not make the password last any longer.
    pub(super) fn again(self, challenge: Challenge) -> Self {
        Self {
            challenge: challenge.to_text(),
            ..self
        }
    }

    pub(super) fn challenge(&self) -> Option<Challenge> {
        Challenge::from_text(&self.challenge)
    }

    /// What is kept once it is answered.
    pub(super) fn answered(&self, challenge: Challenge) -> AnsweredChallenge {
        AnsweredChallenge {
            digest: SecretDigest::of(&challenge.0),
            expires_at: self.expires_at(),
        }
    }

    /// From when on it is refused everywhere.
    pub(super) fn expires_at(&self) -> UnixSeconds {
        UnixSeconds(self.at).plus(SECONDS + 2 * LEEWAY_SECONDS)
    }

    pub(super) fn user(&self) -> Option<UserId> {
        self.user.as_deref().map(UserId::known)
    }

    /// The user as it was when it got the ticket; none where what it had then was taken back since.
    pub(super) fn stands(&self, mut user: User) -> Option<User> {
        if self.user.is_some() {
            user.as_of = user.as_of.min(LogPosition(self.position));
        }
        let stands = user.is_active() && user.revoked_through <= user.as_of;
        stands.then_some(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    #[test]
    fn a_ticket_is_for_one_browser_one_purpose_and_five_minutes() {
        let key = TicketKey::new(&PlainSecret::claimed("one"));
        let other_key = TicketKey::new(&PlainSecret::claimed("two"));
        let (browser, other) = (SecretDigest::of(b"a"), SecretDigest::of(b"b"));
        let onward = Onward::default();
        let ticket = Ticket::new(Purpose::SecondStep, None, Challenge([1; 32]), onward, NOW);
        let text = key.write(&ticket, &browser);
        let all = [Purpose::LogIn, Purpose::SecondStep];
        let read = |key: &TicketKey, text: &str, browser, purposes: &[Purpose], later| {
            key.read(text, browser, purposes, NOW.plus(later)).is_some()
        };
        assert_eq!(key.read(&text, &browser, &all, NOW), Some(ticket));
        for (later, expected) in [(-6, false), (-5, true), (300, true), (301, false)] {
            assert_eq!(
                read(&key, &text, &browser, &all, later),
                expected,
                "{later}"
            );
        }
        assert!(!read(&key, &text, &other, &all, 0));
        assert!(!read(&other_key, &text, &browser, &all, 0));
        assert!(!read(
            &key,
            &text,
            &browser,
            &[Purpose::LogIn, Purpose::Add],
            0
        ));
        for position in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[position] = if changed[position] == b'A' {
                b'B'
            } else {
                b'A'
            };
            let changed = String::from_utf8(changed).unwrap();
            // The last character of base64 has bits that mean nothing, and must be zero.
            assert!(!read(&key, &changed, &browser, &all, 0), "{position}");
        }
    }
}
