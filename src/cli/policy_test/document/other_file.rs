//! Files that are not tests and are taken for them.

use crate::problem::{Problem, Source};
use crate::yaml::Outline;

/// That the file is a policy, if it is: else each of its keys would be a problem of its own.
pub(super) fn policy(source: &Source) -> Option<Problem> {
    let outline = Outline::of(source);
    if !outline.has_key("routes") || outline.has_key("tests") {
        return None;
    }
    let problem = Problem::new("this is a policy and not a file of tests: it has `routes`");
    let problem = problem.help(
        "run `portcullis check FILE`; a file of tests is called `NAME.test.yaml`, and has `tests`",
    );
    Some(match outline.place(source, "") {
        Some(place) => problem.at(place),
        None => problem,
    })
}
