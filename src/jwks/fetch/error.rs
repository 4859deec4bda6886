//! Why a fetch brought no keys, and how it is told.

use std::time::Duration;

use crate::jwks::connect::ConnectError;
use crate::jwks::discovery::MetadataError;
use crate::jwks::state::FetchOutcome;
use crate::token::KeySetError;

/// The longest failure text, in characters.
const MAX_MESSAGE_CHARS: usize = 300;
/// Why a fetch brought no keys.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(in crate::jwks) enum FetchError {
    #[error("the key set cannot be fetched: {0}")]
    Unreachable(ConnectError),
    #[error("the key set did not arrive within {0:?}")]
    TimedOut(Duration),
    #[error(
        "the server redirects to `{host}` (status {status}); redirects are not followed: configure the final URL"
    )]
    Redirected { status: u16, host: String },
    #[error("the server answered with status {0} instead of 200")]
    BadStatus(u16),
    #[error("the key set is larger than {max_bytes} bytes")]
    TooLarge { max_bytes: usize },
    #[error("the key set cannot be used: {0}")]
    Unusable(KeySetError),
    #[error("the metadata of the issuer cannot be used: {0}")]
    Metadata(MetadataError),
    #[error(
        "the answer has the content-encoding `{0}`, and only gzip is supported: configure the \
         server to send the key set uncompressed"
    )]
    Encoding(String),
    #[error("the answer is not valid gzip, although its content-encoding says `gzip`")]
    BrokenGzip,
    #[error("`jwks_token_file`: {0}")]
    Token(String),
    #[error("the key set cannot be used: reading it panicked")]
    ReaderPanicked,
    /// It was stopped while the answer arrived.
    #[error("the key set is no longer wanted")]
    NoLongerWanted,
}

impl FetchError {
    pub(in crate::jwks) fn outcome(&self) -> FetchOutcome {
        match self {
            Self::Unreachable(_) => FetchOutcome::Unreachable,
            Self::TimedOut(_) => FetchOutcome::TimedOut,
            Self::Redirected { .. } => FetchOutcome::Redirected,
            Self::BadStatus(_) => FetchOutcome::BadStatus,
            Self::TooLarge { .. } => FetchOutcome::TooLarge,
            Self::Unusable(_)
            | Self::Metadata(_)
            | Self::Encoding(_)
            | Self::BrokenGzip
            | Self::Token(_)
            | Self::ReaderPanicked
            | Self::NoLongerWanted => FetchOutcome::Unusable,
        }
    }

    /// The text for logs and `/status`: parts of it come from the other side, hence only
    /// printable ASCII and a bounded length.
    pub(in crate::jwks) fn message(&self) -> String {
        bounded(&self.to_string())
    }
}

/// The printable ASCII of a text, of bounded length.
pub(in crate::jwks) fn bounded(text: &str) -> String {
    let printable = |c: char| {
        if c.is_ascii_graphic() || c == ' ' {
            c
        } else {
            '?'
        }
    };
    text.chars()
        .map(printable)
        .take(MAX_MESSAGE_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_printable_and_short() {
        let text = format!("\u{1b}[31m\r\nkey \u{202e}{}", "x".repeat(1000));
        let error = FetchError::Unreachable(ConnectError::Http(text));
        let message = error.message();
        assert!(
            message.starts_with("the key set cannot be fetched: ?[31m??key ?xxx"),
            "{message}"
        );
        assert_eq!(message.len(), MAX_MESSAGE_CHARS);
    }
}
