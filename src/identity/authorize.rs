//! What an app asks for through somebody's browser (RFC 6749 section 4.1.1), from query to proof.

use std::collections::BTreeSet;

use super::app::{App, AppKey, RedirectUri};
use super::audience::{AudienceError, Audiences};
use super::form::{self, Form};
use super::pkce::CodeChallenge;
use super::scope::{NoScopeError, RequestedScopes, ScopeRequestError};

/// The request goes through a form as well, where each character may become nine.
const MAX_QUERY_BYTES: usize = 4096;

/// The parameters that we know, which must not come twice; others are ignored.
const KNOWN: [&str; 6] = [
    "response_type",
    "response_mode",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// What a browser brought: nothing of it is true yet.
pub struct UnverifiedRequest {
    client: AppKey,
    form: Form,
    repeated: BTreeSet<String>,
}

/// A request that its app may make. What is granted is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeRequest {
    client: AppKey,
    asked_redirect_uri: Option<RedirectUri>,
    back: ReturnAddress,
    requested: RequestedScopes,
    audiences: Audiences,
    challenge: CodeChallenge,
}

/// What a request asks for, where nothing is wrong with it.
struct Asked {
    requested: RequestedScopes,
    audiences: Audiences,
    challenge: CodeChallenge,
}

/// Where the browser is sent back, which is one of the app's redirect URIs, and what the app
/// recognises it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnAddress {
    uri: RedirectUri,
    state: Option<String>,
}

/// Why a browser is not sent anywhere: whoever made the request may not be the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnanswerableError {
    /// Not a query, or a longer one than is read.
    #[error("the address is damaged or too long")]
    Damaged,
    /// No app is named, or several are.
    #[error("the address does not name an application (`client_id`)")]
    NoClient,
    /// There is no such app, or it is disabled.
    #[error("there is no such application, or it is disabled")]
    UnknownClient,
    /// The redirect URI is none of the app's, or it is not clear which one is meant.
    #[error("the address to return to (`redirect_uri`) is not one that the application registered")]
    BadRedirectUri,
}

/// Why an app gets no code: told to it through the browser (RFC 6749 section 4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// RFC 6749 section 3.1.
    #[error("a parameter is repeated")]
    Repeated,
    /// There is no `response_type`.
    #[error("the parameter `response_type` is missing")]
    NoResponseType,
    /// It is not `code`.
    #[error("the only `response_type` is `code`")]
    UnsupportedResponseType,
    /// `response_mode` is not `query`.
    #[error("the only `response_mode` is `query`")]
    UnsupportedResponseMode,
    /// RFC 7636 section 4.4.1.
    #[error("PKCE is required: send `code_challenge` and `code_challenge_method=S256`")]
    NoChallenge,
    /// `plain`, or none, which means the same.
    #[error("the only `code_challenge_method` is `S256`")]
    UnsupportedChallengeMethod,
    /// Not a SHA-256 in base64url.
    #[error("the `code_challenge` is not a SHA-256 in base64url")]
    BadChallenge,
    /// A scope that cannot be one, or no scope.
    #[error("{0}")]
    BadScope(ScopeRequestError),
    /// A resource that the issuer makes no tokens for (RFC 8707 section 2).
    #[error("a `resource` is unknown, or is not an absolute URI without a fragment")]
    BadResource,
    /// Of what was asked for, nothing is both the app's and the user's.
    #[error("{0}")]
    NothingGranted(NoScopeError),
    #[error("the user has denied the request")]
    Denied,
}

/// Why a request is not one that its app may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizeRequestError {
    /// Told to the user alone.
    Unanswerable(UnanswerableError),
    Answerable(ReturnAddress, AuthorizeError),
}

impl UnverifiedRequest {
    pub fn parse(query: &str) -> Result<Self, UnanswerableError> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(UnanswerableError::Damaged);
        }
        let (form, repeated) =
            Form::parse_with_repeated(query.as_bytes()).map_err(|_| UnanswerableError::Damaged)?;
        let client = form.get("client_id").ok_or(UnanswerableError::NoClient)?;
        Ok(Self {
            client: AppKey::known(client),
            form,
            repeated,
        })
    }

    /// The app that it claims to come from.
    pub fn client(&self) -> &AppKey {
        &self.client
    }

    /// Holds it against the app, which must be the one that [`UnverifiedRequest::client`] names, and
    /// against the audiences that the issuer makes tokens for.
    pub fn verify(
        &self,
        app: &App,
        offered: &[&str],
    ) -> Result<AuthorizeRequest, AuthorizeRequestError> {
        if app.key != self.client {
            return Err(AuthorizeRequestError::Unanswerable(
                UnanswerableError::UnknownClient,
            ));
        }
        // First of all: until the address is known to be the app's own, no error may be sent there, or
        // this would be an open redirector.
        let (uri, asked_redirect_uri) =
            self.redirect_uri(app)
                .ok_or(AuthorizeRequestError::Unanswerable(
                    UnanswerableError::BadRedirectUri,
                ))?;
        let back = ReturnAddress {
            uri,
            state: self.form.get("state").map(str::to_owned),
        };
        match self.asked(offered) {
            // From here on errors go back to the app, which RFC 6749 section 4.1.2.1 asks for.
            Ok(Asked {
                requested,
                audiences,
                challenge,
            }) => Ok(AuthorizeRequest {
                client: self.client.clone(),
                asked_redirect_uri,
                back,
                requested,
                audiences,
                challenge,
            }),
            Err(error) => Err(AuthorizeRequestError::Answerable(back, error)),
        }
    }

    /// Where the answer goes, and what was asked of that. Without asking, an app's only URI is meant
    /// (RFC 6749 section 3.1.2.3).
    fn redirect_uri(&self, app: &App) -> Option<(RedirectUri, Option<RedirectUri>)> {
        // Readers differ in which of the two they take, and so might the app.
        if self.repeated.contains("redirect_uri") {
            return None;
        }
        match (self.form.get("redirect_uri"), app.redirect_uris.as_slice()) {
            (Some(asked), registered) => {
                let asked = registered.iter().find_map(|uri| uri.matching(asked))?;
                Some((asked.clone(), Some(asked)))
            }
            (None, [only]) => Some((only.clone(), None)),
            (None, _) => None,
        }
    }

    fn asked(&self, offered: &[&str]) -> Result<Asked, AuthorizeError> {
        // RFC 6749 section 3.1 forbids it. Which of two values counts is what the page and a proxy in
        // front of it could see differently.
        if KNOWN.iter().any(|name| self.repeated.contains(*name)) {
            return Err(AuthorizeError::Repeated);
        }
        match self.form.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(AuthorizeError::UnsupportedResponseType),
            None => return Err(AuthorizeError::NoResponseType),
        }
        if !matches!(self.form.get("response_mode"), None | Some("query")) {
            return Err(AuthorizeError::UnsupportedResponseMode);
        }
        let challenge = self.form.get("code_challenge");
        let challenge = challenge.ok_or(AuthorizeError::NoChallenge)?;
        // Without the method it would be `plain`, where whoever sees the request has the verifier.
        if self.form.get("code_challenge_method") != Some("S256") {
            return Err(AuthorizeError::UnsupportedChallengeMethod);
        }
        let challenge = CodeChallenge::parse(challenge).ok_or(AuthorizeError::BadChallenge)?;
        let requested =
            RequestedScopes::parse(self.form.get("scope")).map_err(AuthorizeError::BadScope)?;
        let audiences = Audiences::parse(self.form.all("resource"), offered)
            .map_err(|AudienceError| AuthorizeError::BadResource)?;
        Ok(Asked {
            requested,
            audiences,
            challenge,
        })
    }
}

impl AuthorizeRequest {
    pub fn client(&self) -> &AppKey {
        &self.client
    }

    /// The redirect URI that the app must repeat when it redeems the code; none where it sent none
    /// (RFC 6749 section 4.1.3).
    pub fn asked_redirect_uri(&self) -> Option<&RedirectUri> {
        self.asked_redirect_uri.as_ref()
    }

    pub fn back(&self) -> &ReturnAddress {
        &self.back
    }

    /// The scopes it asks for.
    pub fn requested(&self) -> &RequestedScopes {
        &self.requested
    }

    /// For whom it asks the tokens to be.
    pub fn audiences(&self) -> &Audiences {
        &self.audiences
    }

    /// What proves who redeems the code.
    pub fn challenge(&self) -> &CodeChallenge {
        &self.challenge
    }

    /// The request as a query, which reads as the same request.
    pub fn to_query(&self) -> String {
        let challenge = self.challenge.to_text();
        let scope = match &self.requested {
            RequestedScopes::All => String::new(),
            RequestedScopes::Some(scopes) => scopes.to_string(),
        };
        let redirect_uri = self.asked_redirect_uri.as_ref();
        let parameters = [
            ("client_id", self.client.as_str()),
            ("redirect_uri", redirect_uri.map_or("", RedirectUri::as_str)),
            ("response_type", "code"),
            ("scope", &scope),
            ("state", self.back.state.as_deref().unwrap_or_default()),
            ("code_challenge", &challenge),
            // Only what was understood is written, and never the query as it came: what a page carries
            // on has been checked.
            ("code_challenge_method", "S256"),
        ];
        let resources = self.audiences.named().map(|name| ("resource", name));
        let parameters = parameters.into_iter().chain(resources);
        form::encode(parameters.filter(|(_, value)| !value.is_empty()))
    }
}

impl ReturnAddress {
    /// Where the browser goes with a code, and who issued it (RFC 9207 section 2).
    pub fn with_code(&self, code: &str, issuer: &str) -> String {
        self.with(&[("code", code)], issuer)
    }

    /// Where the browser goes with an error.
    pub fn with_error(&self, error: AuthorizeError, issuer: &str) -> String {
        let description = error.to_string();
        self.with(
            &[
                ("error", error.code()),
                // RFC 6749 section 4.1.2.1 has no quotation marks; ours are backticks.
                ("error_description", &description),
            ],
            issuer,
        )
    }

    pub fn uri(&self) -> &RedirectUri {
        &self.uri
    }

    fn with(&self, answer: &[(&str, &str)], issuer: &str) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let parameters = answer.iter().copied().chain(state);
        self.uri.with(parameters.chain([("iss", issuer)]))
    }
}

impl AuthorizeError {
    /// RFC 6749 section 4.1.2.1, RFC 8707 section 2.
    pub fn code(self) -> &'static str {
        match self {
            Self::Repeated
            | Self::NoResponseType
            | Self::UnsupportedResponseMode
            | Self::NoChallenge
            | Self::UnsupportedChallengeMethod
            | Self::BadChallenge => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::BadScope(_) | Self::NothingGranted(_) => "invalid_scope",
            Self::BadResource => "invalid_target",
            Self::Denied => "access_denied",
        }
    }
}

#[cfg(test)]
mod tests;
