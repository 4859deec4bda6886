//! A token that a gate refused, by what its log line says of it: no log has the token itself.

use serde_json::Map;

use super::facts::{Explanation, TokenFacts, TokenState};
use super::record::{LoggedDecision, Record};
use crate::cli::rehearsal::{Answer, Denied, Disposition, Grounds, Reason};
use crate::cli::token::{Fix, quoted};
use crate::clock::UnixSeconds;
use crate::labels::Label;
use crate::token::{IssuerRules, OffendingMember, TokenError, TokenErrorKind};

/// What callers get while keys or revocations are not at hand.
const UNAVAILABLE: u16 = 503;

/// `UNAVAILABLE` of `google.rpc.Code`.
const UNAVAILABLE_CODE: i32 = 14;

impl Explanation {
    /// Of a request whose token was refused: puts that refusal in the place of the answer to the same request
    /// without a token, where this policy asks for one.
    pub(super) fn refuse_token(&mut self, record: &Record, grounds: &Grounds, now: UnixSeconds) {
        if !refuse_token_of(&mut self.answer, record) {
            return;
        }
        let error = kind(record).and_then(TokenErrorKind::example);
        let rules = entry(record, grounds);
        self.token = Some(TokenFacts {
            state: TokenState::Refused,
            error: error.map(|error| error.to_string()),
            offending: offending(record),
            issuer: rules.map(|rules| rules.name.to_string()),
            iss: rules.map(|rules| rules.issuer.to_string()),
            fix: error.and_then(|error| fix(error, record, grounds, now)),
            ..TokenFacts::default()
        });
    }

    /// Takes back what is said of a made-up token and the line does not have.
    pub(super) fn forget_unlogged(&mut self, record: &Record) {
        let Some(token) = &mut self.token else { return };
        if token.state != TokenState::Accepted {
            return;
        }
        if record.text("token.scopes").is_none() {
            token.scopes = None;
            token.has_unlogged_scopes = true;
        }
    }
}

/// The same for an answer alone: whether it was one that asks for a token.
pub(super) fn refuse_token_of(answer: &mut Answer, record: &Record) -> bool {
    let asks_for_token = answer.disposition.reason() == Reason::NoToken;
    let Some(reason) = record.refused_token().filter(|_| asks_for_token) else {
        return false;
    };
    let kind = kind(record);
    let detail = kind.map(Label::label);
    let denied = Denied { reason, detail };
    if let Disposition::InShadow(_) = answer.disposition {
        answer.disposition = Disposition::InShadow(denied);
        return true;
    }
    answer.disposition = Disposition::Refused(denied);
    answer.status = match record.status() {
        // Of a route in shadow, what the upstream answers.
        Some(status) if record.decision == LoggedDecision::Deny => status,
        _ => answer.status,
    };
    if answer.status == UNAVAILABLE {
        answer.grpc_code = UNAVAILABLE_CODE;
    }
    let is_of_issuer = reason != Reason::BadToken;
    let error = kind
        .and_then(TokenErrorKind::example)
        .or(is_of_issuer.then_some(TokenError::RevocationsStale));
    // A kind of another release is named by the detail alone.
    answer.message = error.map(|error| error.description().to_owned());
    // They are those of the answer to a request without a token.
    answer.headers.clear();
    answer.body = None;
    true
}

/// What was wrong with the token.
fn kind(record: &Record) -> Option<TokenErrorKind> {
    let detail = record.detail.as_deref()?;
    let mut kinds = TokenErrorKind::ALL.iter().copied();
    kinds.find(|kind| kind.label() == detail)
}

/// The member of the token that the line has.
fn offending(record: &Record) -> Option<(&'static str, String)> {
    let mut members = OffendingMember::ALL.iter().map(|member| member.label());
    members.find_map(|name| Some((name, record.text(&format!("token.{name}"))?.to_owned())))
}

/// The rules of the token's issuer, where a configuration has them.
fn entry<'g>(record: &Record, grounds: &'g Grounds) -> Option<&'g IssuerRules> {
    let name = record.text("issuer.name").filter(|_| grounds.has_config)?;
    grounds.issuers.iter().find(|rules| *rules.name == *name)
}

fn fix(error: TokenError, record: &Record, grounds: &Grounds, now: UnixSeconds) -> Option<String> {
    if !grounds.has_config {
        return Some("`--config FILE` says what is wanted of the token".to_owned());
    }
    let entry = entry(record, grounds);
    match (error, entry) {
        (TokenError::WrongAudience, Some(rules)) => return Some(audience(rules, record)),
        (TokenError::RequirementNotMet, _) if record.text("token.requirement").is_some() => {
            let advice = "ask the issuer for a token that meets it, or change `require`";
            return Some(advice.to_owned());
        }
        (TokenError::RequirementNotMet | TokenError::WrongAudience, _) => {
            return Some(
                "the line does not have the claim: `portcullis token inspect` compares the token itself".to_owned(),
            );
        }
        // What is known of keys is known to a running gate alone.
        (TokenError::KeysNotLoaded(_) | TokenError::RevocationsStale, _) => return None,
        _ => {}
    }
    let all: Vec<&IssuerRules> = grounds.issuers.iter().collect();
    let claims = Map::new();
    let fix = Fix {
        claims: &claims,
        entry,
        all: &all,
        now,
    };
    Some(fix.of(error))
}

fn audience(rules: &IssuerRules, record: &Record) -> String {
    let (name, wanted) = (&rules.name, quoted(&rules.audiences));
    let path = &rules.claims.audience;
    match record.text("token.aud") {
        Some(aud) if rules.audiences.iter().any(|wanted| **wanted == *aud) => format!(
            "this configuration accepts its `{path}`, `{aud}`: the gate that refused it had another one"
        ),
        Some(aud) => format!(
            "its `{path}` is `{aud}`, and the `audiences` of `{name}` are {wanted}; ask the issuer for a token \
             for this service"
        ),
        None => format!(
            "the `audiences` of `{name}` are {wanted}; the line does not have the token's `{path}`: `portcullis token \
             inspect` shows it"
        ),
    }
}
