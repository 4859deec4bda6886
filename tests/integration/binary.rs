//! The real binary as a child process: what it says, how it ends, and what it leaves behind.

mod admin;
#[cfg(feature = "issuer")]
mod audit;
mod bad_input;
mod bad_keys;
mod check;
mod check_files;
mod check_issuer;
mod decision_lines;
mod doctor_live;
mod explain;
mod explained_lines;
#[cfg(feature = "issuer")]
mod feed;
mod health;
mod log_outputs;
mod logs;
mod overwritten;
mod policies;
mod policy_test;
mod proxy;
mod record;
#[cfg(feature = "issuer")]
mod redaction;
#[cfg(feature = "issuer")]
mod secrets;
mod service_manager;
mod shadow_policy;
mod shutdown;
mod sockets;
mod surroundings;
mod tls;
mod traces;
mod verbs;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::test_app::{Setup, write_files};
use crate::test_issuer::TestIssuer;

/// Far more than any step takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary without what the surroundings may have set.
fn portcullis(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}

/// Runs a verb that ends by itself.
fn run(arguments: &[&str], folder: &Path) -> Output {
    run_with_input(arguments, folder, "")
}

fn run_with_input(arguments: &[&str], folder: &Path, input: &str) -> Output {
    let mut command = portcullis(arguments, folder);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Who ends without reading it has closed the pipe.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a pipe brought so far; read on a thread of its own.
#[derive(Default)]
struct Collected {
    so_far: Mutex<(String, bool)>,
    grown: Condvar,
}

impl Collected {
    fn from(mut pipe: impl Read + Send + 'static) -> Arc<Self> {
        let collected = Arc::new(Self::default());
        let filled = Arc::clone(&collected);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let count = pipe.read(&mut buffer).unwrap_or(0);
                let mut so_far = filled.so_far.lock().unwrap();
                so_far
                    .0
                    .push_str(&String::from_utf8_lossy(&buffer[..count]));
                so_far.1 = count == 0;
                filled.grown.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        collected
    }

    /// Waits until `enough` of the text and whether it has ended; the text then.
    fn until(&self, enough: impl Fn(&str, bool) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut so_far = self.so_far.lock().unwrap();
        while !enough(&so_far.0, so_far.1) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not in time; so far:\n{}", so_far.0);
            so_far = self.grown.wait_timeout(so_far, left).unwrap().0;
        }
        so_far.0.clone()
    }

    fn now(&self) -> String {
        self.so_far.lock().unwrap().0.clone()
    }
}

/// `portcullis serve` as a child; killed and waited for when dropped.
struct Server {
    child: Child,
    folder: TempDir,
    issuer: TestIssuer,
    stdout: Arc<Collected>,
    stderr: Arc<Collected>,
}

impl Server {
    /// A server that serves.
    fn start(setup: &Setup) -> Self {
        let server = Self::spawn(setup, |_| {});
        server.serves();
        server
    }

    /// A server whose command line the test has changed; it may end at once.
    fn spawn(setup: &Setup, change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = TestIssuer::new("key-1");
        write_files(folder.path(), setup, &issuer);
        Self::spawn_in(folder, issuer, change)
    }

    fn spawn_in(folder: TempDir, issuer: TestIssuer, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = portcullis(&["serve", "--config", "portcullis.yaml"], folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let stdout = Collected::from(child.stdout.take().unwrap());
        let stderr = Collected::from(child.stderr.take().unwrap());
        Self {
            child,
            folder,
            issuer,
            stdout,
            stderr,
        }
    }

    /// Waits for the log line that says so.
    fn serves(&self) {
        self.logs("\"message\":\"serving\"");
    }

    /// Waits until the log holds a whole line with `words`; that line.
    fn logs(&self, words: &str) -> Value {
        let found = |log: &str| {
            let mut lines = log.split_inclusive('\n');
            let line = lines.find(|line| line.ends_with('\n') && line.contains(words));
            line.map(|line| serde_json::from_str(line).unwrap())
        };
        let log = self.stderr.until(|log, ended| {
            assert!(!ended || found(log).is_some(), "ended:\n{log}");
            found(log).is_some()
        });
        found(&log).unwrap()
    }

    fn address(&self, listener: &str) -> String {
        let line = self.logs("\"message\":\"serving\"");
        line[format!("{listener}.address")]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn admin_address(&self) -> SocketAddr {
        self.address("admin").parse().unwrap()
    }

    fn authz_url(&self) -> String {
        format!("http://{}", self.address("authz"))
    }

    /// Sends a signal, such as `TERM`.
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end.
    fn ended(&mut self) -> ExitStatus {
        self.stderr.until(|_, ended| ended);
        self.child.wait().unwrap()
    }

    /// Everything that it said until now.
    fn output(&self) -> String {
        self.stdout.now() + &self.stderr.now()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
