//! Reads on behind a mistake: what cannot be read is blanked out, so that the rest is read at its own
//! place. For telling all that is wrong with a file, never for what is put to use.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser};

use super::failure::{Failure, Subject};
use crate::problem::{Place, Problem, Source, closest};

/// The most mistakes of one file that are read past.
const MAX_MISTAKES: usize = 50;
/// A file is read anew behind each mistake: the most that is read of a large one, in bytes, before it is
/// given up. A gate that reloads is to be done within seconds, whatever the file.
const MAX_READ_BYTES: usize = 8 * 1024 * 1024;

/// What could be read of a file, and what could not.
#[derive(Debug)]
pub struct Recovered<T> {
    pub document: T,
    /// What was wrong with the form of the rest, in the order of the file.
    pub problems: Vec<Problem>,
    pub damage: Damage,
}

/// Where something is missing from a document that was read in parts.
#[derive(Debug, Default)]
pub struct Damage {
    /// Where the entries begin from which something is missing.
    entries: Vec<usize>,
    /// The keys of the file's own mapping below which something is missing.
    sections: Vec<String>,
}

impl Damage {
    /// Whether something is missing from the very entry at this place, so that what is said of it as a
    /// whole may not be true.
    pub fn is_at(&self, place: &Place) -> bool {
        let start = place.bytes.as_ref().map(|bytes| bytes.start);
        start.is_some_and(|start| self.entries.contains(&start))
    }

    /// Whether something is missing below this key of the file's own mapping, or could be: under a key
    /// that nobody knows and that is not another one misspelt.
    pub fn is_below(&self, key: &str, known: &[&str]) -> bool {
        let mut sections = self.sections.iter().map(String::as_str);
        let may_be = |section: &str| {
            let meant = closest(section, known.iter().copied());
            !known.contains(&section) && meant.is_none_or(|meant| meant == key)
        };
        sections.any(|section| section == key || may_be(section))
    }
}

/// Reads `source` by `read` as often as there is something to blank out. The error has all that is
/// wrong, if nothing can be read. `parse` tells whether it is YAML at all.
pub(super) fn read<T>(
    source: &Source,
    read: impl Fn(&Source) -> Result<T, Failure>,
    parse: impl Fn(&Source) -> Result<(), Failure>,
) -> Result<Recovered<T>, Vec<Problem>> {
    let mut rest = source.clone();
    let mut problems = Vec::new();
    let mut damage = Damage::default();
    let mut removed_keys: Vec<String> = Vec::new();
    loop {
        let failure = match read(&rest) {
            Ok(document) => {
                return Ok(Recovered {
                    document,
                    problems,
                    damage,
                });
            }
            Err(failure) => failure,
        };
        let subject = failure.subject;
        // What is missing may be missing only because it could not be read.
        if failure
            .missing
            .is_some_and(|key| removed_keys.contains(&key))
        {
            return Err(problems);
        }
        let place = failure.problem.place.clone();
        problems.push(failure.problem);
        let removed = place
            .filter(|_| subject != Subject::Text && may_read_on(source, problems.len()))
            .and_then(|place| Layout::of(&rest.text)?.removal(&rest.text, &place, subject));
        let Some(removal) = removed else {
            // What cannot be told apart may be another mistake, further down.
            let further = parse(&rest).err().map(|failure| failure.problem);
            problems.extend(further.filter(|problem| !problems.contains(problem)));
            return Err(problems);
        };
        damage.entries.extend(removal.around);
        damage.sections.extend(removal.section);
        removed_keys.extend(removal.key);
        rest.text = blanked(&rest.text, &removal.region);
    }
}

/// Whether the file may be read once more behind this many mistakes.
fn may_read_on(source: &Source, mistakes: usize) -> bool {
    let read = source.text.len().saturating_mul(mistakes + 1);
    mistakes < MAX_MISTAKES && read <= MAX_READ_BYTES
}

/// The text with spaces in the place of `region`; lines stay lines.
fn blanked(text: &str, region: &Range<usize>) -> String {
    let mut blanked = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if region.contains(&at) && character != '\n' && character != '\r' {
            blanked.extend(std::iter::repeat_n(' ', character.len_utf8()));
        } else {
            blanked.push(character);
        }
    }
    blanked
}

/// What to blank out, and what is affected by it.
struct Removal {
    region: Range<usize>,
    /// Where the values begin that the region was a part of.
    around: Vec<usize>,
    /// The key of the file's own mapping to which the region belongs.
    section: Option<String>,
    /// The key of the region itself.
    key: Option<String>,
}

/// The entries of all mappings and sequences, those of a collection behind the one that it is the value
/// of. Flat, because a file may be nested as deeply as it likes.
#[derive(Default)]
struct Layout {
    entries: Vec<Entry>,
    /// How many of them are in the file's own mapping or sequence.
    at_top: usize,
}

struct Entry {
    /// The entry of whose value this is a part.
    parent: Option<usize>,
    key: Option<Range<usize>>,
    value: Range<usize>,
    /// Within braces or brackets.
    is_flow: bool,
    is_block_mapping: bool,
    /// How many entries its value has.
    parts: usize,
}

/// A collection that has begun.
struct Open {
    entry: Option<usize>,
    is_mapping: bool,
    is_flow: bool,
    key: Option<Range<usize>>,
    end: usize,
}

impl Layout {
    /// Nothing where the text is not YAML, or has collections as keys.
    fn of(text: &str) -> Option<Self> {
        let mut outline = Self::default();
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.ok()?;
            let range = span.byte_range()?;
            match event {
                Event::Scalar(..) | Event::Alias(_) => {
                    outline.scalar(&mut open, range);
                }
                Event::MappingStart(..) | Event::SequenceStart(..) => {
                    let is_flow = text.get(range.start..)?.starts_with(['{', '[']);
                    let is_mapping = matches!(event, Event::MappingStart(..));
                    let entry = match open.last_mut() {
                        None => None,
                        Some(around) if around.is_mapping && around.key.is_none() => return None,
                        Some(around) => {
                            let is_block_mapping = is_mapping && !is_flow;
                            Some(outline.add(around, range.clone(), is_block_mapping))
                        }
                    };
                    open.push(Open {
                        entry,
                        is_mapping,
                        is_flow,
                        key: None,
                        end: range.start,
                    });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    let closed = open.pop()?;
                    // The end of a block is where the next thing begins.
                    let end = if closed.is_flow {
                        range.end
                    } else {
                        closed.end
                    };
                    let entry = closed
                        .entry
                        .and_then(|entry| outline.entries.get_mut(entry));
                    if let Some(entry) = entry {
                        entry.value.end = end;
                    }
                    if let Some(around) = open.last_mut() {
                        around.end = around.end.max(end);
                    }
                }
                _ => {}
            }
        }
        Some(outline)
    }

    fn scalar(&mut self, open: &mut [Open], range: Range<usize>) {
        let Some(around) = open.last_mut() else {
            return;
        };
        around.end = around.end.max(range.end);
        if around.is_mapping && around.key.is_none() {
            around.key = Some(range);
        } else {
            self.add(around, range, false);
        }
    }

    fn add(&mut self, around: &mut Open, value: Range<usize>, is_block_mapping: bool) -> usize {
        let around_it = around.entry.and_then(|entry| self.entries.get_mut(entry));
        match around_it {
            Some(entry) => entry.parts += 1,
            None => self.at_top += 1,
        }
        self.entries.push(Entry {
            parent: around.entry,
            key: around.key.take(),
            value,
            is_flow: around.is_flow,
            is_block_mapping,
            parts: 0,
        });
        self.entries.len() - 1
    }

    /// What has to go because of a mistake at `place`.
    fn removal(&self, text: &str, place: &Place, subject: Subject) -> Option<Removal> {
        let at = match &place.bytes {
            Some(bytes) => bytes.start,
            None => offset(text, place)?,
        };
        let mut chosen = self.entry_at(text, at, subject)?;
        // A block without entries is another mistake, of which the file's author knows nothing.
        while self.is_alone_in_block(chosen) {
            chosen = self.entries.get(chosen)?.parent?;
        }
        let entry = self.entries.get(chosen)?;
        let mut around = vec![entry.region(text).start, entry.value.start];
        let mut outermost = entry;
        while let Some(parent) = outermost.parent.and_then(|parent| self.entries.get(parent)) {
            around.push(parent.value.start);
            outermost = parent;
        }
        let name = |entry: &Entry| {
            let key = entry.key.clone().and_then(|key| text.get(key))?;
            Some(key.trim_matches(['"', '\'']).to_owned())
        };
        Some(Removal {
            region: entry.region(text),
            around,
            section: name(outermost),
            key: name(entry),
        })
    }

    /// The innermost entry at this position, the one whose value begins there if the value is meant.
    fn entry_at(&self, text: &str, at: usize, subject: Subject) -> Option<usize> {
        let numbered = || self.entries.iter().enumerate();
        if subject == Subject::Value {
            // A block mapping begins where its first key does.
            let as_value =
                numbered().find(|(_, entry)| entry.is_block_mapping && entry.value.start == at);
            if let Some((position, _)) = as_value {
                return Some(position);
            }
        }
        let regions = numbered().map(|(position, entry)| (position, entry.region(text)));
        let holding = regions.filter(|(_, region)| (region.start..=region.end).contains(&at));
        // Of those that hold it, the last one to begin lies within all the others.
        holding
            .max_by_key(|(_, region)| region.start)
            .map(|(position, _)| position)
    }

    fn is_alone_in_block(&self, position: usize) -> bool {
        let Some(entry) = self.entries.get(position) else {
            return false;
        };
        let around = entry.parent.and_then(|parent| self.entries.get(parent));
        let siblings = around.map_or(self.at_top, |around| around.parts);
        !entry.is_flow && siblings == 1
    }
}

impl Entry {
    /// From its key, the `?` in front of it, or its dash, to the end of its value and the comma behind it.
    fn region(&self, text: &str) -> Range<usize> {
        let start = match &self.key {
            Some(key) => mark_of_key(text, key.start).unwrap_or(key.start),
            None if self.is_flow => self.value.start,
            None => {
                let before = text.get(..self.value.start).unwrap_or_default();
                before.rfind('-').unwrap_or(self.value.start)
            }
        };
        let mut end = self.value.end.max(start);
        let rest = |end: usize| text.get(end..).unwrap_or_default();
        if let Some(key) = &self.key
            && self.value.is_empty()
        {
            end = end.max(key.end + colon_behind(rest(key.end)));
        }
        if self.is_flow {
            let behind = rest(end);
            let comma = behind.trim_start();
            if comma.starts_with(',') {
                end += behind.len() - comma.len() + 1;
            }
        }
        start..end
    }
}

/// The `?` in front of the key that begins here, which few keys have.
fn mark_of_key(text: &str, key: usize) -> Option<usize> {
    let before = text.get(..key)?.trim_end_matches([' ', '\t']);
    before.strip_suffix('?').map(str::len)
}

/// The end of the colon that follows a key; 0 where the key has none, as `? key` may. What is behind
/// the next entry is not looked at.
fn colon_behind(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix(':') {
            return text.len() - behind.len();
        }
        let Some(comment) = rest.strip_prefix('#') else {
            return 0;
        };
        rest = comment.split_once('\n').map_or("", |(_, next)| next);
    }
}

fn offset(text: &str, place: &Place) -> Option<usize> {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines
        .by_ref()
        .take(place.line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let line = lines.next().unwrap_or_default();
    let columns = line.char_indices().map(|(at, _)| at);
    let column = columns
        .chain([line.len()])
        .nth(place.column.checked_sub(1)?);
    Some(before + column.unwrap_or(line.len()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How many bytes are read of a text in which each key is a mistake, and how many mistakes are told.
    #[expect(clippy::result_large_err, reason = "as what reads a file")]
    fn bytes_read(text: String) -> (usize, usize) {
        let source = Source {
            name: "f".to_owned(),
            text,
        };
        let read = Cell::new(0);
        let mistaken = |source: &Source| {
            read.set(read.get() + source.text.len());
            let at = source.text.find('k').unwrap();
            let place = Place {
                file: source.name.clone(),
                line: 1,
                column: 1,
                bytes: Some(at..at + 1),
            };
            let problem = Problem::new("unknown key").at(place);
            Err::<(), _>(Failure::new(problem, Subject::Key))
        };
        let problems = super::read(&source, mistaken, |_| Ok(())).unwrap_err();
        (read.get(), problems.len())
    }

    #[test]
    fn a_large_file_is_not_read_for_each_of_its_mistakes() {
        let mistakes = |count: usize, padding: usize| {
            let keys = "k: 1\n".repeat(count);
            bytes_read(format!("{keys}# {}\n", "x".repeat(padding)))
        };
        let (_, problems) = mistakes(200, 10);
        assert_eq!(problems, MAX_MISTAKES);
        let (read, problems) = mistakes(200, 1024 * 1024);
        assert!(read <= MAX_READ_BYTES, "{read}");
        assert_eq!(problems, 7);
        // Once it is read in any case.
        assert_eq!(mistakes(200, 9 * 1024 * 1024).1, 1);
    }

    #[test]
    fn a_key_ends_with_its_own_colon() {
        for (behind, end) in [
            (": b", 1),
            (" : b", 2),
            ("\n  # c: d\n  : b", 13),
            ("\nb: c", 0),
            (" # c:", 0),
            ("", 0),
        ] {
            assert_eq!(colon_behind(behind), end, "{behind:?}");
        }
    }
}
