//! The claims of a token (RFC 7519 section 4): typed strictly, but not yet trusted.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Number, Value};

use super::claim_rules::ClaimPath;
use super::error::{Claim, TokenError};
use super::issuer_rules::IssuerRules;
use super::json::{self, JsonError};
use crate::clock::UnixSeconds;

/// The longest subject, client or token id. They are forwarded in headers and logged.
const MAX_NAME_BYTES: usize = 1024;

/// The last second of the year 9999, beyond which RFC 3339 cannot write a time.
const LATEST: i64 = 253_402_300_799;

/// Decodes one of the first two parts of a token: a JSON object in canonical base64url.
pub(super) fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Base64Url)?;
    match json::parse(&json) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(TokenError::NotAnObject),
        Err(JsonError::Syntax) => Err(TokenError::Json),
        Err(JsonError::DuplicateMember) => Err(TokenError::DuplicateMember),
        Err(JsonError::TooDeep) => Err(TokenError::TooDeep),
    }
}

/// The claims as they are written.
pub(super) struct Claims(pub(super) Map<String, Value>);

impl Claims {
    /// Reads the second part of a token.
    pub(super) fn parse(part: &str) -> Result<Self, TokenError> {
        object(part).map(Self)
    }

    /// `iss`, by which the issuer's rules are found.
    pub(super) fn issuer(&self) -> Result<&str, TokenError> {
        match self.0.get("iss") {
            None | Some(Value::Null) => Err(TokenError::Missing(Claim::Issuer)),
            Some(Value::String(issuer)) => Ok(issuer),
            Some(_) => Err(TokenError::Unacceptable(Claim::Issuer)),
        }
    }

    /// The first of these claims that is there: required, and fit to be forwarded.
    pub(super) fn subject(&self, paths: &[ClaimPath]) -> Result<&str, TokenError> {
        let found = paths.iter().find_map(|path| path.find(&self.0));
        let found = found.ok_or(TokenError::Missing(Claim::Subject))?;
        name(found).ok_or(TokenError::Unacceptable(Claim::Subject))
    }

    /// The first of these claims that is there and not empty, if it is fit to be forwarded. No check
    /// relies on it.
    pub(super) fn client(&self, paths: &[ClaimPath]) -> Option<&str> {
        let mut found = paths.iter().filter_map(|path| path.find(&self.0));
        name(found.find(|value| value.as_str() != Some(""))?)
    }

    /// A claim that names something, if it is fit to be forwarded.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        name(self.0.get(claim)?)
    }

    /// Whether one of the audiences (a string, or an array of nothing but strings, and at least one)
    /// is `accepted`.
    pub(super) fn check_audience(
        &self,
        claim: &ClaimPath,
        accepted: &[Box<str>],
    ) -> Result<(), TokenError> {
        let is_accepted = |audience: &str| accepted.iter().any(|ours| **ours == *audience);
        let ours = match claim.find(&self.0) {
            None => return Err(TokenError::Missing(Claim::Audience)),
            Some(Value::String(audience)) => is_accepted(audience),
            Some(Value::Array(audiences))
                if !audiences.is_empty() && audiences.iter().all(Value::is_string) =>
            {
                audiences.iter().filter_map(Value::as_str).any(is_accepted)
            }
            Some(_) => return Err(TokenError::Unacceptable(Claim::Audience)),
        };
        if ours {
            Ok(())
        } else {
            Err(TokenError::WrongAudience)
        }
    }

    /// Refuses a token that `cnf` binds to a key (RFC 7800; `DPoP`, RFC 9449; mutual TLS, RFC
    /// 8705). Whatever it holds is a bond that is not understood; null counts as absent.
    pub(super) fn check_bearer(&self) -> Result<(), TokenError> {
        match self.0.get("cnf") {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(TokenError::SenderConstrained),
        }
    }

    /// `exp`, `nbf` and `iat`.
    pub(super) fn times(&self) -> Result<Times, TokenError> {
        Ok(Times {
            expires_at: self
                .time("exp", Claim::ExpiresAt)?
                .ok_or(TokenError::Missing(Claim::ExpiresAt))?,
            not_before: self.time("nbf", Claim::NotBefore)?,
            issued_at: self.time("iat", Claim::IssuedAt)?,
        })
    }

    fn time(&self, name: &str, claim: Claim) -> Result<Option<NumericDate>, TokenError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => NumericDate::read(number)
                .map(Some)
                .ok_or(TokenError::Unacceptable(claim)),
            Some(_) => Err(TokenError::Unacceptable(claim)),
        }
    }
}

/// A claim that names something: one to [`MAX_NAME_BYTES`] bytes which a header field carries
/// unchanged, so neither control characters nor outer spaces, which parsers trim (RFC 9110 section
/// 5.5): ` root` must not arrive as `root`.
fn name(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| {
        (1..=MAX_NAME_BYTES).contains(&text.len())
            && !text.contains(char::is_control)
            && text.trim() == *text
    })
}

/// A time that may have a fraction (RFC 7519 section 2), as the whole seconds around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumericDate {
    floor: i64,
    ceiling: i64,
}

impl NumericDate {
    /// From the first second of 1970 to the last of 9999, else nothing.
    fn read(number: &Number) -> Option<Self> {
        let (floor, ceiling) = match number.as_i64() {
            Some(seconds) => (seconds, seconds),
            None => whole_seconds(number.as_f64()?)?,
        };
        (floor >= 0 && ceiling <= LATEST).then_some(Self { floor, ceiling })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "both sides of the comparison are below 2^53, where every integer is exact"
)]
fn whole_seconds(seconds: f64) -> Option<(i64, i64)> {
    let in_range = (0.0..=LATEST as f64).contains(&seconds);
    in_range.then_some((seconds.floor() as i64, seconds.ceil() as i64))
}

/// When a token is valid. Fractions are rounded to the side that refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    expires_at: NumericDate,
    not_before: Option<NumericDate>,
    issued_at: Option<NumericDate>,
}

impl Times {
    /// The last second before which the token is valid, leeway aside.
    pub(super) fn expires_at(self) -> UnixSeconds {
        UnixSeconds(self.expires_at.floor)
    }

    /// `iat`, a fraction dropped.
    pub(super) fn issued_at(self) -> Option<UnixSeconds> {
        self.issued_at.map(|date| UnixSeconds(date.floor))
    }

    /// `nbf <= now + leeway`, `iat <= now + leeway`, `now < exp + leeway` (RFC 7519 section 4.1),
    /// and a lifetime of at most what the issuer's tokens may have. Without `iat` the rest of the
    /// lifetime counts, with leeway, because it compares two clocks.
    pub(super) fn check(self, rules: &IssuerRules, now: UnixSeconds) -> Result<(), TokenError> {
        let leeway = i64::from(rules.leeway_seconds);
        if now >= UnixSeconds(self.expires_at.floor).plus(leeway) {
            return Err(TokenError::Expired);
        }
        let latest_start = now.plus(leeway);
        let starts_later = |date: Option<NumericDate>| {
            date.is_some_and(|date| UnixSeconds(date.ceiling) > latest_start)
        };
        if starts_later(self.not_before) {
            return Err(TokenError::NotYetValid);
        }
        if starts_later(self.issued_at) {
            return Err(TokenError::IssuedInTheFuture);
        }
        let start = self
            .issued_at
            .map_or(latest_start, |date| UnixSeconds(date.floor));
        let lifetime = UnixSeconds(self.expires_at.ceiling).since(start);
        let longest = i64::try_from(rules.max_lifetime_seconds).unwrap_or(i64::MAX);
        if lifetime > longest {
            Err(TokenError::LivesTooLong)
        } else {
            Ok(())
        }
    }
}
