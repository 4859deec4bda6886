//! Tests of the whole way from text to proof. `catalogue` follows the list of attacks row by row.

mod catalogue;
mod claim_rules;
mod forge;
mod keys;
mod properties;
mod right_tokens;
mod signing;
mod trust;
