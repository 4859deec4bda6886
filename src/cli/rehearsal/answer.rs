//! What the gate answers, for a person or a program to read.

use serde::Serialize;

use crate::gate::{FrontEnd, HeaderEdit, Outcome, Refused};

/// A front end whose answers stay in this process.
pub(super) struct Answers;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Answer {
    pub(in crate::cli) decision: &'static str,
    /// Why, by the name that log and metrics have for it.
    pub(in crate::cli) reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) detail: Option<&'static str>,
    /// Why it would be refused, if its route were not in shadow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) would_deny: Option<&'static str>,
    /// The route that decided.
    pub(in crate::cli) route: Option<String>,
    /// 200 where the request goes on to the upstream.
    pub(in crate::cli) status: u16,
    /// What the caller may know of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) message: Option<String>,
    /// `google.rpc.Code` in the answer to the proxy.
    pub(in crate::cli) grpc_code: i32,
    /// Of a refusal, for the caller.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) body: Option<String>,
    /// How the request's headers change on the way to the upstream.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) upstream_headers: Vec<UpstreamHeader>,
}

/// A header that is set, or removed where it has no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct UpstreamHeader {
    pub(in crate::cli) name: String,
    pub(in crate::cli) value: Option<String>,
}

/// Stands for the id that a real answer has.
const DECISION_ID: &str = "<decision id>";

impl Answer {
    pub(in crate::cli) fn is_allowed(&self) -> bool {
        self.decision == "allow"
    }
}

impl FrontEnd for Answers {
    type Answer = Answer;

    fn render(&self, outcome: Outcome<'_>) -> Answer {
        match outcome {
            Outcome::Allow(allowed) => {
                let shadowed = allowed.permit.shadowed();
                let edits = allowed.edits().map(upstream_header).collect();
                Answer {
                    decision: "allow",
                    reason: allowed.permit.label(),
                    detail: shadowed.and_then(|denial| denial.detail()),
                    would_deny: shadowed.map(|denial| denial.label()),
                    route: Some(allowed.permit.route().name.to_string()),
                    status: 200,
                    message: None,
                    grpc_code: 0,
                    headers: Vec::new(),
                    body: None,
                    upstream_headers: edits,
                }
            }
            Outcome::Refuse(refused) => refusal(&Refused {
                decision_id: DECISION_ID,
                ..refused
            }),
        }
    }
}

fn refusal(refused: &Refused<'_>) -> Answer {
    let facts = refused.refusal;
    let headers = refused.headers();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.into_owned()));
    Answer {
        decision: "deny",
        reason: facts.label(),
        detail: facts.detail(),
        would_deny: None,
        route: facts.route_name().map(str::to_owned),
        status: facts.status().http_code(),
        message: Some(facts.message().into_owned()),
        grpc_code: facts.status().grpc_code().get(),
        headers: headers.collect(),
        body: Some(refused.body()),
        upstream_headers: Vec::new(),
    }
}

fn upstream_header(edit: HeaderEdit<'_>) -> UpstreamHeader {
    match edit {
        HeaderEdit::Set { name, value } => {
            let mut text = Vec::new();
            value.append_to(&mut text);
            UpstreamHeader {
                name: name.to_owned(),
                value: Some(String::from_utf8_lossy(&text).into_owned()),
            }
        }
        HeaderEdit::Remove { name } => UpstreamHeader {
            name: name.to_owned(),
            value: None,
        },
    }
}
