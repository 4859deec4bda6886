//! What the gate answers, for a person or a program to read.

use serde::{Serialize, Serializer};

use super::reason::Reason;
use crate::gate::{FrontEnd, HeaderEdit, Outcome, Refused};

/// A front end whose answers stay in this process.
pub(super) struct Answers;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Answer {
    #[serde(flatten)]
    pub(in crate::cli) disposition: Disposition,
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

/// What becomes of a request, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Disposition {
    Allowed(Reason),
    /// Let through only because its route is in shadow; why it would be refused otherwise.
    InShadow(Denied),
    Refused(Denied),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Denied {
    pub(in crate::cli) reason: Reason,
    /// What exactly was wrong, where the reason has several causes.
    pub(in crate::cli) detail: Option<&'static str>,
}

/// A header that is set, or removed where it has no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct UpstreamHeader {
    pub(in crate::cli) name: String,
    pub(in crate::cli) value: Option<String>,
}

/// Stands for the id that a real answer has.
const DECISION_ID: &str = "<decision id>";

impl Disposition {
    /// Whether the request goes on to the upstream.
    pub(in crate::cli) fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed(_) | Self::InShadow(_))
    }

    /// Whether it would also go on if its route were not in shadow.
    pub(in crate::cli) fn passes(self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// Why; of what a route in shadow lets through, why it would be refused.
    pub(in crate::cli) fn reason(self) -> Reason {
        match self {
            Self::Allowed(reason) => reason,
            Self::InShadow(denied) | Self::Refused(denied) => denied.reason,
        }
    }

    pub(in crate::cli) fn detail(self) -> Option<&'static str> {
        match self {
            Self::Allowed(_) => None,
            Self::InShadow(denied) | Self::Refused(denied) => denied.detail,
        }
    }
}

/// By the names that the log has.
impl Serialize for Disposition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written {
            decision: &'static str,
            reason: Reason,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            would_deny: Option<Reason>,
        }
        let (decision, reason, would_deny) = match *self {
            Self::Allowed(reason) => ("allow", reason, None),
            Self::InShadow(denied) => ("allow", Reason::Shadow, Some(denied.reason)),
            Self::Refused(denied) => ("deny", denied.reason, None),
        };
        let detail = self.detail();
        Written {
            decision,
            reason,
            detail,
            would_deny,
        }
        .serialize(serializer)
    }
}

impl FrontEnd for Answers {
    type Answer = Answer;

    fn render(&self, outcome: Outcome<'_>) -> Answer {
        match outcome {
            Outcome::Allow(allowed) => {
                let edits = allowed.edits().map(upstream_header).collect();
                Answer {
                    disposition: match allowed.permit.shadowed() {
                        None => Disposition::Allowed(Reason::of_permit(allowed.permit.kind())),
                        Some(denial) => Disposition::InShadow(Denied {
                            reason: Reason::of_denial(denial.kind()),
                            detail: denial.detail(),
                        }),
                    },
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
        disposition: Disposition::Refused(Denied {
            reason: Reason::of_refusal(facts),
            detail: facts.detail(),
        }),
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
