//! The credentials of a request, each with the header that it came in.

use super::bearer::Credential;
use super::entries::MAX_TOKEN_HEADERS;
use super::issuer_rules::IssuerRules;
use super::trust::Trust;

/// What the headers of a request hold in which issuers have their tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    authorization: Credential<'a>,
    /// Of headers besides `Authorization`: the name in lower case, and what it holds.
    bare: [Option<(&'a str, Credential<'a>)>; MAX_TOKEN_HEADERS],
}

impl<'a> Credentials<'a> {
    /// Those of a request without any.
    pub const NONE: Self = Self::bearer(Credential::Absent);

    pub const fn bearer(authorization: Credential<'a>) -> Self {
        Self {
            authorization,
            bare: [None; MAX_TOKEN_HEADERS],
        }
    }

    /// Adds what the header of this name holds, which is in lower case. There is no place for more than
    /// [`MAX_TOKEN_HEADERS`].
    #[must_use]
    pub fn with_bare(mut self, name: &'a str, credential: Credential<'a>) -> Self {
        if let Some(place) = self.bare.iter_mut().find(|place| place.is_none()) {
            *place = Some((name, credential));
        }
        self
    }

    /// The credential where the tokens of these issuers count: from their headers alone.
    ///
    /// Two that both count are [`Credential::Several`], because it is unclear in whose name the request
    /// is made. So is a header that came twice, even where it does not count: an upstream may read it.
    pub fn of(&self, trust: &Trust, counts: impl Fn(&IssuerRules) -> bool) -> Credential<'a> {
        // The usual case, in which the rest costs nothing.
        if trust.token_headers().is_empty() {
            return self.authorization;
        }
        if self
            .all()
            .any(|(_, credential)| credential == Credential::Several)
        {
            return Credential::Several;
        }
        let is_read = |header: Option<&str>| {
            let mut issuers = trust.issuers().map(|(_, rules)| rules);
            issuers.any(|rules| rules.token_header() == header && counts(rules))
        };
        let here = self.all().filter(|(header, _)| is_read(*header));
        let is_absent = |credential: Credential<'_>| {
            matches!(credential, Credential::Absent | Credential::OtherScheme)
        };
        let mut read = here.filter(|(_, credential)| !is_absent(*credential));
        match (read.next(), read.next()) {
            // What `Authorization` holds of another scheme is told where it would be read.
            (None, _) if is_read(None) && is_absent(self.authorization) => self.authorization,
            (None, _) => Credential::Absent,
            (Some((_, credential)), None) => credential,
            (Some(_), Some(_)) => Credential::Several,
        }
    }

    fn all(&self) -> impl Iterator<Item = (Option<&'a str>, Credential<'a>)> {
        let bare = self.bare.into_iter().flatten();
        let bare = bare.map(|(name, credential)| (Some(name), credential));
        std::iter::once((None, self.authorization)).chain(bare)
    }
}
