//! `issuer.registration`.

use crate::problem::Faults;

/// Whether strangers become users by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Whoever calls `/consumer/register` does.
    Open,
    /// Administrators add users, and nobody else.
    Closed,
}

impl Registration {
    pub(super) fn parse(text: &str, faults: &mut Faults) -> Option<Self> {
        match text {
            "open" => Some(Self::Open),
            "closed" => Some(Self::Closed),
            _ => {
                faults.add("issuer.registration", format!(
                    "`issuer.registration: {text}` is not a valid value: write `open`, or `closed` if only \
                     administrators add users"
                ));
                None
            }
        }
    }
}
