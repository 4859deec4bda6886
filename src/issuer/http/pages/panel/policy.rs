//! `/panel/policy`: the routes that the gate beside the issuer has in force, and which roles open them.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::{below, roles, who, with_values};
use crate::identity::{Form, Role};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::routes::{MAX_ROUTES, MAX_SEARCH_BYTES, asked_for, matching};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;
use crate::policy::{Methods, Mode, Requirement, Route, RouteIssuers, RoutePlace};
use crate::store::Page;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/policy";

/// So many roles are looked at.
const MAX_ROLES: usize = 1000;

/// So many scopes that are missing in the catalogue are named.
const MAX_UNKNOWN: usize = 50;

/// So much of the digest of a policy is shown.
const DIGEST_CHARACTERS: usize = 12;

#[derive(Template)]
#[template(path = "pages/policy.html")]
struct PolicyPage<'a> {
    frame: Frame<'a>,
    search: Text<'a>,
    /// None where the issuer runs without a gate beside it.
    digest: Option<String>,
    routes: Vec<Row<'a>>,
    has_more: bool,
    /// Whether there are roles that nobody looked at.
    has_more_roles: bool,
    unknown: UnknownScopes<'a>,
}

/// Scopes that the policy asks for and the catalogue does not have.
struct UnknownScopes<'a> {
    /// The first of them.
    names: Vec<Text<'a>>,
    has_more: bool,
    /// Whether the reader may add them.
    may_be_added: bool,
}

/// As much of a digest as pages show.
pub(super) fn short(digest: &str) -> String {
    digest.chars().take(DIGEST_CHARACTERS).collect()
}

/// Whose tokens the issuer makes, as the gate beside it sees them.
struct Site<'a> {
    /// What the gate's `trust` calls the issuer; none where it is not trusted.
    names: Vec<&'a str>,
    roles: &'a [Role],
    words: &'static Words,
}

struct Row<'a> {
    name: Text<'a>,
    /// Where it is written; empty where that is not known.
    place: Text<'a>,
    /// The page that asks whether somebody may send such a request.
    who_path: String,
    methods: String,
    hosts: String,
    path: Text<'a>,
    needs: Text<'a>,
    /// What must hold as well, as the policy has it.
    conditions: Vec<Text<'a>>,
    /// Whether what it refuses is let through all the same.
    is_in_shadow: bool,
    /// Whose tokens count, where the route says it.
    issuers: String,
    roles: Opening,
}

/// A role that opens a route.
struct OpeningRole {
    path: String,
    name: Text<'static>,
}

/// Who passes a route.
enum Opening {
    /// In the words of the page: whoever comes, or nobody.
    Said(&'static str),
    /// Users of these roles.
    Roles(Vec<OpeningRole>),
    /// The route asks for what no role has.
    NoRole,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    let search = query.get("search").unwrap_or_default().trim();
    if search.len() > MAX_SEARCH_BYTES {
        return Err(EndpointError::Parameter("search").into());
    }
    let all_roles = access.directory().roles(&Page::first(MAX_ROLES)).await?;
    let in_force = visitor.issuer.in_force();
    let policy = in_force.as_ref().map(|snapshot| snapshot.policy());
    let trust = in_force.as_ref().map(|snapshot| snapshot.trust());
    let site = Site {
        names: trust.map_or_else(Vec::new, |trust| {
            trust.names_of(&visitor.issuer.settings.url).collect()
        }),
        roles: &all_roles.items,
        words: visitor.words(),
    };
    let asked: Vec<&str> = policy.map(|policy| asked_for(policy)).unwrap_or_default();
    let mut unknown = visitor.issuer.store.unknown_scopes(&asked).await?;
    let has_more_unknown = unknown.len() > MAX_UNKNOWN;
    unknown.truncate(MAX_UNKNOWN);
    let found = policy.iter().flat_map(|policy| matching(policy, search));
    let found: Vec<&Route> = found.take(MAX_ROUTES + 1).collect();
    let rows = found.iter().take(MAX_ROUTES);
    let page = PolicyPage {
        frame: visitor.frame(),
        search: Text::of(search),
        digest: policy.map(|policy| short(policy.digest())),
        routes: rows
            .map(|route| site.row(route, policy.and_then(|policy| policy.place(route))))
            .collect(),
        has_more: found.len() > MAX_ROUTES,
        has_more_roles: all_roles.next.is_some(),
        unknown: UnknownScopes {
            names: unknown.into_iter().map(Text::of).collect(),
            has_more: has_more_unknown,
            may_be_added: access.caller.scopes.contains("backend.scope"),
        },
    };
    Ok(answer::page(StatusCode::OK, &page))
}

impl Site<'_> {
    fn row<'p>(&self, route: &'p Route, place: Option<&RoutePlace>) -> Row<'p> {
        let hosts: Vec<String> = route.hosts.iter().map(ToString::to_string).collect();
        let method = match &route.methods {
            Methods::Every => "GET",
            Methods::Listed(listed) => listed.first().map_or("GET", |method| &**method),
        };
        let request = [
            ("method", method),
            ("host", hosts.first().map_or("", String::as_str)),
            ("path", &*route.path),
        ];
        Row {
            place: Text::of(place.map(RoutePlace::in_short).unwrap_or_default()),
            who_path: with_values(who::PATH, &request),
            name: Text::of(&*route.name),
            methods: match &route.methods {
                Methods::Every => "*".to_owned(),
                Methods::Listed(listed) => listed.join(" "),
            },
            hosts: hosts.join(" "),
            path: Text::of(&*route.path),
            needs: Text::of(self.words.needs(&route.requirement)),
            conditions: route
                .conditions
                .iter()
                .map(|condition| Text::of(condition.text()))
                .collect(),
            is_in_shadow: route.mode == Mode::Shadow,
            issuers: match &route.issuers {
                RouteIssuers::Trusted => String::new(),
                RouteIssuers::Named(names) => names.join(" "),
            },
            roles: self.opening(route),
        }
    }

    fn opening(&self, route: &Route) -> Opening {
        let words = self.words;
        // Tokens of the site do not count there, whatever their scopes.
        let is_for_others = !self.names.iter().any(|name| route.issuers.include(name));
        let required = match &route.requirement {
            Requirement::Public => return Opening::Said(words.panel.everybody),
            Requirement::Nobody => return Opening::Said(words.panel.nobody),
            Requirement::Authenticated | Requirement::Scopes(_) if is_for_others => {
                return Opening::Said(words.panel.nobody_here);
            }
            Requirement::Authenticated => return Opening::Said(words.panel.every_user),
            Requirement::Scopes(required) => required,
        };
        let open = self
            .roles
            .iter()
            .filter(|role| required.are_met(|scope| role.scopes.contains(scope)));
        let open: Vec<OpeningRole> = open
            .map(|role| OpeningRole {
                path: below(roles::PATH, role.name.as_str()),
                name: Text::of(role.name.as_str().to_owned()),
            })
            .collect();
        if open.is_empty() {
            Opening::NoRole
        } else {
            Opening::Roles(open)
        }
    }
}
