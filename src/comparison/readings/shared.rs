//! Whether a route may answer another reading of a path.

use crate::policy::{EncodedSlashes, Methods, OtherHosts, PathRules, RequestClass, Route};

/// Whether a request of the class may have another reading that `route` answers. Says so where in doubt.
pub(super) fn may_be_read_as(class: &RequestClass<'_>, route: &Route, rules: PathRules) -> bool {
    share_hosts(class, route)
        && share_methods(class, route)
        && (may_differ_in_segments(rules) || share_segments(&class.path, &route.path))
}

fn share_hosts(class: &RequestClass<'_>, route: &Route) -> bool {
    let mut hosts = route.hosts.iter();
    route.hosts.is_empty()
        || class.hosts.others == OtherHosts::Every
        || hosts.any(|host| class.hosts.named.contains(host))
}

fn share_methods(class: &RequestClass<'_>, route: &Route) -> bool {
    let Methods::Listed(listed) = &route.methods else {
        return true;
    };
    let has = |wanted: &str| class.methods.listed.iter().any(|one| **one == *wanted);
    // `GET` brings `HEAD`.
    class.methods.all_but.is_some()
        || listed
            .iter()
            .any(|method| has(method) || (**method == *"GET" && has("HEAD")))
}

/// Whether one reading may have more segments than another, or segments that are cut off.
fn may_differ_in_segments(rules: PathRules) -> bool {
    rules.merge_slashes
        || rules.path_parameters
        || rules.trailing_slash
        || rules.encoded_delimiters
        || rules.ignore_case
        || rules.encoded_slashes == EncodedSlashes::Both
}

/// Whether a path of one template may be one of the other where some of it is not decoded.
fn share_segments(one: &str, other: &str) -> bool {
    let is_rest = |segment: Option<&str>| segment.is_some_and(|text| text.starts_with("{*"));
    let mut left = one.split('/');
    let mut right = other.split('/');
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (left, right) if is_rest(left) || is_rest(right) => return true,
            (Some(left), Some(right)) => {
                let is_literal = |segment: &str| !segment.starts_with('{');
                // A verb that is empty is cut off.
                let differ = left.trim_end_matches(':') != right.trim_end_matches(':');
                if is_literal(left) && is_literal(right) && differ {
                    return false;
                }
            }
            _ => return false,
        }
    }
}
