//! Digests that tell whether rules and keys are the very same.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

/// SHA-256 over a list of fields. Not shown: that of a key set covers secrets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fingerprint(..)")
    }
}

impl Fingerprint {
    /// The digest, as a field of another one.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Collects fields, each with its length before it, so that no two lists look alike.
pub(super) struct Fields(Context);

impl Fields {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn add(&mut self, field: &[u8]) {
        self.number(field.len() as u64);
        self.0.update(field);
    }

    /// Adds a number, such as that of the fields that follow.
    pub(super) fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    pub(super) fn finish(self) -> Fingerprint {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        Fingerprint(bytes)
    }
}
