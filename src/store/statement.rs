//! Statements whose text is put together at run time.

use sqlx::AssertSqlSafe;

/// The most rows that one statement reads or writes; a multiple of eight, see [`chunks`].
pub(super) const MAX_ROWS: usize = 64;

/// Vouches that `text` consists of this module's own words and placeholders. Every value is bound,
/// so that nothing a caller sends becomes a part of a statement.
pub(super) fn assembled(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}

/// `$2, $3, $4`: `count` placeholders from `$first` on.
pub(super) fn placeholders(first: usize, count: usize) -> String {
    let numbers = (first..first + count).map(|number| format!("${number}"));
    numbers.collect::<Vec<_>>().join(", ")
}

/// `($1, $2), ($3, $4)`: so many rows of so many placeholders.
pub(super) fn placeholder_rows(rows: usize, columns: usize) -> String {
    let row = |row: usize| format!("({})", placeholders(row * columns + 1, columns));
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// Cuts rows into pieces of few different lengths, so that few texts of statements stay prepared, and
/// into few pieces, because each is a trip to the database: up to eight, and multiples of eight.
pub(super) fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = match rows.len().min(MAX_ROWS) {
            0 => return None,
            few @ 1..8 => few,
            many => many & !7,
        };
        let (chunk, rest) = rows.split_at_checked(length)?;
        rows = rest;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_few_lengths_and_lose_nothing() {
        for count in [0, 1, 3, 37, 64, 65, 200] {
            let rows: Vec<usize> = (0..count).collect();
            let lengths: Vec<usize> = chunks(&rows).map(<[usize]>::len).collect();
            assert!(lengths.iter().all(|length| *length < 8 || length % 8 == 0));
            assert!(lengths.len() <= count / MAX_ROWS + 2, "{lengths:?}");
            assert!(lengths.iter().all(|length| *length <= MAX_ROWS));
            assert_eq!(chunks(&rows).flatten().count(), count, "{lengths:?}");
        }
    }

    #[test]
    fn placeholders_are_numbered_through() {
        assert_eq!(placeholder_rows(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(placeholder_rows(1, 1), "($1)");
        assert_eq!(placeholders(2, 3), "$2, $3, $4");
        assert_eq!(placeholders(7, 0), "");
    }
}
