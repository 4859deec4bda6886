//! The spellings of a path: each rewriting that a server on the way might do, in every order.

use std::collections::HashSet;
use std::rc::Rc;

use super::encoding::{Decoded, decoded};
use super::{EncodedSlashes, MAX_SEGMENTS, PathRules, is_bare_verb};
use crate::policy::TargetError;

/// The most spellings of a path that are followed. One oddity in a path makes two or three.
const MAX_SPELLINGS: usize = 256;
/// The most bytes that all spellings of a path have together, so that the work on a long path is
/// bounded like that on a short one.
pub(super) const MAX_SPELLED_BYTES: usize = 64 * 1024;

/// The path and everything that rewriting makes of it, still percent-encoded, whatever the order of
/// the rewritings: each is tried on every result until nothing new comes of it.
pub(super) fn spellings(path: &[u8], rules: PathRules) -> Result<Vec<Rc<[u8]>>, TargetError> {
    check_segments(path, rules)?;
    check_verb(path)?;
    let first: Rc<[u8]> = path.into();
    let mut bytes = path.len();
    let mut known = HashSet::from([Rc::clone(&first)]);
    let mut found = vec![first];
    let mut next = 0;
    while let Some(spelling) = found.get(next).cloned() {
        next += 1;
        for rewritten in rewritings(&spelling, rules) {
            // Rewritings lead to each other in any order. Each spelling is taken up once, so that this
            // ends.
            if known.contains(rewritten.as_slice()) {
                continue;
            }
            // One spelling that is refused refuses the request: some server on the way may read the
            // path so.
            check_segments(&rewritten, rules)?;
            // A verb is cut off once: what is left of `/:a:` is a name, where a path `/:a` is refused.
            if without_empty_verb(&spelling).is_none_or(|name| name != rewritten) {
                check_verb(&rewritten)?;
            }
            bytes += rewritten.len();
            // Each ambiguous character can double their number: a caller must not have the gate try
            // thousands.
            if found.len() == MAX_SPELLINGS || bytes > MAX_SPELLED_BYTES {
                return Err(TargetError::PathTooAmbiguous);
            }
            let rewritten: Rc<[u8]> = rewritten.into();
            known.insert(Rc::clone(&rewritten));
            found.push(rewritten);
        }
    }
    Ok(found)
}

/// What each rewriting makes of `spelling`, where it changes anything. None makes a path longer.
fn rewritings(spelling: &[u8], rules: PathRules) -> impl Iterator<Item = Vec<u8>> {
    // Whether a path may have the characters, raw or encoded, was checked before. Decoding and
    // cutting need no rule: a server that decodes before it looks for `;` or `?` sees one.
    let always = [
        decode_only(spelling, b"/").filter(|_| rules.encoded_slashes == EncodedSlashes::Both),
        decode_only(spelling, b";"),
        decode_only(spelling, b"?#"),
        cut_parameters(spelling),
        // Others know parameters of the last segment only (RFC 1808 section 2.1).
        cut_last_parameters(spelling),
        // Some servers cut the whole path at the first `;` (CVE-2026-73511).
        cut_at(spelling, b';'),
        cut_at(spelling, b'?'),
        cut_at(spelling, b'#'),
        without_empty_verb(spelling),
    ];
    // Some servers merge slashes at the beginning only.
    let shorter = spelling.strip_prefix(b"/");
    let shorter = shorter.filter(|rest| rest.starts_with(b"/"));
    let merging = [
        merge_slashes(spelling),
        without_authority(spelling),
        shorter.map(<[u8]>::to_vec),
    ];
    let merging = merging.map(|rewritten| rewritten.filter(|_| rules.merge_slashes));
    let trailing = without_trailing_slash(spelling).filter(|_| rules.trailing_slash);
    always
        .into_iter()
        .chain(merging)
        .chain([trailing])
        .flatten()
}

/// The segments; none for `/` alone.
pub(super) fn segments(spelling: &[u8]) -> impl Iterator<Item = &[u8]> {
    let rest = spelling.strip_prefix(b"/").unwrap_or(spelling);
    let all = (!rest.is_empty()).then(|| rest.split(|byte| *byte == b'/'));
    all.into_iter().flatten()
}

/// Refuses what no rule allows in any spelling, and what no rule of this policy does.
fn check_segments(spelling: &[u8], rules: PathRules) -> Result<(), TargetError> {
    let mut count = 0;
    let mut inner_empty = false;
    let mut last_empty = false;
    for segment in segments(spelling) {
        if matches!(segment, b"." | b"..") {
            return Err(TargetError::PathDotSegment);
        }
        inner_empty |= last_empty;
        last_empty = segment.is_empty();
        count += 1;
    }
    if count > MAX_SEGMENTS {
        return Err(TargetError::PathTooLong);
    }
    // `//` is the root with a slash too many, not something with a slash at its end.
    let only_slashes = spelling.iter().all(|byte| *byte == b'/');
    if (inner_empty && !rules.merge_slashes)
        || (last_empty && !rules.trailing_slash && !(only_slashes && rules.merge_slashes))
    {
        return Err(TargetError::PathEmptySegment);
    }
    Ok(())
}

/// Refuses a last segment that is nothing but a verb.
fn check_verb(spelling: &[u8]) -> Result<(), TargetError> {
    let Some(last) = segments(spelling).last() else {
        return Ok(());
    };
    // A proxy on the way may decode the colon, whatever the server behind it does.
    if is_bare_verb(last) || is_bare_verb(&decoded(last)) {
        return Err(TargetError::PathBareVerb);
    }
    Ok(())
}

/// Decodes those bytes of `path` that `wanted` has.
fn decode_only(path: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    let is_wanted = |first: &Decoded<'_>| first.was_encoded && wanted.contains(&first.byte);
    if !path.contains(&b'%') || !Decoded::all(path).any(|first| is_wanted(&first)) {
        return None;
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    for first in Decoded::all(path) {
        if is_wanted(&first) {
            decoded.push(first.byte);
        } else {
            let length = rest.len() - first.rest.len();
            decoded.extend(rest.iter().take(length));
        }
        rest = first.rest;
    }
    Some(decoded)
}

/// Each segment up to its first `;`.
fn cut_parameters(path: &[u8]) -> Option<Vec<u8>> {
    if !path.contains(&b';') {
        return None;
    }
    let mut kept = Vec::with_capacity(path.len());
    let mut within_parameter = false;
    for byte in path {
        within_parameter = *byte != b'/' && (within_parameter || *byte == b';');
        if !within_parameter {
            kept.push(*byte);
        }
    }
    Some(kept)
}

/// The last segment that has a `;`, up to its first.
fn cut_last_parameters(path: &[u8]) -> Option<Vec<u8>> {
    let last = path.iter().rposition(|byte| *byte == b';')?;
    let (before, after) = path.split_at_checked(last)?;
    let start = before.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    let cut = before.iter().skip(start).position(|byte| *byte == b';');
    let kept = before.get(..cut.map_or(last, |cut| start + cut))?;
    let rest = after.iter().skip_while(|byte| **byte != b'/');
    Some(kept.iter().chain(rest).copied().collect())
}

/// The path up to the first `byte`.
fn cut_at(path: &[u8], byte: u8) -> Option<Vec<u8>> {
    let end = path.iter().position(|one| *one == byte)?;
    path.get(..end).map(<[u8]>::to_vec)
}

fn merge_slashes(path: &[u8]) -> Option<Vec<u8>> {
    if !path.windows(2).any(|pair| pair == b"//") {
        return None;
    }
    let mut merged = path.to_vec();
    merged.dedup_by(|next, before| *next == b'/' && *before == b'/');
    Some(merged)
}

/// What a URL parser leaves of `//host/path` (CVE-2026-26205). The authority ends at a slash, `?`
/// or `#` (RFC 3986 section 3.2); browsers let it begin after further slashes.
fn without_authority(path: &[u8]) -> Option<Vec<u8>> {
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    let authority_and_path = path.get(slashes..).filter(|rest| !rest.is_empty())?;
    if slashes < 2 {
        return None;
    }
    let end = authority_and_path
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let rest = end.and_then(|end| authority_and_path.get(end..));
    // A query or fragment behind the authority leaves the root.
    Some(match rest {
        Some(rest) if rest.starts_with(b"/") => rest.to_vec(),
        _ => b"/".to_vec(),
    })
}

/// What is left of `/a:` where a verb is cut off at the last colon, even one that nobody knows
/// (`match_unregistered_custom_verb` of Envoy's transcoder).
fn without_empty_verb(path: &[u8]) -> Option<Vec<u8>> {
    let shorter = [b":".as_slice(), b"%3A", b"%3a"]
        .iter()
        .find_map(|colon| path.strip_suffix(*colon))?;
    Some(shorter.to_vec())
}

fn without_trailing_slash(path: &[u8]) -> Option<Vec<u8>> {
    let shorter = path.strip_suffix(b"/")?;
    (!shorter.is_empty()).then(|| shorter.to_vec())
}
