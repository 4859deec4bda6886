//! CBOR (RFC 8949) as authenticators write it: the canonical form of CTAP2 and nothing else.
//!
//! No tags, floats or indefinite lengths, integers as short as they can be, and no key twice. What it
//! borrows is bounded by the input, and it goes a few levels deep.

/// How deep maps and arrays may be nested (FIDO CTAP 2.1 section 8: at most four).
const MAX_DEPTH: u8 = 4;

/// How many items an array has at most, and entries a map, whose keys are compared with one another.
const MAX_ENTRIES: u64 = 64;

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Item<'a>>),
    Map(Vec<(Item<'a>, Item<'a>)>),
    /// `false`, `true` or null.
    Simple(u8),
}

/// Bytes that are not such an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// The first item of `bytes`, and what follows it.
pub(super) fn first(bytes: &[u8]) -> Result<(Item<'_>, &[u8]), Malformed> {
    let mut reader = Reader { rest: bytes };
    let item = reader.item(MAX_DEPTH)?;
    Ok((item, reader.rest))
}

/// The only item of `bytes`.
pub(super) fn only(bytes: &[u8]) -> Result<Item<'_>, Malformed> {
    match first(bytes)? {
        (item, []) => Ok(item),
        _ => Err(Malformed),
    }
}

impl<'a> Item<'a> {
    /// The value of a key of a map.
    pub(super) fn get(&self, key: &Item<'_>) -> Option<&Item<'a>> {
        let Self::Map(entries) = self else {
            return None;
        };
        let found = entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    pub(super) fn at(&self, key: i64) -> Option<&Item<'a>> {
        self.get(&Item::Integer(key))
    }

    pub(super) fn named(&self, key: &str) -> Option<&Item<'a>> {
        self.get(&Item::Text(key))
    }

    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// How many entries a map has.
    pub(super) fn entries(&self) -> Option<usize> {
        match self {
            Self::Map(entries) => Some(entries.len()),
            _ => None,
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn item(&mut self, depth: u8) -> Result<Item<'a>, Malformed> {
        let (major, value) = self.head()?;
        let signed = || i64::try_from(value).map_err(|_| Malformed);
        match major {
            0 => Ok(Item::Integer(signed()?)),
            1 => Ok(Item::Integer(-1 - signed()?)),
            2 => Ok(Item::Bytes(self.take(value)?)),
            3 => {
                let text = std::str::from_utf8(self.take(value)?);
                Ok(Item::Text(text.map_err(|_| Malformed)?))
            }
            4 | 5 if value > MAX_ENTRIES => Err(Malformed),
            4 => {
                let depth = depth.checked_sub(1).ok_or(Malformed)?;
                // Grows with what is read, not with what is claimed.
                let mut items = Vec::new();
                for _ in 0..value {
                    items.push(self.item(depth)?);
                }
                Ok(Item::Array(items))
            }
            5 => {
                let depth = depth.checked_sub(1).ok_or(Malformed)?;
                let mut entries: Vec<(Item<'a>, Item<'a>)> = Vec::new();
                for _ in 0..value {
                    let key = self.item(depth)?;
                    if entries.iter().any(|(other, _)| *other == key) {
                        return Err(Malformed);
                    }
                    entries.push((key, self.item(depth)?));
                }
                Ok(Item::Map(entries))
            }
            7 => match u8::try_from(value) {
                Ok(simple @ 20..=22) => Ok(Item::Simple(simple)),
                _ => Err(Malformed),
            },
            _ => Err(Malformed),
        }
    }

    /// The major type and the number with it.
    fn head(&mut self) -> Result<(u8, u64), Malformed> {
        let first = self.byte()?;
        let (major, short) = (first >> 5, first & 0x1f);
        let (length, least) = match short {
            0..=23 => return Ok((major, short.into())),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return Err(Malformed),
        };
        let bytes = self.take(length)?;
        let value = bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        if value < least {
            return Err(Malformed);
        }
        Ok((major, value))
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_items_are_read() {
        let rows: [(&[u8], Item<'_>); 8] = [
            (&[0x17], Item::Integer(23)),
            (&[0x18, 0x18], Item::Integer(24)),
            (&[0x39, 0x01, 0x00], Item::Integer(-257)),
            (&[0x42, 1, 2], Item::Bytes(&[1, 2])),
            (&[0x62, b'h', b'i'], Item::Text("hi")),
            (&[0x81, 0xf5], Item::Array(vec![Item::Simple(21)])),
            (
                &[0xa1, 0x01, 0x26],
                Item::Map(vec![(Item::Integer(1), Item::Integer(-7))]),
            ),
            (&[0xa0], Item::Map(Vec::new())),
        ];
        for (bytes, expected) in rows {
            assert_eq!(only(bytes), Ok(expected), "{bytes:x?}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let rows: [(&str, &[u8]); 14] = [
            ("nothing", &[]),
            ("a second item", &[0x01, 0x01]),
            ("a number longer than it must be", &[0x18, 0x17]),
            ("another one", &[0x19, 0x00, 0xff]),
            ("a length that is not there", &[0x43, 1, 2]),
            (
                "a length beyond all memory",
                &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
            ),
            (
                "a list beyond all memory",
                &[0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
            ),
            ("an indefinite length", &[0x5f, 0x41, 1, 0xff]),
            ("a tag", &[0xc0, 0x01]),
            ("a float", &[0xf9, 0x3c, 0x00]),
            ("undefined", &[0xf7]),
            ("text that is not UTF-8", &[0x61, 0xff]),
            ("a key twice", &[0xa2, 0x01, 0x01, 0x01, 0x02]),
            ("five levels", &[0x81, 0x81, 0x81, 0x81, 0x81, 0x01]),
        ];
        for (name, bytes) in rows {
            assert_eq!(only(bytes), Err(Malformed), "{name}");
        }
    }

    #[test]
    fn maps_and_arrays_have_64_entries_at_most() {
        for (count, expected) in [(64, true), (65, false)] {
            let keys: Vec<u8> = (0..count).flat_map(|key| [0x19, 1, key]).collect();
            let array = [&[0x98, count], &keys[..]].concat();
            assert_eq!(only(&array).is_ok(), expected, "an array of {count}");
            let entries: Vec<u8> = (0..count).flat_map(|key| [0x19, 1, key, 0]).collect();
            let map = [&[0xb8, count], &entries[..]].concat();
            assert_eq!(only(&map).is_ok(), expected, "a map of {count}");
        }
    }
}
