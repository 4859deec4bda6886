//! How a source compares a text: a path, a host, a method, a header or a claim.

use std::borrow::Cow;
use std::rc::Rc;

/// Why something cannot be said in a policy.
pub(super) type Reason = Rc<str>;

/// What a text is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextMatch {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    /// Any text that is not empty.
    Present,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextTest {
    pub(super) how: TextMatch,
    /// ASCII letters are compared without case.
    pub(super) ignore_case: bool,
}

impl TextTest {
    pub(super) fn new(how: TextMatch) -> Self {
        Self {
            how,
            ignore_case: false,
        }
    }

    /// The same test without case.
    pub(super) fn ignoring_case(mut self) -> Self {
        self.ignore_case = true;
        self
    }

    /// Istio's notation: `*` alone, at the beginning or at the end.
    pub(super) fn with_stars(text: &str) -> Self {
        Self::new(match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(""), _) => TextMatch::Present,
            // Envoy gets the suffix of a text that begins with a star, whatever else is in it.
            (Some(suffix), _) => TextMatch::Suffix(suffix.to_owned()),
            (None, Some(prefix)) => TextMatch::Prefix(prefix.to_owned()),
            (None, None) => TextMatch::Exact(text.to_owned()),
        })
    }

    /// The text that it compares with; empty for any text.
    pub(super) fn operand(&self) -> &str {
        match &self.how {
            TextMatch::Exact(text)
            | TextMatch::Prefix(text)
            | TextMatch::Suffix(text)
            | TextMatch::Contains(text) => text,
            TextMatch::Present => "",
        }
    }

    /// A text as it is compared.
    pub(super) fn folded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.ignore_case {
            text.to_ascii_lowercase().into()
        } else {
            text.into()
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let (text, operand) = (self.folded(text), self.folded(self.operand()));
        match self.how {
            TextMatch::Exact(_) => text == operand,
            TextMatch::Prefix(_) => text.starts_with(&*operand),
            TextMatch::Suffix(_) => text.ends_with(&*operand),
            TextMatch::Contains(_) => text.contains(&*operand),
            TextMatch::Present => !text.is_empty(),
        }
    }

    /// The same test of what a condition calls `subject`.
    pub(super) fn condition(&self, subject: &str) -> Rc<str> {
        let (subject, operand) = if self.ignore_case {
            let operand = self.operand().to_ascii_lowercase();
            (format!("{subject}.lowerAscii()"), literal(&operand))
        } else {
            (subject.to_owned(), literal(self.operand()))
        };
        let text = match self.how {
            TextMatch::Exact(_) => format!("{subject} == {operand}"),
            TextMatch::Prefix(_) => format!("{subject}.startsWith({operand})"),
            TextMatch::Suffix(_) => format!("{subject}.endsWith({operand})"),
            TextMatch::Contains(_) => format!("{subject}.contains({operand})"),
            // Lists and objects have a size as well; this is an error for them.
            TextMatch::Present => format!("{subject}.startsWith(\"\") && size({subject}) > 0"),
        };
        text.into()
    }
}

/// A text as conditions write it.
pub(super) fn literal(text: &str) -> String {
    crate::yaml::double_quoted(text)
}

/// Whether a condition can hold this text: no control characters, and of bounded length.
pub(super) fn is_quotable(text: &str) -> bool {
    text.len() <= 512 && !text.chars().any(char::is_control)
}
