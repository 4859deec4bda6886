//! What becomes of a list: all of it is given, or what is to be added and removed.

use std::collections::BTreeSet;

use super::{DirectoryError, Thing};

/// A list of names after an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListUpdate<'a> {
    Unchanged,
    Replaced(&'a [String]),
    Amended {
        added: &'a [String],
        /// Names that are in the list: whoever removes what is not there thinks that it was.
        removed: &'a [String],
    },
}

impl<'a> ListUpdate<'a> {
    /// Reads the members `name`, `add_name` and `remove_name` of an update.
    pub(super) fn read(
        name: &'static str,
        all: Option<&'a Vec<String>>,
        added: Option<&'a Vec<String>>,
        removed: Option<&'a Vec<String>>,
    ) -> Result<Self, DirectoryError> {
        match (all, added, removed) {
            (None, None, None) => Ok(Self::Unchanged),
            (Some(all), None, None) => Ok(Self::Replaced(all)),
            (None, added, removed) => Ok(Self::Amended {
                added: added.map_or(&[], Vec::as_slice),
                removed: removed.map_or(&[], Vec::as_slice),
            }),
            (Some(_), _, _) => Err(DirectoryError::AllAndSome(name)),
        }
    }

    /// The whole list; none where nothing is said of it.
    pub(super) fn of<'b>(&self, before: impl Iterator<Item = &'b str>) -> Option<Vec<String>> {
        let names: BTreeSet<&str> = match self {
            Self::Unchanged => return None,
            Self::Replaced(all) => all.iter().map(String::as_str).collect(),
            Self::Amended { added, removed } => {
                let removed: BTreeSet<&str> = removed.iter().map(String::as_str).collect();
                let before: Vec<&str> = before.collect();
                let all = before.into_iter().chain(added.iter().map(String::as_str));
                all.filter(|name| !removed.contains(name)).collect()
            }
        };
        Some(names.into_iter().map(str::to_owned).collect())
    }

    /// Refuses to remove from a list what is not in it. `holder` has the list, of things like `thing`.
    pub(super) fn check_held<'b>(
        &self,
        holder: &str,
        thing: Thing,
        before: impl Iterator<Item = &'b str>,
    ) -> Result<(), DirectoryError> {
        let before: BTreeSet<&str> = before.collect();
        let held = |name: &&String| before.contains(name.as_str());
        match self.removed().iter().find(|name| !held(name)) {
            None => Ok(()),
            Some(name) => Err(DirectoryError::NotHeld {
                holder: holder.to_owned(),
                thing,
                name: name.clone(),
            }),
        }
    }

    /// What is to be removed by name.
    pub(super) fn removed(&self) -> &'a [String] {
        match self {
            Self::Unchanged | Self::Replaced(_) => &[],
            Self::Amended { removed, .. } => removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_list_is_replaced_or_amended_and_never_both() {
        // all, added, removed; what becomes of `a b`
        let rows = [
            (None, None, None, "unchanged"),
            (Some(""), None, None, ""),
            (Some("c"), None, None, "c"),
            (None, Some("c"), None, "a b c"),
            (None, None, Some("a"), "b"),
            (None, None, Some("c"), "`x` does not have the role `c`"),
            (None, None, Some("a c"), "`x` does not have the role `c`"),
            (None, Some("c a"), Some("a"), "b c"),
            (None, Some("c"), Some("c"), "`x` does not have the role `c`"),
            (None, Some(""), Some(""), "a b"),
            (Some("c"), Some("d"), None, "refused"),
            (Some("c"), None, Some("a"), "refused"),
            (Some(""), Some(""), Some(""), "refused"),
        ];
        for (all, added, removed, expected) in rows {
            let [all, added, removed] = [all, added, removed].map(|list| list.map(names));
            let update = ListUpdate::read("roles", all.as_ref(), added.as_ref(), removed.as_ref());
            let before = || ["a", "b"].into_iter();
            let list = update.and_then(|update| {
                update.check_held("x", Thing::Role, before())?;
                Ok(update.of(before()))
            });
            let list = match list {
                Ok(Some(list)) => list.join(" "),
                Ok(None) => "unchanged".to_owned(),
                Err(DirectoryError::AllAndSome(_)) => "refused".to_owned(),
                Err(error) => error.to_string(),
            };
            assert_eq!(list, expected, "{all:?} {added:?} {removed:?}");
        }
    }
}
