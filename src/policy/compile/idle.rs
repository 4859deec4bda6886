//! What loads and serves nobody, or is not what it looks like.

use std::collections::{BTreeMap, BTreeSet};

use super::CatalogueScope;
use super::route::ParsedRoute;
use crate::policy::method::{Methods, is_registered};
use crate::policy::template::{Template, TemplateSegment};
use crate::policy::{RequiredScopes, Requirement};
use crate::problem::{Problem, closest, quoted};

/// The most scopes of which it is told one by one that nothing asks for them.
const MAX_UNUSED: usize = 20;

pub(super) fn warnings(
    routes: &[ParsedRoute<'_>],
    scopes: &BTreeMap<Box<str>, CatalogueScope<'_>>,
) -> Vec<Problem> {
    let mut warnings = unused(routes, scopes);
    warnings.extend(scopes.iter().filter_map(|(name, scope)| star(name, scope)));
    warnings.extend(routes.iter().filter_map(foreign_notation));
    warnings.extend(routes.iter().flat_map(unregistered));
    warnings
}

/// Scopes that no route asks for.
fn unused(
    routes: &[ParsedRoute<'_>],
    scopes: &BTreeMap<Box<str>, CatalogueScope<'_>>,
) -> Vec<Problem> {
    let asked = routes
        .iter()
        .filter_map(|parsed| match &parsed.route.requirement {
            Requirement::Scopes(scopes) => Some(scopes),
            Requirement::Public | Requirement::Authenticated | Requirement::Nobody => None,
        });
    let asked: BTreeSet<&str> = asked.flat_map(RequiredScopes::names).collect();
    let unused = scopes.iter().filter(|(name, _)| !asked.contains(&***name));
    let unused: Vec<_> = unused.collect();
    let rest = unused.len().saturating_sub(MAX_UNUSED);
    let told = unused.iter().take(MAX_UNUSED).enumerate();
    told.map(|(position, (name, scope))| {
        let message = match rest {
            others if others > 0 && position + 1 == MAX_UNUSED => {
                format!("no route asks for the scope `{name}`, nor for {others} others")
            }
            _ => format!("no route asks for the scope `{name}`"),
        };
        Problem::new(message)
            .help("remove it from `scopes`, or add it to the route that should ask for it")
            .at(scope.name.place(scope.source))
    })
    .collect()
}

/// A scope that looks like a pattern.
fn star(name: &str, scope: &CatalogueScope<'_>) -> Option<Problem> {
    name.contains('*').then(|| {
        Problem::new(format!(
            "the `*` in the scope `{name}` matches nothing but itself"
        ))
        .help("list each scope by its name: a token has to have exactly this one")
        .at(scope.name.place(scope.source))
    })
}

/// A literal segment that other systems would take for a parameter.
fn foreign_notation(parsed: &ParsedRoute<'_>) -> Option<Problem> {
    let Template::Path(segments) = &parsed.template else {
        return None;
    };
    let looks_like = |segment: &TemplateSegment| match segment {
        TemplateSegment::Literal(name) => {
            let encloses = |first: u8, last: u8| {
                name.len() > 2 && name.first() == Some(&first) && name.last() == Some(&last)
            };
            let is_pattern = encloses(b'<', b'>') || encloses(b'[', b']') || encloses(b'(', b')');
            let is_variable = name.len() > 1 && name.first() == Some(&b'$');
            (is_pattern || is_variable || name.contains(&b'*'))
                .then(|| String::from_utf8_lossy(name).into_owned())
        }
        TemplateSegment::Suffixed { .. }
        | TemplateSegment::Parameter(_)
        | TemplateSegment::Rest(_) => None,
    };
    let literal = segments.iter().find_map(looks_like)?;
    let message = format!(
        "the route `{}` matches the segment {} literally, which looks like a pattern",
        parsed.route.name,
        quoted(&literal)
    );
    Some(
        Problem::new(message)
            .help("write `{name}` for any one segment, `{*name}` at the end for all that follow")
            .at(parsed.place()),
    )
}

/// Methods that nobody has registered. Clients may use them all the same.
fn unregistered(parsed: &ParsedRoute<'_>) -> Vec<Problem> {
    let Methods::Listed(methods) = &parsed.route.methods else {
        return Vec::new();
    };
    let unknown = methods.iter().filter(|method| !is_registered(method));
    unknown
        .map(|method| {
            let message = format!(
                "the route `{}` is for {}, which is not a registered method",
                parsed.route.name,
                quoted(method)
            );
            let help = match closest(method, ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD"]) {
                Some(near) => format!("did you mean `{near}`? If clients do use it, this is fine"),
                None => "check the spelling; if clients do use it, this is fine".to_owned(),
            };
            Problem::new(message)
                .help(help)
                .at(parsed.method_place(method))
        })
        .collect()
}
