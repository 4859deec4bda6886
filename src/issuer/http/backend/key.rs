//! `/backend/key`: the keys that sign tokens, or have signed tokens that are still about.

use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::extract::{DirectoryAccess, OptionalJsonBody};
use crate::issuer::keys::RotationPace;
use crate::issuer::signing::PublishedKey;

/// How a new key comes.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::issuer::http) struct KeyRotationRequest {
    /// Whether it signs at once, and all others are withdrawn.
    now: bool,
}

#[derive(Serialize)]
struct KeyRotationAnswer {
    id: String,
    algorithm: &'static str,
    active_from: i64,
    already_published: bool,
}

#[derive(Serialize)]
struct KeysAnswer {
    items: Vec<KeyAnswer>,
}

#[derive(Serialize)]
struct KeyAnswer {
    id: String,
    algorithm: &'static str,
    state: &'static str,
    created_at: Option<i64>,
    active_from: Option<i64>,
    published_until: Option<i64>,
}

impl From<PublishedKey> for KeyAnswer {
    fn from(key: PublishedKey) -> Self {
        Self {
            id: key.id,
            algorithm: key.algorithm.name(),
            state: key.state.name(),
            created_at: key.created_at.map(|instant| instant.0),
            active_from: key.active_from.map(|instant| instant.0),
            published_until: key.published_until.map(|instant| instant.0),
        }
    }
}

/// `POST rotate`: only soon after a login, because a stolen token must not end everybody's.
pub(in crate::issuer::http) async fn rotate(
    access: DirectoryAccess,
    OptionalJsonBody(wanted): OptionalJsonBody<KeyRotationRequest>,
) -> Result<Response, EndpointError> {
    let pace = if wanted.now {
        RotationPace::AtOnce
    } else {
        RotationPace::Announced
    };
    let directory = access.after_login()?;
    let made = directory.rotate_keys(&access.issuer.settings, pace).await?;
    Ok(body::ok(&KeyRotationAnswer {
        id: made.key_id,
        algorithm: made.algorithm.name(),
        active_from: made.active_from.0,
        already_published: made.already_published,
    }))
}

/// `GET`: all of them, of which there are few.
pub(in crate::issuer::http) async fn list(access: DirectoryAccess) -> Response {
    let keys = access.issuer.published_keys().into_iter();
    let items = keys.map(KeyAnswer::from).collect();
    body::answer(StatusCode::OK, &KeysAnswer { items })
}
