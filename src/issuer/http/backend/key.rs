//! `/backend/key`: the keys that sign tokens, or have signed tokens that are still about.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::issuer::http::body;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::signing::PublishedKey;

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

/// `GET`: all of them, of which there are few.
pub(in crate::issuer::http) async fn list(access: DirectoryAccess) -> Response {
    let keys = access.issuer.published_keys().into_iter();
    let items = keys.map(KeyAnswer::from).collect();
    body::answer(StatusCode::OK, &KeysAnswer { items })
}
