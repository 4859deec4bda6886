//! Where the routes of a policy are written, for those who are to change them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::problem::Place;

/// Where a route is written: the line of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePlace {
    /// The file, as it was named when the policy was read.
    pub file: Arc<str>,
    /// The first line is 1.
    pub line: usize,
}

impl RoutePlace {
    /// The name of the file without its directory.
    pub fn file_name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or(&self.file)
    }

    /// Such as `policy.yaml:12`.
    pub fn in_short(&self) -> String {
        format!("{}:{}", self.file_name(), self.line)
    }
}

/// Places that share the names of their files: there may be a million.
pub(super) fn shared(places: impl Iterator<Item = Place>) -> Box<[RoutePlace]> {
    let mut files: HashMap<String, Arc<str>> = HashMap::new();
    let shared = places.map(|place| {
        let name = place.file.as_str().into();
        RoutePlace {
            file: Arc::clone(files.entry(place.file).or_insert(name)),
            line: place.line,
        }
    });
    shared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_by_the_name_of_the_file_alone() {
        let place = |file: &str, line| Place {
            file: file.to_owned(),
            line,
            column: 1,
            bytes: None,
        };
        let places = [
            place("/etc/p/a.yaml", 3),
            place("b.yaml", 1),
            place("/etc/p/a.yaml", 9),
        ];
        let places = shared(places.into_iter());
        let told: Vec<String> = places.iter().map(RoutePlace::in_short).collect();
        assert_eq!(told, ["a.yaml:3", "b.yaml:1", "a.yaml:9"]);
        assert!(Arc::ptr_eq(&places[0].file, &places[2].file));
    }
}
