//! The files of a policy as far as each can be read.

use super::demand::ACCESS_HELP;
use crate::policy::document::PolicyDocument;
use crate::problem::{Place, Problem, Source};
use crate::yaml::{self, Damage, Outline, Recovered};

/// A file and what it says.
pub(super) struct File<'s> {
    pub(super) source: &'s Source,
    pub(super) document: PolicyDocument,
    damage: Damage,
}

/// The keys of a policy file.
const SECTIONS: [&str; 10] = [
    "version",
    "scopes",
    "paths",
    "closed_hosts",
    "issuers",
    "mode",
    "claims",
    "parent_scopes",
    "requirements",
    "routes",
];

impl File<'_> {
    /// Whether this key may be written where it could not be read.
    pub(super) fn may_have(&self, key: &str) -> bool {
        self.damage.is_below(key, &SECTIONS)
    }

    /// Whether something is missing from what begins at this place.
    pub(super) fn is_incomplete(&self, place: &Place) -> bool {
        self.damage.is_at(place)
    }

    pub(super) fn is_damaged_at(&self, problem: &Problem) -> bool {
        let place = problem.place.as_ref();
        place.is_some_and(|place| place.file == self.source.name && self.is_incomplete(place))
    }
}

/// Keys of a server's configuration of which a policy has none.
const KEYS_OF_CONFIGURATIONS: [&str; 3] = ["listeners", "trust", "policy"];

/// The files as far as they can be read, and what is wrong with the rest.
pub(super) fn read(sources: &[Source]) -> (Vec<File<'_>>, Vec<Problem>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for source in sources {
        if let Some(problem) = other_file(source) {
            problems.push(problem);
            continue;
        }
        match yaml::parse_in_parts(source) {
            Ok(Recovered {
                document,
                problems: unread,
                damage,
            }) => {
                let unread = unread.into_iter();
                problems.extend(unread.map(|problem| with_help(source, problem)));
                files.push(File {
                    source,
                    document,
                    damage,
                });
            }
            Err(unread) => {
                let unread = unread.into_iter();
                problems.extend(unread.map(|problem| with_help(source, problem)));
            }
        }
    }
    (files, problems)
}

/// That the file is a server's configuration or a file of tests, if it is: else each of its keys would be a
/// problem of its own.
fn other_file(source: &Source) -> Option<Problem> {
    let outline = Outline::of(source);
    if outline.has_key("routes") {
        return None;
    }
    let problem = if outline.has_key("tests") {
        // It may name its policy by the key of that name.
        Problem::new("this is a file of tests and not a policy: it has `tests`, and no `routes`")
            .help("run `portcullis test FILE`, or name the file that has `routes` as the policy")
    } else {
        let mut keys = KEYS_OF_CONFIGURATIONS.into_iter();
        let key = keys.find(|key| outline.has_key(key))?;
        Problem::new(format!(
            "this is a server's configuration and not a policy: it has `{key}`, and no `routes`"
        ))
        .help("name it by `--config FILE`, and the file that has `routes` as the policy")
    };
    Some(match outline.place(source, "") {
        Some(place) => problem.at(place),
        None => problem,
    })
}

/// What YAML does not take for text is no `access` either, whatever it is: the words that are help more.
fn with_help(source: &Source, problem: Problem) -> Problem {
    let start = problem.place.as_ref().and_then(|place| place.bytes.clone());
    let before = start.and_then(|bytes| source.text.get(..bytes.start));
    let is_access = before.is_some_and(|text| text.trim_end_matches(' ').ends_with("access:"));
    if is_access {
        problem.help(ACCESS_HELP)
    } else {
        problem
    }
}

/// What is not known of a policy because it could not be read. What refers to it is not judged.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each section that others refer to"
)]
pub(super) struct PartsMissing {
    pub(super) scopes: bool,
    pub(super) requirements: bool,
    pub(super) issuers: bool,
    pub(super) routes: bool,
}

impl PartsMissing {
    pub(super) fn of(files: &[File<'_>], sources: &[Source]) -> Self {
        let whole_file = files.len() < sources.len();
        let below = |key: &str| {
            let mut damages = files.iter().map(|file| &file.damage);
            whole_file || damages.any(|damage| damage.is_below(key, &SECTIONS))
        };
        Self {
            scopes: below("scopes"),
            requirements: below("requirements"),
            issuers: below("issuers"),
            routes: below("routes"),
        }
    }
}
