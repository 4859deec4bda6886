//! Portcullis from outside: the gate as its proxy, its operator and its attackers meet it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

mod asker;
mod binary;
mod client;
mod connections;
mod envoy;
mod envoy_process;
#[cfg(feature = "issuer")]
mod feed;
#[cfg(feature = "issuer")]
mod issuer;
#[cfg(feature = "issuer")]
mod issuer_losses;
mod jwks;
mod jwks_server;
mod manifests;
#[cfg(feature = "issuer")]
mod postgres;
mod protocol;
mod reloads;
mod remote_keys;
#[cfg(feature = "issuer")]
mod revocation;
mod rings;
mod samples;
#[cfg(feature = "issuer")]
mod store;
mod test_app;
#[cfg(feature = "issuer")]
mod test_companion;
mod test_issuer;
mod upstream;
