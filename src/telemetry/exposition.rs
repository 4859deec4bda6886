//! The two text formats in which Prometheus reads metrics, and which of them a scraper asked for.

use std::fmt::{self, Write};

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;

/// A format of `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// The classic text format, version 0.0.4.
    Text,
}

impl Exposition {
    /// What an `Accept` header asks for: `OpenMetrics` by name only, as other exporters do, so that tools
    /// which know the classic format alone are served.
    pub fn accepted(accept: &str) -> Self {
        let mut ranges = accept.split(',').map(|range| range.split(';'));
        let is_named = ranges.any(|mut range| {
            let name = range.next().unwrap_or_default().trim();
            let refused = range.any(|parameter| parameter.replace(' ', "") == "q=0");
            name.eq_ignore_ascii_case("application/openmetrics-text") && !refused
        });
        if is_named {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// All metrics of these registries.
    pub fn encode<'r>(
        self,
        registries: impl IntoIterator<Item = &'r Registry>,
    ) -> Result<String, fmt::Error> {
        let mut text = String::new();
        for registry in registries {
            encode_registry(&mut text, registry)?;
        }
        encode_eof(&mut text)?;
        match self {
            Self::OpenMetrics => Ok(text),
            Self::Text => classic(&text),
        }
    }
}

/// The same metrics in the classic format: a counter is called what its samples are called, and there are
/// neither units nor an end mark.
fn classic(text: &str) -> Result<String, fmt::Error> {
    let mut made = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(comment) = line.strip_prefix("# ") else {
            writeln!(made, "{line}")?;
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("HELP"), Some(name), Some(help)) => {
                // The type comes right after it.
                let is_counter = lines.peek().is_some_and(|next| {
                    next.strip_prefix("# TYPE ")
                        .is_some_and(|next| next.ends_with(" counter"))
                });
                writeln!(made, "# HELP {name}{} {help}", suffix(is_counter))?;
            }
            (Some("TYPE"), Some(name), Some(kind)) => {
                writeln!(made, "# TYPE {name}{} {kind}", suffix(kind == "counter"))?;
            }
            // `UNIT` and `EOF`.
            _ => {}
        }
    }
    Ok(made)
}

fn suffix(is_counter: bool) -> &'static str {
    if is_counter { "_total" } else { "" }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::registry::Unit;

    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_name_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        let rows = [
            ("", Exposition::Text),
            ("*/*", Exposition::Text),
            ("text/plain", Exposition::Text),
            (
                "text/plain, Application/OpenMetrics-Text",
                Exposition::OpenMetrics,
            ),
            (prometheus, Exposition::OpenMetrics),
            (
                "application/openmetrics-text; q=0, text/plain",
                Exposition::Text,
            ),
            ("application/openmetrics-textual", Exposition::Text),
        ];
        for (accept, expected) in rows {
            assert_eq!(Exposition::accepted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn the_classic_format_names_counters_by_their_samples() {
        let mut registry = Registry::with_prefix("gate");
        registry.register("checks", "Checks", Counter::<u64>::default());
        registry.register("open", "Connections", Gauge::<i64>::default());
        let latency = Histogram::new([1.0]);
        registry.register_with_unit("wait", "Time", Unit::Seconds, latency);
        let expected = "\
# HELP gate_checks_total Checks.
# TYPE gate_checks_total counter
gate_checks_total 0
# HELP gate_open Connections.
# TYPE gate_open gauge
gate_open 0
# HELP gate_wait_seconds Time.
# TYPE gate_wait_seconds histogram
gate_wait_seconds_sum 0.0
gate_wait_seconds_count 0
gate_wait_seconds_bucket{le=\"1.0\"} 0
gate_wait_seconds_bucket{le=\"+Inf\"} 0
";
        assert_eq!(Exposition::Text.encode([&registry]).unwrap(), expected);
        let open_metrics = Exposition::OpenMetrics.encode([&registry]).unwrap();
        assert!(
            open_metrics.contains("# TYPE gate_checks counter"),
            "{open_metrics}"
        );
        assert!(open_metrics.ends_with("# EOF\n"), "{open_metrics}");
    }
}
