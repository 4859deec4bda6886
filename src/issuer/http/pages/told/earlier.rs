//! What the first page after a log-in says of the one before.

use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;
use crate::identity::{EarlierLogIn, Failures};
use crate::issuer::http::pages::timed::Timed;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

/// What is sealed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::issuer::http::pages) struct ToldLogIn {
    at: i64,
    address: String,
    failed: i64,
    is_exact: bool,
}

/// The same in words.
pub(in crate::issuer::http::pages) struct EarlierLine<'a> {
    pub(in crate::issuer::http::pages) at: Timed,
    pub(in crate::issuer::http::pages) address: Text<'a>,
    pub(in crate::issuer::http::pages) failed: String,
    /// Whether the reader may see the page of all log-ins.
    pub(in crate::issuer::http::pages) has_page: bool,
}

impl From<EarlierLogIn> for ToldLogIn {
    fn from(earlier: EarlierLogIn) -> Self {
        let (failed, is_exact) = match earlier.failed {
            Failures::Exactly(count) => (count, true),
            Failures::AtLeast(count) => (count, false),
        };
        Self {
            at: earlier.at.0,
            address: earlier.address,
            failed,
            is_exact,
        }
    }
}

impl<'a> EarlierLine<'a> {
    pub(in crate::issuer::http::pages) fn of(visitor: &Visitor, told: &'a ToldLogIn) -> Self {
        let failed = if told.is_exact {
            Failures::Exactly(told.failed)
        } else {
            Failures::AtLeast(told.failed)
        };
        let address = match told.address.as_str() {
            "" => visitor.words().sign_ins.many_addresses,
            known => known,
        };
        let user = visitor.user.as_ref();
        Self {
            at: visitor.language.instant(UnixSeconds(told.at)),
            address: Text::of(address),
            failed: visitor.language.failures(failed),
            has_page: user.is_some_and(|user| user.scopes.contains("consumer.account")),
        }
    }
}
