//! The identity headers, and what an upstream could take for one.

/// The names of the identity headers.
#[derive(Debug, Clone)]
pub struct IdentityNames(Vec<String>);

/// The defaults of `identity_headers`.
impl Default for IdentityNames {
    fn default() -> Self {
        let names = [
            "x-auth-subject",
            "x-auth-client",
            "x-auth-scopes",
            "x-auth-issuer",
        ];
        Self::new(names.map(str::to_owned))
    }
}

impl IdentityNames {
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| folded(&name)).collect())
    }

    /// Whether some upstream could take a header of this name for one of them.
    pub(super) fn include(&self, name: &str) -> bool {
        self.0.contains(&folded(name))
    }

    /// In lower case, with `-` between words.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// In lower case, with `-` for everything that some servers take for it.
fn folded(name: &str) -> String {
    let fold = |character: char| match character {
        character if character.is_ascii_alphanumeric() => character.to_ascii_lowercase(),
        _ => '-',
    };
    name.chars().map(fold).collect()
}
