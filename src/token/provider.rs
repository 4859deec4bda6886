//! Identity providers that their issuer gives away, so that advice can be given in their terms.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    Auth0,
    Cognito,
    Entra,
    Keycloak,
    Okta,
    PingAm,
}

impl Provider {
    /// The provider of an `iss`, as far as its host and path tell. Nothing may depend on it but words.
    pub fn of(issuer: &str) -> Option<Self> {
        let (_, rest) = issuer.split_once("://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_below = |domain: &str| {
            let name = host.strip_suffix(domain);
            name.is_some_and(|name| name.ends_with('.'))
        };
        if host.starts_with("cognito-idp.") && is_below("amazonaws.com") {
            Some(Self::Cognito)
        } else if matches!(host, "login.microsoftonline.com" | "sts.windows.net") {
            Some(Self::Entra)
        } else if is_below("auth0.com") {
            Some(Self::Auth0)
        } else if is_below("okta.com") || is_below("oktapreview.com") {
            Some(Self::Okta)
        } else if path.contains("oauth2/realms/") {
            Some(Self::PingAm)
        } else if path.split('/').any(|segment| segment == "realms") {
            Some(Self::Keycloak)
        } else {
            None
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Auth0 => "Auth0",
            Self::Cognito => "Cognito",
            Self::Entra => "Entra ID",
            Self::Keycloak => "Keycloak",
            Self::Okta => "Okta",
            Self::PingAm => "PingAM",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_known_by_its_issuer() {
        for (issuer, expected) in [
            ("https://shop.eu.auth0.com/", Some(Provider::Auth0)),
            (
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example",
                Some(Provider::Cognito),
            ),
            (
                "https://login.microsoftonline.com/1111/v2.0",
                Some(Provider::Entra),
            ),
            ("https://sts.windows.net/1111/", Some(Provider::Entra)),
            (
                "https://sso.shop.example/realms/shop",
                Some(Provider::Keycloak),
            ),
            (
                "https://sso.shop.example/auth/realms/shop",
                Some(Provider::Keycloak),
            ),
            ("https://shop.okta.com/oauth2/default", Some(Provider::Okta)),
            (
                "https://openam.shop.example/oauth2/realms/root",
                Some(Provider::PingAm),
            ),
            ("https://auth0.com.shop.example/", None),
            ("https://notauth0.com/", None),
            ("https://id.shop.example", None),
            ("id", None),
        ] {
            assert_eq!(Provider::of(issuer), expected, "{issuer}");
        }
    }
}
