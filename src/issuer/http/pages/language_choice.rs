//! `/portal/language`, and the choice of a language at the end of each page.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::response::Response;

use super::answer;
use super::form::PageForm;
use super::language::Language;
use super::page_error::PageError;
use super::visitor::Visitor;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::text::Text;

pub(super) const PATH: &str = "/portal/language";

/// Encoded in a form, it has room in what a stranger may send.
const MAX_ADDRESS_BYTES: usize = 4096;

/// Path and query of a page of ours, which can be opened again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::issuer::http) struct PageAddress(Arc<str>);

/// What a page has at its end.
pub(in crate::issuer::http) struct LanguageChoice<'a> {
    /// What the languages are called, in that of the page.
    pub(in crate::issuer::http) label: &'static str,
    pub(in crate::issuer::http) options: [LanguageOption; 2],
    /// The page to which the choice leads back.
    pub(in crate::issuer::http) address: Text<'a>,
}

/// A language in the choice.
pub(in crate::issuer::http) struct LanguageOption {
    pub(in crate::issuer::http) tag: &'static str,
    /// In itself.
    pub(in crate::issuer::http) name: &'static str,
    pub(in crate::issuer::http) is_current: bool,
}

impl PageAddress {
    /// Where a request was sent; none for the answer to a form. Opened once more, that would be another page, and
    /// what somebody has typed would be lost.
    pub(in crate::issuer::http) fn of(parts: &Parts) -> Option<Self> {
        Self::of_request(&parts.method, &parts.uri)
    }

    pub(in crate::issuer::http) fn of_request(method: &Method, uri: &Uri) -> Option<Self> {
        if *method != Method::GET {
            return None;
        }
        Self::parse(uri.path_and_query()?.as_str())
    }

    /// An address that no browser takes for another site's: it begins with one slash, and nothing in it is read as
    /// another slash, or skipped (WHATWG URL section 4.4).
    fn parse(text: &str) -> Option<Self> {
        let (path, _) = text.split_once('?').unwrap_or((text, ""));
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\#\"<>".contains(&byte);
        let is_own = path.starts_with('/')
            && !path.contains("//")
            && text.len() <= MAX_ADDRESS_BYTES
            && text.bytes().all(is_plain);
        is_own.then(|| Self(text.into()))
    }
}

impl<'a> LanguageChoice<'a> {
    /// The choice on the page at this address.
    pub(in crate::issuer::http) fn at(
        address: Option<&'a PageAddress>,
        current: Language,
    ) -> Option<Self> {
        let address = address?;
        let options = Language::ALL.map(|language| LanguageOption {
            tag: language.tag(),
            name: language.own_name(),
            is_current: language == current,
        });
        Some(Self {
            label: current.words().language,
            options,
            address: Text::of(&*address.0),
        })
    }
}

/// `POST`: no token is asked for, because pages of strangers have none and nothing is at stake. `guard` lets no form
/// of another site in.
pub(super) async fn choose(visitor: Visitor, form: PageForm) -> Result<Response, PageError> {
    let language = Language::of_tag(form.text("language"));
    let language = language.ok_or(EndpointError::Parameter("language"))?;
    let address = PageAddress::parse(form.text("address"));
    let back = address.as_ref().map_or("/", |address| &address.0);
    let cookie = visitor.browser.choose_language(language.tag());
    Ok(answer::with_cookies(answer::go(back), cookie))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_leads_back_to_our_own_pages_alone() {
        for address in [
            "/",
            "/?a=b",
            "/portal/apps?after=x%2Fy",
            "/authorization/authorize?client_id=x&redirect_uri=https://shop.example//cb",
            "/panel/roles/a%2Eb",
        ] {
            assert!(PageAddress::parse(address).is_some(), "{address}");
        }
        for address in [
            "",
            "portal",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\\\\evil.example",
            "/portal//evil.example",
            "https://evil.example/",
            " /portal",
            "/portal/\r\nx: y",
            "/portal#x",
            "/portal/ä",
            &format!("/{}", "a".repeat(MAX_ADDRESS_BYTES)),
        ] {
            assert_eq!(PageAddress::parse(address), None, "{address}");
        }
    }

    #[test]
    fn the_answer_to_a_form_has_no_address() {
        let uri = Uri::from_static("/portal/apps/new?x=1");
        let opened = PageAddress::of_request(&Method::GET, &uri);
        assert_eq!(opened.unwrap().0.as_ref(), "/portal/apps/new?x=1");
        assert_eq!(PageAddress::of_request(&Method::POST, &uri), None);
    }
}
