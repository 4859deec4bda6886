//! A file of tests: requests, who makes them, and what becomes of them.

mod callers;
mod hints;
mod other_file;
mod written_outcome;

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::case::{Case, Expected, Outcome};
use crate::cli::explain::reasons;
use crate::cli::rehearsal::{AskedRequest, Grounds, Surroundings, misspelt_scopes};
use crate::clock::UnixSeconds;
use crate::problem::{Mistake, Place, Problem, Problems, Source, closest, quoted};
use crate::yaml::{self, Entries, Located, Recovered, present, schema_of};
use written_outcome::WrittenOutcome;

/// The most names that a message lists.
const MAX_NAMED: usize = 10;

/// The most tests of a file.
const MAX_CASES: usize = 10_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TestDocument {
    /// Always 1.
    #[schemars(schema_with = "version")]
    version: Located<u64>,
    /// The policy's files, relative to this one; without it `shop.test.yaml` is about `shop.yaml`.
    #[serde(default)]
    policy: Vec<PathBuf>,
    /// The time of every request, in seconds since 1970.
    #[serde(default, deserialize_with = "present")]
    now: Option<i64>,
    /// Who makes requests, by a name for `as`.
    #[serde(default, deserialize_with = "present")]
    callers: Option<Entries<CallerDocument>>,
    /// The tests.
    tests: Vec<Located<CaseDocument>>,
}

/// Who makes a request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CallerDocument {
    /// The issuer's name in `trust`; the first one where it is not said.
    #[serde(default, deserialize_with = "present")]
    issuer: Option<Located<String>>,
    /// Claims of the token; those that every token of the issuer has are added.
    #[serde(default, deserialize_with = "present")]
    claims: Option<Map<String, Value>>,
    /// The scopes of the token, separated by spaces.
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Located<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CaseDocument {
    /// What the report calls the test; the request where it is not said.
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// The request: `GET https://shop.example/orders/1`, or `GET /orders/1` for any host.
    request: Located<String>,
    /// Its headers.
    #[serde(default, deserialize_with = "present")]
    headers: Option<Entries<Located<String>>>,
    /// `request.scheme` of conditions, `http` or `https`; that of the URL where it is not said.
    #[serde(default, deserialize_with = "present")]
    scheme: Option<String>,
    /// `request.source.address` of conditions; empty where the proxy tells none.
    #[serde(default, deserialize_with = "present")]
    source_address: Option<String>,
    /// `request.source.principal` of conditions; empty where the peer has no certificate.
    #[serde(default, deserialize_with = "present")]
    source_principal: Option<String>,
    /// `request.size` of conditions, in bytes; -1 where the proxy does not know it.
    #[serde(default, deserialize_with = "present")]
    size: Option<i64>,
    /// Who makes it, one of `callers`.
    #[serde(rename = "as", default, deserialize_with = "present")]
    caller: Option<Located<String>>,
    /// The issuer's name in `trust`; the first one where it is not said.
    #[serde(default, deserialize_with = "present")]
    issuer: Option<Located<String>>,
    /// Claims of the token; those that every token of the issuer has are added.
    #[serde(default, deserialize_with = "present")]
    claims: Option<Map<String, Value>>,
    /// The scopes of the token, separated by spaces.
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Located<String>>,
    /// What becomes of it: `allow`, `deny`, the status of the refusal, `would_deny` in shadow.
    #[schemars(schema_with = "outcome")]
    expect: Located<WrittenOutcome>,
    /// The reason, as the log calls it.
    #[serde(default, deserialize_with = "present")]
    reason: Option<Located<String>>,
    /// The detail of the reason, as the log calls it.
    #[serde(default, deserialize_with = "present")]
    detail: Option<String>,
    /// The name of the route that decides.
    #[serde(default, deserialize_with = "present")]
    route: Option<Located<String>>,
    /// Headers that the upstream gets; an empty value stands for one that is removed.
    #[serde(default, deserialize_with = "present")]
    upstream: Option<Entries<String>>,
}

impl CaseDocument {
    fn surroundings(&self) -> Surroundings {
        Surroundings {
            scheme: self.scheme.clone(),
            source_address: self.source_address.clone(),
            source_principal: self.source_principal.clone(),
            size: self.size,
        }
    }
}

/// The schema of a file of tests.
pub(in crate::cli) fn schema() -> Value {
    schema_of::<TestDocument>("Tests of a policy of Portcullis")
}

fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": 1})
}

fn outcome(_: &mut SchemaGenerator) -> Schema {
    let words = Outcome::WORDS.map(|outcome| Value::from(outcome.to_string()));
    let statuses = Outcome::STATUSES.map(Value::from);
    let allowed = [words.as_slice(), statuses.as_slice()].concat();
    json_schema!({"enum": allowed})
}

/// A file of tests that has been read; its cases are made once the policy is known.
#[derive(Debug)]
pub(super) struct TestFile {
    pub(super) source: Source,
    document: TestDocument,
}

impl TestFile {
    pub(super) fn parse(source: Source) -> Result<Self, (Source, Problems)> {
        if let Some(problem) = other_file::policy(&source) {
            return Err((source, Problems(vec![problem])));
        }
        match yaml::parse_in_parts(&source) {
            Ok(Recovered {
                document, problems, ..
            }) if problems.is_empty() => Ok(Self { source, document }),
            Ok(Recovered { problems, .. }) | Err(problems) => Err((source, Problems(problems))),
        }
    }

    /// The policy's files that it names, relative to it.
    pub(super) fn named_policy(&self, path: &Path) -> Vec<PathBuf> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let named = self.document.policy.iter();
        named.map(|file| folder.join(file)).collect()
    }

    /// The policy beside it: `shop.test.yaml` is about `shop.yaml`.
    pub(super) fn policy_beside(path: &Path) -> Vec<PathBuf> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = path.file_name().and_then(|name| name.to_str());
        let stem = name.and_then(|name| name.split_once(".test."));
        stem.map(|(stem, extension)| folder.join(format!("{stem}.{extension}")))
            .into_iter()
            .collect()
    }

    /// 2026-01-01: no test depends on the day.
    pub(super) const DEFAULT_NOW: UnixSeconds = UnixSeconds(1_767_225_600);

    /// The time of its requests; [`Self::DEFAULT_NOW`] where it names none.
    pub(super) fn now(&self) -> UnixSeconds {
        self.document.now.map_or(Self::DEFAULT_NOW, UnixSeconds)
    }

    /// What is probably misspelt, although it is a test.
    pub(super) fn doubts(&self, grounds: &Grounds) -> Vec<String> {
        let document = &self.document;
        let callers = document.callers.iter().flat_map(|entries| &entries.0);
        let of_callers = callers.map(|(_, caller)| &caller.scopes);
        let of_cases = document.tests.iter().map(|case| &case.value.scopes);
        let written = of_callers.chain(of_cases).flatten();
        let doubts = written.flat_map(|scopes| {
            let place = scopes.place(&self.source);
            let misspelt = misspelt_scopes(&grounds.policy, &scopes.value).into_iter();
            misspelt.map(move |message| format!("{}:{}: {message}", place.file, place.line))
        });
        doubts.collect()
    }

    /// The cases, or everything that is wrong with them.
    pub(super) fn cases(&self, grounds: &Grounds) -> Result<Vec<Case>, Problems> {
        let mut reader = CaseReader {
            file: self,
            grounds,
            problems: Vec::new(),
        };
        reader.check_version();
        let documents = self.document.tests.iter().take(MAX_CASES);
        let cases: Vec<Case> = documents.filter_map(|one| reader.case(one)).collect();
        if self.document.tests.is_empty() {
            let problem = Problem::new("the file has no tests");
            let help = "add one, such as `{request: GET /page, expect: allow}`, or remove the file";
            reader.problems.push(problem.help(help));
        }
        if let Some(beyond) = self.document.tests.get(MAX_CASES) {
            let message = format!("the file has more than {MAX_CASES} tests");
            let place = beyond.place(&self.source);
            reader.complain(message, "split it into several files", place);
        }
        if reader.problems.is_empty() {
            Ok(cases)
        } else {
            Err(Problems(reader.problems))
        }
    }
}

struct CaseReader<'f> {
    file: &'f TestFile,
    grounds: &'f Grounds,
    problems: Vec<Problem>,
}

impl CaseReader<'_> {
    fn complain(&mut self, message: impl Into<String>, help: impl Into<String>, place: Place) {
        self.problems.push(Mistake::new(message, help).at(place));
    }

    fn check_version(&mut self) {
        let version = &self.file.document.version;
        if version.value != 1 {
            let place = version.place(&self.file.source);
            let message = format!("unsupported version {} of a file of tests", version.value);
            self.complain(message, "write `version: 1`", place);
        }
    }

    /// One case; absent only if a problem was told.
    fn case(&mut self, located: &Located<CaseDocument>) -> Option<Case> {
        let source = &self.file.source;
        let document = &located.value;
        let request = self.request(document);
        let caller = self.caller(document, located.place(source));
        let outcome = self.outcome(&document.expect);
        self.check_route(document.route.as_ref());
        self.check_reason(document.reason.as_ref());
        let (request, caller, outcome) = (request?, caller?, outcome?);
        let upstream = document.upstream.iter().flat_map(|entries| &entries.0);
        Some(Case {
            name: match &document.name {
                Some(name) => name.clone(),
                None => document.request.value.clone(),
            },
            place: located.place(source),
            request,
            caller,
            hints: document.hints(),
            expected: Expected {
                outcome,
                reason: document.reason.as_ref().map(|reason| reason.value.clone()),
                detail: document.detail.clone(),
                route: document.route.as_ref().map(|route| route.value.clone()),
                upstream: upstream
                    .map(|(name, value)| (name.value.clone(), value.clone()))
                    .collect(),
            },
        })
    }

    fn request(&mut self, document: &CaseDocument) -> Option<AskedRequest> {
        let source = &self.file.source;
        let written = &document.request;
        let place = written.place(source);
        let Some((method, url)) = written.value.split_once(' ') else {
            self.complain(
                format!("{} has no method or no URL", quoted(&written.value)),
                "write both, such as `GET https://shop.example/orders/1`",
                place,
            );
            return None;
        };
        let headers = document.headers.iter().flat_map(|entries| &entries.0);
        let headers = headers.map(|(name, value)| (name.value.clone(), value.value.clone()));
        match AskedRequest::new(method, url.trim(), headers.collect()) {
            Ok(request) => Some(request.within(&document.surroundings())),
            Err(error) => {
                let help = "write a method and a URL or a path, such as `GET /orders/1`";
                self.complain(error.to_string(), help, place);
                None
            }
        }
    }

    fn outcome(&mut self, written: &Located<WrittenOutcome>) -> Option<Outcome> {
        let outcome = match &written.value {
            WrittenOutcome::Word(word) => Outcome::named(word),
            WrittenOutcome::Status(status) => Outcome::refused_with(*status),
        };
        if outcome.is_none() {
            let written_as = match &written.value {
                WrittenOutcome::Word(word) => quoted(word),
                WrittenOutcome::Status(status) => format!("`{status}`"),
            };
            self.complain(
                format!("{written_as} is not a decision"),
                format!(
                    "write `allow`, `deny`, the status of the refusal ({}), or `would_deny` for what a route in \
                     shadow lets through",
                    Outcome::statuses()
                ),
                written.place(&self.file.source),
            );
        }
        outcome
    }

    fn check_reason(&mut self, reason: Option<&Located<String>>) {
        let Some(reason) = reason.filter(|reason| !reasons().any(|known| known == reason.value))
        else {
            return;
        };
        let help = match closest(&reason.value, reasons()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "write what the log calls it, such as `no_token` or `scopes_missing`".to_owned()
            }
        };
        let message = format!("unknown reason {}", quoted(&reason.value));
        self.complain(message, help, reason.place(&self.file.source));
    }

    fn check_route(&mut self, route: Option<&Located<String>>) {
        let Some(route) = route else {
            return;
        };
        let names = || {
            self.grounds
                .policy
                .routes()
                .iter()
                .map(|known| &*known.name)
        };
        if names().any(|name| name == route.value) {
            return;
        }
        let help = match closest(&route.value, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write the `name` of a route of the policy".to_owned(),
        };
        let message = format!("unknown route {}", quoted(&route.value));
        self.complain(message, help, route.place(&self.file.source));
    }
}
