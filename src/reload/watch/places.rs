//! Which directories to watch, and what in them matters, so that a path's content is followed
//! through every symbolic link on the way, such as the `..data` of a Kubernetes volume.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::files::is_policy_file_name;

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;
/// As many entries of a directory are followed; [`super::fingerprint`] stops there too.
pub(super) const MAX_ENTRIES: usize = 4096;

/// What to watch, all of it without links in the directory part.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Directories to watch, not recursively: watching a file loses it at its first replacement.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Links, files and missing entries on the way: events of others in `folders` do not matter.
    entries: BTreeSet<PathBuf>,
    /// Directories of which every listed entry matters.
    listings: BTreeSet<PathBuf>,
}

impl Places {
    /// Follows each path as it is now.
    pub(super) fn of(paths: &BTreeSet<PathBuf>) -> Self {
        let mut places = Self::default();
        for path in paths {
            let Some(end) = places.follow(path) else {
                continue;
            };
            // A mounted ConfigMap is replaced by turning one link, and what its files are is behind
            // two: each on the way is watched.
            if end.is_dir() {
                for entry in listed_entries(&end) {
                    places.follow(&entry);
                }
                places.folders.insert(end.clone());
                places.listings.insert(end);
            }
        }
        places
    }

    /// Whether an event at `path` may mean that watched content changed.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.entries.contains(path)
            || self.folders.contains(path)
            || (is_policy_file_name(path)
                && path.parent().is_some_and(|p| self.listings.contains(p)))
    }

    /// Walks `path` component by component, noting each link and the end; the end without links,
    /// unless something is missing: then the place where it would appear is noted.
    fn follow(&mut self, path: &Path) -> Option<PathBuf> {
        let mut walked = PathBuf::new();
        let mut ahead: VecDeque<OsString> = path.components().map(owned).collect();
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            match Path::new(&name).components().next() {
                Some(Component::Normal(_)) => {}
                Some(Component::ParentDir) => {
                    walked.pop();
                    continue;
                }
                Some(Component::RootDir | Component::Prefix(_)) => {
                    walked = PathBuf::from(name);
                    continue;
                }
                Some(Component::CurDir) | None => continue,
            }
            let here = walked.join(&name);
            let kind = fs::symlink_metadata(&here).map(|metadata| metadata.file_type());
            let is_link = kind.as_ref().is_ok_and(fs::FileType::is_symlink);
            // What can change where the path leads: links, what is missing, and the end. Of other
            // folders only what is in them matters.
            if is_link || kind.is_err() || ahead.is_empty() {
                self.folders.insert(walked.clone());
                self.entries.insert(here.clone());
            }
            if kind.is_err() {
                return None;
            }
            if !is_link {
                walked = here;
                continue;
            }
            links += 1;
            let target = fs::read_link(&here).ok().filter(|_| links <= MAX_LINKS)?;
            // In front of what is still ahead, which goes on from where the link leads.
            for component in target.components().rev() {
                ahead.push_front(owned(component));
            }
        }
        Some(walked)
    }
}

fn owned(component: Component<'_>) -> OsString {
    component.as_os_str().to_owned()
}

/// The entries that count, sorted by name; none where the directory cannot be read.
pub(super) fn listed_entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut listed: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| is_policy_file_name(path))
        .collect();
    listed.sort_unstable();
    listed.truncate(MAX_ENTRIES);
    listed
}
