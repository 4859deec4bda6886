//! The hosts that the tables of two policies tell apart.

use std::collections::BTreeSet;

use super::walk::Side;
use super::{HostTables, Tables};
use crate::policy::host::{HostName, HostPattern};

/// Names of hosts that no policy has, most likely.
const OTHER_HOSTS: [&str; 3] = ["other.example", "other.test", "other.invalid"];
/// The first label of a host below a wildcard.
const LABELS: [&str; 4] = ["any", "other", "x", "y"];

/// Hosts that are answered alike by each of two policies.
#[derive(Debug, Clone)]
pub(in crate::policy) struct HostClass<'t> {
    /// The pattern that names them; nothing for hosts that no route names.
    pub(in crate::policy) pattern: Option<HostPattern>,
    /// One of them.
    pub(in crate::policy) host: Box<str>,
    pub(in crate::policy) old: HostTables<'t>,
    pub(in crate::policy) new: HostTables<'t>,
}

impl<'t> HostTables<'t> {
    pub(in crate::policy) fn side(self, ignores_case: bool) -> Side<'t> {
        Side {
            tables: self,
            ignores_case,
        }
    }
}

/// The classes of all hosts, those that no route names first.
pub(in crate::policy) fn host_classes<'t>(old: &'t Tables, new: &'t Tables) -> Vec<HostClass<'t>> {
    let both = [old, new];
    let exact: BTreeSet<&[u8]> = both
        .iter()
        .flat_map(|one| one.exact.keys())
        .map(|name| &**name)
        .collect();
    let below: BTreeSet<&[u8]> = both
        .iter()
        .flat_map(|one| one.below.keys())
        .map(|name| &**name)
        .collect();
    let patterns = below
        .iter()
        .map(|name| HostPattern::Below(text(name)))
        .chain(exact.iter().map(|name| HostPattern::Exact(text(name))));
    let is_named = |host: &HostName| {
        exact.contains(host.as_bytes()) || host.parents().any(|parent| below.contains(parent))
    };
    let class = |pattern: Option<HostPattern>| {
        let host = match &pattern {
            None => {
                let names = OTHER_HOSTS.into_iter().map(Into::into);
                // A request without a host is one that no route names.
                find_host(names, |host| !is_named(host)).unwrap_or_default()
            }
            Some(HostPattern::Exact(name)) => name.clone(),
            Some(HostPattern::Below(name)) => {
                let numbered =
                    (0..exact.len() + below.len()).map(|number| format!("host-{number}"));
                let labels = LABELS.into_iter().map(str::to_owned).chain(numbered);
                let hosts = labels.map(|label| format!("{label}.{name}").into());
                let is_right = |host: &HostName| {
                    !exact.contains(host.as_bytes())
                        && host.parents().find(|parent| below.contains(parent))
                            == Some(name.as_bytes())
                };
                // The name may be so long that nothing fits in front of it.
                find_host(hosts, is_right)?
            }
        };
        let parsed = HostName::parse(host.as_bytes()).ok()?;
        Some(HostClass {
            pattern,
            old: old.for_host(&parsed),
            new: new.for_host(&parsed),
            host,
        })
    };
    std::iter::once(None)
        .chain(patterns.map(Some))
        .filter_map(class)
        .collect()
}

fn find_host(
    mut names: impl Iterator<Item = Box<str>>,
    is_right: impl Fn(&HostName) -> bool,
) -> Option<Box<str>> {
    names.find(|name| HostName::parse(name.as_bytes()).is_ok_and(|host| is_right(&host)))
}

fn text(name: &[u8]) -> Box<str> {
    String::from_utf8_lossy(name).into()
}
