//! Names for decisions, by which log, metadata and the caller's complaint are brought together.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::coding::hex_digit;

pub(super) const ID_LENGTH: usize = 16;

/// Names of 64 bits: unique within the process, and nobody can tell their number from them.
#[derive(Debug)]
pub(super) struct DecisionIds {
    seed: u64,
    count: AtomicU64,
}

impl DecisionIds {
    pub(super) fn new() -> Self {
        let mut seed = [0; 8];
        // Without randomness the ids of all processes begin alike; they are names, not secrets.
        let _ = aws_lc_rs::rand::fill(&mut seed);
        Self {
            seed: u64::from_le_bytes(seed),
            count: AtomicU64::new(0),
        }
    }

    /// Writes the next name into `text`, as hex digits.
    pub(super) fn next<'t>(&self, text: &'t mut [u8; ID_LENGTH]) -> &'t str {
        // The finaliser of SplitMix64 is a bijection: different counts give different names.
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut mixed = self
            .seed
            .wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        for (place, shift) in text.iter_mut().zip((0..64).step_by(4)) {
            let [nibble, ..] = (mixed >> shift).to_le_bytes();
            *place = hex_digit(nibble);
        }
        std::str::from_utf8(text).unwrap_or("")
    }
}
