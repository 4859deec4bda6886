//! The files that a gate writes for one entry of `trust`, and that no other entry may have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::files::resolved;
use crate::problem::Faults;

/// The files of the entries so far.
pub(super) struct OwnFiles<'a> {
    base: &'a Path,
    /// Each with the key that names it.
    named: BTreeMap<PathBuf, String>,
    /// Each with the key that names the one beside which it is written.
    beside: BTreeMap<PathBuf, String>,
}

impl<'a> OwnFiles<'a> {
    /// Relative files are relative to `base`.
    pub(super) fn new(base: &'a Path) -> Self {
        Self {
            base,
            named: BTreeMap::new(),
            beside: BTreeMap::new(),
        }
    }

    /// Takes the file that the key `at` names. One that another entry has would be overwritten by the
    /// two in turn, and after a restart one of them would lack its keys and what is revoked.
    /// `written_beside` are the files that are written beside it.
    pub(super) fn take(
        &mut self,
        at: &str,
        file: &Path,
        written_beside: fn(&Path) -> Vec<PathBuf>,
        faults: &mut Faults,
    ) {
        let path = resolved(&self.base.join(file));
        let beside = written_beside(&path);
        let written = file.display();
        if let Some(other) = self.named.get(&path) {
            faults.add(
                at,
                format!(
                    "`{at}: {written}` is that of another entry, `{other}`: give each issuer a file of \
                     its own"
                ),
            );
            return;
        }
        let named = beside.iter().find_map(|path| self.named.get(path));
        if let Some(other) = self.beside.get(&path).or(named) {
            faults.add(
                at,
                format!(
                    "`{at}: {written}` and `{other}` would overwrite each other: the gate writes files \
                     whose names end in `.new` and `.journal` beside each of them: give one of the two \
                     another name"
                ),
            );
            return;
        }
        for path in beside {
            self.beside.insert(path, at.to_owned());
        }
        self.named.insert(path, at.to_owned());
    }
}
