//! What a log-in, or an attempt, looks like to callers.

use serde::Serialize;

use crate::identity::SignIn;
use crate::labels::Label;

/// Log-ins or attempts of one day that differ in nothing but the time.
#[derive(Serialize)]
pub struct SignInAnswer<'a> {
    outcome: &'static str,
    method: &'static str,
    endpoint: &'static str,
    /// None where there were many.
    address: Option<&'a str>,
    attempts: i64,
    first_at: i64,
    last_at: i64,
}

impl<'a> SignInAnswer<'a> {
    /// What is told of it.
    pub fn of(sign_in: &'a SignIn) -> Self {
        let address = sign_in.kind.address.as_str();
        Self {
            outcome: sign_in.kind.outcome.label(),
            method: sign_in.kind.method.label(),
            endpoint: sign_in.kind.endpoint.label(),
            address: Some(address).filter(|address| !address.is_empty()),
            attempts: sign_in.attempts,
            first_at: sign_in.first_at.0,
            last_at: sign_in.last_at.0,
        }
    }
}
