//! Token revocation (RFC 7009).
//!
//! Either token revokes the whole grant: the refresh tokens and all access tokens that came of it. An
//! access token without a grant ends alone.

use super::Grants;
use crate::identity::{AppKey, PlainSecret, UserId};
use crate::issuer::access_token::app_of_token;
use crate::issuer::endpoint_error::EndpointError;
use crate::store::{Holder, RefreshToken};
use crate::token::{RevocationTarget, SignedToken, Trust, UnverifiedToken};

/// How long after its end a token may be accepted by whatever clock: a row of the log outlives it by
/// as much, and what has ended before is no longer worth one.
const MAX_LEEWAY_SECONDS: i64 = 600;

/// Who revokes a token.
pub(in crate::issuer) enum Revoker {
    App(AppKey),
    /// By the token of a login.
    User(UserId),
}

/// A token to be revoked.
pub(in crate::issuer) enum ReturnedToken {
    /// Signed by this issuer; perhaps expired a moment ago or revoked already.
    Access(Box<SignedToken>),
    /// In the store and not expired; perhaps used.
    Refresh(RefreshToken),
}

impl Grants {
    /// What a text is, by the most lenient reading: that one of our keys has signed it is enough,
    /// because a gate may still accept what the rules or the clock of this issuer refuse by now. Both
    /// kinds are looked for, so that a wrong hint does no harm (RFC 7009 section 2.1).
    pub(in crate::issuer) async fn returned_token(
        &self,
        text: &str,
        trust: &Trust,
    ) -> Result<Option<ReturnedToken>, EndpointError> {
        let now = self.clock.now();
        if let Ok(token) = UnverifiedToken::parse(text.as_bytes())
            && let Ok(signed) = trust.verify_signature(token)
        {
            let end = signed.expires_at();
            let over = end.is_some_and(|end| end.plus(MAX_LEEWAY_SECONDS) <= now);
            return Ok((!over).then(|| ReturnedToken::Access(Box::new(signed))));
        }
        let digest = PlainSecret::claimed(text).digest();
        let found = self.store.refresh_token(&digest, now).await?;
        Ok(found.map(ReturnedToken::Refresh))
    }

    /// Revokes the grant of a token that is the revoker's own; does nothing with others.
    pub(in crate::issuer) async fn revoke(
        &self,
        token: &ReturnedToken,
        revoker: &Revoker,
    ) -> Result<(), EndpointError> {
        // RFC 7009 section 2.1 has the request refused; an answer that differs from that for unknown
        // tokens would tell a stranger that this one is good.
        if !revoker.may_revoke(token) {
            return Ok(());
        }
        let target = match token {
            ReturnedToken::Refresh(token) => Some(RevocationTarget::from(&token.grant.id)),
            ReturnedToken::Access(token) => {
                let (targets, given_out) = (token.revocation_targets(), token.position());
                // A second revocation changes nothing, and would let callers fill the log.
                if self.store.is_revoked(&targets, given_out).await? {
                    None
                } else {
                    grant_or_token(token)
                }
            }
        };
        let Some(target) = target else {
            return Ok(());
        };
        let now = self.clock.now();
        match token.holder() {
            Some(holder) => self.store.revoke_of(&target, &holder, now).await?,
            None => self.store.revoke(&target, now).await?,
        };
        let (kind, name) = self.audit.naming().target(&target);
        tracing::info!(
            target: "portcullis::audit",
            action = "revoked",
            object.kind = kind,
            object.name = name,
            user.id = revoker.user().map(|user| self.log_name(user)),
            client.id = revoker.app().map(AppKey::as_str),
            "a token was revoked by its holder"
        );
        Ok(())
    }
}

impl Revoker {
    fn app(&self) -> Option<&AppKey> {
        match self {
            Self::App(key) => Some(key),
            Self::User(_) => None,
        }
    }

    fn user(&self) -> Option<&UserId> {
        match self {
            Self::App(_) => None,
            Self::User(id) => Some(id),
        }
    }

    fn may_revoke(&self, token: &ReturnedToken) -> bool {
        match self {
            Self::App(key) => token.app() == Some(key.as_str()),
            Self::User(id) => token.app().is_none() && token.user() == Some(id.as_str()),
        }
    }
}

impl ReturnedToken {
    /// Whose it is; nothing where it does not say, which no token of ours does.
    fn holder(&self) -> Option<Holder> {
        Some(Holder {
            user: UserId::known(self.user()?),
            app: self.app().map(AppKey::known),
        })
    }

    /// The app that it was made for.
    fn app(&self) -> Option<&str> {
        match self {
            Self::Access(token) => app_of_token(token.client()),
            Self::Refresh(token) => token.grant.app.as_ref().map(AppKey::as_str),
        }
    }

    fn user(&self) -> Option<&str> {
        match self {
            Self::Access(token) => token.subject(),
            Self::Refresh(token) => Some(token.grant.user.as_str()),
        }
    }
}

fn grant_or_token(token: &SignedToken) -> Option<RevocationTarget> {
    let grant = token.grant().map(str::to_owned);
    grant
        .map(RevocationTarget::Grant)
        .or_else(|| token.id().map(str::to_owned).map(RevocationTarget::Token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;
    use crate::identity::{Audiences, Grant, GrantId, ScopeSet};
    use crate::token::LogPosition;

    fn token(user: &str, app: Option<&str>) -> ReturnedToken {
        ReturnedToken::Refresh(RefreshToken {
            grant: Grant {
                id: GrantId::known("g"),
                user: UserId::known(user),
                app: app.map(AppKey::known),
                scopes: ScopeSet::default(),
                audiences: Audiences::All,
                position: LogPosition(1),
            },
            expires_at: UnixSeconds(60),
        })
    }

    #[test]
    fn an_app_revokes_its_own_tokens_and_a_login_those_of_logins() {
        let (shop, alice) = (
            || Revoker::App(AppKey::known("shop")),
            || Revoker::User(UserId::known("alice")),
        );
        let rows = [
            (shop(), token("alice", Some("shop")), true),
            (shop(), token("bob", Some("shop")), true),
            (shop(), token("alice", Some("other")), false),
            (shop(), token("alice", None), false),
            (alice(), token("alice", None), true),
            (alice(), token("bob", None), false),
            // What its apps have is the apps' affair, or that of its list of grants.
            (alice(), token("alice", Some("shop")), false),
        ];
        for (number, (revoker, token, expected)) in rows.into_iter().enumerate() {
            assert_eq!(revoker.may_revoke(&token), expected, "row {number}");
        }
    }

    #[test]
    fn what_a_holder_revokes_is_charged_to_it_and_its_app() {
        let holder = token("alice", Some("shop")).holder().unwrap();
        assert_eq!(holder.user, UserId::known("alice"));
        assert_eq!(holder.app, Some(AppKey::known("shop")));
        assert_eq!(token("alice", None).holder().unwrap().app, None);
    }
}
