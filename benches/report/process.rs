//! What the kernel knows of a process.

use std::fs;

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
