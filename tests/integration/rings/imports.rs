//! What source files import, read token by token: comments, texts and tests do not count.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file of the crate.
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    /// Its module, such as `crate::gate::turn`.
    pub(crate) module: Vec<String>,
    /// Every path that the code names, from `crate` where it is our own.
    pub(crate) paths: BTreeSet<Vec<String>>,
}

impl SourceFile {
    /// Whether the code names something below this path.
    pub(crate) fn names(&self, prefix: &[&str]) -> bool {
        self.paths.iter().any(|path| starts_with(path, prefix))
    }
}

pub(crate) fn starts_with(path: &[String], prefix: &[&str]) -> bool {
    path.len() >= prefix.len() && prefix.iter().zip(path).all(|(wanted, part)| part == wanted)
}

/// Where the crate is.
pub(crate) fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of Rust in a folder and those in it.
pub(crate) fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// The files of a module of the crate, without those that are compiled for tests only.
pub(crate) fn files_of(module: &str) -> Vec<SourceFile> {
    let source = source();
    let mut files = vec![source.join(format!("{module}.rs"))];
    files.extend(files_below(source.join(module)));
    let is_test = |path: &PathBuf| {
        let inner = path.strip_prefix(&source).unwrap().with_extension("");
        inner.iter().any(|part| part == "tests")
    };
    files.retain(|path| !is_test(path));
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let inner = path.strip_prefix(&source).unwrap().with_extension("");
            let parts = inner.iter().map(|part| part.to_str().unwrap().to_owned());
            let module: Vec<_> = std::iter::once("crate".to_owned()).chain(parts).collect();
            let paths = paths_in(&text, &module);
            SourceFile {
                path,
                module,
                paths,
            }
        })
        .collect()
}

/// The paths that `text`, the code of `module`, names.
pub(crate) fn paths_in(text: &str, module: &[String]) -> BTreeSet<Vec<String>> {
    let tokens = without_tests(&tokens_of(text));
    let children: BTreeSet<&str> = tokens
        .windows(2)
        .filter(|pair| pair[0] == "mod")
        .map(|pair| pair[1].as_str())
        .collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_import = tokens[at] == "use" && tokens.get(at + 1).is_some_and(|next| next != "<");
        if is_import {
            at = use_tree(&tokens, at + 1, &[], &mut found);
        } else if is_name(&tokens[at]) {
            let (path, next) = path_at(&tokens, at);
            if path.len() > 1 {
                found.push(path);
            }
            at = next;
        } else {
            at += 1;
        }
    }
    let absolute = found
        .into_iter()
        .map(|path| absolute(path, module, &children));
    absolute.collect()
}

fn absolute(path: Vec<String>, module: &[String], children: &BTreeSet<&str>) -> Vec<String> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let is_own = |name: &str| name == "self" || children.contains(name);
    match path.first().map(String::as_str) {
        Some("super") => [&module[..module.len() - ups], &path[ups..]].concat(),
        Some("self") => [module, &path[1..]].concat(),
        Some(first) if is_own(first) => [module, &path[..]].concat(),
        _ => path,
    }
}

/// Reads a tree of `use` from `at` on; the position after it.
fn use_tree(
    tokens: &[String],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = use_tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|token| token == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => at += 2,
            ";" | "," | "}" => break,
            // `use a::{self}` names `a` itself.
            "self" if !path.is_empty() => at += 1,
            name => {
                path.push(name.to_owned());
                at += 1;
            }
        }
    }
    found.push(path);
    at
}

/// The path that begins at `at`, and the position after it.
fn path_at(tokens: &[String], mut at: usize) -> (Vec<String>, usize) {
    let mut path = vec![tokens[at].clone()];
    at += 1;
    while tokens.get(at).is_some_and(|token| token == "::")
        && tokens.get(at + 1).is_some_and(|token| is_name(token))
    {
        path.push(tokens[at + 1].clone());
        at += 2;
    }
    (path, at)
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Without the items behind `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].len() >= TEST.len() && tokens[at..].iter().zip(TEST).all(|(a, b)| a == b) {
            at = end_of_item(tokens, at + TEST.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The position after the item that begins at `at`: behind its `;`, or behind its last brace.
fn end_of_item(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            ";" if depth == 0 => return at,
            _ => {}
        }
    }
    at
}

/// Names, `::` and single characters; comments, texts and lifetimes left out.
fn tokens_of(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = text_length(rest) {
            length
        } else if is_word(first) {
            let length = rest.find(|next| !is_word(next)).unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the string, character or lifetime that `code` begins with, if it does.
fn text_length(code: &str) -> Option<usize> {
    let prefix = code.find(|next: char| !"bcr".contains(next))?;
    let is_raw = code[..prefix].contains('r');
    let opening = &code[prefix..];
    let hashes = opening.find(|next| next != '#')?;
    if is_raw && opening[hashes..].starts_with('"') {
        let closing = format!("\"{}", "#".repeat(hashes));
        let start = prefix + hashes + 1;
        return Some(start + code[start..].find(&closing)? + closing.len());
    }
    match opening.chars().next()? {
        '"' => Some(prefix + quoted_length(opening, '"')?),
        // A lifetime has no quote behind its first character.
        '\'' if prefix <= 1 => {
            let mut characters = opening.chars().skip(1);
            let is_character = characters.next()? == '\\' || characters.next()? == '\'';
            let length = if is_character {
                quoted_length(opening, '\'')?
            } else {
                1 + opening[1..].find(|next: char| !next.is_alphanumeric() && next != '_')?
            };
            Some(prefix + length)
        }
        _ => None,
    }
}

fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return Some(at + character.len_utf8());
        }
    }
    None
}
