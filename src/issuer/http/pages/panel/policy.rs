//! `/panel/policy`: the routes that the gate beside the issuer has in force, and which roles open them.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::identity::{Form, Role};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::routes::{MAX_ROUTES, MAX_SEARCH_BYTES, matching};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::text::Text;
use crate::policy::{Methods, Mode, Requirement, Route, RouteIssuers};
use crate::store::Page;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/policy";

/// So many roles are looked at.
const MAX_ROLES: usize = 1000;

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

/// Who passes a route.
enum Opening {
    /// In the words of the page: whoever comes, or nobody.
    Said(&'static str),
    /// Users of these roles.
    Roles(String),
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
    let roles = access.directory().roles(&Page::first(MAX_ROLES)).await?;
    let in_force = visitor.issuer.in_force();
    let policy = in_force.as_ref().map(|snapshot| snapshot.policy());
    let trust = in_force.as_ref().map(|snapshot| snapshot.trust());
    let site = Site {
        names: trust.map_or_else(Vec::new, |trust| {
            trust.names_of(&visitor.issuer.settings.url).collect()
        }),
        roles: &roles.items,
        words: visitor.words(),
    };
    let found = policy.iter().flat_map(|policy| matching(policy, search));
    let found: Vec<&Route> = found.take(MAX_ROUTES + 1).collect();
    let rows = found.iter().take(MAX_ROUTES);
    let page = PolicyPage {
        frame: visitor.frame(),
        search: Text::of(search),
        digest: policy.map(|policy| short(policy.digest())),
        routes: rows.map(|route| site.row(route)).collect(),
        has_more: found.len() > MAX_ROUTES,
        has_more_roles: roles.next.is_some(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

impl Site<'_> {
    fn row<'p>(&self, route: &'p Route) -> Row<'p> {
        let hosts: Vec<String> = route.hosts.iter().map(ToString::to_string).collect();
        Row {
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
        let names: Vec<&str> = open.map(|role| role.name.as_str()).collect();
        if names.is_empty() {
            Opening::NoRole
        } else {
            Opening::Roles(names.join(", "))
        }
    }
}
