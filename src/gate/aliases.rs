//! Finds what an upstream could take for an identity header.

use super::identity_headers::{FromCaller, IdentityHeaders};

/// Finds the names under which a caller may have sent an identity header of its own: any case, and
/// for `-` whatever is neither letter nor digit. Most upstreams that fold names fold `_` or `.`;
/// what hands headers over as environment variables, as CGI does, may fold all of `!#$%&'*+^|~`.
#[derive(Debug)]
pub struct AliasFinder {
    identity: Box<[Box<[u8]>]>,
    /// In lower case.
    token_headers: Box<[Box<str>]>,
    /// Bit `n` is set where a name has `n` bytes: most headers end at this test.
    lengths: u64,
    from_caller: FromCaller,
}

/// What an upstream could take a header for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posing {
    /// For the header of this position that holds a token, which it is.
    AsToken(usize),
    /// For an identity header, or for one that holds a token and is spelt differently.
    AsOther,
}

impl AliasFinder {
    /// A finder for the headers of `identity` and for those that hold tokens, in lower case.
    pub fn new(identity: &IdentityHeaders, token_headers: &[Box<str>]) -> Self {
        let token_names = token_headers.iter().map(|name| &**name);
        let names = identity.names().chain(token_names);
        let lengths = names.fold(0, |bits, name| bits | length_bit(name.as_bytes()));
        let identity_names = identity.names().map(|name| name.as_bytes().into());
        Self {
            identity: identity_names.collect(),
            token_headers: token_headers.into(),
            lengths,
            from_caller: identity.from_caller,
        }
    }

    /// What becomes of a request with such a name.
    pub fn from_caller(&self) -> FromCaller {
        self.from_caller
    }

    /// Whether an upstream could take `name` for an identity header, or for one that holds a token.
    pub fn is_alias(&self, name: &[u8]) -> bool {
        let is_identity = || self.identity.iter().any(|own| folds_to(name, own));
        let is_token = || {
            let mut headers = self.token_headers();
            headers.any(|own| folds_to(name, own.as_bytes()))
        };
        self.lengths & length_bit(name) != 0 && (is_identity() || is_token())
    }

    /// What there is to know of a header's name; of nearly every name nothing.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<Posing> {
        // By the length first: this runs for every header of every request, and one shift rules most of
        // them out.
        if self.lengths & length_bit(name) == 0 {
            return None;
        }
        match self.token_header(name) {
            Some(position) => Some(Posing::AsToken(position)),
            None => self.is_alias(name).then_some(Posing::AsOther),
        }
    }

    /// The position of the header that holds a token, if `name` is one. Proxies that keep the case of
    /// names are no reason to miss it.
    fn token_header(&self, name: &[u8]) -> Option<usize> {
        let mut headers = self.token_headers();
        headers.position(|own| own.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The headers besides `Authorization` that hold tokens, in lower case.
    pub fn token_headers(&self) -> impl Iterator<Item = &str> {
        self.token_headers.iter().map(|name| &**name)
    }

    /// Whether `name` is exactly an identity header, which the answer overwrites or removes anyway.
    pub fn is_exact(&self, name: &[u8]) -> bool {
        self.identity.iter().any(|identity| **identity == *name)
    }
}

/// Zero for names longer than any identity header.
fn length_bit(name: &[u8]) -> u64 {
    u32::try_from(name.len())
        .ok()
        .and_then(|length| 1_u64.checked_shl(length))
        .unwrap_or(0)
}

fn folds_to(name: &[u8], identity: &[u8]) -> bool {
    name.len() == identity.len()
        && name.iter().zip(identity).all(|(&byte, &wanted)| {
            byte.to_ascii_lowercase() == wanted
                // CGI and its successors make `_` of whatever is neither letter nor digit, and some
                // servers of fewer: any such character in the place of a dash could become the same
                // variable.
                || (wanted == b'-' && byte.is_ascii() && !byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::ClaimPath;

    #[test]
    fn the_likely_spellings_all_fold_to_an_identity_header() {
        let identity = IdentityHeaders {
            claims: [("x-a-b-c-d-e".to_owned(), ClaimPath::named("a"))].into(),
            ..IdentityHeaders::default()
        };
        let finder = AliasFinder::new(&identity, &[]);
        let folded = identity.folded();
        // Nine spellings of each name with two dashes but the name itself.
        assert_eq!(folded.len(), 4 * 8 + 2);
        for spelling in &folded {
            assert!(finder.is_alias(spelling.as_bytes()), "{spelling}");
            assert!(!finder.is_exact(spelling.as_bytes()), "{spelling}");
        }
        for spelling in ["x_auth_subject", "x-auth.issuer", "x_a_b_c_d_e"] {
            assert!(folded.iter().any(|one| one == spelling), "{spelling}");
        }
    }

    #[test]
    fn every_spelling_that_folds_to_an_identity_header_is_found() {
        let finder = AliasFinder::new(&IdentityHeaders::default(), &[]);
        for name in [
            "x-auth-subject",
            "X-AUTH-Subject",
            "x_auth_subject",
            "x.auth.subject",
            "x-auth_client",
            "x!auth~scopes",
            "x auth issuer",
        ] {
            assert!(finder.is_alias(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            "x-auth-subjec",
            "x-auth-subject-",
            "xxauthxsubject",
            "x-auth-realm",
        ] {
            assert!(!finder.is_alias(name.as_bytes()), "{name}");
        }
        assert!(!finder.is_alias(b"x\xffauth-subject"));
        assert!(!finder.is_alias("x-auth-subject".repeat(100).as_bytes()));
    }

    #[test]
    fn other_spellings_of_a_token_header_pose_as_it() {
        let finder = AliasFinder::new(&IdentityHeaders::default(), &["x-proxy-token".into()]);
        for name in ["x-proxy-token", "X-Proxy-Token"] {
            assert_eq!(finder.token_header(name.as_bytes()), Some(0), "{name}");
        }
        for name in ["x_proxy_token", "x-proxy.token", "X_Proxy-Token"] {
            assert_eq!(finder.token_header(name.as_bytes()), None, "{name}");
            assert!(finder.is_alias(name.as_bytes()), "{name}");
            assert!(!finder.is_exact(name.as_bytes()), "{name}");
        }
        assert_eq!(finder.token_header(b"x-auth-subject"), None);
        assert_eq!(finder.token_header(b"x-proxy-tokens"), None);
    }
}
