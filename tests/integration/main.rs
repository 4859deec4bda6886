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
mod jwks;
mod jwks_server;
mod manifests;
mod protocol;
mod reloads;
mod remote_keys;
mod rings;
mod samples;
mod test_app;
mod test_issuer;
mod upstream;
