//! Instructions and allocations, counted by valgrind.
//!
//! Every figure is the difference between a long and a short run of one process, divided by the
//! difference of their lengths: start, warm-up and end fall out.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::client::{Client, Load};
use crate::fixture::Files;
use crate::server::{Kind, Server, Under};

/// Checks that go before those which are counted.
const WARM_UP: usize = 300;

/// How long the two runs of a measurement are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lengths {
    pub(crate) short: usize,
    pub(crate) long: usize,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Instructions,
    Allocations,
}

/// Counts per check, over the whole process of a server.
pub(crate) fn per_check(
    counted: Counted,
    kind: Kind<'_>,
    load: &Load,
    lengths: Lengths,
    files: &Files,
) -> f64 {
    difference(lengths, |count| {
        let (under, out) = counted.under(files.folder());
        let server = Server::start(kind, &under);
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                let client = Client::connect(server.address).await;
                client.run(load, 0..WARM_UP).await;
                client.run(load, WARM_UP..WARM_UP + count).await;
            });
        server.stop();
        counted.read(&out)
    })
}

/// Counts per turn of one of this binary's own loops.
pub(crate) fn per_turn(counted: Counted, name: &str, lengths: Lengths, files: &Files) -> f64 {
    difference(lengths, |count| {
        let (under, out) = counted.under(files.folder());
        let mut command = under.command(&std::env::current_exe().unwrap());
        command
            .args(["loop", name, &count.to_string()])
            .stdout(Stdio::null());
        assert!(
            command.status().unwrap().success(),
            "the loop `{name}` failed"
        );
        counted.read(&out)
    })
}

fn difference(lengths: Lengths, run: impl Fn(usize) -> u64) -> f64 {
    let (short, long) = (run(lengths.short), run(lengths.long));
    (long as f64 - short as f64) / (lengths.long - lengths.short) as f64
}

impl Counted {
    fn under(self, folder: &Path) -> (Under, PathBuf) {
        let out = folder.join("valgrind.out");
        let under = match self {
            Self::Instructions => Under::Callgrind(out.clone()),
            Self::Allocations => Under::Memcheck(out.clone()),
        };
        (under, out)
    }

    fn read(self, out: &Path) -> u64 {
        let text = std::fs::read_to_string(out).expect("valgrind writes its totals");
        let total = match self {
            // One line, at the end: `totals: 123456`.
            Self::Instructions => after(&text, "totals: "),
            // `==1== total heap usage: 1,234 allocs, 1,234 frees, 5,678 bytes allocated`.
            Self::Allocations => after(&text, "total heap usage: "),
        };
        let digits = total.split_whitespace().next().unwrap().replace(',', "");
        digits.parse().unwrap()
    }
}

fn after<'t>(text: &'t str, label: &str) -> &'t str {
    text.rsplit_once(label)
        .unwrap_or_else(|| panic!("no `{label}` in what valgrind wrote"))
        .1
}
