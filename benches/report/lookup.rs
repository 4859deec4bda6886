//! What the number of routes costs.

use std::time::Instant;

use crate::counting::{Counted, Lengths, per_turn};
use crate::fixture::{Files, Issuer};
use crate::loops;
use crate::table::{Goal, Table};

const CALLS: Lengths = Lengths {
    short: 1_000,
    long: 11_000,
};

/// How much more than with ten routes still counts as flat: the tables no longer fit one cache
/// line, but nobody walks them.
const FLAT: f64 = 1.1;

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, _: &Issuer, files: &Files) {
    let mut ten = None;
    for routes in [10, 1_000, 10_000] {
        let name = format!("{}{routes}", loops::ROUTE);
        let value = per_turn(Counted::Instructions, &name, CALLS, files);
        let goal = ten.map_or(Goal::None, |of| Goal::Ratio { of, most: FLAT });
        table.add(
            &format!("`Policy::route`, {routes} routes"),
            value,
            "instr",
            goal,
        );
        ten.get_or_insert(value);
    }
    for (name, text) in [
        (
            "compiling 10,000 routes from YAML",
            loops::policy_text(10_000),
        ),
        (
            "- with 1,000 conditions",
            loops::policy_text_with_conditions(10_000),
        ),
    ] {
        let compile = || {
            let started = Instant::now();
            assert_eq!(loops::compile(&text).routes().len(), 10_000);
            started.elapsed().as_secs_f64() * 1e3
        };
        let fastest = (0..3).map(|_| compile()).fold(f64::INFINITY, f64::min);
        table.add(name, fastest, "ms", Goal::Most(1_000.0));
    }
}
