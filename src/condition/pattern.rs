//! Regular expressions: compiled when the policy is loaded, and of the same meaning as in RE2, which
//! CEL asks for.

use regex::{Regex, RegexBuilder};

use crate::problem::Mistake;

/// The most memory that a compiled pattern may take, in bytes. Compiling costs time in proportion.
const MAX_COMPILED_BYTES: usize = 256 * 1024;

/// A compiled pattern, and whether it holds for whole texts only.
pub(super) struct Pattern {
    pub(super) regex: Regex,
    pub(super) is_anchored: bool,
}

impl Pattern {
    pub(super) fn compile(written: &str) -> Result<Self, Mistake> {
        let mut reader = Reader {
            rest: written,
            translated: String::with_capacity(written.len()),
            depth: 0,
            alternatives: false,
            multi_line: false,
        };
        reader.read()?;
        let regex = RegexBuilder::new(&reader.translated)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_COMPILED_BYTES)
            .build()
            .map_err(|error| mistake(&error))?;
        let (start, end) = (["^", "\\A"], ["$", "\\z"]);
        let ends = end.iter().any(|end| {
            let before = written.strip_suffix(end);
            before.is_some_and(|before| trailing_backslashes(before).is_multiple_of(2))
        });
        let begins = start.iter().any(|start| written.starts_with(start));
        Ok(Self {
            regex,
            is_anchored: begins && ends && !reader.alternatives && !reader.multi_line,
        })
    }
}

fn trailing_backslashes(text: &str) -> usize {
    text.len() - text.trim_end_matches('\\').len()
}

fn mistake(error: &regex::Error) -> Mistake {
    if let regex::Error::CompiledTooBig(_) = error {
        return Mistake::new(
            format!("the pattern takes more than {MAX_COMPILED_BYTES} bytes when compiled"),
            "use smaller counts in `{...}`",
        );
    }
    // The last line says what is wrong; those before it show where.
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let why = last.strip_prefix("error: ").unwrap_or(last);
    Mistake::new(
        format!("the pattern is not a regular expression: {why}"),
        "correct it; a character that has a meaning is written with a backslash before it",
    )
}

/// Writes a pattern anew. `\d`, `\w`, `\s` and `\b` mean ASCII in RE2 and Unicode in Rust, and some
/// notations mean something in one of them only.
struct Reader<'p> {
    rest: &'p str,
    translated: String,
    /// Of parentheses.
    depth: usize,
    /// Whether there is a `|` outside of parentheses, so that anchors hold for one side only.
    alternatives: bool,
    /// Whether `^` and `$` may hold within a text.
    multi_line: bool,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), Mistake> {
        while let Some(first) = self.next() {
            match first {
                '\\' => self.escape(Within::Pattern)?,
                '[' => self.class()?,
                '(' => {
                    self.depth += 1;
                    self.translated.push('(');
                    self.flags()?;
                }
                ')' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.translated.push(')');
                }
                '|' => {
                    self.alternatives |= self.depth == 0;
                    self.translated.push('|');
                }
                other => self.translated.push(other),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let first = chars.next();
        self.rest = chars.as_str();
        first
    }

    fn escape(&mut self, within: Within) -> Result<(), Mistake> {
        let Some(escaped) = self.next() else {
            self.translated.push('\\');
            return Ok(());
        };
        let (inside, outside) = match escaped {
            'd' => ("0-9", "[0-9]"),
            'w' => ("0-9A-Za-z_", "[0-9A-Za-z_]"),
            's' => ("\\t\\n\\x0C\\r ", "[\\t\\n\\x0C\\r ]"),
            'D' => ("[^0-9]", "[^0-9]"),
            'W' => ("[^0-9A-Za-z_]", "[^0-9A-Za-z_]"),
            'S' => ("[^\\t\\n\\x0C\\r ]", "[^\\t\\n\\x0C\\r ]"),
            'b' if within == Within::Pattern && !self.rest.starts_with('{') => {
                self.translated.push_str("(?-u:\\b)");
                return Ok(());
            }
            'b' | 'B' | '<' | '>' | 'p' | 'P' => {
                return Err(unsupported(&format!("`\\{escaped}` here")));
            }
            other => {
                self.translated.push('\\');
                self.translated.push(other);
                return Ok(());
            }
        };
        self.translated.push_str(match within {
            Within::Class => inside,
            Within::Pattern => outside,
        });
        Ok(())
    }

    /// What is between `[` and `]`.
    fn class(&mut self) -> Result<(), Mistake> {
        self.translated.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.translated.push('^');
        }
        if let Some(rest) = self.rest.strip_prefix(']') {
            self.rest = rest;
            self.translated.push_str("\\]");
        }
        while let Some(first) = self.next() {
            match first {
                ']' => {
                    self.translated.push(']');
                    return Ok(());
                }
                '\\' => self.escape(Within::Class)?,
                '[' if self.rest.starts_with(':') => {
                    let end = self.rest.find(":]").map(|end| end + 2);
                    let named = end.and_then(|end| self.rest.split_at_checked(end));
                    let (name, rest) = named.ok_or_else(|| unsupported("`[:` without `:]`"))?;
                    self.translated.push('[');
                    self.translated.push_str(name);
                    self.rest = rest;
                }
                // Rust would read these as sets and operations on sets.
                '[' => self.translated.push_str("\\["),
                '&' | '~' => {
                    self.translated.push('\\');
                    self.translated.push(first);
                }
                '-' if self.rest.starts_with('-') => return Err(unsupported("`--` in a class")),
                other => self.translated.push(other),
            }
        }
        Ok(())
    }

    /// `?:`, `?P<name>` or flags behind a parenthesis.
    fn flags(&mut self) -> Result<(), Mistake> {
        let Some(rest) = self.rest.strip_prefix('?') else {
            return Ok(());
        };
        let end = rest.find(|one: char| !one.is_ascii_alphabetic() && one != '-');
        let flags = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        if flags == "P" {
            return Ok(());
        }
        if let Some(other) = flags.chars().find(|one| !"imsU-".contains(*one)) {
            return Err(unsupported(&format!("the flag `{other}`")));
        }
        self.multi_line |= flags.contains('m');
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Pattern,
    Class,
}

fn unsupported(what: &str) -> Mistake {
    Mistake::new(
        format!("the pattern uses {what}, which is not supported"),
        "write it in another way",
    )
}
