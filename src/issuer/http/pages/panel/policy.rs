//! `/panel/policy`: the routes that the gate beside the issuer has in force, and which roles open them.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::{below, roles, who, with_values};
use crate::identity::Form;
use crate::issuer::http::backend::policy::{InForce, Passing};
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::routes::MAX_ROUTES;
use crate::issuer::http::text::Text;
use crate::policy::{Methods, Mode, Route, RouteIssuers, RoutePlace};
use crate::store::Page;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/policy";

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
    let in_force = InForce::now(&access).await?;
    let first = Page::first(MAX_ROUTES);
    let found = in_force
        .as_ref()
        .map(|in_force| in_force.routes(search, &first));
    let found = found.transpose()?;
    let has_more = found.as_ref().is_some_and(|found| found.next.is_some());
    let words = visitor.words();
    let rows = in_force.iter().zip(found).flat_map(|(in_force, found)| {
        let routes = found.items.into_iter();
        routes.map(|route| Row::of(in_force, route, words))
    });
    let unknown = in_force.as_ref().map_or(&[][..], InForce::unknown_scopes);
    let page = PolicyPage {
        frame: visitor.frame(),
        search: Text::of(search),
        digest: in_force
            .as_ref()
            .map(|in_force| short(in_force.policy().digest())),
        routes: rows.collect(),
        has_more,
        has_more_roles: in_force.as_ref().is_some_and(InForce::has_more_roles),
        unknown: UnknownScopes {
            names: unknown.iter().map(|name| Text::of(&**name)).collect(),
            has_more: in_force
                .as_ref()
                .is_some_and(InForce::has_more_unknown_scopes),
            may_be_added: access.caller.scopes.contains("backend.scope"),
        },
    };
    Ok(answer::page(StatusCode::OK, &page))
}

impl<'a> Row<'a> {
    fn of(in_force: &'a InForce, route: &'a Route, words: &'static Words) -> Self {
        let hosts: Vec<String> = route.hosts.iter().map(ToString::to_string).collect();
        let place = in_force.policy().place(route);
        let method = match &route.methods {
            Methods::Every => "GET",
            Methods::Listed(listed) => listed.first().map_or("GET", |method| &**method),
        };
        let request = [
            ("method", method),
            ("host", hosts.first().map_or("", String::as_str)),
            ("path", &*route.path),
        ];
        Self {
            place: Text::of(place.map(RoutePlace::in_short).unwrap_or_default()),
            who_path: with_values(who::PATH, &request),
            name: Text::of(&*route.name),
            methods: match &route.methods {
                Methods::Every => "*".to_owned(),
                Methods::Listed(listed) => listed.join(" "),
            },
            hosts: hosts.join(" "),
            path: Text::of(&*route.path),
            needs: Text::of(words.needs(&route.requirement)),
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
            roles: Opening::of(&in_force.passing(route), words),
        }
    }
}

impl Opening {
    fn of(passing: &Passing<'_>, words: &'static Words) -> Self {
        let opened = match passing {
            Passing::Everybody => return Self::Said(words.panel.everybody),
            Passing::Nobody => return Self::Said(words.panel.nobody),
            Passing::NobodyHere => return Self::Said(words.panel.nobody_here),
            Passing::EveryUser => return Self::Said(words.panel.every_user),
            Passing::Roles(open) => open,
        };
        let open = opened.iter().map(|role| OpeningRole {
            path: below(roles::PATH, role.name.as_str()),
            name: Text::of(role.name.as_str().to_owned()),
        });
        let open: Vec<OpeningRole> = open.collect();
        if open.is_empty() {
            Self::NoRole
        } else {
            Self::Roles(open)
        }
    }
}
