//! `portcullis health`: asks a running gate whether it is ready; an exec probe needs no shell.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::admin_client::{AdminTarget, another_process, no_answer, not_ours};
use super::{Finding, complain, number};

/// The longest that one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most reasons for waiting of which it is remembered that they were printed.
const MAX_REASONS: usize = 100;

/// The time between two questions, with `--wait`.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// The address of the admin listener, whichever process has it. Overrides `--config` and
    /// `PORTCULLIS_ADMIN_ADDRESS`; the default is 127.0.0.1:9194
    #[arg(long, value_name = "ADDRESS", value_parser = number::address)]
    address: Option<SocketAddr>,
    /// Use `listeners.admin.plain_address` of this configuration, else `PORTCULLIS_ADMIN_ADDRESS`, else its
    /// `listeners.admin.address`, and accept an answer only from a process that was started with the same file
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Wait up to this many seconds until the gate is ready, printing each reason for waiting once
    #[arg(long, value_name = "SECONDS", value_parser = wait_seconds)]
    wait: Option<u64>,
}

/// How long somebody may wait: at most a day.
fn wait_seconds(text: &str) -> Result<u64, String> {
    const MOST: u64 = 86_400;
    let seconds = number::seconds(text)?;
    if (1..=MOST).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!(
            "`{text}` is out of range: write 1 to {MOST} seconds"
        ))
    }
}

pub(super) fn run(args: &HealthArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let target = AdminTarget::of(args.address, args.config.as_deref())?;
    let answer = match args.wait {
        None => ask(&target, Instant::now() + PATIENCE),
        Some(seconds) => {
            let answer = wait(&target, Duration::from_secs(seconds));
            if !matches!(answer, Readiness::Ready(_)) {
                let unit = if seconds == 1 { "second" } else { "seconds" };
                complain(&format!("not ready after {seconds} {unit}"));
                return Ok(answer.outcome());
            }
            answer
        }
    };
    match &answer {
        Readiness::Ready(answer) => writeln!(out, "{answer}")?,
        Readiness::NotReady(reason) => writeln!(out, "{reason}")?,
        Readiness::Unknown(reason) => complain(reason),
    }
    Ok(answer.outcome())
}

/// What a question led to.
enum Readiness {
    /// All that it says: `ok`, and on further lines what it is ready in spite of.
    Ready(String),
    NotReady(String),
    /// There was no answer, or none of the process that was asked for.
    Unknown(String),
}

impl Readiness {
    fn outcome(&self) -> Finding {
        match self {
            Self::Ready(_) => Finding::Yes,
            Self::NotReady(_) => Finding::No,
            Self::Unknown(_) => Finding::Unknown,
        }
    }
}

/// Asks again and again until the gate is ready; the last answer.
fn wait(target: &AdminTarget, longest: Duration) -> Readiness {
    let deadline = Instant::now() + longest;
    let mut printed = BTreeSet::new();
    let mut last = None;
    loop {
        let answer = ask(target, deadline.min(Instant::now() + PATIENCE));
        let over = Instant::now() >= deadline;
        if let (true, Readiness::Unknown(_), Some(last)) = (over, &answer, last.take()) {
            // The end of the wait has cut this question short: the one before tells more.
            return last;
        }
        let reason = match &answer {
            Readiness::Ready(_) => return answer,
            Readiness::NotReady(reason) => format!("{}: {reason}", target.address),
            Readiness::Unknown(reason) => reason.clone(),
        };
        // Nobody reads a hundred of them, and each can be as long as an answer.
        if printed.len() < MAX_REASONS && !printed.contains(&reason) {
            complain(&format!("waiting: {reason}"));
            printed.insert(reason);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return answer;
        }
        pause(PAUSE.min(left));
        last = Some(answer);
    }
}

fn ask(target: &AdminTarget, deadline: Instant) -> Readiness {
    let answer = match target.get("/readyz", deadline) {
        Ok(answer) => answer,
        Err(error) => return Readiness::Unknown(no_answer(target, &error)),
    };
    match (answer.status, &*answer.body) {
        (Some(200), body) if body.lines().next() == Some("ok") => Readiness::Ready(body.to_owned()),
        (Some(503), body) => Readiness::NotReady(body.to_owned()),
        (Some(421), _) => Readiness::Unknown(another_process(target)),
        _ => Readiness::Unknown(not_ours(target)),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process tells nobody when it becomes ready: it has to be asked again"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
