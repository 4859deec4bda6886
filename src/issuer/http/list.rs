//! What lists take and answer: `limit` and `after`, `items` and `next`.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::body;
use crate::identity::Form;
use crate::issuer::endpoint_error::EndpointError;
use crate::store::{Listing, Page};

const MAXIMUM: usize = 100;
const USUAL: usize = 20;

/// The longest cursor that is looked for; names are shorter.
const MAX_AFTER_BYTES: usize = 256;

/// What a request for a list says in its URL.
pub(super) struct Asked {
    pub(super) page: Page,
    filter: Option<String>,
}

#[derive(Serialize)]
struct PageAnswer<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl Asked {
    /// Reads the query; `filter` is the one further parameter that this list knows.
    pub(super) fn read(
        request: &Request,
        filter: Option<&'static str>,
    ) -> Result<Self, EndpointError> {
        let query = Form::parse(request.uri().query().unwrap_or_default().as_bytes())?;
        let known = |name: &str| ["limit", "after"].contains(&name) || Some(name) == filter;
        if !query.names().all(known) {
            return Err(EndpointError::UnknownParameter);
        }
        let limit = match query.get("limit") {
            None => USUAL,
            Some(text) => text
                .parse()
                .map_err(|_| EndpointError::Parameter("limit"))?,
        };
        if !(1..=MAXIMUM).contains(&limit) {
            return Err(EndpointError::Parameter("limit"));
        }
        let after = query.get("after").unwrap_or_default().to_owned();
        if after.len() > MAX_AFTER_BYTES {
            return Err(EndpointError::Parameter("after"));
        }
        Ok(Self {
            page: Page { after, limit },
            filter: filter.and_then(|name| query.get(name)).map(str::to_owned),
        })
    }

    /// The further parameter, if it is there.
    pub(super) fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
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
