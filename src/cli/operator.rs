//! Which user of the operating system gives a command: the audit of the store keeps it.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// Users with their numbers, as most systems list them; those of a directory service are not in it.
const USERS: &str = "/etc/passwd";

/// Its owner is the effective user of the process.
const PROCESS: &str = "/proc/self";

/// The name of the effective user, or its number where it has no name here; empty where the system does not say.
pub(super) fn operator() -> String {
    let Ok(process) = fs::metadata(PROCESS) else {
        return String::new();
    };
    let users = fs::read_to_string(USERS).unwrap_or_default();
    let number = process.uid();
    name_of(number, &users).map_or_else(|| format!("uid {number}"), str::to_owned)
}

fn name_of(number: u32, users: &str) -> Option<&str> {
    let number = number.to_string();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        let is_plain = !name.is_empty() && name.chars().all(|one| one.is_ascii_graphic());
        (id == number && is_plain).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_numbers() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nbroken:x\nalice:x:1000:1000::/home/alice:\n\
                     b\u{202e}ob:x:1001:1001::/:\n";
        for (number, expected) in [
            (0, Some("root")),
            (1000, Some("alice")),
            (1001, None),
            (10, None),
        ] {
            assert_eq!(name_of(number, users), expected, "{number}");
        }
        assert!(!operator().is_empty());
    }
}
