//! Roles and scopes, as administrators see them.

use super::scope::{RoleName, ScopeName, ScopeSet};

/// The longest description of a scope, in characters.
const MAX_DESCRIPTION: usize = 256;

/// What users are given: a name for scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub name: RoleName,
    /// What its users may have.
    pub scopes: ScopeSet,
    /// Whether it is what whoever registers gets.
    pub is_default: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub name: ScopeName,
    /// What it allows, for people.
    pub description: Description,
}

/// What a scope allows, for people: one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(Box<str>);

/// Text that is no description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a description is one line of at most {MAX_DESCRIPTION} characters")]
pub struct DescriptionError;

impl Description {
    /// Reads a description; it may be empty.
    pub fn parse(text: &str) -> Result<Self, DescriptionError> {
        if text.contains(char::is_control) || text.chars().count() > MAX_DESCRIPTION {
            return Err(DescriptionError);
        }
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
