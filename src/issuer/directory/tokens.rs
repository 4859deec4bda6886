//! Taking tokens back while users and apps stay what they are.

use serde::Deserialize;

use super::audit::Object;
use super::{Directory, DirectoryError, Thing};
use crate::identity::{AppKey, Username};
use crate::token::RevocationTarget;
use crate::yaml::present;

/// What is issued has 22 characters.
pub(super) const MAX_ID_BYTES: usize = 64;

/// Whose tokens end: exactly one of these.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WhatToRevoke {
    /// A username.
    #[serde(deserialize_with = "present")]
    pub user: Option<String>,
    /// An app's key.
    #[serde(deserialize_with = "present")]
    pub app: Option<String>,
    /// A grant's id, as in `GET /consumer/grant` and the claim `sid`.
    #[serde(deserialize_with = "present")]
    pub grant: Option<String>,
    /// A token's id, the claim `jti`.
    #[serde(deserialize_with = "present")]
    pub token: Option<String>,
    /// `true`: everybody's.
    #[serde(deserialize_with = "present")]
    pub everyone: Option<bool>,
}

impl Directory<'_> {
    /// Ends tokens. Grants and single tokens need not be known: what is listed refuses.
    pub async fn revoke(&self, what: WhatToRevoke) -> Result<RevocationTarget, DirectoryError> {
        let mut change = self.change().await?;
        let subject = match what {
            WhatToRevoke {
                user: Some(name),
                app: None,
                grant: None,
                token: None,
                everyone: None,
            } => {
                let unknown = DirectoryError::NotFound(Thing::User);
                let user = match Username::parse(&name) {
                    Ok(name) => change.user_named(&name).await?,
                    Err(_) => None,
                };
                RevocationTarget::User(user.ok_or(unknown)?.id.as_str().to_owned())
            }
            WhatToRevoke {
                user: None,
                app: Some(key),
                grant: None,
                token: None,
                everyone: None,
            } => {
                let app = match plain_id(key.clone()) {
                    Ok(key) => change.app(&AppKey::known(&key)).await?,
                    Err(_) => None,
                };
                app.ok_or(DirectoryError::NotFound(Thing::App))?;
                RevocationTarget::App(key)
            }
            WhatToRevoke {
                user: None,
                app: None,
                grant: Some(id),
                token: None,
                everyone: None,
            } => RevocationTarget::Grant(plain_id(id)?),
            WhatToRevoke {
                user: None,
                app: None,
                grant: None,
                token: Some(id),
                everyone: None,
            } => RevocationTarget::Token(plain_id(id)?),
            WhatToRevoke {
                user: None,
                app: None,
                grant: None,
                token: None,
                everyone: Some(true),
            } => RevocationTarget::Everyone,
            _ => return Err(DirectoryError::WhatToRevoke),
        };
        change.revoke(&subject).await?;
        let object = Object::Tokens(&subject);
        self.commit(change, object, "revoked", &[]).await?;
        Ok(subject)
    }
}

/// An id in the alphabet of all that is issued. Others cannot be of a token, and a database may not be
/// able to keep them.
fn plain_id(id: String) -> Result<String, DirectoryError> {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && (1..=MAX_ID_BYTES).contains(&id.len()) {
        Ok(id)
    } else {
        Err(DirectoryError::Id)
    }
}
