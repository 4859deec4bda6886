//! What lists take and answer: `limit` and `after`, `items` and `next`.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;

use super::body;
use crate::identity::Form;
use crate::issuer::endpoint_error::EndpointError;
use crate::problem::quoted;
use crate::store::{Listing, Page};

const MAX_LIMIT: usize = 100;
const DEFAULT_LIMIT: usize = 20;

/// The longest cursor that is looked for; names are shorter.
const MAX_AFTER_BYTES: usize = 256;

/// The one parameter that a list knows beside those of all lists.
pub(super) trait Filter {
    const NAME: Option<&'static str>;
}

/// No such parameter.
pub(super) struct Unfiltered;

/// `owner`: the username of whoever owns an app.
pub(super) struct ByOwner;

/// `search`: a part of a username or e-mail address.
pub(super) struct BySearch;

impl Filter for Unfiltered {
    const NAME: Option<&'static str> = None;
}

impl Filter for ByOwner {
    const NAME: Option<&'static str> = Some("owner");
}

impl Filter for BySearch {
    const NAME: Option<&'static str> = Some("search");
}

/// The query of a request for a list.
pub(super) struct ListQuery<F = Unfiltered> {
    pub(super) page: Page,
    /// The parameter of `F`, if it is there.
    filter: Option<String>,
    kind: PhantomData<F>,
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

impl<F: Filter> ListQuery<F> {
    /// The parameter of `F` without space around it; none where nothing is left.
    pub(super) fn filter(&self) -> Option<&str> {
        let filter = self.filter.as_deref().map(str::trim);
        filter.filter(|text| !text.is_empty())
    }

    fn parse(query: &str) -> Result<Self, EndpointError> {
        let query = Form::parse(query.as_bytes())?;
        let known = |name: &str| ["limit", "after"].contains(&name) || Some(name) == F::NAME;
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
            filter: F::NAME.and_then(|name| query.get(name)).map(str::to_owned),
            kind: PhantomData,
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The page and the filter that a query asks for, or what is wrong with it.
    fn read<F: Filter>(query: &str) -> Result<(usize, String, Option<String>), String> {
        let query = ListQuery::<F>::parse(query).map_err(|error| error.to_string())?;
        Ok((query.page.limit, query.page.after, query.filter))
    }

    #[test]
    fn a_list_begins_at_the_start_and_has_twenty_items_unless_asked_otherwise() {
        let plain = |limit, after: &str| Ok((limit, after.to_owned(), None));
        assert_eq!(read::<Unfiltered>(""), plain(20, ""));
        assert_eq!(read::<Unfiltered>("limit=&after="), plain(20, ""));
        assert_eq!(read::<Unfiltered>("limit=1"), plain(1, ""));
        assert_eq!(read::<Unfiltered>("limit=100&after=m"), plain(100, "m"));
        assert_eq!(read::<Unfiltered>("after=a%26b"), plain(20, "a&b"));
    }

    #[test]
    fn each_list_knows_its_own_filter_and_no_other() {
        let filtered = |text: &str| Ok((20, String::new(), Some(text.to_owned())));
        assert_eq!(read::<ByOwner>("owner=alice"), filtered("alice"));
        assert_eq!(read::<BySearch>("search=a"), filtered("a"));
        let unknown = |name| Err(format!("the URL has an unknown parameter: `{name}`"));
        assert_eq!(read::<Unfiltered>("owner=alice"), unknown("owner"));
        assert_eq!(read::<ByOwner>("search=a"), unknown("search"));
        assert_eq!(read::<BySearch>("Search=a"), unknown("Search"));
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
