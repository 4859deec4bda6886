//! What is wrong with the values of a configuration, before it is known where they stand.

use super::{Place, Problem, Problems};

/// Collects what is wrong with the values of a configuration, so that all of it is told at once.
#[derive(Debug, Default)]
pub struct Faults {
    faults: Vec<Fault>,
}

/// One thing wrong with a value.
#[derive(Debug)]
struct Fault {
    /// The way to the value from the top of the document, such as `trust[0].audiences`. It need not be
    /// written there.
    key: String,
    message: String,
    /// Another value that belongs to it, and what that is.
    related: Option<(String, &'static str)>,
}

impl Faults {
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Adds a message about the value at `key`: key, value and fix.
    pub fn add(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault {
            key: key.into(),
            message: message.into(),
            related: None,
        });
    }

    /// The same where the value at `other`, in this role, is the other half of what is wrong.
    pub fn add_with(
        &mut self,
        key: impl Into<String>,
        message: impl Into<String>,
        (other, role): (String, &'static str),
    ) {
        self.faults.push(Fault {
            key: key.into(),
            message: message.into(),
            related: Some((other, role)),
        });
    }

    /// Keeps only the faults of values whose keys `is_kept` takes.
    pub fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.faults.retain(|fault| is_kept(&fault.key));
    }

    /// Checks a number against its bounds.
    pub fn within(&mut self, key: &str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            let message = format!("`{key}: {value}` is out of bounds: from {least} to {most}");
            self.add(key, message);
        }
    }

    /// The messages alone, in the order in which they were added.
    pub fn into_messages(self) -> Vec<String> {
        let messages = self.faults.into_iter().map(|fault| fault.message);
        messages.collect()
    }

    /// The problems, in the order of their lines; `place` finds the value at a key.
    pub fn into_problems(self, place: impl Fn(&str) -> Option<Place>) -> Problems {
        let problems = self.faults.into_iter().map(|fault| {
            let mut problem = Problem::new(fault.message);
            problem.place = place(&fault.key);
            let related = fault
                .related
                .and_then(|(key, role)| Some((place(&key)?, role)));
            match related {
                Some((other, role)) => problem.related(other, role),
                None => problem,
            }
        });
        Problems(problems.collect()).by_lines()
    }
}
