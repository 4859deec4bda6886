//! The grant types of the token endpoint: a row of [`GrantType::ALL`] each, and what `token_requests` does
//! for it.
//!
//! What the settings accept and offer by default, the metadata and the labels of the metrics all come
//! from the rows.

use std::fmt;

use crate::problem::{Faults, closest};

/// A way to get tokens at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    ClientCredentials,
    RefreshToken,
    AuthorizationCode,
    Password,
}

/// When it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offered {
    /// Unless the settings list others.
    ByDefault,
    /// Where the settings list it.
    ByName,
}

/// The grant types that an issuer offers.
#[derive(Clone, PartialEq, Eq)]
pub struct GrantTypes(Vec<GrantType>);

impl GrantType {
    pub(super) const ALL: [Self; 4] = [
        Self::ClientCredentials,
        Self::RefreshToken,
        Self::AuthorizationCode,
        Self::Password,
    ];

    /// The parameter `grant_type`, and what settings, metadata and metrics call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::AuthorizationCode => "authorization_code",
            Self::Password => "password",
        }
    }

    fn offered(self) -> Offered {
        match self {
            Self::ClientCredentials | Self::RefreshToken | Self::AuthorizationCode => {
                Offered::ByDefault
            }
            // RFC 9700 section 2.4 says that it must not be used.
            Self::Password => Offered::ByName,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

impl GrantTypes {
    /// Those of which the settings say nothing.
    pub(super) fn default_names() -> Vec<String> {
        let by_default = GrantType::ALL
            .into_iter()
            .filter(|known| known.offered() == Offered::ByDefault);
        by_default.map(|known| known.name().to_owned()).collect()
    }

    /// Reads `issuer.grants`.
    pub(super) fn parse(names: &[String], faults: &mut Faults) -> Self {
        for (position, name) in names.iter().enumerate() {
            if GrantType::named(name).is_none() {
                faults.add(
                    format!("issuer.grants[{position}]"),
                    match closest(name, GrantType::ALL.into_iter().map(GrantType::name)) {
                        Some(near) => format!(
                            "`issuer.grants`: `{name}` is not supported: did you mean `{near}`?"
                        ),
                        None => format!(
                            "`issuer.grants`: `{name}` is not supported: use {}",
                            all_in_words()
                        ),
                    },
                );
            }
        }
        let listed = |known: &GrantType| names.iter().any(|name| name == known.name());
        Self(GrantType::ALL.into_iter().filter(listed).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|offered| offered.name())
    }

    /// The one of this name, if it is offered.
    pub(super) fn get(&self, name: &str) -> Option<GrantType> {
        self.0
            .iter()
            .copied()
            .find(|offered| offered.name() == name)
    }

    /// Whether grants can be extended at the token endpoint.
    pub(super) fn has_refresh_token(&self) -> bool {
        self.0.contains(&GrantType::RefreshToken)
    }

    /// Whether apps get codes, for which there are pages.
    pub(super) fn has_authorization_code(&self) -> bool {
        self.0.contains(&GrantType::AuthorizationCode)
    }
}

/// Such as: `a`, `b` and `c`.
fn all_in_words() -> String {
    let names = GrantType::ALL.map(|known| format!("`{}`", known.name()));
    match names.split_last() {
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

impl fmt::Debug for GrantTypes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn parse(names: &[&str]) -> (Vec<&'static str>, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut faults = Faults::default();
        let parsed = GrantTypes::parse(&names, &mut faults);
        (parsed.names().collect(), faults.into_messages().join("\n"))
    }

    #[test]
    fn settings_offer_what_they_list_in_the_order_of_the_rows() {
        let (offered, faults) = parse(&["password", "client_credentials", "password"]);
        assert_eq!(offered, ["client_credentials", "password"]);
        assert_eq!(faults, "");
        assert_eq!(parse(&[]).0, Vec::<&str>::new());
        let (offered, faults) = parse(&["implicit", "refresh_token", "Password"]);
        assert_eq!(offered, ["refresh_token"]);
        for told in [
            "`issuer.grants`: `implicit` is not supported: use `client_credentials`, `refresh_token`, \
             `authorization_code` and `password`",
            "`issuer.grants`: `Password` is not supported: did you mean `password`?",
        ] {
            assert!(faults.contains(told), "{faults}");
        }
    }

    #[test]
    fn the_password_of_a_user_is_asked_for_by_name_alone() {
        let expected = ["client_credentials", "refresh_token", "authorization_code"];
        assert_eq!(GrantTypes::default_names(), expected);
    }

    #[test]
    fn no_two_rows_have_one_name() {
        let names: std::collections::HashSet<&str> =
            GrantType::ALL.iter().map(|known| known.name()).collect();
        assert_eq!(names.len(), GrantType::ALL.len());
    }

    #[test]
    fn the_document_of_the_endpoints_lists_the_rows() {
        let area = include_str!("http/openapi/authorization.json");
        let area: Value = serde_json::from_str(area).unwrap();
        let schemas = area["schemas"].as_object().unwrap();
        let listed = schemas
            .values()
            .find_map(|schema| schema["properties"]["grant_type"]["enum"].as_array())
            .unwrap();
        let names = GrantType::ALL.map(GrantType::name);
        assert_eq!(*listed, names);
    }
}
