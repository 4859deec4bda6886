//! A comparison for people to read.

use std::io::{self, Write};

use super::trial::Tried;
use super::words;
use crate::comparison::{Comparison, Difference};

/// The most differences of one effect that are shown.
const MAX_SHOWN: usize = 100;

pub(super) fn write(
    comparison: &Comparison<'_>,
    tried: &Tried,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (effect, heading) in words::HEADINGS {
        let all = comparison.differences.iter().enumerate();
        let mut shown = all.filter(|(_, difference)| difference.effect == effect);
        let count = comparison.count(effect);
        if count == 0 {
            continue;
        }
        writeln!(out, "{} ({count})\n", heading.to_uppercase())?;
        for (position, difference) in shown.by_ref().take(MAX_SHOWN) {
            write_one(difference, position, tried, out)?;
        }
        if let Some(more) = count.checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
            writeln!(out, "  ... and {more} more; `--format json` lists all\n")?;
        }
    }
    writeln!(out, "{}", words::summary(comparison))
}

fn write_one(
    difference: &Difference<'_>,
    position: usize,
    tried: &Tried,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "  {}", words::requests(&difference.requests))?;
    writeln!(out, "    before   {}", words::before(difference))?;
    writeln!(out, "    after    {}", words::after(difference))?;
    if let Some(reason) = difference.unclear {
        writeln!(out, "    unclear  {reason}")?;
    }
    if let Some(example) = &difference.example {
        let trials = tried.of(position);
        if trials.is_empty() {
            writeln!(out, "    example  {}", words::example(example))?;
        }
        for trial in trials {
            writeln!(
                out,
                "    example  {} {}: {}",
                words::example(example),
                words::caller(&trial.caller),
                words::outcome(trial),
            )?;
        }
    }
    writeln!(out)
}
