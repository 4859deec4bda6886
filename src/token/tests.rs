//! Tests of the whole way from text to proof. `catalogue` is the list of attacks.

mod catalogue;
mod claim_rules;
mod claim_shapes;
mod entries;
mod forge;
mod keys;
mod properties;
mod right_tokens;
mod signing;
mod trust;
