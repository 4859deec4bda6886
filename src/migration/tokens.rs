//! Where a source looks for tokens, and whether the gate can look there too.

use std::collections::BTreeSet;

use super::text::literal;

/// Why a token cannot be taken from any of the places that a source names.
pub(super) const UNREADABLE: &str =
    "the gate reads tokens from `Authorization: Bearer`, or bare from one header";

/// Where a source looks for tokens, as parts of conditions.
#[derive(Debug, Default)]
pub(super) struct TokenPlaces(BTreeSet<String>);

impl TokenPlaces {
    pub(super) fn header(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        self.0
            .insert(format!("{} in request.headers", literal(&name)));
    }

    pub(super) fn parameter(&mut self, name: &str) {
        self.0.insert(format!("{} in request.query", literal(name)));
    }

    pub(super) fn cookies(&mut self) {
        self.header("cookie");
    }

    /// A body, which is read for a token only where the request says what it is.
    pub(super) fn body(&mut self) {
        self.header("content-type");
    }

    /// Adds the places of one issuer: headers with what stands in front of the token, parameters of the
    /// query, and cookies. Without any, those that Envoy takes. Returns the header that the gate can read
    /// its tokens from, if that is not `authorization`.
    pub(super) fn add(
        &mut self,
        headers: &[(String, String)],
        parameters: &[&str],
        has_cookies: bool,
    ) -> Result<Option<String>, String> {
        if headers.is_empty() && parameters.is_empty() && !has_cookies {
            self.header("authorization");
            self.parameter("access_token");
            return Ok(None);
        }
        let mut found = Err(UNREADABLE.to_owned());
        for (name, prefix) in headers {
            self.header(name);
            let name = name.to_ascii_lowercase();
            match (name.as_str(), prefix.as_str()) {
                ("authorization", "Bearer" | "Bearer ") => found = Ok(None),
                ("authorization", _) => {}
                (name, "") if found.is_err() => found = Ok(Some(name.to_owned())),
                _ => {}
            }
        }
        for parameter in parameters {
            self.parameter(parameter);
        }
        if has_cookies {
            self.cookies();
        }
        found
    }

    /// The condition that holds where the source finds no token at all.
    pub(super) fn none(&self) -> String {
        let places: Vec<String> = self.0.iter().map(|place| format!("!({place})")).collect();
        if places.is_empty() {
            "!(\"authorization\" in request.headers)".to_owned()
        } else {
            places.join(" && ")
        }
    }
}
