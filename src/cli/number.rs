//! Numbers and addresses among the arguments: what is wrong with one, and how to write it.

use std::net::SocketAddr;
use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

/// A number of seconds.
pub(super) fn seconds<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|error: ParseIntError| match error.kind() {
            IntErrorKind::PosOverflow => format!("`{text}` is too large: write a smaller number"),
            IntErrorKind::NegOverflow => format!("`{text}` is too small: write a larger number"),
            _ => format!(
                "`{text}` is not a whole number: write seconds in digits alone, such as `60`"
            ),
        })
}

/// The address of a listener.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{text}` is not a valid address: write an IP address and a port, such as \
             `127.0.0.1:9194` or `[::1]:9194`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_of_seconds_is_said_with_the_fix() {
        let digits = "is not a whole number: write seconds in digits alone, such as `60`";
        for text in ["x", "", "1.5", "60s", " 60", "-", "1_000"] {
            let expected = format!("`{text}` {digits}");
            assert_eq!(seconds::<i64>(text), Err(expected));
        }
        let error = seconds::<u32>("4294967296").unwrap_err();
        assert_eq!(error, "`4294967296` is too large: write a smaller number");
        let error = seconds::<i64>("-9223372036854775809").unwrap_err();
        assert!(
            error.ends_with("is too small: write a larger number"),
            "{error}"
        );
        // A sign is no digit where there is nothing below zero.
        assert!(seconds::<u32>("-1").is_err());
        assert_eq!(seconds::<i64>("-1"), Ok(-1));
        assert_eq!(seconds::<u32>("0"), Ok(0));
    }

    #[test]
    fn what_is_not_an_address_is_said_with_the_fix() {
        for text in [
            "x",
            "",
            "127.0.0.1",
            "localhost:9194",
            "127.0.0.1:99999",
            "::1:9194x",
        ] {
            let error = address(text).unwrap_err();
            let expected =
                format!("`{text}` is not a valid address: write an IP address and a port");
            assert!(error.starts_with(&expected), "{error}");
        }
        assert_eq!(address("[::1]:9194").unwrap().port(), 9194);
    }
}
