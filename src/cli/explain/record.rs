//! A decision that a gate made: from its log line, or from what it remembers of its last refusals.

mod logged;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde_json::{Map, Value};

use super::unlogged;
use crate::cli::rehearsal::{
    Answer, AskedRequest, Caller, Grounds, Reason, RestsOn, scopes_as_claims,
};
use crate::gate::HIDDEN_MARKS;
use crate::labels::Label;
use crate::policy::{Policy, TargetError};

pub(in crate::cli) use logged::{LoggedDecision, LoggedReason};

/// Of a line that hides what follows in the path.
const CUT: &str = "the log hides what follows in the path, which may be a secret; the path is explained up to there";

/// The longest line that is read, in bytes.
pub(super) const MAX_LINE_BYTES: u64 = 64 * 1024;

/// What is known of a decision.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Record {
    pub(in crate::cli) decision: LoggedDecision,
    pub(in crate::cli) reason: LoggedReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision_id: Option<String>,
    /// The beginning of the digest of the policy that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy_digest: Option<String>,
    /// What the policy in shadow would have changed, if the line is about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<String>,
    /// Why it would have.
    #[serde(rename = "shadow.reason", skip_serializing_if = "Option::is_none")]
    shadow_reason: Option<String>,
    #[serde(skip)]
    fields: Map<String, Value>,
}

/// The names that a log has for the reasons of decisions.
pub(in crate::cli) fn reasons() -> impl Iterator<Item = &'static str> {
    Reason::ALL.iter().map(|reason| reason.label())
}

impl Record {
    /// Reads a line of the log in JSON, which may have other text in front, as container runtimes put
    /// it there.
    pub(in crate::cli) fn parse(line: &str) -> anyhow::Result<Self> {
        let json = line.find('{').and_then(|start| line.get(start..));
        let json = json.context(
            "this is not a log line in JSON: pass one line that the gate wrote with `log.format: \
             json`",
        )?;
        let fields: Map<String, Value> =
            serde_json::from_str(json.trim()).context("the log line is not valid JSON")?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let decision = text("decision");
        let (Some(decision), Some(reason)) = (decision, text("reason")) else {
            bail!(
                "the line is not about a decision: pass one whose `target` is `portcullis::decision`"
            );
        };
        Ok(Self {
            decision: LoggedDecision::named(decision),
            reason: LoggedReason::named(reason),
            detail: text("detail"),
            route: text("route.name"),
            decision_id: text("decision.id"),
            policy_digest: text("policy.digest"),
            difference: text("difference"),
            shadow_reason: text("shadow.reason"),
            fields,
        })
    }

    /// Unknown where another release has written the line.
    fn reason(&self) -> Option<Reason> {
        match self.reason {
            LoggedReason::Known(reason) => Some(reason),
            LoggedReason::Other(_) => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    /// The request, as far as it was logged.
    pub(in crate::cli) fn request(&self) -> anyhow::Result<AskedRequest> {
        let part = |name: &str| self.text(name).map(unescaped).transpose();
        let (method, host, path) = (
            part("request.method")?,
            part("request.host")?,
            part("request.path")?,
        );
        let (Some(method), Some(path)) = (method, path) else {
            bail!(
                "the line names no method or no path: the gate logs them with `log.path: full`, and \
                 only of requests that it could read"
            );
        };
        ensure!(
            !path.contains("/{"),
            "the line has the route's template instead of the path: the gate logs paths with \
             `log.path: full`"
        );
        Ok(AskedRequest {
            method,
            host: host.unwrap_or_default(),
            path,
            ..AskedRequest::default()
        })
    }

    /// The path up to where the log has cut it, if it begins there with what may be a secret.
    pub(in crate::cli) fn path_up_to_mark(&self) -> Option<&str> {
        let shown = self.text("request.path")?.strip_suffix("...")?;
        let is_cut = HIDDEN_MARKS.iter().any(|mark| shown.ends_with(mark));
        is_cut.then_some(shown)
    }

    /// The same of a path that was refused for what the log hides from there on, up to that place; with a note
    /// then.
    pub(super) fn request_as_far_as_logged(
        &self,
    ) -> anyhow::Result<(AskedRequest, Option<&'static str>)> {
        let is_malformed = self.reason() == Some(Reason::MalformedTarget);
        let shown = self.path_up_to_mark().filter(|_| is_malformed);
        let (Some(shown), Some(method)) = (shown, self.text("request.method")) else {
            let request = self.request().with_context(|| self.broken_rule());
            return Ok((request?, None));
        };
        let request = AskedRequest {
            method: unescaped(method)?,
            host: unescaped(self.text("request.host").unwrap_or_default())?,
            path: unescaped(shown)?,
            ..AskedRequest::default()
        };
        Ok((request, Some(CUT)))
    }

    /// What a line of a malformed request says by itself.
    fn broken_rule(&self) -> String {
        let mut rules = TargetError::ALL.iter();
        let rule = rules.find(|rule| Some(rule.label()) == self.detail.as_deref());
        let summary = self.summary();
        match rule {
            Some(rule) => {
                let setting = rule
                    .setting()
                    .map_or_else(String::new, |how| format!("; {how}"));
                format!("the line says `{summary}`: {rule}{setting}")
            }
            None => format!("the line says `{summary}`, and no more can be found out"),
        }
    }

    /// The reason of a refused token, if that is what the line is about.
    pub(super) fn refused_token(&self) -> Option<Reason> {
        let reason = self.reason()?;
        (reason.rests_on() == RestsOn::Token).then_some(reason)
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> Option<u16> {
        let status = self.fields.get("status").and_then(Value::as_u64)?;
        u16::try_from(status).ok()
    }

    /// Somebody who is to this request what its caller was, as far as that was logged.
    pub(super) fn caller(&self, grounds: &Grounds) -> Caller {
        let (name, issuer) = (self.text("issuer.name"), self.text("token.issuer"));
        let rules = grounds.issuers.iter().find(|rules| match (name, issuer) {
            (Some(name), _) => *rules.name == *name,
            (None, Some(issuer)) => *rules.issuer == *issuer,
            (None, None) => true,
        });
        match rules.filter(|_| self.has_token()) {
            Some(rules) => {
                let scopes = self.scopes(&grounds.policy).unwrap_or_default();
                Caller::Claims {
                    issuer: Some(rules.name.to_string()),
                    claims: scopes_as_claims(rules, &scopes),
                }
            }
            None => Caller::AsInHeaders,
        }
    }

    /// Whether a token came that was accepted.
    pub(super) fn has_token(&self) -> bool {
        let is_logged = ["subject", "token.issuer"]
            .iter()
            .any(|name| self.text(name).is_some());
        is_logged
            || matches!(
                self.reason(),
                Some(
                    Reason::ScopesMissing
                        | Reason::Nobody
                        | Reason::Unlisted
                        | Reason::Authenticated
                        | Reason::Scopes
                )
            )
    }

    /// The scopes of the token: those of the line or, where it was decided after them, the least that the
    /// route asks for.
    pub(super) fn scopes(&self, policy: &Policy) -> Option<String> {
        if let Some(scopes) = self.text("token.scopes") {
            return Some(scopes.to_owned());
        }
        match self.reason()? {
            Reason::ScopesMissing => Some(String::new()),
            Reason::Scopes | Reason::ConditionNotMet | Reason::ConditionFailed => {
                let route = unlogged::route(policy, self.route.as_deref())?;
                let least = route.requirement.scopes()?.least_sets();
                least.first().map(|scopes| scopes.join(" "))
            }
            _ => None,
        }
    }

    /// Whether this policy in shadow is the one that the line tells of.
    pub(super) fn is_of_shadow(&self, digest: &str) -> bool {
        let logged = self.text("shadow.policy.digest");
        logged.is_some_and(|logged| digest.starts_with(logged))
    }

    /// What cannot be seen in the explanation, because it was not logged.
    pub(super) fn limits(&self) -> Option<&'static str> {
        match self.reason()?.rests_on() {
            RestsOn::Token => Some(
                "a token came with the request and was refused; no log has the token, so what is wrong \
                 with it is from the line: `--token` or `portcullis token inspect` judges the token itself",
            ),
            RestsOn::Headers => Some(
                "the reason lies in headers, which the gate does not keep, so this explains the same \
                 request without them",
            ),
            RestsOn::Gate => Some(
                "the request was not judged; this is what would have become of it without a token",
            ),
            RestsOn::Claims => Some(
                "the claims of the token are not logged; those of this explanation are placeholders",
            ),
            RestsOn::Request => None,
        }
    }

    /// Whether this policy is the one that made the decision; unknown where the line does not say.
    pub(super) fn is_of_policy(&self, digest: &str) -> Option<bool> {
        self.policy_digest
            .as_deref()
            .map(|logged| digest.starts_with(logged))
    }

    /// Whether the answer is the one that was logged; unknown where not all that it depends on was
    /// logged.
    pub(super) fn agrees_with(&self, answer: &Answer) -> Option<bool> {
        match self.limits() {
            Some(_) => None,
            None => Some(self.is_as(answer)),
        }
    }

    /// Whether the answer is the one that was logged.
    pub(super) fn is_as(&self, answer: &Answer) -> bool {
        self.decision == LoggedDecision::of(answer)
            && self.reason() == Some(answer.disposition.reason())
            && self.route.as_deref() == answer.route.as_deref()
    }

    /// `deny (scopes_missing)`, as one line tells it.
    pub(super) fn summary(&self) -> String {
        let route = self.route.as_deref();
        let by = route.map_or_else(String::new, |route| format!(" by the route `{route}`"));
        let (decision, reason) = (self.decision.as_str(), self.reason.as_str());
        match &self.detail {
            Some(detail) => format!("{decision}{by} ({reason}, {detail})"),
            None => format!("{decision}{by} ({reason})"),
        }
    }
}

/// Takes back the escapes of the log.
fn unescaped(text: &str) -> anyhow::Result<String> {
    ensure!(
        !text.ends_with("..."),
        "the line holds the beginning of `{text}` only, because it was too long or may go on with a secret: name the whole request, as `portcullis explain METHOD URL`"
    );
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        let escaped = match rest.next() {
            Some('\\') => Some('\\'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('0') => Some('\0'),
            Some('u') => {
                let digits: String = rest
                    .by_ref()
                    .skip_while(|next| *next == '{')
                    .take_while(|next| *next != '}')
                    .collect();
                u32::from_str_radix(&digits, 16)
                    .ok()
                    .and_then(char::from_u32)
            }
            // `\x..` stands for a byte that is not UTF-8, which nobody can write on a command line.
            _ => None,
        };
        plain.push(escaped.with_context(|| {
            format!("`{text}` holds bytes that are not UTF-8 and cannot be asked about again")
        })?);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests;
