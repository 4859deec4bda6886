//! The file of tests that is made or extended.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::text::{NewCase, beginning, relative};
use crate::cli::policy_test::case::Case;
use crate::cli::policy_test::document::TestFile;
use crate::cli::rehearsal::GroundsArgs;

/// What a new file has to say of its policy, where that is not the one beside it.
pub(super) fn named_policy(file: &Path, args: &GroundsArgs) -> anyhow::Result<Vec<PathBuf>> {
    if args.policy() == TestFile::policy_beside(file) {
        return Ok(Vec::new());
    }
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    let folder =
        folder.with_context(|| format!("cannot find the folder of `{}`", file.display()))?;
    let named = args.policy().iter();
    let named = named.map(|path| Ok(relative(&folder, &path.canonicalize()?)));
    named.collect()
}

/// The text behind that of the file.
pub(super) fn addition(
    old: Option<&str>,
    last: Option<&Case>,
    policy: &[PathBuf],
    added: &[NewCase],
) -> anyhow::Result<String> {
    let mut text = match old {
        None => beginning(policy),
        Some(old) if old.ends_with('\n') => String::new(),
        Some(_) => "\n".to_owned(),
    };
    let indent = match (old, last) {
        (Some(old), Some(last)) => indent_of(old, last).with_context(|| {
            format!(
                "`{}` cannot be extended: write `tests` as the last key, with a line that begins with `- ` \
                 for each test",
                last.place.file
            )
        })?,
        _ => "  ".to_owned(),
    };
    for case in added {
        text.push_str(&indent);
        text.push_str(&case.item());
        text.push('\n');
    }
    Ok(text)
}

/// What stands before the `-` of a test.
fn indent_of(text: &str, case: &Case) -> Option<String> {
    let line = text.lines().nth(case.place.line.checked_sub(1)?)?;
    let before: String = line
        .chars()
        .take(case.place.column.checked_sub(1)?)
        .collect();
    let indent = before.trim_end().strip_suffix('-')?;
    indent
        .chars()
        .all(|one| one == ' ')
        .then(|| indent.to_owned())
}

/// Writes at the end of the file alone; what is there stays as it is.
pub(super) fn write(file: &Path, exists: bool, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    if exists {
        options.append(true);
    } else {
        options.write(true).create_new(true);
    }
    let written = options
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write `{}`", file.display()))
}
