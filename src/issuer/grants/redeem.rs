//! Authorization codes (RFC 6749 section 4.1.3): each leads to tokens once.

use super::{Bearer, Extension, Granted, Grants, as_of};
use crate::identity::{
    App, AppWithOwner, AudienceError, Audiences, Grant, Means, Parties, PlainSecret, RedirectUri,
    RequestedScopes, Rights, RightsRequest, SecretDigest, User,
};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::random;
use crate::store::{AuthorizationCode, CodeState, Holder, Redemption, RefreshToken, Successor};
use crate::token::RevocationTarget;

/// A code as an app brings it.
pub(in crate::issuer) struct PresentedCode<'a> {
    pub(in crate::issuer) code: &'a str,
    pub(in crate::issuer) verifier: &'a str,
    pub(in crate::issuer) redirect_uri: Option<&'a str>,
    /// For whom the first access token is to be.
    pub(in crate::issuer) audiences: Audiences,
}

impl Grants {
    /// Redeems a code that `app` got, under the redirect URI that it sent and with the verifier of
    /// its challenge. The tokens have what was consented to, as far as user and app still have it,
    /// and are for whom the request of the code said, or for fewer.
    pub(in crate::issuer) async fn redeem(
        &self,
        app: &AppWithOwner,
        presented: &PresentedCode<'_>,
    ) -> Result<Granted, EndpointError> {
        let digest = PlainSecret::claimed(presented.code).digest();
        let found = self.store.authorization_code(&digest).await?;
        // Somebody else's code is refused like an unknown one, and its grant goes on.
        let (code, state) = found
            .filter(|(code, _)| code.grant.app.as_ref() == Some(&app.app.key))
            .ok_or(EndpointError::BadCode)?;
        // Before anything else about the request is looked at: whoever comes second with a code has it
        // from somewhere (RFC 6749 section 4.1.2), whatever verifier it sends.
        if state == CodeState::Used {
            return Err(self.end_replayed(&code.grant).await);
        }
        // None of these uses the code up: it would let whoever sees a code on its way spoil it for the
        // app that has the verifier.
        if !code.challenge.accepts(presented.verifier)
            || !is_same(&code, presented.redirect_uri)
            || !is_registered(&code.sent_to, &app.app)
        {
            return Err(EndpointError::BadCode);
        }
        let user = self.store.user(&code.grant.user).await?;
        let rights = self.consented(&code.grant, user.as_ref(), app, &presented.audiences)?;
        let user = user.ok_or(EndpointError::BadCode)?;
        // Before the code is used up: what fails here can be tried again.
        let bearer = Bearer {
            user: &user,
            app: Some(app),
            grant: Some(&code.grant.id),
            authenticated_at: None,
            as_of: as_of(&user, Some(app)),
        };
        let granted = Granted {
            access_token: self.access_token(&bearer, &rights)?,
            refresh_token: match self.if_offered() {
                Extension::Never => None,
                Extension::ByRefreshToken => Some(PlainSecret::from_random(random()?)),
            },
            scopes: rights.scopes().clone(),
        };
        // The state read above may be old. Which of two that redeem at once is first, this one
        // statement decides, and the tokens of the other never leave.
        match self.use_up(&digest, &code, &granted, presented).await? {
            Redemption::Redeemed => {
                self.note_use(Some(app));
                Ok(granted)
            }
            Redemption::Replayed => Err(self.end_replayed(&code.grant).await),
            Redemption::Unknown => Err(EndpointError::BadCode),
        }
    }

    /// What is left of what was consented to, for these audiences.
    fn consented(
        &self,
        grant: &Grant,
        user: Option<&User>,
        app: &AppWithOwner,
        audiences: &Audiences,
    ) -> Result<Rights, EndpointError> {
        let audiences = grant.audiences.narrowed_to(audiences)?;
        if audiences.among(self.settings.audiences()).is_empty() {
            // The issuer no longer makes tokens for them.
            return Err(AudienceError.into());
        }
        let parties = Parties {
            user,
            app: Some(app.parties()),
            required: self.settings.required,
        };
        let scopes = grant.entitlement().worth(parties);
        // What was consented to, and not all that the app may have today: rights that it got since were
        // on no page that the user saw.
        let asked = RightsRequest {
            scopes: &RequestedScopes::Some(grant.scopes.clone()),
            audiences: &audiences,
            means: Means::App,
        };
        Ok(self.rights(scopes.map_err(|_| EndpointError::BadCode)?, asked)?)
    }

    async fn use_up(
        &self,
        digest: &SecretDigest,
        code: &AuthorizationCode,
        granted: &Granted,
        presented: &PresentedCode<'_>,
    ) -> Result<Redemption, EndpointError> {
        let now = self.clock.now();
        let lifetime = i64::from(self.settings.refresh_token.lifetime_seconds);
        // With all scopes that were consented to: later refreshes see more of them if the user has
        // more again. The first access token may be for fewer audiences than the next (RFC 8707
        // section 2.2).
        let token = RefreshToken {
            grant: Grant {
                audiences: match &code.grant.audiences {
                    Audiences::All => presented.audiences.clone(),
                    Audiences::Only(_) => code.grant.audiences.clone(),
                },
                ..code.grant.clone()
            },
            expires_at: now.plus(lifetime),
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

    /// Ends the grant of a code that came twice, and says why: somebody has stolen it (RFC 6749
    /// section 4.1.2).
    async fn end_replayed(&self, grant: &Grant) -> EndpointError {
        let holder = Holder::of(grant);
        tracing::warn!(
            user.id = self.log_name(&holder.user),
            client.id = holder.app.as_ref().map(crate::identity::AppKey::as_str),
            "an authorization code was used twice; its grant has ended"
        );
        let target = RevocationTarget::from(&grant.id);
        let now = self.clock.now();
        match self.store.revoke_of(&target, &holder, now).await {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;
    use crate::identity::{
        AppDescription, AppKey, AppName, AppStatus, CodeChallenge, GrantId, ScopeSet, ScopesFrom,
        UserId,
    };
    use crate::token::LogPosition;

    const BACK: &str = "https://a.example/back";
    const OTHER: &str = "https://a.example/other";

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text).unwrap()
    }

    /// A code that was asked for with this URI, or with none, and sent to [`BACK`].
    fn code(asked: Option<&str>) -> AuthorizationCode {
        AuthorizationCode {
            grant: Grant {
                id: GrantId::known("g"),
                user: UserId::known("alice"),
                app: Some(AppKey::known("shop")),
                scopes: ScopeSet::default(),
                audiences: Audiences::All,
                position: LogPosition(1),
            },
            redirect_uri: asked.map(uri),
            sent_to: uri(BACK),
            challenge: CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap(),
            expires_at: UnixSeconds(60),
        }
    }

    /// RFC 6749 section 4.1.3.
    #[test]
    fn the_redirect_uri_is_repeated_as_it_was_and_may_be_left_out_where_it_was() {
        // What the code was asked for with; what comes with it; whether they are the same.
        let rows = [
            (Some(BACK), Some(BACK), true),
            (Some(BACK), Some(OTHER), false),
            (Some(BACK), Some("https://a.example/back/"), false),
            (Some(BACK), Some("HTTPS://A.EXAMPLE/back"), false),
            (Some(BACK), None, false),
            (None, None, true),
            (None, Some(BACK), true),
            (None, Some(OTHER), false),
        ];
        for (asked, sent, expected) in rows {
            assert_eq!(is_same(&code(asked), sent), expected, "{asked:?} {sent:?}");
        }
    }

    #[test]
    fn an_address_that_the_app_has_lost_gets_it_nothing() {
        let app = |uris: &[&str]| App {
            key: AppKey::known("shop"),
            name: AppName::parse("shop").unwrap(),
            description: AppDescription::default(),
            link: None,
            owner: UserId::known("alice"),
            redirect_uris: uris.iter().map(|text| uri(text)).collect(),
            scopes: ScopeSet::default(),
            scopes_from: ScopesFrom::List,
            status: AppStatus::Active,
            created_at: UnixSeconds(0),
            revoked_through: LogPosition::default(),
            last_used_at: None,
            secret_since: None,
        };
        for (uris, expected) in [
            (&[BACK][..], true),
            (&[OTHER, BACK], true),
            (&[OTHER], false),
            (&[], false),
        ] {
            assert_eq!(is_registered(&uri(BACK), &app(uris)), expected, "{uris:?}");
        }
    }
}
