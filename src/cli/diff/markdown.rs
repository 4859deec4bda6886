//! A comparison for a pull request: a table for each effect.

use std::io::{self, Write};

use super::trial::Tried;
use super::words;
use crate::comparison::{Comparison, Difference};

/// The most differences of one effect that are shown; comments on pull requests have a bound.
const MAX_SHOWN: usize = 50;

pub(super) fn write(
    comparison: &Comparison<'_>,
    tried: &Tried,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "**Policy: {}**", words::summary(comparison))?;
    for (effect, heading) in words::HEADINGS {
        let count = comparison.count(effect);
        if count == 0 {
            continue;
        }
        let mut heading = heading.to_owned();
        if let Some(first) = heading.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        writeln!(out, "\n### {heading} ({count})\n")?;
        writeln!(out, "| requests | before | after | example |")?;
        writeln!(out, "|---|---|---|---|")?;
        let all = comparison.differences.iter().enumerate();
        let shown = all.filter(|(_, difference)| difference.effect == effect);
        for (position, difference) in shown.take(MAX_SHOWN) {
            writeln!(
                out,
                "| {} | {} | {} | {} |",
                cell(&words::requests(&difference.requests)),
                cell(&words::before(difference)),
                cell(&words::after(difference)),
                example(difference, position, tried),
            )?;
        }
        if let Some(more) = count.checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
            writeln!(
                out,
                "\n... and {more} more; `portcullis diff --format json` lists all."
            )?;
        }
    }
    Ok(())
}

fn example(difference: &Difference<'_>, position: usize, tried: &Tried) -> String {
    let Some(example) = &difference.example else {
        return cell(difference.unclear.unwrap_or_default());
    };
    let request = cell(&words::example(example));
    let trials = tried.of(position).iter();
    let mut lines: Vec<String> = trials
        .map(|trial| {
            let (caller, outcome) = (words::caller(&trial.caller), words::outcome(trial));
            format!("{request} {}: {}", cell(&caller), cell(&outcome))
        })
        .collect();
    if lines.is_empty() {
        lines.push(request);
    }
    lines.extend(difference.unclear.map(cell));
    lines.join("<br>")
}

/// Text of a policy within a table: nothing of it is markup.
fn cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\`*_{}[]<>()#+!|~&@".contains(character) {
            escaped.push('\\');
        }
        if character.is_control() {
            escaped.push(' ');
        } else {
            escaped.push(character);
        }
    }
    escaped
}
