//! What an app can call first: the example of the settings, else an operation for which nothing has to be filled in.

use http::Uri;

use super::asked::{APP, PARAMETER};
use super::callers::{Need, Standing};
use super::command::public_origin;
use super::offered::Offered;
use super::one::proxy_for;
use super::operation::{Operation, Operations};
use crate::identity::{App, ScopeSet, User};
use crate::issuer::GrantType;
use crate::issuer::http::pages::apps::UNKNOWN_API;
use crate::issuer::http::pages::visitor::Visitor;
use crate::openapi::ParameterPlace;
use crate::policy::Requirement;

/// The first call of an app.
pub(in crate::issuer::http::pages) struct FirstCall {
    /// What the commands call; none where no address of the API is known.
    pub(in crate::issuer::http::pages) url: Option<String>,
    /// What the app lacks for it, and who can add that.
    pub(in crate::issuer::http::pages) lacks: Option<String>,
    /// The same from here.
    pub(in crate::issuer::http::pages) from_here: Option<FromHere>,
}

/// A call that the page can send.
pub(in crate::issuer::http::pages) struct FromHere {
    pub(in crate::issuer::http::pages) request: String,
    /// The fields of the form of `/portal/try`, but for the secret.
    pub(in crate::issuer::http::pages) fields: Vec<(String, String)>,
}

/// An operation with all that its request needs.
struct Ready<'p> {
    operation: Operation<'p>,
    values: Vec<(String, String)>,
    query: String,
    /// With the query.
    target: String,
}

impl FirstCall {
    /// Asks the policy in force what the app, which its owner looks at, may call.
    pub(in crate::issuer::http::pages) fn of(visitor: &Visitor, owner: &User, app: &App) -> Self {
        let example = visitor.issuer.settings.portal.example_url.clone();
        let unknown = Self {
            url: example.clone(),
            lacks: None,
            from_here: None,
        };
        // Without a gate nobody here knows what it needs.
        let Some(in_force) = visitor.issuer.in_force() else {
            return unknown;
        };
        let catalogue = visitor.issuer.described();
        let issuer = &visitor.issuer;
        let operations = Operations::of(issuer, &in_force, &catalogue);
        let asking = Asking {
            visitor,
            owner,
            app,
            scopes: app.scopes_within(owner),
        };
        let other = || {
            asking.other(
                &operations,
                &issuer.offers.of(issuer, &in_force, &catalogue),
            )
        };
        let Some(uri) = example.as_deref().and_then(|url| url.parse::<Uri>().ok()) else {
            return other().unwrap_or(unknown);
        };
        let Some((operation, values)) = operations.at(&uri) else {
            return unknown;
        };
        let standing = asking.need(&operation).standing(Some(&asking.scopes));
        if standing != Standing::Enough {
            let lacks = asking.need(&operation).missing(&standing);
            let known = Self { lacks, ..unknown };
            return other().unwrap_or(known);
        }
        let ready = Ready {
            operation,
            values,
            query: uri.query().unwrap_or_default().to_owned(),
            target: uri
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
        };
        Self {
            from_here: asking.sent_from_here(&ready),
            ..unknown
        }
    }
}

/// Who asks, for which app.
struct Asking<'a> {
    visitor: &'a Visitor,
    owner: &'a User,
    app: &'a App,
    scopes: ScopeSet,
}

impl Asking<'_> {
    fn need<'n>(&'n self, operation: &'n Operation<'_>) -> Need<'n> {
        Need {
            requirement: &operation.route.requirement,
            user: self.owner,
            words: self.visitor.words(),
        }
    }

    /// The first operation that the app may call as it is; before those that take no token, the others.
    fn other(&self, operations: &Operations<'_>, offered: &Offered) -> Option<FirstCall> {
        // A token of the app has none of the issuer's own.
        let scopes = self.scopes.without_own();
        let mut open = None;
        let mut others = offered.each().filter_map(|offer| {
            let route = operations.route(offer)?;
            let is_open = route.requirement == Requirement::Public;
            if !route.conditions.is_empty()
                || !passes(&route.requirement, &scopes)
                || (is_open && open.is_some())
            {
                return None;
            }
            let operation = operations.found(offer)?;
            if !operation.methods.contains(&"GET") {
                return None;
            }
            let ready = Ready::of(operation)?;
            if is_open {
                open = Some(ready);
                return None;
            }
            Some(ready)
        });
        let other = others.next();
        drop(others);
        let ready = other.or(open)?;
        let origin = public_origin(&self.visitor.issuer.settings.portal, &ready.operation);
        Some(FirstCall {
            url: (origin != UNKNOWN_API).then(|| format!("{origin}{}", ready.target)),
            lacks: None,
            from_here: self.sent_from_here(&ready),
        })
    }

    /// None where the page does not send it.
    fn sent_from_here(&self, ready: &Ready<'_>) -> Option<FromHere> {
        let offered = &self.visitor.issuer.settings.grants;
        offered.get(GrantType::ClientCredentials.name())?;
        proxy_for(self.visitor, &ready.operation).ok()?;
        let mut fields = vec![
            ("operation".to_owned(), ready.operation.name().to_owned()),
            (
                "caller".to_owned(),
                format!("{APP}{}", self.app.key.as_str()),
            ),
            ("method".to_owned(), "GET".to_owned()),
            ("query".to_owned(), ready.query.clone()),
        ];
        let values = ready.values.iter();
        fields.extend(values.map(|(name, value)| (format!("{PARAMETER}{name}"), value.clone())));
        Some(FromHere {
            request: format!("GET {}", ready.target),
            fields,
        })
    }
}

/// Whether a token with these scopes is enough.
fn passes(requirement: &Requirement, scopes: &ScopeSet) -> bool {
    match requirement {
        Requirement::Public | Requirement::Authenticated => true,
        Requirement::Scopes(required) => required.missing(|scope| scopes.contains(scope)).is_none(),
        Requirement::Nobody => false,
    }
}

impl<'p> Ready<'p> {
    /// With the examples of its description. None where something would have to be filled in.
    fn of(operation: Operation<'p>) -> Option<Self> {
        let described = operation.described();
        let mut parameters = described.iter().flat_map(|one| &one.parts.parameters);
        // What has no example, or is not sent from here.
        let is_open = parameters.any(|one| {
            one.is_required
                && match one.place {
                    ParameterPlace::Path => false,
                    ParameterPlace::Query => one.example.as_deref().unwrap_or_default().is_empty(),
                    ParameterPlace::Header | ParameterPlace::Cookie => true,
                }
        });
        if is_open {
            return None;
        }
        let names = operation.parameters().into_iter();
        let values: Vec<(String, String)> = names
            .map(|(one, _)| (one.name.to_owned(), operation.example(one.name).to_owned()))
            .collect();
        let value = |name: &str| {
            let mut values = values.iter();
            values
                .find(|(one, _)| one == name)
                .map(|(_, value)| value.as_str())
        };
        let mut target = operation.path_with(value).ok()?;
        let query = operation.example_query();
        if !query.is_empty() {
            target = format!("{target}?{query}");
        }
        Some(Self {
            operation,
            values,
            query,
            target,
        })
    }
}
