//! The command line: one file for each verb.

mod admin_client;
#[cfg(feature = "issuer")]
mod administration;
#[cfg(feature = "issuer")]
mod app;
#[cfg(feature = "issuer")]
mod audit;
#[cfg(feature = "issuer")]
mod bootstrap;
mod check;
mod completions;
mod diff;
mod doctor;
#[cfg(feature = "issuer")]
mod dry_run;
mod environment;
mod examples;
mod explain;
mod format;
mod health;
mod import;
pub mod key;
mod number;
#[cfg(feature = "issuer")]
mod operator;
mod policy_test;
mod rehearsal;
#[cfg(feature = "issuer")]
mod role;
mod schema;
#[cfg(feature = "issuer")]
mod scope;
mod serve;
mod service_manager;
#[cfg(feature = "issuer")]
mod store;
pub mod token;
#[cfg(feature = "issuer")]
mod user;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::problem::with_causes;

/// External authorization for Envoy: every operation is private unless the policy marks it public.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about)]
struct CliArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the gate until SIGTERM
    #[command(after_help = examples::SERVE)]
    Serve(serve::ServeArgs),
    /// Check a policy and print every problem with its location and a fix
    #[command(after_help = examples::CHECK)]
    Check(check::CheckArgs),
    /// Explain why a request gets its answer: the route, the token, and what is missing
    #[command(after_help = examples::EXPLAIN)]
    Explain(Box<explain::ExplainArgs>),
    /// Run a table of requests and expected decisions against a policy
    #[command(after_help = examples::TEST)]
    Test(policy_test::PolicyTestArgs),
    /// Show which requests two policies answer differently, those that become more open first
    #[command(after_help = examples::DIFF)]
    Diff(diff::DiffArgs),
    /// Find what would undo the policy, in a proxy's configuration or at a running proxy
    #[command(after_help = examples::DOCTOR)]
    Doctor(doctor::DoctorArgs),
    /// Make a policy from an API description, or from another product's access rules
    #[command(after_help = examples::IMPORT)]
    Import(import::ImportArgs),
    /// Print the JSON Schema of a file that people write, for editors and validators
    #[command(after_help = examples::SCHEMA)]
    Schema(schema::SchemaArgs),
    /// Generate keys, and rotate the issuer's keys
    #[command(after_help = examples::KEY)]
    Key(key::KeyArgs),
    /// Issue and inspect tokens for development
    #[command(after_help = examples::TOKEN)]
    Token(token::TokenArgs),
    /// Check whether a running gate is ready, or wait until it is
    #[command(after_help = examples::HEALTH)]
    Health(health::HealthArgs),
    /// Manage the issuer's users
    #[cfg(feature = "issuer")]
    #[command(after_help = examples::USER)]
    User(user::UserArgs),
    /// Manage the issuer's roles
    #[cfg(feature = "issuer")]
    #[command(after_help = examples::ROLE)]
    Role(role::RoleArgs),
    /// Manage the issuer's scopes
    #[cfg(feature = "issuer")]
    #[command(after_help = examples::SCOPE)]
    Scope(scope::ScopeArgs),
    /// Manage the issuer's apps
    #[cfg(feature = "issuer")]
    #[command(after_help = examples::APP)]
    App(app::AppArgs),
    /// Show who did what in the issuer's directory
    #[cfg(feature = "issuer")]
    #[command(after_help = examples::AUDIT)]
    Audit(audit::AuditArgs),
    /// Add the scopes and roles of a file to the issuer's store
    #[cfg(feature = "issuer")]
    #[command(after_help = examples::BOOTSTRAP)]
    Bootstrap(bootstrap::BootstrapArgs),
    /// Back up or migrate the issuer's store
    #[cfg(feature = "issuer")]
    #[command(after_help = examples::STORE)]
    Store(store::StoreCommandArgs),
    /// Print the completions of a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions(completions::CompletionsArgs),
    /// Write man pages
    #[command(hide = true)]
    Man(completions::ManArgs),
}

/// What a verb found. Errors end with exit code 2 as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Yes, or done: exit code 0.
    Yes,
    /// No: exit code 1.
    No,
    /// Could not be determined: exit code 2.
    Unknown,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let line: Vec<_> = std::env::args_os().collect();
    let args: CliArgs = match environment::parse(&line) {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to standard output and end well.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut out = std::io::stdout().lock();
    let outcome = match args.verb {
        Verb::Serve(args) => {
            drop(out);
            return exit(serve::run(args));
        }
        Verb::Check(args) => return read_only(&mut out, |out| check::run(&args, out)),
        Verb::Explain(args) => return read_only(&mut out, |out| explain::run(&args, out)),
        Verb::Test(args) => return read_only(&mut out, |out| policy_test::run(&args, out)),
        Verb::Diff(args) => return read_only(&mut out, |out| diff::run(&args, out)),
        Verb::Doctor(args) => return read_only(&mut out, |out| doctor::run(&args, out)),
        Verb::Schema(args) => return read_only(&mut out, |out| schema::run(&args, out)),
        Verb::Import(args) => import::run(&args, &mut out),
        Verb::Key(args) => key::run(&args, &mut out),
        Verb::Token(args) => token::run(&args, &mut out),
        Verb::Health(args) => health::run(&args, &mut out),
        #[cfg(feature = "issuer")]
        Verb::User(args) => user::run(&args, &mut out),
        #[cfg(feature = "issuer")]
        Verb::Role(args) => role::run(&args, &mut out),
        #[cfg(feature = "issuer")]
        Verb::Scope(args) => scope::run(&args, &mut out),
        #[cfg(feature = "issuer")]
        Verb::App(args) => app::run(&args, &mut out),
        #[cfg(feature = "issuer")]
        Verb::Audit(args) => return read_only(&mut out, |out| audit::run(&args, out)),
        #[cfg(feature = "issuer")]
        Verb::Bootstrap(args) => bootstrap::run(&args, &mut out),
        #[cfg(feature = "issuer")]
        Verb::Store(args) => store::run(&args, &mut out),
        Verb::Completions(args) => completions::completions(&args, CliArgs::command(), &mut out),
        Verb::Man(args) => completions::man(&args, CliArgs::command()),
    };
    let flushed = out.flush();
    exit(outcome.and_then(|outcome| Ok(flushed.map(|()| outcome)?)))
}

/// Runs a verb that changes nothing: a reader such as `head` may have seen enough before it ends.
fn read_only(
    out: &mut dyn Write,
    verb: impl FnOnce(&mut dyn Write) -> anyhow::Result<Finding>,
) -> ExitCode {
    let mut out = UntilClosed { out };
    let outcome = verb(&mut out);
    let flushed = out.flush();
    exit(outcome.and_then(|outcome| Ok(flushed.map(|()| outcome)?)))
}

/// Drops what is written after the reader has gone.
struct UntilClosed<'w> {
    out: &'w mut dyn Write,
}

impl Write for UntilClosed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.out.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.out.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

/// Tells on standard error what is wrong, or what is waited for.
fn complain(message: &str) {
    // Nobody is left to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "portcullis: {message}");
}

fn exit(outcome: anyhow::Result<Finding>) -> ExitCode {
    match outcome {
        Ok(Finding::Yes) => ExitCode::SUCCESS,
        Ok(Finding::No) => ExitCode::FAILURE,
        Ok(Finding::Unknown) => ExitCode::from(2),
        Err(error) => {
            complain(&with_causes(error.as_ref()));
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every argument of every verb says what it is, without the marks of Rust's documentation.
    fn says_what_it_is(command: &clap::Command, path: &str) {
        let path = format!("{path} {}", command.get_name());
        let about = command.get_about().map(ToString::to_string);
        let arguments = command.get_arguments().filter(|one| !one.is_hide_set());
        let helps = arguments.map(|one| (one.get_id().to_string(), one.get_help()));
        let helps = helps.map(|(id, help)| (id, help.map(ToString::to_string)));
        for (id, help) in helps.chain([("about".to_owned(), about)]) {
            let help = help.unwrap_or_default();
            assert!(!help.is_empty(), "{path}: {id} has no text");
            for product in ["`SQLite`", "`JUnit`", "`EdDSA`"] {
                assert!(!help.contains(product), "{path}: {help}");
            }
        }
        for verb in command.get_subcommands() {
            says_what_it_is(verb, &path);
        }
    }

    #[test]
    fn help_says_what_each_argument_is() {
        says_what_it_is(&CliArgs::command(), "");
    }
}
