//! What the kernel knows of a process.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

/// Processor time of all its threads so far, in microseconds.
pub(crate) fn processor_time(id: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let nanoseconds = threads.map(|thread| {
        // Time on a processor in nanoseconds, then waiting time and slices. What `utime` and
        // `stime` say in ticks of ten milliseconds, it says exactly.
        let text = fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        text.split_whitespace()
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
    });
    nanoseconds.sum::<f64>() / 1e3
}

/// Segments with data that the connections of a listener on this address have sent. Over loopback,
/// without Nagle's algorithm, that is the number of their writes. Nothing where `ss` is missing.
pub(crate) fn segments_sent(listener: SocketAddr) -> Option<f64> {
    let mut command = Command::new("ss");
    command.args([
        "--tcp",
        "--info",
        "--numeric",
        "--no-header",
        "state",
        "established",
    ]);
    command.arg(format!("( sport = :{} )", listener.port()));
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts = text
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("data_segs_out:"));
    Some(counts.map(|count| count.parse::<f64>().unwrap()).sum())
}

/// Resident memory, in megabytes of a million bytes.
pub(crate) fn resident_memory(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kibibytes: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    kibibytes * 1024.0 / 1e6
}

/// The processes that this one has started and that still run.
#[cfg(feature = "issuer")]
pub(crate) fn children(id: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    let ids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    ids.filter(|child| {
        // The name, which may hold anything, ends at the last parenthesis; state and parent follow.
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        fields.split(' ').nth(1) == Some(&id.to_string())
    })
    .collect()
}
