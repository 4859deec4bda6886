//! Whether somebody is who it says: passwords of users and secrets of apps, and how often they may be
//! guessed.

mod attempt;
pub(super) mod hashing;
pub(super) mod throttle;
