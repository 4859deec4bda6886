//! What a token is for: to do what, and where.

use super::audience::Audiences;
use super::scope::{NoScopeError, RequestedScopes, ScopeName, ScopeSet};

/// To do what, and where. Every upstream receives the tokens that are for it, and could use them
/// itself: so scopes that open the issuer are only in tokens that are for the issuer alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    scopes: ScopeSet,
    audiences: Audiences,
}

/// To do what at an API, and there alone. None of the scopes is the issuer's own and the issuer is not
/// among the audiences, so that whoever receives a token with these rights can do nothing at the issuer
/// with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRights(Rights);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The user's own name and password: a login at the issuer.
    Login,
    /// An app, to call somebody's API.
    App,
}

#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub scopes: &'a RequestedScopes,
    pub audiences: &'a Audiences,
    pub means: Means,
}

impl Rights {
    /// Of `granted`, what goes together. Where no audience is named, a login is one at the issuer, and
    /// so is whoever names one of the issuer's scopes; apps get the other scopes, unless they have none.
    /// `offered` are the audiences that the issuer makes tokens for, itself among them.
    pub fn separate(
        granted: ScopeSet,
        asked: Request<'_>,
        issuer: &str,
        offered: &[&str],
    ) -> Result<Self, NoScopeError> {
        let others = granted.without_own();
        let has_own = others != granted;
        let audiences = asked.audiences.among(offered.iter().copied());
        // The issuer's own scopes are for the issuer alone: in a token for other audiences any of those
        // services could take it and act at the issuer as its user.
        if !has_own || audiences == [issuer] {
            return Ok(Self {
                scopes: granted,
                audiences: asked.audiences.clone(),
            });
        }
        let at_issuer = match asked.scopes {
            RequestedScopes::All => asked.means == Means::Login || others.is_empty(),
            RequestedScopes::Some(scopes) => scopes.without_own() != *scopes,
        };
        if *asked.audiences == Audiences::All && at_issuer {
            return Ok(Self {
                scopes: granted,
                audiences: Audiences::only(issuer),
            });
        }
        // Nothing is left that these audiences could be told. A token without scopes would be worse
        // than an error that says why.
        if others.is_empty() {
            return Err(NoScopeError::Elsewhere);
        }
        Ok(Self {
            scopes: others,
            audiences: asked.audiences.clone(),
        })
    }

    /// To do what; never empty where somebody else than the portal gets the token.
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    pub fn audiences(&self) -> &Audiences {
        &self.audiences
    }
}

impl ApiRights {
    /// What of `granted` is for an API; `offered` are the audiences that the issuer makes tokens for, itself
    /// among them.
    pub fn of(granted: &ScopeSet, issuer: &str, offered: &[&str]) -> Result<Self, NoScopeError> {
        let others = offered.iter().filter(|audience| **audience != issuer);
        let audiences: Vec<Box<str>> = others.map(|audience| Box::from(*audience)).collect();
        // Without a name it would mean all of them.
        if audiences.is_empty() {
            return Err(NoScopeError::NoApi);
        }
        let scopes = granted.without_own();
        if scopes.is_empty() {
            return Err(NoScopeError::NoneOfApi);
        }
        Ok(Self(Rights {
            scopes,
            audiences: Audiences::Only(audiences),
        }))
    }

    /// The same with only those of the scopes that are wanted, perhaps none.
    #[must_use]
    pub fn with_scopes(&self, wanted: impl Fn(&ScopeName) -> bool) -> Self {
        let scopes = self.0.scopes.iter().filter(|scope| wanted(scope));
        Self(Rights {
            scopes: scopes.cloned().collect(),
            audiences: self.0.audiences.clone(),
        })
    }
}

/// As what the claims of a token are made of.
impl AsRef<Rights> for ApiRights {
    fn as_ref(&self) -> &Rights {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example";
    const SHOP: &str = "https://shop.example";

    #[test]
    fn the_issuers_scopes_are_in_tokens_for_the_issuer_alone() {
        use Means::{App, Login};
        // asked scopes and audiences, by what; granted; scopes and audiences that go together
        let rows = [
            (
                "",
                "",
                Login,
                "a consumer.app",
                Some(("a consumer.app", ISSUER)),
            ),
            ("", "", Login, "a b", Some(("a b", "all"))),
            ("", "", App, "a consumer.app", Some(("a", "all"))),
            ("", "", App, "backend.user", Some(("backend.user", ISSUER))),
            ("a", "", Login, "a", Some(("a", "all"))),
            (
                "consumer.app",
                "",
                App,
                "consumer.app",
                Some(("consumer.app", ISSUER)),
            ),
            (
                "a backend.user",
                "",
                App,
                "a backend.user",
                Some(("a backend.user", ISSUER)),
            ),
            (
                "",
                ISSUER,
                App,
                "a consumer.app",
                Some(("a consumer.app", ISSUER)),
            ),
            ("", SHOP, Login, "a consumer.app", Some(("a", SHOP))),
            (
                "a consumer.app",
                SHOP,
                App,
                "a consumer.app",
                Some(("a", SHOP)),
            ),
            ("consumer.app", SHOP, App, "consumer.app", None),
            ("", SHOP, Login, "consumer.app", None),
        ];
        for (scopes, audiences, means, granted, expected) in rows {
            let scopes = match scopes {
                "" => RequestedScopes::All,
                named => RequestedScopes::Some(ScopeSet::parse(named).unwrap()),
            };
            let asked = Request {
                scopes: &scopes,
                audiences: &Audiences::from_text(audiences),
                means,
            };
            let granted = ScopeSet::parse(granted).unwrap();
            let rights = Rights::separate(granted, asked, ISSUER, &[ISSUER, SHOP]).ok();
            let audiences = |rights: &Rights| match rights.audiences() {
                Audiences::All => "all".to_owned(),
                Audiences::Only(_) => rights.audiences().to_text(),
            };
            let found = rights.map(|rights| (rights.scopes().to_string(), audiences(&rights)));
            let found = found
                .as_ref()
                .map(|(scopes, audiences)| (&**scopes, &**audiences));
            assert_eq!(found, expected, "{asked:?}");
        }
    }

    #[test]
    fn rights_at_an_api_hold_nothing_of_the_issuer() {
        let rows = [
            ("a b consumer.app", &[ISSUER, SHOP][..], Ok(("a b", SHOP))),
            ("a", &[ISSUER, SHOP], Ok(("a", SHOP))),
            (
                "consumer.app",
                &[ISSUER, SHOP],
                Err(NoScopeError::NoneOfApi),
            ),
            ("backend.user", &[SHOP], Err(NoScopeError::NoneOfApi)),
            ("", &[ISSUER, SHOP], Err(NoScopeError::NoneOfApi)),
            ("a", &[ISSUER], Err(NoScopeError::NoApi)),
            ("a consumer.app", &[ISSUER], Err(NoScopeError::NoApi)),
        ];
        for (granted, offered, expected) in rows {
            let granted = ScopeSet::parse(granted).unwrap();
            let rights = ApiRights::of(&granted, ISSUER, offered);
            let found = rights.map(|rights| {
                let rights = rights.as_ref();
                (rights.scopes().to_string(), rights.audiences().to_text())
            });
            let expected = expected
                .map(|(scopes, audiences): (&str, &str)| (scopes.to_owned(), audiences.to_owned()));
            assert_eq!(found, expected, "{granted} {offered:?}");
        }
    }

    #[test]
    fn where_the_issuer_is_the_only_audience_nothing_is_to_be_separated() {
        let asked = Request {
            scopes: &RequestedScopes::All,
            audiences: &Audiences::All,
            means: Means::App,
        };
        let granted = ScopeSet::parse("a consumer.app").unwrap();
        let rights = Rights::separate(granted.clone(), asked, ISSUER, &[ISSUER]).unwrap();
        assert_eq!(
            (rights.scopes(), rights.audiences()),
            (&granted, &Audiences::All)
        );
    }
}
