//! How a verb writes what it has found.

use clap::ValueEnum;

/// The formats of most verbs; those with further ones have their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people to read
    Text,
    /// JSON, for programs
    Json,
}
