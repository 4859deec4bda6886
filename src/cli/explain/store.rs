//! Users and apps of the issuer as callers: with what its store says of them.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::{Map, Value};
use tokio::runtime::Builder;

use super::ExplainArgs;
use crate::cli::rehearsal::{Caller, Grounds};
use crate::clock::UnixSeconds;
use crate::config::{Config, Overrides};
use crate::issuer::{SampleError, SampleOf, sample_claims};
use crate::problem::printable;
use crate::token::IssuerRules;

/// The user or the app that was named.
pub(super) fn named(args: &ExplainArgs) -> Option<SampleOf<'_>> {
    let user = args.user.as_deref().map(SampleOf::User);
    user.or(args.app.as_deref().map(SampleOf::App))
}

/// Whoever has the token that the issuer would make now; without a token where it makes none.
pub(super) fn caller(
    config: &Path,
    who: SampleOf<'_>,
    grounds: &Grounds,
    now: UnixSeconds,
    notes: &mut Vec<Cow<'static, str>>,
) -> anyhow::Result<Caller> {
    let settings = Config::load(config, &Overrides::default())?.issuer;
    let settings = settings.with_context(|| {
        let path = config.display();
        format!("`{path}` has no section `issuer`, so there is no store with users and apps")
    })?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let made = runtime.block_on(sample_claims(&settings, &who, now));
    let (kind, name) = match who {
        SampleOf::User(name) => ("user", printable(name)),
        SampleOf::App(key) => ("app", printable(key)),
    };
    let made = made.map_err(|error| match error {
        SampleError::Unknown => {
            anyhow!("there is no {kind} `{name}`: `portcullis {kind} list` lists them")
        }
        error => error.into(),
    })?;
    let claims = match made {
        Ok(claims) => claims,
        Err(reason) => {
            notes.push(Cow::Owned(format!(
                "the issuer gives the {kind} `{name}` no token for the API: {reason}. This explains the request \
                 without one"
            )));
            return Ok(Caller::AsInHeaders);
        }
    };
    let rules = entry(grounds, &settings.url, &claims)?;
    let scopes = claims
        .get("scope")
        .and_then(Value::as_str)
        .unwrap_or_default();
    notes.push(Cow::Owned(format!(
        "the {kind} `{name}` would get a token with the scopes {}; it was not made, so that a token from before may \
         have others, or be revoked",
        printable(scopes)
    )));
    Ok(Caller::Claims {
        issuer: Some(rules.name.to_string()),
        claims,
    })
}

/// The entry of `trust` by which the issuer's tokens are judged: one that has an audience of theirs, if there is
/// one.
fn entry<'g>(
    grounds: &'g Grounds,
    url: &str,
    claims: &Map<String, Value>,
) -> anyhow::Result<&'g IssuerRules> {
    let audiences = claims.get("aud").and_then(Value::as_array);
    let is_for = |rules: &&IssuerRules| {
        let mut audiences = audiences.into_iter().flatten().filter_map(Value::as_str);
        audiences.any(|audience| rules.audiences.iter().any(|ours| **ours == *audience))
    };
    let trusted = || grounds.issuers.iter().filter(|rules| *rules.issuer == *url);
    let found = trusted().find(is_for).or(trusted().next());
    found.with_context(|| {
        format!("`trust` has no entry for the issuer `{url}`, so that none of its tokens counts: add one")
    })
}
