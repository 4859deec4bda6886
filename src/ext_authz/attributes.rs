//! What conditions read of a `CheckRequest` beside its target, looked up when one asks for it.

use super::wire::{self, HeaderForm, HeaderVisitor};
use crate::condition::{Attributes, Found};

/// The bytes of a message, which has been read once already.
#[derive(Debug, Clone, Copy)]
pub(super) struct MessageAttributes<'a>(pub(super) &'a [u8]);

impl Attributes for MessageAttributes<'_> {
    fn header(&self, name: &str) -> (Found<&[u8]>, usize) {
        let mut wanted = WantedHeader {
            name: name.as_bytes(),
            merged: Found::Absent,
            listed: None,
            looked_at: 0,
        };
        let read = wire::read_check_request(self.0, &mut wanted);
        let looked_at = wanted.looked_at;
        match read {
            Ok(_) => (wanted.found(), looked_at),
            // It was readable before.
            Err(_) => (Found::Unreadable, looked_at),
        }
    }

    fn scheme(&self) -> Option<&str> {
        text(wire::scheme(self.0)?)
    }

    fn source_address(&self) -> Option<&str> {
        text(wire::source_address(self.0)?)
    }

    fn source_principal(&self) -> Option<&str> {
        text(wire::source_principal(self.0)?)
    }

    fn size(&self) -> Option<i64> {
        wire::size(self.0)
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok();
    text.filter(|text| !text.is_empty())
}

/// The values of one header, by the form that they came in. In the list a header that came twice is
/// there twice; in the map the proxy has joined them.
struct WantedHeader<'n, 'a> {
    name: &'n [u8],
    merged: Found<&'a [u8]>,
    /// Nothing where there is no list.
    listed: Option<Found<&'a [u8]>>,
    /// Of all names and values, in bytes.
    looked_at: usize,
}

impl<'a> HeaderVisitor<'a> for WantedHeader<'_, 'a> {
    fn header(&mut self, form: HeaderForm, name: &'a [u8], value: &'a [u8]) {
        self.looked_at += name.len() + value.len();
        let found = match form {
            HeaderForm::Merged => &mut self.merged,
            HeaderForm::Listed => self.listed.get_or_insert(Found::Absent),
        };
        if name.eq_ignore_ascii_case(self.name) {
            *found = match found {
                Found::Absent => Found::Once(value),
                Found::Once(_) | Found::Repeated | Found::Unreadable => Found::Repeated,
            };
        }
    }
}

impl<'a> WantedHeader<'_, 'a> {
    /// Envoy sends one form. Where both came and differ, it is unknown which one the upstream gets.
    fn found(self) -> Found<&'a [u8]> {
        match (self.listed, self.merged) {
            (Some(listed), merged) if merged == Found::Absent || merged == listed => listed,
            (Some(_), _) => Found::Repeated,
            (None, merged) => merged,
        }
    }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
    use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
    use prost::Message;

    use super::*;

    #[test]
    fn finding_a_header_looks_at_all_of_them() {
        let headers = [("x-region", "eu"), ("x-other", "0123456789")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request {
            http: Some(HttpRequest {
                headers: headers.into(),
                ..HttpRequest::default()
            }),
            ..Request::default()
        };
        let message = CheckRequest {
            attributes: Some(AttributeContext {
                request: Some(request),
                ..AttributeContext::default()
            }),
        };
        let message = message.encode_to_vec();
        let attributes = MessageAttributes(&message);
        assert_eq!(attributes.header("x-region"), (Found::Once(&b"eu"[..]), 27));
        assert_eq!(attributes.header("x-none"), (Found::Absent, 27));
    }
}
