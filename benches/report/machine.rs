//! What the figures of a run depend on.

use std::fs;
use std::process::Command;

/// Processor, kernel, compiler and valgrind, in one line.
pub(crate) fn description() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("an unknown processor", |text| {
            text.trim_start_matches(['\t', ' ', ':'])
        });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let cores = std::thread::available_parallelism().unwrap();
    format!(
        "{model}, {cores} cores, Linux {}, {}, {}",
        kernel.trim(),
        version("rustc"),
        version("valgrind")
    )
}

fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
