//! What there is to know of one decision, as data.

mod unmet;

use serde::{Serialize, Serializer};

use crate::authorizer::{Effort, Judgement, Question, Snapshot};
use crate::cli::rehearsal::{Answer, AskedRequest, Rehearsal};
use crate::decision::{Decision, Denial};
use crate::gate::Request;
use crate::labels::{Label, closed_set};
use crate::policy::{
    AnsweringTable, Mismatch, RequiredScopes, Requirement, Route, RouteIssuers, TemplateMatch,
    Trace, TracedReading,
};
use crate::token::{Credentials, TokenError, VerifiedToken};
use unmet::UnmetFacts;

/// One decision, explained.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    pub(super) request: RequestFacts,
    /// Absent where the request is malformed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) routing: Option<Routing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<TokenFacts>,
    pub(super) answer: Answer,
    pub(super) policy_digest: String,
}

#[derive(Debug, Serialize)]
pub(super) struct RequestFacts {
    pub(super) method: String,
    pub(super) host: String,
    /// As it came, with the query.
    pub(super) path: String,
    /// The rule that it breaks, if it is malformed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) malformed: Option<String>,
    /// How the policy lets such requests in, if it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) setting: Option<&'static str>,
    /// The method that a CORS preflight asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preflight_for: Option<String>,
}

/// How the policy finds the route.
#[derive(Debug, Serialize)]
pub(super) struct Routing {
    /// The host as it is compared.
    pub(super) compared_host: String,
    /// The pattern of the routes that name the host, if some do.
    pub(super) host_pattern: Option<String>,
    /// The routes without `hosts` do not answer the host.
    pub(super) host_is_closed: bool,
    pub(super) readings: Vec<ReadingFacts>,
    /// The part of the request by which every route misses it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_name"
    )]
    pub(super) mismatch: Option<Mismatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nearest: Option<RouteFacts>,
}

/// One way to read the path.
#[derive(Debug, Serialize)]
pub(super) struct ReadingFacts {
    pub(super) path: String,
    /// A route must match it.
    pub(super) is_required: bool,
    /// The templates that match, the one that decides first.
    pub(super) matches: Vec<MatchFacts>,
}

#[derive(Debug, Serialize)]
pub(super) struct MatchFacts {
    /// The route that answers the method.
    pub(super) route: Option<RouteFacts>,
    pub(super) as_preflight: bool,
    /// The other routes with the same template.
    pub(super) others: Vec<RouteFacts>,
    /// The first segment in which it is less specific than the first one.
    pub(super) less_specific_in_segment: Option<usize>,
}

/// A route as the policy has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct RouteFacts {
    pub(super) name: String,
    pub(super) methods: String,
    pub(super) path: String,
    pub(super) hosts: Vec<String>,
    #[serde(serialize_with = "name")]
    pub(super) access: Access,
    /// All of these are needed.
    pub(super) scopes: Vec<String>,
    /// One of these is needed.
    pub(super) any_scope: Vec<String>,
    /// `scopes` and `any_scope` as the policy has them, which the sentence is made of.
    #[serde(skip)]
    pub(super) required: Option<RequiredScopes>,
    /// The conditions, all of which must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) when: Vec<String>,
    /// Whose tokens count; absent where those of every trusted issuer do.
    pub(super) issuers: Option<Vec<String>>,
}

closed_set! {
    /// What a route asks for.
    pub(super) enum Access {
        Public = "public",
        Authenticated = "authenticated",
        Scopes = "scopes",
        Nobody = "nobody",
    }
}

closed_set! {
    /// What became of the caller's credential.
    #[derive(Default)]
    pub(super) enum TokenState {
        #[default]
        None = "none",
        /// Not looked at.
        Ignored = "ignored",
        OtherScheme = "other_scheme",
        Several = "several",
        Accepted = "accepted",
        Refused = "refused",
    }
}

fn name<S: Serializer, L: Label>(member: &L, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(member.label())
}

#[expect(clippy::ref_option, reason = "serde passes it like this")]
fn optional_name<S: Serializer, L: Label>(
    member: &Option<L>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    member.map(Label::label).serialize(serializer)
}

/// What the request brought to identify its caller.
#[derive(Debug, Default, Serialize)]
pub(super) struct TokenFacts {
    #[serde(serialize_with = "name")]
    pub(super) state: TokenState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// The member of header or claims that is wrong, with its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offending: Option<(&'static str, String)>,
    /// What to do about it, where a line of the log says what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
    /// What `trust` calls its issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<Vec<String>>,
    /// The token has scopes that a line of the log does not name.
    #[serde(skip)]
    pub(super) has_unlogged_scopes: bool,
    /// The scopes that all have to be there and are not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) missing: Vec<String>,
    /// The scopes of which one has to be there and none is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) missing_any_of: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unmet: Option<UnmetFacts>,
}

impl Explanation {
    /// Asks the gate, and looks at each step of the way to its answer.
    pub(super) fn of(rehearsal: &Rehearsal, asked: &AskedRequest) -> Self {
        let answer = rehearsal.ask(asked);
        let authorizer = rehearsal.authorizer();
        let snapshot = authorizer.snapshot();
        let mut facts = RequestFacts {
            method: asked.method.clone(),
            host: asked.host.clone(),
            path: asked.path.clone(),
            malformed: None,
            setting: None,
            preflight_for: None,
        };
        let (mut routing, mut token) = (None, None);
        match rehearsal.read(asked) {
            Err(malformed) => facts.malformed = Some(malformed.reason.to_string()),
            Ok(request) => {
                let preflight = request.target.preflight;
                facts.preflight_for =
                    preflight.map(|method| String::from_utf8_lossy(method.0).into_owned());
                match snapshot.policy().trace(&request.target) {
                    Err(rule) => {
                        facts.malformed = Some(rule.to_string());
                        facts.setting = rule.setting();
                    }
                    Ok(trace) => {
                        let question = Question {
                            target: &request.target,
                            attributes: request.attributes,
                            credentials: &request.credentials,
                        };
                        let judged = authorizer.judge_within(&snapshot, &question, Effort::Full);
                        routing = Some(Routing::of(&trace, &snapshot, &request));
                        token = judged.map(|judged| TokenFacts::of(&judged, &snapshot, &request));
                    }
                }
            }
        }
        Self {
            request: facts,
            routing,
            token,
            answer,
            policy_digest: snapshot.policy().digest().to_owned(),
        }
    }
}

impl Routing {
    fn of(trace: &Trace<'_>, snapshot: &Snapshot, request: &Request<'_>) -> Self {
        let (pattern, host_is_closed) = match &trace.table {
            AnsweringTable::Default => (None, false),
            AnsweringTable::Named(pattern) => (Some(pattern.to_string()), false),
            AnsweringTable::Closed(pattern) => (Some(pattern.to_string()), true),
        };
        let miss = snapshot.policy().near_miss(&request.target);
        let nearest = miss.and_then(|miss| miss.nearest);
        Self {
            compared_host: trace.host.to_string(),
            host_pattern: pattern,
            host_is_closed,
            readings: trace.readings.iter().map(ReadingFacts::of).collect(),
            mismatch: miss.map(|miss| miss.mismatch),
            nearest: nearest.map(|route| RouteFacts::of(route)),
        }
    }
}

impl ReadingFacts {
    fn of(reading: &TracedReading<'_>) -> Self {
        Self {
            path: String::from_utf8_lossy(&reading.path).into_owned(),
            is_required: reading.is_required,
            matches: reading.matches.iter().map(MatchFacts::of).collect(),
        }
    }
}

impl MatchFacts {
    fn of(found: &TemplateMatch<'_>) -> Self {
        let answers = found.answers.map(|route| route.index);
        let others = found.routes.iter();
        let others = others.filter(|route| Some(route.index) != answers);
        Self {
            route: found.answers.map(|route| RouteFacts::of(route)),
            as_preflight: found.as_preflight,
            others: others.map(|route| RouteFacts::of(route)).collect(),
            less_specific_in_segment: found.differs_in_segment,
        }
    }
}

impl RouteFacts {
    pub(super) fn of(route: &Route) -> Self {
        let (access, all, any): (_, &[Box<str>], &[Box<str>]) = match &route.requirement {
            Requirement::Public => (Access::Public, &[], &[]),
            Requirement::Authenticated => (Access::Authenticated, &[], &[]),
            Requirement::Scopes(scopes) => (Access::Scopes, scopes.all(), scopes.any()),
            Requirement::Nobody => (Access::Nobody, &[], &[]),
        };
        Self {
            name: route.name.to_string(),
            methods: route.methods.to_string(),
            path: route.path.to_string(),
            hosts: route.hosts.iter().map(ToString::to_string).collect(),
            access,
            scopes: strings(all),
            any_scope: strings(any),
            required: route.requirement.scopes().cloned(),
            when: route
                .conditions
                .iter()
                .map(|condition| condition.text().to_owned())
                .collect(),
            issuers: match &route.issuers {
                RouteIssuers::Trusted => None,
                RouteIssuers::Named(names) => Some(strings(names)),
            },
        }
    }
}

impl TokenFacts {
    fn of(judged: &Judgement<'_>, snapshot: &Snapshot, request: &Request<'_>) -> Self {
        let denial = match &judged.decision {
            Decision::Deny(denial) => Some(*denial),
            Decision::Allow(permit) => permit.shadowed(),
        };
        let mut facts = match &judged.caller {
            Some(token) => Self::accepted(token),
            None => Self::without(denial.as_ref(), snapshot, request),
        };
        if let (Some(Denial::ScopesMissing { route }), Some(caller)) = (denial, &judged.caller)
            && let Some(required) = route.requirement.scopes()
            && let Some(missing) = required.missing(|scope| caller.has_scope(scope))
        {
            facts.missing = strings(missing.all());
            facts.missing_any_of = strings(missing.any());
        }
        facts.unmet = denial.as_ref().and_then(UnmetFacts::of);
        facts
    }

    fn accepted(token: &VerifiedToken) -> Self {
        Self {
            state: TokenState::Accepted,
            issuer: Some(token.issuer_name().to_owned()),
            iss: Some(token.issuer().to_owned()),
            subject: Some(token.subject().to_owned()),
            client: token.client().map(str::to_owned),
            scopes: Some(token.scopes().map(str::to_owned).collect()),
            ..Self::default()
        }
    }

    /// Of a request without a token that counts.
    fn without(denial: Option<&Denial<'_>>, snapshot: &Snapshot, request: &Request<'_>) -> Self {
        let unused = if request.credentials == Credentials::NONE {
            TokenState::None
        } else {
            TokenState::Ignored
        };
        let Some(denial) = denial else {
            return Self {
                state: unused,
                ..Self::default()
            };
        };
        let diagnosis = snapshot.diagnose(&request.target, &request.credentials, denial);
        let error = match denial {
            Denial::BadToken { error, .. } => Some(*error),
            Denial::RevocationsStale { .. } => Some(TokenError::RevocationsStale),
            _ => None,
        };
        let state = match denial {
            Denial::SeveralCredentials => TokenState::Several,
            Denial::BadToken { .. }
            | Denial::KeysNotLoaded { .. }
            | Denial::RevocationsStale { .. } => TokenState::Refused,
            Denial::NoToken { .. } if diagnosis.other_scheme => TokenState::OtherScheme,
            Denial::NoToken { .. } => TokenState::None,
            _ => unused,
        };
        let member = diagnosis.offence.member;
        Self {
            state,
            error: error.map(|error| error.to_string()),
            offending: member.map(|(member, value)| (member.label(), value)),
            issuer: diagnosis.offence.issuer.map(|rules| rules.name.to_string()),
            iss: diagnosis
                .offence
                .issuer
                .map(|rules| rules.issuer.to_string()),
            ..Self::default()
        }
    }
}

fn strings(names: &[Box<str>]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
