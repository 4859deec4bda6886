//! `/assets/{file}`: the style sheet, the script and the logo, under names that change with them.

use std::sync::{Arc, LazyLock};

use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::page_error::PageError;
use crate::coding::hex;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::{Accent, Issuer};
use crate::logo::Logo;

pub(super) const PATH: &str = "/assets/{file}";
pub(super) const BELOW: &str = "/assets/";
pub(super) const FAVICON_PATH: &str = "/favicon.ico";

const STYLE: &str = include_str!("style.css");

const SCRIPT: &str = include_str!("script.js");

/// Of a site without a logo of its own. Browsers would ask for one in any case, at an address where nothing is.
const ICON: &str = include_str!("icon.svg");

/// So much of a digest names a file.
const NAME_BYTES: usize = 8;

/// Of a picture, which may be an SVG and is a page of its own for whoever opens its address: it loads and runs
/// nothing, and is of no origin.
const PICTURE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// The path of the script.
pub(super) static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path(SCRIPT, "js"));

/// The path of the icon.
pub(super) static ICON_PATH: LazyLock<String> = LazyLock::new(|| path(ICON, "svg"));

/// How the pages of a site look.
pub(in crate::issuer) struct Look {
    style: String,
    style_path: String,
}

impl Look {
    /// The style sheet with this accent.
    pub(in crate::issuer) fn of(accent: Accent) -> Self {
        let style = accent.paint(STYLE);
        Self {
            style_path: path(&style, "css"),
            style,
        }
    }

    /// The path of the style sheet.
    pub(super) fn style_path(&self) -> &str {
        &self.style_path
    }
}

/// The path of a logo.
pub(super) fn logo_path(logo: &Logo) -> String {
    format!("{BELOW}{}", logo.name())
}

fn path(content: &str, extension: &str) -> String {
    let digest = blake3::hash(content.as_bytes());
    let name = hex(digest.as_bytes().get(..NAME_BYTES).unwrap_or_default());
    format!("{BELOW}{name}.{extension}")
}

/// `GET`
pub(super) async fn show(
    State(issuer): State<Arc<Issuer>>,
    Path(file): Path<String>,
) -> Result<Response, PageError> {
    let asked = format!("{BELOW}{file}");
    if asked == issuer.look.style_path {
        let style = issuer.look.style.clone();
        return Ok((head("text/css; charset=utf-8"), style).into_response());
    }
    if asked == *SCRIPT_PATH {
        return Ok((head("text/javascript; charset=utf-8"), SCRIPT).into_response());
    }
    if asked == *ICON_PATH {
        return Ok(picture("image/svg+xml", ICON.as_bytes()));
    }
    match issuer.logo() {
        Some(logo) if logo.name() == file => Ok(picture(logo.media_type(), logo.bytes())),
        Some(_) | None => Err(EndpointError::NotFound.into()),
    }
}

fn picture(kind: &'static str, bytes: &[u8]) -> Response {
    let mut head = head(kind);
    head.insert(CONTENT_SECURITY_POLICY, PICTURE_POLICY);
    (head, bytes.to_vec()).into_response()
}

/// Whoever has it may keep it.
fn head(kind: &'static str) -> HeaderMap {
    let fields = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let fields = fields.map(|(name, value)| (name, HeaderValue::from_static(value)));
    fields.into_iter().collect()
}

/// `GET /favicon.ico`, for which browsers ask where a page names none: there is none.
pub(super) async fn no_icon() -> Response {
    let head = [(CACHE_CONTROL, "public, max-age=86400")];
    (StatusCode::NO_CONTENT, head).into_response()
}
