//! `/assets/{file}`: the style sheet, under a name that changes with it.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use super::page_error::PageError;
use crate::coding::hex;
use crate::issuer::endpoint_error::EndpointError;

pub(super) const PATH: &str = "/assets/{file}";
pub(super) const BELOW: &str = "/assets/";

const STYLE: &str = include_str!("style.css");

/// So much of a digest names a file.
const NAME_BYTES: usize = 8;

/// The path of the style sheet.
pub(super) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = blake3::hash(STYLE.as_bytes());
    let name = hex(digest.as_bytes().get(..NAME_BYTES).unwrap_or_default());
    format!("/assets/{name}.css")
});

/// `GET`
pub(super) async fn show(Path(file): Path<String>) -> Result<Response, PageError> {
    if format!("/assets/{file}") != *STYLE_PATH {
        return Err(EndpointError::NotFound.into());
    }
    let head = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((head, STYLE).into_response())
}
