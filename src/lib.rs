//! Portcullis: external authorization for Envoy.
//!
//! Every operation is private unless the policy marks it public. The proxy asks about each request;
//! the gate answers from a policy, the callers' tokens and a cache of proofs.
//!
//! # The map, in reading order
//!
//! Pure: no I/O, no clock, no runtime.
//! - [`condition`]: the language of `when`, a subset of CEL: parsed and checked at load, evaluated within
//!   bounds.
//! - [`policy`]: the YAML policy, compiled to tables; finds the route of a request.
//! - [`token`]: from the bytes of an `Authorization` header to a proof that every rule held.
//! - [`identity`]: users, roles, scopes, apps, grants, passwords, passkeys and secrets of the issuer.
//! - [`decision`]: `decide`, one function from route and evidence to a permit or a denial.
//! - [`comparison`]: which requests two policies answer differently, and which become more open.
//! - [`openapi`]: API descriptions as policies, and as operations that the portal offers to try out.
//! - [`migration`]: access rules of other products as policies.
//! - [`doctor`]: what in a proxy's configuration would undo the policy.
//! - [`problem`], [`yaml`]: errors in files that people write, how errors are shown, and strict parsing.
//! - [`labels`]: closed sets of names, for metrics and logs. [`logo`]: the picture of a site.
//! - [`connection_limits`]: the bounds of the connections of the HTTP listeners.
//! - [`coding`]: hex digits and percent encoding. [`uri_host`]: where plain text may be sent.
//! - [`clock`]: the source of time, which tests replace.
//!
//! Shell: I/O around the pure part.
//! - [`authorizer`]: snapshots of policy, shadow policy and trust, and the proof cache, around `decide`.
//! - [`gate`]: what every front end shares: a request goes in, a permit or a refusal comes out. Waiting
//!   for keys and signatures, refusals, identity headers, decision log, metrics, panic net.
//! - [`ext_authz`]: the front end for Envoy. Translation only.
//! - [`proto`]: the descriptors of the protocols in `proto/`, for server reflection.
//! - [`revocation`]: the revocations of an issuer, as a gate knows them.
//! - [`feed`]: carries keys and revocations from an issuer to remote gates, and back what they tell of themselves;
//!   both ends.
//! - [`jwks`]: remote key sets; [`keyring`]: the keys of all issuers at run time.
//! - [`files`], [`reload`]: what is read from disk, and when it is reloaded.
//! - [`issuer`]: the companion that issues tokens. `http` has one file for each endpoint and each page, and knows
//!   of HTTP alone; `credentials` checks passwords and secrets, `grants` gives out tokens and
//!   revokes them, `directory` changes users, roles, scopes and apps.
//! - [`store`]: the rows of the issuer, in `SQLite` or PostgreSQL.
//! - [`certificates`]: certificates and private keys in PEM, and the roots that TLS trusts.
//! - [`tls`]: TLS of the listeners: certificates that are replaced while they serve, and who may connect.
//! - [`backoff`]: how long to wait before the next try.
//! - [`admin`], [`telemetry`]: probes, status, logs, what metrics share.
//! - `traces`, with the feature of that name: the spans of checks, sent to a collector; the gate knows of it no
//!   more than `gate::SpanRecorder`.
//! - [`shutdown`]: how the process ends.
//!
//! Wiring: [`config`], [`app`], [`cli`].
//!
//! # One request, end to end
//!
//! A thread of `app::gate_threads` reads the connection and gives the call to
//! `ext_authz::CheckService`, which reads the message within `Gate::contain`, so that a panic becomes a
//! refusal. `ext_authz::wire` parses it in place, without a copy; `ext_authz::request` makes a
//! `gate::Request` of it, or finds it malformed. `Gate::check` waits where it has to, for keys or for
//! its turn to verify a signature. `gate::reply` takes the present snapshot, in which
//! `Authorizer::judge_and_remember` finds the route with `Policy::route`, verifies the token or takes
//! its proof from the cache, and calls `decide`. The gate gives the decision an id and hands the `gate::Outcome` to the front end:
//! `ext_authz::answer` makes a `CheckResponse` of the permit or the refusal. The gate counts and logs
//! it.
//!
//! # One revocation, end to end
//!
//! An endpoint of `issuer` changes rows in a `store::Change`, which appends to the revocation log
//! in the same transaction. `issuer::revocation_log` reads what was appended: at once in the same
//! process, after a notification or a poll in others. It extends the `RevocationList` of the gate
//! in its process, and `feed::Hub` encodes it once for all remote gates, where `feed::FeedClient`
//! extends theirs. `Authorizer::judge` checks every valid token against the list. A remote gate reports since when
//! it refuses by which position, so that the panel shows how long each took.
//!
//! # Where things go
//!
//! - **Another front end**: a module beside [`ext_authz`] that makes a `gate::Request` of its
//!   protocol's message (headers through `gate::HeaderReader`), implements `gate::FrontEnd`, and answers
//!   within the future of `Gate::contain`, in a `gate::Turn::within` the proxy's timeout. What only its messages can get
//!   wrong is a row of `gate::MalformedRequest`. Its listener: settings in `config::listener`, which
//!   `config::listeners` puts beside the others and `Config` hands on; a socket in `app::socket`; served by
//!   `app::serving`, to which `app::start` gives the gate that all front ends share. Add the module to the map
//!   above, and to `SHELL` and `FRONT_ENDS` in `tests/integration/rings.rs`.
//! - **Another identity header**: a field of `gate::IdentityHeaders` with its default, and what it tells
//!   of the caller in `Told`. The compiler asks for each; setting, removing, aliases and the checks of
//!   the configuration follow.
//! - **Another setting of the server**: a field of its section's document, and of what the section is built
//!   to. What is wrong with it is added to `problem::Faults` by its key, such as `trust[0].audiences`, which
//!   `yaml::Outline` finds in the file. Whether a reload applies it, `Config::restart_sections` says.
//! - **Another page**: a file in `issuer/http/pages` and a template in `templates/pages`, a row of the table in
//!   `pages`, a route in `issuer/policy.yaml`, and a row of `NEEDED` in `tests/integration/portal/routes.rs`. What it
//!   says is a key of `words`, for which the compiler asks in both languages. It calls the function of the
//!   `directory` that the endpoint calls, after a login where that does.
//! - **Another grant type**: a variant of `GrantType` and its row in `GrantType::ALL`, from which settings,
//!   metadata and labels follow, and a file in `issuer/token_requests`, for which the compiler asks; the table
//!   of the OpenAPI document is tested against it.
//! - **Another metric**: a field of the `..Metrics` struct in the `metrics.rs` beside the code that
//!   counts (`gate::metrics`); what is counted elsewhere is read by a collector in such a file
//!   (`authorizer::metrics`). Labels are members of a set that `labels::closed_set!` declares; every
//!   series exists before anything is counted.
//! - **Another function of conditions**: a row of `FUNCTIONS` in `condition::function` and a variant of
//!   `Function`; the compiler asks for its types and for what it does. Another thing to read: a field of a
//!   record in `condition::checker::names`, a variant of `Fact`, and where it comes from in `evaluate::lookup`.
//! - **Another key algorithm**: a row of `algorithms!` in `token::algorithm` with its name and the kind
//!   of key. The compiler asks for what a shared secret needs and for how a key of ours would sign;
//!   lists, messages and key sets follow. It must be one of jsonwebtoken's, which verifies the
//!   signatures: ES512, for example, is not.
//!
//! # Glossary
//!
//! The design's words: *request* (what a proxy asks about), *front end* (speaks a proxy's protocol,
//! translation only), *gate* (what front ends share; also the process that runs it), *permit* (the
//! proof that a request may pass), *route* and *requirement* (an entry of the policy, and what it asks
//! of the caller), *credential* (what the request carried), *verified token* (every rule held),
//! *decision*, *grant* (what a user gave an app or a login), *app* (an OAuth2 client), *scope*.
//!
//! What the code adds:
//! - *evidence*: what became of the credential, for `decide`; *denial*: why `decide` says no.
//! - *refusal*: what a caller is told, for a denial or for what could not be judged.
//! - *shadow*: a route in shadow lets through what it denies; the permit says which denial that is.
//! - *shadow policy*: a second policy that is asked about each judged request beside the one *in force*.
//!   *verdict*: what a policy says of a request, of which no permit can be made; *opinion*: the verdict of
//!   the shadow policy. *difference*: what enforcing it would change for a request.
//! - *diagnosis*: what else is known of a denial, for the log and for explanations. *near miss*: why no
//!   route lists a request. *offence*: what a refused token says where it is wrong.
//! - *rehearsal*: the gate within a verb, for requests that nobody sends.
//! - *judgement*: a decision with the caller that it was made for. A check may be judged several times
//!   before it is answered.
//! - *proof*: a verified token in the cache; it is checked again on each request.
//! - *trust*: whose tokens are accepted, and by which keys and rules.
//! - *condition*: what `when` says. *circumstances*: what it reads beside the caller's token. *fault*: why
//!   it cannot be evaluated, which refuses. *demand*: what a route or a named requirement asks, as written.
//! - *reading*: one way to understand a path. *spelling*: one way to write a name. Of several readings
//!   the *strictest* decides.
//! - *turn*: how long a check may wait, and for what.
//! - *span*: what a trace keeps of a check or of one wait within it. In an expression, where a part of it
//!   stands in its text.
//! - *formula*: what an import reads in another product's rules, before it becomes routes.
//! - *worth*: what is left now of a grant, a token or a session, which `identity::Entitlement` alone says.
//! - *revocation target*: what a row of the revocation log is about. *loss*: what ends with a change of the
//!   directory, which `identity::losses` alone says from before and after.
//! - *missing key*: the key, or one of the keys, without which a check cannot be decided; the gate asks
//!   for it and judges the check again. *hint*: what is known of such a key, the digest of its key id, so
//!   that the many checks that wait for one key make one fetch. *key news*: what came of asking.
//! - *alias*: a header name that an upstream could take for an identity header.
//! - *snapshot*: policy and trust that belong together, replaced as a whole.
//! - *position*: a place in an issuer's revocation log. *floor*: below it a list is incomplete.
//! - *mark*: the digest of what was revoked. *freshness*: how recently revocations were heard of.
//! - *companion*: the issuer in the gate's own process.
//! - *trial*: a call that the portal sends for a user, to the proxy and to nowhere else.
//! - *actor*: who changes the directory, as the transaction of the change sees it; of the audit, who a row says
//!   has done it.
//! - *lineage*: what the sessions have in common that took each other's place, from one login in one browser on.
//!   *sign-in*: a log-in of a user, or an attempt at one, as the user is shown it.
//! - *settle*: to decide later how an attempt to log in counts.
//! - *second factor*: what is asked of a user beside the password: a passkey, or a recovery code in its place.
//!   *assurance*: by what somebody has logged in, the password alone or a second factor.
//! - *ticket*: what a page gives a browser for its next step with a passkey: signed, for one purpose, kept
//!   nowhere. *proof*, of a page: the password or a passkey once more, from somebody who is logged in.
//!
//! # Invariants
//!
//! - A request passes only with a `decision::Permit`, which only `decide` makes: no answer that allows
//!   can be written without one. In shadow, too: there is no other way to let through what is denied,
//!   and what is malformed never gets that far.
//! - The shadow policy changes no answer: it is given what is known, its opinion holds no permit, and a
//!   panic in it is caught where it is asked (`Gate::compare`).
//! - Only `token::Trust::verify` makes a `VerifiedToken`; the cache keeps proofs, never verdicts:
//!   route, times, trust and revocations are looked at on every request.
//! - A token carries the position of its issuer's revocation log at which it was issued. Every
//!   later revocation can apply to it, whatever the clocks say, and nothing raises that position.
//! - A token names all by which it can be revoked: itself, its grant, app and user, the roles that it rests
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
//!   transaction that changes something; rules about its user and app are asked of `directory::Actor`, which
//!   only that transaction makes.
//! - What the portal sends to the API is a token of `identity::ApiRights`: it has no scope of the issuer's own
//!   and the issuer is not among its audiences.
//! - Who gets a `backend.*` scope has no link for a password that somebody made before, nor a password that was set
//!   by an administrator without it, and an app that gets a scope of the issuer's own no secret from before.
//! - A change of the directory is given up after some seconds, and the lists in it have bounds, because all
//!   others wait for it.
//! - A user who has a passkey, or must have one, has no session and gets no token by the password alone: what a
//!   browser has between the two steps is a signed ticket, which opens nothing else.
//! - What the portal sends for a user goes to the one proxy of the settings, as a request that the policy lists
//!   under the route that was chosen, and without a header of the browser's (`issuer::proxy`).
//! - An `ext_authz::Answer` that denies has a non-zero code: its status type has no zero.
//! - Nothing that a caller sends ends as a gRPC error, or ends the connection that others share. A
//!   panic becomes a refusal, and so does a check that is known to have waited for half of its
//!   timeout; how long a check waited in the socket is an estimate (`app::read_turns`).
//! - A path that can be read in two ways is refused, or judged by all its readings. Conditions must hold
//!   for each of them, and one that cannot be evaluated refuses.
//!
//! Deliberately absent: fail-open switches, a negative cache, `jku` and its kin, algorithms
//! chosen by tokens, decision caching.

pub mod admin;
pub mod app;
pub mod authorizer;
pub mod backoff;
pub mod certificates;
pub mod cli;
pub mod clock;
pub mod coding;
pub mod comparison;
pub mod condition;
pub mod config;
pub mod connection_limits;
pub mod decision;
pub mod doctor;
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
pub mod logo;
pub mod migration;
pub mod openapi;
pub mod policy;
pub mod problem;
pub mod proto;
pub mod reload;
pub mod revocation;
pub mod shutdown;
#[cfg(feature = "issuer")]
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod token;
#[cfg(feature = "traces")]
pub mod traces;
pub mod uri_host;
pub mod yaml;
