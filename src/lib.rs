//! Portcullis: external authorization for Envoy.
//!
//! Every operation is private unless the policy marks it public. Envoy asks about each request
//! over gRPC; the gate answers from a policy, the callers' tokens and a cache of proofs.
//!
//! # The map, in reading order
//!
//! Pure: no I/O, no clock, no runtime.
//! - [`policy`]: the YAML policy, compiled to tables; finds the route of a request.
//! - [`token`]: from the bytes of an `Authorization` header to a proof that every rule held.
//! - [`identity`]: users, roles, scopes, apps, passwords and secrets of the issuer.
//! - [`decision`]: `decide`, one function from route and evidence to allow or deny.
//! - [`problem`], [`yaml`]: errors in files that people write, and strict parsing of them.
//! - [`connection_limits`]: the bounds of the connections of the HTTP listeners.
//! - [`clock`]: the source of time, which tests replace.
//!
//! Shell: I/O around the pure part.
//! - [`authorizer`]: snapshots of policy and belief, and the proof cache, around `decide`.
//! - [`revocation`]: the revocations of an issuer, as a gate knows them.
//! - [`feed`]: carries keys and revocations from an issuer to remote gates; both ends.
//! - [`ext_authz`]: Envoy's protocol, and so far the gate behind it: queue, refusals, identity headers, log.
//! - [`jwks`]: remote key sets; [`keyring`]: the keys of all issuers at run time.
//! - [`files`], [`reload`]: what is read from disk, and when it is reloaded.
//! - [`issuer`]: the companion that issues tokens; one file for each endpoint.
//! - [`store`]: the rows of the issuer, in `SQLite` or PostgreSQL.
//! - [`admin`], [`telemetry`]: probes, status, metrics, logs.
//!
//! Wiring: [`config`], [`app`], [`shutdown`], [`cli`].
//!
//! # One request, end to end
//!
//! A thread of `app::gate_threads` reads the connection. `ext_authz::service` receives the message;
//! `ext_authz::gate` waits where it has to, for keys or for its turn to verify a signature;
//! `ext_authz::wire` parses the message in place, without a copy; `ext_authz::request` turns it
//! into an `authorizer::Request`, or a refusal. `Authorizer::judge` takes the present snapshot,
//! finds the route with `Policy::route`, verifies the token or takes its proof from the cache, and
//! calls `decide`. `ext_authz::answer` turns the decision into a `CheckResponse`.
//!
//! # One revocation, end to end
//!
//! An endpoint of `issuer` changes rows in a `store::Change`, which appends to the revocation log
//! in the same transaction. `issuer::revocation_log` reads what was appended: at once in the same
//! process, after a notification or a poll in others. It extends the `RevocationList` of the gate
//! in its process, and `feed::Hub` encodes it once for all remote gates, where `feed::FeedClient`
//! extends theirs. `Authorizer::judge` checks every valid token against the list.
//!
//! # Invariants
//!
//! - A request passes only with a `decision::Permit`, which only `decide` makes: no answer that allows
//!   can be written without one.
//! - Only `token::Trust::verify` makes a `VerifiedToken`; the cache keeps proofs, never verdicts:
//!   route, times, trust and revocations are looked at on every request.
//! - A token carries the position of its issuer's revocation log at which it was issued. Every
//!   later revocation can apply to it, whatever the clocks say, and nothing raises that position.
//! - A token names all that can take it back: itself, its grant, app and user, the roles that it rests
//!   on, and the owner of its app with the owner's roles. So what concerns many users is a row or two of
//!   the log; and what gates refuse, introspection calls inactive.
//! - The floor of a revocation list is read after its rows and raised before they are dropped:
//!   `revocation::floored` alone judges by the two, and `models/` tries all interleavings.
//! - What one user or one app can make others keep is bounded: rows of the revocation log, grants and
//!   used refresh tokens.
//! - A `store::Change` leaves an administrator where there was one, and gives new users nothing that
//!   administrators have, whatever its steps.
//! - A token that has a scope of the issuer's own is for the issuer alone: `identity::Rights` has no
//!   other way. A private call to the issuer is judged when its body has arrived, and once more in the
//!   transaction that changes something.
//! - An `ext_authz::Answer` that denies has a non-zero code: its status type has no zero.
//! - Nothing that a caller sends ends as a gRPC error, or ends the connection that others share. A
//!   panic becomes a refusal, and so does a check that is known to have waited for half of its
//!   timeout; how long a check waited in the socket is an estimate (`app::read_turns`).
//! - A path that can be read in two ways is refused, or judged by all its readings.
//!
//! Deliberately absent: fail-open switches, a negative cache, `jku` and its kin, algorithms
//! chosen by tokens, decision caching.

pub mod admin;
pub mod app;
pub mod authorizer;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connection_limits;
pub mod decision;
pub mod ext_authz;
pub mod feed;
pub mod files;
pub mod gate;
#[cfg(feature = "issuer")]
pub mod identity;
#[cfg(feature = "issuer")]
pub mod issuer;
pub mod jwks;
pub mod keyring;
pub mod labels;
pub mod policy;
pub mod problem;
pub mod proto;
pub mod reload;
pub mod revocation;
pub mod shutdown;
#[cfg(feature = "issuer")]
pub mod store;
pub mod telemetry;
pub mod token;
pub mod yaml;
