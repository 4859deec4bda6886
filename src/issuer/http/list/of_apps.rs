//! Which apps a list of everybody's is asked for.

use super::{Filter, text};
use crate::identity::{Form, Status};
use crate::issuer::directory::{AppSearch, Days};
use crate::issuer::endpoint_error::EndpointError;

pub(in crate::issuer::http) const OWNER: &str = "owner";
pub(in crate::issuer::http) const STATUS: &str = "status";
pub(in crate::issuer::http) const UNUSED_DAYS: &str = "unused_days";
pub(in crate::issuer::http) const SECRET_DAYS: &str = "secret_days";

/// `owner`: the username of whoever owns an app. `status`: `active` or `disabled`. `unused_days`, `secret_days`: how
/// long ago it was last used, and its latest secret made, at least. All that are there must hold.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::issuer::http) struct OfApps {
    owner: Option<String>,
    status: Option<Status>,
    unused: Option<Days>,
    secret: Option<Days>,
}

impl OfApps {
    pub(super) fn search(&self) -> AppSearch<'_> {
        AppSearch {
            owner: self.owner.as_deref(),
            status: self.status,
            unused: self.unused,
            secret: self.secret,
        }
    }
}

impl Filter for OfApps {
    const NAMES: &'static [&'static str] = &[OWNER, STATUS, UNUSED_DAYS, SECRET_DAYS];

    fn read(query: &Form) -> Result<Self, EndpointError> {
        let status = query.get(STATUS).map(Status::parse).transpose();
        Ok(Self {
            owner: text(query, OWNER),
            status: status.map_err(|_| EndpointError::ParameterValue {
                name: STATUS,
                allowed: "`active` or `disabled`",
            })?,
            unused: days(query, UNUSED_DAYS)?,
            secret: days(query, SECRET_DAYS)?,
        })
    }
}

fn days(query: &Form, name: &'static str) -> Result<Option<Days>, EndpointError> {
    let days = query.get(name).map(Days::parse).transpose();
    days.map_err(|_| EndpointError::ParameterValue {
        name,
        allowed: "a number from 1 to 3650",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<OfApps, String> {
        let query = Form::parse(query.as_bytes()).unwrap();
        OfApps::read(&query).map_err(|error| error.to_string())
    }

    #[test]
    fn the_filters_of_apps_are_read_together_or_refused() {
        let all = "owner=+alice+&status=disabled&unused_days=90&secret_days=3650";
        let read_all = read(all).unwrap();
        let expected = AppSearch {
            owner: Some("alice"),
            status: Some(Status::Disabled),
            unused: Days::new(90).ok(),
            secret: Days::new(Days::MAX).ok(),
        };
        assert_eq!(read_all.search(), expected);
        // As a form sends what nobody has filled in.
        let none = read("owner=&status=&unused_days=").unwrap();
        assert_eq!(none.search(), AppSearch::default());
        let bound = format!("it is a number from 1 to {}", Days::MAX);
        for (query, reason) in [
            (
                "status=gone",
                "`status` is not valid: it is `active` or `disabled`",
            ),
            (
                "unused_days=0",
                &*format!("`unused_days` is not valid: {bound}"),
            ),
            (
                "secret_days=3651",
                &*format!("`secret_days` is not valid: {bound}"),
            ),
            (
                "secret_days=a+year",
                &*format!("`secret_days` is not valid: {bound}"),
            ),
        ] {
            let refused = Err(format!("the parameter {reason}"));
            assert_eq!(read(query), refused, "{query}");
        }
    }
}
