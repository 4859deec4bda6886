//! A list of a policy: a route's hosts, methods or scopes, or the closed hosts.

use crate::problem::{Mistake, Problem, Source, quoted};
use crate::yaml::Located;

/// The most entries of a list.
const MAX_LIST: usize = 256;

pub(super) struct WrittenList<'d> {
    pub(super) source: &'d Source,
    pub(super) key: &'static str,
    pub(super) entries: &'d Located<Vec<Located<String>>>,
    /// What to do where the list is empty.
    pub(super) if_empty: &'static str,
    /// What to do where it is too long.
    pub(super) if_long: &'static str,
}

impl WrittenList<'_> {
    /// Reads each entry; an empty list, a repeated entry or a bad one is a problem.
    pub(super) fn read<T: PartialEq>(
        &self,
        problems: &mut Vec<Problem>,
        parse: impl Fn(&str) -> Result<T, Mistake>,
    ) -> Option<Vec<T>> {
        let before = problems.len();
        let (source, key, entries) = (self.source, self.key, &self.entries.value);
        if entries.is_empty() {
            let mistake = Mistake::new(format!("`{key}` is empty"), self.if_empty);
            problems.push(mistake.at(self.entries.place(source)));
        }
        if entries.len() > MAX_LIST {
            let message = format!("`{key}` has more than {MAX_LIST} entries");
            let mistake = Mistake::new(message, self.if_long);
            problems.push(mistake.at(self.entries.place(source)));
            return None;
        }
        let mut read: Vec<(T, &Located<String>)> = Vec::new();
        for entry in entries {
            let value = match parse(&entry.value) {
                Ok(value) => value,
                Err(mistake) => {
                    problems.push(mistake.at(entry.place(source)));
                    continue;
                }
            };
            match read.iter().find(|(known, _)| *known == value) {
                None => read.push((value, entry)),
                Some((_, first)) => problems.push(
                    Problem::new(format!("{} appears twice in `{key}`", quoted(&entry.value)))
                        .help("remove one of the two")
                        .at(entry.place(source))
                        .related(first.place(source), "first appears here"),
                ),
            }
        }
        let values = read.into_iter().map(|(value, _)| value).collect();
        (problems.len() == before).then_some(values)
    }
}
