//! Which checks are traced, and as part of which trace (W3C Trace Context, levels 1 and 2).

use crate::coding::hex_value;
use crate::gate::TraceHeaders;

/// The flag by which a caller says that it records this trace.
const SAMPLED: u8 = 0x01;

/// The flag of level 2: the lower 56 bits of the trace id are random.
const RANDOM: u8 = 0x02;

/// The length of a `traceparent` of version 0, and of what later versions begin with, in bytes.
const TRACEPARENT_BYTES: usize = 55;

/// The most of a `tracestate` that is passed on: what everybody has to pass on at least (section 3.3.1.5).
const MAX_TRACESTATE_BYTES: usize = 512;
const MAX_TRACESTATE_MEMBERS: usize = 32;

/// The bits of a trace id that decide whether it is sampled, as other tracers do.
const RANDOM_BITS: u32 = 56;

/// The place of a span in its trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) flags: u8,
    pub(super) state: String,
}

/// What a `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TraceParent {
    trace_id: [u8; 16],
    parent: [u8; 8],
    flags: u8,
}

/// Which checks are traced: those of a sampled trace, and a share of those without a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampling {
    /// Trace ids whose random bits are below are sampled.
    threshold: u64,
}

impl Sampling {
    /// `ratio`, from 0 to 1, of the checks without a parent.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the ratio is between 0 and 1, and the product at most 2^56, which is exact"
    )]
    pub(super) fn new(ratio: f64) -> Self {
        Self {
            threshold: (ratio * (1_u64 << RANDOM_BITS) as f64) as u64,
        }
    }

    /// The place of a check's span, if it is to have one. A `traceparent` that cannot be read counts as
    /// none.
    pub(super) fn context(self, headers: &TraceHeaders<'_>) -> Option<Context> {
        match headers.traceparent().and_then(TraceParent::read) {
            Some(parent) => (parent.flags & SAMPLED != 0).then(|| Context {
                trace_id: parent.trace_id,
                span_id: random_id(),
                parent: Some(parent.parent),
                // What other flags mean is not known, and they are not passed on (section 3.2.2.5.2).
                flags: parent.flags & (SAMPLED | RANDOM),
                state: headers.tracestate().and_then(state).unwrap_or_default(),
            }),
            None => self.root(),
        }
    }

    fn root(self) -> Option<Context> {
        if self.threshold == 0 {
            return None;
        }
        let trace_id: [u8; 16] = random_id();
        let [.., last] = *trace_id.as_chunks::<8>().0 else {
            return None;
        };
        let drawn = u64::from_be_bytes(last) & ((1 << RANDOM_BITS) - 1);
        (drawn < self.threshold).then(|| Context {
            trace_id,
            span_id: random_id(),
            parent: None,
            flags: SAMPLED | RANDOM,
            state: String::new(),
        })
    }
}

impl TraceParent {
    fn read(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(TRACEPARENT_BYTES)?;
        let [version, trace_id, parent, flags] = fields(known)?;
        let [version] = hex::<1>(version)?;
        let well_ended = match version {
            0 => rest.is_empty(),
            0xff => false,
            // Of a later version that is known which level 1 has, and more may follow.
            _ => rest.first().is_none_or(|byte| *byte == b'-'),
        };
        let [flags] = hex::<1>(flags)?;
        let read = Self {
            trace_id: hex(trace_id)?,
            parent: hex(parent)?,
            flags,
        };
        let is_valid = well_ended && read.trace_id != [0; 16] && read.parent != [0; 8];
        is_valid.then_some(read)
    }
}

/// The four fields of a `traceparent`, by the dashes between them.
fn fields(text: &[u8]) -> Option<[&[u8]; 4]> {
    let mut parts = text.split(|byte| *byte == b'-');
    let fields = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(fields)
}

/// Exactly `N` bytes as lower-case hex digits.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        if high.is_ascii_uppercase() || low.is_ascii_uppercase() {
            return None;
        }
        *byte = hex_value(*high)? << 4 | hex_value(*low)?;
    }
    Some(bytes)
}

/// A `tracestate` as it may be passed on, whole or not at all.
fn state(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    let is_plain = text.bytes().all(|byte| matches!(byte, b'\t' | 0x20..0x7f));
    let members = text
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']));
    let mut members = members.filter(|member| !member.is_empty());
    let is_short = text.len() <= MAX_TRACESTATE_BYTES
        && members.clone().count() <= MAX_TRACESTATE_MEMBERS
        && members.all(|member| {
            member
                .split_once('=')
                .is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
        });
    (is_plain && is_short).then(|| text.to_owned())
}

/// Random, and not zero, which would mean that there is none.
fn random_id<const N: usize>() -> [u8; N] {
    let mut id = [0; N];
    // Without randomness all ids are alike: a span in the wrong place, which harms nobody.
    let _ = aws_lc_rs::rand::fill(&mut id);
    if id == [0; N] { [1; N] } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn flags(text: &str) -> Option<u8> {
        TraceParent::read(text.as_bytes()).map(|parent| {
            assert_eq!(parent.trace_id[..2], [0x4b, 0xf9], "{text}");
            assert_eq!(parent.parent[..2], [0x00, 0xf0], "{text}");
            parent.flags
        })
    }

    #[test]
    fn a_traceparent_is_read_as_the_standard_writes_it() {
        for (text, expected) in [
            (format!("00-{TRACE}-{PARENT}-01"), Some(1)),
            (format!("00-{TRACE}-{PARENT}-00"), Some(0)),
            // Level 2: sampled and random.
            (format!("00-{TRACE}-{PARENT}-03"), Some(3)),
            (format!("00-{TRACE}-{PARENT}-ff"), Some(0xff)),
            // Later versions may say more.
            (format!("cc-{TRACE}-{PARENT}-01"), Some(1)),
            (format!("cc-{TRACE}-{PARENT}-01-what-the-future"), Some(1)),
            (format!("cc-{TRACE}-{PARENT}-01."), None),
            (format!("00-{TRACE}-{PARENT}-01-more"), None),
            (format!("00-{TRACE}-{PARENT}-01-"), None),
            (format!("ff-{TRACE}-{PARENT}-01"), None),
            (format!("0-{TRACE}-{PARENT}-01"), None),
            (format!("00-{}-{PARENT}-01", TRACE.to_uppercase()), None),
            (format!("00-{TRACE}-{}-01", PARENT.to_uppercase()), None),
            (format!("00-{TRACE}-{PARENT}-0A"), None),
            (format!("00-{}-{PARENT}-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-{TRACE}-{PARENT}-1"), None),
            (format!("00-{TRACE}-{PARENT}"), None),
            (format!("00-{TRACE}{PARENT}--01"), None),
            (format!("00 {TRACE} {PARENT} 01"), None),
            (format!(" 00-{TRACE}-{PARENT}-01"), None),
            (
                format!("00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01"),
                None,
            ),
            (String::new(), None),
        ] {
            assert_eq!(flags(&text), expected, "{text}");
        }
        assert_eq!(TraceParent::read(&[0xff; 55]), None);
    }

    #[test]
    fn a_tracestate_is_passed_on_whole_or_not_at_all() {
        for (text, expected) in [
            ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true),
            ("a=b, c=d", true),
            ("a=b,,c=d", true),
            ("", true),
            ("a", false),
            ("=b", false),
            ("a=", false),
            ("a=\u{fc}", false),
            ("a=\u{1}", false),
        ] {
            let read = state(text.as_bytes());
            assert_eq!(read.as_deref(), expected.then_some(text), "{text}");
        }
        let long = format!("a={}", "b".repeat(510));
        assert!(state(long.as_bytes()).is_some());
        assert_eq!(state(format!("{long}b").as_bytes()), None);
        let many = vec!["a=b"; 33].join(",");
        assert_eq!(state(many.as_bytes()), None);
    }

    #[test]
    fn the_parent_decides_and_the_ratio_is_for_those_without() {
        let context = |ratio, text: &str| {
            let headers = TraceHeaders::new(text.as_bytes(), None);
            Sampling::new(ratio).context(&headers)
        };
        let sampled = format!("00-{TRACE}-{PARENT}-01");
        let kept = context(0.0, &sampled).unwrap();
        assert_eq!((kept.trace_id[0], kept.flags), (0x4b, 1));
        assert_eq!(kept.parent.unwrap()[1], 0xf0);
        assert_ne!(kept.span_id, kept.parent.unwrap());
        assert_eq!(context(1.0, &format!("00-{TRACE}-{PARENT}-02")), None);
        assert_eq!(context(0.0, ""), None);
        assert_eq!(context(0.0, "nonsense"), None);
        let root = context(1.0, "nonsense").unwrap();
        assert_eq!((root.parent, root.flags), (None, 3));
        let kept = (0..4000).filter(|_| context(0.25, "").is_some()).count();
        assert!((700..1300).contains(&kept), "{kept} of 4000");
    }
}
