//! `issuer.portal`: what the pages say of the place that they are for.

mod text;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::accent::Accent;
use super::proxy::{ProxyDocument, ProxySettings};
use crate::problem::Faults;
use crate::yaml::present;

use text::{PortalText, TextDocument};

const MAX_TITLE: usize = 60;

/// All of them are read at start and at each reload.
const MAX_DESCRIPTIONS: usize = 16;

/// What the pages call the place, and what their examples call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalSettings {
    /// The name at the top of each page.
    pub title: String,
    /// The colour of links and buttons.
    pub accent: Accent,
    /// A picture in place of the name. A reload reads it anew.
    pub logo_file: Option<PathBuf>,
    /// What it is, on the start page.
    pub text: PortalText,
    /// An operation behind the proxy, for the examples.
    pub example_url: Option<String>,
    /// Where the portal sends what its users try out; without it they get the commands alone.
    pub proxy: Option<ProxySettings>,
    /// Descriptions of the API, whose operations can be tried out by their texts and examples. A reload reads them
    /// anew.
    pub openapi_files: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PortalDocument {
    title: String,
    #[serde(deserialize_with = "present")]
    accent: Option<String>,
    #[serde(deserialize_with = "present")]
    accent_dark: Option<String>,
    #[serde(deserialize_with = "present")]
    logo_file: Option<PathBuf>,
    text: Option<TextDocument>,
    #[serde(deserialize_with = "present")]
    example_url: Option<String>,
    #[serde(deserialize_with = "present")]
    proxy: Option<ProxyDocument>,
    openapi_files: Vec<PathBuf>,
}

impl Default for PortalDocument {
    fn default() -> Self {
        Self {
            title: "Portcullis".to_owned(),
            accent: None,
            accent_dark: None,
            logo_file: None,
            text: None,
            example_url: None,
            proxy: None,
            openapi_files: Vec::new(),
        }
    }
}

impl PortalDocument {
    /// Checks the section; relative files are relative to `base`.
    pub(super) fn build(self, base: &Path, faults: &mut Faults) -> PortalSettings {
        let title = self.title.trim();
        if title.is_empty() || title.chars().count() > MAX_TITLE || title.contains(char::is_control)
        {
            faults.add("issuer.portal.title", format!(
                "`issuer.portal.title: {}` is not a valid title: write one line of 1 to {MAX_TITLE} characters",
                self.title
            ));
        }
        if let Some(url) = &self.example_url
            && !is_example(url)
        {
            faults.add("issuer.portal.example_url", format!(
                "`issuer.portal.example_url: {url}` is not a valid address: write an absolute `https://` or \
                 `http://` URL of printable ASCII characters without quotation marks, such as \
                 `https://api.shop.example/orders/1`"
            ));
        }
        if self.openapi_files.len() > MAX_DESCRIPTIONS {
            faults.add("issuer.portal.openapi_files", format!(
                "`issuer.portal.openapi_files` lists more than {MAX_DESCRIPTIONS} files: leave out those whose \
                 operations nobody tries out"
            ));
        }
        PortalSettings {
            title: title.to_owned(),
            accent: Accent::build(self.accent.as_deref(), self.accent_dark.as_deref(), faults),
            logo_file: self.logo_file.map(|file| base.join(file)),
            text: self.text.unwrap_or_default().build(faults),
            example_url: self.example_url,
            proxy: self.proxy.and_then(|proxy| proxy.build(base, faults)),
            openapi_files: self
                .openapi_files
                .iter()
                .map(|file| base.join(file))
                .collect(),
        }
    }
}

impl PortalSettings {
    /// What the proxy passes on must be of no use at the issuer, and so needs an audience besides it.
    pub(super) fn check_audiences(&self, issuer: &str, audiences: &[String], faults: &mut Faults) {
        if self.proxy.is_some() && audiences.iter().all(|audience| audience == issuer) {
            faults.add(
                "issuer.portal.proxy",
                "`issuer.portal.proxy` needs tokens that are for the API and not for \
                 the issuer: add the audience of the API to `issuer.audiences`, and to `trust`",
            );
        }
    }
}

/// The URL stands between single quotation marks in commands.
fn is_example(url: &str) -> bool {
    let uri: Option<http::Uri> = url.parse().ok();
    let absolute = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    absolute
        && url
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"'\"\\`".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_a_url_that_a_shell_reads_as_it_is() {
        let rows = [
            ("https://api.shop.example/orders/1?x=(1)", true),
            ("http://127.0.0.1:10000/orders/1", true),
            ("https://api.shop.example/'; rm -r ~; '", false),
            ("https://api.shop.example/'", false),
            ("ftp://api.shop.example/", false),
            ("/orders/1", false),
            ("", false),
        ];
        for (url, expected) in rows {
            assert_eq!(is_example(url), expected, "{url}");
        }
    }
}
