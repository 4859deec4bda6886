//! The measured processes: started natively or under valgrind, and ended by their own id.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The longest that a server may take to be ready, under valgrind and on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server to be measured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind<'f> {
    /// The yardstick.
    NoOp,
    /// The yardstick on one thread.
    NoOpOnOneThread,
    /// Portcullis with this configuration.
    Portcullis(&'f Path),
}

/// What a process runs under.
#[derive(Debug, Clone)]
pub(crate) enum Under {
    /// The processor itself.
    Nothing,
    /// Callgrind, which counts instructions into this file.
    Callgrind(PathBuf),
    /// Memcheck, which counts allocations into this file.
    Memcheck(PathBuf),
}

impl Under {
    /// A command that runs `program` under this.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let (tool, options) = match self {
            Self::Nothing => return Command::new(program),
            Self::Callgrind(out) => {
                let options = [
                    format!("--callgrind-out-file={}", out.display()),
                    "--log-file=/dev/null".to_owned(),
                ];
                ("--tool=callgrind", options)
            }
            Self::Memcheck(out) => {
                let options = [
                    format!("--log-file={}", out.display()),
                    "--undef-value-errors=no".to_owned(),
                ];
                ("--tool=memcheck", options)
            }
        };
        let mut command = Command::new("valgrind");
        command.arg(tool).args(options).arg(program);
        command
    }
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Where it answers checks.
    pub(crate) address: SocketAddr,
    /// Where its issuer is, if it has one.
    #[cfg_attr(not(feature = "issuer"), expect(dead_code, reason = "there is none"))]
    pub(crate) issuer: Option<SocketAddr>,
    /// Where gates subscribe to it, if they may.
    #[cfg_attr(not(feature = "issuer"), expect(dead_code, reason = "there is none"))]
    pub(crate) feed: Option<SocketAddr>,
}

/// What a log says of where a server answers.
struct Addresses {
    checks: SocketAddr,
    issuer: Option<SocketAddr>,
    feed: Option<SocketAddr>,
}

impl Server {
    /// Starts a server and waits until it answers.
    pub(crate) fn start(kind: Kind<'_>, under: &Under) -> Self {
        match kind {
            Kind::NoOp => Self::start_no_op("no-op", under),
            Kind::NoOpOnOneThread => Self::start_no_op("no-op-on-one-thread", under),
            Kind::Portcullis(config) => Self::start_portcullis(config, under),
        }
    }

    fn start_no_op(name: &str, under: &Under) -> Self {
        let mut command = under.command(&std::env::current_exe().unwrap());
        command.arg(name).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            address: line.trim().parse().unwrap(),
            issuer: None,
            feed: None,
            child,
        }
    }

    fn start_portcullis(config: &Path, under: &Under) -> Self {
        let mut command = under.command(Path::new(env!("CARGO_BIN_EXE_portcullis")));
        command
            .args(["serve", "--config"])
            .arg(config)
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (found, addresses) = mpsc::channel();
        // The log is read to its end: a full pipe would cost the server lines.
        std::thread::spawn(move || follow_log(stderr, &found));
        let addresses: Addresses = addresses
            .recv_timeout(PATIENCE)
            .expect("portcullis becomes ready");
        Self {
            child,
            address: addresses.checks,
            issuer: addresses.issuer,
            feed: addresses.feed,
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) {
        terminate(&mut self.child);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only where a measurement failed; after `stop` there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks a child to end, and waits until it has.
pub(crate) fn terminate(child: &mut Child) {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    child.wait().unwrap();
}

/// Finds the addresses in the log and sends them once the gate is ready; then reads on and forgets.
fn follow_log(mut log: BufReader<impl Read>, found: &mpsc::Sender<Addresses>) {
    let (mut addresses, mut ready) = (None, false);
    let mut line = String::new();
    // Which of the two lines comes first is not said.
    while !ready || addresses.is_none() {
        line.clear();
        if !log.read_line(&mut line).is_ok_and(|length| length > 0) {
            return;
        }
        match serde_json::from_str::<serde_json::Value>(&line) {
            Ok(fields) if fields["message"] == "serving" => {
                let address = |name: &str| fields[name].as_str().and_then(|text| text.parse().ok());
                addresses = address("authz.address").map(|checks| Addresses {
                    checks,
                    issuer: address("issuer.address"),
                    feed: address("feed.address"),
                });
            }
            Ok(fields) => ready |= fields["message"] == "ready",
            // Not the log: what it says before it has one is about why it cannot start.
            Err(_) => eprint!("{line}"),
        }
    }
    if let Some(addresses) = addresses {
        // Whoever waited may have given up.
        let _ = found.send(addresses);
    }
    let _ = std::io::copy(&mut log, &mut std::io::sink());
}
