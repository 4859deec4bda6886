//! Arguments that come from environment variables.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, CommandFactory, FromArgMatches};

/// The arguments of this command line. An empty variable counts as unset, and a message about a value names
/// the variable where the value came from one.
pub(super) fn parse<T: CommandFactory + FromArgMatches>(
    line: &[OsString],
) -> clap::error::Result<T> {
    let mut command = without_empty_variables(T::command());
    let matches = command.try_get_matches_from_mut(line);
    let parsed = matches.and_then(|mut matches| {
        let read = T::from_arg_matches_mut(&mut matches);
        read.map_err(|error| error.format(&mut command))
    });
    parsed.map_err(|error| naming_the_variable(error, &command, line))
}

fn without_empty_variables(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let value = argument.get_env().and_then(std::env::var_os);
        if value.is_some_and(|value| value.is_empty()) {
            argument.env(None::<&'static str>)
        } else {
            argument
        }
    });
    command.mut_subcommands(without_empty_variables)
}

/// The error as it is, unless it is about a flag that nobody wrote.
fn naming_the_variable(
    mut error: clap::Error,
    command: &Command,
    line: &[OsString],
) -> clap::Error {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    // Such as `--log-level <LEVEL>`.
    let flag = argument.split(' ').next().unwrap_or_default();
    if line.iter().any(|word| is_flag(word, flag)) {
        return error;
    }
    let variable = find(command, flag.trim_start_matches('-')).and_then(Arg::get_env);
    if let Some(variable) = variable.filter(|variable| std::env::var_os(variable).is_some()) {
        let named = format!("{} (environment variable)", variable.display());
        error.insert(ContextKind::InvalidArg, ContextValue::String(named));
    }
    error
}

fn is_flag(word: &OsStr, flag: &str) -> bool {
    let rest = word.to_str().and_then(|word| word.strip_prefix(flag));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// The argument of this long name, in any verb: they are called alike where they read one variable.
fn find<'c>(command: &'c Command, long: &str) -> Option<&'c Arg> {
    let mut arguments = command.get_arguments();
    let own = arguments.find(|argument| argument.get_long() == Some(long));
    own.or_else(|| command.get_subcommands().find_map(|verb| find(verb, long)))
}
