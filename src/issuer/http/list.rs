//! What lists take and answer: `limit` and `after`, `items` and `next`.

pub(super) mod of_apps;
pub(super) mod of_audit;
pub(super) mod of_users;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;

use super::body;
use crate::identity::Form;
use crate::issuer::directory::AppSearch;
use crate::issuer::endpoint_error::EndpointError;
use crate::problem::quoted;
use crate::store::{Listing, Page};
use crate::token::LogPosition;

pub(super) use of_apps::OfApps;

const MAX_LIMIT: usize = 100;
const DEFAULT_LIMIT: usize = 20;

/// The longest cursor that is looked for; names are shorter. Those of routes may be their paths.
const MAX_AFTER_BYTES: usize = 4096;

/// What a list is asked for beside the parameters of all lists.
pub(super) trait Filter: Sized {
    /// The parameters that it knows.
    const NAMES: &'static [&'static str];

    fn read(query: &Form) -> Result<Self, EndpointError>;
}

/// No such parameter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfiltered;

/// `search`: a part of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BySearch(Option<String>);

/// `position`: a position of the revocation log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ByPosition(Option<LogPosition>);

impl Filter for Unfiltered {
    const NAMES: &'static [&'static str] = &[];

    fn read(_: &Form) -> Result<Self, EndpointError> {
        Ok(Self)
    }
}

impl Filter for BySearch {
    const NAMES: &'static [&'static str] = &["search"];

    fn read(query: &Form) -> Result<Self, EndpointError> {
        Ok(Self(text(query, "search")))
    }
}

impl Filter for ByPosition {
    const NAMES: &'static [&'static str] = &["position"];

    fn read(query: &Form) -> Result<Self, EndpointError> {
        let position = text(query, "position").map(|text| text.parse());
        let position = position
            .transpose()
            .map_err(|_| EndpointError::ParameterValue {
                name: "position",
                allowed: "a position of the revocation log",
            })?;
        Ok(Self(position.map(LogPosition)))
    }
}

/// The query of a request for a list.
pub(super) struct ListQuery<F = Unfiltered> {
    pub(super) page: Page,
    pub(super) filter: F,
}

#[derive(Serialize)]
struct PageAnswer<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<F: Filter, S: Send + Sync> FromRequestParts<S> for ListQuery<F> {
    type Rejection = EndpointError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, EndpointError> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl ListQuery<BySearch> {
    /// What is searched for; none where that is nothing.
    pub(super) fn filter(&self) -> Option<&str> {
        self.filter.0.as_deref()
    }
}

impl ListQuery<ByPosition> {
    /// The position that is asked about.
    pub(super) fn position(&self) -> Option<LogPosition> {
        self.filter.0
    }
}

impl ListQuery<OfApps> {
    pub(super) fn apps(&self) -> AppSearch<'_> {
        self.filter.search()
    }
}

impl<F: Filter> ListQuery<F> {
    fn parse(query: &str) -> Result<Self, EndpointError> {
        let query = Form::parse(query.as_bytes())?;
        let known = |name: &str| ["limit", "after"].contains(&name) || F::NAMES.contains(&name);
        // An unknown parameter is most likely a filter with a typing error, and its answer would be the
        // whole list.
        if let Some(unknown) = query.names().find(|name| !known(name)) {
            return Err(EndpointError::UnknownParameter(quoted(unknown)));
        }
        let limit = match query.get("limit") {
            None => Ok(DEFAULT_LIMIT),
            Some(text) => text.parse(),
        };
        let limit = limit.ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        let limit = limit.ok_or(EndpointError::ParameterValue {
            name: "limit",
            allowed: "a number from 1 to 100",
        })?;
        let after = query.get("after").unwrap_or_default().to_owned();
        if after.len() > MAX_AFTER_BYTES {
            return Err(EndpointError::Parameter("after"));
        }
        Ok(Self {
            page: Page { after, limit },
            filter: F::read(&query)?,
        })
    }
}

/// A parameter without space around it; none where nothing is left.
fn text(query: &Form, name: &str) -> Option<String> {
    let text = query.get(name).map(str::trim);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A page in JSON, each item as `show` has it.
pub(super) fn answer<'a, T, A: Serialize>(
    listing: &'a Listing<T>,
    show: impl Fn(&'a T) -> A,
) -> Response {
    let page = PageAnswer {
        items: listing.items.iter().map(show).collect(),
        next: listing.next.clone(),
    };
    body::answer(StatusCode::OK, &page)
}

/// The same of a list that has one page.
pub(super) fn answer_all<'a, T, A: Serialize>(
    items: &'a [T],
    show: impl Fn(&'a T) -> A,
) -> Response {
    let page = PageAnswer {
        items: items.iter().map(show).collect(),
        next: None,
    };
    body::answer(StatusCode::OK, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page and the filter that a query asks for, or what is wrong with it.
    fn read<F: Filter>(query: &str) -> Result<(usize, String, F), String> {
        let query = ListQuery::<F>::parse(query).map_err(|error| error.to_string())?;
        Ok((query.page.limit, query.page.after, query.filter))
    }

    #[test]
    fn a_list_begins_at_the_start_and_has_twenty_items_unless_asked_otherwise() {
        let plain = |limit, after: &str| Ok((limit, after.to_owned(), Unfiltered));
        assert_eq!(read(""), plain(20, ""));
        assert_eq!(read("limit=&after="), plain(20, ""));
        assert_eq!(read("limit=1"), plain(1, ""));
        assert_eq!(read("limit=100&after=m"), plain(100, "m"));
        assert_eq!(read("after=a%26b"), plain(20, "a&b"));
    }

    #[test]
    fn each_list_knows_its_own_filters_and_no_others() {
        let searched =
            |text: Option<&str>| Ok((20, String::new(), BySearch(text.map(str::to_owned))));
        assert_eq!(read("search=+a+"), searched(Some("a")));
        assert_eq!(read("search=+"), searched(None));
        let asked = |position| Ok((20, String::new(), ByPosition(position)));
        assert_eq!(read("position=7"), asked(Some(LogPosition(7))));
        assert_eq!(read(""), asked(None));
        let wrong = read::<ByPosition>("position=a").err().unwrap();
        assert!(wrong.contains("`position` is not valid"), "{wrong}");
        let unknown = |name| Some(format!("the URL has an unknown parameter: `{name}`"));
        assert_eq!(read::<Unfiltered>("owner=alice").err(), unknown("owner"));
        assert_eq!(read::<OfApps>("search=a").err(), unknown("search"));
        assert_eq!(read::<BySearch>("Search=a").err(), unknown("Search"));
        assert_eq!(
            read::<BySearch>("unused_days=90").err(),
            unknown("unused_days")
        );
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let long = format!("after={}", "x".repeat(MAX_AFTER_BYTES + 1));
        let limit = format!("`limit` is not valid: it is a number from 1 to {MAX_LIMIT}");
        for (query, reason) in [
            ("limit=0", &*limit),
            ("limit=101", &*limit),
            ("limit=-1", &*limit),
            ("limit=ten", &*limit),
            (long.as_str(), "`after` is not valid"),
        ] {
            let refused = Err(format!("the parameter {reason}"));
            assert_eq!(read::<Unfiltered>(query), refused, "{query}");
        }
        let repeated = read::<Unfiltered>("limit=1&limit=2");
        assert!(repeated.is_err(), "{repeated:?}");
    }
}
