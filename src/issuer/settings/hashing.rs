//! `issuer.hashing`: how much of the machine passwords get.

use std::thread::available_parallelism;

use serde::Deserialize;

use crate::problem::Faults;

/// The bounds of password hashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingSettings {
    /// How many passwords are hashed at once; each takes 19 MiB.
    pub threads: usize,
    /// How many more may wait before further ones are turned away.
    pub max_queue: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HashingDocument {
    threads: u64,
    max_queue: u64,
}

/// All processors but one: whoever logs in must not slow the gate beside it.
impl Default for HashingDocument {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, |count| count.get() as u64);
        Self {
            threads: processors.saturating_sub(1).clamp(1, 8),
            max_queue: 64,
        }
    }
}

impl HashingDocument {
    pub(super) fn build(&self, faults: &mut Faults) -> Option<HashingSettings> {
        faults.within("issuer.hashing.threads", self.threads, 1, 256);
        faults.within("issuer.hashing.max_queue", self.max_queue, 1, 100_000);
        Some(HashingSettings {
            threads: usize::try_from(self.threads).ok()?,
            max_queue: usize::try_from(self.max_queue).ok()?,
        })
    }
}
