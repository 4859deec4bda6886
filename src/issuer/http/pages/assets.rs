//! `/assets/{file}`: the style sheet and the script, under names that change with them.

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

const SCRIPT: &str = include_str!("passkey.js");

/// So much of a digest names a file.
const NAME_BYTES: usize = 8;

/// The path of the style sheet.
pub(super) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path(STYLE, "css"));

/// The path of the script.
pub(super) static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path(SCRIPT, "js"));

fn path(content: &str, extension: &str) -> String {
    let digest = blake3::hash(content.as_bytes());
    let name = hex(digest.as_bytes().get(..NAME_BYTES).unwrap_or_default());
    format!("/assets/{name}.{extension}")
}

/// `GET`
pub(super) async fn show(Path(file): Path<String>) -> Result<Response, PageError> {
    let asked = format!("/assets/{file}");
    let (content, kind) = if asked == *STYLE_PATH {
        (STYLE, "text/css; charset=utf-8")
    } else if asked == *SCRIPT_PATH {
        (SCRIPT, "text/javascript; charset=utf-8")
    } else {
        return Err(EndpointError::NotFound.into());
    };
    let head = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((head, content).into_response())
}
