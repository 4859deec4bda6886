//! `issuer.portal.text`: what an operator says of the place, in one language or in each.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::problem::Faults;
use crate::yaml::present;

/// In characters.
const MAX_TEXT: usize = 2000;

/// Plain text for the start page. Empty where the operator says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortalText {
    english: String,
    german: String,
}

impl PortalText {
    /// The paragraphs for a reader of the language with this tag.
    pub fn paragraphs(&self, tag: &str) -> Vec<&str> {
        let text = if tag == "de" {
            &self.german
        } else {
            &self.english
        };
        let paragraphs = text.split("\n\n").map(str::trim);
        paragraphs.filter(|text| !text.is_empty()).collect()
    }
}

/// The text as it is written: one for everybody, or one for each language.
#[derive(Debug, Default)]
pub(super) struct TextDocument {
    en: Option<String>,
    de: Option<String>,
}

/// The languages of the pages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Languages {
    #[serde(default, deserialize_with = "present")]
    en: Option<String>,
    #[serde(default, deserialize_with = "present")]
    de: Option<String>,
}

impl<'de> Deserialize<'de> for TextDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = TextDocument;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text, or `en` and `de` with a text each")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextDocument, E> {
                Ok(TextDocument {
                    en: Some(text.to_owned()),
                    de: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextDocument, A::Error> {
                let Languages { en, de } = Languages::deserialize(MapAccessDeserializer::new(map))?;
                Ok(TextDocument { en, de })
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

impl TextDocument {
    /// Checks it. What is written in one language is for readers of the other as well.
    pub(super) fn build(self, faults: &mut Faults) -> PortalText {
        for text in [&self.en, &self.de].into_iter().flatten() {
            let length = text.chars().count();
            let has_control = text.chars().any(|one| one.is_control() && one != '\n');
            if text.trim().is_empty() || length > MAX_TEXT || has_control {
                faults.add("issuer.portal.text", format!(
                    "`issuer.portal.text` has {length} characters: write plain text of 1 to {MAX_TEXT}, with empty lines \
                     between paragraphs and without other control characters"
                ));
            }
        }
        let text = |first: &Option<String>, other: &Option<String>| {
            first.clone().or_else(|| other.clone()).unwrap_or_default()
        };
        PortalText {
            english: text(&self.en, &self.de),
            german: text(&self.de, &self.en),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Source;

    fn built(yaml: &str) -> Option<PortalText> {
        let source = Source {
            name: "portcullis.yaml".to_owned(),
            text: yaml.to_owned(),
        };
        let document: TextDocument = crate::yaml::parse(&source).ok()?;
        let mut faults = Faults::default();
        let text = document.build(&mut faults);
        faults.is_empty().then_some(text)
    }

    #[test]
    fn a_text_is_for_everybody_or_for_each_language() {
        for (yaml, english, german) in [
            ("\"Orders.\"", &["Orders."][..], &["Orders."][..]),
            (
                "{en: Orders., de: Bestellungen.}",
                &["Orders."],
                &["Bestellungen."],
            ),
            (
                "{de: Bestellungen.}",
                &["Bestellungen."],
                &["Bestellungen."],
            ),
            ("\"a\\nb\\n\\n\\nc\\n\"", &["a\nb", "c"], &["a\nb", "c"]),
        ] {
            let text = built(yaml).unwrap_or_else(|| panic!("{yaml}"));
            assert_eq!(text.paragraphs("en"), english, "{yaml}");
            assert_eq!(text.paragraphs("de"), german, "{yaml}");
        }
        assert_eq!(PortalText::default().paragraphs("en"), [""; 0]);
    }

    #[test]
    fn a_text_is_plain_and_bounded() {
        let long = "a".repeat(MAX_TEXT + 1);
        for yaml in [
            "\"\"",
            "\" \"",
            "\"a\\u0007\"",
            "{en: a, fr: b}",
            "3",
            &long,
        ] {
            assert_eq!(built(yaml), None, "{yaml}");
        }
        assert!(built(&"a".repeat(MAX_TEXT)).is_some());
    }
}
