//! What has to become of a request, as a test writes it.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

/// `allow`, `deny` or a status.
#[derive(Debug)]
pub(super) enum WrittenOutcome {
    Word(String),
    Status(u64),
}

impl<'de> Deserialize<'de> for WrittenOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OutcomeVisitor;

        impl Visitor<'_> for OutcomeVisitor {
            type Value = WrittenOutcome;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("`allow`, `deny`, `would_deny` or a status such as 403")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<WrittenOutcome, E> {
                Ok(WrittenOutcome::Word(word.to_owned()))
            }

            fn visit_u64<E: serde::de::Error>(self, status: u64) -> Result<WrittenOutcome, E> {
                Ok(WrittenOutcome::Status(status))
            }

            fn visit_i64<E: serde::de::Error>(self, status: i64) -> Result<WrittenOutcome, E> {
                Ok(WrittenOutcome::Status(u64::try_from(status).unwrap_or(0)))
            }
        }

        deserializer.deserialize_any(OutcomeVisitor)
    }
}
