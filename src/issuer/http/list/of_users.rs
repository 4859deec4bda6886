//! Which users a list is asked for.

use super::{Filter, text};
use crate::identity::{Form, Status};
use crate::issuer::endpoint_error::EndpointError;
use crate::store::UserFilter;

const SEARCH: &str = "search";
pub(in crate::issuer::http) const ROLE: &str = "role";
pub(in crate::issuer::http) const STATUS: &str = "status";

/// `search`: a part of a username or e-mail address. `role`: the name of a role. `status`: `active` or `disabled`.
/// All that are there must hold.
impl Filter for UserFilter {
    const NAMES: &'static [&'static str] = &[SEARCH, ROLE, STATUS];

    fn read(query: &Form) -> Result<Self, EndpointError> {
        let status = text(query, STATUS).map(|status| Status::parse(&status));
        Ok(Self {
            search: text(query, SEARCH).unwrap_or_default(),
            role: text(query, ROLE).unwrap_or_default(),
            status: status
                .transpose()
                .map_err(|_| EndpointError::ParameterValue {
                    name: STATUS,
                    allowed: "`active` or `disabled`",
                })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<UserFilter, String> {
        let query = Form::parse(query.as_bytes()).unwrap();
        UserFilter::read(&query).map_err(|error| error.to_string())
    }

    #[test]
    fn the_filters_of_users_are_read_together_or_refused() {
        let all = UserFilter {
            search: "ali".to_owned(),
            role: "clerk".to_owned(),
            status: Some(Status::Disabled),
        };
        assert_eq!(read("search=+ali&role=clerk&status=disabled"), Ok(all));
        // As a form sends what nobody has filled in.
        let none = read("search=&role=&status=");
        assert_eq!(none, Ok(UserFilter::default()));
        let wrong = read("status=gone").unwrap_err();
        assert!(wrong.contains("`active` or `disabled`"), "{wrong}");
    }
}
