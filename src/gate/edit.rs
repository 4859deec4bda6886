//! One change to the headers of a request.

use super::header_text::HeaderText;

/// A change to one header. No name is both set and removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderEdit<'e> {
    /// The header has this value and no other: whatever the caller sent under the name goes.
    Set {
        name: &'e str,
        value: HeaderText<'e>,
    },
    /// All headers of this name go. The name is spelt as the caller did where it is an alias.
    Remove { name: &'e str },
}
