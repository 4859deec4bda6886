//! What to do about a refused token at the identity provider that issued it, in that provider's words.
//!
//! The provider is guessed from what the token says of itself, so this is advice and nothing else.

use serde_json::{Map, Value};

use super::id_token::{has_access_tokens, is_for_its_client, is_id_token};
use crate::token::{Claim, IssuerRules, Provider, TokenError, entry_of};

const ID_TOKEN: &str = "this is an ID token, which tells the app who has logged in: have the app send \
                        its access token";

/// What the advice depends on.
pub(super) struct ProviderAdvice<'a> {
    /// What the refused token claims; empty if it cannot be read.
    pub(super) claims: &'a Map<String, Value>,
    /// The rules of every trusted issuer.
    pub(super) all: &'a [&'a IssuerRules],
}

impl ProviderAdvice<'_> {
    /// The provider's name and what to do there; nothing where the provider is unknown, or has nothing
    /// to do with it.
    pub(super) fn of(&self, error: TokenError) -> Option<String> {
        let provider = Provider::of_claims(self.claims)?;
        let advice = match error {
            TokenError::UnknownIssuer => self.issuer(provider),
            TokenError::WrongAudience | TokenError::Missing(Claim::Audience) => {
                self.audience(provider)
            }
            TokenError::RequirementNotMet => self.requirement(provider),
            TokenError::TypeNotAccepted if provider == Provider::Duende => Some(
                "ID tokens have the type `JWT` and access tokens `at+jwt`: have the app send its \
                 access token"
                    .to_owned(),
            ),
            TokenError::Missing(Claim::Subject) => subject(provider).map(str::to_owned),
            TokenError::Extension if provider == Provider::PingAm => {
                Some("switch compression and encryption of access tokens off".to_owned())
            }
            _ => None,
        };
        Some(format!("at {}: {}", provider.name(), advice?))
    }

    /// The same for a token that only its issuer can read.
    pub(super) fn of_opaque(token: &str) -> Option<&'static str> {
        const GITHUB: &str =
            "at GitHub: these tokens are for GitHub's own API: in a workflow, ask for an ID token";
        const KNOWN: [(&str, &str); 10] = [
            (
                "ya29.",
                "at Google: access tokens are always opaque: have the app send its ID token",
            ),
            (
                "ory_at_",
                "at Ory Hydra: set `strategies.access_token: jwt`, or the same in the client",
            ),
            ("ghp_", GITHUB),
            ("gho_", GITHUB),
            ("ghu_", GITHUB),
            ("ghs_", GITHUB),
            ("ghr_", GITHUB),
            ("github_pat_", GITHUB),
            (
                "glpat-",
                "at GitLab: these tokens are for GitLab's own API: in a job, use `id_tokens`",
            ),
            (
                "sk_",
                "at Clerk: this is a secret key and no token: keep it out of requests",
            ),
        ];
        let known = KNOWN.iter().find(|(prefix, _)| token.starts_with(prefix));
        known.map(|(_, advice)| *advice)
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    fn rules(&self) -> Option<&IssuerRules> {
        entry_of(self.claims, self.all)
    }

    /// Who asked for the token, by whichever name the provider uses, with a space in front.
    fn client(&self) -> String {
        let names = ["azp", "client_id", "cid", "appid"];
        let client = names.iter().find_map(|name| self.text(name));
        client
            .map(|client| format!(" `{client}`"))
            .unwrap_or_default()
    }

    fn is_id_token(&self) -> bool {
        is_id_token(self.claims) || is_for_its_client(self.claims)
    }

    fn issuer(&self, provider: Provider) -> Option<String> {
        let issuer = self.text("iss")?;
        let bare = |issuer: &str| issuer.trim_end_matches('/').to_owned();
        if self
            .all
            .iter()
            .any(|rules| bare(&rules.issuer) == bare(issuer))
        {
            return Some(format!(
                "the slash at the end counts: write `issuer: {issuer}`"
            ));
        }
        let what = tenant(provider)?;
        Some(format!(
            "the token is of another {what}, `{issuer}`; log in where `trust` says, or add an entry \
             for it"
        ))
    }

    fn audience(&self, provider: Provider) -> Option<String> {
        let rules = self.rules()?;
        let wanted = rules.audiences.first()?;
        if self.is_id_token() && has_access_tokens(Some(provider)) {
            return Some(ID_TOKEN.to_owned());
        }
        let client = self.client();
        let has = rules.claims.audience.find(self.claims);
        let has = has.and_then(Value::as_str).unwrap_or("none");
        Some(match provider {
            Provider::Auth0 => {
                format!("have the app ask for the API by `audience={wanted}`")
            }
            Provider::Clerk if has == "none" => {
                "the browser sent no `Origin` when it asked for the token".to_owned()
            }
            Provider::Clerk => {
                format!("the page at `{has}` asked for it: add that to `audiences`, if it is yours")
            }
            Provider::CloudflareAccess => {
                "the token is of another Access application: compare its *AUD tag* with `audiences`"
                    .to_owned()
            }
            Provider::Cognito if rules.claims.audience.only() == Some("aud") => {
                "set `audience_claim: client_id`, and list the ids of the app clients under \
                 `audiences`"
                    .to_owned()
            }
            Provider::Cognito => {
                format!("the app client is{client}: add it to `audiences`, if it may call this API")
            }
            Provider::Duende => {
                format!(
                    "list the scopes that the client asks for in an `ApiResource` named `{wanted}`"
                )
            }
            Provider::Entra => format!(
                "have the app{client} ask for a scope of this API, such as `{wanted}/.default`"
            ),
            Provider::Firebase => {
                format!("the token is of the project `{has}`: sign in to `{wanted}`")
            }
            Provider::GitHubActions => {
                format!("have the workflow ask for the token with `audience={wanted}`")
            }
            Provider::GitLabCi => format!("set `aud: {wanted}` under `id_tokens` of the job"),
            Provider::Google => {
                format!("the token is for the OAuth client `{has}`: sign in by `{wanted}`")
            }
            Provider::GoogleIap => {
                "the token is of another backend service: compare `aud` with *Signed Header JWT \
                 Audience*"
                    .to_owned()
            }
            Provider::Hydra => format!(
                "add `{wanted}` to `audience` of the client{client}, and have the app ask for it by \
                 `audience`"
            ),
            Provider::Keycloak => format!(
                "add an audience mapper for `{wanted}` to the client{client}, or to a client scope \
                 of it"
            ),
            Provider::Kubernetes => {
                format!("mount a projected token with `audience: {wanted}` into the pod")
            }
            Provider::Okta => {
                format!("use the authorization server whose audience is `{wanted}`")
            }
            Provider::PingAm => {
                format!("have the access token modification script set `aud` to `{wanted}`")
            }
            Provider::Portcullis => {
                "a login's token is for the issuer itself: have an app ask for a token".to_owned()
            }
            Provider::Spiffe => {
                format!("ask the Workload API for a JWT-SVID with the audience `{wanted}`")
            }
            Provider::WorkOs if has == "none" => {
                "the user has not chosen an organization".to_owned()
            }
            Provider::WorkOs => format!(
                "the user is in the organization `{has}`: add it to `audiences`, if you serve it"
            ),
            Provider::Zitadel => format!(
                "have the app ask for the scope `urn:zitadel:iam:org:project:id:{wanted}:aud`"
            ),
        })
    }

    fn requirement(&self, provider: Provider) -> Option<String> {
        let required = self.rules()?.claims.unmet(self.claims)?;
        let name = required.path.last();
        let is_client = ["azp", "client_id", "cid", "appid"].contains(&name);
        if is_client && self.is_id_token() {
            return None;
        }
        let is_absent = required.path.find(self.claims).is_none();
        let sentence = match (provider, name) {
            (_, "azp" | "client_id" | "cid" | "appid") if is_absent => {
                "the token names no app, as ID tokens do: have the app send its access token"
            }
            (_, "azp" | "client_id" | "cid" | "appid") => {
                "the app is not one of those that may call: add it to `require`, if it may"
            }
            (Provider::Entra, "tid") => "the user or app belongs to another tenant",
            (Provider::Google | Provider::GoogleIap, "hd") => {
                "the account does not belong to the Workspace organization"
            }
            (Provider::Google, "email_verified") => "the address has not been verified",
            (Provider::Kubernetes, "sub") => {
                "the service account or its namespace is not one of those that may call"
            }
            (Provider::GitHubActions, "repository" | "repository_id" | "repository_owner") => {
                "the workflow runs in another repository"
            }
            (Provider::GitHubActions, "ref") => "the workflow runs on another branch or tag",
            (Provider::GitHubActions, "environment") => "the job runs in another environment",
            (Provider::GitLabCi, "project_path" | "project_id" | "namespace_path") => {
                "the job runs in another project"
            }
            (Provider::GitLabCi, "ref" | "ref_type") => "the job runs on another branch or tag",
            (Provider::GitLabCi, "ref_protected") => "the branch is not protected",
            (Provider::Clerk, "sts") => "the session is still pending: finish the sign-in",
            (Provider::Firebase, "sign_in_provider") => "the user has signed in another way",
            (Provider::CloudflareAccess, "type") => {
                "this is a token of the organization: use the one that Access sends to the application"
            }
            (Provider::Spiffe, "sub") => "the workload is not one of those that may call",
            _ => return None,
        };
        Some(sentence.to_owned())
    }
}

fn subject(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::Keycloak => {
            Some("assign the client scope `basic`, which adds `sub`, to the client")
        }
        Provider::Duende => Some(
            "tokens of services have no `sub`: write `subject: [sub, client_id]` under `claims`",
        ),
        Provider::Hydra => Some("the consent app has to set the subject"),
        _ => None,
    }
}

/// What an issuer is called there of which one installation has several.
fn tenant(provider: Provider) -> Option<&'static str> {
    Some(match provider {
        Provider::Auth0 | Provider::Entra => "tenant",
        Provider::Keycloak | Provider::PingAm => "realm",
        Provider::Okta => "authorization server",
        Provider::Cognito => "user pool",
        Provider::Firebase => "project",
        Provider::Kubernetes => "cluster",
        Provider::CloudflareAccess => "team",
        Provider::Spiffe => "trust domain or issuer",
        Provider::Clerk | Provider::WorkOs => "application",
        Provider::Duende
        | Provider::GitLabCi
        | Provider::Hydra
        | Provider::Portcullis
        | Provider::Zitadel => "installation",
        Provider::GitHubActions | Provider::Google | Provider::GoogleIap => return None,
    })
}
