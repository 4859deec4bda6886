//! Whose tokens count on a route.

/// The issuers whose tokens count on a route. On a public route it is they alone who identify the
/// caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteIssuers {
    /// Every trusted issuer: there is one, or the policy was loaded without a configuration.
    Trusted,
    /// Those of these names in `trust`; without any, nobody's.
    Named(Box<[Box<str>]>),
}

impl RouteIssuers {
    /// Whether tokens of the issuer that `trust` calls `name` count.
    pub fn include(&self, name: &str) -> bool {
        match self {
            Self::Trusted => true,
            Self::Named(names) => names.iter().any(|known| **known == *name),
        }
    }
}
