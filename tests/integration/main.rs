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

#[cfg(feature = "issuer")]
mod abuse;
#[cfg(feature = "issuer")]
mod accounts;
#[cfg(feature = "issuer")]
mod admin_verbs;
mod admission;
mod asker;
#[cfg(feature = "issuer")]
mod audit_verbs;
#[cfg(feature = "issuer")]
#[path = "../shared/authenticator.rs"]
mod authenticator;
mod authz_http2;
#[cfg(feature = "issuer")]
mod backend;
mod binary;
mod client;
#[cfg(feature = "issuer")]
mod clients;
#[cfg(feature = "issuer")]
mod code_abuse;
#[cfg(feature = "issuer")]
mod code_flow;
mod conditions;
mod connections;
#[cfg(feature = "issuer")]
mod deleted_meanwhile;
mod discovery;
mod envoy;
mod envoy_process;
#[path = "../shared/es256.rs"]
mod es256;
#[cfg(feature = "issuer")]
mod feed;
mod field;
#[cfg(feature = "issuer")]
mod first_start;
#[cfg(feature = "issuer")]
mod fleet;
mod foreign_issuer;
#[cfg(feature = "issuer")]
mod grants;
#[cfg(feature = "issuer")]
mod introspect;
#[cfg(feature = "issuer")]
mod issuer;
#[cfg(feature = "issuer")]
mod issuer_losses;
#[cfg(feature = "issuer")]
mod issuer_metrics;
#[cfg(feature = "issuer")]
mod issuer_process;
#[cfg(feature = "issuer")]
mod issuer_settings;
mod jwks;
mod jwks_server;
mod key_sources;
mod keycloak;
#[cfg(feature = "issuer")]
mod kill;
#[cfg(feature = "issuer")]
mod known_passwords;
#[cfg(feature = "issuer")]
mod last_administrator;
#[cfg(feature = "issuer")]
mod last_log_ins;
#[cfg(feature = "issuer")]
mod late_body;
mod manifests;
#[cfg(feature = "issuer")]
mod named_tests;
mod names;
#[cfg(feature = "issuer")]
mod openapi;
mod otlp_collector;
mod overload;
#[cfg(feature = "issuer")]
mod own_scopes;
#[cfg(feature = "issuer")]
mod partial_administrators;
#[cfg(feature = "issuer")]
mod partial_bounds;
#[cfg(feature = "issuer")]
mod partial_takings;
mod policy_in_shadow;
#[cfg(feature = "issuer")]
mod portal;
#[cfg(feature = "issuer")]
#[path = "../shared/postgres.rs"]
mod postgres;
#[cfg(feature = "issuer")]
mod postgres_tls;
mod protocol;
mod providers;
mod raw_http2;
#[cfg(feature = "issuer")]
mod readme;
#[cfg(feature = "issuer")]
mod refresh;
mod reloads;
mod remote_keys;
#[cfg(feature = "issuer")]
mod required_passkeys;
mod revocation;
#[cfg(feature = "issuer")]
mod revoke;
mod rings;
mod route_issuers;
mod samples;
mod schemas;
#[cfg(feature = "issuer")]
mod schemathesis;
mod second_opinion;
mod shadow;
#[cfg(feature = "issuer")]
mod signing_keys;
#[cfg(feature = "issuer")]
mod silent_database;
mod slots;
#[cfg(feature = "issuer")]
mod store;
#[cfg(feature = "issuer")]
mod store_files;
mod test_app;
#[cfg(feature = "issuer")]
mod test_browser;
#[cfg(feature = "issuer")]
mod test_companion;
mod test_issuer;
mod test_tls;
#[cfg(feature = "issuer")]
mod throttle;
mod tls;
#[cfg(feature = "issuer")]
mod token_inspect;
mod traces;
mod upstream;
#[cfg(feature = "issuer")]
mod whoami;
