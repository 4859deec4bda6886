//! An explanation as a whole: beside the decision of a log line, with the shadow policy's answer and notes.

use std::borrow::Cow;
use std::io::Write;

use serde::{Serialize, Serializer};

use super::facts::Explanation;
use super::record::Record;
use super::shadow::ShadowAnswer;
use super::unlogged::notes_of_unsaid;
use super::{text, unlogged};
use crate::cli::rehearsal::{Answer, Grounds, Surrounding};
use crate::problem::printable;

/// The status of a request that can be read in more than one way.
const MALFORMED: u16 = 400;

/// An explanation, and what has to be known beside it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(skip)]
    pub(super) title: String,
    /// The decision that was logged, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logged: Option<Record>,
    /// Whether this policy made it; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) same_policy: Option<bool>,
    /// Whether this policy decides as was logged; absent where the line does not say enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) same_decision: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<Cow<'static, str>>,
    /// Whether the gate answers so.
    #[serde(rename = "is_uncertain", skip_serializing_if = "Certainty::is_whole")]
    pub(super) certainty: Certainty,
    /// What the policy in shadow answers, if the configuration names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shadow_policy: Option<ShadowAnswer>,
    #[serde(flatten)]
    pub(super) explanation: Explanation,
}

/// How far an answer is that of the gate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    Certain,
    /// The request is allowed or refused for want of what is not known of an issuer.
    Doubtful,
    /// The answer is that to a placeholder, and rests on what it cannot have.
    Unknown,
}

impl Certainty {
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Certain => true,
            Self::Doubtful | Self::Unknown => false,
        }
    }
}

/// Programs read whether it is uncertain.
impl Serialize for Certainty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(!self.is_whole())
    }
}

impl Report {
    pub(super) fn of(title: String, explanation: Explanation) -> Self {
        Self {
            title,
            logged: None,
            same_policy: None,
            same_decision: None,
            notes: Vec::new(),
            certainty: Certainty::Certain,
            shadow_policy: None,
            explanation,
        }
    }

    /// The same beside the decision that was logged.
    pub(super) fn beside(self, record: Record, same_decision: Option<bool>) -> Self {
        Self {
            same_policy: record.is_of_policy(&self.explanation.policy_digest),
            same_decision,
            logged: Some(record),
            ..self
        }
    }

    /// Adds what the policy in shadow answers to the same request, which `rehearse` asks.
    pub(super) fn ask_shadow(
        &mut self,
        grounds: &Grounds,
        rehearse: impl FnOnce(&Grounds) -> anyhow::Result<(Answer, Vec<Surrounding>)>,
    ) -> anyhow::Result<()> {
        match grounds.in_shadow() {
            None => {}
            Some(_) if self.explanation.answer.status == MALFORMED => self.notes.push(
                "the shadow policy is not asked about what the policy in force calls malformed"
                    .into(),
            ),
            Some(Ok(grounds)) => {
                let (answer, unsaid) = rehearse(&grounds)?;
                let enforced = &self.explanation.answer;
                let digest = grounds.policy.digest().to_owned();
                let mut shadow = ShadowAnswer::new(enforced, answer, digest);
                if !unsaid.is_empty() {
                    shadow.forget(true);
                    self.notes
                        .extend(notes_of_unsaid("the shadow policy", &unsaid));
                }
                self.shadow_policy = Some(shadow);
            }
            Some(Err(error)) => {
                let note = format!("the shadow policy cannot be loaded: {error}");
                self.notes.push(note.into());
            }
        }
        Ok(())
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        if let Some(record) = &self.logged {
            let policy = match self.same_policy {
                Some(true) => "by this policy",
                Some(false) => "by another policy",
                None => "by a policy that the line does not name",
            };
            let summary = printable(&record.summary());
            writeln!(out, "decided then, {policy}: {summary}")?;
            let today = match self.same_decision {
                Some(true) => "this policy decides the same",
                Some(false) => "this policy decides differently",
                None => "cannot tell whether this policy decides the same: see the note",
            };
            writeln!(out, "{today}")?;
            if let Some(condition) = unlogged::logged_condition(record) {
                writeln!(out, "{}", printable(&condition))?;
            }
            if let Some(difference) = unlogged::logged_difference(record) {
                writeln!(out, "{}", printable(&difference))?;
            }
            writeln!(out)?;
        }
        match self.certainty {
            Certainty::Certain | Certainty::Doubtful => {
                text::write(&self.title, &self.explanation, out)?;
            }
            Certainty::Unknown => {
                text::write_without_answer(&self.title, &self.explanation, out)?;
            }
        }
        if let Some(shadow) = &self.shadow_policy {
            text::write_shadow(shadow, out)?;
        }
        for note in &self.notes {
            writeln!(out, "\nnote: {note}")?;
        }
        Ok(())
    }
}
