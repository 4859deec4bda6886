//! Why an operation of the directory is not carried out.

use super::{
    InUse, KnownPasswords, MAX_APPS, MAX_ROLES_AND_SCOPES, MAX_SCOPES, ScopeUses, app_secrets,
    apps, passkeys, role_lists, tokens,
};
use crate::identity::{
    AppError, DescriptionError, NameError, PasskeyNameError, PasswordError, ScopeSet, StatusError,
    UserError,
};
use crate::issuer::hashing::HashingError;
use crate::issuer::keys::KeyRotationError;
use crate::store::StoreError;
use crate::token::CryptographyError;

/// Of what there is none with the name that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    User,
    Role,
    Scope,
    App,
    Grant,
    Passkey,
    /// For a forgotten password.
    ResetLink,
}

/// Why an operation is not carried out. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Nothing has this name, or the caller may not know of it.
    #[error("there is no such {}", .0.name())]
    NotFound(Thing),
    /// Something else of the kind has the name, or the address.
    #[error("{}", .0.taken())]
    NameTaken(Thing),
    /// A change that would leave nobody who may do everything.
    #[error(
        "this would leave no administrator: an active user who has all `backend.*` scopes by its \
         roles must remain; give them to another user first"
    )]
    LastAdministrator,
    /// A name that had something else when somebody looked at it who decides about it.
    #[error(
        "the {} `{name}` has been renamed or replaced since this page was made; nothing was changed", .thing.name()
    )]
    Replaced { thing: Thing, name: String },
    /// What the issuer itself needs.
    #[error("`{0}` belongs to the issuer: it can be neither renamed nor deleted")]
    Own(String),
    /// A name that may become one of the issuer's own.
    #[error(
        "names that begin with `backend.` or `consumer.` are reserved for the issuer: choose another"
    )]
    Reserved,
    /// The default role is not deleted.
    #[error("this is the role that new users get: choose another default role first")]
    DefaultRole,
    /// A role that is going got scopes.
    #[error(
        "the role was given scopes, or made the default, while it was being deleted. What it had is gone, and it is still there: delete it again"
    )]
    RoleExtended,
    /// The default role is everybody's.
    #[error("the role that new users get cannot have a `backend.*` scope: everybody would get it")]
    EverybodyAdministrator,
    /// The caller's token has less than what it would pass on or lay hands on.
    #[error("the token lacks scopes that it would give away or change: {0}")]
    Beyond(ScopeSet),
    /// The same of a role.
    #[error("the token cannot give its own user a role that the user does not have: {0}")]
    BeyondRoles(String),
    /// An app that follows its owner may have more than any app with a list.
    #[error("an app that follows its owner can only be changed by a login of the owner")]
    Follower,
    /// The owner of an app has less.
    #[error("an app cannot have scopes that its owner, or the token of this request, lacks: {0}")]
    BeyondOwner(ScopeSet),
    /// An app would follow its owner further than who asks can.
    #[error(
        "only a token that has all that the owner's roles give, and is not of an app with a list of \
         its own, lets an app follow its owner: log in to do that"
    )]
    CannotFollow,
    /// What an administrator has disabled, its owner does not enable.
    #[error("an administrator has disabled this app: only an administrator can enable it again")]
    DisabledByAdministrator,
    /// Two ways for the scopes of an app.
    #[error("an app either has a list of `scopes` or follows its owner (`follows_owner`)")]
    ListAndOwner,
    /// Two ways for the scopes of a role or app, or for the roles of a user.
    #[error("give either all `{0}`, or those to add and to remove (`add_{0}`, `remove_{0}`)")]
    AllAndSome(&'static str),
    /// Somebody else could log in with what the users would get.
    #[error(
        "{0} and lacks these scopes: its user must replace it first, in the account or by a link"
    )]
    KnownPasswords(KnownPasswords),
    /// What somebody would lose without having been told.
    #[error(
        "the scope is in use: repeat this with `--force`, or `?force=true`, to take it from all that \
         have it: {0}"
    )]
    ScopeInUse(ScopeUses),
    #[error(
        "others lose something with {0}; repeat this with `--force`, or `?force=true`, to do it all the same"
    )]
    InUse(InUse),
    /// A scope that does not exist.
    #[error("there is no scope `{0}`")]
    UnknownScope(String),
    /// A role that does not exist.
    #[error("there is no role `{0}`")]
    UnknownRole(String),
    /// Something to be removed that exists, but was not there to be removed.
    #[error("`{holder}` does not have the {} `{name}`", .thing.name())]
    NotHeld {
        holder: String,
        thing: Thing,
        name: String,
    },
    /// A malformed name of a scope or role.
    #[error("{0}")]
    Scope(#[from] NameError),
    /// A name that a URL cannot have.
    #[error(
        "the name of a scope or role is part of paths: it contains no `/`, `;` or `%`, and neither it nor \
         what is in front of its first `?` or `#` is empty, `.` or `..`"
    )]
    NotAddressable,
    #[error("{0}")]
    Description(#[from] DescriptionError),
    /// A malformed username or address.
    #[error("{0}")]
    User(#[from] UserError),
    /// A status that is none.
    #[error("{0}")]
    Status(#[from] StatusError),
    /// A malformed name or URI of an app.
    #[error("{0}")]
    App(#[from] AppError),
    /// A password that may not be chosen.
    #[error("{0}")]
    Password(#[from] PasswordError),
    /// What would outlive the token, for which somebody has to log in again.
    #[error(
        "this requires a login within the last {max_age_seconds} seconds: log in again with the \
         password and use that token"
    )]
    NotFresh { max_age_seconds: u32 },
    /// Somebody was faster: the user is no longer who it was when it was let in.
    #[error("the account has changed in the meantime: log in again")]
    Changed,
    /// More roles than one user may have.
    #[error("a user can have at most {} roles", role_lists::MAX_ROLES_OF_USER)]
    TooManyRoles,
    /// More scopes than one role or app may have.
    #[error("a role or app can have at most {MAX_SCOPES} scopes")]
    TooManyScopes,
    /// As many as there may be.
    #[error("there are {MAX_ROLES_AND_SCOPES} {}s, as many as there can be: delete one that is not used", .0.name())]
    Full(Thing),
    /// As many rows of the log of revocations as an administrator without all scopes may cause.
    #[error(
        "you have taken back from others as much as is kept at a time (`issuer.max_revocations_per_user`): wait until \
         the earlier revocations have expired, or ask an administrator who has all `backend.*` scopes"
    )]
    ShareUsedUp,
    /// As many rows of the log of revocations, for ids that the store does not know, as one may cause.
    #[error(
        "you have revoked as many grants and tokens by their ids as are kept at a time: revoke the tokens of their \
         users or apps, or wait until the earlier ones have expired"
    )]
    TooManyRevocations,
    /// As many apps as one user may have.
    #[error("a user can have at most {MAX_APPS} apps")]
    TooManyApps,
    /// More redirect URIs than are kept.
    #[error("an app can have at most {} redirect URIs", apps::MAX_REDIRECT_URIS)]
    TooManyRedirectUris,
    #[error("{0}")]
    PasskeyName(#[from] PasskeyNameError),
    /// As many passkeys as one user may have.
    #[error("a user can have at most {} passkeys", passkeys::MAX_PASSKEYS)]
    TooManyPasskeys,
    /// A passkey with the id of another one.
    #[error("this passkey is already in use here: make another one")]
    PasskeyTaken,
    /// Whoever must have a passkey keeps one.
    #[error("administrators must have a passkey here: add another one before you remove this one")]
    LastPasskey,
    /// An overlap that is too long.
    #[error(
        "an earlier secret lives for at most {} seconds more",
        app_secrets::MAX_OVERLAP_SECONDS
    )]
    Overlap,
    /// Another secret came in between.
    #[error("the secret has been replaced in the meantime: reload, and decide again")]
    SecretReplaced,
    /// Not exactly one thing to revoke.
    #[error("say whose tokens end, by exactly one of `user`, `app`, `grant`, `token`, `everyone`")]
    WhatToRevoke,
    /// An id that nothing has.
    #[error(
        "the id of a grant (claim `sid`) or token (claim `jti`) has 1 to {} letters and digits",
        tokens::MAX_ID_BYTES
    )]
    Id,
    #[error(transparent)]
    KeyRotation(#[from] KeyRotationError),
    /// The threads that hash passwords.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cryptography(#[from] CryptographyError),
}

impl Thing {
    fn taken(self) -> &'static str {
        match self {
            Self::User => "the username or the e-mail address is already taken",
            Self::Role => "the name is already taken by another role",
            Self::Scope => "the name is already taken by another scope",
            Self::App => "the name is already taken by another app of its owner",
            Self::Grant | Self::Passkey | Self::ResetLink => {
                "the id is already taken by another one"
            }
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Scope => "scope",
            Self::App => "app",
            Self::Grant => "grant",
            Self::Passkey => "passkey",
            Self::ResetLink => "link for a password",
        }
    }
}
