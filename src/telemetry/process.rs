//! What Linux tells of this process, under the names that all exporters use.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// The ticks of a second in `/proc`: the same on every Linux.
const TICKS: f64 = 100.0;

/// Reads `/proc/self` when Prometheus asks; what is not there is left out.
#[derive(Debug)]
struct ProcessMetrics;

/// Registers the metrics; the registry must have no prefix.
pub fn register_process_metrics(registry: &mut Registry) {
    registry.register_collector(Box::new(ProcessMetrics));
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let (stat, status) = (read("/proc/self/stat"), read("/proc/self/status"));
        let kilobytes = |name| Some(number_after(&status, name)? * 1024.0);
        let help = "User and system CPU time spent in seconds";
        let cpu = field(&stat, 14).zip(field(&stat, 15));
        if let Some((user, system)) = cpu {
            let counter = ConstCounter::new((user + system) / TICKS);
            let name = "process_cpu_seconds";
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let begun = number_after(&read("/proc/stat"), "btime ");
        let started = begun.zip(field(&stat, 22));
        let started = started.map(|(boot, since_boot)| boot + since_boot / TICKS);
        let open = fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
        // Reading the directory takes one.
        let open = open.and_then(|count| u32::try_from(count.saturating_sub(1)).ok());
        let gauges = [
            (
                "process_start_time_seconds",
                "Start time of the process in seconds since 1970",
                started,
            ),
            (
                "process_resident_memory_bytes",
                "Resident memory size in bytes",
                kilobytes("VmRSS:"),
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes",
                kilobytes("VmSize:"),
            ),
            (
                "process_threads",
                "Number of threads",
                number_after(&status, "Threads:"),
            ),
            (
                "process_open_fds",
                "Number of open file descriptors",
                open.map(f64::from),
            ),
            (
                "process_max_fds",
                "Maximum number of open file descriptors",
                number_after(&read("/proc/self/limits"), "Max open files"),
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value).encode(metric)?;
            }
        }
        Ok(())
    }
}

/// The number at the beginning of what follows `name` at the beginning of a line.
fn number_after(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// A field of `/proc/self/stat`, counted from 1 (`proc_pid_stat(5)`). The second, the name of the
/// program, may hold spaces and parentheses.
fn field(stat: &str, position: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace()
        .nth(position.checked_sub(3)?)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_where_linux_writes_them() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 6 0 123456 1 2";
        assert_eq!(field(stat, 14), Some(150.0));
        assert_eq!(field(stat, 15), Some(50.0));
        assert_eq!(field(stat, 22), Some(123_456.0));
        assert_eq!(field("", 14), None);
        assert_eq!(field(stat, 2), None);
        let status = "Name:\tportcullis\nVmSize:\t  1000 kB\nVmRSS:\t   20 kB\nThreads:\t6\n";
        assert_eq!(number_after(status, "VmRSS:"), Some(20.0));
        assert_eq!(number_after(status, "Threads:"), Some(6.0));
        assert_eq!(number_after(status, "VmSwap:"), None);
        let limits = "Limit      Soft Limit   Hard Limit   Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(number_after(limits, "Max open files"), Some(1024.0));
        assert_eq!(
            number_after("Max open files  unlimited\n", "Max open files"),
            None
        );
    }
}
