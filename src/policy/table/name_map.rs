//! A map by names that the policy gives.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map whose keys come from the policy and are only looked up by requests, so that its hash need
/// not withstand chosen keys.
pub(super) type NameMap<T> = HashMap<Box<[u8]>, T, BuildHasherDefault<NameHasher>>;

/// A multiplicative hash of short names, eight bytes at a time.
#[derive(Debug, Default)]
pub(in crate::policy) struct NameHasher(u64);

impl NameHasher {
    fn mix(&mut self, word: u64) {
        // The fractional part of the golden ratio, as an odd number.
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.mix(
                rest.iter()
                    .fold(0, |word, byte| word << 8 | u64::from(*byte)),
            );
        }
    }

    fn write_usize(&mut self, length: usize) {
        self.mix(length as u64);
    }

    fn finish(&self) -> u64 {
        // The multiplication leaves the best bits on top; the map begins with the lowest.
        self.0 ^ self.0 >> 32
    }
}
