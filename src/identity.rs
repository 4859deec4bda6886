//! Identity: users, roles, scopes, apps and their credentials; the rules that need no store.
//!
//! In reading order: [`User`] and [`App`] are what the store keeps; a [`Grant`] is what one gave the other, and what that
//! is worth now; [`Audiences`] say where it holds, [`Rights`] what goes together; [`Password`], [`PlainSecret`] and [`SecretDigest`] are what callers prove; and
//! [`BasicCredentials`] is how clients send it. [`Registration`] and [`Assertion`] are how passkeys are made and used. [`AuthorizeRequest`] and [`CodeChallenge`] are what an
//! app asks through somebody's browser.
//! Pure: no I/O, no clock; randomness is passed in.

mod app;
mod audience;
mod authorize;
mod basic;
mod context_words;
mod folding;
mod form;
mod grant;
mod losses;
mod passkey;
mod password;
mod pkce;
mod redirect;
mod rights;
mod role;
#[cfg(test)]
pub(crate) mod samples;
mod scope;
mod second_factor;
mod secret;
mod session;
mod sign_in;
mod successor;
mod unseen;
mod user;

pub use app::{
    App, AppDescription, AppError, AppKey, AppLink, AppName, AppStatus, AppWithOwner, RedirectUri,
    ScopesFrom,
};
pub use audience::{AudienceError, Audiences};
pub use authorize::{
    AuthorizeError, AuthorizeRequest, AuthorizeRequestError, ReturnAddress, UnanswerableError,
    UnverifiedRequest,
};
pub use basic::{BasicCredentials, BasicError};
pub use context_words::ContextWords;
pub use form::{Form, FormError};
pub use grant::{Entitlement, Extent, Grant, GrantError, GrantId, Parties};
pub use losses::{AppState, Difference, Loss, PasswordState, RoleState, UserState, losses};
pub use passkey::{
    ALGORITHMS as PASSKEY_ALGORITHMS, Assertion, Backup, Challenge, CredentialId, NewPasskey,
    PasskeyError, PasskeyKey, PasskeyName, PasskeyNameError, PasskeyState, PasskeyUse,
    Registration, RelyingParty, Verification,
};
pub use password::{Password, PasswordError};
pub use pkce::CodeChallenge;
pub use rights::{ApiRights, Means, Request as RightsRequest, Rights};
pub use role::{Description, DescriptionError, Role, Scope};
pub use scope::{
    ADMINISTRATIVE_SCOPES, NameError, NoScopeError, RequestedScopes, RoleName, ScopeName,
    ScopeRequestError, ScopeSet,
};
pub use second_factor::{RequiredFor, SecondFactor};
pub use secret::{KeptSecret, PlainSecret, SecretDigest, SecretEnd, alphanumeric};
pub use session::{Assurance, Session};
pub use sign_in::{
    EarlierLogIn, Failures, SignIn, SignInEndpoint, SignInKind, SignInMethod, SignInOutcome,
    labelled,
};
pub use successor::SuccessorKey;
pub use user::{Email, Status, StatusError, User, UserError, UserId, Username};
