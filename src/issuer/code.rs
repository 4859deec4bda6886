//! The grant `authorization_code` (RFC 6749 section 4.1.3): a code, once, for tokens.

use super::endpoint_error::EndpointError;
use super::refresh::Granted;
use super::signing::Bearer;
use super::{Issuer, random};
use crate::identity::{
    App, AudienceError, Audiences, Form, Means, PlainSecret, RedirectUri, RequestedScopes,
    RightsRequest, SecretDigest, Status, grant,
};
use crate::store::{
    AppWithOwner, AuthorizationCode, CodeState, Holder, Redemption, RefreshToken, Successor,
};
use crate::token::RevocationTarget;

impl Issuer {
    /// Redeems a code that `client` got, under the redirect URI that it sent and with the verifier
    /// of its challenge. The tokens have what was consented to, as far as user and app still have it,
    /// and are for whom the request of the code said, or for fewer.
    pub(super) async fn by_authorization_code(
        &self,
        client: &AppWithOwner,
        form: &Form,
        requested: &Audiences,
    ) -> Result<Granted, EndpointError> {
        let presented = form.get("code").ok_or(EndpointError::Missing("code"))?;
        let verifier = form.get("code_verifier");
        let verifier = verifier.ok_or(EndpointError::Missing("code_verifier"))?;
        let digest = PlainSecret::claimed(presented).digest();
        let found = self.store.authorization_code(&digest).await?;
        // Somebody else's code: refused, and the grant is left in peace.
        let (code, state) = found
            .filter(|(code, _)| code.app == client.app.key)
            .ok_or(EndpointError::BadCode)?;
        if state == CodeState::Used {
            return Err(self.end_grant(&code).await);
        }
        let redirect_uri = form.get("redirect_uri");
        if !code.challenge.accepts(verifier)
            || !is_same(&code, redirect_uri)
            || !is_registered(&code.sent_to, &client.app)
        {
            return Err(EndpointError::BadCode);
        }
        let audiences = code.audiences.narrowed_to(requested)?;
        if audiences.among(self.settings.audiences()).is_empty() {
            // The issuer no longer makes tokens for them.
            return Err(AudienceError.into());
        }
        let user = self.store.user(&code.user).await?;
        let user = user
            .filter(|user| user.status == Status::Active)
            .ok_or(EndpointError::BadCode)?;
        let revoked_through = user.revoked_through.max(client.app.revoked_through);
        if code.position < revoked_through {
            return Err(EndpointError::BadCode);
        }
        let consented = RequestedScopes::Some(code.scopes.clone());
        let scopes = grant(&consented, Some(&client.scopes()), &user.scopes)
            .map_err(|_| EndpointError::BadCode)?;
        let asked = RightsRequest {
            scopes: &consented,
            audiences: &audiences,
            means: Means::App,
        };
        let rights = self.rights(scopes, asked)?;
        // Before the code is used up: what fails here can be tried again.
        let bearer = Bearer {
            user: &user,
            app: Some(client),
            grant: Some(&code.family),
            authenticated_at: None,
            as_of: user.as_of.min(client.owner.as_of),
        };
        let granted = Granted {
            access_token: self.access_token(&bearer, &rights)?,
            refresh_token: self.refresh_secret()?,
            scopes: rights.scopes().clone(),
        };
        match self.redeem(&digest, &code, &granted, requested).await? {
            Redemption::Redeemed => Ok(granted),
            Redemption::Replayed => Err(self.end_grant(&code).await),
            Redemption::Unknown => Err(EndpointError::BadCode),
        }
    }

    async fn redeem(
        &self,
        digest: &SecretDigest,
        code: &AuthorizationCode,
        granted: &Granted,
        requested: &Audiences,
    ) -> Result<Redemption, EndpointError> {
        let now = self.clock.now();
        let lifetime = i64::from(self.settings.refresh_token.lifetime_seconds);
        let token = RefreshToken {
            family: code.family.clone(),
            user: code.user.clone(),
            app: Some(code.app.clone()),
            // What was consented to, as later refreshes see more of it if the user has more again.
            scopes: code.scopes.clone(),
            // The same: the first access token may be for fewer than the next (RFC 8707 section 2.2).
            audiences: match &code.audiences {
                Audiences::All => requested.clone(),
                Audiences::Only(_) => code.audiences.clone(),
            },
            expires_at: now.plus(lifetime),
            position: code.position,
        };
        let secret = granted.refresh_token.as_ref().map(PlainSecret::digest);
        let refresh = secret.as_ref().map(|digest| Successor {
            digest,
            token: &token,
        });
        let redemption = self
            .store
            .redeem_authorization_code(digest, refresh.as_ref(), now);
        Ok(redemption.await?)
    }

    fn refresh_secret(&self) -> Result<Option<PlainSecret>, EndpointError> {
        if !self.settings.grants.refresh_token {
            return Ok(None);
        }
        Ok(Some(PlainSecret::from_random(random()?)))
    }

    /// Takes back what a code has led to, and says why: it came twice, so somebody has stolen it (RFC
    /// 6749 section 4.1.2).
    async fn end_grant(&self, code: &AuthorizationCode) -> EndpointError {
        tracing::warn!(
            user.id = self.log_name(&code.user),
            client.id = code.app.as_str(),
            "an authorization code was used twice; its grant has ended"
        );
        let grant = RevocationTarget::Grant(code.family.clone());
        let holder = Holder {
            user: code.user.clone(),
            app: Some(code.app.clone()),
        };
        let now = self.clock.now();
        match self.store.revoke_of(&grant, &holder, now).await {
            Ok(_) => EndpointError::BadCode,
            Err(error) => error.into(),
        }
    }
}

/// Whether the redirect URI is the one that the code was asked for with. It may be left out where it
/// was left out then, and only there.
fn is_same(code: &AuthorizationCode, sent: Option<&str>) -> bool {
    match (&code.redirect_uri, sent) {
        (Some(asked), Some(sent)) => asked.as_str() == sent,
        (Some(_), None) => false,
        (None, None) => true,
        (None, Some(sent)) => code.sent_to.as_str() == sent,
    }
}

/// Whether the app still has the address: one that it has lost may be somebody else's by now, who has
/// got the code.
fn is_registered(sent_to: &RedirectUri, app: &App) -> bool {
    let mut registered = app.redirect_uris.iter();
    registered.any(|uri| uri.matching(sent_to.as_str()).is_some())
}
