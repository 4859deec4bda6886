//! Which virtual host a request goes to: exact names first, then the longest wildcard.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::migration::Notes;
use crate::migration::formula::{Formula, HostView};
use crate::migration::text::{TextMatch, TextTest};

pub(super) struct VirtualHosts {
    view: HostView,
    hosts: Vec<VirtualHost>,
    /// The names of which some domain takes certain ports.
    ported: BTreeSet<String>,
    /// Whether some domain takes certain ports of every name.
    is_any_ported: bool,
}

struct VirtualHost {
    /// In lower case.
    domains: BTreeSet<String>,
    routes: Vec<(Formula, Formula)>,
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
            hosts: Vec::new(),
            ported: BTreeSet::new(),
            is_any_ported: false,
        }
    }

    /// Adds a virtual host of these domains, in lower case.
    pub(super) fn add(&mut self, domains: BTreeSet<String>, routes: Vec<(Formula, Formula)>) {
        for domain in &domains {
            // A suffix is looked for before prefixes such as `NAME:*` are.
            self.is_any_ported |=
                domain.starts_with('*') && domain.ends_with(|last: char| last.is_ascii_digit());
            if let Some((name, port)) = domain.split_once(':')
                && port != "*"
            {
                let name = name.strip_suffix('.').unwrap_or(name);
                self.ported.insert(name.to_owned());
            }
        }
        self.hosts.push(VirtualHost { domains, routes });
    }

    /// What the virtual hosts let in.
    pub(super) fn formula(self, notes: &mut Notes) -> Formula {
        const BARE: HostView = HostView {
            removes_port: true,
            removes_dot: true,
            ignores_case: true,
        };
        // By the names alone, as the gate reads them, and by the hosts as Envoy reads them.
        let (mut by_name, mut as_seen) = (Choice::default(), Choice::default());
        let mut differ = false;
        for host in &self.hosts {
            // What no route takes is answered with 404, by the proxy itself: it need not be refused as well.
            let (answered, let_through) = (host.first(Formula::False), host.first(Formula::True));
            for domain in host
                .domains
                .iter()
                .filter(|domain| !self.is_helper(domain, host))
            {
                let test = TextTest::with_stars(domain);
                let view = if self.is_whole(domain, host) {
                    BARE
                } else {
                    self.view
                };
                differ |= !view.is_ours() && test.how != TextMatch::Present;
                by_name.add(
                    &test,
                    case(&test, BARE),
                    Formula::Shared(Rc::clone(&answered)),
                );
                let then = Formula::Shared(Rc::clone(&let_through));
                as_seen.add(&test, case(&test, view), then);
            }
        }
        let by_name = by_name.formula(Formula::False);
        if !differ {
            return by_name;
        }
        notes.add(
            "virtual hosts",
            "a host with a port or a dot at its end may go to another virtual host than the name alone, and the gate \
             cannot tell them apart: what either refuses is refused; `strip_any_host_port` and \
             `strip_trailing_host_dot`, or the domains `NAME:*`, `NAME.` and `NAME.:*` beside `NAME`, make them one",
        );
        Formula::All(vec![by_name, as_seen.formula(Formula::True)])
    }

    /// Whether all that is sent to the host of this name goes to this virtual host, whatever port and dot are
    /// at its end.
    fn is_whole(&self, name: &str, host: &VirtualHost) -> bool {
        let HostView {
            removes_port,
            removes_dot,
            ..
        } = self.view;
        let has = |end: &str| host.domains.contains(&format!("{name}{end}"));
        is_name(name)
            && host.domains.contains(name)
            && (removes_port || has(":*"))
            && (removes_dot || has("."))
            && (removes_port || removes_dot || has(".:*"))
            && (removes_port || !(self.is_any_ported || self.ported.contains(name)))
    }

    /// Whether a domain only takes what belongs to a whole host.
    fn is_helper(&self, domain: &str, host: &VirtualHost) -> bool {
        let mut ends = [".:*", ":*", "."].into_iter();
        ends.any(|end| {
            let name = domain.strip_suffix(end);
            name.is_some_and(|name| self.is_whole(name, host))
        })
    }
}

impl VirtualHost {
    fn first(&self, otherwise: Formula) -> Rc<Formula> {
        Rc::new(Formula::First {
            cases: self.routes.clone(),
            otherwise: Rc::new(otherwise),
        })
    }
}

/// Whether it is one host without port and dot. With a star, `:*` and `.` at its end are part of the pattern.
fn is_name(domain: &str) -> bool {
    !domain.contains(['*', ':']) && !domain.ends_with('.')
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
