//! The policies that a configuration names, found also where the rest of it is wrong.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::files;
use crate::yaml;

/// Their files and directories.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NamedPolicies {
    pub policy: Vec<PathBuf>,
    pub shadow_policy: Vec<PathBuf>,
}

impl NamedPolicies {
    /// As far as they can be read. They are for telling what is wrong with them, not for use.
    pub fn read(path: &Path) -> Self {
        let source = files::read_source(path).ok();
        let read = source.and_then(|source| yaml::parse_in_parts::<Self>(&source).ok());
        let mut named = read.map(|read| read.document).unwrap_or_default();
        let base = path.parent().unwrap_or(Path::new(""));
        for written in named.policy.iter_mut().chain(&mut named.shadow_policy) {
            *written = base.join(&written);
        }
        named
    }
}
