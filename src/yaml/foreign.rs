//! Documents of others, YAML or JSON: read as a tree, without an opinion on what they mean.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{MAX_NODES, MAX_SOURCE_BYTES, failure, foreign_options};
use crate::problem::{Problem, Source, quoted};

/// A value of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Tree>),
    /// In the order of the document; no key appears twice.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// The value of a key; nothing where this is no map, too.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let mut entries = self.entries().iter();
        entries
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The value below these keys, one in the other.
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// The entries of a map; none where this is no map.
    pub fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none where this is no list.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether this is `true`.
    pub fn is_true(&self) -> bool {
        *self == Self::Bool(true)
    }
}

/// Reads the documents of a file, YAML or JSON. Aliases are followed; keys that appear twice are an
/// error, because readers disagree about them.
#[expect(clippy::result_large_err, reason = "made once, while a file is loaded")]
pub fn parse_foreign(source: &Source) -> Result<Vec<Tree>, Problem> {
    let text = source.text.trim_start_matches('\u{feff}');
    if text.len() > MAX_SOURCE_BYTES {
        let message = format!("{} is larger than {MAX_SOURCE_BYTES} bytes", source.name);
        return Err(Problem::new(message).help("take a part of it"));
    }
    let room = Cell::new(MAX_NODES);
    if is_json(text) {
        let mut json = serde_json::Deserializer::from_str(text);
        let tree = Node { room: &room }.deserialize(&mut json);
        let tree = tree.and_then(|tree| json.end().map(|()| tree));
        return match tree {
            Ok(tree) => Ok(vec![tree]),
            Err(error) => Err(not_json(source, &error)),
        };
    }
    let mut trees = Vec::new();
    let mut lines = 0;
    for document in documents(text) {
        let before = lines;
        lines += document.matches('\n').count();
        if super::is_empty(document) {
            continue;
        }
        let left = room.get();
        match read_yaml(document, &room) {
            Ok(tree) => trees.push(tree),
            Err(error) => {
                // Once more with blank lines in place of what stands before it, so that positions are
                // those of the file. Doing so with every document would take quadratic time.
                room.set(left);
                let placed = ["\n".repeat(before).as_str(), document].concat();
                let error = read_yaml(&placed, &room).err().unwrap_or(error);
                return Err(failure::failure(source, &error).problem);
            }
        }
    }
    if trees.is_empty() {
        return Err(failure::empty());
    }
    Ok(trees)
}

fn read_yaml(document: &str, room: &Cell<usize>) -> Result<Tree, serde_saphyr::Error> {
    serde_saphyr::with_deserializer_from_str_with_options(document, foreign_options(), |yaml| {
        Node { room }.deserialize(yaml)
    })
}

/// Whether a text is meant as JSON. YAML may have braces as well, but seldom quotation marks behind them.
fn is_json(text: &str) -> bool {
    let behind = text.trim_start().strip_prefix('{').map(str::trim_start);
    behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['"', '}']))
}

fn not_json(source: &Source, error: &serde_json::Error) -> Problem {
    let message = format!(
        "{}:{}:{}: this is not valid JSON: {error}",
        source.name,
        error.line(),
        error.column()
    );
    Problem::new(message).help("repair it, or export it again")
}

/// The documents of a stream. `---` at the start of a line stands in no scalar.
fn documents(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut start = 0;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        if content == "---" || content.starts_with("--- ") || content == "..." {
            documents.extend(text.get(start..offset));
            // What follows on the line belongs to the document, and so does the line break.
            start = offset + content.len().min(3);
        }
        offset += line.len();
    }
    documents.extend(text.get(start..));
    documents
}

/// Reads one value, as long as there is room for more.
#[derive(Clone, Copy)]
struct Node<'r> {
    room: &'r Cell<usize>,
}

impl Node<'_> {
    fn take<E: Error>(self) -> Result<(), E> {
        let left = self.room.get().checked_sub(1);
        let left = left.ok_or_else(|| E::custom(format!("more than {MAX_NODES} values")))?;
        self.room.set(left);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Tree, E> {
        self.take().map(|()| Tree::Bool(value))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "large numbers mean nothing here"
    )]
    fn visit_i64<E: Error>(self, value: i64) -> Result<Tree, E> {
        self.visit_f64(value as f64)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "large numbers mean nothing here"
    )]
    fn visit_u64<E: Error>(self, value: u64) -> Result<Tree, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Tree, E> {
        self.take().map(|()| Tree::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Tree, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Tree, E> {
        self.take().map(|()| Tree::Text(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Tree, E> {
        self.take().map(|()| Tree::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Tree, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        self.take()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        self.take()?;
        let mut entries: Vec<(String, Tree)> = Vec::new();
        let mut known = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            if !known.insert(key.clone()) {
                return Err(A::Error::custom(format!(
                    "the key {} appears twice",
                    quoted(&key)
                )));
            }
            entries.push((key, value));
        }
        Ok(Tree::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Tree>, String> {
        let source = Source {
            name: "file".to_owned(),
            text: text.to_owned(),
        };
        parse_foreign(&source).map_err(|problem| problem.to_string())
    }

    #[test]
    fn yaml_and_json_are_the_same_tree() {
        let json = read(r#"{"a": [1, true, null, "x"], "200": {"b": -1.5}}"#).unwrap();
        let yaml = read("a: [1, true, null, x]\n200: {b: -1.5}\n").unwrap();
        assert_eq!(json, yaml);
        assert_eq!(json[0].at(&["200", "b"]).unwrap().number(), Some(-1.5));
    }

    #[test]
    fn a_stream_has_several_documents() {
        let trees =
            read("# first\n---\na: 1\n---\n# nothing\n--- \nb: |\n  ---\n  x\n...\n").unwrap();
        assert_eq!(trees.len(), 2);
        assert_eq!(trees[1].get("b").unwrap().text(), Some("---\nx\n"));
    }

    /// With the lines of all documents before it, each would take as long as those.
    #[test]
    fn a_stream_of_many_documents_is_read_in_linear_time() {
        const COUNT: usize = 100_000;
        let padding = "\n".repeat(50);
        let stream = format!("a: 1\n{padding}---\n").repeat(COUNT);
        assert_eq!(read(&stream).unwrap().len(), COUNT);
    }

    #[test]
    fn a_mistake_in_a_later_document_is_told_at_its_line() {
        let error = read("a: 1\n---\nb: 2\n--- # third\nc: 1\nc: 2\n").unwrap_err();
        assert!(
            error.starts_with("file:6:1: the key `c` appears twice"),
            "{error}"
        );
    }

    #[test]
    fn what_readers_disagree_about_and_what_is_too_much_is_refused() {
        for (text, words) in [
            ("a: 1\na: 2\n", "twice"),
            (r#"{"a": 1, "a": 2}"#, "the key `a` appears twice"),
            ("", "the file is empty"),
            ("{\"a\": ", "file:1:6: this is not valid JSON"),
            ("a: [", ""),
            (
                &format!("{{\"a\": {}", "[".repeat(100_000)),
                "not valid JSON",
            ),
            (&format!("a: {}", "[".repeat(100_000)), ""),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                    d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
                    g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
        assert!(read(bomb).is_err());
    }
}
