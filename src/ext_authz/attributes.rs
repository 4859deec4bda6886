//! What conditions read of a `CheckRequest` beside its target, looked up when one asks for it.

use super::wire::{self, HeaderForm, HeaderVisitor};
use crate::condition::{Attributes, Found};

/// The bytes of a message, which has been read once already.
#[derive(Debug, Clone, Copy)]
pub(super) struct MessageAttributes<'a>(pub(super) &'a [u8]);

impl Attributes for MessageAttributes<'_> {
    fn header(&self, name: &str) -> Found<&[u8]> {
        let mut wanted = WantedHeader {
            name: name.as_bytes(),
            merged: Found::Absent,
            listed: None,
        };
        match wire::read_check_request(self.0, &mut wanted) {
            Ok(_) => wanted.found(),
            // It was readable before.
            Err(_) => Found::Unreadable,
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
}

impl<'a> HeaderVisitor<'a> for WantedHeader<'_, 'a> {
    fn header(&mut self, form: HeaderForm, name: &'a [u8], value: &'a [u8]) {
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
