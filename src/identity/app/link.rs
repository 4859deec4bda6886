//! Where more is said of an app.

use super::AppError;
use super::redirect_uri::{is_plain_uri, is_uri_byte};

/// An absolute URI: `https`, or `http` to this machine. People follow it; nothing is sent to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppLink(Box<str>);

impl AppLink {
    /// Reads a URI as those of redirects are read, but with the fragment and `@` that pages have.
    pub fn parse(text: &str) -> Result<Self, AppError> {
        let (page, fragment) = text.split_once('#').unwrap_or((text, ""));
        let is_byte = |byte: u8| is_uri_byte(byte) || byte == b'@';
        if is_plain_uri(text, page, is_byte) && fragment.bytes().all(is_byte) {
            Ok(Self(text.into()))
        } else {
            Err(AppError::Link)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_checked() {
        for good in [
            "https://shop.example",
            "https://shop.example/about?x=1#team",
            "https://shop.example/@alice/app",
            "https://shop.example:8443/#/a@b?c",
            "http://localhost:3000/",
            "http://127.0.0.1/",
        ] {
            assert!(AppLink::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/about",
            "shop.example",
            "//shop.example/",
            "http://shop.example/",
            "ftp://shop.example/",
            "javascript:alert(1)",
            "https://alice@shop.example/",
            "https://alice:secret@shop.example/",
            "https://shop.example@evil.example/",
            "https://shop.example/a b",
            " https://shop.example/",
            "https://shop.example/\n",
            "https://shop.example/#a#b",
            "https://shop.example/#\"",
            "https://shop.example/\"onclick=",
            "https://shop.example/<b>",
            "https://b\u{fc}cher.example/",
            "https://shop.example/\u{e4}",
            "https://shop.example/a/../b",
            "https:\\\\shop.example/",
            "https:///shop.example",
            &format!("https://shop.example/{}", "x".repeat(2048)),
            &format!("https://shop.example/#{}", "x".repeat(2048)),
        ] {
            assert_eq!(AppLink::parse(bad), Err(AppError::Link), "{bad}");
        }
    }
}
