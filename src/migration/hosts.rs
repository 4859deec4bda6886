//! The host patterns that the new policy tells apart, and how tests of a host relate to them.

use std::collections::BTreeSet;

use super::formula::{Formula, HostTest, Test};
use super::template::Verdict;
use super::text::TextMatch;

/// Which hosts: each has a table of routes of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HostCell {
    Exact(String),
    /// Names below this one that have no longer pattern.
    Below(String),
    /// All that have no pattern.
    Others,
}

/// The host patterns that a formula tells apart.
pub(super) fn host_cells(formula: &Formula) -> BTreeSet<HostCell> {
    let mut cells = BTreeSet::from([HostCell::Others]);
    formula.each_test(&mut |test| {
        let Test::Host(test) = test else { return };
        let (name, is_exact) = match test {
            HostTest::Port(host) => (host.clone(), true),
            HostTest::Text(test) => match &test.how {
                TextMatch::Exact(host) => (host.to_ascii_lowercase(), true),
                TextMatch::Suffix(suffix) => (suffix.to_ascii_lowercase(), false),
                _ => return,
            },
        };
        if is_exact && is_host(&name) {
            cells.insert(HostCell::Exact(name));
        } else if let Some(parent) = name.strip_prefix('.')
            && is_host(parent)
        {
            cells.insert(HostCell::Below(parent.to_owned()));
        }
    });
    cells
}

/// Whether a policy takes it as a host.
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let last_is_number = name
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= 250 && !last_is_number && name.split('.').all(is_label)
}

pub(super) fn host_verdict(test: &HostTest, cell: &HostCell) -> Verdict {
    let test = match test {
        HostTest::Port(host) => {
            let is_it = !is_host(host) || *cell == HostCell::Exact(host.clone());
            return if is_it {
                Verdict::Unknown("the gate compares hosts without their port".into())
            } else {
                Verdict::Never
            };
        }
        HostTest::Text(test) => test,
    };
    if let HostCell::Exact(host) = cell {
        return test.matches(host).into();
    }
    let when = || Verdict::When(test.condition("request.host"));
    match &test.how {
        TextMatch::Present if *cell != HostCell::Others => Verdict::Always,
        // Each such host has a table of its own.
        TextMatch::Exact(host) if is_host(&host.to_ascii_lowercase()) => Verdict::Never,
        TextMatch::Suffix(suffix) => {
            let suffix = suffix.to_ascii_lowercase();
            let has_own = suffix.strip_prefix('.').is_some_and(is_host);
            match cell {
                HostCell::Below(parent) if format!(".{parent}").ends_with(&suffix) => {
                    Verdict::Always
                }
                _ if has_own => Verdict::Never,
                _ => when(),
            }
        }
        _ => when(),
    }
}
