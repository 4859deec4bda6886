//! For whom a token is: all audiences of its issuer, or the resources that were asked for (RFC 8707).

/// Who may accept a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audiences {
    /// Nobody was named: all that the issuer has.
    All,
    /// These, at least one; nothing twice.
    Only(Vec<Box<str>>),
}

/// A resource that is not an absolute URI without a fragment, or that the issuer makes no tokens for:
/// `invalid_target` (RFC 8707 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a resource is unknown, or is not an absolute URI without a fragment")]
pub struct AudienceError;

impl Audiences {
    /// Reads the parameters `resource`; each is one of `offered`, exactly.
    pub fn parse<'a>(
        resources: impl Iterator<Item = &'a str>,
        offered: &[&str],
    ) -> Result<Self, AudienceError> {
        let mut named: Vec<Box<str>> = Vec::new();
        for resource in resources {
            if !is_absolute_uri(resource) || !offered.contains(&resource) {
                return Err(AudienceError);
            }
            if !named.iter().any(|known| **known == *resource) {
                named.push(resource.into());
            }
        }
        Ok(if named.is_empty() {
            Self::All
        } else {
            Self::Only(named)
        })
    }

    pub fn only(audience: &str) -> Self {
        Self::Only(vec![audience.into()])
    }

    /// What a later request of the same grant gets: what it asks for, and no more than this.
    pub fn narrowed_to(&self, requested: &Self) -> Result<Self, AudienceError> {
        match (self, requested) {
            (Self::All, _) => Ok(requested.clone()),
            (Self::Only(_), Self::All) => Ok(self.clone()),
            (Self::Only(granted), Self::Only(wanted)) => {
                if wanted.iter().all(|one| granted.contains(one)) {
                    Ok(requested.clone())
                } else {
                    Err(AudienceError)
                }
            }
        }
    }

    /// Those of `offered` that are meant.
    pub fn among<'a>(&self, offered: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let meant = |audience: &&str| match self {
            Self::All => true,
            Self::Only(named) => named.iter().any(|one| **one == **audience),
        };
        offered.filter(meant).collect()
    }

    /// Those that were named; none where all are meant.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        let named: &[Box<str>] = match self {
            Self::All => &[],
            Self::Only(named) => named,
        };
        named.iter().map(|one| &**one)
    }

    /// As rows have it: separated by spaces, empty for all.
    pub fn to_text(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Only(named) => named.join(" "),
        }
    }

    /// Reads what [`Audiences::to_text`] wrote.
    pub fn from_text(text: &str) -> Self {
        let named: Vec<Box<str>> = text
            .split(' ')
            .filter(|one| !one.is_empty())
            .map(Box::from)
            .collect();
        if named.is_empty() {
            Self::All
        } else {
            Self::Only(named)
        }
    }
}

/// RFC 3986 section 4.3, as far as it matters: a scheme, something behind it, and no fragment.
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let begins = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let visible = |byte: u8| (0x21..=0x7e).contains(&byte) && byte != b'#';
    begins && scheme.bytes().all(plain) && !rest.is_empty() && rest.bytes().all(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: [&str; 4] = [
        "https://id.example",
        "https://a.example/",
        "urn:x:b",
        "plain",
    ];

    fn parse(resources: &str) -> Result<Audiences, AudienceError> {
        let resources = resources.split(' ').filter(|one| !one.is_empty());
        Audiences::parse(resources, &OFFERED)
    }

    #[test]
    fn resources_are_absolute_uris_that_are_offered() {
        let rows = [
            ("", Some("")),
            ("https://a.example/", Some("https://a.example/")),
            (
                "urn:x:b https://a.example/ urn:x:b",
                Some("urn:x:b https://a.example/"),
            ),
            ("https://a.example", None),
            ("https://A.example/", None),
            ("https://a.example/#x", None),
            ("https://a.example/ https://other.example", None),
            ("plain", None),
            ("/a", None),
            (":x", None),
            ("https:", None),
        ];
        for (resources, expected) in rows {
            let text = parse(resources).ok().map(|audiences| audiences.to_text());
            assert_eq!(text.as_deref(), expected, "{resources}");
        }
        for text in ["1x:a", "a b:c", "a:b c", "a:b#", "a:", "a:\n", "ä:b", "a:ä"] {
            assert!(!is_absolute_uri(text), "{text}");
        }
    }

    #[test]
    fn a_grant_is_narrowed_and_never_widened() {
        let all = OFFERED.join(" ");
        let rows = [
            ("", "", Some(&*all)),
            ("", "urn:x:b", Some("urn:x:b")),
            ("urn:x:b", "", Some("urn:x:b")),
            ("urn:x:b", "urn:x:b", Some("urn:x:b")),
            ("urn:x:b https://a.example/", "urn:x:b", Some("urn:x:b")),
            ("urn:x:b", "https://a.example/", None),
            ("urn:x:b", "urn:x:b https://a.example/", None),
        ];
        for (granted, wanted, expected) in rows {
            let kept = Audiences::from_text(&parse(granted).unwrap().to_text());
            let narrowed = kept.narrowed_to(&parse(wanted).unwrap()).ok();
            let among = narrowed.map(|audiences| audiences.among(OFFERED.into_iter()).join(" "));
            assert_eq!(among.as_deref(), expected, "{granted} {wanted}");
        }
    }
}
