//! How much the conditions of one check may cost.

use super::fault::Cause;

/// The steps of one check, whatever the number of its conditions.
const MAX_STEPS: u32 = 10_000;
/// So many bytes of text are one step.
const BYTES_PER_STEP: usize = 64;

/// What is left for the conditions of one check. A part of a condition is a step, and so is each item
/// or each 64 bytes of text that it looks at.
#[derive(Debug)]
pub struct Budget {
    steps_left: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps_left: MAX_STEPS,
        }
    }
}

impl Budget {
    /// How many steps were taken.
    pub fn spent(&self) -> u32 {
        MAX_STEPS - self.steps_left
    }

    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Cause> {
        let left = u32::try_from(steps)
            .ok()
            .and_then(|steps| self.steps_left.checked_sub(steps));
        self.steps_left = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Cause::TooManySteps)
    }

    /// For looking at this many bytes of text.
    pub(super) fn spend_bytes(&mut self, bytes: usize) -> Result<(), Cause> {
        self.spend(bytes / BYTES_PER_STEP)
    }
}
