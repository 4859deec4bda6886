//! The hosts and the methods of a class of requests.

use std::collections::BTreeSet;
use std::fmt;

use crate::policy::HostPattern;
use crate::policy::table::{Finding, HostClass, MethodClass};

/// The hosts of a class of requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hosts {
    /// Those that a route names.
    pub named: Box<[HostPattern]>,
    pub others: OtherHosts,
}

/// Whether a class has the hosts that no route names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OtherHosts {
    /// All hosts, named or not.
    Every,
    /// Those as well.
    Included,
    Excluded,
}

/// The methods of a class of requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClassMethods {
    pub listed: Box<[Box<str>]>,
    /// Where it has all methods that are not listed, which of them it has not.
    pub all_but: Option<Box<[Box<str>]>>,
    /// The methods that CORS preflights ask for.
    pub preflights_of: Box<[Box<str>]>,
    /// Whether it has preflights for all methods that are not listed.
    pub other_preflights: bool,
}

impl Hosts {
    pub(super) fn new(found: &[usize], classes: &[HostClass<'_>]) -> Self {
        let found = found.iter().filter_map(|index| classes.get(*index));
        let patterns: Vec<_> = found.map(|class| class.pattern.clone()).collect();
        let others = if patterns.len() == classes.len() {
            OtherHosts::Every
        } else if patterns.contains(&None) {
            OtherHosts::Included
        } else {
            OtherHosts::Excluded
        };
        let named = match others {
            OtherHosts::Every => Box::default(),
            OtherHosts::Included | OtherHosts::Excluded => patterns.into_iter().flatten().collect(),
        };
        Self { named, others }
    }
}

impl ClassMethods {
    pub(super) fn of(finding: &Finding<'_>) -> Self {
        let mut listed = BTreeSet::new();
        let mut preflights_of = BTreeSet::new();
        let mut has_others = false;
        let mut other_preflights = false;
        for class in &finding.methods {
            match class {
                MethodClass::Listed(method) => {
                    listed.insert(text(method));
                }
                MethodClass::PreflightOf(method) => {
                    preflights_of.insert(text(method));
                }
                MethodClass::Other => has_others = true,
                MethodClass::PreflightOfOther => other_preflights = true,
            }
        }
        let except = || finding.except.iter().map(|method| text(method));
        Self {
            listed: listed.into_iter().collect(),
            all_but: has_others.then(|| except().collect()),
            preflights_of: preflights_of.into_iter().collect(),
            other_preflights,
        }
    }

    /// The same in the words of a policy: `GET` brings `HEAD`.
    fn shown(&self) -> Vec<&str> {
        let has_get = self.listed.iter().any(|method| &**method == "GET");
        let shown = self.listed.iter().map(|method| &**method);
        shown
            .filter(|method| !(has_get && *method == "HEAD"))
            .collect()
    }
}

impl fmt::Display for ClassMethods {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods = match &self.all_but {
            Some(except) if except.is_empty() => "every method".to_owned(),
            Some(except) => format!("every method but {}", except.join(", ")),
            None => self.shown().join(", "),
        };
        formatter.write_str(&methods)?;
        if self.preflights_of.is_empty() && !self.other_preflights {
            return Ok(());
        }
        if !methods.is_empty() {
            formatter.write_str(", ")?;
        }
        if self.other_preflights {
            return formatter.write_str("CORS preflights");
        }
        write!(
            formatter,
            "CORS preflights for {}",
            self.preflights_of.join(", ")
        )
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        let mut shown: Vec<String> = self
            .named
            .iter()
            .take(SHOWN)
            .map(ToString::to_string)
            .collect();
        if self.named.len() > SHOWN {
            shown.push(format!("{} more", self.named.len() - SHOWN));
        }
        match self.others {
            OtherHosts::Every => return formatter.write_str("every host"),
            OtherHosts::Included => shown.push("every host that no route names".to_owned()),
            OtherHosts::Excluded => {}
        }
        formatter.write_str(&shown.join(", "))
    }
}

fn text(method: &[u8]) -> Box<str> {
    String::from_utf8_lossy(method).into()
}
