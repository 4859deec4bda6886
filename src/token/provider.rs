//! Identity providers, told by what their tokens look like, so that advice can be given in their terms.

use serde_json::{Map, Value};

use super::revocable::POSITION_CLAIM;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    Auth0,
    Clerk,
    CloudflareAccess,
    Cognito,
    Duende,
    Entra,
    Firebase,
    GitHubActions,
    GitLabCi,
    Google,
    GoogleIap,
    Hydra,
    Keycloak,
    Kubernetes,
    Okta,
    PingAm,
    Portcullis,
    Spiffe,
    WorkOs,
    Zitadel,
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
        } else if let Some(provider) = Self::at(host) {
            Some(provider)
        } else if is_below("cloudflareaccess.com") {
            Some(Self::CloudflareAccess)
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

    /// The one provider at an address that is the same for everybody.
    fn at(host: &str) -> Option<Self> {
        Some(match host {
            "accounts.google.com" => Self::Google,
            "securetoken.google.com" => Self::Firebase,
            "cloud.google.com" => Self::GoogleIap,
            "login.microsoftonline.com" | "sts.windows.net" => Self::Entra,
            "token.actions.githubusercontent.com" => Self::GitHubActions,
            "api.workos.com" => Self::WorkOs,
            _ => return None,
        })
    }

    /// The provider of a token, by its `iss` or else by claims that only this provider writes.
    pub fn of_claims(claims: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let has = |name: &str| claims.contains_key(name);
        let subject = text("sub");
        let is_zitadel = claims.keys().any(|name| name.starts_with("urn:zitadel:"));
        let marks = [
            (subject.starts_with("spiffe://"), Self::Spiffe),
            (
                subject.starts_with("system:serviceaccount:"),
                Self::Kubernetes,
            ),
            (has("project_path") && has("namespace_path"), Self::GitLabCi),
            (subject.starts_with("auth0|"), Self::Auth0),
            (has("cid") && has("uid"), Self::Okta),
            (is_zitadel, Self::Zitadel),
            (has("tokenName") || has("auditTrackingId"), Self::PingAm),
            (has("ext") && has("client_id"), Self::Hydra),
            (text("sid").starts_with("sess_"), Self::Clerk),
            (text("sid").starts_with("session_"), Self::WorkOs),
            (has(POSITION_CLAIM), Self::Portcullis),
            // Its tokens have little else: those of services no subject, those of people the name of
            // the provider that logged them in.
            (
                has("client_id") && has("scope") && (has("idp") || !has("sub")),
                Self::Duende,
            ),
        ];
        let marked = marks.into_iter().find(|(is_marked, _)| *is_marked);
        Self::of(text("iss")).or(marked.map(|(_, provider)| provider))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Auth0 => "Auth0",
            Self::Clerk => "Clerk",
            Self::CloudflareAccess => "Cloudflare Access",
            Self::Cognito => "Cognito",
            Self::Duende => "Duende IdentityServer",
            Self::Entra => "Entra ID",
            Self::Firebase => "Firebase",
            Self::GitHubActions => "GitHub Actions",
            Self::GitLabCi => "GitLab CI",
            Self::Google => "Google",
            Self::GoogleIap => "Google IAP",
            Self::Hydra => "Ory Hydra",
            Self::Keycloak => "Keycloak",
            Self::Kubernetes => "Kubernetes",
            Self::Okta => "Okta",
            Self::PingAm => "PingAM",
            Self::Portcullis => "Portcullis",
            Self::Spiffe => "SPIFFE",
            Self::WorkOs => "WorkOS",
            Self::Zitadel => "Zitadel",
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
