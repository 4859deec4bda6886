//! `when`: the conditions of a route, compiled for its parameters, and `claims`: the types that they
//! may rely on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::requirement::{Origin, WrittenWhen};
use super::{ClaimTypeDocument, Compiler, File, WhenDocument};
use crate::condition::{AUDIENCES, Caller, ClaimTypes, Condition, Diagnostic, Names, SCOPES, Type};
use crate::policy::Requirement;
use crate::policy::conditions::RouteConditions;
use crate::policy::template::Template;
use crate::problem::{Place, Problem, closest, quoted};
use crate::yaml::{self, Located};

/// The most conditions of a route, those of the requirements that it names included.
const MAX_OF_ROUTE: usize = 16;
/// The most different conditions of a policy. One takes a few KiB of memory.
const MAX_CONDITIONS: usize = 20_000;
/// The most regular expressions of a policy. One can take some hundred KiB.
const MAX_PATTERNS: usize = 1_000;
/// The most lists within each other that a claim can be.
const MAX_LISTS: usize = 2;

/// The conditions of a policy, each compiled once for all routes that write it alike.
#[derive(Default)]
pub(super) struct Conditions {
    claims: ClaimTypes,
    declared: HashMap<Box<str>, Place>,
    compiled: HashMap<ConditionKey, Arc<Condition>>,
    patterns: usize,
    /// What was told already of a condition that several routes share.
    told: HashSet<(String, usize, usize, String)>,
    parent_scopes: Option<Place>,
}

/// All that the meaning of a condition depends on within one policy.
#[derive(PartialEq, Eq, Hash)]
struct ConditionKey {
    text: Box<str>,
    parameters: Box<[Box<str>]>,
    caller: Caller,
}

/// A route, as far as its conditions depend on it.
pub(super) struct Conditioned<'r> {
    pub(super) template: &'r Template,
    pub(super) requirement: &'r Requirement,
    pub(super) place: Place,
}

impl<'f> Compiler<'f> {
    pub(super) fn collect_claims(&mut self, file: &File<'_>) {
        let entries = file.document.claims.iter().flat_map(|entries| &entries.0);
        for (name, written) in entries {
            let place = name.place(file.source);
            if [AUDIENCES, SCOPES].contains(&name.value.as_str()) {
                let message = format!("the type of `{}` cannot be declared", name.value);
                let help = "remove it: conditions always have a list of texts there";
                self.complain(message, help, place);
                continue;
            }
            if let Some(first) = self.conditions.declared.get(name.value.as_str()) {
                let problem = Problem::new(format!(
                    "the claim {} is declared twice",
                    quoted(&name.value)
                ))
                .help("keep it in one file")
                .at(place)
                .related(first.clone(), "first declared here");
                self.problems.push(problem);
                continue;
            }
            match claim_type(&written.value) {
                Ok(declared) => {
                    let name = name.value.as_str();
                    self.conditions.claims.declare(name, declared);
                    self.conditions.declared.insert(name.into(), place);
                }
                Err((message, help)) => {
                    self.complain(message, help, written.place(file.source));
                }
            }
        }
    }

    pub(super) fn collect_parent_scopes(&mut self, file: &File<'_>) {
        let Some(written) = &file.document.parent_scopes else {
            return;
        };
        let place = written.place(file.source);
        if let Some(first) = &self.conditions.parent_scopes {
            self.problems.push(
                Problem::new("`parent_scopes` appears in more than one file")
                    .help("keep it in one file; it holds for the whole policy")
                    .at(place)
                    .related(first.clone(), "first appears here"),
            );
            return;
        }
        match yaml::flag(file.source, written) {
            Ok(true) => self.conditions.parent_scopes = Some(place),
            Ok(false) => {}
            Err(problem) => self.problems.push(problem),
        }
    }

    /// Whether a scope covers those whose names begin with its own and a dot.
    pub(super) fn parent_scopes(&self) -> bool {
        self.conditions.parent_scopes.is_some()
    }

    /// The conditions of a route; absent only if a problem was told.
    pub(super) fn route_conditions(
        &mut self,
        when: &[WrittenWhen<'f>],
        route: &Conditioned<'_>,
    ) -> Option<RouteConditions> {
        if when.is_empty() {
            return Some(RouteConditions::default());
        }
        let before = self.problems.len();
        let mut all: Vec<Arc<Condition>> = Vec::new();
        for written in when {
            match &written.document.value {
                WhenDocument::One(text) => {
                    // With the place of the whole value, which is that of its text.
                    let located = written.document.with_value(text.clone());
                    all.extend(self.condition(&located, written, route));
                }
                WhenDocument::All(texts) => {
                    if texts.is_empty() {
                        let help = "remove `when`, or write a condition";
                        let place = written.document.place(written.source);
                        self.complain("`when` is empty", help, place);
                    }
                    for text in texts.iter().take(MAX_OF_ROUTE + 1) {
                        all.extend(self.condition(text, written, route));
                    }
                }
            }
        }
        if all.len() > MAX_OF_ROUTE {
            let message = format!("the route has more than {MAX_OF_ROUTE} conditions");
            let help = "join some of them with `&&`";
            self.complain(message, help, route.place.clone());
        }
        let places = route.template.parameters().into_iter();
        let conditions = RouteConditions::new(all, places.map(|(_, place)| place).collect());
        (self.problems.len() == before).then_some(conditions)
    }

    fn condition(
        &mut self,
        text: &Located<String>,
        written: &WrittenWhen<'_>,
        route: &Conditioned<'_>,
    ) -> Option<Arc<Condition>> {
        let parameters = route.template.parameters();
        let parameters: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
        let caller = match route.requirement {
            Requirement::Public => Caller::PerhapsUnknown,
            Requirement::Authenticated | Requirement::Scopes(_) | Requirement::Nobody => {
                Caller::Verified
            }
        };
        let key = ConditionKey {
            text: text.value.as_str().into(),
            parameters: parameters.iter().map(|name| Box::from(*name)).collect(),
            caller,
        };
        if let Some(known) = self.conditions.compiled.get(&key) {
            return Some(Arc::clone(known));
        }
        let names = Names {
            parameters: &parameters,
            claims: &self.conditions.claims,
            caller,
        };
        let compiled = Condition::compile(&text.value, names);
        let (condition, warnings) = match compiled {
            Ok(compiled) => compiled,
            Err(diagnostics) => {
                let problems = self.told(text, written, diagnostics, route);
                self.problems.extend(problems);
                return None;
            }
        };
        let warnings = self.told(text, written, warnings, route);
        self.warnings.extend(warnings);
        self.conditions.patterns += condition.patterns();
        let condition = Arc::new(condition);
        self.conditions.compiled.insert(key, Arc::clone(&condition));
        self.check_bounds(text.place(written.source));
        Some(condition)
    }

    fn check_bounds(&mut self, place: Place) {
        // Once: when the bound is passed.
        if self.conditions.compiled.len() == MAX_CONDITIONS + 1 {
            let message = format!("the policy has more than {MAX_CONDITIONS} different conditions");
            let help = "write what routes have in common in the same way";
            self.complain(message, help, place);
        } else if self.conditions.patterns > MAX_PATTERNS {
            self.conditions.patterns = 0;
            let message = format!("the conditions use more than {MAX_PATTERNS} patterns");
            let help = "use `==`, `in`, `startsWith` or `endsWith` where they suffice";
            self.complain(message, help, place);
        }
    }

    /// The problems that diagnostics are, but for those that were told of another route.
    fn told(
        &mut self,
        text: &Located<String>,
        written: &WrittenWhen<'_>,
        diagnostics: Vec<Diagnostic>,
        route: &Conditioned<'_>,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        for Diagnostic { span, mistake } in diagnostics {
            let place = text.place_within(written.source, span.range());
            let key = (place.file.clone(), place.line, place.column);
            let mut problem = mistake.at(place);
            let key = (key.0, key.1, key.2, problem.message.clone());
            if !self.conditions.told.insert(key) {
                continue;
            }
            if written.origin == Origin::NamedRequirement {
                problem = problem.related(route.place.clone(), "for this path");
            }
            problems.push(problem);
        }
        problems
    }
}

/// The type that a policy declares for a claim.
fn claim_type(written: &ClaimTypeDocument) -> Result<Type, (String, String)> {
    let known = || Type::names().collect::<Vec<_>>().join("`, `");
    let [name] = written.names.as_slice() else {
        let message = "the type of a list names several types";
        return Err((
            message.to_owned(),
            "write one, such as `[string]`".to_owned(),
        ));
    };
    if written.lists > MAX_LISTS {
        let message = format!("the type has more than {MAX_LISTS} lists within each other");
        return Err((message, "write `any` for what is in the list".to_owned()));
    }
    let mut declared = Type::of_name(name).ok_or_else(|| {
        let help = match closest(name, Type::names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "write one of `{}`, or a list of one, such as `[string]`",
                known()
            ),
        };
        (format!("unknown type {}", quoted(name)), help)
    })?;
    for _ in 0..written.lists {
        declared = Type::List(Box::new(declared));
    }
    Ok(declared)
}
