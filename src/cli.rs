//! The command line: one file for each verb.

#[cfg(feature = "issuer")]
mod administration;
#[cfg(feature = "issuer")]
mod app;
mod check;
mod health;
pub mod key;
#[cfg(feature = "issuer")]
mod role;
#[cfg(feature = "issuer")]
mod scope;
mod serve;
#[cfg(feature = "issuer")]
mod store;
pub mod token;
#[cfg(feature = "issuer")]
mod user;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// External authorization for Envoy: every operation is private unless the policy marks it public.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Answer checks until SIGTERM
    Serve(serve::ServeArguments),
    /// Print every problem of a policy, each with its place and how to fix it
    Check(check::CheckArguments),
    /// Make keys, and rotate those of the issuer
    Key(key::KeyArgs),
    /// Make and read tokens for development
    Token(token::TokenArgs),
    /// Ask a running gate whether it is ready, or wait until it is
    Health(health::HealthArguments),
    /// Administer the users of the issuer's store
    #[cfg(feature = "issuer")]
    User(user::UserArguments),
    /// Administer the roles of the issuer's store
    #[cfg(feature = "issuer")]
    Role(role::RoleArguments),
    /// Administer the scopes of the issuer's store
    #[cfg(feature = "issuer")]
    Scope(scope::ScopeArguments),
    /// Administer the apps of the issuer's store
    #[cfg(feature = "issuer")]
    App(app::AppArguments),
    /// Copy the issuer's store, or bring it up to date
    #[cfg(feature = "issuer")]
    Store(store::StoreCommandArguments),
}

/// What a verb found. Failures to find out are errors, which end with exit code 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Yes, or done: exit code 0.
    Yes,
    /// No: exit code 1.
    No,
    /// There was no telling: exit code 2.
    Unknown,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output and end well.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut out = std::io::stdout().lock();
    let outcome = match arguments.verb {
        Verb::Serve(arguments) => {
            drop(out);
            return exit(serve::run(arguments));
        }
        Verb::Check(arguments) => check::run(&arguments, &mut out),
        Verb::Key(arguments) => key::run(&arguments, &mut out),
        Verb::Token(arguments) => token::run(&arguments, &mut out),
        Verb::Health(arguments) => health::run(&arguments, &mut out),
        #[cfg(feature = "issuer")]
        Verb::User(arguments) => user::run(&arguments, &mut out),
        #[cfg(feature = "issuer")]
        Verb::Role(arguments) => role::run(&arguments, &mut out),
        #[cfg(feature = "issuer")]
        Verb::Scope(arguments) => scope::run(&arguments, &mut out),
        #[cfg(feature = "issuer")]
        Verb::App(arguments) => app::run(&arguments, &mut out),
        #[cfg(feature = "issuer")]
        Verb::Store(arguments) => store::run(&arguments, &mut out),
    };
    let flushed = out.flush();
    exit(outcome.and_then(|outcome| Ok(flushed.map(|()| outcome)?)))
}

/// The error and its causes, without those that the text before tells already.
fn told_once(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

fn exit(outcome: anyhow::Result<Outcome>) -> ExitCode {
    match outcome {
        Ok(Outcome::Yes) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::FAILURE,
        Ok(Outcome::Unknown) => ExitCode::from(2),
        Err(error) => {
            // Nobody is left to tell if standard error is gone.
            let _ = writeln!(std::io::stderr(), "portcullis: {}", told_once(&error));
            ExitCode::from(2)
        }
    }
}
