//! Scopes, and the roles that hold them.

use std::collections::BTreeSet;
use std::fmt;

pub use crate::policy::ScopeName;
use crate::policy::{MAX_SCOPE_NAME_BYTES, ScopeNameError};

/// What a segment of a path cannot have, not even encoded: proxies and servers differ in what they
/// make of it.
const UNADDRESSABLE: [char; 3] = ['/', ';', '%'];

/// Where somebody who has decoded a path sees its end.
const ENDS_OF_PATHS: [char; 2] = ['?', '#'];

/// The name of a role, of the same alphabet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(ScopeName);

/// Text that is not the name of a scope or role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope or role has 1 to {MAX_SCOPE_NAME_BYTES} printable ASCII characters without space, comma, \
     quotation mark and backslash"
)]
pub struct NameError;

impl From<ScopeNameError> for NameError {
    fn from(_: ScopeNameError) -> Self {
        Self
    }
}

/// Who has all of them is an administrator: of these there is always one.
pub const ADMINISTRATIVE_SCOPES: [&str; 6] = [
    "backend.app",
    "backend.introspect",
    "backend.role",
    "backend.scope",
    "backend.token",
    "backend.user",
];

/// Scopes without order and duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSet(BTreeSet<ScopeName>);

/// Which scopes a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedScopes {
    /// It did not say: all that it may have.
    All,
    Some(ScopeSet),
}

/// What cannot be a request for scopes: `invalid_scope` (RFC 6749 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeRequestError {
    /// One of them cannot be one.
    #[error(transparent)]
    Malformed(#[from] NameError),
    /// There is a list, and nothing in it.
    #[error("the list of scopes is empty: leave it out to get all scopes that are available")]
    Nothing,
}

/// No scope is left, and whose fault that is: `invalid_scope` (RFC 6749 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoScopeError {
    /// There is nothing to grant, whoever asks for what.
    #[error(
        "the user has no scope: assign it a role that has scopes, or add scopes to one of its roles"
    )]
    User,
    /// The same of an app that acts for its owner.
    #[error("the owner of the app has no scope: add scopes to one of the owner's roles")]
    Owner,
    /// What it has is for users with a passkey, and it must have one.
    #[error("the user needs a passkey first: log in at `/portal`")]
    UserWithoutPasskey,
    /// The same of the owner of an app.
    #[error("the owner needs a passkey first: log in at `/portal`")]
    OwnerWithoutPasskey,
    /// The app may have nothing, or nothing that its user has.
    #[error(
        "the app has no scope that its user has: add scopes to the app or, if it follows its \
         owner, to one of the owner's roles"
    )]
    App,
    /// There are only scopes of the issuer's own, which are in no token for somebody else.
    #[error(
        "scopes that begin with `consumer.` or `backend.` are only in tokens for the issuer alone: \
         leave `resource` out, or name the issuer's URL"
    )]
    Elsewhere,
    /// The same where the token is for the API.
    #[error(
        "there is no scope of an API, only such as begin with `consumer.` or `backend.`: add others to the \
         roles of the user and, if the app has a list of its own, to the app"
    )]
    NoneOfApi,
    /// The issuer makes tokens for itself alone.
    #[error(
        "the issuer makes no tokens for an API: add the audience of the API to `issuer.audiences`"
    )]
    NoApi,
    /// There would have been something.
    #[error("the user and the app have none of the requested scopes")]
    Requested,
}

/// Whether the path of a URL can name it: within one segment, which nobody decodes twice or shortens.
fn is_addressable(name: &str) -> bool {
    let seen = name.split(ENDS_OF_PATHS).next().unwrap_or(name);
    !name.contains(UNADDRESSABLE) && !["", ".", ".."].contains(&seen)
}

impl ScopeName {
    /// Whether the path of a URL can name it, which everything new must hold to.
    pub fn is_addressable(&self) -> bool {
        is_addressable(self.as_str())
    }

    /// Whether it opens the issuer's own endpoints rather than somebody's API.
    pub fn is_own(&self) -> bool {
        self.as_str().starts_with("consumer.") || self.is_administrative()
    }

    /// Whether it opens what administrators do.
    pub fn is_administrative(&self) -> bool {
        self.as_str().starts_with("backend.")
    }
}

impl RoleName {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Ok(Self(ScopeName::parse(text)?))
    }

    /// Whether the path of a URL can name it, which everything new must hold to.
    pub fn is_addressable(&self) -> bool {
        self.0.is_addressable()
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl ScopeSet {
    /// Reads scopes with spaces or commas between them.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        text.split([' ', ','])
            .filter(|name| !name.is_empty())
            .map(|name| Ok(ScopeName::parse(name)?))
            .collect()
    }

    /// Whether the scope is among them, exactly.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether all of `self` are among `other`.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Those that are not among `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// Those that are among `other` as well.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    #[must_use]
    pub fn with(mut self, scope: ScopeName) -> Self {
        self.0.insert(scope);
        self
    }

    /// Those that open what administrators do.
    #[must_use]
    pub fn administrative(&self) -> Self {
        let administrative = self.0.iter().filter(|scope| scope.is_administrative());
        administrative.cloned().collect()
    }

    /// Those that open the issuer itself.
    #[must_use]
    pub fn own(&self) -> Self {
        let own = self.0.iter().filter(|scope| scope.is_own());
        own.cloned().collect()
    }

    /// Those that open somebody's API, and not the issuer itself.
    #[must_use]
    pub fn without_own(&self) -> Self {
        let others = self.0.iter().filter(|scope| !scope.is_own());
        others.cloned().collect()
    }

    /// Whether they are all that an administrator has.
    pub fn make_administrator(&self) -> bool {
        ADMINISTRATIVE_SCOPES
            .iter()
            .all(|scope| self.contains(scope))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &ScopeName> {
        self.0.iter()
    }
}

/// Separated by spaces (RFC 6749 section 3.3).
impl fmt::Display for ScopeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.0.iter().enumerate() {
            if position > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl FromIterator<ScopeName> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = ScopeName>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl RequestedScopes {
    /// Reads scopes with spaces or commas between them. Who asks for nothing does not get all: that is
    /// for who does not say. A parameter without a value is absent (RFC 6749 section 3.2), which is
    /// for the form to know.
    pub fn parse(text: Option<&str>) -> Result<Self, ScopeRequestError> {
        let Some(text) = text else {
            return Ok(Self::All);
        };
        let scopes = ScopeSet::parse(text)?;
        if scopes.is_empty() {
            return Err(ScopeRequestError::Nothing);
        }
        Ok(Self::Some(scopes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_a_scope_asks_for_nothing() {
        for nothing in ["", " ", ",", " , "] {
            let requested = RequestedScopes::parse(Some(nothing));
            assert_eq!(requested, Err(ScopeRequestError::Nothing), "`{nothing}`");
        }
    }

    #[test]
    fn roles_are_named_like_scopes() {
        for good in ["a", "orders.read", "https://x.example/s", "!", "~"] {
            assert!(RoleName::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(129);
        for bad in [
            "", "a b", "a,b", "a\"b", "a\\b", "a\nb", "é", "\u{7f}", &long,
        ] {
            assert!(RoleName::parse(bad).is_err(), "{bad}");
        }
    }
}
