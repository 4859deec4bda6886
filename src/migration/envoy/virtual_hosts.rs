//! Which virtual host a request goes to: exact names first, then the longest wildcard.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::migration::Notes;
use crate::migration::formula::{Formula, HostView};
use crate::migration::text::{TextMatch, TextTest};

pub(super) struct VirtualHosts {
    view: HostView,
    /// By the names alone, as the gate reads them.
    by_name: Choice,
    /// By the hosts as Envoy reads them.
    as_seen: Choice,
    /// Whether the two differ.
    differ: bool,
}

/// The domains, in the order in which they are looked for.
#[derive(Default)]
struct Choice {
    exact: Vec<(Formula, Formula)>,
    suffixes: BTreeMap<usize, Vec<(Formula, Formula)>>,
    prefixes: BTreeMap<usize, Vec<(Formula, Formula)>>,
    every: Option<Formula>,
}

impl VirtualHosts {
    pub(super) fn new(view: HostView) -> Self {
        Self {
            view,
            by_name: Choice::default(),
            as_seen: Choice::default(),
            differ: false,
        }
    }

    /// Adds a virtual host of these domains, in lower case.
    pub(super) fn add(&mut self, domains: &[String], routes: &[(Formula, Formula)]) {
        let first = |otherwise: Formula| {
            Rc::new(Formula::First {
                cases: routes.to_vec(),
                otherwise: Rc::new(otherwise),
            })
        };
        // What no route takes is answered with 404, by the proxy itself: it need not be refused as well.
        let (answered, let_through) = (first(Formula::False), first(Formula::True));
        for domain in domains {
            let test = TextTest::with_stars(domain);
            let has = |end: &str| domains.contains(&format!("{domain}{end}"));
            let view = HostView {
                removes_port: self.view.removes_port || has(":*"),
                removes_dot: self.view.removes_dot || has("."),
                ..self.view
            };
            self.differ |= !view.is_ours() && test.how != TextMatch::Present;
            let name = case(
                &test,
                HostView {
                    removes_port: true,
                    removes_dot: true,
                    ignores_case: true,
                },
            );
            let then = Formula::Shared(Rc::clone(&answered));
            self.by_name.add(&test, name, then);
            let then = Formula::Shared(Rc::clone(&let_through));
            self.as_seen.add(&test, case(&test, view), then);
        }
    }

    /// What the virtual hosts let in.
    pub(super) fn formula(self, notes: &mut Notes) -> Formula {
        let by_name = self.by_name.formula(Formula::False);
        if !self.differ {
            return by_name;
        }
        notes.add(
            "virtual hosts",
            "a host with a port or a dot at its end may go to another virtual host than the name alone, and the gate \
             cannot tell them apart: what either refuses is refused; `strip_any_host_port` and \
             `strip_trailing_host_dot`, or the domains `NAME:*` and `NAME.` beside `NAME`, make them one",
        );
        Formula::All(vec![by_name, self.as_seen.formula(Formula::True)])
    }
}

/// That the host is of a domain. Behind or before a star there is at least one character.
fn case(test: &TextTest, view: HostView) -> Formula {
    let seen = Formula::host_seen(test.clone(), view);
    match &test.how {
        TextMatch::Suffix(end) if !end.starts_with('.') => {
            let itself = TextTest::new(TextMatch::Exact(end.clone()));
            Formula::All(vec![seen, Formula::not(Formula::host_seen(itself, view))])
        }
        TextMatch::Prefix(start) if !start.ends_with(':') => {
            let itself = TextTest::new(TextMatch::Exact(start.clone()));
            Formula::All(vec![seen, Formula::not(Formula::host_seen(itself, view))])
        }
        _ => seen,
    }
}

impl Choice {
    fn add(&mut self, test: &TextTest, case: Formula, then: Formula) {
        match &test.how {
            TextMatch::Present => self.every = Some(then),
            TextMatch::Suffix(end) => {
                let list = self.suffixes.entry(end.len()).or_default();
                list.push((case, then));
            }
            TextMatch::Prefix(start) => {
                let list = self.prefixes.entry(start.len()).or_default();
                list.push((case, then));
            }
            TextMatch::Exact(_) | TextMatch::Contains(_) => self.exact.push((case, then)),
        }
    }

    fn formula(self, otherwise: Formula) -> Formula {
        let mut cases = self.exact;
        cases.extend(self.suffixes.into_values().rev().flatten());
        cases.extend(self.prefixes.into_values().rev().flatten());
        Formula::First {
            cases,
            otherwise: Rc::new(self.every.unwrap_or(otherwise)),
        }
    }
}
