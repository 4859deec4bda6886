//! `closed_hosts`: the hosts that only routes which name them answer.

use super::list::WrittenList;
use super::route::host_pattern;
use super::{Compiler, File};
use crate::policy::host::HostPattern;
use crate::problem::{Mistake, Place};

pub(super) struct ClosedHost {
    pub(super) pattern: HostPattern,
    pub(super) place: Place,
}

impl Compiler<'_> {
    /// Several files may close hosts, even the same ones.
    pub(super) fn collect_closed_hosts(&mut self, file: &File<'_>) {
        let Some(entries) = &file.document.closed_hosts else {
            return;
        };
        let list = WrittenList {
            source: file.source,
            key: "closed_hosts",
            entries,
            if_empty: "remove `closed_hosts`, or list at least one host",
            if_long: "use a wildcard such as `*.internal.example`, or close some in another policy file",
        };
        let patterns = list.read(&mut self.problems, |host| {
            if host == "*" {
                return Err(Mistake::new(
                    "`closed_hosts` cannot close every host",
                    "list the hosts, or give every route its `hosts`",
                ));
            }
            host_pattern(host)
        });
        let places = entries.value.iter().map(|entry| entry.place(file.source));
        let closed = patterns.into_iter().flatten().zip(places);
        self.closed
            .extend(closed.map(|(pattern, place)| ClosedHost { pattern, place }));
    }
}
